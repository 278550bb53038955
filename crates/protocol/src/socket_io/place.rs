//! Connection state recovery: where a client is, in one string, and what it was sent after that.
//!
//! The stock client gives back one string, the last argument of the last event that it saw, although it may
//! be in many rooms. The string is equal for all subscribers of a channel: it says the channel and the
//! position there. A session's own [`SendRing`] tells where in the order of its sends that was, over all of
//! its channels.

use std::{collections::VecDeque, fmt, str::FromStr};

use crate::position::{Epoch, OFFSET_END, Position};

/// A channel's number, as the server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelTag(pub u32);

/// Where a client is: it has seen a channel up to a position. On the wire `<channel tag>-<epoch>-<offset>`.
///
/// ```
/// use veche_protocol::socket_io::Place;
///
/// let place: Place = "7-7hQ2mB0xTq1-41".parse()?;
/// assert_eq!((place.channel.0, place.position.offset), (7, 41));
/// assert_eq!(place.to_string(), "7-7hQ2mB0xTq1-41");
/// # Ok::<(), veche_protocol::socket_io::InvalidPlace>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The channel.
    pub channel: ChannelTag,
    /// The last position seen there.
    pub position: Position,
}

/// The text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place is `<channel tag>-<epoch>-<offset>`")]
pub struct InvalidPlace;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.channel.0, self.position.epoch, self.position.offset)
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().ok_or(InvalidPlace);
        let channel = number(part()?).and_then(|tag| u32::try_from(tag).ok()).ok_or(InvalidPlace)?;
        let epoch: Epoch = part()?.parse().map_err(|_| InvalidPlace)?;
        let offset = number(part()?).filter(|offset| *offset < OFFSET_END).ok_or(InvalidPlace)?;
        Ok(Self { channel: ChannelTag(channel), position: Position { epoch, offset } })
    }
}

/// One text a number: no sign, no leading zero.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let single = digits.len() == 1 || !digits.starts_with('0');
    if plain && single { digits.parse().ok() } else { None }
}

/// The most sends that a ring remembers.
pub const RING_MAX: usize = 64;

/// Offsets of one channel that were sent one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The channel.
    pub channel: ChannelTag,
    /// The first offset.
    pub first: u64,
    /// The last offset; not below the first.
    pub last: u64,
}

/// The last sends of one session, over all of its channels, in order.
///
/// It is written once a flush and channel, and has 12 bytes a send: a flush that goes on where the last one
/// ended, in the same channel, takes no more. Offsets alone are kept: where a channel's epoch changes,
/// [`clear`](Self::clear).
///
/// ```
/// use veche_protocol::socket_io::{ChannelTag, Run, SendRing};
///
/// let (a, b) = (ChannelTag(1), ChannelTag(2));
/// let mut ring = SendRing::default();
/// ring.push(Run { channel: a, first: 5, last: 7 });
/// ring.push(Run { channel: b, first: 90, last: 90 });
/// // The client has seen 6 in the first channel.
/// let missed: Vec<_> = ring.after(a, 6).expect("it was sent").collect();
/// assert_eq!(missed, [Run { channel: a, first: 7, last: 7 }, Run { channel: b, first: 90, last: 90 }]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct SendRing {
    sends: VecDeque<Send>,
    /// Whether an older send was forgotten.
    forgot: bool,
}

/// The upper half, then the lower half of the last offset (53 bits) and the number of offsets (11 bits) less
/// one: words of 4 bytes, so that the three take 12.
#[derive(Debug, Clone, Copy)]
struct Send {
    channel: u32,
    high: u32,
    low: u32,
}

const COUNT_BITS: u32 = 11;
/// The most offsets of one send.
const COUNT_MAX: u64 = 1 << COUNT_BITS;

impl Send {
    fn new(run: Run) -> Self {
        let bits = run.last << COUNT_BITS | (run.last - run.first);
        Self { channel: run.channel.0, high: (bits >> 32) as u32, low: bits as u32 }
    }

    fn run(self) -> Run {
        let bits = u64::from(self.high) << 32 | u64::from(self.low);
        let last = bits >> COUNT_BITS;
        Run { channel: ChannelTag(self.channel), first: last - (bits & (COUNT_MAX - 1)), last }
    }
}

impl SendRing {
    /// Remembers what was sent. A run of more than 2,048 offsets is several sends.
    ///
    /// # Panics
    /// In debug builds, if `first` is above `last` or an offset is not below 2^53.
    pub fn push(&mut self, run: Run) {
        debug_assert!(run.first <= run.last && run.last < OFFSET_END, "{run:?}");
        let mut first = run.first;
        if let Some(back) = self.sends.back_mut() {
            let previous = back.run();
            let room = COUNT_MAX - (previous.last - previous.first + 1);
            if previous.channel == run.channel && previous.last + 1 == first {
                let last = run.last.min(previous.last + room);
                *back = Send::new(Run { last, ..previous });
                first = last + 1;
            }
        }
        while first <= run.last {
            let last = run.last.min(first + COUNT_MAX - 1);
            if self.sends.len() == RING_MAX {
                self.sends.pop_front();
                self.forgot = true;
            }
            self.sends.push_back(Send::new(Run { first, last, ..run }));
            first = last + 1;
        }
    }

    /// What was sent behind an offset of a channel, in order; `None` if that offset is not remembered.
    ///
    /// An offset that was sent twice, by a replay, counts where it was sent last.
    pub fn after(&self, channel: ChannelTag, offset: u64) -> Option<impl Iterator<Item = Run>> {
        let holds = |run: &Run| run.channel == channel && (run.first..=run.last).contains(&offset);
        let at = self.sends.iter().rposition(|send| holds(&send.run()))?;
        let rest = self.sends.get(at).map(|send| Run { first: offset + 1, ..send.run() });
        let rest = rest.filter(|run| run.first <= run.last);
        Some(rest.into_iter().chain(self.sends.iter().skip(at + 1).map(|send| send.run())))
    }

    /// Everything that was sent, for a client that has seen nothing; `None` if some of it is forgotten.
    pub fn all(&self) -> Option<impl Iterator<Item = Run>> {
        (!self.forgot).then(|| self.runs())
    }

    /// What is remembered, in order: pushed into another ring it makes the same, but for what was
    /// [forgotten](Self::forgot).
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.sends.iter().map(|send| send.run())
    }

    /// Whether older sends were forgotten.
    pub const fn forgot(&self) -> bool {
        self.forgot
    }

    /// Forgets everything: from here on nothing before can be found, and [`all`](Self::all) is `None`.
    pub fn clear(&mut self) {
        self.sends = VecDeque::new();
        self.forgot = true;
    }

    /// The heap bytes that it holds.
    pub fn held(&self) -> usize {
        self.sends.capacity() * size_of::<Send>()
    }
}
