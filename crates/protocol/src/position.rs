//! Where a publication stands in its channel.

use std::{fmt, str::FromStr};

/// The largest offset plus one: offsets stay exact in JavaScript's numbers.
pub const OFFSET_END: u64 = 1 << 53;

/// One unbroken numbering of a channel. A new epoch is drawn whenever acknowledged offsets may be gone.
///
/// Text of 1 to 16 characters of `[0-9A-Za-z]`, held in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    len: u8,
    text: [u8; 16],
}

/// The text is no epoch: 1 to 16 characters of `[0-9A-Za-z]` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an epoch has 1 to 16 characters of [0-9A-Za-z]")]
pub struct InvalidEpoch;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Epoch {
    /// An epoch from random bits: 11 characters.
    pub fn from_bits(mut bits: u64) -> Self {
        let mut text = [0; 16];
        for place in &mut text[..11] {
            *place = DIGITS[(bits % 62) as usize];
            bits /= 62;
        }
        Self { len: 11, text }
    }

    /// The bits that [`Epoch::from_bits`] made this of; `None` for a text that it does not make.
    pub fn to_bits(&self) -> Option<u64> {
        if self.len != 11 {
            return None;
        }
        let mut bits = 0u64;
        for place in self.as_str().bytes().rev() {
            let digit = DIGITS.iter().position(|digit| *digit == place)? as u64;
            bits = bits.checked_mul(62)?.checked_add(digit)?;
        }
        Some(bits)
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).expect("an epoch is ASCII")
    }
}

impl FromStr for Epoch {
    type Err = InvalidEpoch;

    fn from_str(text: &str) -> Result<Self, InvalidEpoch> {
        if !(1..=16).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidEpoch);
        }
        let mut place = [0; 16];
        place[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { len: text.len() as u8, text: place })
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The place of a publication in its channel: 1, 2, 3 … within an epoch, without a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which numbering.
    pub epoch: Epoch,
    /// The number in it, below 2^53. 0 is the place before the first publication.
    pub offset: u64,
}
