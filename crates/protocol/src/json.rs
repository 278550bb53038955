//! The little JSON that serde does not do for us: bounds on a text before it is parsed further, and
//! writers into a byte buffer that allocate nothing of their own.
//!
//! Payloads travel as raw slices. They are never built as trees here.

use std::fmt::Write as _;

use memchr::{memchr, memchr2};

/// How deep a frame may nest: the frame's own object is level 1, and its payload counts too.
pub const DEPTH_MAX: usize = 32;

/// The text nests deeper than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nested deeper than {max} levels")]
pub struct TooDeep {
    /// The deepest level allowed.
    pub max: usize,
}

/// The text escapes half of a surrogate pair, which is no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an escaped surrogate without its other half")]
pub struct LoneSurrogate;

/// Checks that arrays and objects nest at most `max` deep.
///
/// The scan is iterative and knows only brackets and strings: it accepts texts that are no JSON, and
/// it never refuses JSON that is shallow enough.
pub fn check_depth(text: &str, max: usize) -> Result<(), TooDeep> {
    // Every level costs its opening byte.
    if text.len() <= max {
        return Ok(());
    }
    let mut rest = text.as_bytes();
    let mut depth = 0_usize;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'{' | b'[' if depth == max => return Err(TooDeep { max }),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(tail),
            _ => {}
        }
    }
    Ok(())
}

/// What follows a string whose opening quote has been taken; nothing, if it never ends.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let escape = rest.get(at) == Some(&b'\\');
        rest = rest.get(at + 1 + usize::from(escape)..).unwrap_or_default();
        if !escape {
            return rest;
        }
    }
    &[]
}

/// Checks that escaped surrogates come in pairs.
///
/// JSON's grammar admits `"\ud800"`, strict parsers do not: a publication with one would be unreadable
/// for a part of its subscribers. The text must be valid JSON, where `\` stands in strings only.
pub fn check_surrogates(text: &str) -> Result<(), LoneSurrogate> {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr(b'\\', rest) {
        let skip = match code_unit(rest, at) {
            Some(0xD800..=0xDBFF) if matches!(code_unit(rest, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => return Err(LoneSurrogate),
            Some(_) => 6,
            None => 2,
        };
        rest = rest.get(at + skip..).unwrap_or_default();
    }
    Ok(())
}

/// The UTF-16 code unit of the `\uXXXX` at this place.
fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Appends a text as a JSON string, with its quotes.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest));
        out.extend_from_slice(plain);
        let [byte, tail @ ..] = special else { break };
        write_escape(out, *byte);
        rest = tail;
    }
    out.push(b'"');
}

/// How many bytes stand before the first one that JSON wants escaped.
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH_BITS: u64 = ONES << 7;
    let mut rest = bytes;
    // Eight at once: a byte's high bit says that it is special. A borrow spoils none before the first that is.
    while let Some((word, tail)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let either = (quote.wrapping_sub(ONES) & !quote) | (backslash.wrapping_sub(ONES) & !backslash);
        let special = (control | either) & HIGH_BITS;
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = tail;
    }
    bytes.len() - rest.len() + rest.iter().position(|byte| needs_escape(*byte)).unwrap_or(rest.len())
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\')
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xF)]]);
        }
    }
}

/// Appends an integer in decimal.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a text as a JSON string, with its quotes, to a text.
pub fn push_str(out: &mut String, text: &str) {
    if plain_prefix(text.as_bytes()) == text.len() {
        out.reserve(text.len() + 2);
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..'\x20' => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Appends an integer in decimal to a text.
pub fn push_u64(out: &mut String, value: u64) {
    out.push_str(itoa::Buffer::new().format(value));
}
