//! The server's pages in headless Chromium: every script in `tools/e2e/` but the launcher that they share.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    e2e::server::{Server, settings},
    failure::Failure,
    install,
    process::{Output, Running},
    test::{Verdict, node},
    workspace::{Workspace, file},
};

/// What the scripts import to open a page.
const LAUNCHER: &str = "browser.mjs";
/// What is rendered is looked at, however busy the machine is.
const SETTINGS: &[&str] = &["server.render_deadline=10s"];
/// How long one script may take.
const SCRIPT: Duration = Duration::from_mins(5);

/// Runs the step.
pub(crate) fn browser(workspace: &Workspace) -> Result<Verdict, Failure> {
    let scripts = scripts(&workspace.path("tools/e2e"))?;
    install::npm_tools(workspace)?;
    let chromium = install::chromium()?;
    let scratch = workspace.scratch("browser")?;
    let server = Server::start_with(workspace, &scratch, |serve| settings(serve, SETTINGS))?;
    let mut failures = Vec::new();
    for script in &scripts {
        let name = script.file_stem().unwrap_or_default().to_string_lossy();
        let mut command = node();
        command
            .arg(script)
            .env("E2E_URL", format!("http://localhost:{}", server.port()))
            .env("E2E_TOKEN", server.token("ann")?)
            .env("E2E_CHROMIUM", &chromium)
            // For scripts that kill a server of their own.
            .env("E2E_VECHE", server.program())
            .current_dir(workspace.root());
        let log = scratch.join(format!("{name}.log"));
        let outcome = Running::start(&mut command, log, Output::Logged)?.finish(SCRIPT);
        failures.extend(outcome.err().map(|failure| failure.to_string()));
    }
    server.stop()?;
    if !failures.is_empty() {
        // All of them: what one page breaks, another may too.
        return Err(Failure::Unmet(failures.join("\n")));
    }
    Ok(Verdict::Passed(format!("{} page script(s)", scripts.len())))
}

/// The scripts in the order of their names; a step without one would prove nothing.
fn scripts(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|source| file(folder, source))?;
    let mut scripts: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "mjs"))
        .filter(|path| path.file_name().is_some_and(|name| name != LAUNCHER))
        .collect();
    scripts.sort();
    if scripts.is_empty() {
        return Err(Failure::Unmet("tools/e2e has no script of a page".into()));
    }
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::scripts;

    #[test]
    fn every_script_but_the_launcher_runs() {
        let folder = env::temp_dir().join(format!("xtask-scripts-{}", process::id()));
        fs::create_dir_all(&folder).expect("the system's temporary folder is writable");
        fs::write(folder.join("browser.mjs"), "").expect("the folder is ours");
        assert!(scripts(&folder).is_err());
        for name in ["b.mjs", "a.mjs", "notes.md"] {
            fs::write(folder.join(name), "").expect("the folder is ours");
        }
        let found = scripts(&folder).expect("there are two");
        assert_eq!(found, [folder.join("a.mjs"), folder.join("b.mjs")]);
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
