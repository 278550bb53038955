//! Just enough of RFC 6455: whole, final, masked frames in, headers of final, unmasked frames out.
//!
//! Absent on purpose: fragments, extensions, the check of UTF-8 over fragments, close handshakes.

/// A text message.
pub(crate) const TEXT: u8 = 0x1;
/// The peer closes.
pub(crate) const CLOSE: u8 = 0x8;
/// The peer asks for a pong.
pub(crate) const PING: u8 = 0x9;
/// The answer to a ping.
pub(crate) const PONG: u8 = 0xA;

/// One frame of a client, unmasked in place.
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a mut [u8],
    /// Bytes of the input that the frame took.
    pub(crate) used: usize,
}

/// The frame is not masked, or is of 64 KiB or more.
#[derive(Debug)]
pub(crate) struct Broken;

/// The first frame of `input`, or `None` while it is incomplete.
pub(crate) fn read_frame(input: &mut [u8]) -> Result<Option<Frame<'_>>, Broken> {
    let Some(&[first, second]) = input.first_chunk() else { return Ok(None) };
    if second & 0x80 == 0 {
        return Err(Broken);
    }
    let (length, head) = match (second & 0x7F, input.get(2..4)) {
        (126, Some(&[high, low])) => (usize::from(u16::from_be_bytes([high, low])), 4),
        (126, _) => return Ok(None),
        (127, _) => return Err(Broken),
        (short, _) => (usize::from(short), 2),
    };
    let Some((mask, rest)) = input.get_mut(head..).and_then(|rest| rest.split_first_chunk_mut::<4>()) else {
        return Ok(None);
    };
    let Some(payload) = rest.get_mut(..length) else { return Ok(None) };
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Ok(Some(Frame { opcode: first & 0xF, payload, used: head + 4 + length }))
}

/// Appends a frame whose payload is the concatenation of `parts`.
pub(crate) fn write_frame(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(short),
        (_, Ok(medium)) => {
            out.push(126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        write_frame(&mut frame, opcode, &[payload]);
        let head = frame.len() - payload.len();
        frame[1] |= 0x80;
        frame.splice(head..head, [1, 2, 3, 4]);
        for (index, byte) in frame[head + 4..].iter_mut().enumerate() {
            *byte ^= [1, 2, 3, 4][index % 4];
        }
        frame
    }

    #[test]
    fn frames_are_read_back_whole() {
        for length in [0, 1, 125, 126, 65_535] {
            let payload = vec![b'x'; length];
            let mut frame = masked(TEXT, &payload);
            let size = frame.len();
            frame.push(0xFF);
            let read = read_frame(&mut frame).expect("a good frame").expect("a whole frame");
            assert_eq!((read.opcode, &*read.payload, read.used), (TEXT, &*payload, size));
        }
    }

    #[test]
    fn an_incomplete_frame_waits() {
        let frame = masked(TEXT, &[b'x'; 200]);
        for end in 0..frame.len() {
            assert!(matches!(read_frame(&mut frame[..end].to_vec()), Ok(None)), "{end} bytes");
        }
    }

    #[test]
    fn a_frame_without_a_mask_is_refused() {
        assert!(read_frame(&mut [0x81, 0x01, b'x']).is_err());
    }
}
