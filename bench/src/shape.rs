//! How a fan-out is laid out: its channels, its subscribers, and how fast it is published.

use std::time::Duration;

/// How publications follow each other.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pace {
    /// A closed loop: so many messages are under way in all channels together, and one is replaced when its
    /// last subscriber has it.
    Window(u64),
    /// An open loop: so many deliveries a second, whether they arrive or not. A message's latency runs from
    /// when it was due, so that a server which stops for a while is charged for all who waited.
    Rate(u64),
}

/// A server that is so far behind an open loop has lost the race; nothing more is sent until it catches up.
const BEHIND: Duration = Duration::from_secs(2);

/// The layout of one fan-out.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Shape {
    /// The number of the first channel.
    pub(crate) first: usize,
    pub(crate) channels: usize,
    /// Subscribers of each channel.
    pub(crate) subscribers: usize,
    pub(crate) pace: Pace,
}

impl Shape {
    /// One channel in a closed loop.
    pub(crate) const fn window(subscribers: usize, window: u64) -> Self {
        Self { first: 0, channels: 1, subscribers, pace: Pace::Window(window) }
    }

    /// An open loop.
    pub(crate) const fn rate(channels: usize, subscribers: usize, deliveries: u64) -> Self {
        Self { first: 0, channels, subscribers, pace: Pace::Rate(deliveries) }
    }

    /// All subscribers.
    pub(crate) const fn clients(&self) -> usize {
        self.channels * self.subscribers
    }

    /// The subscribers of a channel, in words.
    pub(crate) fn audience(&self) -> String {
        match self.subscribers {
            1 => "1 subscriber".to_owned(),
            subscribers => format!("{subscribers} subscribers"),
        }
    }

    /// The same in channels of other numbers.
    pub(crate) const fn from(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Which of the channels a publication is for. They take turns, and so do subscribers.
    pub(crate) const fn turn_of(&self, number: u64) -> usize {
        (number % self.channels as u64) as usize
    }

    /// The number of a publication's channel.
    pub(crate) const fn channel_of(&self, number: u64) -> usize {
        self.first + self.turn_of(number)
    }

    /// The place of a publication among those of its channel.
    pub(crate) const fn place_of(&self, number: u64) -> u64 {
        number / self.channels as u64
    }

    /// How many of the first `sent` publications are for one of the channels.
    pub(crate) const fn sent_to(&self, turn: usize, sent: u64) -> u64 {
        (sent + self.channels as u64 - 1 - turn as u64) / self.channels as u64
    }

    /// How many publications are due after so long in an open loop.
    pub(crate) fn due(&self, elapsed: Duration) -> Option<u64> {
        match self.pace {
            Pace::Window(_) => None,
            Pace::Rate(_) => Some(self.intervals(elapsed)),
        }
    }

    /// The time between two publications of an open loop.
    pub(crate) fn interval(&self) -> Duration {
        match self.pace {
            Pace::Window(_) => Duration::ZERO,
            Pace::Rate(deliveries) => {
                Duration::from_nanos(self.subscribers as u64 * 1_000_000_000 / deliveries.max(1))
            }
        }
    }

    fn intervals(&self, time: Duration) -> u64 {
        (time.as_nanos() / self.interval().as_nanos().max(1)) as u64
    }

    /// Messages under way in a closed loop.
    pub(crate) const fn under_way(&self) -> Option<u64> {
        match self.pace {
            Pace::Window(window) => Some(window),
            Pace::Rate(_) => None,
        }
    }

    /// The most messages that may be under way before those that come next are not sent any more.
    pub(crate) fn most(&self) -> u64 {
        match self.pace {
            Pace::Window(window) => window,
            Pace::Rate(_) => self.intervals(BEHIND).max(1),
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { channels, subscribers, .. } = self;
        match self.pace {
            Pace::Window(window) => write!(f, "{window} under way"),
            Pace::Rate(rate) => write!(f, "{channels} × {subscribers} at {rate} deliveries a second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publications_go_to_the_channels_in_turn() {
        let shape = Shape::rate(3, 10, 1_000);
        let of = |number| (shape.turn_of(number), shape.place_of(number));
        assert_eq!(shape.from(10).channel_of(4), 11);
        assert_eq!([of(0), of(1), of(2), of(3), of(7)], [(0, 0), (1, 0), (2, 0), (0, 1), (1, 2)]);
        assert_eq!([0, 1, 2].map(|channel| shape.sent_to(channel, 7)), [3, 2, 2]);
        assert_eq!([0, 1, 2].map(|channel| shape.sent_to(channel, 0)), [0, 0, 0]);
    }

    #[test]
    fn an_open_loop_follows_the_clock() {
        let shape = Shape::rate(1, 1_000, 50_000);
        assert_eq!(shape.interval(), Duration::from_millis(20));
        assert_eq!(shape.due(Duration::from_millis(101)), Some(5));
        assert_eq!(shape.most(), 100);
        assert_eq!(Shape::window(10, 4).due(Duration::from_secs(1)), None);
    }
}
