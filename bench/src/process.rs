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
    command,
    error::{BenchError, Context},
    target::Target,
};

/// A server that does not listen after so long has failed.
const START: Duration = Duration::from_secs(20);

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
        command::configure(target, data.path(), port)?;
        let core = core.to_string();
        let shown = command::shown(&command::words(target, Path::new(""), port, Path::new("DATA"), more));
        let child = Command::new("taskset")
            .args(["-c", &core])
            .args(command::words(target, programs, port, data.path(), more))
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

    /// From now on [`Self::peak`] is that of what comes.
    pub(crate) fn forget_peak(&self) -> Result<(), BenchError> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(&path, "5").context(&format!("write {path}"))
    }

    /// The most memory that was resident at once, in bytes.
    pub(crate) fn peak(&self) -> Result<u64, BenchError> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).context(&format!("read {path}"))?;
        bytes(&text, "VmHWM:").ok_or_else(|| BenchError::Unfit(format!("{path} has no VmHWM")))
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

/// Bytes as MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
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
        Some(Self { rss: bytes(rollup, "Rss:")?, anonymous: bytes(rollup, "Anonymous:")? })
    }
}

/// What a line says in kB.
fn bytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
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
}
