//! Server-sent events: what a stream of channels looks like, and the ids by which a client comes back.
//!
//! A publication is written once for all streams, as a *record* ([`write`]): its `event:` and `data:` lines
//! behind a small header that says where it stands. The `id:` line is of each stream's own, since it tells
//! the positions in all of its channels; a [`Stream`] puts it before the record when the record leaves. So
//! an id never speaks of anything that was not sent before it.
//!
//! There is no socket and no clock here, and what the stream does not carry (presence, typing, replies) has
//! no record at all.

use std::mem;

use memchr::memchr2;

use crate::{
    json::{write_str, write_u64},
    name::ChannelName,
    position::{Epoch, OFFSET_END, Position},
    server::{Recovery, ServerFrame},
};

/// The most channels of one stream.
pub const CHANNELS_MAX: usize = 16;

/// The text is no id of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is `<epoch>-<offset>`, or `-`, for each channel in the order of the query, joined by `,`")]
pub struct InvalidId;

/// Reads an id back: a position for each of `channels` channels, `None` where there was none.
///
/// ```
/// use veche_protocol::sse::parse_id;
///
/// let positions = parse_id("7hQ2mB0xTq1-41,-", 2)?;
/// assert_eq!(positions[0].map(|it| it.offset), Some(41));
/// assert_eq!(positions[1], None);
/// assert!(parse_id("7hQ2mB0xTq1-41", 2).is_err());
/// # Ok::<(), veche_protocol::sse::InvalidId>(())
/// ```
pub fn parse_id(text: &str, channels: usize) -> Result<Vec<Option<Position>>, InvalidId> {
    let positions: Vec<_> = text.split(',').take(channels + 1).map(parse_part).collect::<Result<_, _>>()?;
    if positions.len() == channels { Ok(positions) } else { Err(InvalidId) }
}

fn parse_part(part: &str) -> Result<Option<Position>, InvalidId> {
    if part == "-" {
        return Ok(None);
    }
    let (epoch, digits) = part.split_once('-').ok_or(InvalidId)?;
    let epoch: Epoch = epoch.parse().map_err(|_| InvalidId)?;
    // One text a number: no sign, no leading zero.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(InvalidId);
    }
    let offset = digits.parse().ok().filter(|offset| *offset < OFFSET_END).ok_or(InvalidId)?;
    Ok(Some(Position { epoch, offset }))
}

/// A record's header: length of the whole (4), kind (1), length of the channel's name (1), offset (8).
const HEADER: usize = 14;
/// The offset of what has no position.
const NO_OFFSET: u64 = u64::MAX;

/// What a stream does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Sends it behind an id.
    Positioned = 1,
    /// Sends it as it is.
    Plain = 2,
    /// The same; the channel has stopped, and must be subscribed to again.
    Stopped = 3,
    /// The same; nothing but the end follows.
    Bye = 4,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Positioned),
            2 => Some(Self::Plain),
            3 => Some(Self::Stopped),
            4 => Some(Self::Bye),
            _ => None,
        }
    }
}

/// Appends the record of a frame to `out`; nothing for a frame that streams do not carry.
pub fn write(frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
    match frame {
        ServerFrame::Publication { event, channel, offset, .. } => {
            record(out, Kind::Positioned, channel, *offset, |out| event_of(out, event, frame));
        }
        ServerFrame::Skipped { channel, offset } => {
            record(out, Kind::Positioned, channel, Some(*offset), |out| out.push(b'\n'));
        }
        ServerFrame::LaggedSince { channel, .. } => {
            record(out, Kind::Stopped, channel, None, |out| gap(out, channel, LAGGED));
        }
        ServerFrame::LaggedDropped { channel, .. } => {
            record(out, Kind::Plain, channel, None, |out| gap(out, channel, LAGGED));
        }
        ServerFrame::Unsubscribed { channel, .. } => {
            record(out, Kind::Plain, channel, None, |out| event_of(out, "unsubscribed", frame));
        }
        ServerFrame::Bye { .. } => record(out, Kind::Bye, "", None, |out| bye(out, frame)),
        _ => {}
    }
}

