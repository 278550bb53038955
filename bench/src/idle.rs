//! Idle connections: what a joined connection costs to make, and what it holds while nothing happens.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    dialect::Dialect,
    error::BenchError,
    fleet::{Fleet, Receive, Role},
    process::{Memory, Server, Stop},
};

/// The result of one run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Idle {
    /// By which door they have joined.
    pub(crate) role: Role,
    /// Connections that were greeted and joined.
    pub(crate) connections: usize,
    /// The server's memory after one connection came and went, so that its code is in memory.
    pub(crate) before: Memory,
    /// When all had joined.
    pub(crate) joined: Memory,
    /// At the end of the hold.
    pub(crate) held: Memory,
    /// Seconds of CPU for all connects and joins.
    pub(crate) join_cpu: f64,
    /// Seconds on the clock for the same.
    pub(crate) join_seconds: f64,
    /// Seconds of the hold.
    pub(crate) hold_seconds: f64,
    /// Seconds of CPU in the hold.
    pub(crate) hold_cpu: f64,
    /// Heartbeats that were answered.
    pub(crate) pings: u64,
    /// Connections that ended by themselves.
    pub(crate) closed: usize,
    /// Messages that nobody published.
    pub(crate) strange: u64,
}

impl Idle {
    /// RSS that a connection added, in bytes.
    pub(crate) fn bytes(&self) -> f64 {
        (self.held.rss as f64 - self.before.rss as f64) / self.connections as f64
    }

    /// CPU of a connect and join, in microseconds.
    pub(crate) fn join_us(&self) -> f64 {
        self.join_cpu * 1e6 / self.connections as f64
    }

    /// The share of a core that holding them takes.
    pub(crate) fn idle_core(&self) -> f64 {
        self.hold_cpu / self.hold_seconds
    }
}

/// Counts what should not come.
#[derive(Default)]
struct Strange(u64);

impl Receive for Strange {
    fn arrived(&mut self, _: Instant) {}
    fn text(&mut self, _: usize, _: &[u8]) {
        self.0 += 1;
    }
}

/// Opens `connections` by the role's door and holds them.
pub(crate) fn run(
    dialect: Dialect,
    server: &Server,
    role: Role,
    connections: usize,
    hold: Duration,
    stop: &Stop,
) -> Result<Idle, BenchError> {
    let mut warm = Fleet::new(dialect, server.port)?;
    warm.open(1, role, stop)?;
    drop(warm);

    let mut fleet = Fleet::new(dialect, server.port)?;
    let (before, cpu_before) = (server.memory()?, server.cpu()?);
    let began = Instant::now();
    fleet.open(connections, role, stop)?;
    let join_seconds = began.elapsed().as_secs_f64();
    let (joined, cpu_joined) = (server.memory()?, server.cpu()?);

    let mut strange = Strange::default();
    let began = Instant::now();
    while began.elapsed() < hold {
        stop.check()?;
        fleet.turn(Duration::from_millis(100), &mut strange)?;
    }
    Ok(Idle {
        role,
        connections,
        before,
        joined,
        held: server.memory()?,
        join_cpu: cpu_joined.since(cpu_before).total(),
        join_seconds,
        hold_seconds: began.elapsed().as_secs_f64(),
        hold_cpu: server.cpu()?.since(cpu_joined).total(),
        pings: fleet.pings,
        closed: fleet.closed,
        strange: strange.0,
    })
}
