//! Some subscribers of a channel never read.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Facts, REST, Stage};
use crate::{
    dialect::NumberFinder,
    error::BenchError,
    fanout::{self, Fanout},
    fleet::{Fleet, Receive, Role},
    process::{Stop, mebibytes},
    sequence::Sequence,
    shape::Shape,
};

/// Those who never read, beside those who do.
const DEAF: usize = 100;
const READERS: usize = 900;
/// With so many under way a server comes to the most bytes a second.
const LOAD: [Shape; 1] = [Shape::window(READERS, 64)];
/// What is published to each of the deaf, in bytes: four times what Veche keeps for one, and their sockets are
/// [narrow](Fleet::narrow).
const ENOUGH: u64 = 4 << 20;
/// A server that takes longer for it is not waited for.
const LONGEST: Duration = Duration::from_mins(1);

/// The others should not notice the deaf, and the server should not keep what those do not take. In the end the
/// deaf read what there is for them, and that shows what the server has done.
pub(crate) fn deaf(stage: Stage<'_>) -> Result<Facts, BenchError> {
    let mut facts = Facts::default();
    let alone = fanout::run(stage.dialect, stage.server, &LOAD, stage.duration, stage.stop)?;
    facts.readers(&alone, "1,000 deliveries/s, all read", "p99, all read, ms");
    let before = stage.rss()?;
    // Nothing is read of a fleet that has no turn.
    let mut fleet = Fleet::new(stage.dialect, stage.server.port)?.narrow();
    fleet.open(DEAF, Role::Subscriber, stage.stop)?;
    stage.server.forget_peak()?;
    let size = stage.publication();
    let goes_on =
        |elapsed, published| elapsed < stage.duration || published < ENOUGH / size && elapsed < LONGEST;
    let beside = fanout::run_while(stage.dialect, stage.server, &LOAD, goes_on, stage.stop)?;
    let peak = mebibytes(stage.server.peak()?);
    facts.readers(&beside, "1,000 deliveries/s to those who read", "p99 of those who read, ms");
    let published = beside.last().map_or(0, |fanout| fanout.published);
    facts.note_high("published to each of the deaf, MiB", mebibytes(published * size));
    let heard = Heard::all(&mut fleet, stage.stop)?;
    facts.count("of the deaf the server has ended", fleet.closed);
    // Who was ended has missed something, too.
    let skipped = heard.incomplete(published).saturating_sub(fleet.closed);
    facts.count("of those it has kept, who miss something", skipped);
    facts.note("RSS before, MiB", before);
    facts.note("RSS at its peak, MiB", peak);
    drop(fleet);
    thread::sleep(REST);
    facts.note("RSS when they have left, MiB", stage.rss()?);
    Ok(facts)
}

impl Facts {
    fn readers(&mut self, fanouts: &[Fanout], rate: &'static str, p99: &'static str) {
        self.blame(fanouts);
        for fanout in fanouts {
            self.note_high(rate, fanout.rate() / 1e3);
            self.note(p99, fanout.p99_ms);
        }
    }
}

/// What the deaf are told in the end.
struct Heard {
    finder: NumberFinder,
    sequences: Vec<Sequence>,
    last: Instant,
}

impl Heard {
    /// Lets the deaf read until nothing more comes.
    fn all(fleet: &mut Fleet, stop: &Stop) -> Result<Self, BenchError> {
        let sequences = std::iter::repeat_with(Sequence::default).take(DEAF).collect();
        let mut heard = Self { finder: NumberFinder::default(), sequences, last: Instant::now() };
        while heard.last.elapsed() < REST {
            stop.check()?;
            fleet.turn(Duration::from_millis(100), &mut heard)?;
        }
        Ok(heard)
    }

    /// Those who have not heard all that was published.
    fn incomplete(&self, published: u64) -> usize {
        self.sequences.iter().filter(|sequence| sequence.missing(published) > 0).count()
    }
}

impl Receive for Heard {
    fn arrived(&mut self, now: Instant) {
        self.last = now;
    }

    fn text(&mut self, client: usize, payload: &[u8]) {
        if let (Some(number), Some(sequence)) = (self.finder.find(payload), self.sequences.get_mut(client)) {
            sequence.observe(number);
        }
    }
}
