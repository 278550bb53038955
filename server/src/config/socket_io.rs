//! `socket_io.*`: the door for clients of Socket.IO.

use std::time::Duration;

use super::{reader::Reader, units};

/// The door for clients of Socket.IO, at `/socket.io/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketIo {
    /// Whether it is open.
    pub enabled: bool,
    /// Whether clients of Socket.IO 2 are served, too.
    pub allow_eio3: bool,
    /// For how long a client that lost its connection may come back to its session; nothing = never.
    pub recovery: Duration,
}

impl Default for SocketIo {
    fn default() -> Self {
        Self { enabled: true, allow_eio3: false, recovery: Duration::ZERO }
    }
}

impl Reader<'_> {
    pub(super) fn socket_io(&mut self) -> SocketIo {
        let default = SocketIo::default();
        SocketIo {
            enabled: self.boolean("socket_io.enabled", default.enabled),
            allow_eio3: self.boolean("socket_io.allow_eio3", default.allow_eio3),
            recovery: self.parsed("socket_io.recovery", default.recovery, units::duration),
        }
    }
}
