//! The bound of a durable publication: `bench/peers/sqlite`, run to its end on the server's core.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::error::{BenchError, Context};

/// The package and its program.
pub(crate) const PACKAGE: &str = "veche-bench-sqlite";
const PROGRAM: &str = "sqlite";

/// What the program says of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    publishes: u64,
    seconds: f64,
    user: f64,
    system: f64,
}

/// The result of one run with one number of publications in a commit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bound {
    /// Publications in a commit.
    pub(crate) group: usize,
    /// The command without the paths of this machine.
    pub(crate) command: String,
    line: Line,
}

impl Bound {
    /// Publications in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.line.publishes as f64 / self.line.seconds
    }

    /// The program's CPU for a publication, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        (self.line.user + self.line.system) * 1e6 / self.line.publishes.max(1) as f64
    }

    /// The part of it that is spent outside the kernel.
    pub(crate) fn user_us(&self) -> f64 {
        self.line.user * 1e6 / self.line.publishes.max(1) as f64
    }
}

/// Runs the program once, in a folder of its own.
pub(crate) fn run(programs: &Path, core: usize, group: usize, publishes: u64) -> Result<Bound, BenchError> {
    let folder = TempDir::with_prefix("veche-bench-").context("make a folder for the bound")?;
    let (core, arguments) = (core.to_string(), [group.to_string(), publishes.to_string()]);
    let command = format!("taskset -c {core} {PROGRAM} DATA {}", arguments.join(" "));
    let output = Command::new("taskset")
        .args(["-c", &core])
        .arg(programs.join(PROGRAM))
        .arg(folder.path())
        .args(&arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("run taskset (of util-linux)")?;
    if !output.status.success() {
        return Err(BenchError::Start(command));
    }
    let line = serde_json::from_slice(&output.stdout).context("read what the bound printed")?;
    Ok(Bound { group, command, line })
}
