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

    /// Notes how long messages took, and what became of them.
    fn latencies(&mut self, fanouts: &[Fanout], p50: &'static str, p99: &'static str) {
        self.blame(fanouts);
        for fanout in fanouts {
            self.note(p50, fanout.p50_ms);
            self.note(p99, fanout.p99_ms);
        }
    }

    fn blame(&mut self, fanouts: &[Fanout]) {
        self.faults += fanouts.iter().map(Fanout::faults).sum::<u64>();
    }
}

/// One of the scenarios below.
pub(crate) type Stress = for<'a> fn(Stage<'a>) -> Result<Facts, BenchError>;

/// What a scenario needs.
#[derive(Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) server: &'a Server,
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
    pub(crate) stop: &'a Stop,
}

/// Everybody connects as fast as one thread can, and leaves again.
pub(crate) fn storm(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    stage.come_and_go(1)?;
    let (before, cpu) = (stage.rss()?, stage.server.cpu()?);
    let mut fleet = Fleet::new(stage.dialect, stage.server.port)?.at_once();
    let began = Instant::now();
    fleet.open(stage.connections, Role::Subscriber, stage.stop)?;
    facts.note("all have joined after, s", began.elapsed().as_secs_f64());
    facts.note("from connect to joined, p50, ms", fleet.joins.quantile(0.5) as f64 / 1e6);
    facts.note("from connect to joined, p99, ms", fleet.joins.quantile(0.99) as f64 / 1e6);
    let cpu = stage.server.cpu()?.since(cpu).total();
    facts.note("CPU of a connect and join, µs", cpu * 1e6 / stage.connections as f64);
    facts.note("RSS before, MiB", before);
    facts.note("RSS with all, MiB", stage.rss()?);
    drop(fleet);
    thread::sleep(REST);
    facts.note("RSS when they have left, MiB", stage.rss()?);
    Ok(facts)
}

/// `connections` come and go, a thousand at a time.
pub(crate) fn churn(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    // As many as are there at once later, so that what the allocator keeps is no growth.
    (0..10).try_for_each(|_| stage.come_and_go(ROUND))?;
    thread::sleep(REST);
    let (before, cpu) = (stage.rss()?, stage.server.cpu()?);
    let rounds = stage.connections.div_ceil(ROUND);
    (0..rounds).try_for_each(|_| stage.come_and_go(ROUND))?;
    let cpu = stage.server.cpu()?.since(cpu).total();
    thread::sleep(REST);
    let after = stage.rss()?;
    facts.note("connections that came and went", (rounds * ROUND) as f64);
    facts.note("CPU of coming and going, µs", cpu * 1e6 / (rounds * ROUND) as f64);
    facts.note("RSS before, MiB", before);
    facts.note("RSS after, MiB", after);
    facts.note("growth, %", (after / before - 1.0) * 100.0);
    Ok(facts)
}

/// Some subscribers of a channel never read; the others should not notice, and the server should not keep
/// what the deaf do not take.
pub(crate) fn deaf(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    let shape = [Shape::window(READERS, 4)];
    let run = || fanout::run(stage.dialect, stage.server, &shape, stage.duration, stage.stop);
    let alone = run()?;
    let before = stage.rss()?;
    // Nothing is read of a fleet that has no turn.
    let mut deaf = Fleet::new(stage.dialect, stage.server.port)?;
    deaf.open(DEAF, Role::Subscriber, stage.stop)?;
    let beside = run()?;
    let with = stage.rss()?;
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
    facts.note("RSS more when they have left, MiB", stage.rss()? - before);
    Ok(facts)
}

/// Quiet channels, alone and beside a busy one.
pub(crate) fn busy(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    let alone = stage.quiet()?;
    let longer = stage.duration + Duration::from_secs(1);
    let (beside, busy) =
        stage.quiet_beside(|_| fanout::run(stage.dialect, stage.server, &[BUSY], longer, stage.stop))?;
    facts.latencies(&alone, "quiet channels alone, p50, ms", "quiet channels alone, p99, ms");
    facts.latencies(&beside, "beside the busy one, p50, ms", "beside the busy one, p99, ms");
    facts.latencies(&busy, "the busy one, p50, ms", "the busy one, p99, ms");
    Ok(facts)
}

/// One client publishes as fast as its socket takes it, with the limits on, into a channel of its own.
pub(crate) fn flood(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    let alone = stage.quiet()?;
    let before = stage.rss()?;
    let (beside, shouted) = stage.quiet_beside(|is_over| stage.shout(is_over))?;
    facts.latencies(&alone, "the others, before, p50, ms", "the others, before, p99, ms");
    facts.latencies(&beside, "the others meanwhile, p50, ms", "the others meanwhile, p99, ms");
    facts.note("frames of who shouts, 1,000/s", shouted.frames as f64 / shouted.seconds / 1e3);
    facts.note("their connections that the server has ended", shouted.ended as f64);
    facts.note("RSS more, MiB", stage.rss()? - before);
    Ok(facts)
}

impl Stage<'_> {
    fn quiet(self) -> Result<Vec<Fanout>, BenchError> {
        fanout::run(self.dialect, self.server, &[QUIET], self.duration, self.stop)
    }

    /// The quiet channels while something else goes on, which is told when they are done.
    fn quiet_beside<T: Send>(
        self,
        other: impl FnOnce(&AtomicBool) -> Result<T, BenchError> + Send,
    ) -> Result<(Vec<Fanout>, T), BenchError> {
        let is_over = AtomicBool::new(false);
        let (quiet, other) = thread::scope(|scope| {
            let other = scope.spawn(|| other(&is_over));
            let quiet = self.quiet();
            is_over.store(true, Ordering::Relaxed);
            (quiet, other.join())
        });
        let other = other.map_err(|_| BenchError::Unfit("the other load panicked".to_owned()))??;
        Ok((quiet?, other))
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
