//! Fan-out: channels with many subscribers, and a publisher that keeps a fixed number of messages under way
//! or publishes at a fixed rate.
//!
//! In a closed loop the server is never offered more than it takes, and the figure is what one core can do.
//! Latency runs from the publisher's `send`, in an open loop from when that was due, to the read that brings
//! the message to a subscriber; this program's own queue is part of it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    dialect::{Dialect, NumberFinder},
    error::BenchError,
    fleet::{Fleet, Receive, Role},
    histogram::Histogram,
    process::{Cpu, Server, Stop},
    sequence::Sequence,
    shape::Shape,
};

/// The loop before the figures are taken.
const WARM_UP: Duration = Duration::from_millis(500);
/// Without a delivery for so long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long doubles are waited for after the last message.
const SETTLE: Duration = Duration::from_millis(100);
/// The publisher is the first client.
const PUBLISHER: usize = 0;

/// The result of one run of one shape.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fanout {
    #[serde(flatten)]
    pub(crate) shape: Shape,
    pub(crate) deliveries: u64,
    pub(crate) seconds: f64,
    /// Seconds of the server's CPU in its program, and in the kernel for it.
    pub(crate) server_user: f64,
    pub(crate) server_system: f64,
    /// Seconds of this program's CPU.
    pub(crate) client_cpu: f64,
    /// Latencies in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// Deliveries that never came, came after a later one, or came again.
    pub(crate) lost: u64,
    pub(crate) reordered: u64,
    pub(crate) doubled: u64,
    /// Publications that the server did not acknowledge just once, where it should.
    pub(crate) unacknowledged: u64,
    /// Messages that nobody published, and connections that ended.
    pub(crate) strange: u64,
    pub(crate) closed: usize,
    /// The first of those.
    pub(crate) remark: Option<String>,
}

impl Fanout {
    /// Nothing was measured yet.
    pub(crate) const fn empty(shape: Shape) -> Self {
        Self {
            shape,
            deliveries: 0,
            seconds: 0.0,
            server_user: 0.0,
            server_system: 0.0,
            client_cpu: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            p999_ms: 0.0,
            lost: 0,
            reordered: 0,
            doubled: 0,
            unacknowledged: 0,
            strange: 0,
            closed: 0,
            remark: None,
        }
    }

    /// Deliveries in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.deliveries as f64 / self.seconds
    }

    /// The server's CPU for a delivery, in microseconds.
    pub(crate) fn server_us(&self) -> f64 {
        (self.server_user + self.server_system) * 1e6 / self.deliveries.max(1) as f64
    }

    /// The part of it that is spent outside the kernel.
    pub(crate) fn user_us(&self) -> f64 {
        self.server_user * 1e6 / self.deliveries.max(1) as f64
    }

    /// This program's CPU for a delivery, in microseconds.
    pub(crate) fn client_us(&self) -> f64 {
        self.client_cpu * 1e6 / self.deliveries.max(1) as f64
    }

    /// What should be 0 and is no delivery.
    pub(crate) fn others(&self) -> u64 {
        self.unacknowledged + self.strange + self.closed as u64
    }

    /// Everything that should be 0.
    pub(crate) fn faults(&self) -> u64 {
        self.lost + self.reordered + self.doubled + self.others()
    }
}

/// Runs each shape in turn, over the same connections where they have the same channels; ends early when a
/// connection has ended.
pub(crate) fn run(
    dialect: Dialect,
    server: &Server,
    shapes: &[Shape],
    duration: Duration,
    stop: &Stop,
) -> Result<Vec<Fanout>, BenchError> {
    let layout = |shape: &Shape| (shape.first, shape.channels, shape.subscribers);
    let mut results = Vec::new();
    for alike in shapes.chunk_by(|a, b| layout(a) == layout(b)) {
        let Some(first) = alike.first() else { continue };
        let mut fleet = Fleet::new(dialect, server.port)?.over(first.first, first.channels);
        fleet.open(1, Role::Publisher, stop)?;
        fleet.open(first.clients(), Role::Subscriber, stop)?;
        let mut course = Course { dialect, fleet, stop };
        let mut base = 0;
        for &shape in alike {
            let mut tally = Tally::new(dialect, shape, base);
            course.run(&mut tally, WARM_UP)?;
            (tally.latencies, tally.deliveries) = (Histogram::new(), 0);
            let (cpu, own) = (server.cpu()?, Cpu::of("self")?);
            let began = Instant::now();
            course.run(&mut tally, duration)?;
            let seconds = began.elapsed().as_secs_f64();
            let (cpu, own) = (server.cpu()?.since(cpu), Cpu::of("self")?.since(own));
            course.settle(&mut tally)?;
            results.push(course.result(&tally, seconds, cpu, own));
            base = tally.sent.next_multiple_of(shape.channels as u64);
            if course.fleet.closed > 0 {
                return Ok(results);
            }
        }
    }
    Ok(results)
}

