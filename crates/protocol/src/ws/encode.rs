//! Messages to frames. Everything is appended to the caller's buffer; nothing is ever fragmented.

use super::header::{CONTROL_MAX, Opcode};
use super::mask::mask;

/// The longest header of a server's frame, which has no mask.
pub const SERVER_HEADER_MAX: usize = 10;

/// Appends a server's frame.
#[inline]
pub fn frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.reserve(payload.len() + 10);
    header(out, opcode, payload.len(), false);
    out.extend_from_slice(payload);
}

/// Appends the header of a server's frame, whose payload of `payload_len` bytes the caller appends.
/// `compressed` sets the bit of permessage-deflate.
#[inline]
pub fn header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize, compressed: bool) {
    start(out, opcode, payload_len, compressed, 0);
}

/// Frames a text where it stands: behind [`SERVER_HEADER_MAX`] bytes of room. Where the frame begins.
///
/// ```
/// use veche_protocol::ws::{SERVER_HEADER_MAX, frame_in_place, Opcode};
///
/// let mut bytes = [&[0; SERVER_HEADER_MAX][..], b"hi"].concat();
/// let start = frame_in_place(&mut bytes, Opcode::Text);
/// assert_eq!(bytes[start..], [0x81, 2, b'h', b'i']);
/// ```
pub fn frame_in_place(bytes: &mut [u8], opcode: Opcode) -> usize {
    let Some((room, payload)) = bytes.split_first_chunk_mut::<SERVER_HEADER_MAX>() else {
        return bytes.len();
    };
    let (header, len) = head(opcode, payload.len(), false, 0);
    let start = SERVER_HEADER_MAX - len;
    room[start..].copy_from_slice(&header[..len]);
    start
}

/// Appends a client's frame. The mask must be unpredictable where a browser's rules apply.
pub fn client_frame(out: &mut Vec<u8>, opcode: Opcode, key: [u8; 4], payload: &[u8]) {
    masked(out, opcode, key, payload, false);
}

/// Appends a server's close frame. The reason is cut at a character's boundary to fit 123 bytes.
pub fn close_frame(out: &mut Vec<u8>, code: u16, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
    header(out, Opcode::Close, 2 + reason.len(), false);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

pub(super) fn masked(out: &mut Vec<u8>, opcode: Opcode, key: [u8; 4], payload: &[u8], compressed: bool) {
    out.reserve(payload.len() + 14);
    start(out, opcode, payload.len(), compressed, 0x80);
    out.extend_from_slice(&key);
    let at = out.len();
    out.extend_from_slice(payload);
    if let Some(payload) = out.get_mut(at..) {
        mask(payload, key);
    }
}

#[inline]
fn start(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize, compressed: bool, mask_bit: u8) {
    let (header, len) = head(opcode, payload_len, compressed, mask_bit);
    out.extend_from_slice(&header[..len]);
}

/// A header without its mask, and how long it is.
#[inline]
fn head(
    opcode: Opcode,
    payload_len: usize,
    compressed: bool,
    mask_bit: u8,
) -> ([u8; SERVER_HEADER_MAX], usize) {
    const LEN_16: u8 = 0x7e;
    const LEN_64: u8 = 0x7f;
    let mut header = [0; SERVER_HEADER_MAX];
    header[0] = 0x80 | (u8::from(compressed) << 6) | opcode.number();
    if payload_len <= CONTROL_MAX {
        header[1] = mask_bit | payload_len as u8;
        return (header, 2);
    }
    if let Ok(len) = u16::try_from(payload_len) {
        header[1] = mask_bit | LEN_16;
        header[2..4].copy_from_slice(&len.to_be_bytes());
        return (header, 4);
    }
    header[1] = mask_bit | LEN_64;
    header[2..].copy_from_slice(&(payload_len as u64).to_be_bytes());
    (header, SERVER_HEADER_MAX)
}
