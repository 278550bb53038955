//! msgpack, value by value.

use super::super::Fault;

/// Reads from the front of a message. Nothing is believed that the message does not hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// A value, or the beginning of one that holds others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Head<'a> {
    Nil,
    /// What JavaScript's `undefined` is written as.
    Undefined,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Float(f64),
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// Milliseconds since 1970.
    Date(i64),
    Extension(i8, &'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many pairs follow.
    Map(usize),
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes a value, or the beginning of one.
    pub(super) fn head(&mut self) -> Result<Head<'a>, Fault> {
        let [code] = self.array()?;
        Ok(match code {
            0x00..=0x7f => Head::Unsigned(u64::from(code)),
            0x80..=0x8f => self.map(usize::from(code & 0x0f))?,
            0x90..=0x9f => self.list(usize::from(code & 0x0f))?,
            0xa0..=0xbf => Head::Text(self.take(usize::from(code & 0x1f))?),
            0xc0 => Head::Nil,
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xca => Head::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Head::Float(f64::from_be_bytes(self.array()?)),
            0xcc..=0xcf => Head::Unsigned(self.unsigned(code - 0xcc)?),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            0xe0..=0xff => Head::Signed(i64::from(code.cast_signed())),
            _ => return self.sized(code),
        })
    }

    /// What has a length of its own, or an extension's fixed one.
    fn sized(&mut self, code: u8) -> Result<Head<'a>, Fault> {
        Ok(match code {
            0xc4..=0xc6 => {
                let length = self.length(code - 0xc4)?;
                Head::Binary(self.take(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length(code - 0xc7)?;
                self.extension(length, false)?
            }
            0xd4..=0xd8 => self.extension(1 << (code - 0xd4), true)?,
            0xd9..=0xdb => {
                let length = self.length(code - 0xd9)?;
                Head::Text(self.take(length)?)
            }
            0xdc | 0xdd => {
                let length = self.length(code - 0xdc + 1)?;
                self.list(length)?
            }
            0xde | 0xdf => {
                let length = self.length(code - 0xde + 1)?;
                self.map(length)?
            }
            _ => return Err(Fault::Payload),
        })
    }

    fn extension(&mut self, length: usize, fixed: bool) -> Result<Head<'a>, Fault> {
        let [kind] = self.array()?;
        let data = self.take(length)?;
        Ok(match (kind.cast_signed(), data) {
            (0, [_]) if fixed => Head::Undefined,
            (0, data) if fixed && let Ok(ms) = data.try_into() => Head::Date(i64::from_be_bytes(ms)),
            (0, data) if !fixed => Head::Binary(data),
            (-1, data) => super::timestamp::of_extension(data).map_or(Head::Extension(-1, data), Head::Date),
            (kind, data) => Head::Extension(kind, data),
        })
    }

    /// Takes the value whose beginning was taken, whatever it holds, without recursion.
    pub(super) fn skip(&mut self, head: Head<'a>) -> Result<(), Fault> {
        let inner = |head| match head {
            Head::Array(length) => length,
            Head::Map(pairs) => pairs * 2,
            _ => 0,
        };
        let mut left = inner(head);
        while left > 0 {
            // Each value has a byte at least, and the count never runs ahead of the message by more than
            // its length.
            left = left - 1 + inner(self.head()?);
        }
        Ok(())
    }

    fn list(&self, length: usize) -> Result<Head<'a>, Fault> {
        if length > self.rest.len() { Err(Fault::Payload) } else { Ok(Head::Array(length)) }
    }

    fn map(&self, pairs: usize) -> Result<Head<'a>, Fault> {
        if pairs > self.rest.len() / 2 { Err(Fault::Payload) } else { Ok(Head::Map(pairs)) }
    }

    /// An integer of 1, 2, 4 or 8 bytes.
    fn unsigned(&mut self, power: u8) -> Result<u64, Fault> {
        Ok(match power {
            0 => u64::from(u8::from_be_bytes(self.array()?)),
            1 => u64::from(u16::from_be_bytes(self.array()?)),
            2 => u64::from(u32::from_be_bytes(self.array()?)),
            _ => u64::from_be_bytes(self.array()?),
        })
    }

    fn length(&mut self, power: u8) -> Result<usize, Fault> {
        usize::try_from(self.unsigned(power)?).map_err(|_| Fault::Payload)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Fault::Payload)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Fault::Payload)?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn signed(value: i64) -> Head<'static> {
    u64::try_from(value).map_or(Head::Signed(value), Head::Unsigned)
}

impl Head<'_> {
    /// The value, if it is an integer that is not below zero, in whatever form.
    pub(super) fn index(self) -> Option<u64> {
        match self {
            Head::Unsigned(value) => Some(value),
            // Clients without integers of their own write them as floats.
            Head::Float(value) if value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value) =>
            {
                #[expect(clippy::cast_sign_loss, reason = "it is in the range")]
                Some(value as u64)
            }
            _ => None,
        }
    }
}
