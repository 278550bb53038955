//! What a server of Engine.IO is set to, and how it tells a client.

use super::{Revision, Transport};
use crate::json::{push_str, push_u64};

/// What a server is set to. The defaults are those of the reference server.
///
/// ```
/// use veche_protocol::engine_io::Config;
///
/// let config = Config { allow_eio3: true, ..Config::default() };
/// assert_eq!(config.ping_interval_ms, 25_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long after a sign of life the next ping is due.
    pub ping_interval_ms: u32,
    /// How long a ping may stay unanswered.
    pub ping_timeout_ms: u32,
    /// The most bytes of a polling body and of a WebSocket message from a client.
    pub max_payload: usize,
    /// The most packets of a polling body.
    pub max_packets: usize,
    /// How long a WebSocket may take to complete an upgrade.
    pub upgrade_timeout_ms: u32,
    /// How long a client may take until it is connected to a namespace. This one is
    /// [`Connection`](crate::socket_io::Connection)'s.
    pub connect_timeout_ms: u32,
    /// Whether clients of the third revision are served.
    pub allow_eio3: bool,
    /// Whether sessions may poll.
    pub polling: bool,
    /// Whether sessions may use a WebSocket.
    pub websocket: bool,
    /// Whether a polling session may move to a WebSocket.
    pub allow_upgrades: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval_ms: 25_000,
            ping_timeout_ms: 20_000,
            max_payload: 1_000_000,
            // A client that was offline sends all that it has kept in one body; of these, 15 bytes each.
            max_packets: 65_536,
            upgrade_timeout_ms: 10_000,
            connect_timeout_ms: 45_000,
            allow_eio3: false,
            polling: true,
            websocket: true,
            allow_upgrades: true,
        }
    }
}

impl Config {
    /// Whether sessions may use this transport.
    pub const fn allows(&self, transport: Transport) -> bool {
        match transport {
            Transport::Polling => self.polling,
            Transport::WebSocket => self.websocket,
        }
    }

    /// Whether a session that began with this transport may move to a WebSocket.
    pub const fn upgrades_from(&self, transport: Transport) -> bool {
        matches!(transport, Transport::Polling) && self.websocket && self.allow_upgrades
    }

    /// Which revision a query's `EIO` stands for, if it is served.
    ///
    /// The reference takes every other value for 3; here only 3 itself is, and a missing one, which the
    /// oldest clients leave away.
    pub(super) fn revision(&self, eio: Option<&str>) -> Option<Revision> {
        match eio {
            Some("4") => Some(Revision::V4),
            Some("3") | None if self.allow_eio3 => Some(Revision::V3),
            _ => None,
        }
    }
}

/// What opens a session: its first packet.
///
/// ```
/// use veche_protocol::engine_io::{Config, Handshake, Transport};
///
/// let mut out = String::new();
/// Handshake { sid: "lv_VI97HAXpY6yYWAAAC", transport: Transport::Polling, config: &Config::default() }
///     .write(&mut out);
/// assert_eq!(
///     out,
///     r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
/// );
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Handshake<'a> {
    /// The session's id: a secret of the client's.
    pub sid: &'a str,
    /// The transport that the session begins with.
    pub transport: Transport,
    /// What the server is set to.
    pub config: &'a Config,
}

impl Handshake<'_> {
    /// Appends the packet, with its type. It is the same in both revisions.
    pub fn write(&self, out: &mut String) {
        let Self { sid, transport, config } = *self;
        out.push_str("0{\"sid\":");
        push_str(out, sid);
        let upgrades = if config.upgrades_from(transport) { "[\"websocket\"]" } else { "[]" };
        out.push_str(",\"upgrades\":");
        out.push_str(upgrades);
        for (name, value) in [
            ("pingInterval", u64::from(config.ping_interval_ms)),
            ("pingTimeout", u64::from(config.ping_timeout_ms)),
            ("maxPayload", config.max_payload as u64),
        ] {
            out.push_str(",\"");
            out.push_str(name);
            out.push_str("\":");
            push_u64(out, value);
        }
        out.push('}');
    }
}
