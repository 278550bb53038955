//! msgpack, value by value, each as short as it can be.

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend([0xcc, value as u8]),
        0x100..=0xffff => sized(out, 0xcd, &(value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => sized(out, 0xce, &(value as u32).to_be_bytes()),
        _ => sized(out, 0xcf, &value.to_be_bytes()),
    }
}

pub(super) fn signed(out: &mut Vec<u8>, value: i64) {
    match value {
        0.. => unsigned(out, value.unsigned_abs()),
        -0x20..0 => out.push((value as i8).cast_unsigned()),
        -0x80..-0x20 => out.extend([0xd0, (value as i8).cast_unsigned()]),
        -0x8000..-0x80 => sized(out, 0xd1, &(value as i16).to_be_bytes()),
        -0x8000_0000..-0x8000 => sized(out, 0xd2, &(value as i32).to_be_bytes()),
        _ => sized(out, 0xd3, &value.to_be_bytes()),
    }
}

pub(super) fn float(out: &mut Vec<u8>, value: f64) {
    sized(out, 0xcb, &value.to_be_bytes());
}

pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=0x1f => out.push(0xa0 | length as u8),
        length => self::length(out, [0xd9, 0xda, 0xdb], length),
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, [0xc4, 0xc5, 0xc6], bytes.len());
    out.extend_from_slice(bytes);
}

pub(super) fn map(out: &mut Vec<u8>, pairs: u8) {
    out.push(0x80 | pairs);
}

/// A list or map whose length is known only behind its last value.
pub(super) struct Open {
    at: usize,
    /// The code of a short one, and of one whose length has 2 bytes.
    codes: [u8; 2],
}

pub(super) fn open_array(out: &mut Vec<u8>) -> Open {
    open(out, [0x90, 0xdc])
}

pub(super) fn open_map(out: &mut Vec<u8>) -> Open {
    open(out, [0x80, 0xde])
}

fn open(out: &mut Vec<u8>, codes: [u8; 2]) -> Open {
    out.push(codes[0]);
    Open { at: out.len() - 1, codes }
}

impl Open {
    /// Writes the length. A long one moves what follows by some bytes, once.
    pub(super) fn close(self, out: &mut Vec<u8>, length: usize) {
        let [short, long] = self.codes;
        let mut head = [long, 0, 0, 0, 0];
        let head = match length {
            0..=0x0f => {
                head[0] = short | length as u8;
                &head[..1]
            }
            0x10..=0xffff => {
                head[1..3].copy_from_slice(&(length as u16).to_be_bytes());
                &head[..3]
            }
            _ => {
                head[0] = long + 1;
                head[1..].copy_from_slice(&(length as u32).to_be_bytes());
                &head[..]
            }
        };
        out.splice(self.at..=self.at, head.iter().copied());
    }
}

/// A length of 1, 2 or 4 bytes behind the code for it. No message has 4 GiB.
fn length(out: &mut Vec<u8>, [one, two, four]: [u8; 3], length: usize) {
    match length {
        0..=0xff => out.extend([one, length as u8]),
        0x100..=0xffff => sized(out, two, &(length as u16).to_be_bytes()),
        _ => sized(out, four, &(length as u32).to_be_bytes()),
    }
}

fn sized(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend_from_slice(bytes);
}
