//! One event is one line, whatever a peer put into it.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;
use veche_server::{
    config::{Log, LogFormat},
    log::subscriber,
};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is written while `act` runs.
fn written(format: LogFormat, level: &str, act: impl FnOnce()) -> String {
    let memory = Memory::default();
    let log = Log { level: level.to_owned(), format };
    tracing::subscriber::with_default(subscriber(&log, memory.clone()), act);
    let bytes = memory.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).expect("logs are UTF-8")
}

const EVIL: &str = "x\n2026-01-01T00:00:00Z ERROR forged\r\x1b[2J\u{7f}\u{9b}\u{2028}\u{202e}end";

#[test]
fn a_peer_cannot_forge_a_line() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = written(format, "info", || {
            tracing::info!(channel = EVIL, "refused {EVIL}");
            tracing::info!(channel = ?EVIL, "second");
        });
        assert_eq!(log.lines().count(), 2, "{log}");
        assert!(log.ends_with('\n'));
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{2028}';
        assert!(!log.contains(harmful), "{log:?}");
    }
}

#[test]
fn json_has_one_object_a_line() {
    let log = written(LogFormat::Json, "info", || tracing::warn!(reason = "a \"quote\"\n", "refused"));
    let event: serde_json::Value = serde_json::from_str(log.trim_end()).expect("one object");
    assert_eq!(event["level"], "WARN");
    assert_eq!(event["message"], "refused");
    assert_eq!(event["reason"], "a \"quote\"\n");
}

#[test]
fn the_level_is_obeyed() {
    let log = written(LogFormat::Text, "warn", || {
        tracing::info!("quiet");
        tracing::warn!("loud");
    });
    assert!(log.contains("loud") && !log.contains("quiet"), "{log}");
}
