//! The XOR of a client's payload with its four-byte key, a word at a time.

const WORD: usize = size_of::<u64>();

/// Masks `payload` in place, or unmasks it: the operation is its own inverse.
///
/// ```
/// let mut bytes = *b"Hello";
/// veche_protocol::ws::mask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d]);
/// assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[inline]
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    apply(payload, u32::from_ne_bytes(key));
}

/// The same with the key's bytes as one integer, in memory's order.
#[inline]
pub(super) fn apply(payload: &mut [u8], key: u32) {
    if key == 0 {
        return;
    }
    let bytes = key.to_ne_bytes();
    let [a, b, c, d] = bytes;
    let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<WORD>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(bytes.iter().cycle()) {
        *byte ^= key;
    }
}

/// The key as it applies to a payload's bytes from `offset` on.
pub(super) fn rotated(key: u32, offset: usize) -> u32 {
    let mut bytes = key.to_ne_bytes();
    bytes.rotate_left(offset % 4);
    u32::from_ne_bytes(bytes)
}
