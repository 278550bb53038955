//! The first session of the README, typed into the real `wscat`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, Command},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    e2e::server::Server,
    failure::Failure,
    install,
    process::{Output, Running},
    test::Verdict,
    workspace::{Workspace, file},
};

/// What the README shows; the step runs just this.
const URL: &str = "ws://localhost:3000/realtime/ws";
const HEADER: &str = "Authorization: Bearer ";
const SUBSCRIBE: &str = r#"{"type":"subscribe","channel":"test"}"#;
const MESSAGE: &str = r#"{"type":"message","channel":"test","data":{"text":"Hello"}}"#;

/// The part of the README that a reader sees without scrolling far.
const FIRST_SCREEN_LINES: usize = 60;
/// How long each frame may take to come.
const FRAME: Duration = Duration::from_secs(10);

/// Runs the step.
pub(crate) fn wscat(workspace: &Workspace) -> Result<Verdict, Failure> {
    for readme in ["README.md", "README.ru.md"] {
        let path = workspace.path(readme);
        shows_the_session(readme, &fs::read_to_string(&path).map_err(|source| file(&path, source))?)?;
    }
    let programs = install::npm_tools(workspace)?;
    let scratch = workspace.scratch("wscat")?;
    let server = Server::start(workspace, &scratch)?;
    let token = server.token("ann")?;

    let mut command = Command::new(programs.join("wscat"));
    let url = URL.replace("3000", &server.port().to_string());
    command.args(["-c", &url, "-H", &format!("{HEADER}{token}")]);
    let running = Running::start(&mut command, scratch.join("wscat.log"), Output::Piped)?;
    Session::new(running)?.play()?;
    server.stop()?;
    Ok(Verdict::Passed("welcome, subscribed and the publication came".into()))
}

/// The README has to show what is run here.
fn shows_the_session(name: &str, readme: &str) -> Result<(), Failure> {
    let first_screen = readme.lines().take(FIRST_SCREEN_LINES).collect::<Vec<_>>().join("\n");
    let command = format!("wscat -c {URL} -H \"{HEADER}");
    match [command.as_str(), SUBSCRIBE, MESSAGE].into_iter().find(|shown| !first_screen.contains(shown)) {
        None => Ok(()),
        Some(shown) => Err(Failure::Unmet(format!("the first screen of {name} does not show `{shown}`"))),
    }
}

/// One run of wscat. It drops what is typed before it is connected, so each line waits for the frame
/// before it.
struct Session {
    running: Running,
    input: ChildStdin,
    frames: Receiver<Value>,
}

impl Session {
    fn new(mut running: Running) -> Result<Self, Failure> {
        let child = running.child();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Unmet("wscat has no pipes".into()));
        };
        let (sender, frames) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            // Ends with wscat, or when nobody listens any more.
            for frame in lines.filter_map(|line| frame(&line)) {
                if sender.send(frame).is_err() {
                    break;
                }
            }
        });
        Ok(Self { running, input, frames })
    }

    fn play(mut self) -> Result<(), Failure> {
        self.expect("welcome", |frame| frame["user"] == "ann")?;
        self.expect("subscribed", |frame| frame["channel"] == "user:ann")?;
        self.send(SUBSCRIBE)?;
        self.expect("subscribed", |frame| frame["channel"] == "test")?;
        self.send(MESSAGE)?;
        self.expect("message", |frame| {
            frame["channel"] == "test" && frame["data"]["text"] == "Hello" && frame["from"]["user"] == "ann"
        })?;
        drop(self.input);
        self.running.finish(FRAME)
    }

    fn send(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.input, "{line}").map_err(|source| Failure::Start { command: "wscat".into(), source })
    }

    /// Waits for a frame of this type, which then has to be right.
    fn expect(&mut self, kind: &str, is_right: impl Fn(&Value) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + FRAME;
        let mut seen = Vec::new();
        while let Ok(frame) = self.frames.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if frame["type"] == kind {
                let wrong = || Failure::Unmet(format!("wscat got a wrong `{kind}`: {frame}"));
                return if is_right(&frame) { Ok(()) } else { Err(wrong()) };
            }
            seen.push(frame.to_string());
        }
        let (seen, log) = (seen.join(" "), self.running.output());
        Err(Failure::Unmet(format!("wscat got no `{kind}`, but [{seen}]{log}")))
    }
}

/// A frame in a line of wscat's output, which may have its prompt (`> `) before it.
fn frame(line: &str) -> Option<Value> {
    serde_json::from_str(line.trim_start_matches(['>', '<', ' '])).ok()
}

#[cfg(test)]
mod tests {
    use super::{MESSAGE, SUBSCRIBE, frame, shows_the_session};

    #[test]
    fn a_frame_is_read_with_and_without_the_prompt() {
        for line in [r#"{"type":"welcome"}"#, r#"> {"type":"welcome"}"#, r#"> > {"type":"welcome"}"#] {
            assert_eq!(frame(line).expect("it is JSON")["type"], "welcome", "{line}");
        }
        assert!(frame("error: Unexpected server response: 401").is_none());
    }

    #[test]
    fn a_readme_without_a_part_of_the_session_is_refused() {
        let command = "wscat -c ws://localhost:3000/realtime/ws -H \"Authorization: Bearer $(veche token)\"";
        let whole = format!("{command}\n> {SUBSCRIBE}\n> {MESSAGE}\n");
        shows_the_session("README.md", &whole).expect("all is there");
        for part in [command, SUBSCRIBE, MESSAGE] {
            assert!(shows_the_session("README.md", &whole.replace(part, "")).is_err(), "{part}");
        }
        let low = format!("{}{whole}", "\n".repeat(60));
        assert!(shows_the_session("README.md", &low).is_err());
    }
}
