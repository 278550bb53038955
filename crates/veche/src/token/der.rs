//! A public key as PEM files have it: SubjectPublicKeyInfo in DER (RFC 5280, 4.1).

use super::key::Key;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OBJECT: u8 = 0x06;

/// Object identifiers, as DER has them.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The key, if it is one that tokens are verified with.
pub(super) fn public_key(der: &[u8]) -> Option<Key> {
    let mut rest = der;
    let mut info = value(&mut rest, SEQUENCE)?;
    let mut algorithm = value(&mut info, SEQUENCE)?;
    // The first byte says how many bits of the last are none.
    let key = value(&mut info, BITS)?.strip_prefix(&[0])?;
    if !rest.is_empty() || !info.is_empty() {
        return None;
    }
    match value(&mut algorithm, OBJECT)? {
        RSA => {
            let mut key = key;
            let mut parts = value(&mut key, SEQUENCE)?;
            Key::rsa(value(&mut parts, INTEGER)?, value(&mut parts, INTEGER)?)
        }
        ELLIPTIC if value(&mut algorithm, OBJECT)? == P256 => Key::p256(key),
        ED25519 => Key::ed25519(key),
        _ => None,
    }
}

/// Takes the next value off the front, if it has this tag.
fn value<'a>(input: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let [found, length, rest @ ..] = *input else { return None };
    if *found != tag {
        return None;
    }
    let (length, rest) = match (*length, rest) {
        (short @ ..=0x7f, rest) => (usize::from(short), rest),
        (0x81, [length, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(value)
}
