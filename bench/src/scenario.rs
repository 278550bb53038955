//! What can be asked for, and what belongs to it.

use clap::ValueEnum;

use crate::{
    error::BenchError,
    process,
    target::{Contender, Door, Target},
};

/// The servers of the native door, unless others are asked for.
const NATIVE: [Target; 3] = [Target::Veche, Target::Lean, Target::Bare];
/// The same of the Socket.IO door.
const SOCKETIO: [Target; 3] = [Target::Veche, Target::SocketioNode, Target::Socketioxide];

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Memory and CPU of connections that do nothing.
    Idle,
    /// The same by server-sent events alone.
    Events,
    /// One channel, many subscribers.
    Fanout,
    /// The fan-out of bare `send` alone.
    Bare,
    /// Publications to a durable channel and their replay, beside the database alone.
    Durable,
    /// Idle and fan-out by Socket.IO, beside its other servers.
    Socketio,
    /// Idle alone of it.
    SocketioIdle,
    /// Fan-out alone of it.
    SocketioFanout,
    /// Idle and fan-out.
    All,
}

impl Scenario {
    /// By which protocol the clients come.
    pub(crate) const fn door(self) -> Door {
        match self {
            Self::Idle | Self::Events | Self::Fanout | Self::Bare | Self::Durable | Self::All => Door::Native,
            Self::Socketio | Self::SocketioIdle | Self::SocketioFanout => Door::SocketIo,
        }
    }

    /// The servers that take turns: those that were asked for, where there is a choice.
    pub(crate) fn contenders(self, against: &[Target]) -> Result<Vec<Contender>, BenchError> {
        let usual: &[Target] = match self.door() {
            Door::Native => &NATIVE,
            Door::SocketIo => &SOCKETIO,
        };
        let targets = match self {
            Self::Bare => &[Target::Bare],
            Self::Durable | Self::Events => &[Target::Veche],
            _ if against.is_empty() => usual,
            _ => against,
        };
        targets.iter().map(|target| target.at(self.door())).collect()
    }

    /// Messages under way in a fan-out.
    pub(crate) const fn windows(self) -> &'static [u64] {
        match self.door() {
            Door::Native => &[1, 4, 64],
            Door::SocketIo => &[1, 4],
        }
    }

    /// What Veche is told for it beside the usual settings.
    pub(crate) const fn more_settings(self) -> &'static [&'static str] {
        match self {
            Self::Durable => &process::DURABLE,
            _ => &[],
        }
    }

    /// Whether idle connections are held.
    pub(crate) const fn has_idle(self) -> bool {
        matches!(self, Self::Idle | Self::All | Self::Socketio | Self::SocketioIdle)
    }

    /// Whether idle streams of server-sent events are held.
    pub(crate) const fn has_events(self) -> bool {
        matches!(self, Self::Idle | Self::Events | Self::All)
    }

    /// Whether messages are fanned out.
    pub(crate) const fn has_fanout(self) -> bool {
        matches!(self, Self::Fanout | Self::Bare | Self::All | Self::Socketio | Self::SocketioFanout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_takes_part_only_at_a_door_that_it_has() {
        let check = |scenario: Scenario, against: &[Target], expected: Option<&[Target]>| {
            let found = scenario.contenders(against).ok();
            let found: Option<Vec<_>> = found.map(|all| all.iter().map(|each| each.target).collect());
            assert_eq!(found.as_deref(), expected, "{scenario:?} against {against:?}");
        };
        check(Scenario::All, &[], Some(&NATIVE));
        check(Scenario::Socketio, &[], Some(&SOCKETIO));
        check(Scenario::SocketioFanout, &[Target::Veche], Some(&[Target::Veche]));
        check(Scenario::Events, &[Target::Lean], Some(&[Target::Veche]));
        check(Scenario::Socketio, &[Target::Veche, Target::Bare], None);
        check(Scenario::Fanout, &[Target::Socketioxide], None);
    }
}
