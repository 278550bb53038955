//! The server's process: started on its own core, read through `/proc`, and ended in every case.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use signal_hook::consts::{SIGINT, SIGTERM};
use tempfile::TempDir;

use crate::{
    build::{self, Script},
    error::{BenchError, Context},
    target::Target,
};

/// A server that does not listen after so long has failed.
const START: Duration = Duration::from_secs(20);

/// What Veche is told beside `--demo`: the limits that the load is meant to exceed are off, and
/// everything else stays on.
const SETTINGS: [&str; 10] = [
    "limits.connections_per_address=0",
    "limits.connections_per_user=0",
    "limits.frames_per_second=0",
    "limits.messages_per_minute=0",
    "limits.ephemeral_per_second=0",
    "server.shards=1",
    r#"namespaces.bench.class="ephemeral""#,
    r#"namespaces.bench.subscribe="anyone""#,
    r#"namespaces.bench.publish="anyone""#,
    r#"log.level="warn""#,
];

/// What Veche is told beside it for durable channels: only then is there a database. What is retained is
/// never swept in a run, which the bound does not do either.
pub(crate) const DURABLE: [&str; 5] = [
    r#"namespaces.log.class="durable""#,
    r#"namespaces.log.subscribe="anyone""#,
    r#"namespaces.log.publish="anyone""#,
    "namespaces.log.retain.count=1000000",
    "limits.subscribes_per_minute=0",
];

/// What Veche is told beside it where somebody floods it: the limit of frames is on again, twice as high as it
/// is by itself, so that the quiet channels' publisher gets through, who is one session for all of them.
pub(crate) const LIMITED: [&str; 1] = ["limits.frames_per_second=2000"];

/// The files by which NATS and Centrifugo are told what they do, in the server's folder.
const NATS_FILE: &str = "nats.conf";
const CENTRIFUGO_FILE: &str = "centrifugo.toml";

/// Ctrl-C and SIGTERM, noticed between two turns so that every guard runs.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on the signals no longer end the process at once.
    pub(crate) fn install() -> Result<Self, BenchError> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("watch for Ctrl-C")?;
        }
        Ok(Self(flag))
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        if self.0.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
    }
}

/// A running server; dropping it ends the process and removes its data.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, on 127.0.0.1.
    pub(crate) port: u16,
    /// The command as it could be typed, without the paths of this machine.
    pub(crate) command: String,
    _data: TempDir,
}

impl Server {
    /// Starts the server from the folder of the built programs, pinned to `core`, and waits until it
    /// listens. `more` are settings of Veche's beside the usual ones.
    pub(crate) fn start(
        target: Target,
        programs: &Path,
        core: usize,
        more: &[String],
        stop: &Stop,
    ) -> Result<Self, BenchError> {
        let data = TempDir::with_prefix("veche-bench-").context("make a folder for the server")?;
        let port = free_port().context("find a free port")?;
        configure(target, data.path(), port)?;
        let core = core.to_string();
        let shown = command(target, Path::new(""), port, Path::new("DATA"), more);
        let shown = shown.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let child = Command::new("taskset")
            .args(["-c", &core])
            .args(command(target, programs, port, data.path(), more))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("run taskset (of util-linux)")?;
        let mut server = Self { child, port, command: format!("taskset -c {core} {shown}"), _data: data };
        server.wait_until_it_listens(stop)?;
        Ok(server)
    }

