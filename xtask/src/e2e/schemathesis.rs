//! Random requests by PyPI's `schemathesis`, good and bad ones, from the server's own OpenAPI document.

use std::{process::Command, time::Duration};

use crate::{
    e2e::server::{Server, settings},
    failure::Failure,
    install,
    process::{Output, Running},
    test::Verdict,
    workspace::Workspace,
};

/// What the requests may do: everything.
const SCOPES: &[&str] =
    &["publish", "presence", "history", "subscribe", "channels", "disconnect", "revoke", "info", "keys"];
/// The same requests each time, and as many for each operation.
const SEED: &str = "1";
const EXAMPLES: &str = "40";
/// Wrong keys are part of the cases, and are not to be held back.
const SETTINGS: &[&str] = &["auth.failures_per_minute=0"];
/// It takes less than a minute on two cores.
const CASES: Duration = Duration::from_mins(5);

/// Runs the step.
pub(crate) fn schemathesis(workspace: &Workspace) -> Result<Verdict, Failure> {
    let programs = install::python_tools(workspace, "schemathesis")?;
    let scratch = workspace.scratch("schemathesis")?;
    let server = Server::start_with(workspace, &scratch, |serve| settings(serve, SETTINGS))?;
    let key = server.key(SCOPES)?;

    let mut cases = Command::new(programs.join("st"));
    cases.arg("--config-file").arg(workspace.path("tools/schemathesis.toml"));
    let document = format!("http://localhost:{}/api/v1/openapi.json", server.port());
    cases.args(["run", &document, "--seed", SEED, "--max-examples", EXAMPLES, "--continue-on-failure"]);
    // Not in the arguments, which others of this machine see.
    cases.env("SCHEMATHESIS_KEY", key).current_dir(&scratch);
    let mut running = Running::start(&mut cases, scratch.join("schemathesis.log"), Output::Logged)?;
    running.finish(CASES)?;
    let counts = counted(&running.output());
    server.stop()?;
    Ok(Verdict::Passed(counts.ok_or_else(|| Failure::Unmet("schemathesis tells no counts".into()))?))
}

/// The summary's line below `Test cases:`.
fn counted(output: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| line.trim() != "Test cases:").skip(1);
    lines.next().map(|line| line.trim().to_owned()).filter(|line| line.contains("generated"))
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn the_counts_are_read_from_the_summary() {
        let output = "Failures: 0\n\nTest cases:\n  1473 generated, 26 skipped\n\nSeed: 1\n";
        assert_eq!(counted(output).as_deref(), Some("1473 generated, 26 skipped"));
        assert_eq!(counted("Test cases:\n\n"), None);
    }
}
