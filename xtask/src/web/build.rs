//! Packages and the build of the UI, each only when what it is made from has changed.

use std::{fs, process::Command};

use crate::{failure::Failure, install, process, workspace::Workspace, workspace::file};

use super::stamp::digest;

/// What the UI is built from.
const SOURCES: &[&str] = &["web", "clients/ts", "package.json", "package-lock.json"];
/// Which sources `web/dist` is of.
const STAMP: &str = "web/dist/.sources";

/// npm, in the repository's root.
pub(super) fn npm(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(arguments).arg("--loglevel=error").current_dir(workspace.root());
    npm
}

/// Installs what `package-lock.json` names; whether there was anything to do.
pub(crate) fn packages(workspace: &Workspace) -> Result<bool, Failure> {
    install::node()?;
    let (stamp, list) = (workspace.path("node_modules/.installed"), workspace.path("package-lock.json"));
    let mut did = false;
    install::once(&stamp, &list, || {
        did = true;
        process::capture(&mut npm(workspace, &["ci", "--no-audit", "--no-fund"])).map(drop)
    })?;
    Ok(did)
}

/// Builds the browser's files and the server's bundle; whether there was anything to do.
pub(crate) fn web_ui(workspace: &Workspace) -> Result<bool, Failure> {
    let wanted = digest(workspace.root(), SOURCES)?;
    let stamp = workspace.path(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
        return Ok(false);
    }
    process::capture(&mut npm(workspace, &["run", "build", "--workspace", "web"]))?;
    for made in ["web/dist/client/.vite/manifest.json", "web/dist/ssr/ssr.js"] {
        if !workspace.path(made).is_file() {
            return Err(Failure::Unmet(format!("the build of the web UI made no {made}")));
        }
    }
    fs::write(&stamp, wanted).map_err(|source| file(&stamp, source))?;
    Ok(true)
}

/// Both: a server that is built next has the UI in it.
pub(crate) fn built(workspace: &Workspace) -> Result<(), Failure> {
    packages(workspace)?;
    web_ui(workspace).map(drop)
}