/// The record of a heartbeat: a comment.
pub fn pulse() -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + 3);
    record(&mut out, Kind::Plain, "", None, |out| out.extend_from_slice(b":\n\n"));
    out
}

/// The reason of a gap that the slow-consumer policy made.
const LAGGED: &str = "lagged";

fn record(
    out: &mut Vec<u8>,
    kind: Kind,
    channel: &str,
    offset: Option<u64>,
    body: impl FnOnce(&mut Vec<u8>),
) {
    // A channel's name has at most 255 bytes.
    let Ok(name) = u8::try_from(channel.len()) else { return };
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind as u8, name]);
    out.extend_from_slice(&offset.unwrap_or(NO_OFFSET).to_be_bytes());
    out.extend_from_slice(channel.as_bytes());
    body(out);
    match u32::try_from(out.len() - start) {
        Ok(length) => out[start..start + 4].copy_from_slice(&length.to_be_bytes()),
        Err(_) => out.truncate(start),
    }
}

fn event_of(out: &mut Vec<u8>, event: &str, frame: &ServerFrame<'_>) {
    out.extend_from_slice(b"event: ");
    one_line(out, |out| out.extend_from_slice(event.as_bytes()));
    out.extend_from_slice(b"\ndata: ");
    one_line(out, |out| frame.encode(out));
    out.extend_from_slice(b"\n\n");
}

/// A line break would end the line. Within JSON one stands only between two tokens, where a space says the
/// same.
fn one_line(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut from = out.len();
    write(out);
    while let Some(at) = memchr2(b'\r', b'\n', &out[from..]) {
        out[from + at] = b' ';
        from += at + 1;
    }
}

fn gap(out: &mut Vec<u8>, channel: &str, reason: &str) {
    out.extend_from_slice(b"event: gap\ndata: {\"type\":\"gap\",\"channel\":");
    write_str(out, channel);
    out.extend_from_slice(b",\"reason\":");
    write_str(out, reason);
    out.extend_from_slice(b"}\n\n");
}

fn bye(out: &mut Vec<u8>, frame: &ServerFrame<'_>) {
    if let ServerFrame::Bye { retry_after_ms, .. } = frame {
        retry(out, *retry_after_ms);
    }
    event_of(out, "bye", frame);
}

fn retry(out: &mut Vec<u8>, ms: u64) {
    out.extend_from_slice(b"retry: ");
    write_u64(out, ms);
    out.push(b'\n');
}

/// One client's stream: where it stands in each channel, and the bytes that are to leave.
///
/// ```
/// use veche_protocol::{name::ChannelName, server::{Recovery, ServerFrame}, sse::{self, Stream}};
///
/// let room = ChannelName::parse("room:1")?;
/// let mut stream = Stream::new([(room.clone(), None)], 3_000);
/// stream.settle(&room, None, Recovery::Fresh);
/// stream.open();
/// let mut record = Vec::new();
/// sse::write(
///     &ServerFrame::Publication {
///         event: "message", channel: &room, offset: None, from: None, op_id: None, time_ms: 7, data: "1",
///         args: false,
///     },
///     &mut record,
/// );
/// stream.take(&record, usize::MAX);
/// assert_eq!(
///     String::from_utf8(stream.take_out())?,
///     "retry: 3000\n\n\
///      event: message\ndata: {\"type\":\"message\",\"channel\":\"room:1\",\"time_ms\":7,\"data\":1}\n\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Stream {
    places: Box<[Place]>,
    retry_ms: u64,
    out: Vec<u8>,
    stopped: Vec<ChannelName>,
    said_bye: bool,
}

#[derive(Debug)]
struct Place {
    channel: ChannelName,
    position: Option<Position>,
}

impl Stream {
    /// A stream of these channels, each from where the client has it. `retry_ms` is how long the client is
    /// to wait before it comes back.
    pub fn new(channels: impl IntoIterator<Item = (ChannelName, Option<Position>)>, retry_ms: u64) -> Self {
        let places = channels.into_iter().map(|(channel, position)| Place { channel, position }).collect();
        Self { places, retry_ms, out: Vec::new(), stopped: Vec::new(), said_bye: false }
    }

