//! Publications to a durable channel: a closed loop of `message` frames, each replaced when its reply says
//! that it is in the log.
//!
//! A session's frames take effect one after the other, so frames under way on one connection never share a
//! commit; those of several connections do. Latency runs from the `send` to the read that brings the reply.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    bound::Bound,
    dialect::{self, Dialect},
    error::BenchError,
    fleet::{Fleet, Receive, Role},
    histogram::Histogram,
    process::{Cpu, Server, Stop},
    replay::Replay,
    wire,
};

/// The durable channel.
pub(crate) const CHANNEL: &str = "log:1";
/// Publications before the figures are taken.
const WARM_UP: u64 = 500;
/// Without a reply for so long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the frames under way are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Frames under way on each.
    pub(crate) frames: usize,
    /// How many publications share a commit of the bound that this is compared with.
    pub(crate) group: usize,
}

/// What is measured, in this order.
pub(crate) const LOADS: [Load; 4] = [
    Load { connections: 1, frames: 1, group: 1 },
    Load { connections: 1, frames: 50, group: 1 },
    Load { connections: 50, frames: 1, group: 50 },
    // While a commit runs, those whose replies have come queue for the next one: a closed loop of 50 makes
    // two groups that take turns, and it takes twice as many to make groups of 50.
    Load { connections: 100, frames: 1, group: 50 },
];

/// The publications in a commit of the bound.
pub(crate) const GROUPS: [usize; 2] = [1, 50];

/// How many publications one run of a group takes: a publication that shares its commit costs a tenth, and
/// CPU is counted in ticks.
pub(crate) fn count(group: usize, publishes: u64) -> u64 {
    if group == 1 { publishes } else { publishes * 10 }
}

/// The result of one repeat: the server, and the bound beside it.
#[derive(Debug, Serialize)]
pub(crate) struct Durable {
    pub(crate) publishing: Vec<Publishing>,
    pub(crate) replay: Replay,
    pub(crate) bounds: Vec<Bound>,
}

impl Durable {
    /// The server's CPU for a publication, by the bound's.
    pub(crate) fn ratio(&self, load: Load) -> Option<f64> {
        let server = self.publishing.iter().find(|publishing| publishing.load == load)?;
        let bound = self.bounds.iter().find(|bound| bound.group == load.group)?;
        Some(server.server_us() / bound.cpu_us())
    }

    /// Everything that should be 0.
    pub(crate) fn faults(&self) -> u64 {
        self.publishing.iter().map(|publishing| publishing.faults.sum()).sum::<u64>() + self.replay.faults
    }

    /// The first thing that should not have come.
    pub(crate) fn remark(&self) -> Option<&str> {
        let remarks = self.publishing.iter().filter_map(|publishing| publishing.remark.as_deref());
        remarks.chain(self.replay.remark.as_deref()).next()
    }
}

/// The result of one load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Publishing {
    pub(crate) load: Load,
    /// Acknowledged publications.
    pub(crate) publishes: u64,
    pub(crate) seconds: f64,
    /// Seconds of the server's CPU in its program, and in the kernel for it.
    pub(crate) server_user: f64,
    pub(crate) server_system: f64,
    /// Latencies in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) faults: Faults,
    /// The first thing that should not have come.
    pub(crate) remark: Option<String>,
}

/// Everything that should be 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    /// Ids without a reply.
    pub(crate) unanswered: u64,
    /// Ids with a second reply.
    pub(crate) doubled: u64,
    /// Positions that no reply names, and positions that two name.
    pub(crate) holes: u64,
    /// What is no reply of class `durable` to a frame of ours, and connections that ended.
    pub(crate) strange: u64,
}

impl Faults {
    fn sum(self) -> u64 {
        self.unanswered + self.doubled + self.holes + self.strange
    }
}

impl Publishing {
    /// Acknowledged publications in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.publishes as f64 / self.seconds
    }

    /// The server's CPU for a publication, in microseconds.
    pub(crate) fn server_us(&self) -> f64 {
        (self.server_user + self.server_system) * 1e6 / self.publishes.max(1) as f64
    }

    /// The part of it that is spent outside the kernel.
    pub(crate) fn user_us(&self) -> f64 {
        self.server_user * 1e6 / self.publishes.max(1) as f64
    }
}

