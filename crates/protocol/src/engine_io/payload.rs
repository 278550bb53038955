//! Polling bodies: several packets in one request or one answer.
//!
//! | format | looks like | from |
//! |---|---|---|
//! | [`Format::V4`] | `4hello\x1e2\x1e4world`, binary as `b<base64>` | `EIO=4` |
//! | [`Format::V3Text`] | `6:4hello1:2`, binary as `b4<base64>`; a length counts UTF-16 code units | `EIO=3` |
//! | [`Format::V3Binary`] | `00 06 ff` and `4hello`; `01 04 ff` and `04 01 02 03`: kind, decimal digits of the length in bytes, `ff` | `EIO=3`, as `application/octet-stream` |

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memchr;

use super::{Fault, Frame, Packet, Revision};

/// What stands between two packets of a body.
const SEPARATOR: u8 = 0x1e;

/// The most digits of a packet's length: what has more is over any limit.
const DIGITS_MAX: usize = 10;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Texts between separators.
    V4,
    /// Texts behind their lengths.
    V3Text,
    /// Bytes behind their lengths.
    V3Binary,
}

impl Format {
    /// What a client's body is written in, by the request's `Content-Type`. `None` is an answer 400 and the
    /// session's end: the fourth revision has no binary bodies.
    pub fn of_request(revision: Revision, content_type: Option<&str>) -> Option<Self> {
        let binary = content_type == Some("application/octet-stream");
        match (revision, binary) {
            (Revision::V4, false) => Some(Self::V4),
            (Revision::V4, true) => None,
            (Revision::V3, false) => Some(Self::V3Text),
            (Revision::V3, true) => Some(Self::V3Binary),
        }
    }

    /// What an answer is written in. `takes_binary` is what the client said (no `b64` in its query),
    /// `has_binary` whether any frame of the answer is.
    pub const fn of_answer(revision: Revision, takes_binary: bool, has_binary: bool) -> Self {
        match revision {
            Revision::V4 => Self::V4,
            Revision::V3 if takes_binary && has_binary => Self::V3Binary,
            Revision::V3 => Self::V3Text,
        }
    }

    /// The answer's `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::V4 | Self::V3Text => "text/plain; charset=UTF-8",
            Self::V3Binary => "application/octet-stream",
        }
    }
}

/// The packets of a body, in order. It ends after the first fault.
///
/// ```
/// use veche_protocol::engine_io::{Data, payload::{Format, Payload}};
///
/// let mut packets = Payload::new(Format::V4, b"4a\x1e4b", 100, 10)?;
/// assert_eq!(packets.next().unwrap()?.data, Data::Text("a"));
/// assert_eq!(packets.next().unwrap()?.data, Data::Text("b"));
/// assert!(packets.next().is_none());
/// # Ok::<(), veche_protocol::engine_io::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Payload<'p> {
    format: Format,
    rest: Option<Rest<'p>>,
    /// How many packets may still come.
    room: usize,
}

#[derive(Debug, Clone, Copy)]
enum Rest<'p> {
    Text(&'p str),
    Bytes(&'p [u8]),
}

impl<'p> Payload<'p> {
    /// The packets of `body`, which has at most `max_bytes` bytes and `max_packets` packets. Nothing is
    /// decoded or allocated before it is asked for.
    pub fn new(format: Format, body: &'p [u8], max_bytes: usize, max_packets: usize) -> Result<Self, Fault> {
        if body.len() > max_bytes {
            return Err(Fault::TooLarge);
        }
        let rest = match format {
            Format::V3Binary => Some(Rest::Bytes(body)).filter(|_| !body.is_empty()),
            Format::V4 | Format::V3Text => {
                let text = simdutf8::basic::from_utf8(body).map_err(|_| Fault::NotUtf8)?;
                if text.is_empty() {
                    return Err(Fault::Empty);
                }
                Some(Rest::Text(text))
            }
        };
        Ok(Self { format, rest, room: max_packets })
    }

    /// The next packet of a fourth revision's body.
    fn separated(&mut self, text: &'p str) -> Result<Packet<'p>, Fault> {
        let (packet, rest) = match memchr(SEPARATOR, text.as_bytes()) {
            Some(at) => (text.get(..at), text.get(at + 1..)),
            None => (Some(text), None),
        };
        self.rest = rest.map(Rest::Text);
        Packet::from_text(Revision::V4, packet.unwrap_or_default())
    }

    /// The next packet of a third revision's text; `None` at its end. A length of 0 is no packet.
    fn counted(&mut self, mut text: &'p str) -> Result<Option<Packet<'p>>, Fault> {
        while !text.is_empty() {
            let (digits, tail) = text.split_once(':').ok_or(Fault::Length)?;
            let packet = utf16_prefix(tail, number(digits.bytes())?).ok_or(Fault::Length)?;
            text = tail.get(packet.len()..).unwrap_or_default();
            if !packet.is_empty() {
                self.rest = Some(Rest::Text(text)).filter(|_| !text.is_empty());
                return Packet::from_text(Revision::V3, packet).map(Some);
            }
        }
        self.rest = None;
        Ok(None)
    }

    /// The next packet of a third revision's bytes.
    fn framed(&mut self, bytes: &'p [u8]) -> Result<Packet<'p>, Fault> {
        let (kind, tail) = bytes.split_first().ok_or(Fault::Empty)?;
        // The digits are numbers, not characters.
        let end = memchr(0xff, tail.get(..=DIGITS_MAX).unwrap_or(tail)).ok_or(Fault::Length)?;
        let (digits, tail) = tail.split_at_checked(end).ok_or(Fault::Length)?;
        let length = number(digits.iter().map(|digit| digit.wrapping_add(b'0')))?;
        let tail = tail.get(1..).unwrap_or_default();
        let (packet, rest) = tail.split_at_checked(length).ok_or(Fault::Length)?;
        self.rest = Some(Rest::Bytes(rest)).filter(|_| !rest.is_empty());
        match kind {
            0 => {
                let text = simdutf8::basic::from_utf8(packet).map_err(|_| Fault::NotUtf8)?;
                Packet::from_text(Revision::V3, text)
            }
            1 => Packet::from_binary(Revision::V3, packet),
            _ => Err(Fault::UnknownType),
        }
    }
}

impl<'p> Iterator for Payload<'p> {
    type Item = Result<Packet<'p>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some(room) = self.room.checked_sub(1) else { return Some(Err(Fault::TooMany)) };
        self.room = room;
        let packet = match (rest, self.format) {
            (Rest::Bytes(bytes), _) => self.framed(bytes).map(Some),
            (Rest::Text(text), Format::V3Text) => self.counted(text),
            (Rest::Text(text), _) => self.separated(text).map(Some),
        };
        if packet.is_err() {
            self.rest = None;
        }
        packet.transpose()
    }
}

/// A number in decimal digits.
fn number(digits: impl ExactSizeIterator<Item = u8>) -> Result<usize, Fault> {
    if !(1..=DIGITS_MAX).contains(&digits.len()) {
        return Err(Fault::Length);
    }
    digits.into_iter().try_fold(0_usize, |number, digit| match digit {
        b'0'..=b'9' => Ok(number.saturating_mul(10).saturating_add(usize::from(digit - b'0'))),
        _ => Err(Fault::Length),
    })
}

/// The beginning of a text that has so many UTF-16 code units; `None` where it is shorter, or the last
/// character would be halved.
fn utf16_prefix(text: &str, units: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    // Most are ASCII, and no text has more units than bytes.
    if bytes.get(..units)?.is_ascii() {
        return text.get(..units);
    }
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return text.get(..at);
        }
        left = left.checked_sub(c.len_utf16())?;
    }
    (left == 0).then_some(text)
}

fn utf16_len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() }
}

