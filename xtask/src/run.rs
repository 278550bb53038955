//! `cargo xtask run`: the demo server on localhost, from the sources.

use std::process::{Command, ExitCode};

use crate::{failure::Failure, process, workspace::Workspace};

/// Builds the server and becomes it: Ctrl-C and a supervisor's signals reach the server itself.
pub(crate) fn run(workspace: &Workspace, flags: &[String]) -> Result<ExitCode, Failure> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "veche-server", "--bin", "veche"]);
    process::stream(&mut build)?;

    let mut serve = Command::new(workspace.target("release/veche"));
    serve.args(["serve", "--demo"]).args(without_separator(flags));
    become_program(serve)
}

/// The flags with or without cargo's habitual `--` before them.
fn without_separator(flags: &[String]) -> &[String] {
    match flags.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => flags,
    }
}

#[cfg(unix)]
fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    // `exec` returns only when it failed.
    let source = command.exec();
    Err(Failure::Start { command: process::line(&command), source })
}

#[cfg(not(unix))]
fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    process::stream(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::without_separator;

    #[test]
    fn flags_are_taken_with_and_without_the_separator() {
        let given = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(without_separator(&given(&["--", "--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&given(&["--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&[]), given(&[]));
    }
}
