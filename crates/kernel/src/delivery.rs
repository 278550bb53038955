//! Up to where a channel of a log was delivered on this node, and what to do with what the log says.
//!
//! The log tells of a publication by a *hint*, which may be lost, doubled, late or out of order, and of its
//! head when it is asked. The node's record of the channel asks its [`Cursor`] what of it reaches the
//! subscribers here, and reads the log when the cursor says so. A broker that delivers in order itself only
//! moves it, by [`Cursor::follow`].
//!
//! Deliberately absent: I/O, time, payloads, subscribers.

use std::ops::Range;

use veche_protocol::position::{Epoch, Position};

use crate::broker::Head;

/// Up to where a channel was delivered on this node.
///
/// *Its law:* subscribers see offsets in order, each once, without a hole, or are told that they lost some.
///
/// One read is under way at a time: from [`Hinted::Read`], [`Then::Read`] or a `true` of
/// [`announce`](Self::announce) or [`retry`](Self::retry) to [`page`](Self::page) or
/// [`read_failed`](Self::read_failed). It must begin after the call that asked for it, and read after
/// [`delivered`](Self::delivered). Whoever registers interest anew begins with a new cursor.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// That of what was delivered; before the announcement that of the latest hint.
    epoch: Option<Epoch>,
    delivered: u64,
    /// The furthest offset that the log has told of since the last read began.
    told: u64,
    /// The log may hold more, nobody knows how much: a read failed, or another epoch was told of.
    unsure: bool,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The log has not told its head yet.
    #[default]
    Unannounced,
    Idle,
    Reading,
}

/// What becomes of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Hinted {
    /// It is the next: send it.
    Deliver,
    /// It was delivered before, or a read will bring it.
    Drop,
    /// Read the log after what was delivered.
    Read,
}

/// What becomes of a page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) struct Paged {
    /// The publications of the page to send, by index.
    pub(crate) deliver: Range<usize>,
    /// What follows when they are sent.
    pub(crate) then: Then,
}

/// What follows a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing: everything that the log has told of was delivered.
    Done,
    /// Read on, after what was delivered.
    Read,
    /// What comes after `since` is gone, or is of another numbering. The cursor stands at the page's head;
    /// tell every subscriber, so that it comes back with its position, then ask [`Cursor::retry`].
    Lost {
        /// Up to where subscribers had everything.
        since: Position,
    },
}

/// Whether everything up to a head was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reach {
    /// Yes: what comes live continues it.
    Here,
    /// Not yet; look again after the next hint or page.
    Coming,
    /// The head is of a numbering that was over when it came: ask for the head again.
    Never,
}

impl Cursor {
    /// Up to where everything was delivered; `None` before the log has told its head.
    pub(crate) fn delivered(&self) -> Option<Position> {
        let epoch = self.epoch.filter(|_| self.state != State::Unannounced)?;
        Some(Position { epoch, offset: self.delivered })
    }

    /// Whether a subscriber who was told this head, after it was [announced](Self::announce), can be added.
    /// One who comes with a position from another node may be ahead of this one, and must wait for it.
    pub(crate) fn reach(&self, head: Head) -> Reach {
        if self.delivered().is_some_and(|at| at.epoch == head.epoch && at.offset >= head.offset) {
            Reach::Here
        } else if self.state == State::Idle && !self.is_behind() {
            Reach::Never
        } else {
            Reach::Coming
        }
    }

    fn is_behind(&self) -> bool {
        self.unsure || self.told > self.delivered
    }

    /// The log has told its head; the first one is asked for after the interest was registered. Returns
    /// whether a read must start.
    #[must_use]
    pub(crate) fn announce(&mut self, head: Head) -> bool {
        if self.state == State::Unannounced {
            if self.epoch.is_some_and(|epoch| epoch != head.epoch) {
                // A hint of another epoch: which of the two is the later, only the log knows.
                self.unsure = true;
                self.told = 0;
            }
            self.epoch = Some(head.epoch);
            self.delivered = head.offset;
            self.state = State::Idle;
        } else if self.epoch == Some(head.epoch) {
            self.told = self.told.max(head.offset);
        } else {
            self.unsure = true;
        }
        self.retry()
    }

    /// A publication was committed at this position, says a hint.
    pub(crate) fn hint(&mut self, position: Position) -> Hinted {
        let same = self.epoch == Some(position.epoch);
        if self.state == State::Unannounced {
            self.unsure |= self.epoch.is_some() && !same;
            self.epoch = Some(position.epoch);
            self.told = if same { self.told.max(position.offset) } else { position.offset };
            return Hinted::Drop;
        }
        if !same {
            // A late hint of the epoch before, or the first of a new one: the log knows.
            self.unsure = true;
        } else if position.offset <= self.delivered {
            return Hinted::Drop;
        } else if position.offset - self.delivered == 1 {
            self.delivered = position.offset;
            return Hinted::Deliver;
        } else {
            self.told = self.told.max(position.offset);
        }
        if self.retry() { Hinted::Read } else { Hinted::Drop }
    }

    /// A page of the log came: its head and the offsets after what was delivered when the read began,
    /// ascending, at least one if there are any.
    pub(crate) fn page(&mut self, head: Head, offsets: &[u64]) -> Paged {
        let Some(since) = self.delivered() else { return Paged { deliver: 0..0, then: Then::Done } };
        // Hints may have delivered a part of it meanwhile, or all.
        let from = offsets.partition_point(|offset| *offset <= since.offset);
        let fresh = offsets.get(from..).unwrap_or_default();
        // A log that holds less than its head says would be read for ever.
        let absent = match fresh.first() {
            Some(first) => first - since.offset > 1,
            None => offsets.is_empty() && head.offset > since.offset,
        };
        if head.epoch != since.epoch || head.floor > since.offset || absent {
            if head.epoch == since.epoch {
                self.delivered = since.offset.max(head.offset);
            } else {
                self.epoch = Some(head.epoch);
                self.delivered = head.offset;
                self.told = 0;
            }
            self.state = State::Idle;
            return Paged { deliver: 0..0, then: Then::Lost { since } };
        }
        let next = |(offset, due): &(&u64, u64)| **offset == *due;
        let count = fresh.iter().zip(since.offset + 1..).take_while(next).count();
        self.delivered += count as u64;
        self.told = self.told.max(head.offset);
        self.state = State::Idle;
        let then = if self.retry() { Then::Read } else { Then::Done };
        Paged { deliver: from..from + count, then }
    }

    /// The read that was under way brought nothing. [`retry`](Self::retry), a later hint, or the head begins
    /// the next.
    pub(crate) fn read_failed(&mut self) {
        if self.state == State::Reading {
            self.state = State::Idle;
            self.unsure = true;
        }
    }

    /// Whether a read must start now: the log has told of more than was delivered, and none is under way.
    #[must_use]
    pub(crate) fn retry(&mut self) -> bool {
        if self.state != State::Idle || !self.is_behind() {
            return false;
        }
        self.state = State::Reading;
        // The read begins after all that was told so far.
        self.unsure = false;
        self.told = 0;
        true
    }

    /// A broker that delivers each publication itself, in order, has delivered this one.
    pub(crate) fn follow(&mut self, position: Position) {
        self.epoch = Some(position.epoch);
        self.delivered = position.offset;
        if self.state == State::Unannounced {
            self.state = State::Idle;
            self.told = 0;
            self.unsure = false;
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod simulation;
#[cfg(test)]
mod tests;
