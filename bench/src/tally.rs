//! What a fan-out's subscribers have received: which messages are complete, how long they took, and what is
//! missing, doubled or out of order.

use std::time::Instant;

use crate::{
    dialect::{Dialect, NumberFinder},
    fleet::Receive,
    histogram::Histogram,
    sequence::Sequence,
    shape::Shape,
};

/// The publisher is the first client.
pub(crate) const PUBLISHER: usize = 0;

/// A message under way.
#[derive(Clone, Copy)]
struct Slot {
    sent: Instant,
    /// Subscribers that do not have it yet.
    remaining: usize,
}

/// The subscribers' side of a fan-out.
pub(crate) struct Tally {
    dialect: Dialect,
    pub(crate) shape: Shape,
    /// The first number of this run, one of the first channel's; what comes with a lower one comes twice or
    /// too late.
    pub(crate) base: u64,
    /// Every number below has arrived everywhere.
    pub(crate) done: u64,
    /// Every number below has been published.
    pub(crate) sent: u64,
    /// By number, modulo the length, which is a power of two no less than what may be under way.
    slots: Vec<Slot>,
    pub(crate) sequences: Vec<Sequence>,
    /// What the publisher was told.
    acknowledgements: Sequence,
    finder: NumberFinder,
    now: Instant,
    pub(crate) latencies: Histogram,
    pub(crate) deliveries: u64,
    pub(crate) strange: u64,
    pub(crate) remark: Option<String>,
}

impl Tally {
    pub(crate) fn new(dialect: Dialect, shape: Shape, base: u64) -> Self {
        let now = Instant::now();
        let slots = shape.most().next_power_of_two() as usize;
        Self {
            dialect,
            shape,
            base,
            done: base,
            sent: base,
            slots: vec![Slot { sent: now, remaining: 0 }; slots],
            sequences: std::iter::repeat_with(Sequence::default).take(shape.clients()).collect(),
            acknowledgements: Sequence::default(),
            finder: NumberFinder::default(),
            now,
            latencies: Histogram::new(),
            deliveries: 0,
            strange: 0,
            remark: None,
        }
    }

    pub(crate) fn publish(&mut self, sent: Instant) {
        let remaining = self.shape.subscribers;
        if let Some(slot) = self.slot(self.sent) {
            *slot = Slot { sent, remaining };
        }
        self.sent += 1;
    }

    fn slot(&mut self, number: u64) -> Option<&mut Slot> {
        let mask = self.slots.len() - 1;
        self.slots.get_mut(number as usize & mask)
    }

    /// A first copy arrived: `done` moves over all messages that are complete with it.
    fn deliver(&mut self, number: u64) {
        let now = self.now;
        let Some(slot) = self.slot(number) else { return };
        slot.remaining -= 1;
        let latency = now.saturating_duration_since(slot.sent);
        self.latencies.record(latency.as_nanos() as u64);
        self.deliveries += 1;
        while self.done < self.sent && self.slot(self.done).is_some_and(|slot| slot.remaining == 0) {
            self.done += 1;
        }
    }

    /// Takes what the publisher is told: an acknowledgement, or its own message, which is no delivery.
    fn answer(&mut self, payload: &[u8]) {
        let published = self.base..self.sent;
        match self.dialect.acknowledged(payload).filter(|number| published.contains(number)) {
            Some(number) => drop(self.acknowledgements.observe(number - self.base)),
            None if self.finder.find(payload).is_some() => {}
            None => self.note(payload),
        }
    }

    /// Acknowledgements may come in any order, but each once.
    pub(crate) fn unacknowledged(&self) -> u64 {
        if !self.dialect.acknowledges() {
            return 0;
        }
        self.acknowledgements.missing(self.sent - self.base) + self.acknowledgements.doubled
    }

    /// Deliveries that have not come.
    pub(crate) fn missing(&self) -> u64 {
        let sent = self.sent - self.base;
        let of = |(subscriber, sequence): (usize, &Sequence)| {
            sequence.missing(self.shape.sent_to(subscriber % self.shape.channels, sent))
        };
        self.sequences.iter().enumerate().map(of).sum()
    }

