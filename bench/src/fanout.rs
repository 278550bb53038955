//! Fan-out: channels with many subscribers, and a publisher that keeps a fixed number of messages under way
//! or publishes at a fixed rate.
//!
//! In a closed loop the server is never offered more than it takes, and the figure is what one core can do.
//! Latency runs from the publisher's `send`, in an open loop from when that was due, to the read that brings
//! the message to a subscriber; this program's own queue is part of it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    dialect::Dialect,
    error::BenchError,
    fleet::{Fleet, Role},
    histogram::Histogram,
    process::{Cpu, Server, Stop},
    sequence::Sequence,
    shape::Shape,
    tally::{PUBLISHER, Tally},
};

/// The loop before the figures are taken.
const WARM_UP: Duration = Duration::from_millis(500);
/// Without a delivery for so long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long doubles are waited for after the last message.
const SETTLE: Duration = Duration::from_millis(100);

/// The result of one run of one shape.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fanout {
    #[serde(flatten)]
    pub(crate) shape: Shape,
    /// Publications of the channels so far, those before the measurement included.
    pub(crate) published: u64,
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
    /// Nothing was measured.
    #[cfg(test)]
    pub(crate) const fn empty(shape: Shape) -> Self {
        Self {
            shape,
            published: 0,
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
    run_while(dialect, server, shapes, |elapsed, _| elapsed < duration, stop)
}

/// The same, each shape for as long as the time and the number of the next publication allow.
pub(crate) fn run_while(
    dialect: Dialect,
    server: &Server,
    shapes: &[Shape],
    goes_on: impl Fn(Duration, u64) -> bool,
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
            course.run(&mut tally, |elapsed, _| elapsed < WARM_UP)?;
            (tally.latencies, tally.deliveries) = (Histogram::new(), 0);
            let (cpu, own) = (server.cpu()?, Cpu::of("self")?);
            let began = Instant::now();
            course.run(&mut tally, &goes_on)?;
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
    /// Publishes while it goes on, then waits until every message has arrived everywhere. What is missing after
    /// a long silence, or when a connection has ended, is lost.
    fn run(&mut self, tally: &mut Tally, goes_on: impl Fn(Duration, u64) -> bool) -> Result<(), BenchError> {
        let (began, first) = (Instant::now(), tally.sent);
        let (mut last, mut progress) = (tally.deliveries, began);
        let mut batch = Vec::new();
        loop {
            self.stop.check()?;
            let elapsed = began.elapsed();
            let is_open = goes_on(elapsed, tally.sent);
            let mut patience = Duration::from_millis(100);
            if is_open {
                self.fill(tally, &mut batch, began, first);
                if let Some(due) = tally.shape.due(elapsed) {
                    patience = patience
                        .min((tally.shape.interval() * (due as u32 + 1)).saturating_sub(began.elapsed()));
                }
            } else if tally.done == tally.sent {
                return Ok(());
            }
            self.fleet.turn(patience, tally)?;
            if tally.deliveries != last || is_open && tally.done == tally.sent {
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
        Fanout {
            shape: tally.shape,
            published: tally.sent,
            deliveries: tally.deliveries,
            seconds,
            server_user: server.user,
            server_system: server.system,
            client_cpu: client.total(),
            p50_ms: tally.latencies.milliseconds(0.5),
            p99_ms: tally.latencies.milliseconds(0.99),
            p999_ms: tally.latencies.milliseconds(0.999),
            lost: tally.missing(),
            reordered: sum(|sequence| sequence.reordered),
            doubled: sum(|sequence| sequence.doubled),
            unacknowledged: tally.unacknowledged(),
            strange: tally.strange,
            closed: self.fleet.closed,
            remark: tally.remark.clone().or_else(|| self.fleet.reason().map(str::to_owned)),
        }
    }
}