    /// A channel was subscribed to. It says so where the client's position could not be continued from.
    pub fn settle(&mut self, channel: &str, head: Option<Position>, recovery: Recovery) {
        let Some(place) = self.places.iter_mut().find(|it| *it.channel == *channel) else { return };
        let lost = match recovery {
            Recovery::Replay => return,
            Recovery::Reset(reason) => Some(reason.as_str()),
            // Its positions are gone altogether: the channel is ephemeral by now.
            Recovery::Fresh if head.is_none() && place.position.is_some() => Some("epoch"),
            Recovery::Fresh | Recovery::UpToDate => None,
        };
        place.position = head;
        if let Some(reason) = lost {
            gap(&mut self.out, channel, reason);
        }
    }

    /// All channels are settled: begins the stream with its first id, so that a client which is cut off
    /// before the first publication comes back to where it was.
    pub fn open(&mut self) {
        let gaps = mem::take(&mut self.out);
        retry(&mut self.out, self.retry_ms);
        self.write_id();
        self.out.push(b'\n');
        self.out.extend_from_slice(&gaps);
    }

    /// Takes records until `room` bytes are to leave, or more; how many bytes of records were taken. Only
    /// whole ones are.
    pub fn take(&mut self, records: &[u8], room: usize) -> usize {
        let mut rest = records;
        while self.out.len() < room && !rest.is_empty() {
            let Some((record, tail)) = split(rest) else {
                // No record of ours: nothing behind it can be told apart.
                return records.len();
            };
            self.take_record(&record);
            rest = tail;
        }
        records.len() - rest.len()
    }

    fn take_record(&mut self, record: &Record<'_>) {
        match record.kind {
            Kind::Positioned => {
                let place = self.places.iter_mut().find(|it| it.channel.as_bytes() == record.channel);
                if let Some(position) = place.and_then(|place| place.position.as_mut())
                    && record.offset != NO_OFFSET
                {
                    position.offset = record.offset;
                }
                self.write_id();
            }
            Kind::Stopped => {
                let place = self.places.iter().find(|it| it.channel.as_bytes() == record.channel);
                self.stopped.extend(place.map(|place| place.channel.clone()));
            }
            Kind::Bye => self.said_bye = true,
            Kind::Plain => {}
        }
        self.out.extend_from_slice(record.body);
    }

    fn write_id(&mut self) {
        if self.places.iter().all(|place| place.position.is_none()) {
            return;
        }
        self.out.extend_from_slice(b"id: ");
        for (at, place) in self.places.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            if let Some(position) = place.position {
                self.out.extend_from_slice(position.epoch.as_str().as_bytes());
            }
            self.out.push(b'-');
            if let Some(position) = place.position {
                write_u64(&mut self.out, position.offset);
            }
        }
        self.out.push(b'\n');
    }

    /// Says that the stream ends, and why, unless it was said before.
    pub fn end(&mut self, reason: &str) {
        if !mem::replace(&mut self.said_bye, true) {
            bye(&mut self.out, &ServerFrame::Bye { reason, retry_after_ms: self.retry_ms });
        }
    }

    /// How many bytes are to leave.
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// The bytes that are to leave now.
    pub fn take_out(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }

    /// Whether [`take_stopped`](Self::take_stopped) has something to tell.
    pub fn has_stopped(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Channels that the slow-consumer policy has stopped, to be subscribed to again from their heads.
    pub fn take_stopped(&mut self) -> Vec<ChannelName> {
        mem::take(&mut self.stopped)
    }
}

struct Record<'r> {
    kind: Kind,
    offset: u64,
    channel: &'r [u8],
    body: &'r [u8],
}

fn split(records: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let length = u32::from_be_bytes(*records.first_chunk()?) as usize;
    let (record, tail) = records.split_at_checked(length)?;
    let kind = Kind::of(*record.get(4)?)?;
    let name = usize::from(*record.get(5)?);
    let offset = u64::from_be_bytes(*record.get(6..HEADER)?.first_chunk()?);
    let (channel, body) = record.get(HEADER..)?.split_at_checked(name)?;
    Some((Record { kind, offset, channel, body }, tail))
}