    fn wait_until_it_listens(&mut self, stop: &Stop) -> Result<(), BenchError> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            stop.check()?;
            let ended = self.child.try_wait().context("look after the server")?.is_some();
            if ended || began.elapsed() > START {
                return Err(BenchError::Start(self.command.clone()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu(&self) -> Result<Cpu, BenchError> {
        Cpu::of(&self.child.id().to_string())
    }

    /// The memory that it holds.
    pub(crate) fn memory(&self) -> Result<Memory, BenchError> {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = fs::read_to_string(&path).context(&format!("read {path}"))?;
        Memory::parse(&text).ok_or_else(|| BenchError::Unfit(format!("{path} has no Rss")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing of it is left after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file by which a server is told what it does, where there is one: its name and its text, in which DATA
/// and PORT stand for what differs.
const fn configuration(target: Target) -> Option<(&'static str, &'static str)> {
    match target {
        Target::Nats => Some((NATS_FILE, include_str!("../peers/nats/nats.conf"))),
        Target::Centrifugo => Some((CENTRIFUGO_FILE, include_str!("../peers/centrifugo/centrifugo.toml"))),
        _ => None,
    }
}

/// Writes it into the server's folder.
fn configure(target: Target, data: &Path, port: u16) -> Result<(), BenchError> {
    let Some((name, text)) = configuration(target) else { return Ok(()) };
    let text = text.replace("PORT", &port.to_string()).replace("DATA", &data.display().to_string());
    fs::write(data.join(name), text).context("write the server's configuration")
}

/// The command that starts a server: the one place that knows.
fn command(target: Target, programs: &Path, port: u16, data: &Path, more: &[String]) -> Vec<String> {
    let port = port.to_string();
    let shown = |path: &Path| path.display().to_string();
    let program = |name: &str| shown(&programs.join(name));
    let script = |Script { folder, file }: Script| program(&format!("{folder}/{file}"));
    match target {
        Target::Veche => veche(&program(target.name()), &port, &shown(data), more),
        Target::Lean | Target::Bare | Target::Axum | Target::Socketioxide => {
            vec![program(target.name()), port]
        }
        Target::SocketioNode => vec!["node".to_owned(), script(build::SOCKETIO_NODE), port],
        Target::Ws => vec!["node".to_owned(), script(build::WS), port],
        Target::Bun => vec![program(build::BUN_PROGRAM), script(build::BUN), port],
        Target::Nats => vec![program(build::NATS_PROGRAM), "-c".to_owned(), shown(&data.join(NATS_FILE))],
        Target::Centrifugo => {
            vec![program(target.name()), "-c".to_owned(), shown(&data.join(CENTRIFUGO_FILE))]
        }
    }
}

fn veche(program: &str, port: &str, data: &str, more: &[String]) -> Vec<String> {
    let fixed = [program, "serve", "--demo", "--port", port, "--data", data];
    let settings =
        SETTINGS.into_iter().chain(more.iter().map(String::as_str)).flat_map(|setting| ["--set", setting]);
    fixed.into_iter().chain(settings).map(str::to_owned).collect()
}

/// The settings that Veche is started with.
pub(crate) const fn settings() -> &'static [&'static str] {
    &SETTINGS
}

fn quoted(word: &str) -> String {
    if word.contains(['"', ' ']) { format!("'{word}'") } else { word.to_owned() }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// CPU time, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cpu {
    /// Spent in the program.
    pub(crate) user: f64,
    /// Spent in the kernel for it.
    pub(crate) system: f64,
}

impl Cpu {
    /// Of a process, by its number or `self`.
    pub(crate) fn of(process: &str) -> Result<Self, BenchError> {
        let path = format!("/proc/{process}/stat");
        let text = fs::read_to_string(&path).context(&format!("read {path}"))?;
        Self::parse(&text, rustix::param::clock_ticks_per_second() as f64)
            .ok_or_else(|| BenchError::Unfit(format!("{path} has no times")))
    }

    fn parse(stat: &str, ticks: f64) -> Option<Self> {
        // The name of the program may hold spaces and parentheses; the state follows the last one.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
        Some(Self { user: times.next()?.ok()? / ticks, system: times.next()?.ok()? / ticks })
    }

    /// What was spent since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }

    /// Both parts.
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Memory {
    /// Resident, all of it.
    pub(crate) rss: u64,
    /// Resident and backed by no file.
    pub(crate) anonymous: u64,
}

impl Memory {
    fn parse(rollup: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
        };
        Some(Self { rss: field("Rss:")?, anonymous: field("Anonymous:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_times_stand_behind_the_programs_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 150 250 7 8 20 0 1 0 12345 1000 100";
        assert_eq!(Cpu::parse(stat, 100.0), Some(Cpu { user: 1.5, system: 2.5 }));
        assert_eq!(Cpu::parse("42 (a) S 1", 100.0), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let rollup = "1-2 ---p 0 00:00 0 [rollup]\nRss:  12 kB\nPss:  3 kB\nAnonymous:   8 kB\n";
        assert_eq!(Memory::parse(rollup), Some(Memory { rss: 12 * 1024, anonymous: 8 * 1024 }));
        assert_eq!(Memory::parse("Rss: 12 kB\n"), None);
    }

    #[test]
    fn the_printed_command_can_be_typed() {
        assert_eq!(quoted("server.shards=1"), "server.shards=1");
        assert_eq!(quoted(r#"log.level="warn""#), r#"'log.level="warn"'"#);
    }
}
