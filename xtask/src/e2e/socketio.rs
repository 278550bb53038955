//! Stock clients of Socket.IO: every script in `tools/e2e/socketio/` but the kit that they share, against the conformance
//! fixture, the example application and the server.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::Path,
};

use crate::{
    e2e::{
        scripts::{run_all, scripts},
        server::{Server, await_start, clean, free_port},
    },
    failure::Failure,
    install,
    process::{Output, Running},
    test::{Verdict, build_programs},
    workspace::Workspace,
};

/// What the scripts share.
const KIT: &str = "kit.mjs";

/// Runs the step.
pub(crate) fn socketio(workspace: &Workspace) -> Result<Verdict, Failure> {
    let scripts = scripts(&workspace.path("tools/e2e/socketio"), KIT)?;
    install::npm_tools(workspace)?;
    let chromium = install::chromium()?;
    build_programs(workspace)?;
    let scratch = workspace.scratch("socketio")?;
    let (mut fixture, fixture_port) = example(workspace, &scratch, "conformance")?;
    let (mut app, app_port) = example(workspace, &scratch, "socketio")?;
    let server = Server::start(workspace, &scratch)?;
    let key = server.key(&["publish"])?;
    let outcome = run_all(&scripts, &scratch, |command| {
        command
            .env("SIO_FIXTURE", format!("http://127.0.0.1:{fixture_port}"))
            .env("SIO_APP", format!("http://127.0.0.1:{app_port}"))
            .env("SIO_PID", app.id().to_string())
            .env("SIO_VECHE", format!("http://localhost:{}", server.port()))
            .env("SIO_TOKEN", server.token("ann")?)
            .env("SIO_KEY", &key)
            .env("SIO_OURS", "1")
            .env("E2E_CHROMIUM", &chromium)
            .current_dir(workspace.root());
        Ok(())
    });
    fixture.still_running()?;
    app.still_running()?;
    server.stop()?;
    outcome?;
    Ok(Verdict::Passed(format!("{} script(s) of stock clients", scripts.len())))
}

/// An example, ready, and its port.
fn example(workspace: &Workspace, scratch: &Path, name: &str) -> Result<(Running, u16), Failure> {
    let port = free_port()?;
    let mut serve = clean(&workspace.target(&format!("debug/examples/{name}")));
    serve.args(["--port", &port.to_string()]).current_dir(scratch);
    let mut running = Running::start(&mut serve, scratch.join(format!("{name}.log")), Output::Logged)?;
    await_start(&mut running, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok((running, port))
}
