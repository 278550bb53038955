//! The server's pages in headless Chromium: every script in `tools/e2e/` but the launcher that they share.

use crate::{
    e2e::{
        scripts::{run_all, scripts},
        server::{Server, settings},
    },
    failure::Failure,
    install,
    test::Verdict,
    workspace::Workspace,
};

/// What the scripts import to open a page.
const LAUNCHER: &str = "browser.mjs";
/// What is rendered is looked at, however busy the machine is.
const SETTINGS: &[&str] = &["server.render_deadline=10s"];

/// Runs the step.
pub(crate) fn browser(workspace: &Workspace) -> Result<Verdict, Failure> {
    let scripts = scripts(&workspace.path("tools/e2e"), LAUNCHER)?;
    install::npm_tools(workspace)?;
    let chromium = install::chromium()?;
    let scratch = workspace.scratch("browser")?;
    let server = Server::start_with(workspace, &scratch, |serve| settings(serve, SETTINGS))?;
    let outcome = run_all(&scripts, &scratch, |command| {
        command
            .env("E2E_URL", format!("http://localhost:{}", server.port()))
            .env("E2E_TOKEN", server.token("ann")?)
            .env("E2E_CHROMIUM", &chromium)
            // For scripts that kill a server of their own.
            .env("E2E_VECHE", server.program())
            .current_dir(workspace.root());
        Ok(())
    });
    server.stop()?;
    outcome?;
    Ok(Verdict::Passed(format!("{} page script(s)", scripts.len())))
}
