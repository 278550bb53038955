//! The steps of the group `web`.

use std::process::Command;

use crate::{
    failure::Failure,
    process,
    test::{Verdict, build_programs},
    workspace::Workspace,
};

use super::{
    budget,
    build::{built, npm},
};

/// Both packages, as npm names their workspaces.
const PACKAGES: [&str; 2] = ["clients/ts", "web"];

/// Checks the types of both: `tsc`, and `svelte-check` with warnings denied. The build comes first, because it makes
/// the messages' functions.
pub(crate) fn types(workspace: &Workspace) -> Result<Verdict, Failure> {
    built(workspace)?;
    for package in PACKAGES {
        process::capture(&mut npm(workspace, &["run", "check", "--workspace", package]))?;
    }
    Ok(Verdict::Passed(String::new()))
}

/// Runs the tests of both, the client's against the real server.
pub(crate) fn vitest(workspace: &Workspace) -> Result<Verdict, Failure> {
    built(workspace)?;
    build_programs(workspace)?;
    let mut notes = Vec::new();
    for package in PACKAGES {
        let mut test: Command = npm(workspace, &["run", "test", "--workspace", package]);
        test.env("VECHE_BIN", workspace.target("debug/veche")).env("NO_COLOR", "1");
        let output = process::capture(&mut test)?;
        notes.push(format!("{} in {package}", passed(&output).unwrap_or("tests")));
    }
    Ok(Verdict::Passed(notes.join(", ")))
}

/// Builds the UI and holds its JavaScript to its bound.
pub(crate) fn bundle(workspace: &Workspace) -> Result<Verdict, Failure> {
    built(workspace)?;
    budget::check(&workspace.path("web/dist/client")).map(Verdict::Passed)
}

/// Of vitest's line `Tests  12 passed (12)`, the count with its word.
fn passed(output: &str) -> Option<&str> {
    let line = output.lines().map(str::trim).find(|line| line.starts_with("Tests "))?;
    line["Tests ".len()..].split('(').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::passed;

    #[test]
    fn vitests_count_is_read() {
        let output = " Test Files  3 passed (3)\n      Tests  12 passed (12)\n   Start at  10:00\n";
        assert_eq!(passed(output), Some("12 passed"));
        assert_eq!(passed(""), None);
    }
}