/// Writes a body, frame by frame, up to a limit.
///
/// ```
/// use veche_protocol::engine_io::{Frame, payload::{Format, PayloadWriter}};
///
/// let mut body = Vec::new();
/// let mut writer = PayloadWriter::new(Format::V4, 1_000, &mut body);
/// assert!(writer.push(Frame::Text("4hello")));
/// assert!(writer.push(Frame::Binary(&[1, 2, 3, 4])));
/// assert_eq!(body, b"4hello\x1ebAQIDBA==");
/// ```
#[derive(Debug)]
pub struct PayloadWriter<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    format: Format,
    max: usize,
}

impl<'o> PayloadWriter<'o> {
    /// Appends to `out`, `max` bytes at most.
    pub const fn new(format: Format, max: usize, out: &'o mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start, format, max }
    }

    /// Whether no frame was written yet.
    pub const fn is_empty(&self) -> bool {
        self.out.len() == self.start
    }

    /// Writes a frame, if there is room. The first one is always written: a frame above the limit would
    /// never leave otherwise.
    ///
    /// In the third revision a binary frame has its type's byte in front, as on a WebSocket.
    #[must_use]
    pub fn push(&mut self, frame: Frame<'_>) -> bool {
        let length = self.length_of(frame);
        let written = self.out.len() - self.start;
        // The header of a packet has at most 12 bytes.
        if written > 0 && written.saturating_add(length).saturating_add(DIGITS_MAX + 2) > self.max {
            return false;
        }
        match self.format {
            Format::V4 if written > 0 => self.out.push(SEPARATOR),
            Format::V4 => {}
            Format::V3Text => {
                let units = if let Frame::Text(text) = frame { utf16_len(text) } else { length };
                crate::json::write_u64(self.out, units as u64);
                self.out.push(b':');
            }
            Format::V3Binary => {
                self.out.push(u8::from(frame.is_binary()));
                let digits = self.out.len();
                crate::json::write_u64(self.out, length as u64);
                self.out.iter_mut().skip(digits).for_each(|digit| *digit -= b'0');
                self.out.push(0xff);
            }
        }
        self.write(frame);
        true
    }

    /// How many bytes a frame takes behind its header.
    fn length_of(&self, frame: Frame<'_>) -> usize {
        let bytes = frame.bytes().len();
        match (frame, self.format) {
            (Frame::Text(_), _) | (_, Format::V3Binary) => bytes,
            (Frame::Binary(_), Format::V4) => 1 + encoded_len(bytes),
            (Frame::Binary(_), Format::V3Text) => 2 + encoded_len(bytes.saturating_sub(1)),
        }
    }

    fn write(&mut self, frame: Frame<'_>) {
        match (frame, self.format) {
            (Frame::Text(_), _) | (_, Format::V3Binary) => self.out.extend_from_slice(frame.bytes()),
            (Frame::Binary(bytes), Format::V4) => {
                self.out.push(b'b');
                self.write_base64(bytes);
            }
            (Frame::Binary(bytes), Format::V3Text) => {
                let (kind, data) = bytes.split_first().unwrap_or((&4, &[]));
                self.out.extend_from_slice(&[b'b', b'0' + (kind & 7)]);
                self.write_base64(data);
            }
        }
    }

    fn write_base64(&mut self, bytes: &[u8]) {
        let start = self.out.len();
        self.out.resize(start + encoded_len(bytes.len()), 0);
        let place = self.out.get_mut(start..).unwrap_or_default();
        STANDARD.encode_slice(bytes, place).expect("the place has the length of the code");
    }
}

const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
