//! `cargo xtask test`: every proof that the tree has, as named steps with a summary.

use std::{
    io::{self, IsTerminal},
    process::{Command, ExitCode, Stdio},
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use crate::{e2e, failure::Failure, process, web, workspace::Workspace};

/// How a step that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It proved what it proves; the note is its figures.
    Passed(String),
    /// It did not run, and why.
    Skipped(String),
}

/// One named proof.
pub(crate) struct Step {
    name: &'static str,
    group: &'static str,
    about: &'static str,
    /// It mostly waits, or has one busy thread: the steps that follow run meanwhile.
    beside: bool,
    run: fn(&Workspace) -> Result<Verdict, Failure>,
}

/// How a step ended, and after what time.
type Outcome = (Duration, Result<Verdict, Failure>);

/// A step that has begun.
enum Begun<'scope> {
    Ended(Outcome),
    Runs(ScopedJoinHandle<'scope, Outcome>),
}

impl Begun<'_> {
    fn outcome(self) -> Outcome {
        match self {
            Self::Ended(outcome) => outcome,
            Self::Runs(step) => step.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        }
    }
}

impl Step {
    const fn new(
        name: &'static str,
        group: &'static str,
        about: &'static str,
        run: fn(&Workspace) -> Result<Verdict, Failure>,
    ) -> Self {
        Self { name, group, about, beside: false, run }
    }

    fn outcome(&self, workspace: &Workspace) -> Outcome {
        println!("== {}: {}", self.name, self.about);
        let start = Instant::now();
        let outcome = (self.run)(workspace);
        if let Err(failure) = &outcome {
            println!("{}: {failure}", self.name);
        }
        (start.elapsed(), outcome)
    }
}

/// In this order: the cheapest first.
const STEPS: &[Step] = &[
    Step::new("fmt", "rust", "cargo fmt --all --check", fmt),
    Step::new("clippy", "rust", "clippy over all targets, warnings denied", clippy),
    Step::new("cargo", "rust", "cargo test: all crates, their docs and `tidy`", cargo),
    Step::new("deny", "deny", "licences, bans and sources by cargo-deny", deny),
    Step::new("bundle", "web", "the web UI's build, and its size", web::bundle),
    Step::new("types", "web", "tsc and svelte-check", web::types),
    Step::new("vitest", "web", "the client's tests and the UI's", web::vitest),
    Step::new("wscat", "e2e", "the README's session by the real wscat", e2e::wscat),
    // Five minutes of one busy Python.
    Step { beside: true, ..Step::new("autobahn", "e2e", "the Autobahn cases against /echo", e2e::autobahn) },
    Step::new("mail", "e2e", "letters by SMTP to the real aiosmtpd", e2e::mail),
    Step::new("documents", "e2e", "docs/http.md and the Node example", e2e::documents),
    Step::new("schemathesis", "e2e", "random requests to /api/v1", e2e::schemathesis),
    Step::new("socketio", "e2e", "stock clients of Socket.IO", e2e::socketio),
    Step::new("browser", "e2e", "the pages in headless Chromium", e2e::browser),
];

