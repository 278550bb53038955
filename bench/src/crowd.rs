//! More connections than one process may have descriptors for: several servers and several loads, at once.
//!
//! Each pair is a program of its own, this one, with the scenario `websockets`; the system's count of its sockets in
//! the middle of the hold shows that all of them were there at the same time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{
    error::{BenchError, Context},
    process::{Stop, mebibytes},
    target::Target,
};

/// Connections of one server. A server needs some descriptors of its own.
pub(crate) const EACH: u64 = 17_000;
/// A part that is not done so long after its hold has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// The result of one run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Crowd {
    pub(crate) servers: usize,
    /// Connections that were greeted, joined and held.
    pub(crate) connections: u64,
    /// TCP sockets that the system had more in the middle of the hold; a connection on loopback has two.
    pub(crate) sockets: u64,
    /// RSS that a connection added, in bytes: the least and the most of the servers.
    pub(crate) bytes: (f64, f64),
    /// What all connections added together, in MiB.
    pub(crate) sum_mib: f64,
    /// Connections that ended by themselves.
    pub(crate) closed: u64,
}

/// How each part is run, but for its connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) target: Target,
    pub(crate) shards: u64,
    pub(crate) hold: Duration,
}

impl Part {
    fn words(self, connections: &str) -> Vec<String> {
        let (shards, hold) = (self.shards.to_string(), self.hold.as_secs().to_string());
        let target = self.target.name();
        let fixed = ["websockets", "--no-build", "--repeats", "1", "--against", target];
        let numbers = ["--connections", connections, "--hold", &hold, "--shards", &shards];
        fixed.into_iter().chain(numbers).map(str::to_owned).collect()
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bench {}", self.words("N").join(" "))
    }
}

/// What is read of a part's results.
#[derive(Deserialize)]
struct PartReport {
    runs: Vec<PartRun>,
}

#[derive(Deserialize)]
struct PartRun {
    idle: PartIdle,
}

#[derive(Deserialize)]
struct PartIdle {
    connections: u64,
    closed: u64,
    before: PartMemory,
    held: PartMemory,
}

#[derive(Deserialize)]
struct PartMemory {
    rss: u64,
}

/// Holds `connections` on as many servers as that takes.
pub(crate) fn run(part: Part, connections: u64, stop: &Stop) -> Result<Crowd, BenchError> {
    let folder = TempDir::with_prefix("veche-crowd-").context("make a folder for results")?;
    let servers = connections.div_ceil(EACH);
    let before = sockets()?;
    let mut parts = Parts(Vec::new());
    for number in 0..servers {
        let count = connections / servers + u64::from(number < connections % servers);
        let child = Command::new(env::current_exe().context("find this program")?)
            .args(part.words(&count.to_string()))
            .arg("--json")
            .arg(results_of(&folder, number))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start a part")?;
        parts.0.push(child);
    }
    let began = Instant::now();
    let mut most = 0;
    while !parts.are_over()? {
        stop.check()?;
        if began.elapsed() > part.hold + PATIENCE {
            return Err(BenchError::Unfit("a part of the crowd does not end".to_owned()));
        }
        most = most.max(sockets()?.saturating_sub(before));
        thread::sleep(Duration::from_millis(250));
    }
    let mut crowd = Crowd {
        servers: servers as usize,
        connections: 0,
        sockets: most,
        bytes: (f64::INFINITY, 0.0),
        sum_mib: 0.0,
        closed: 0,
    };
    for number in 0..servers {
        crowd.add(&results_of(&folder, number))?;
    }
    Ok(crowd)
}

/// The file with a part's results.
fn results_of(folder: &TempDir, number: u64) -> PathBuf {
    folder.path().join(format!("{number}.json"))
}

impl Crowd {
    /// Adds what a part has found.
    fn add(&mut self, results: &Path) -> Result<(), BenchError> {
        let text = fs::read(results).context("read the results of a part")?;
        let report: PartReport = serde_json::from_slice(&text)
            .map_err(|error| BenchError::Unfit(format!("the results of a part are unreadable: {error}")))?;
        for PartRun { idle } in report.runs {
            let added = idle.held.rss.saturating_sub(idle.before.rss);
            let each = added as f64 / idle.connections.max(1) as f64;
            self.bytes = (self.bytes.0.min(each), self.bytes.1.max(each));
            self.sum_mib += mebibytes(added);
            self.connections += idle.connections;
            self.closed += idle.closed;
        }
        Ok(())
    }
}

/// The parts; dropping them ends those that still run.
struct Parts(Vec<Child>);

impl Parts {
    fn are_over(&mut self) -> Result<bool, BenchError> {
        for child in &mut self.0 {
            match child.try_wait().context("look after a part")? {
                None => return Ok(false),
                Some(status) if !status.success() => {
                    return Err(BenchError::Unfit(
                        "a part of the crowd failed: run `bench websockets`".to_owned(),
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(true)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // The signal that the part takes as Ctrl-C, so that it ends its server too; it may have ended itself.
            let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(id) = id {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
            let _ = child.wait();
        }
    }
}

/// TCP sockets of the system that are in use.
fn sockets() -> Result<u64, BenchError> {
    let path = "/proc/net/sockstat";
    let text = fs::read_to_string(path).context(&format!("read {path}"))?;
    in_use(&text).ok_or_else(|| BenchError::Unfit(format!("{path} has no count")))
}

fn in_use(sockstat: &str) -> Option<u64> {
    let line = sockstat.lines().find_map(|line| line.strip_prefix("TCP: inuse "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_in_use_are_counted() {
        let text = "sockets: used 250\nTCP: inuse 12 orphan 0 tw 3 alloc 14 mem 2\nUDP: inuse 0 mem 0\n";
        assert_eq!(in_use(text), Some(12));
        assert_eq!(in_use("sockets: used 250\n"), None);
    }
}
