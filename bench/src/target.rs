//! The servers that are measured, and the doors by which clients come to them.

use crate::{dialect::Dialect, error::BenchError};

/// A server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    /// Ours.
    Veche,
    /// The same, with positions and a history in memory.
    Retained,
    /// `bench/peers/lean`.
    Lean,
    /// `bench/peers/bare`: it can only fan out.
    Bare,
    /// `bench/peers/bun`.
    Bun,
    /// `bench/peers/axum`.
    Axum,
    /// `bench/peers/ws-node`.
    Ws,
    /// nats-server, with `bench/peers/nats`.
    Nats,
    /// Centrifugo, with `bench/peers/centrifugo`.
    Centrifugo,
    /// Sockudo, with `bench/peers/sockudo`.
    Sockudo,
    /// `bench/peers/socketio-node`.
    SocketioNode,
    /// `bench/peers/socketioxide`.
    Socketioxide,
}

/// By which protocol clients come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Door {
    /// The server's own.
    Native,
    /// Socket.IO over WebSocket.
    SocketIo,
}

impl Door {
    /// What a table's heading says of it.
    pub(crate) const fn phrase(self) -> &'static str {
        match self {
            Self::Native => "",
            Self::SocketIo => ", by Socket.IO over WebSocket",
        }
    }
}

/// A server and how it is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) target: Target,
    pub(crate) dialect: Dialect,
}

impl Target {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 12] = [
        Self::Veche,
        Self::Retained,
        Self::Lean,
        Self::Bare,
        Self::Bun,
        Self::Axum,
        Self::Ws,
        Self::Nats,
        Self::Centrifugo,
        Self::Sockudo,
        Self::SocketioNode,
        Self::Socketioxide,
    ];

    /// The word for tables; a program that cargo builds is called so too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Veche => "veche",
            Self::Retained => "retained",
            Self::Lean => "lean",
            Self::Bare => "bare",
            Self::Bun => "bun",
            Self::Axum => "axum",
            Self::Ws => "ws",
            Self::Nats => "nats",
            Self::Centrifugo => "centrifugo",
            Self::Sockudo => "sockudo",
            Self::SocketioNode => "socketio-node",
            Self::Socketioxide => "socketioxide",
        }
    }

    /// Whether what it loses is a mistake of ours, and no figure of a peer's.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Veche | Self::Retained | Self::Lean | Self::Bare)
    }

    /// The server at a door that it has.
    pub(crate) fn at(self, door: Door) -> Result<Contender, BenchError> {
        let dialect = match (self, door) {
            (Self::Veche | Self::Retained, Door::Native) => Dialect::Veche,
            (Self::Lean | Self::Bun | Self::Axum | Self::Ws, Door::Native) => Dialect::Lean,
            (Self::Bare, Door::Native) => Dialect::Bare,
            (Self::Nats, Door::Native) => Dialect::Nats,
            (Self::Centrifugo, Door::Native) => Dialect::Centrifugo,
            (Self::Sockudo, Door::Native) => Dialect::Pusher,
            (Self::Veche | Self::SocketioNode | Self::Socketioxide, Door::SocketIo) => Dialect::SocketIo,
            (_, Door::SocketIo) | (Self::SocketioNode | Self::Socketioxide, Door::Native) => {
                return Err(BenchError::Unfit(format!("{} does not speak this protocol", self.name())));
            }
        };
        Ok(Contender { target: self, dialect })
    }
}
