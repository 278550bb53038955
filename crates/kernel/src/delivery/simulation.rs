//! The durable log in small, run by run: a sequencer whose transactions commit, roll back, or crash before
//! their hints; hints that are lost, doubled, late and out of order; retention; restores that draw a new
//! epoch; nodes that restart; clients that disconnect, return with `since`, are slow and are told `lagged`.
//! One thread, no clock, and all choices follow from the number of the run.
//!
//! Whenever everything has come to rest, each client must hold exactly what the log committed in the
//! numberings that it was told of: nothing lost without a `reset` or `lagged`, nothing twice, nothing out of
//! order, no `replay` that leaves something out. `client.rs` judges, from the log's ledger alone.
//!
//! `VECHE_SIM_RUNS=10000` makes more runs, `VECHE_SIM_RUN=17` makes that one.

mod chance;
mod client;
mod log;
mod node;
mod world;

use std::env;

use chance::Chance;
use veche_protocol::server::{Recovery, ResetReason};
use world::World;

/// A defect built in on purpose, to see that the judge notices it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// A hint of what was delivered before is delivered again.
    DuplicatesPass,
    /// A later hint is delivered without reading what lies between.
    HolesPass,
    /// A restore goes on in the epoch of before.
    EpochKept,
    /// The floor is not looked at, when a recovery is decided and when its pages are read.
    FalseReplay,
    /// Heads are never swept, so that a lost hint stays lost.
    NeverSwept,
    /// A page is delivered whole, with what hints delivered while it was read.
    PageUnbounded,
    /// Subscribers are not told of a loss.
    LossUntold,
    /// A subscriber is added at once, though the node may have delivered less than the client has.
    CutTooEarly,
    /// The pages of a replay are sent whatever numbering they are of.
    EpochsMixed,
    /// A transaction that rolled back sends its hints all the same.
    RolledBackHinted,
}

/// What differs from run to run.
struct Settings {
    broken: Option<Break>,
    replay_limit: u64,
    /// Publications of a page.
    page: usize,
    /// Frames that a socket may leave waiting.
    backlog: usize,
    /// The first client takes one of so many frames that it could.
    slowness: usize,
    /// What becomes of a slow client: the end, or `lagged`.
    disconnects: bool,
    /// A trim leaves fewer publications than this.
    retained: usize,
    /// No hint is lost and no writer crashes; then nothing may hang on a sweep, and there is none.
    reliable: bool,
    /// Of so many hints one is lost.
    loss: usize,
    /// Of so many chances to write one is taken.
    pause: usize,
    /// Likewise for restarts, restores and trims.
    calamity: usize,
}

impl Settings {
    fn choose(chance: &mut Chance, broken: Option<Break>) -> Self {
        Self {
            broken,
            replay_limit: [3, 8, 1_000][chance.below(3)],
            page: 1 + chance.below(4),
            backlog: 2 + chance.below(8),
            slowness: [1, 4, 16][chance.below(3)],
            disconnects: chance.one_in(3),
            retained: 2 + chance.below(40),
            reliable: broken != Some(Break::NeverSwept) && chance.one_in(3),
            loss: [2, 4, 16, 1_000][chance.below(4)],
            pause: [1, 2, 12][chance.below(3)],
            calamity: [1, 4, 16][chance.below(3)],
        }
    }
}

/// What happened in the runs, to know that they came to where it hurts.
#[derive(Debug, Default)]
struct Tally {
    committed: usize,
    filled: usize,
    restored: usize,
    lost: usize,
    lagged: usize,
    fresh: usize,
    up_to_date: usize,
    replay: usize,
    epoch: usize,
    trimmed: usize,
    too_far: usize,
}

impl Tally {
    fn count(&mut self, recovery: Recovery) {
        *match recovery {
            Recovery::Fresh => &mut self.fresh,
            Recovery::UpToDate => &mut self.up_to_date,
            Recovery::Replay => &mut self.replay,
            Recovery::Reset(ResetReason::Epoch) => &mut self.epoch,
            Recovery::Reset(ResetReason::Trimmed) => &mut self.trimmed,
            Recovery::Reset(ResetReason::TooFar) => &mut self.too_far,
            // The judge lets no `ahead` pass.
            Recovery::Reset(ResetReason::Ahead) => return,
        } += 1;
    }

    fn add(&mut self, other: &Self) {
        self.committed += other.committed;
        self.filled += other.filled;
        self.restored += other.restored;
        self.lost += other.lost;
        self.lagged += other.lagged;
        self.fresh += other.fresh;
        self.up_to_date += other.up_to_date;
        self.replay += other.replay;
        self.epoch += other.epoch;
        self.trimmed += other.trimmed;
        self.too_far += other.too_far;
    }

    fn least(&self) -> usize {
        let counts = [self.committed, self.filled, self.restored, self.lost, self.lagged, self.fresh];
        let recoveries = [self.up_to_date, self.replay, self.epoch, self.trimmed, self.too_far];
        counts.into_iter().chain(recoveries).min().unwrap_or(0)
    }
}

/// Things that happen in a run before it comes to rest.
const STEPS: usize = 1_500;

fn run(number: u64, broken: Option<Break>) -> Result<Tally, String> {
    let mut world = World::new(number, broken);
    world.run(STEPS)?;
    Ok(world.tally)
}

fn number_from(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

/// Seen red by each [`Break`] (the next test makes sure of it), and by these changes of the cursor: hints of
/// another epoch, and heads, taken for its own; the epoch of a page not looked at; a hole in a page passed
/// over; hints before the announcement or during a read forgotten; only one page read; a head that moves it
/// without a read; two reads at a time; a failed read that blocks the next; and, within 10,000 runs, a failed
/// read forgotten, an offset kept over a change of epoch, and a subscriber that waits for a head from before
/// a restore.
#[test]
fn every_client_sees_the_log_exactly_once_and_in_order() {
    let runs = match number_from("VECHE_SIM_RUN") {
        Some(one) => one..one + 1,
        None => 0..number_from("VECHE_SIM_RUNS").unwrap_or(200),
    };
    let many = runs.end - runs.start >= 200;
    let mut tally = Tally::default();
    for number in runs {
        match run(number, None) {
            Ok(run) => tally.add(&run),
            Err(what) => panic!("run {number} (VECHE_SIM_RUN={number}): {what}"),
        }
    }
    assert!(!many || tally.least() >= 30, "the runs do not come to where it hurts: {tally:?}");
}

#[test]
fn every_deliberate_break_is_noticed() {
    let breaks = [
        Break::DuplicatesPass,
        Break::HolesPass,
        Break::EpochKept,
        Break::FalseReplay,
        Break::NeverSwept,
        Break::PageUnbounded,
        Break::LossUntold,
        Break::CutTooEarly,
        Break::EpochsMixed,
        Break::RolledBackHinted,
    ];
    for broken in breaks {
        let noticed = (0..200).find_map(|number| run(number, Some(broken)).err());
        assert!(noticed.is_some(), "{broken:?} passed 200 runs");
    }
}
