//! Other programs: started, watched within a time bound, and never left behind.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{failure::Failure, workspace::file};

/// How often a program under way is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How much of a log is shown when its program failed.
const SHOWN_BYTES: usize = 16 * 1024;

/// Runs a program to its end with its output on this terminal.
pub(crate) fn stream(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| Failure::Start { command: line(command), source })?;
    if status.success() { Ok(()) } else { Err(ended(line(command), status, String::new())) }
}

/// Runs a program to its end and returns what it wrote to its standard output; when it fails, the end of
/// that and of its errors is in the failure.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = run(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(ended(line(command), output.status, shown(&format!("{text}{errors}"))))
}

/// Runs a program to its end and returns how it ended beside all that it wrote to its standard output.
pub(crate) fn captured(command: &mut Command) -> Result<(Result<(), Failure>, String), Failure> {
    let output = run(command)?;
    let outcome = if output.status.success() {
        Ok(())
    } else {
        Err(ended(line(command), output.status, String::new()))
    };
    Ok((outcome, String::from_utf8_lossy(&output.stdout).into_owned()))
}

fn run(command: &mut Command) -> Result<std::process::Output, Failure> {
    command.output().map_err(|source| Failure::Start { command: line(command), source })
}

/// Whether a program can be started at all and says so by its exit status.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// A program under way that is killed when this is dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    command: String,
    log: PathBuf,
}

impl Running {
    /// Starts a program whose standard error, and standard output unless the caller piped it, go to a log.
    pub(crate) fn start(command: &mut Command, log: PathBuf, output: Output) -> Result<Self, Failure> {
        let writer = File::create(&log).map_err(|source| file(&log, source))?;
        command.stderr(writer.try_clone().map_err(|source| file(&log, source))?);
        match output {
            Output::Logged => command.stdin(Stdio::null()).stdout(writer),
            Output::Piped => command.stdin(Stdio::piped()).stdout(Stdio::piped()),
        };
        let child = command.spawn().map_err(|source| Failure::Start { command: line(command), source })?;
        Ok(Self { child, command: line(command), log })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process, for its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// An error if the program has ended already, which a server must not.
    pub(crate) fn still_running(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(ended(self.command.clone(), status, self.output())),
            Err(source) => Err(Failure::Start { command: self.command.clone(), source }),
        }
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<ExitStatus, Failure> {
        let deadline = Instant::now() + at_most;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                Ok(None) => return Err(self.too_slow(at_most)),
                Err(source) => return Err(Failure::Start { command: self.command.clone(), source }),
            }
        }
    }

    /// Waits for a good end.
    pub(crate) fn finish(&mut self, at_most: Duration) -> Result<(), Failure> {
        let status = self.wait(at_most)?;
        if status.success() { Ok(()) } else { Err(ended(self.command.clone(), status, self.output())) }
    }

    /// Asks the program to end, as a supervisor would, and demands that it ends well.
    #[cfg(unix)]
    pub(crate) fn terminate(mut self, at_most: Duration) -> Result<(), Failure> {
        self.still_running()?;
        capture(&mut signal("-TERM", self.child.id()))?;
        self.finish(at_most)
    }

    /// Ends the program; this platform has no gentle way.
    #[cfg(not(unix))]
    pub(crate) fn terminate(self, _: Duration) -> Result<(), Failure> {
        drop(self);
        Ok(())
    }

    /// The end of what the program wrote so far, for an error's text.
    pub(crate) fn output(&self) -> String {
        log_tail(&self.log)
    }

    /// The failure of a program that took too long.
    pub(crate) fn too_slow(&self, at_most: Duration) -> Failure {
        Failure::TooSlow { command: self.command.clone(), seconds: at_most.as_secs(), output: self.output() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the program has ended, and then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shell's own `kill`: a minimal system has no program of that name.
#[cfg(unix)]
fn signal(signal: &str, pid: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "kill \"$0\" \"$1\"", signal, &pid.to_string()]);
    command
}

/// Where a program's standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Into the log, after its errors.
    Logged,
    /// To this program, which also writes its standard input.
    Piped,
}

/// A command line as a person would type it, secrets apart: an authorization header's value is left out.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    command.get_args().fold(name, |line, argument| {
        let argument = argument.to_string_lossy();
        let shown = argument.split_once("Bearer ").map_or(argument.as_ref(), |(before, _)| before);
        if shown.contains(' ') { format!("{line} '{shown}'") } else { format!("{line} {shown}") }
    })
}

fn ended(command: String, status: ExitStatus, output: String) -> Failure {
    Failure::Ended { command, status: status.to_string(), output }
}

fn log_tail(log: &Path) -> String {
    fs::read(log).map_or_else(|_| String::new(), |bytes| shown(&String::from_utf8_lossy(&bytes)))
}

/// The last part of a text, indented below the line of its error.
fn shown(text: &str) -> String {
    let mut start = text.len().saturating_sub(SHOWN_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].trim_end().lines().fold(String::new(), |shown, line| format!("{shown}\n    {line}"))
}

#[cfg(test)]
mod tests {
    use std::{env, process, process::Command, time::Duration};

    use super::{Output, Running, line, shown};

    fn sleeper(name: &str) -> Running {
        let log = env::temp_dir().join(format!("xtask-{name}-{}.log", process::id()));
        Running::start(Command::new("sleep").arg("60"), log, Output::Logged).expect("sleep exists")
    }

    #[test]
    #[cfg(unix)]
    fn a_program_is_gone_after_its_guard_is_dropped() {
        let running = sleeper("drop");
        let probe = |pid: u32| super::succeeds(&mut super::signal("-0", pid));
        let pid = running.child.id();
        assert!(probe(pid));
        drop(running);
        assert!(!probe(pid));
    }

    #[test]
    fn a_program_that_takes_too_long_is_named() {
        let failure = sleeper("slow").finish(Duration::ZERO).expect_err("it sleeps a minute");
        assert!(failure.to_string().contains("`sleep 60` did not end within 0 s"), "{failure}");
    }

    #[test]
    fn a_token_is_not_shown() {
        let mut command = Command::new("wscat");
        command.args(["-H", "Authorization: Bearer abc.def"]);
        assert_eq!(line(&command), "wscat -H 'Authorization: '");
    }

    #[test]
    fn only_the_end_of_a_long_output_is_shown() {
        let text = format!("first\n{}last", "é\n".repeat(20_000));
        let shown = shown(&text);
        assert!(shown.ends_with("\n    last") && !shown.contains("first"));
    }
}
