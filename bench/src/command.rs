//! How a server is started: its program, what it is told, and the file that tells it.

use std::{fs, path::Path};

use crate::{
    build::{self, Script},
    error::{BenchError, Context},
    target::Target,
};

/// What Veche is told beside `--demo`: the limits that the load is meant to exceed are off, and
/// everything else stays on.
const SETTINGS: [&str; 9] = [
    "limits.connections_per_address=0",
    "limits.connections_per_user=0",
    "limits.frames_per_second=0",
    "limits.messages_per_minute=0",
    "limits.ephemeral_per_second=0",
    "server.shards=1",
    r#"namespaces.bench.subscribe="anyone""#,
    r#"namespaces.bench.publish="anyone""#,
    r#"log.level="warn""#,
];

/// What its channels promise: as little as they can,
const EPHEMERAL: [&str; 1] = [r#"namespaces.bench.class="ephemeral""#];
/// or positions and a history in memory, as long as it is by itself.
const RETAINED: [&str; 2] = [r#"namespaces.bench.class="memory""#, r#"namespaces.bench.history="anyone""#];

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

/// The files by which servers of the field are told what they do, in the server's folder.
const NATS_FILE: &str = "nats.conf";
const CENTRIFUGO_FILE: &str = "centrifugo.toml";
const SOCKUDO_FILE: &str = "sockudo.toml";

/// The file by which a server is told what it does, where there is one: its name and its text, in which DATA
/// and PORT stand for what differs.
const fn configuration(target: Target) -> Option<(&'static str, &'static str)> {
    match target {
        Target::Nats => Some((NATS_FILE, include_str!("../peers/nats/nats.conf"))),
        Target::Centrifugo => Some((CENTRIFUGO_FILE, include_str!("../peers/centrifugo/centrifugo.toml"))),
        Target::Sockudo => Some((SOCKUDO_FILE, include_str!("../peers/sockudo/sockudo.toml"))),
        _ => None,
    }
}

/// Writes it into the server's folder.
pub(crate) fn configure(target: Target, data: &Path, port: u16) -> Result<(), BenchError> {
    let Some((name, text)) = configuration(target) else { return Ok(()) };
    let text = text.replace("PORT", &port.to_string()).replace("DATA", &data.display().to_string());
    fs::write(data.join(name), text).context("write the server's configuration")
}

/// The command that starts a server: the one place that knows. `more` are settings of Veche's beside the
/// usual ones.
pub(crate) fn words(target: Target, programs: &Path, port: u16, data: &Path, more: &[String]) -> Vec<String> {
    let port = port.to_string();
    let shown = |path: &Path| path.display().to_string();
    let program = |name: &str| shown(&programs.join(name));
    let script = |Script { folder, file }: Script| program(&format!("{folder}/{file}"));
    let told_by = |program: String, file: &str| vec![program, "-c".to_owned(), shown(&data.join(file))];
    let veche = |class: &[&str]| veche(&program(Target::Veche.name()), &port, &shown(data), class, more);
    match target {
        Target::Veche => veche(&EPHEMERAL),
        Target::Retained => veche(&RETAINED),
        Target::Lean | Target::Bare | Target::Axum | Target::Socketioxide => {
            vec![program(target.name()), port]
        }
        Target::SocketioNode => vec!["node".to_owned(), script(build::SOCKETIO_NODE), port],
        Target::Ws => vec!["node".to_owned(), script(build::WS), port],
        Target::Bun => vec![program(build::BUN_PROGRAM), script(build::BUN), port],
        Target::Nats => told_by(program(build::NATS_PROGRAM), NATS_FILE),
        Target::Centrifugo => told_by(program(target.name()), CENTRIFUGO_FILE),
        // Its file has no place for that.
        Target::Sockudo => ["env".to_owned(), "RUST_LOG=warn".to_owned()]
            .into_iter()
            .chain(told_by(program(build::SOCKUDO.program), SOCKUDO_FILE))
            .collect(),
    }
}

fn veche(program: &str, port: &str, data: &str, class: &[&str], more: &[String]) -> Vec<String> {
    let fixed = [program, "serve", "--demo", "--port", port, "--data", data];
    let settings = SETTINGS.iter().chain(class).copied().chain(more.iter().map(String::as_str));
    let settings = settings.flat_map(|setting| ["--set", setting]);
    fixed.into_iter().chain(settings).map(str::to_owned).collect()
}

/// The command as it could be typed.
pub(crate) fn shown(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains(['"', ' ']) { format!("'{word}'") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_command_can_be_typed() {
        assert_eq!(quoted("server.shards=1"), "server.shards=1");
        assert_eq!(quoted(r#"log.level="warn""#), r#"'log.level="warn"'"#);
    }
}
