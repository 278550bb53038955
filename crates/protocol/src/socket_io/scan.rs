//! JSON, checked in one pass without a tree and without an allocation.
//!
//! `serde_json` checks too, but allocates for nested values, and a second pass would be needed to see where
//! the arguments end. The grammar is RFC 8259's; escaped surrogates may be lone, as in JavaScript.

use memchr::memchr2;

use super::Fault;

/// The most levels of any JSON here: the size of a scanner's stack of bits.
pub(super) const DEPTH_END: usize = 64;

/// Reads JSON from the front of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// The kind of a value, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Word,
}

impl Kind {
    /// The kind of a value that was checked.
    pub(super) fn of(value: &str) -> Self {
        match value.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b'-' | b'0'..=b'9') => Self::Number,
            _ => Self::Word,
        }
    }
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes were read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Goes on from a place behind this one.
    pub(super) const fn jump(&mut self, at: usize) {
        self.at = at;
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// The next byte that is no space; it stays.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes().get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.bytes().get(self.at).copied()
    }

    /// Takes the next byte that is no space, if it is this one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Whether nothing but space is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Takes one value that nests at most `depth` levels.
    pub(super) fn value(&mut self, depth: usize) -> Result<&'a str, Fault> {
        self.peek();
        let start = self.at;
        self.skip_value(depth.min(DEPTH_END))?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Takes a key and its colon. The key has its quotes, and its escapes as they were.
    pub(super) fn key(&mut self) -> Result<&'a str, Fault> {
        self.peek();
        let start = self.at;
        self.string()?;
        let key = self.text.get(start..self.at).unwrap_or_default();
        if self.take(b':') { Ok(key) } else { Err(Fault::Payload) }
    }

    /// The stack is one bit a level: whether it is an object.
    fn skip_value(&mut self, depth: usize) -> Result<(), Fault> {
        let (mut objects, mut level) = (0_u64, 0_usize);
        loop {
            let opened = self.begin_value(&mut objects, &mut level, depth)?;
            if !opened && self.end_value(&mut objects, &mut level)? {
                return Ok(());
            }
        }
    }

    /// Takes a scalar, or what opens an array or object up to its first value; whether one is open now.
    #[inline]
    fn begin_value(&mut self, objects: &mut u64, level: &mut usize, depth: usize) -> Result<bool, Fault> {
        let open = match self.peek() {
            Some(b'{') => b'{',
            Some(b'[') => b'[',
            Some(byte) => return self.scalar(byte).map(|()| false),
            None => return Err(Fault::Payload),
        };
        if *level == depth {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        let is_object = open == b'{';
        if self.take(if is_object { b'}' } else { b']' }) {
            return Ok(false);
        }
        if is_object {
            self.key()?;
        }
        *level += 1;
        *objects = *objects << 1 | u64::from(is_object);
        Ok(true)
    }

    /// A value ended: closes what closes behind it, up to the next value; whether nothing is open any more.
    #[inline]
    fn end_value(&mut self, objects: &mut u64, level: &mut usize) -> Result<bool, Fault> {
        while *level > 0 {
            let in_object = *objects & 1 == 1;
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if in_object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(b'}') if in_object => {}
                Some(b']') if !in_object => {}
                _ => return Err(Fault::Payload),
            }
            self.at += 1;
            *level -= 1;
            *objects >>= 1;
        }
        Ok(true)
    }

    fn scalar(&mut self, first: u8) -> Result<(), Fault> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => Err(Fault::Payload),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
        let found = self.rest().starts_with(word);
        self.at += word.len();
        if found { Ok(()) } else { Err(Fault::Payload) }
    }

    fn string(&mut self) -> Result<(), Fault> {
        if self.bytes().get(self.at) != Some(&b'"') {
            return Err(Fault::Payload);
        }
        self.at += 1;
        loop {
            let rest = self.rest();
            let end = memchr2(b'"', b'\\', rest).ok_or(Fault::Payload)?;
            let (plain, tail) = rest.split_at_checked(end).ok_or(Fault::Payload)?;
            if has_control(plain) {
                return Err(Fault::Payload);
            }
            self.at += end;
            match tail {
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(());
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.at += 6;
                }
                _ => return Err(Fault::Payload),
            }
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.at += usize::from(self.rest().starts_with(b"-"));
        match self.digits() {
            0 => return Err(Fault::Payload),
            // A 0 stands alone.
            many if many > 1 && self.bytes().get(self.at - many) == Some(&b'0') => {
                return Err(Fault::Payload);
            }
            _ => {}
        }
        if self.rest().starts_with(b".") {
            self.at += 1;
            if self.digits() == 0 {
                return Err(Fault::Payload);
            }
        }
        if matches!(self.rest(), [b'e' | b'E', ..]) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest(), [b'+' | b'-', ..]));
            if self.digits() == 0 {
                return Err(Fault::Payload);
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }
}

/// Tested without a branch a byte, which the compiler turns into vector code.
#[expect(clippy::needless_bitwise_bool, reason = "without branches, so that a chunk is tested at once")]
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte < 0x20))
}
