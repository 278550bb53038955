//! Engine.IO under arbitrary bodies, and its session under arbitrary orders of what can happen.

use std::collections::VecDeque;

use veche_protocol::engine_io::payload::{Format, Payload, PayloadWriter};
use veche_protocol::engine_io::{
    Config, Data, Effects, End, Fault, Frame, Outlet, Packet, PacketType, PollAnswer, Polled, Posted,
    Probation, Probe, Received, Revision, Session, Transport,
};

const FORMATS: [Format; 3] = [Format::V4, Format::V3Text, Format::V3Binary];
const PACKETS_MAX: usize = 64;

/// The first byte chooses the format. What is read holds the bounds, and is read again as the same when it
/// is written.
pub fn engine_payload(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let format = FORMATS[usize::from(first) % FORMATS.len()];
    let Ok(payload) = Payload::new(format, body, 4096, PACKETS_MAX) else { return };
    let read: Vec<Result<Packet<'_>, Fault>> = payload.collect();
    assert!(read.iter().rev().skip(1).all(Result::is_ok), "something follows a fault");
    let packets: Vec<_> = read.into_iter().flatten().collect();
    assert!(packets.len() <= PACKETS_MAX);
    let bytes: usize = packets.iter().map(size).sum();
    assert!(bytes <= body.len(), "{bytes} bytes of {}", body.len());

    let frames: Vec<_> = packets.iter().map(|packet| framed(format, packet)).collect();
    let mut written = Vec::new();
    let mut writer = PayloadWriter::new(format, usize::MAX, &mut written);
    for frame in &frames {
        let frame = match frame {
            Ok(text) => Frame::Text(text),
            Err(bytes) => Frame::Binary(bytes),
        };
        assert!(writer.push(frame));
    }
    if !packets.is_empty() {
        let again = Payload::new(format, &written, usize::MAX, PACKETS_MAX).expect("it is within bounds");
        assert_eq!(again.collect::<Result<Vec<_>, _>>().as_ref(), Ok(&packets));
    }
}

fn size(packet: &Packet<'_>) -> usize {
    match &packet.data {
        Data::Text(text) => text.len(),
        Data::Binary(bytes) => bytes.len(),
    }
}

/// The packet as a WebSocket carries it.
fn framed(format: Format, packet: &Packet<'_>) -> Result<String, Vec<u8>> {
    match &packet.data {
        Data::Text(text) => Ok(format!("{}{text}", packet.kind.as_str())),
        Data::Binary(bytes) if format == Format::V4 => Err(bytes.to_vec()),
        Data::Binary(bytes) => Err([&[packet.kind as u8][..], bytes].concat()),
    }
}

/// What a door keeps for a session.
struct Door {
    session: Session,
    now_ms: u64,
    queue: VecDeque<u32>,
    published: u32,
    delivered: u32,
    poll_waits: bool,
    post_open: bool,
    probing: bool,
    socket: bool,
    end: Option<End>,
}

impl Door {
    fn deliver(&mut self) {
        for number in self.queue.drain(..) {
            assert_eq!(number, self.delivered, "lost, doubled or out of order");
            self.delivered += 1;
        }
    }

    fn apply(&mut self, effects: Effects) {
        if effects.poll.is_some() {
            assert!(std::mem::take(&mut self.poll_waits), "an answer to no poll");
            self.deliver();
        }
        match effects.probe {
            Some(Probation::Pong) => assert!(self.probing),
            Some(Probation::Promote) => {
                assert!(std::mem::take(&mut self.probing));
                self.socket = true;
                self.deliver();
            }
            Some(Probation::Close) => assert!(std::mem::take(&mut self.probing)),
            None => {}
        }
        if let Some(end) = effects.end {
            assert_eq!(self.end.replace(end), None, "it ends once");
            self.socket = false;
        }
    }

    fn flush(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        match self.session.outlet() {
            Outlet::WebSocket => {
                assert!(self.socket);
                self.deliver();
            }
            Outlet::Poll => {
                assert!(std::mem::take(&mut self.poll_waits));
                self.deliver();
            }
            Outlet::Queue | Outlet::Closed => {}
        }
    }

    fn poll(&mut self) {
        match self.session.on_poll(Some(self.session.revision()), !self.queue.is_empty(), self.now_ms) {
            Polled::Wait => {
                assert!(!std::mem::replace(&mut self.poll_waits, true) && self.queue.is_empty());
            }
            Polled::Answer(answer) => {
                let queued = self.queue.len();
                self.deliver();
                if answer == PollAnswer::Close {
                    assert_eq!(queued, 0, "a client might see the end before what is queued");
                    self.end = self.session.ended();
                }
            }
            Polled::Refuse(_, effects) => self.apply(effects),
        }
    }

