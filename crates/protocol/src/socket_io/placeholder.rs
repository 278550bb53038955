//! Where attachments stand in a payload: `{"_placeholder":true,"num":0}`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{
    Args, Fault,
    scan::{DEPTH_END, Kind, Scanner},
};

/// The place of one attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placeholder {
    /// Its first byte.
    pub(super) start: usize,
    /// The first byte behind it.
    pub(super) end: usize,
    /// Which attachment stands there.
    pub(super) num: usize,
}

/// All placeholders of a checked argument list, in order.
///
/// As in the reference, an object is one if its `_placeholder` is `true`, whatever else it holds. An index
/// that is no integer, or more than `max` placeholders, are a fault.
pub(super) fn find(inner: &str, max: usize) -> Result<Vec<Placeholder>, Fault> {
    let mut finder = Finder { scanner: Scanner::new(inner), found: Vec::new(), max };
    while !finder.scanner.is_done() {
        finder.value(DEPTH_END)?;
        finder.scanner.take(b',');
    }
    Ok(finder.found)
}

/// Checks that each of `attachments` stands in exactly one place.
///
/// The reference lets a place be left out, and one attachment stand in many: a message that grows as it is
/// read.
pub(super) fn check(inner: &str, attachments: u8) -> Result<(), Fault> {
    let places = find(inner, usize::from(attachments))?;
    let mut seen = [false; 256];
    for place in &places {
        match seen.get_mut(..usize::from(attachments)).and_then(|seen| seen.get_mut(place.num)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(Fault::Placeholder),
        }
    }
    if places.len() == usize::from(attachments) { Ok(()) } else { Err(Fault::Placeholder) }
}

struct Finder<'a> {
    scanner: Scanner<'a>,
    found: Vec<Placeholder>,
    max: usize,
}

impl Finder<'_> {
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        match self.scanner.peek() {
            Some(b'{' | b'[') if depth == 0 => Err(Fault::TooDeep),
            Some(b'{') => self.object(depth - 1),
            Some(b'[') => self.array(depth - 1),
            _ => self.scanner.value(0).map(drop),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        self.scanner.take(b'[');
        while !self.scanner.take(b']') {
            self.value(depth)?;
            self.scanner.take(b',');
        }
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        let (start, within) = (self.scanner.at(), self.found.len());
        let (mut is_placeholder, mut num) = (false, None);
        self.scanner.take(b'{');
        while !self.scanner.take(b'}') {
            let key = self.scanner.key()?;
            self.scanner.peek();
            let mut ahead = self.scanner;
            // The last one counts where a key comes twice.
            match key {
                "\"_placeholder\"" => is_placeholder = ahead.value(0) == Ok("true"),
                "\"num\"" => num = ahead.value(0).ok(),
                _ => {}
            }
            self.value(depth)?;
            self.scanner.take(b',');
        }
        if is_placeholder {
            // What stands in a placeholder is never looked at.
            self.found.truncate(within);
            let num = num.filter(|num| Kind::of(num) == Kind::Number).and_then(|num| num.parse().ok());
            let num = num.ok_or(Fault::Placeholder)?;
            self.found.push(Placeholder { start, end: self.scanner.at(), num });
            if self.found.len() > self.max {
                return Err(Fault::Placeholder);
            }
        }
        Ok(())
    }
}

impl Args<'_> {
    /// Appends the arguments with `{"$binary":"<base64>"}` in the place of each attachment, for clients that
    /// know no attachments. Everything else is byte for byte the same. Without attachments, nothing is looked
    /// for.
    pub fn write_expanded(self, attachments: &[Bytes], out: &mut String) {
        let mut from = 0;
        let places = if attachments.is_empty() { Vec::new() } else { self.placeholders(attachments) };
        for place in places {
            out.push_str(self.inner().get(from..place.start).unwrap_or_default());
            out.push_str("{\"$binary\":\"");
            STANDARD.encode_string(attachments.get(place.num).map_or(&[][..], |bytes| bytes), out);
            out.push_str("\"}");
            from = place.end;
        }
        out.push_str(self.inner().get(from..).unwrap_or_default());
    }

    /// The places of attachments; none if they do not fit together, which no parser lets happen.
    pub(super) fn placeholders(self, attachments: &[Bytes]) -> Vec<Placeholder> {
        let places = find(self.inner(), attachments.len()).unwrap_or_default();
        if places.iter().all(|place| place.num < attachments.len()) { places } else { Vec::new() }
    }
}
