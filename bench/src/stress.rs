//! What a server does when it has a hard time: many who come at once, who come and go, who never read, who
//! shout; and a busy channel beside quiet ones.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    dialect::Dialect,
    error::BenchError,
    fanout::{self, Fanout},
    fleet::{Fleet, Receive, Role},
    process::{Server, Stop},
    shape::Shape,
};

/// How long a server is given to clean up behind those who left.
const REST: Duration = Duration::from_secs(3);
/// Connections of one round of coming and going.
const ROUND: usize = 1_000;
/// Those who never read, beside those who do.
const DEAF: usize = 100;
const READERS: usize = 900;
/// Quiet channels, each with one subscriber and one message a second.
const QUIET: Shape = Shape::rate(1_000, 1, 1_000);
/// The busy channel beside them: 1,000 subscribers, 100 messages a second.
const BUSY: Shape = Shape::rate(1, 1_000, 100_000).from(1_000);
/// Frames of one `send` of who shouts.
const SHOUT: u64 = 64;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fact {
    /// What it is, with its unit.
    pub(crate) what: &'static str,
    pub(crate) value: f64,
}

/// What one run has shown.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Facts {
    pub(crate) facts: Vec<Fact>,
    /// Deliveries that were lost, doubled or out of order, and connections that ended, where none should.
    pub(crate) faults: u64,
}

impl Facts {
    fn note(&mut self, what: &'static str, value: f64) {
        self.facts.push(Fact { what, value });
    }

    fn blame(&mut self, fanouts: &[Fanout]) {
        self.faults += fanouts.iter().map(Fanout::faults).sum::<u64>();
    }
}

/// What a scenario needs.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) server: &'a Server,
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
    pub(crate) stop: &'a Stop,
}

