//! `cargo xtask run`: the demo server on localhost, from the sources.

use std::{
    env,
    process::{Command, ExitCode},
    time::Instant,
};

use crate::{failure::Failure, process, web, workspace::Workspace};

/// How many steps come before the server runs.
const STEPS: usize = 3;

/// Builds the server and becomes it: Ctrl-C and a supervisor's signals reach the server itself.
pub(crate) fn run(workspace: &Workspace, flags: &[String]) -> Result<ExitCode, Failure> {
    step(1, "npm packages", || web::packages(workspace))?;
    step(2, "web UI", || web::web_ui(workspace))?;
    step(3, "server (the first time takes minutes)", || {
        let mut build = workspace.cargo();
        build.args(["build", "--release", "--package", "veche-server", "--bin", "veche"]);
        process::stream(&mut build).map(|()| true)
    })?;
    let mut serve = Command::new(workspace.target("release/veche"));
    let flags = without_separator(flags);
    println!("Veche is at http://localhost:{}", port(flags, |name| env::var(name).ok()));
    serve.args(["serve", "--demo"]).args(own_folder(flags, |name| env::var(name).ok())).args(flags);
    become_program(serve)
}

/// Runs a step, and says which it is and how long it took, or that there was nothing to do.
fn step(number: usize, what: &str, run: impl FnOnce() -> Result<bool, Failure>) -> Result<(), Failure> {
    println!("[{number}/{STEPS}] {what} …");
    let began = Instant::now();
    let outcome = if run()? { "done" } else { "up to date" };
    println!("[{number}/{STEPS}] {what}: {outcome} in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// The port that the server will listen on, as far as flags and environment tell.
fn port(flags: &[String], env: impl Fn(&str) -> Option<String>) -> String {
    let by_flag = flags.iter().enumerate().find_map(|(place, flag)| match flag.strip_prefix("--port") {
        Some("") => flags.get(place + 1).cloned(),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    by_flag.or_else(|| env("PORT")).filter(|port| !port.is_empty()).unwrap_or_else(|| "3000".to_owned())
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
pub(crate) fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    // `exec` returns only when it failed.
    let source = command.exec();
    Err(Failure::Start { command: process::line(&command), source })
}

#[cfg(not(unix))]
pub(crate) fn become_program(mut command: Command) -> Result<ExitCode, Failure> {
    process::stream(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::{own_folder, port, without_separator};

    #[test]
    fn flags_are_taken_with_and_without_the_separator() {
        let given = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(without_separator(&given(&["--", "--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&given(&["--port", "4000"])), given(&["--port", "4000"]));
        assert_eq!(without_separator(&[]), given(&[]));
    }

    #[test]
    fn the_address_is_told_as_the_server_will_have_it() {
        let told = |flags: &[&str], from_environment: Option<&str>| {
            let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
            port(&flags, |_| from_environment.map(str::to_owned))
        };
        assert_eq!(told(&[], None), "3000");
        assert_eq!(told(&["--port", "4000"], Some("5000")), "4000");
        assert_eq!(told(&["--host=::1", "--port=4000"], None), "4000");
        assert_eq!(told(&[], Some("5000")), "5000");
        assert_eq!(told(&[], Some("")), "3000");
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
