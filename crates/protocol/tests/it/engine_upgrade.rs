//! Random walks over a session: whatever the client does and whenever, nothing that was queued is lost or
//! sent twice across an upgrade, and no poll is left waiting.

use std::collections::VecDeque;

use proptest::prelude::*;
use veche_protocol::engine_io::{
    Effects, End, Outlet, PollAnswer, Polled, Posted, Probation, Probe, Received, Refusal, Revision, Session,
    Transport,
};

use crate::engine_session::{packet, session};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The server queues a message, and flushes.
    Publish,
    /// The server queues a message, and has not flushed yet.
    PublishLater,
    Flush,
    Poll,
    PollGone,
    Post,
    PostPacket(&'static str),
    PostEnd,
    Socket,
    Probe(&'static str),
    ProbeGone,
    SocketPacket(&'static str),
    SocketGone,
    Wait(u64),
    Deadline,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let text = || prop::sample::select(vec!["4a", "3", "2", "1", "6", "2probe", "5"]);
    prop_oneof![
        6 => Just(Step::Publish),
        3 => Just(Step::PublishLater),
        3 => Just(Step::Flush),
        8 => Just(Step::Poll),
        1 => Just(Step::PollGone),
        3 => Just(Step::Post),
        4 => prop_oneof![5 => Just("4a"), 3 => Just("3"), 1 => text()].prop_map(Step::PostPacket),
        3 => Just(Step::PostEnd),
        4 => Just(Step::Socket),
        6 => prop_oneof![4 => Just("2probe"), 3 => Just("5"), 1 => text()].prop_map(Step::Probe),
        1 => Just(Step::ProbeGone),
        3 => prop_oneof![5 => Just("4a"), 3 => Just("3"), 1 => text()].prop_map(Step::SocketPacket),
        1 => Just(Step::SocketGone),
        4 => (0..120_u64).prop_map(Step::Wait),
        6 => Just(Step::Deadline),
        1 => Just(Step::Close),
    ]
}

/// What a door keeps, and what the client has seen.
struct World {
    session: Session,
    now_ms: u64,
    queue: VecDeque<u32>,
    published: u32,
    seen: Vec<u32>,
    poll_waits: bool,
    post_open: bool,
    /// The WebSocket on probation has pinged, and was not closed.
    probed: Option<bool>,
    socket: bool,
    end: Option<End>,
}

impl World {
    fn new() -> Self {
        Self {
            session: session(Transport::Polling),
            now_ms: 0,
            queue: VecDeque::new(),
            published: 0,
            seen: Vec::new(),
            poll_waits: false,
            post_open: false,
            probed: None,
            socket: false,
            end: None,
        }
    }

    fn drain(&mut self) {
        self.seen.extend(self.queue.drain(..));
    }

    fn apply(&mut self, effects: Effects) {
        if let Some(answer) = effects.poll {
            assert!(std::mem::take(&mut self.poll_waits), "an answer to no poll: {answer:?}");
            self.drain();
        }
        match effects.probe {
            Some(Probation::Pong) => self.probed = Some(true),
            Some(Probation::Promote) => {
                assert!(self.probed.take().is_some(), "nothing was on probation");
                self.socket = true;
                self.drain();
            }
            Some(Probation::Close) => assert!(self.probed.take().is_some(), "nothing was on probation"),
            None => {}
        }
        if let Some(end) = effects.end {
            assert_eq!(self.end.replace(end), None, "it ends once");
            assert_eq!(self.session.ended(), Some(end));
            self.socket = false;
        }
    }

    fn flush(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        match self.session.outlet() {
            Outlet::WebSocket => {
                assert!(self.socket, "there is no socket");
                self.drain();
            }
            Outlet::Poll => {
                assert!(std::mem::take(&mut self.poll_waits), "no poll waits");
                self.drain();
            }
            Outlet::Queue | Outlet::Closed => {}
        }
    }

    fn poll(&mut self) {
        match self.session.on_poll(Some(Revision::V4), !self.queue.is_empty(), self.now_ms) {
            Polled::Wait => {
                assert!(!self.poll_waits && self.queue.is_empty(), "it waits although something is queued");
                assert_ne!(self.probed, Some(true), "it waits during an upgrade");
                self.poll_waits = true;
            }
            Polled::Answer(PollAnswer::Flush) => self.drain(),
            Polled::Answer(PollAnswer::Close) => {
                assert!(self.queue.is_empty(), "a client might see the end before what is queued");
                self.end = self.session.ended();
                assert_eq!(self.end, Some(End::ForcedClose));
            }
            Polled::Refuse(refusal, effects) => {
                assert_eq!(
                    refusal == Refusal::UnknownSid,
                    self.end.is_some()
                        || effects.end == Some(End::PingTimeout)
                        || effects.end == Some(End::ForcedClose)
                );
                self.apply(effects);
            }
        }
    }

    fn packet(&mut self, from: Transport, text: &str) {
        match self.session.on_packet(from, &packet(text), self.now_ms) {
            Received::Message => {
                assert_eq!(self.socket, from == Transport::WebSocket, "only one transport carries messages");
            }
            Received::Effects(effects) => self.apply(effects),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish | Step::PublishLater => {
                self.queue.push_back(self.published);
                self.published += 1;
                if matches!(step, Step::Publish) {
                    self.flush();
                }
            }
            Step::Flush => self.flush(),
            Step::Poll => self.poll(),
            Step::PollGone => {
                self.poll_waits = false;
                let effects = self.session.on_poll_gone();
                self.apply(effects);
            }
            Step::Post => match self.session.on_post(Some(Revision::V4), self.now_ms) {
                Posted::Read => assert!(!std::mem::replace(&mut self.post_open, true), "two at a time"),
                Posted::Refuse(_, effects) => self.apply(effects),
            },
            Step::PostPacket(text) if self.post_open => self.packet(Transport::Polling, text),
            Step::PostEnd if self.post_open => {
                self.post_open = false;
                let ok = self.session.on_post_end().is_ok();
                assert!(!(ok && self.socket), "the packets were dropped");
            }
            Step::Socket => match self.session.on_upgrade(Some(Revision::V4), self.now_ms) {
                Probe::Accept => assert_eq!(self.probed.replace(false), None, "two on probation"),
                Probe::Close => {}
                Probe::Refuse(_, effects) => self.apply(effects),
            },
            Step::Probe(text) if self.probed.is_some() => {
                let effects = self.session.on_probe_packet(&packet(text), self.now_ms);
                self.apply(effects);
            }
            Step::ProbeGone if self.probed.take().is_some() => self.session.on_probe_gone(),
            Step::SocketPacket(text) if self.socket => self.packet(Transport::WebSocket, text),
            Step::SocketGone if self.socket => {
                self.socket = false;
                let effects = self.session.on_websocket_gone();
                self.apply(effects);
            }
            Step::Wait(ms) => self.now_ms += ms,
            Step::Deadline => {
                let effects = self.session.on_deadline(self.now_ms);
                self.apply(effects);
                assert!(
                    self.session.deadline_ms().is_none_or(|due| due > self.now_ms),
                    "it would turn for ever"
                );
            }
            Step::Close => {
                let effects = self.session.close(self.now_ms);
                self.apply(effects);
            }
            _ => {}
        }
    }

    /// What holds after each step.
    fn check(&self) {
        assert!(self.seen.iter().copied().eq(0..self.seen.len() as u32), "lost, doubled or out of order");
        assert_eq!(self.seen.len() + self.queue.len(), self.published as usize);
        assert!(!(self.poll_waits && self.probed == Some(true)), "a poll waits during an upgrade");
        assert!(!(self.poll_waits && self.socket), "a poll waits after the upgrade");
        assert!(!(self.poll_waits && self.end.is_some()), "a poll waits after the end");
        assert!(!(self.socket && self.probed.is_some()), "two sockets");
        assert_eq!(self.session.is_probing(), self.probed.is_some());
        assert_eq!(self.session.ended(), self.end);
        assert_eq!(self.session.deadline_ms().is_none(), self.end.is_some());
        let transport = if self.socket { Transport::WebSocket } else { Transport::Polling };
        assert_eq!(self.session.transport(), transport);
        assert!(!self.session.is_writable() || self.socket || self.poll_waits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_walk_loses_a_message_or_leaves_a_poll(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
    }
}

#[test]
fn a_walk_ends_with_everything_delivered_if_the_client_goes_on() {
    // The stock client's way: probe, wait for the poll that was open, then `5`.
    let mut world = World::new();
    for step in [
        Step::Publish,
        Step::Poll,
        Step::Poll,
        Step::Socket,
        Step::Publish,
        Step::Poll,
        Step::Publish,
        Step::Probe("2probe"),
        Step::Publish,
        Step::Poll,
        Step::Publish,
        Step::Probe("5"),
        Step::Publish,
    ] {
        world.step(step);
        world.check();
    }
    assert_eq!((world.seen.len(), world.socket), (6, true));
}