/// What was published: where it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) epoch: String,
    pub(crate) offset: u64,
}

/// Measures each load over connections of its own, all to the same channel, until one goes wrong.
pub(crate) fn run(
    server: &Server,
    publishes: u64,
    stop: &Stop,
) -> Result<(Vec<Publishing>, End), BenchError> {
    let (mut results, mut ledger) = (Vec::new(), Ledger::default());
    for load in LOADS {
        let publishes = count(load.group, publishes);
        let mut fleet = Fleet::new(Dialect::Veche, server.port)?;
        fleet.open(load.connections, Role::Publisher, stop)?;
        let mut course = Course { fleet, stop };
        ledger.begin(load);
        course.publish(&mut ledger, WARM_UP)?;
        ledger.latencies = Histogram::new();
        let (began, cpu) = (Instant::now(), server.cpu()?);
        course.publish(&mut ledger, publishes)?;
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), server.cpu()?.since(cpu));
        let result = ledger.result(load, publishes, seconds, cpu, course.fleet.closed);
        let is_whole = result.faults.sum() == 0;
        results.push(result);
        if !is_whole {
            break;
        }
    }
    let end = End { epoch: ledger.epoch.clone(), offset: ledger.positions.len() as u64 };
    Ok((results, end))
}

/// The sending side of the loop.
struct Course<'a> {
    fleet: Fleet,
    stop: &'a Stop,
}

impl Course<'_> {
    /// Publishes `count` times and waits for the replies. What is missing after a long silence, or when a
    /// connection has ended, is lost.
    fn publish(&mut self, ledger: &mut Ledger, count: u64) -> Result<(), BenchError> {
        let end = ledger.frames.len() as u64 + count;
        let (mut last, mut progress) = (ledger.answered, Instant::now());
        loop {
            self.stop.check()?;
            while (ledger.frames.len() as u64) < end
                && let Some(client) = ledger.free.pop()
            {
                let number = ledger.frames.len() as u64;
                ledger.frames.push(Frame { client, sent: Instant::now(), is_answered: false });
                self.fleet.send(client, &publication(number));
            }
            if ledger.answered == end {
                return Ok(());
            }
            self.fleet.turn(Duration::from_millis(100), ledger)?;
            if ledger.answered != last {
                (last, progress) = (ledger.answered, Instant::now());
            } else if progress.elapsed() > PATIENCE || self.fleet.closed > 0 {
                return Ok(());
            }
        }
    }
}

/// The frame that publishes `number`, which is also its id.
fn publication(number: u64) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write!(text, r#"{{"type":"message","channel":"{CHANNEL}","id":{number},"data":"#);
    dialect::write_data(&mut text, number);
    text.push(b'}');
    let mut frame = Vec::new();
    wire::write_frame(&mut frame, wire::TEXT, &text);
    frame
}

/// A frame that was sent; its id is its place.
struct Frame {
    client: usize,
    sent: Instant,
    is_answered: bool,
}

/// The receiving side of the loop: all frames of a server's life, and what their replies say.
#[derive(Default)]
struct Ledger {
    frames: Vec<Frame>,
    answered: u64,
    /// Clients that may send, once for each frame that they may have under way.
    free: Vec<usize>,
    /// Whether a reply named the position, from 1 on.
    positions: Vec<bool>,
    epoch: String,
    now: Option<Instant>,
    latencies: Histogram,
    doubled: u64,
    /// Positions that came again.
    taken: u64,
    strange: u64,
    remark: Option<String>,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: u64,
    class: &'a str,
    position: Position<'a>,
}

#[derive(Deserialize)]
struct Position<'a> {
    epoch: &'a str,
    offset: u64,
}

impl Ledger {
    fn begin(&mut self, load: Load) {
        // Frame by frame, so that the connections take turns.
        self.free = (0..load.frames).flat_map(|_| 0..load.connections).collect();
    }