    fn step(&mut self, byte: u8) {
        let packet = Packet { kind: PacketType::ALL[usize::from(byte >> 4) % 7], data: Data::Text("") };
        let probe = Packet { kind: PacketType::Ping, data: Data::Text("probe") };
        let revision = Some(self.session.revision());
        match byte & 15 {
            0..=2 => {
                self.queue.push_back(self.published);
                self.published += 1;
                if byte & 15 > 0 {
                    self.flush();
                }
            }
            3 | 4 => self.poll(),
            5 => match self.session.on_post(revision, self.now_ms) {
                Posted::Read => assert!(!std::mem::replace(&mut self.post_open, true)),
                Posted::Refuse(_, effects) => self.apply(effects),
            },
            6 if self.post_open => self.packet(Transport::Polling, &packet),
            7 if self.post_open => {
                self.post_open = false;
                assert!(self.session.on_post_end().is_err() || !self.socket);
            }
            8 => match self.session.on_upgrade(revision, self.now_ms) {
                Probe::Accept => assert!(!std::mem::replace(&mut self.probing, true)),
                Probe::Close => {}
                Probe::Refuse(_, effects) => self.apply(effects),
            },
            9 if self.probing => {
                let effects = self.session.on_probe_packet(&probe, self.now_ms);
                self.apply(effects);
            }
            10 if self.probing => {
                let effects = self.session.on_probe_packet(&packet, self.now_ms);
                self.apply(effects);
            }
            11 if self.socket => self.packet(Transport::WebSocket, &packet),
            12 => self.now_ms += u64::from(byte >> 4) * 10,
            13 => {
                let effects = self.session.on_deadline(self.now_ms);
                self.apply(effects);
                assert!(
                    self.session.deadline_ms().is_none_or(|due| due > self.now_ms),
                    "it would turn for ever"
                );
            }
            14 => self.gone(byte >> 4),
            15 if byte >> 4 == 15 => {
                let effects = self.session.close(self.now_ms);
                self.apply(effects);
            }
            _ => self.flush(),
        }
    }

    /// Something breaks off.
    fn gone(&mut self, what: u8) {
        match what {
            0 => {
                self.poll_waits = false;
                let effects = self.session.on_poll_gone();
                self.apply(effects);
            }
            1 if self.socket => {
                self.socket = false;
                let effects = self.session.on_websocket_gone();
                self.apply(effects);
            }
            2 | 3 if std::mem::take(&mut self.probing) => self.session.on_probe_gone(),
            4 => {
                let effects = self.session.fail(End::ParseError);
                self.apply(effects);
            }
            _ => {}
        }
    }

    fn packet(&mut self, from: Transport, packet: &Packet<'_>) {
        match self.session.on_packet(from, packet, self.now_ms) {
            Received::Message => assert_eq!(self.socket, from == Transport::WebSocket),
            Received::Effects(effects) => self.apply(effects),
        }
    }

    fn check(&self) {
        assert_eq!(self.delivered as usize + self.queue.len(), self.published as usize);
        assert!(!self.poll_waits || (!self.socket && self.end.is_none()), "a poll is left waiting");
        assert_eq!(self.session.is_probing(), self.probing);
        assert_eq!(self.session.ended(), self.end);
        assert_eq!(self.session.deadline_ms().is_none(), self.end.is_some());
    }
}

/// The first byte chooses how the session begins; each other one is something that happens.
pub fn engine_session(data: &[u8]) {
    let Some((&first, steps)) = data.split_first() else { return };
    let revision = if first & 1 == 0 { Revision::V4 } else { Revision::V3 };
    let transport = if first & 0x06 == 0 { Transport::WebSocket } else { Transport::Polling };
    let config = Config {
        ping_interval_ms: 300,
        ping_timeout_ms: 200,
        upgrade_timeout_ms: 250,
        allow_upgrades: first & 0x18 != 0,
        ..Config::default()
    };
    let mut door = Door {
        session: Session::new(&config, revision, transport, 0),
        now_ms: 0,
        queue: VecDeque::new(),
        published: 0,
        delivered: 0,
        poll_waits: false,
        post_open: false,
        probing: false,
        socket: transport == Transport::WebSocket,
        end: None,
    };
    for step in steps {
        door.step(*step);
        door.check();
    }
}
