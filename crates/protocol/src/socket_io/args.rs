//! Argument lists as raw slices.

use std::borrow::Cow;

use super::{
    Fault,
    scan::{Kind, Scanner},
};
use crate::json;

/// The arguments of an event or of an answer: JSON values between commas, byte for byte as they came, without
/// the brackets around them and without the event's name.
///
/// ```
/// use veche_protocol::socket_io::Args;
///
/// let args = Args::of_list(r#"[1, {"a":2}]"#, 31)?;
/// assert_eq!(args.inner(), r#"1, {"a":2}"#);
/// assert_eq!(args.iter().collect::<Vec<_>>(), ["1", r#"{"a":2}"#]);
/// assert_eq!(args.data(), r#"[1, {"a":2}]"#);
/// assert_eq!(Args::of_one(r#""hi""#).data(), r#""hi""#);
/// # Ok::<(), veche_protocol::socket_io::Fault>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Args<'a> {
    inner: &'a str,
    count: usize,
}

impl<'a> Args<'a> {
    /// No arguments.
    pub const NONE: Self = Self { inner: "", count: 0 };

    /// One argument, which the caller knows to be JSON.
    pub const fn of_one(json: &'a str) -> Self {
        Self { inner: json, count: 1 }
    }

    /// The elements of a JSON array that nests at most `depth` levels, itself included.
    pub fn of_list(json: &'a str, depth: usize) -> Result<Self, Fault> {
        let list = List::parse(json, depth)?;
        Ok(Self { inner: list.inner, count: list.count })
    }

    /// What was taken by [`inner`](Self::inner) and [`len`](Self::len), put together again.
    pub const fn of_parts(inner: &'a str, count: usize) -> Self {
        Self { inner, count }
    }

    /// The values between commas, as they stand in the list.
    pub const fn inner(self) -> &'a str {
        self.inner
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }

    /// Each argument as a raw slice.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut scanner = Scanner::new(self.inner);
        std::iter::from_fn(move || {
            scanner.take(b',');
            // They were checked when the list was.
            if scanner.is_done() { None } else { scanner.value(usize::MAX).ok() }
        })
    }

    /// What native clients and handlers see: the argument if there is one, `null` if there is none, the list
    /// if there are several.
    pub fn data(self) -> Cow<'a, str> {
        match self.count {
            0 => Cow::Borrowed("null"),
            1 => Cow::Borrowed(self.inner),
            _ => Cow::Owned(format!("[{}]", self.inner)),
        }
    }

    /// Appends the list, with its brackets.
    pub fn write_list(self, out: &mut String) {
        out.push('[');
        out.push_str(self.inner);
        out.push(']');
    }
}

/// A JSON array, checked and taken apart at its first element.
pub(super) struct List<'a> {
    /// Everything between the brackets.
    inner: &'a str,
    count: usize,
    /// The first element.
    pub(super) first: Option<&'a str>,
    /// Everything behind the first element and its comma.
    behind: &'a str,
}

impl<'a> List<'a> {
    /// Reads an array, and nothing behind it.
    pub(super) fn parse(json: &'a str, depth: usize) -> Result<Self, Fault> {
        let mut scanner = Scanner::new(json);
        if !scanner.take(b'[') {
            return Err(match scanner.value(depth) {
                Ok(_) if scanner.is_done() => Fault::WrongKind,
                Ok(_) => Fault::Payload,
                Err(fault) => fault,
            });
        }
        let depth = depth.checked_sub(1).ok_or(Fault::TooDeep)?;
        let start = scanner.at();
        let (mut first, mut count, mut behind) = (None, 0, start);
        if !scanner.take(b']') {
            loop {
                let value = scanner.value(depth)?;
                count += 1;
                let more = scanner.take(b',');
                if first.is_none() {
                    (first, behind) = (Some(value), scanner.at());
                }
                if !more {
                    break;
                }
            }
            if !scanner.take(b']') {
                return Err(Fault::Payload);
            }
        }
        let end = scanner.at() - 1;
        if !scanner.is_done() {
            return Err(Fault::Payload);
        }
        let slice = |from: usize| json.get(from..end).unwrap_or_default().trim_matches(SPACE);
        Ok(Self { inner: slice(start), count, first, behind: slice(behind) })
    }

    /// All of the elements.
    pub(super) const fn all(&self) -> Args<'a> {
        Args { inner: self.inner, count: self.count }
    }

    /// The elements behind the first one.
    pub(super) const fn behind_first(&self) -> Args<'a> {
        Args { inner: self.behind, count: self.count.saturating_sub(1) }
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The text of a checked JSON string; `None` for half of a surrogate pair.
pub(super) fn unescape(string: &str) -> Option<Cow<'_, str>> {
    let inner = string.get(1..string.len().saturating_sub(1))?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(string).ok().map(Cow::Owned)
}

/// An event's name, from the first element of its list.
pub(super) fn event_name(first: Option<&str>) -> Result<Cow<'_, str>, Fault> {
    let first = first.ok_or(Fault::WrongKind)?;
    let name = match Kind::of(first) {
        Kind::String => unescape(first).ok_or(Fault::Payload)?,
        Kind::Number => Cow::Borrowed(first),
        _ => return Err(Fault::WrongKind),
    };
    if super::is_reserved(&name) { Err(Fault::Reserved) } else { Ok(name) }
}

/// The same JSON with `\ufffd` in the place of each escaped half of a surrogate pair.
///
/// JavaScript cuts strings between code units and writes the halves as escapes, which strict parsers refuse.
/// Echoed to a client of Socket.IO they may stay; what native clients and handlers read is mended.
///
/// ```
/// use veche_protocol::socket_io::mend_surrogates;
///
/// assert_eq!(mend_surrogates(r#""\ud83d!""#), r#""\ufffd!""#);
/// assert_eq!(mend_surrogates(r#""\ud83d\ude00""#), r#""\ud83d\ude00""#);
/// ```
pub fn mend_surrogates(json: &str) -> Cow<'_, str> {
    if json::check_surrogates(json).is_ok() {
        return Cow::Borrowed(json);
    }
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escaped) = rest.split_at(at);
        mended.push_str(plain);
        // A pair, a single one, or an escape of two bytes.
        let length = [12, 6, 2].into_iter().find(|length| {
            let piece = escaped.get(..*length).unwrap_or_default();
            let is_unit = |piece: &str| piece.starts_with("\\u");
            match length {
                12 => is_unit(piece) && piece.get(6..).is_some_and(is_unit) && is_pair(piece),
                6 => is_unit(piece),
                _ => true,
            }
        });
        let (piece, tail) = escaped.split_at_checked(length.unwrap_or(2)).unwrap_or((escaped, ""));
        let is_lone = piece.len() == 6 && json::check_surrogates(piece).is_err();
        mended.push_str(if is_lone { "\\ufffd" } else { piece });
        rest = tail;
    }
    mended.push_str(rest);
    Cow::Owned(mended)
}

/// Whether two escapes are the halves of one character.
fn is_pair(piece: &str) -> bool {
    json::check_surrogates(piece).is_ok()
        && piece.get(..6).is_some_and(|half| json::check_surrogates(half).is_err())
}