    fn result(&self, load: Load, publishes: u64, seconds: f64, cpu: Cpu, closed: usize) -> Publishing {
        let unanswered = self.frames.len() as u64 - self.answered;
        let holes = self.positions.iter().filter(|is_taken| !**is_taken).count() as u64;
        Publishing {
            load,
            publishes: publishes.saturating_sub(unanswered),
            seconds,
            server_user: cpu.user,
            server_system: cpu.system,
            p50_ms: self.latencies.milliseconds(0.5),
            p99_ms: self.latencies.milliseconds(0.99),
            faults: Faults {
                unanswered,
                doubled: self.doubled,
                holes: holes + self.taken,
                strange: self.strange + closed as u64,
            },
            remark: self.remark.clone(),
        }
    }

    /// Takes a reply; `None` where it answers nothing of ours.
    fn answer(&mut self, reply: &Reply<'_>, now: Instant) -> Option<()> {
        let Reply { kind: "reply", class: "durable", id, position } = reply else { return None };
        // More positions than frames cannot be: such a number must not size a list.
        let place = usize::try_from(position.offset.checked_sub(1)?).ok()?;
        if self.epoch.is_empty() {
            position.epoch.clone_into(&mut self.epoch);
        }
        if self.epoch != position.epoch || place >= self.frames.len() {
            return None;
        }
        let frame = self.frames.get_mut(usize::try_from(*id).ok()?)?;
        if std::mem::replace(&mut frame.is_answered, true) {
            self.doubled += 1;
            return Some(());
        }
        self.latencies.record(now.saturating_duration_since(frame.sent).as_nanos() as u64);
        self.answered += 1;
        self.free.push(frame.client);
        if self.positions.len() <= place {
            self.positions.resize(place + 1, false);
        }
        let is_taken = self.positions.get_mut(place)?;
        self.taken += u64::from(std::mem::replace(is_taken, true));
        Some(())
    }
}

impl Receive for Ledger {
    fn arrived(&mut self, now: Instant) {
        self.now = Some(now);
    }

    fn text(&mut self, _: usize, payload: &[u8]) {
        let now = self.now.unwrap_or_else(Instant::now);
        let reply = serde_json::from_slice::<Reply<'_>>(payload).ok();
        if reply.and_then(|reply| self.answer(&reply, now)).is_none() {
            self.strange += 1;
            self.remark.get_or_insert_with(|| String::from_utf8_lossy(payload).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(replies: &[(u64, u64, &str)]) -> Faults {
        let mut ledger = Ledger::default();
        for _ in 0..3 {
            ledger.frames.push(Frame { client: 0, sent: Instant::now(), is_answered: false });
        }
        for (id, offset, class) in replies {
            let text = format!(
                r#"{{"type":"reply","id":{id},"position":{{"epoch":"e","offset":{offset}}},"class":"{class}"}}"#
            );
            ledger.text(0, text.as_bytes());
        }
        ledger.result(LOADS[0], 3, 1.0, Cpu::default(), 0).faults
    }

    #[test]
    fn every_id_is_answered_once_and_positions_have_no_hole() {
        let durable = "durable";
        let check = |replies: &[(u64, u64, &str)], unanswered, doubled, holes, strange| {
            assert_eq!(faults(replies), Faults { unanswered, doubled, holes, strange }, "{replies:?}");
        };
        check(&[(0, 1, durable), (1, 2, durable), (2, 3, durable)], 0, 0, 0, 0);
        check(&[(2, 1, durable), (0, 3, durable), (1, 2, durable)], 0, 0, 0, 0);
        check(&[(0, 1, durable), (1, 2, durable)], 1, 0, 0, 0);
        check(&[(0, 1, durable), (0, 1, durable)], 2, 1, 0, 0);
        check(&[(0, 1, durable), (1, 3, durable)], 1, 0, 1, 0);
        check(&[(0, 1, durable), (1, 1, durable)], 1, 0, 1, 0);
        check(&[(0, 1, "memory"), (3, 1, durable), (0, 4, durable), (0, 0, durable)], 3, 0, 0, 4);
    }

    #[test]
    fn an_answer_frees_its_client() {
        let mut ledger = Ledger::default();
        ledger.frames.push(Frame { client: 7, sent: Instant::now(), is_answered: false });
        ledger.text(7, br#"{"type":"reply","id":0,"class":"durable","position":{"epoch":"e","offset":1}}"#);
        assert_eq!((ledger.free.as_slice(), ledger.epoch.as_str()), ([7].as_slice(), "e"));
    }
}
