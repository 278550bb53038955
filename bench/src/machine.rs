//! The machine that is measured on: its facts for the report, and its cores and descriptors.

use std::fs;

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::Serialize;

use crate::error::{BenchError, Context};

/// Descriptors that are needed beside the clients' sockets.
const SPARE: u64 = 100;

/// What a reader has to know of the machine.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: u32,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) memory_gib: f64,
    /// Descriptors of a process.
    pub(crate) descriptors: u64,
    /// The load of the last minute before the run: what else was going on.
    pub(crate) load: String,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn look() -> Result<Self, BenchError> {
        let read = |path: &str| fs::read_to_string(path).context(&format!("read {path}"));
        let kilobytes = value(&read("/proc/meminfo")?, "MemTotal").and_then(|text| text.parse::<f64>().ok());
        Ok(Self {
            cores: sched_getaffinity(None).context("see the cores")?.count(),
            processor: value(&read("/proc/cpuinfo")?, "model name").unwrap_or_default(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            memory_gib: (kilobytes.unwrap_or_default() / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            descriptors: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            load: read("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

/// The value of a line `name : value` or `name: value kB`.
fn value(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim_end_matches(" kB").trim().to_owned())
}

/// Moves this program to the second of its cores and returns the first, which is the server's.
pub(crate) fn take_cores() -> Result<usize, BenchError> {
    let allowed = sched_getaffinity(None).context("see the cores")?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let (Some(server), Some(client)) = (cores.next(), cores.next()) else {
        return Err(BenchError::Unfit("the server and the load need a core each".to_owned()));
    };
    let mut own = CpuSet::new();
    own.set(client);
    sched_setaffinity(None, &own).context("move to a core")?;
    Ok(server)
}

/// Raises the limit of descriptors, also for the servers that inherit it, and checks that `clients` fit.
pub(crate) fn take_descriptors(clients: usize) -> Result<(), BenchError> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("raise the descriptor limit")?;
    let wanted = clients as u64 + SPARE;
    match maximum {
        Some(maximum) if maximum < wanted => Err(BenchError::Unfit(format!(
            "{clients} connections need {wanted} descriptors, the limit is {maximum}"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_both_kinds_of_line() {
        assert_eq!(value("MemTotal:       24 kB\nMemFree: 1 kB\n", "MemTotal").as_deref(), Some("24"));
        assert_eq!(value("flags : a\nmodel name\t: A CPU\n", "model name").as_deref(), Some("A CPU"));
        assert_eq!(value("a: b", "c"), None);
    }
}