/// Runs the steps that the filters name (by step or by group; all without a filter).
pub(crate) fn test(workspace: &Workspace, filters: &[String]) -> Result<ExitCode, Failure> {
    if filters.iter().any(|filter| filter == "--list") {
        for step in STEPS {
            println!("{:12} {:6} {}", step.name, step.group, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let steps = chosen(filters)?;
    let summary = thread::scope(|scope| {
        let begin = |step: &'static Step| {
            if step.beside {
                Begun::Runs(scope.spawn(|| step.outcome(workspace)))
            } else {
                Begun::Ended(step.outcome(workspace))
            }
        };
        // All have begun before the first is waited for.
        let begun: Vec<_> = steps.into_iter().map(|step| (step.name, begin(step))).collect();
        begun.into_iter().map(|(name, step)| (name, step.outcome())).collect::<Vec<_>>()
    });
    Ok(conclude(&summary))
}

/// The steps in their own order, each once.
fn chosen(filters: &[String]) -> Result<Vec<&'static Step>, Failure> {
    let names = |filter: &str, step: &Step| step.name == filter || step.group == filter;
    if let Some(unknown) = filters.iter().find(|filter| !STEPS.iter().any(|step| names(filter, step))) {
        return Err(Failure::UnknownStep(unknown.clone()));
    }
    Ok(STEPS
        .iter()
        .filter(|step| filters.is_empty() || filters.iter().any(|filter| names(filter, step)))
        .collect())
}

fn conclude(summary: &[(&str, Outcome)]) -> ExitCode {
    println!();
    for (name, (took, outcome)) in summary {
        let (word, note) = match outcome {
            Ok(Verdict::Passed(note)) => ("passed", note.as_str()),
            Ok(Verdict::Skipped(note)) => ("skipped", note.as_str()),
            Err(_) => ("FAILED", "see above"),
        };
        println!("{name:12} {word:8} {:>7.1} s  {note}", took.as_secs_f64());
    }
    let count = |of: fn(&Result<Verdict, Failure>) -> bool| {
        summary.iter().filter(|(_, (_, outcome))| of(outcome)).count()
    };
    let failed = count(Result::is_err);
    let skipped = count(|outcome| matches!(outcome, Ok(Verdict::Skipped(_))));
    println!("\n{} passed, {failed} failed, {skipped} skipped", summary.len() - failed - skipped);
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn fmt(workspace: &Workspace) -> Result<Verdict, Failure> {
    process::stream(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Verdict::Passed(String::new()))
}

fn clippy(workspace: &Workspace) -> Result<Verdict, Failure> {
    let mut clippy = workspace.cargo();
    clippy.arg("clippy").args(quiet()).args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    process::stream(&mut clippy)?;
    Ok(Verdict::Passed(String::new()))
}

/// Shows cargo's progress, and of the tests only their count, or all that was not ok when one failed.
/// Without a choice of targets cargo also builds the examples as programs, which some tests run.
fn cargo(workspace: &Workspace) -> Result<Verdict, Failure> {
    let mut test = workspace.cargo();
    test.arg("test").args(quiet()).args(["--workspace", "--no-fail-fast"]).stderr(Stdio::inherit());
    let (outcome, output) = process::captured(&mut test)?;
    if outcome.is_err() {
        output.lines().filter(|line| !is_good_news(line)).for_each(|line| println!("{line}"));
    }
    outcome?;
    Ok(Verdict::Passed(format!("{} tests", passed(&output))))
}

/// Whether a line of libtest's output would only hide the failures.
fn is_good_news(line: &str) -> bool {
    line.is_empty()
        || line.ends_with("... ok")
        || line.starts_with("running ")
        || line.starts_with("test result: ok")
        || line.bytes().all(|byte| byte == b'.')
}

/// The sum of libtest's `test result: ok. 3 passed; …` lines.
fn passed(output: &str) -> usize {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|counts| counts.split(' ').next()?.parse::<usize>().ok())
        .sum()
}

/// Cargo's progress is for a person; a log has only warnings and errors.
fn quiet() -> &'static [&'static str] {
    if io::stderr().is_terminal() { &[] } else { &["--quiet"] }
}

fn deny(workspace: &Workspace) -> Result<Verdict, Failure> {
    if !process::succeeds(workspace.cargo().args(["deny", "--version"])) {
        return Ok(Verdict::Skipped("cargo-deny is not installed; CONTRIBUTING.md says how".into()));
    }
    // Not the advisories: they need a download of their own, and their answer changes by the day.
    process::stream(
        workspace.cargo().args(["deny", "check", "-D", "warnings", "licenses", "bans", "sources"]),
    )?;
    Ok(Verdict::Passed(String::new()))
}

/// Builds the programs that the end-to-end steps drive, into `target/debug`. Named so, cargo takes the very ones that
/// its tests have built: a release build would take longer than all the steps together, and checks no overflow.
pub(crate) fn build_programs(workspace: &Workspace) -> Result<(), Failure> {
    let mut build = workspace.cargo();
    build.arg("build").args(quiet()).args(["--workspace", "--bins", "--examples"]);
    process::stream(&mut build)
}

/// Node, quiet about its own future.
pub(crate) fn node() -> Command {
    let mut node = Command::new("node");
    node.arg("--no-deprecation");
    node
}

#[cfg(test)]
mod tests {
    use super::{STEPS, chosen, is_good_news, passed};
    use crate::failure::Failure;

    fn names(filters: &[&str]) -> Vec<&'static str> {
        let filters: Vec<_> = filters.iter().map(ToString::to_string).collect();
        chosen(&filters).expect("the filters are known").iter().map(|step| step.name).collect()
    }

    #[test]
    fn a_filter_names_a_step_or_a_group() {
        assert_eq!(names(&[]).len(), STEPS.len());
        let e2e = ["wscat", "autobahn", "mail", "documents", "schemathesis", "socketio", "browser"];
        assert_eq!(names(&["e2e"]), e2e);
        assert_eq!(names(&["web"]), ["bundle", "types", "vitest"]);
        assert_eq!(names(&["wscat", "rust", "fmt"]), ["fmt", "clippy", "cargo", "wscat"]);
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        assert!(matches!(chosen(&["nothing".into()]), Err(Failure::UnknownStep(name)) if name == "nothing"));
    }

    #[test]
    fn only_what_is_not_ok_is_shown_of_a_failed_run() {
        for (line, expected) in [
            ("test a::b ... ok", true),
            ("......", true),
            ("test a::b ... FAILED", false),
            ("assertion failed: x", false),
            ("test result: FAILED. 1 passed; 1 failed", false),
        ] {
            assert_eq!(is_good_news(line), expected, "{line}");
        }
    }

    #[test]
    fn passed_tests_are_counted_over_all_programs() {
        let output =
            "....\ntest result: ok. 4 passed; 0 failed; 0 ignored\n\ntest result: ok. 38 passed; 0 failed\n";
        assert_eq!(passed(output), 42);
        assert_eq!(passed("test result: FAILED. 4 passed; 1 failed"), 0);
    }
}
