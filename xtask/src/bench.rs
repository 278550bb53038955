//! `cargo xtask bench`: the benchmarks, by the program in `bench/`.

use std::process::{Command, ExitCode};

use crate::{failure::Failure, process, run::become_program, web, workspace::Workspace};

/// Builds the program and becomes it; it builds the servers that its scenario needs. The web UI comes first, because
/// the server's program has it inside.
pub(crate) fn bench(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    web::built(workspace)?;
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "veche-bench"]);
    process::stream(&mut build)?;
    let mut bench = Command::new(workspace.target("release/bench"));
    bench.args(arguments);
    become_program(bench)
}
