//! The server as an operator meets it: it starts, answers, refuses a taken port, and stops when it is told to.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::Value;

use crate::secret::Folder;

/// A running `veche serve`; killed with its test.
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    /// Starts on a free port, and returns when it listens.
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veche"));
        command.args(["serve", "--port", "0", "--set", "log.format=json"]);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("HOST", "127.0.0.1")
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines();
        let port = loop {
            let line = lines.next().expect("it listens before it ends").expect("UTF-8");
            let event: Value = serde_json::from_str(&line).expect("every line is one event");
            if event["message"] == "listening" {
                let address = event["address"].as_str().expect("an address");
                break address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
            }
        };
        // Nobody reads any more; a full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("there is a `kill`");
        assert!(sent.success());
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A server that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_answers_and_stops_with_success() {
    let folder = Folder::new();
    let server = Running::start(&folder, &[]);
    assert_eq!(server.get("/health"), (200, r#"{"status":"ok","websocket":"active","clients":0}"#.into()));
    assert_eq!(server.get("/livez"), (200, "ok".into()));
    assert_eq!(server.get("/readyz"), (200, "ready".into()));
    assert!(server.get("/metrics").1.contains("\nveche_sessions_opened_total 0\n"));
    assert!(folder.path().join("veche-data/hs256.secret").is_file());
    assert!(server.terminate().success());
}

#[test]
fn the_page_of_two_clients_is_there_only_with_the_flag() {
    let folder = Folder::new();
    let server = Running::start(&folder, &[]);
    assert_eq!((server.get("/").0, server.get("/_try").1.contains("/_try/try.js")), (200, false));
    let demo = Running::start(&Folder::new(), &["--demo"]);
    assert_eq!((demo.get("/").0, demo.get("/_try").0, demo.get("/_try/try.js").0), (200, 200, 200));
    // What people have is not there without the flag. With it, one has to sign in, and files are sent by POST.
    for (path, status) in [("/api/people/me", 401), ("/api/files", 405)] {
        assert_eq!((server.get(path).0, demo.get(path).0), (404, status), "{path}");
    }
}

#[test]
fn metrics_stay_off_a_listener_for_others() {
    let folder = Folder::new();
    let secret = "auth.hs256_secret=0123456789abcdef0123456789abcdef";
    let server = Running::start(&folder, &["--host", "0.0.0.0", "--set", secret]);
    assert_eq!(server.get("/metrics").0, 404);
    assert_eq!(server.get("/health").0, 200);
}

#[test]
fn a_taken_port_is_an_error_that_names_the_flag() {
    let folder = Folder::new();
    let server = Running::start(&folder, &[]);
    let mut second = Command::new(env!("CARGO_BIN_EXE_veche"));
    second.args(["serve", "--host", "127.0.0.1", "--port", &server.port.to_string(), "--data", "other"]);
    let output = second.current_dir(folder.path()).env_clear().output().expect("the binary runs");
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        stderr.contains(&format!("port {} is taken", server.port)) && stderr.contains("--port"),
        "{stderr}"
    );
}

#[test]
fn rules_that_contradict_themselves_are_refused_at_start() {
    let folder = Folder::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_veche"));
    command.args(["serve", "--set", "namespaces.room.max_members=4000000000"]);
    let output = command.current_dir(folder.path()).env_clear().output().expect("the binary runs");
    assert!(!output.status.success());
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(stderr.contains("max_members"), "{stderr}");
}
