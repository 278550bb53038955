//! `veche` as a process of its own, on one data folder and one port from start to start.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use super::until;
use crate::secret::Folder;

/// Channels `log:…` are durable and `room:…` are not; nobody is held back. No application, whose demonstration
/// would be made at each start and fill the disk of those tests that have little of it.
const SETTINGS: [&str; 8] = [
    "apps=[]",
    r#"namespaces.log={class="durable",subscribe="anyone",publish="anyone",history="anyone",replay_limit=10000}"#,
    r#"namespaces.room={class="memory",subscribe="anyone",publish="anyone"}"#,
    "limits.frames_per_second=0",
    "limits.messages_per_minute=0",
    "limits.subscribes_per_minute=0",
    "limits.calls_per_second=0",
    "limits.connections_per_user=0",
];

/// A server; killed with its test.
pub(crate) struct Veche {
    folder: Folder,
    port: u16,
    /// Beside those that all have.
    settings: &'static [&'static str],
    child: Child,
}

impl Veche {
    /// Starts on a free port and an empty folder, and returns when it listens.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more settings (`key=value`).
    pub(crate) fn start_with(settings: &'static [&'static str]) -> Self {
        let folder = Folder::new();
        let port = free_port();
        let child = spawn(&folder, port, settings);
        let mut server = Self { folder, port, settings, child };
        server.wait_for_it();
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Kills it by SIGKILL: it has no moment to write anything.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// Asks it to stop, as a service manager does.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("there is a `kill`").success());
        self.child.wait().expect("it is ours")
    }

    /// Starts it again as it was.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(&self.folder, self.port, self.settings);
        self.wait_for_it();
    }

    /// Starts a server that must refuse, and returns what it says.
    pub(crate) fn refusal(&self, port: u16) -> String {
        let mut command = serve(&self.folder, port, self.settings);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a shell");
        let has_ended = until(|| match child.try_wait().expect("a child") {
            Some(_) => Some(true),
            None => TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(false),
        });
        // One that has ended cannot be killed, and need not be.
        let _ = child.kill();
        let output = child.wait_with_output().expect("it is ours");
        assert!(has_ended, "it listens: {output:?}");
        refused(&output)
    }

    /// Runs another command of `veche` in the same folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veche"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().output().expect("the binary runs")
    }

    /// A token of this user, as the operator makes it.
    pub(crate) fn token(&self, user: &str) -> String {
        let output = self.run(&["token", "--sub", user]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Where it runs; its data folder is in there.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of its data folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("veche-data").join(name)
    }

    /// Lets its files grow up to so many bytes each (`unlimited` ends it). A write above fails.
    pub(crate) fn limit_files(&self, bytes: &str) {
        // The hard limit stays: nobody but root may raise it again.
        let fsize = format!("--fsize={bytes}:");
        let pid = self.child.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &fsize]).status();
        assert!(set.expect("there is a `prlimit`").success());
    }

    fn wait_for_it(&mut self) {
        until(|| {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {ended:?}; it said: {}", self.said());
            TcpStream::connect(self.address()).ok()
        });
    }

    /// Its log so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Veche {
    fn drop(&mut self) {
        // A server that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the last server said: {}", self.said());
        }
    }
}

/// What a command that failed says.
pub(crate) fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "it did not refuse: {output:?}");
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn spawn(folder: &Folder, port: u16, settings: &[&str]) -> Child {
    let stderr = fs::File::create(folder.path().join("stderr")).expect("the folder is ours");
    serve(folder, port, settings).stdout(Stdio::null()).stderr(stderr).spawn().expect("a shell")
}

fn serve(folder: &Folder, port: u16, settings: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    // A write above the limit of a file's size sends a signal that ends the process, unless it is ignored.
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_veche")]);
    command.args(["serve", "--demo", "--host", "127.0.0.1", "--port", &port.to_string()]);
    for setting in SETTINGS.iter().chain(settings) {
        command.args(["--set", setting]);
    }
    command.current_dir(folder.path()).env_clear();
    command
}

/// A port that the system gives to nobody by itself, so that it stays free while its server is down.
pub(crate) fn free_port() -> u16 {
    let somewhere = RandomState::new().hash_one(std::process::id());
    let ports = (0..10_000).map(|next| 20_000 + (somewhere.wrapping_add(next) % 10_000) as u16);
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}