    fn note(&mut self, payload: &[u8]) {
        self.strange += 1;
        self.remark.get_or_insert_with(|| String::from_utf8_lossy(payload).into_owned());
    }
}

impl Receive for Tally {
    fn arrived(&mut self, now: Instant) {
        self.now = now;
    }

    fn text(&mut self, client: usize, payload: &[u8]) {
        let Some(subscriber) = client.checked_sub(PUBLISHER + 1) else { return self.answer(payload) };
        let (published, shape) = (self.base..self.sent, self.shape);
        let is_theirs = |number: &u64| {
            published.contains(number) && shape.turn_of(*number) == subscriber % shape.channels
        };
        let Some(number) = self.finder.find(payload).filter(is_theirs) else {
            self.note(payload);
            return;
        };
        let place = shape.place_of(number - self.base);
        let first = self.sequences.get_mut(subscriber).is_some_and(|sequence| sequence.observe(place));
        if first {
            self.deliver(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: u64) -> Vec<u8> {
        let mut frame = Vec::new();
        Dialect::Bare.write_publication(&mut frame, 0, number);
        frame
    }

    #[test]
    fn a_message_is_done_when_its_last_subscriber_has_it() {
        let mut tally = Tally::new(Dialect::Bare, Shape::window(2, 4), 10);
        for _ in 0..3 {
            tally.publish(Instant::now());
        }
        let steps = [(1, 10, 10), (1, 11, 10), (2, 10, 11), (2, 12, 11), (1, 12, 11), (2, 11, 13)];
        for (client, number, done) in steps {
            tally.text(client, &text(number));
            assert_eq!(tally.done, done, "after {number} for client {client}");
        }
        assert_eq!((tally.deliveries, tally.strange), (6, 0));
    }

    #[test]
    fn a_subscriber_is_owed_what_is_its_channels() {
        let mut tally = Tally::new(Dialect::Bare, Shape::rate(2, 1, 1_000), 10);
        (0..3).for_each(|_| tally.publish(Instant::now()));
        tally.text(1, &text(10));
        tally.text(2, &text(11));
        tally.text(2, &text(10));
        assert_eq!((tally.deliveries, tally.strange, tally.missing()), (2, 1, 1));
        tally.text(1, &text(12));
        assert_eq!((tally.done, tally.missing()), (13, 0));
    }

    #[test]
    fn doubles_and_foreign_messages_are_no_deliveries() {
        let mut tally = Tally::new(Dialect::Bare, Shape::window(1, 1), 10);
        tally.publish(Instant::now());
        tally.text(1, &text(10));
        tally.text(1, &text(10));
        tally.text(1, &text(9));
        tally.text(1, br#"{"type":"lagged"}"#);
        tally.text(PUBLISHER, &text(10));
        assert_eq!((tally.deliveries, tally.strange, tally.done), (1, 2, 11));
        assert_eq!(tally.sequences.first().map(|sequence| sequence.doubled), Some(1));
    }

    #[test]
    fn each_publication_is_acknowledged_once_in_any_order() {
        let check = |texts: &[&str], unacknowledged, strange| {
            let mut tally = Tally::new(Dialect::SocketIo, Shape::window(1, 4), 10);
            (0..2).for_each(|_| tally.publish(Instant::now()));
            texts.iter().for_each(|text| tally.text(PUBLISHER, text.as_bytes()));
            assert_eq!((tally.unacknowledged(), tally.strange), (unacknowledged, strange), "{texts:?}");
        };
        check(&["4310[]", "4311[]"], 0, 0);
        check(&["4311[]", "4310[]"], 0, 0);
        check(&["4310[]"], 1, 0);
        check(&["4310[]", "4311[]", "4310[]"], 1, 0);
        check(&["4310[]", "4312[]", r#"4311[{"type":"error"}]"#], 1, 2);
    }
}