/// The publisher's side of the loop.
struct Course<'a> {
    dialect: Dialect,
    fleet: Fleet,
    stop: &'a Stop,
}

impl Course<'_> {
    /// Publishes for `duration`, then waits until every message has arrived everywhere. What is missing after
    /// a long silence, or when a connection has ended, is lost.
    fn run(&mut self, tally: &mut Tally, duration: Duration) -> Result<(), BenchError> {
        let (began, first) = (Instant::now(), tally.sent);
        let (mut last, mut progress) = (tally.deliveries, began);
        let mut batch = Vec::new();
        loop {
            self.stop.check()?;
            let elapsed = began.elapsed();
            let mut patience = Duration::from_millis(100);
            if elapsed < duration {
                self.fill(tally, &mut batch, began, first);
                if let Some(due) = tally.shape.due(elapsed) {
                    patience = patience
                        .min((tally.shape.interval() * (due as u32 + 1)).saturating_sub(began.elapsed()));
                }
            } else if tally.done == tally.sent {
                return Ok(());
            }
            self.fleet.turn(patience, tally)?;
            if tally.deliveries != last || elapsed < duration && tally.done == tally.sent {
                (last, progress) = (tally.deliveries, Instant::now());
            } else if progress.elapsed() > PATIENCE || self.fleet.closed > 0 {
                return Ok(());
            }
        }
    }

    /// Publishes what there is room for, or what is due since the loop began with its `first` message.
    fn fill(&mut self, tally: &mut Tally, batch: &mut Vec<u8>, began: Instant, first: u64) {
        batch.clear();
        let now = Instant::now();
        let interval = tally.shape.interval();
        let due = tally.shape.due(now.saturating_duration_since(began)).map(|due| first + due);
        while tally.sent - tally.done < tally.shape.most() && due.is_none_or(|due| tally.sent < due) {
            let at = if due.is_some() { began + interval * (tally.sent - first + 1) as u32 } else { now };
            self.dialect.write_publication(batch, tally.shape.channel_of(tally.sent), tally.sent);
            tally.publish(at);
        }
        if !batch.is_empty() {
            self.fleet.send(PUBLISHER, batch);
        }
    }

    fn settle(&mut self, tally: &mut Tally) -> Result<(), BenchError> {
        let began = Instant::now();
        while began.elapsed() < SETTLE {
            self.fleet.turn(Duration::from_millis(10), tally)?;
        }
        Ok(())
    }

    fn result(&self, tally: &Tally, seconds: f64, server: Cpu, client: Cpu) -> Fanout {
        let sum = |count: fn(&Sequence) -> u64| tally.sequences.iter().map(count).sum();
        let milliseconds = |quantile| tally.latencies.quantile(quantile) as f64 / 1e6;
        Fanout {
            deliveries: tally.deliveries,
            seconds,
            server_user: server.user,
            server_system: server.system,
            client_cpu: client.total(),
            p50_ms: milliseconds(0.5),
            p99_ms: milliseconds(0.99),
            p999_ms: milliseconds(0.999),
            lost: tally.missing(),
            reordered: sum(|sequence| sequence.reordered),
            doubled: sum(|sequence| sequence.doubled),
            unacknowledged: tally.unacknowledged(),
            strange: tally.strange,
            closed: self.fleet.closed,
            remark: tally.remark.clone().or_else(|| self.fleet.reason().map(str::to_owned)),
            ..Fanout::empty(tally.shape)
        }
    }
}

/// A message under way.
#[derive(Clone, Copy)]
struct Slot {
    sent: Instant,
    /// Subscribers that do not have it yet.
    remaining: usize,
}

/// The subscribers' side of the loop.
struct Tally {
    dialect: Dialect,
    shape: Shape,
    /// The first number of this run, one of the first channel's; what comes with a lower one comes twice or
    /// too late.
    base: u64,
    /// Every number below has arrived everywhere.
    done: u64,
    /// Every number below has been published.
    sent: u64,
    /// By number, modulo the length, which is a power of two no less than what may be under way.
    slots: Vec<Slot>,
    sequences: Vec<Sequence>,
    /// What the publisher was told.
    acknowledgements: Sequence,
    finder: NumberFinder,
    now: Instant,
    latencies: Histogram,
    deliveries: u64,
    strange: u64,
    remark: Option<String>,
}

impl Tally {
    fn new(dialect: Dialect, shape: Shape, base: u64) -> Self {
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

    fn publish(&mut self, sent: Instant) {
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
    fn unacknowledged(&self) -> u64 {
        if !self.dialect.acknowledges() {
            return 0;
        }
        self.acknowledgements.missing(self.sent - self.base) + self.acknowledgements.doubled
    }

    /// Deliveries that have not come.
    fn missing(&self) -> u64 {
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
