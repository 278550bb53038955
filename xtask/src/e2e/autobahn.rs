//! The public Autobahn cases, by PyPI's `kosoku`, against the conformance example's `/echo`.

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::{Ipv4Addr, TcpStream},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    e2e::server::{await_start, clean, free_port},
    failure::Failure,
    install,
    process::{Output, Running},
    test::{Verdict, build_programs},
    workspace::{Workspace, file},
};

/// Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, auto-fragments: strictly.
const STRICT: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "10"];
/// Compression: an offer that demands a smaller window is declined, which counts as unimplemented.
const COMPRESSION: &[&str] = &["12", "13"];

/// Cases at the same time; many of them only wait.
const PARALLEL: &str = "4";
/// The cases take about two minutes on two cores.
const CASES: Duration = Duration::from_mins(15);

/// Runs the step.
pub(crate) fn autobahn(workspace: &Workspace) -> Result<Verdict, Failure> {
    let programs = install::python_tools(workspace, "autobahn")?;
    build_programs(workspace)?;
    let scratch = workspace.scratch("autobahn")?;
    let port = free_port()?;

    let mut serve = clean(&workspace.target("debug/examples/conformance"));
    serve.args(["--port", &port.to_string()]).current_dir(&scratch);
    let mut server = Running::start(&mut serve, scratch.join("server.log"), Output::Logged)?;
    await_start(&mut server, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;

    let report = scratch.join("report");
    let mut kosoku = Command::new(programs.join("kosoku"));
    kosoku.args(["--mode", "fuzzingclient", "--parallelism", PARALLEL, "--outdir"]).arg(&report);
    for group in STRICT.iter().chain(COMPRESSION) {
        kosoku.args(["--include", &format!("{group}.*")]);
    }
    kosoku.arg(format!("ws://127.0.0.1:{port}/echo"));
    let mut cases = Running::start(&mut kosoku, scratch.join("kosoku.log"), Output::Logged)?;
    // Its exit status calls an unimplemented case a failure; the report is what counts.
    cases.wait(CASES)?;
    server.still_running()?;

    let index = report.join("index.json");
    let report = fs::read_to_string(&index)
        .map_err(|source| Failure::Unmet(format!("{}{}", file(&index, source), cases.output())))?;
    let tally = Tally::of_report(&report)?;
    tally.judge()?;
    Ok(Verdict::Passed(tally.to_string()))
}

/// The verdicts of one group of cases.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Group {
    ok: usize,
    informational: usize,
    non_strict: usize,
    unimplemented: usize,
}

/// The verdicts of a run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    groups: BTreeMap<String, Group>,
    /// Each failed case with its two verdicts.
    failed: Vec<String>,
}

impl Tally {
    /// Counts Autobahn's `index.json`: agent, then case, then `behavior` and `behaviorClose`.
    fn of_report(text: &str) -> Result<Self, Failure> {
        let unreadable = |why: &str| Failure::Unmet(format!("Autobahn's report is unreadable: {why}"));
        let report: Value = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
        let agents = report.as_object().ok_or_else(|| unreadable("no agents"))?;
        let mut tally = Self::default();
        for (case, verdict) in agents.values().filter_map(Value::as_object).flatten() {
            let word = |key| verdict[key].as_str().ok_or_else(|| unreadable(case));
            tally.count(case, word("behavior")?, word("behaviorClose")?);
        }
        Ok(tally)
    }

    fn count(&mut self, case: &str, behavior: &str, close: &str) {
        let group = self.groups.entry(case.split('.').next().unwrap_or(case).to_owned()).or_default();
        let counter = match (behavior, close) {
            ("OK", "OK" | "INFORMATIONAL") => &mut group.ok,
            ("INFORMATIONAL", "OK" | "INFORMATIONAL") => &mut group.informational,
            ("NON-STRICT", "OK" | "INFORMATIONAL") => &mut group.non_strict,
            ("UNIMPLEMENTED", "OK" | "INFORMATIONAL") => &mut group.unimplemented,
            _ => return self.failed.push(format!("{case} ({behavior}, close {close})")),
        };
        *counter += 1;
    }

    /// Nothing failed; in the strict groups nothing is less than right; and every group was run.
    fn judge(&self) -> Result<(), Failure> {
        let unmet = |what: String| Err(Failure::Unmet(what));
        if !self.failed.is_empty() {
            return unmet(format!("failed cases: {}", self.failed.join(", ")));
        }
        for name in STRICT.iter().chain(COMPRESSION) {
            let group = self.groups.get(*name).copied().unwrap_or_default();
            if group.ok == 0 {
                return unmet(format!("no case of group {name} is ok"));
            }
            if STRICT.contains(name) && group.non_strict + group.unimplemented > 0 {
                return unmet(format!("group {name} has cases that are non-strict or unimplemented: {self}"));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |count: fn(&Group) -> usize| self.groups.values().map(count).sum::<usize>();
        write!(
            f,
            "{} ok, {} informational, {} non-strict, {} unimplemented, {} failed",
            sum(|group| group.ok),
            sum(|group| group.informational),
            sum(|group| group.non_strict),
            sum(|group| group.unimplemented),
            self.failed.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPRESSION, STRICT, Tally};

    /// A run in which one case of each group is ok, and then the given ones.
    fn judged(more: &[(&str, &str, &str)]) -> Result<String, String> {
        let ok = STRICT.iter().chain(COMPRESSION).map(|group| (format!("{group}.1"), "OK", "OK"));
        let more = more.iter().map(|&(case, behavior, close)| (case.to_owned(), behavior, close));
        let cases = ok
            .chain(more)
            .map(|(case, behavior, close)| {
                format!(
                    r#""{case}": {{"behavior": "{behavior}", "behaviorClose": "{close}", "duration": 4}}"#
                )
            })
            .collect::<Vec<_>>();
        let tally = Tally::of_report(&format!(r#"{{"agent": {{{}}}}}"#, cases.join(",")))
            .map_err(|failure| failure.to_string())?;
        tally.judge().map_err(|failure| failure.to_string())?;
        Ok(tally.to_string())
    }

    #[test]
    fn counts_are_of_all_groups() {
        let more = [("7.9", "INFORMATIONAL", "INFORMATIONAL"), ("13.2", "UNIMPLEMENTED", "OK")];
        let expected = "10 ok, 1 informational, 0 non-strict, 1 unimplemented, 0 failed";
        assert_eq!(judged(&more).as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_less_than_right_is_refused() {
        for (case, expected) in [
            (("1.2", "FAILED", "OK"), "failed cases: 1.2 (FAILED, close OK)"),
            (("12.2", "ERROR", "FAILED"), "failed cases: 12.2 (ERROR, close FAILED)"),
            (("2.2", "OK", "UNCLEAN"), "failed cases: 2.2 (OK, close UNCLEAN)"),
            (("6.4.1", "NON-STRICT", "OK"), "group 6 has cases"),
            (("5.2", "UNIMPLEMENTED", "OK"), "group 5 has cases"),
        ] {
            let judged = judged(&[case]).expect_err("it is not right");
            assert!(judged.starts_with(expected), "{judged}");
        }
    }

    #[test]
    fn an_empty_or_broken_report_is_refused() {
        for report in ["{}", r#"{"agent": {}}"#] {
            let tally = Tally::of_report(report).expect("it is readable");
            assert!(tally.judge().is_err(), "{report}");
        }
        for report in ["", "[]", r#"{"agent": {"1.1": {}}}"#] {
            assert!(Tally::of_report(report).is_err(), "{report}");
        }
    }
}
