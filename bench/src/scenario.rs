//! What can be asked for, and what belongs to it.

use clap::ValueEnum;

use crate::{
    command,
    error::BenchError,
    shape::Shape,
    stress::{self, Stress},
    target::{Contender, Door, Target},
};

/// The servers of the native door, unless others are asked for.
const NATIVE: [Target; 3] = [Target::Veche, Target::Lean, Target::Bare];
/// The same where clients are greeted and join.
const JOINED: [Target; 2] = [Target::Veche, Target::Lean];
/// Beside the servers that others use.
const FIELD: [Target; 8] = [
    Target::Veche,
    Target::Lean,
    Target::Axum,
    Target::Ws,
    Target::Bun,
    Target::Nats,
    Target::Centrifugo,
    Target::Sockudo,
];
/// The same of the Socket.IO door.
const SOCKETIO: [Target; 3] = [Target::Veche, Target::SocketioNode, Target::Socketioxide];

/// Deliveries a second of an open loop: what nearly every server of the field reaches on one core.
const RATE: u64 = 50_000;
const RATES: [Shape; 2] = [Shape::rate(1, 1_000, RATE), Shape::rate(100, 10, RATE)];
/// The same where the cost of a layout is compared with another's.
const SCALING_RATE: u64 = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Memory and CPU of connections that do nothing.
    Idle,
    /// The same by WebSocket alone.
    Websockets,
    /// The same by server-sent events alone.
    Events,
    /// One channel, many subscribers, as fast as it goes.
    Fanout,
    /// The fan-out of bare `send` alone.
    Bare,
    /// There and back on one connection beside another.
    Echo,
    /// 50,000 deliveries a second, in one channel of 1,000 and in 100 channels of 10.
    Rate,
    /// The cost of a delivery over connections and channels.
    Scaling,
    /// Idle, fan-out and rate beside the servers that others use.
    Field,
    /// Publications to channels with positions and a history in memory, beside those that keep nothing.
    Retained,
    /// Publications to a durable channel and their replay, beside the database alone.
    Durable,
    /// Everybody connects at once.
    Storm,
    /// 100,000 connections come and go.
    Churn,
    /// 100 subscribers of 1,000 never read.
    Deaf,
    /// A busy channel beside 1,000 quiet ones.
    Busy,
    /// A client that publishes as fast as it can, with the limits on.
    Flood,
    /// 50,000 connections on several servers.
    Crowd,
    /// Idle and fan-out by Socket.IO, beside its other servers.
    Socketio,
    /// Idle alone of it.
    SocketioIdle,
    /// Fan-out alone of it.
    SocketioFanout,
    /// Idle and fan-out.
    All,
}

/// One thing to measure of every server in turn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Idle,
    Events,
    Fanout,
    Durable,
    Stress(Stress),
}

impl Scenario {
    /// By which protocol the clients come.
    pub(crate) const fn door(self) -> Door {
        match self {
            Self::Socketio | Self::SocketioIdle | Self::SocketioFanout => Door::SocketIo,
            _ => Door::Native,
        }
    }

    /// What is measured of each server, in this order; a crowd starts its own servers.
    pub(crate) const fn acts(self) -> &'static [Act] {
        match self {
            Self::Idle => &[Act::Idle, Act::Events],
            Self::Websockets | Self::SocketioIdle => &[Act::Idle],
            Self::Events => &[Act::Events],
            Self::Fanout
            | Self::Bare
            | Self::Echo
            | Self::Rate
            | Self::Scaling
            | Self::Retained
            | Self::SocketioFanout => &[Act::Fanout],
            Self::Durable => &[Act::Durable],
            Self::Storm => &[Act::Stress(stress::storm)],
            Self::Churn => &[Act::Stress(stress::churn)],
            Self::Deaf => &[Act::Stress(stress::deaf)],
            Self::Busy => &[Act::Stress(stress::busy)],
            Self::Flood => &[Act::Stress(stress::flood)],
            Self::Crowd => &[],
            Self::Socketio | Self::Field => &[Act::Idle, Act::Fanout],
            Self::All => &[Act::Idle, Act::Events, Act::Fanout],
        }
    }

    /// The servers that take turns: those that were asked for, where there is a choice.
    pub(crate) fn contenders(self, against: &[Target]) -> Result<Vec<Contender>, BenchError> {
        let usual: &[Target] = match self {
            Self::Fanout | Self::Echo | Self::All => &NATIVE,
            Self::Socketio | Self::SocketioIdle | Self::SocketioFanout => &SOCKETIO,
            Self::Idle
            | Self::Websockets
            | Self::Rate
            | Self::Storm
            | Self::Churn
            | Self::Deaf
            | Self::Busy => &JOINED,
            Self::Bare => &[Target::Bare],
            Self::Field => &FIELD,
            Self::Retained => &[Target::Veche, Target::Retained],
            Self::Scaling | Self::Durable | Self::Events | Self::Flood | Self::Crowd => &[Target::Veche],
        };
        let has_choice =
            !matches!(self, Self::Bare | Self::Retained | Self::Durable | Self::Events | Self::Flood);
        let targets = if against.is_empty() || !has_choice { usual } else { against };
        targets.iter().map(|target| target.at(self.door())).collect()
    }

    /// Whose figures the others' are divided by, where no peer has to take part for that.
    pub(crate) const fn base(self) -> Option<Target> {
        match self {
            Self::Echo => Some(Target::Bare),
            Self::Retained => Some(Target::Veche),
            _ => None,
        }
    }

    /// The fan-outs, where `subscribers` are asked for.
    pub(crate) fn shapes(self, subscribers: usize) -> Vec<Shape> {
        let windows = |windows: &[u64]| -> Vec<_> {
            windows.iter().map(|&it| Shape::window(subscribers, it)).collect()
        };
        match self {
            Self::Echo => vec![Shape::window(1, 1)],
            Self::Rate => RATES.into(),
            // The fewer subscribers, the more of it is the publication's own cost, and the more are under way, the
            // less is the kernel's.
            Self::Retained => [(1, 1), (1, 64), (10, 1), (10, 64), (subscribers, 1)]
                .map(|(subscribers, window)| Shape::window(subscribers, window))
                .into(),
            Self::Scaling => [
                (1, 10),
                (1, 100),
                (1, 1_000),
                (1, 10_000),
                (10, 1_000),
                (100, 100),
                (1_000, 10),
                (10_000, 1),
            ]
            .map(|(channels, subscribers)| Shape::rate(channels, subscribers, SCALING_RATE))
            .into(),
            Self::Socketio | Self::SocketioFanout => windows(&[1, 4]),
            Self::Field => windows(&[1, 4]).into_iter().chain(RATES).collect(),
            _ => windows(&[1, 4, 64]),
        }
    }

    /// What Veche is told for it beside the usual settings.
    pub(crate) const fn more_settings(self) -> &'static [&'static str] {
        match self {
            Self::Durable => &command::DURABLE,
            Self::Flood => &command::LIMITED,
            _ => &[],
        }
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
        check(Scenario::Retained, &[Target::Lean], Some(&[Target::Veche, Target::Retained]));
        check(Scenario::Socketio, &[Target::Veche, Target::Bare], None);
        check(Scenario::Fanout, &[Target::Socketioxide], None);
    }
}