impl Stage<'_> {
    /// Everybody connects as fast as one thread can, and leaves again.
    pub(crate) fn storm(self) -> Result<Facts, BenchError> {
        let mut facts = Facts::default();
        self.come_and_go(1)?;
        let (before, cpu) = (self.rss()?, self.server.cpu()?);
        let mut fleet = Fleet::new(self.dialect, self.server.port)?.at_once();
        let began = Instant::now();
        fleet.open(self.connections, Role::Subscriber, self.stop)?;
        facts.note("all have joined after, s", began.elapsed().as_secs_f64());
        facts.note("from connect to joined, p50, ms", fleet.joins.quantile(0.5) as f64 / 1e6);
        facts.note("from connect to joined, p99, ms", fleet.joins.quantile(0.99) as f64 / 1e6);
        let cpu = self.server.cpu()?.since(cpu).total();
        facts.note("CPU of a connect and join, µs", cpu * 1e6 / self.connections as f64);
        facts.note("RSS before, MiB", before);
        facts.note("RSS with all, MiB", self.rss()?);
        drop(fleet);
        thread::sleep(REST);
        facts.note("RSS when they have left, MiB", self.rss()?);
        Ok(facts)
    }

    /// `connections` come and go, a thousand at a time.
    pub(crate) fn churn(self) -> Result<Facts, BenchError> {
        let mut facts = Facts::default();
        // As many as are there at once later, so that what the allocator keeps is no growth.
        (0..10).try_for_each(|_| self.come_and_go(ROUND))?;
        thread::sleep(REST);
        let (before, cpu) = (self.rss()?, self.server.cpu()?);
        let rounds = self.connections.div_ceil(ROUND);
        (0..rounds).try_for_each(|_| self.come_and_go(ROUND))?;
        let cpu = self.server.cpu()?.since(cpu).total();
        thread::sleep(REST);
        let after = self.rss()?;
        facts.note("connections that came and went", (rounds * ROUND) as f64);
        facts.note("CPU of coming and going, µs", cpu * 1e6 / (rounds * ROUND) as f64);
        facts.note("RSS before, MiB", before);
        facts.note("RSS after, MiB", after);
        facts.note("growth, %", (after / before - 1.0) * 100.0);
        Ok(facts)
    }

    /// Some subscribers of a channel never read; the others should not notice, and the server should not keep
    /// what the deaf do not take.
    pub(crate) fn deaf(self) -> Result<Facts, BenchError> {
        let mut facts = Facts::default();
        let shape = [Shape::window(READERS, 4)];
        let run = || fanout::run(self.dialect, self.server, &shape, self.duration, self.stop);
        let alone = run()?;
        let before = self.rss()?;
        // Nothing is read of a fleet that has no turn.
        let mut deaf = Fleet::new(self.dialect, self.server.port)?;
        deaf.open(DEAF, Role::Subscriber, self.stop)?;
        let beside = run()?;
        let with = self.rss()?;
        let read = Instant::now();
        while read.elapsed() < REST {
            deaf.turn(Duration::from_millis(100), &mut Nobody)?;
        }
        facts.blame(&alone);
        facts.blame(&beside);
        for (fanouts, rate, p99) in [
            (&alone, "1,000 deliveries/s, all read", "p99, all read, ms"),
            (&beside, "1,000 deliveries/s to those who read", "p99 of those who read, ms"),
        ] {
            for fanout in fanouts {
                facts.note(rate, fanout.rate() / 1e3);
                facts.note(p99, fanout.p99_ms);
            }
        }
        facts.note("RSS more with the deaf, MiB", with - before);
        facts.note("of the deaf the server has ended", deaf.closed as f64);
        drop(deaf);
        thread::sleep(REST);
        facts.note("RSS more when they have left, MiB", self.rss()? - before);
        Ok(facts)
    }

    /// Quiet channels, alone and beside a busy one.
    pub(crate) fn busy(self) -> Result<Facts, BenchError> {
        let mut facts = Facts::default();
        let quiet = || fanout::run(self.dialect, self.server, &[QUIET], self.duration, self.stop);
        let alone = quiet()?;
        let (beside, busy) = thread::scope(|scope| {
            let longer = self.duration + Duration::from_secs(1);
            let busy =
                scope.spawn(move || fanout::run(self.dialect, self.server, &[BUSY], longer, self.stop));
            let beside = quiet();
            (beside, busy.join())
        });
        let busy =
            busy.map_err(|_| BenchError::Unfit("the thread of the busy channel panicked".to_owned()))??;
        for (fanouts, p50, p99) in [
            (alone, "quiet channels alone, p50, ms", "quiet channels alone, p99, ms"),
            (beside?, "beside the busy one, p50, ms", "beside the busy one, p99, ms"),
            (busy, "the busy one, p50, ms", "the busy one, p99, ms"),
        ] {
            facts.blame(&fanouts);
            for fanout in &fanouts {
                facts.note(p50, fanout.p50_ms);
                facts.note(p99, fanout.p99_ms);
            }
        }
        Ok(facts)
    }

    /// One client publishes as fast as its socket takes it, with the limits on, into a channel of its own.
    pub(crate) fn flood(self) -> Result<Facts, BenchError> {
        let mut facts = Facts::default();
        let quiet = || fanout::run(self.dialect, self.server, &[QUIET], self.duration, self.stop);
        let alone = quiet()?;
        let before = self.rss()?;
        let is_over = AtomicBool::new(false);
        let (beside, shouted) = thread::scope(|scope| {
            let shouting = scope.spawn(|| self.shout(&is_over));
            let beside = quiet();
            is_over.store(true, Ordering::Relaxed);
            (beside, shouting.join())
        });
        let shouted =
            shouted.map_err(|_| BenchError::Unfit("the thread that shouts panicked".to_owned()))??;
        for (fanouts, p50, p99) in [
            (alone, "the others, before, p50, ms", "the others, before, p99, ms"),
            (beside?, "the others meanwhile, p50, ms", "the others meanwhile, p99, ms"),
        ] {
            facts.blame(&fanouts);
            for fanout in &fanouts {
                facts.note(p50, fanout.p50_ms);
                facts.note(p99, fanout.p99_ms);
            }
        }
        facts.note("frames of who shouts, 1,000/s", shouted.frames as f64 / shouted.seconds / 1e3);
        facts.note("their connections that the server has ended", shouted.ended as f64);
        facts.note("RSS more, MiB", self.rss()? - before);
        Ok(facts)
    }

    /// Comes back whenever the server has sent it away.
    fn shout(self, is_over: &AtomicBool) -> Result<Shouted, BenchError> {
        let mut shouted = Shouted::default();
        let began = Instant::now();
        let mut batch = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let mut fleet = Fleet::new(self.dialect, self.server.port)?;
            fleet.open(1, Role::Publisher, self.stop)?;
            while fleet.closed == 0 && !is_over.load(Ordering::Relaxed) {
                self.stop.check()?;
                batch.clear();
                if fleet.is_clear(0) {
                    for number in 0..SHOUT {
                        self.dialect.write_publication(&mut batch, QUIET.channels, number);
                    }
                    shouted.frames += SHOUT;
                }
                fleet.send(0, &batch);
                fleet.turn(Duration::ZERO, &mut Nobody)?;
            }
            shouted.ended += fleet.closed;
        }
        shouted.seconds = began.elapsed().as_secs_f64();
        Ok(shouted)
    }

    fn come_and_go(self, count: usize) -> Result<(), BenchError> {
        let mut fleet = Fleet::new(self.dialect, self.server.port)?;
        fleet.open(count, Role::Subscriber, self.stop)
    }

    fn rss(self) -> Result<f64, BenchError> {
        Ok(self.server.memory()?.rss as f64 / f64::from(1 << 20))
    }
}

/// Does not care.
struct Nobody;

impl Receive for Nobody {
    fn arrived(&mut self, _: Instant) {}
    fn text(&mut self, _: usize, _: &[u8]) {}
}

#[derive(Default)]
struct Shouted {
    frames: u64,
    ended: usize,
    seconds: f64,
}
