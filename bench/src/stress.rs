//! What a server does when it has a hard time: many who come at once, who come and go, who never read, who
//! shout; and a busy channel beside quiet ones.

mod deaf;

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
    fleet::{Fleet, Ignore, Role},
    process::{Server, Stop, mebibytes},
    shape::Shape,
};

pub(crate) use self::deaf::deaf;

/// How long a server is given to clean up behind those who left.
const REST: Duration = Duration::from_secs(3);
/// Connections of one round of coming and going.
const ROUND: usize = 1_000;
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
    pub(crate) kind: Kind,
}

/// How a figure is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It should be low.
    Low,
    /// It should be high.
    High,
    /// It has no fraction.
    Count,
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
        self.facts.push(Fact { what, value, kind: Kind::Low });
    }

    fn note_high(&mut self, what: &'static str, value: f64) {
        self.facts.push(Fact { what, value, kind: Kind::High });
    }

    fn count(&mut self, what: &'static str, count: usize) {
        self.facts.push(Fact { what, value: count as f64, kind: Kind::Count });
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
    facts.note("from connect to joined, p50, ms", fleet.joins.milliseconds(0.5));
    facts.note("from connect to joined, p99, ms", fleet.joins.milliseconds(0.99));
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
    facts.count("connections that came and went", rounds * ROUND);
    facts.note("CPU of coming and going, µs", cpu * 1e6 / (rounds * ROUND) as f64);
    facts.note("RSS before, MiB", before);
    facts.note("RSS after, MiB", after);
    facts.note("growth, %", (after / before - 1.0) * 100.0);
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
    facts.note_high("frames of who shouts, 1,000/s", shouted.frames as f64 / shouted.seconds / 1e3);
    facts.count("their connections that the server has ended", shouted.ended);
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
                fleet.turn(Duration::ZERO, &mut Ignore)?;
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

    /// How many bytes a publication takes, roughly: as many on its way out as in.
    fn publication(self) -> u64 {
        let mut frame = Vec::new();
        self.dialect.write_publication(&mut frame, 0, 0);
        frame.len() as u64
    }

    fn rss(self) -> Result<f64, BenchError> {
        Ok(mebibytes(self.server.memory()?.rss))
    }
}

#[derive(Default)]
struct Shouted {
    frames: u64,
    ended: usize,
    seconds: f64,
}
