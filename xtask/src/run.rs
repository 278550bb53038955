//! `cargo xtask run`: the demo server on localhost, from the sources.

use std::{
    env,
    process::{Command, ExitCode},
};

use crate::{failure::Failure, process, workspace::Workspace};

/// Builds the server and becomes it: Ctrl-C and a supervisor's signals reach the server itself.
pub(crate) fn run(workspace: &Workspace, flags: &[String]) -> Result<ExitCode, Failure> {
    let mut build = workspace.cargo();
    build.args(["build", "--release", "--package", "veche-server", "--bin", "veche"]);
    process::stream(&mut build)?;

    let mut serve = Command::new(workspace.target("release/veche"));
    let flags = without_separator(flags);
    serve.args(["serve", "--demo"]).args(own_folder(flags, |name| env::var(name).ok())).args(flags);
    become_program(serve)
}

/// The flags with or without cargo's habitual `--` before them.
fn without_separator(flags: &[String]) -> &[String] {
    match flags.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => flags,
    }
}

/// A folder for a second server that only its `PORT` tells from the first: two servers never share one.
fn own_folder(flags: &[String], env: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let names_one =
        flags.iter().any(|flag| flag.starts_with("--data")) || env("VECHE_SERVER__DATA").is_some();
    match env("PORT").filter(|port| !names_one && port != "3000") {
        Some(port) => vec!["--data".to_owned(), format!("./veche-data-{port}")],
        None => Vec::new(),
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
    use super::{own_folder, without_separator};

    #[test]
    fn flags_are_taken_with_and_without_the_separator() {
        let given = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(without_separator(&given(&["--", "--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&given(&["--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&[]), given(&[]));
    }

    #[test]
    fn a_second_server_has_a_folder_of_its_own() {
        let folder = |flags: &[&str], set: &[(&str, &str)]| {
            let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
            let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|it| it.1.to_owned());
            own_folder(&flags, value).join(" ")
        };
        assert_eq!(folder(&[], &[("PORT", "3001")]), "--data ./veche-data-3001");
        assert_eq!(folder(&[], &[("PORT", "3000")]), "");
        assert_eq!(folder(&[], &[]), "");
        assert_eq!(folder(&["--data=x"], &[("PORT", "3001")]), "");
        assert_eq!(folder(&[], &[("PORT", "3001"), ("VECHE_SERVER__DATA", "x")]), "");
    }
}
