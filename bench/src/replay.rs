//! Subscribing to a durable channel with a position: what was missed comes from the log.
//!
//! One client subscribes, takes the replay, leaves the channel, and again. The time runs from the
//! `subscribe` to the read that brings the last publication that was missed.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::{
    dialect::Dialect,
    durable::{CHANNEL, End},
    error::BenchError,
    fleet::{Fleet, Receive, Role},
    histogram::Histogram,
    process::{Server, Stop},
    wire,
};

/// Publications of a replay: as many as `replay_limit` allows by default.
pub(crate) const MISSED: u64 = 1_000;
/// Replays of a run.
const ROUNDS: u64 = 100;
/// Without an answer for so long, the rest of a replay is lost.
const PATIENCE: Duration = Duration::from_secs(5);
const CLIENT: usize = 0;

/// The result of one run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Replay {
    /// Publications of each replay.
    pub(crate) missed: u64,
    pub(crate) rounds: u64,
    /// Times in milliseconds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Seconds of the server's CPU for all rounds.
    pub(crate) server_cpu: f64,
    /// Publications that did not come in order, texts that should not have come, connections that ended.
    pub(crate) faults: u64,
    /// The first of those texts.
    pub(crate) remark: Option<String>,
}

impl Replay {
    /// The server's CPU for a replay, in milliseconds.
    pub(crate) fn server_ms(&self) -> f64 {
        self.server_cpu * 1e3 / self.rounds as f64
    }
}

/// Replays the last publications before `end` again and again.
pub(crate) fn run(server: &Server, end: &End, stop: &Stop) -> Result<Replay, BenchError> {
    let mut fleet = Fleet::new(Dialect::Veche, server.port)?;
    fleet.open(1, Role::Publisher, stop)?;
    let missed = MISSED.min(end.offset);
    let since = end.offset - missed;
    let epoch = &end.epoch;
    let subscribe = frame(&format!(
        r#"{{"type":"subscribe","id":1,"channel":"{CHANNEL}","since":{{"epoch":"{epoch}","offset":{since}}}}}"#
    ));
    let unsubscribe = frame(&format!(r#"{{"type":"unsubscribe","id":2,"channel":"{CHANNEL}"}}"#));
    let mut listener = Listener { now: Instant::now(), next: 0, step: Step::Left, remark: None, strange: 0 };
    let (mut latencies, mut lost) = (Histogram::new(), 0);
    let cpu = server.cpu()?;
    for _ in 0..ROUNDS {
        (listener.step, listener.next) = (Step::Asked, since + 1);
        let began = Instant::now();
        fleet.send(CLIENT, &subscribe);
        wait(&mut fleet, &mut listener, stop, |it| it.step == Step::Joined && it.next > end.offset)?;
        latencies.record(listener.now.saturating_duration_since(began).as_nanos() as u64);
        lost += (end.offset + 1).saturating_sub(listener.next);
        fleet.send(CLIENT, &unsubscribe);
        wait(&mut fleet, &mut listener, stop, |it| it.step == Step::Left)?;
        if lost > 0 || listener.strange > 0 || fleet.closed > 0 {
            break;
        }
    }
    Ok(Replay {
        missed,
        rounds: ROUNDS,
        p50_ms: latencies.milliseconds(0.5),
        p99_ms: latencies.milliseconds(0.99),
        server_cpu: server.cpu()?.since(cpu).total(),
        faults: lost + listener.strange + fleet.closed as u64,
        remark: listener.remark,
    })
}

/// Until `done`, or nothing more is to be hoped for.
fn wait(
    fleet: &mut Fleet,
    listener: &mut Listener,
    stop: &Stop,
    done: impl Fn(&Listener) -> bool,
) -> Result<(), BenchError> {
    let began = Instant::now();
    while !done(listener) && fleet.closed == 0 && began.elapsed() < PATIENCE {
        stop.check()?;
        fleet.turn(Duration::from_millis(100), listener)?;
    }
    Ok(())
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::write_frame(&mut frame, wire::TEXT, text.as_bytes());
    frame
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Asked,
    Joined,
    Left,
}

/// What the client is told.
struct Listener {
    now: Instant,
    /// The position that has to come next.
    next: u64,
    step: Step,
    strange: u64,
    remark: Option<String>,
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    offset: Option<u64>,
    recovery: Option<&'a str>,
}

impl Listener {
    /// Whether this may come now.
    fn take(&mut self, told: &Told<'_>) -> bool {
        match (self.step, told) {
            (Step::Asked, Told { kind: "subscribed", recovery: Some("replay"), .. }) => {
                self.step = Step::Joined;
            }
            (Step::Joined, Told { kind: "message", offset: Some(offset), .. }) if *offset == self.next => {
                self.next += 1;
            }
            (Step::Joined, Told { kind: "unsubscribed", .. }) => self.step = Step::Left,
            _ => return false,
        }
        true
    }
}

impl Receive for Listener {
    fn arrived(&mut self, now: Instant) {
        self.now = now;
    }

    fn text(&mut self, _: usize, payload: &[u8]) {
        let told = serde_json::from_slice::<Told<'_>>(payload).ok();
        if !told.is_some_and(|told| self.take(&told)) {
            self.strange += 1;
            self.remark.get_or_insert_with(|| String::from_utf8_lossy(payload).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_comes_after_its_answer_in_order_and_whole() {
        let subscribed = r#"{"type":"subscribed","channel":"log:1","offset":9,"recovery":"replay"}"#;
        let reset = r#"{"type":"subscribed","channel":"log:1","offset":9,"recovery":"reset"}"#;
        let [eight, nine] = [8, 9].map(|offset| format!(r#"{{"type":"message","offset":{offset}}}"#));
        let check = |texts: &[&str], expected: (u64, u64)| {
            let mut listener =
                Listener { now: Instant::now(), next: 8, step: Step::Asked, strange: 0, remark: None };
            for text in texts {
                listener.text(CLIENT, text.as_bytes());
            }
            assert_eq!((listener.next, listener.strange), expected, "{texts:?}");
        };
        check(&[subscribed, &eight, &nine], (10, 0));
        check(&[&eight, subscribed], (8, 1));
        check(&[subscribed, &nine, &eight], (9, 1));
        check(&[subscribed, &eight, &eight], (9, 1));
        check(&[reset], (8, 1));
    }
}
