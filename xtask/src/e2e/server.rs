//! A server of ours on a free port, with a data folder that is thrown away.

use std::{
    env,
    ffi::OsString,
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::Failure,
    process::{self, Output, Running},
    test::build_programs,
    web,
    workspace::Workspace,
};

/// How long a server may take to be ready.
const START: Duration = Duration::from_secs(20);
/// How long a server may take to drain: its own window is 25 s.
const STOP: Duration = Duration::from_secs(30);
/// Durable channels `log:…`, open to guests, beside what the demo opens.
const DURABLE: &str =
    r#"namespaces.log={class="durable", subscribe="anyone", publish="anyone", history="anyone"}"#;
/// How often a starting server is asked.
const POLL: Duration = Duration::from_millis(25);

/// `veche serve --demo` with durable channels, ready.
pub(crate) struct Server {
    running: Running,
    program: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Server {
    /// Builds and starts the server and waits until `/readyz` says so. `scratch` takes its data and its log.
    pub(crate) fn start(workspace: &Workspace, scratch: &Path) -> Result<Self, Failure> {
        Self::start_with(workspace, scratch, |_| ())
    }

    /// The same with more flags, or another environment.
    pub(crate) fn start_with(
        workspace: &Workspace,
        scratch: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Result<Self, Failure> {
        web::built(workspace)?;
        build_programs(workspace)?;
        let program = workspace.target("debug/veche");
        let data = scratch.join("data");
        let port = free_port()?;
        let mut serve = clean(&program);
        serve
            .args(["serve", "--demo", "--port", &port.to_string(), "--set", DURABLE, "--data"])
            .arg(&data)
            .current_dir(scratch);
        more(&mut serve);
        let mut running = Running::start(&mut serve, scratch.join("server.log"), Output::Logged)?;
        await_start(&mut running, || get_is_ok(port, "/readyz"))?;
        Ok(Self { running, program, data, port })
    }

    /// The program that runs.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The port on localhost.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A token for this server, by `veche token`.
    pub(crate) fn token(&self, user: &str) -> Result<String, Failure> {
        let mut token = clean(&self.program);
        token.args(["token", "--sub", user, "--data"]).arg(&self.data);
        Ok(process::capture(&mut token)?.trim().to_owned())
    }

    /// A key for this server, by `veche key create`.
    pub(crate) fn key(&self, scopes: &[&str]) -> Result<String, Failure> {
        let mut key = clean(&self.program);
        key.args(["key", "create", "--name", "test", "--data"]).arg(&self.data);
        for scope in scopes {
            key.args(["--scope", scope]);
        }
        Ok(process::capture(&mut key)?.trim().to_owned())
    }

    /// Stops the server as a supervisor would: it has to drain and exit with 0.
    pub(crate) fn stop(self) -> Result<(), Failure> {
        self.running.terminate(STOP)
    }
}

/// A program of ours that sees no setting of the user's environment.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command
}

fn is_setting(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name == "PORT" || name == "HOST" || name.starts_with("VECHE_")
}

/// A port that was free on both loopback addresses a moment ago.
pub(crate) fn free_port() -> Result<u16, Failure> {
    let failed = |source: io::Error| Failure::Start { command: "a listener on a free port".into(), source };
    // Held until one fits, so that the system offers another one each time.
    let mut held = Vec::new();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => held.push(listener),
            // A machine without IPv6 has no second address to ask.
            _ => return Ok(port),
        }
    }
}

/// Waits until a server answers, or says what it wrote before it died.
pub(crate) fn await_start(running: &mut Running, mut is_ready: impl FnMut() -> bool) -> Result<(), Failure> {
    let deadline = Instant::now() + START;
    while !is_ready() {
        running.still_running()?;
        if Instant::now() >= deadline {
            return Err(running.too_slow(START));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Whether `GET path` is answered with 200.
fn get_is_ok(port: u16, path: &str) -> bool {
    get(port, path).is_ok_and(|response| response.starts_with("HTTP/1.1 200 "))
}

/// The whole response to a `GET`.
pub(crate) fn get(port: u16, path: &str) -> io::Result<String> {
    ask(port, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// The whole response to a `POST` of JSON.
pub(crate) fn post(port: u16, path: &str, json: &str) -> io::Result<String> {
    let length = json.len();
    let head = "Content-Type: application/json\r\n";
    ask(port, &format!("POST {path} HTTP/1.1\r\n{head}Content-Length: {length}\r\n"), json)
}

fn ask(port: u16, head: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let request = format!("{head}Host: localhost:{port}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

/// Settings as `--set` takes them.
pub(crate) fn settings(serve: &mut Command, settings: &[&str]) {
    for setting in settings {
        serve.args(["--set", setting]);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        thread,
    };

    use super::{get_is_ok, is_setting};

    fn answers(response: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the probe connects");
            // Closing with something unread would reset the connection before the probe has the answer.
            let request = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty());
            assert_eq!(request.last().as_deref(), Some("Connection: close"));
            stream.write_all(response.as_bytes()).expect("the probe reads");
        });
        let ok = get_is_ok(port, "/readyz");
        server.join().expect("it answered");
        ok
    }

    #[test]
    fn only_200_is_ready() {
        assert!(answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        assert!(!answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"));
    }

    #[test]
    fn the_users_settings_do_not_reach_a_tested_server() {
        for (name, expected) in
            [("PORT", true), ("VECHE_LOG__LEVEL", true), ("PATH", false), ("PORTAL", false)]
        {
            assert_eq!(is_setting(&name.into()), expected, "{name}");
        }
    }
}
