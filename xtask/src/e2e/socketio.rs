//! Stock clients of Socket.IO: every script in `tools/e2e/socketio/` but the kit that they share, against the conformance
//! fixture, the example application and the server.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
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
/// The scripts of the conformance fixture, which pass again and again on a machine that has no time for them.
const FIXTURE: [&str; 2] = ["engine", "fixture"];
/// How often they run so; at first, and without a retry.
const LOADED_RUNS: usize = 5;

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
    let prepare = |command: &mut Command| {
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
    };
    let of_fixture =
        |script: &&PathBuf| script.file_stem().is_some_and(|stem| FIXTURE.iter().any(|name| stem == *name));
    let repeated: Vec<_> = scripts.iter().filter(of_fixture).cloned().collect();
    let loaded = under_load(|| (0..LOADED_RUNS).try_for_each(|_| run_all(&repeated, &scratch, prepare)));
    let outcome = loaded.and_then(|()| run_all(&scripts, &scratch, prepare));
    fixture.still_running()?;
    app.still_running()?;
    server.stop()?;
    outcome?;
    let note =
        format!("{} scripts of stock clients; {LOADED_RUNS} runs of the fixture's under load", scripts.len());
    Ok(Verdict::Passed(note))
}

/// Does it while every core is busy with something else.
fn under_load<T>(work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        done
    })
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
