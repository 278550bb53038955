//! A session of Engine.IO: heartbeats, one GET and one POST at a time, and every way to its end.

use veche_protocol::engine_io::{
    Config, Effects, End, Outlet, Packet, PacketType, PollAnswer, Polled, Posted, Probation, Probe, Received,
    Refusal, Revision, Session, Transport,
};

pub(crate) const V4: Option<Revision> = Some(Revision::V4);
pub(crate) const NONE: Effects = Effects::NONE;

/// The fixture's: a ping every 300 ms, which may stay unanswered for 200.
pub(crate) fn config() -> Config {
    Config { ping_interval_ms: 300, ping_timeout_ms: 200, ..Config::default() }
}

pub(crate) fn session(transport: Transport) -> Session {
    Session::new(&config(), Revision::V4, transport, 0)
}

/// A packet of the fourth revision.
pub(crate) fn packet(text: &str) -> Packet<'_> {
    Packet::from_text(Revision::V4, text).expect("a packet")
}

pub(crate) fn ended(end: End) -> Effects {
    Effects { end: Some(end), ..NONE }
}

pub(crate) fn effects(received: Received) -> Effects {
    match received {
        Received::Effects(effects) => effects,
        Received::Message => panic!("a message"),
    }
}

#[test]
fn the_server_pings_and_the_client_answers() {
    let mut session = session(Transport::WebSocket);
    assert_eq!(session.deadline_ms(), Some(300));
    assert_eq!(session.on_deadline(299), NONE);
    assert_eq!(session.on_deadline(300), Effects { send: Some(PacketType::Ping), ..NONE });
    assert_eq!(session.on_deadline(300), NONE, "a ping is sent once");
    assert_eq!(effects(session.on_packet(Transport::WebSocket, &packet("3"), 350)), NONE);
    assert_eq!(session.deadline_ms(), Some(650), "the next one comes an interval after the pong");
    assert_eq!(session.on_deadline(650).send, Some(PacketType::Ping));
    assert_eq!(session.on_deadline(849), NONE);
    assert_eq!(session.on_deadline(850), ended(End::PingTimeout));
    assert_eq!((session.ended(), session.deadline_ms()), (Some(End::PingTimeout), None));
    assert_eq!(session.on_deadline(10_000), NONE, "it ends once");
}

#[test]
fn another_packet_puts_the_end_off_once() {
    // Red: a heartbeat that lets every packet put it off, or none.
    let mut session = session(Transport::WebSocket);
    assert_eq!(session.on_deadline(300).send, Some(PacketType::Ping));
    for now_ms in [400, 500, 590] {
        assert_eq!(session.on_packet(Transport::WebSocket, &packet("4a"), now_ms), Received::Message);
        assert_eq!(session.deadline_ms(), Some(600));
    }
    assert_eq!(session.on_deadline(600), ended(End::PingTimeout));
}

#[test]
fn a_ping_goes_into_the_poll_that_waits_or_waits_for_one() {
    let mut waiting = session(Transport::Polling);
    assert_eq!(waiting.on_poll(V4, false, 10), Polled::Wait);
    let ping = Effects { send: Some(PacketType::Ping), ..NONE };
    assert_eq!(waiting.on_deadline(300), Effects { poll: Some(PollAnswer::Flush), ..ping });
    assert_eq!(waiting.on_poll(V4, false, 310), Polled::Wait, "the slot is free");
    let mut absent = session(Transport::Polling);
    assert_eq!(absent.on_deadline(300), ping);
    assert_eq!(absent.on_poll(V4, true, 310), Polled::Answer(PollAnswer::Flush));
}

#[test]
fn the_deadline_is_looked_at_when_a_request_arrives() {
    // Red: an `admit` without `expire`. No timer has told of the end.
    let silent = |now_ms| {
        let mut session = session(Transport::Polling);
        assert_eq!(session.on_deadline(now_ms).send, Some(PacketType::Ping));
        session
    };
    let refused = |effects| (Refusal::UnknownSid, effects);
    for now_ms in [300, 340, 400] {
        // A timer's grain takes nothing from the 200 ms and adds nothing.
        assert_eq!(silent(now_ms).on_poll(V4, false, 499), Polled::Wait);
        let (refusal, effects) = refused(ended(End::PingTimeout));
        assert_eq!(silent(now_ms).on_poll(V4, false, 500), Polled::Refuse(refusal, effects));
        assert_eq!(silent(now_ms).on_post(V4, 500), Posted::Refuse(refusal, effects));
        assert_eq!(silent(now_ms).on_upgrade(V4, 500), Probe::Refuse(refusal, effects));
    }
    // A ping that no timer has sent yet is none that the client has missed.
    assert_eq!(session(Transport::Polling).on_poll(V4, false, 100_000), Polled::Wait);
    // But where the machine slept for long, the client is given the whole of it.
    assert_eq!(silent(401).on_poll(V4, false, 600), Polled::Wait);
    let mut session = silent(300);
    assert_eq!(session.on_poll(V4, false, 400), Polled::Wait);
    let effects = Effects { poll: Some(PollAnswer::Close), ..ended(End::PingTimeout) };
    assert_eq!(session.on_post(V4, 500), Posted::Refuse(Refusal::UnknownSid, effects));
    assert_eq!(session.on_post(V4, 501), Posted::Refuse(Refusal::UnknownSid, NONE), "gone for good");
}

#[test]
fn a_ping_of_a_client_ends_the_session() {
    let mut polling = session(Transport::Polling);
    assert_eq!(polling.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(polling.on_post(V4, 2), Posted::Read);
    let found = effects(polling.on_packet(Transport::Polling, &packet("2"), 2));
    assert_eq!(found, Effects { poll: Some(PollAnswer::Close), ..ended(End::TransportError) });
    assert_eq!(polling.on_post_end(), Err(Refusal::BadRequest));
    let mut socket = session(Transport::WebSocket);
    let found = effects(socket.on_packet(Transport::WebSocket, &packet("2probe"), 2));
    assert_eq!(found, ended(End::TransportError));
}

#[test]
fn a_second_get_is_refused_and_the_session_ends() {
    // Red: an `on_poll` that replaces the first one.
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_poll(V4, false, 1), Polled::Wait);
    let effects = Effects { poll: Some(PollAnswer::Close), ..ended(End::TransportError) };
    assert_eq!(session.on_poll(V4, false, 2), Polled::Refuse(Refusal::BadRequest, effects));
    assert_eq!(session.on_poll(V4, false, 3), Polled::Refuse(Refusal::UnknownSid, NONE));
}

#[test]
fn a_second_post_is_refused_and_the_session_ends() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_post(V4, 1), Posted::Read);
    assert_eq!(session.on_post(V4, 2), Posted::Refuse(Refusal::BadRequest, ended(End::TransportError)));
    assert_eq!(session.on_post_end(), Err(Refusal::BadRequest), "the first one's packets are dropped");
    let mut session = self::session(Transport::Polling);
    for now_ms in 1..4 {
        assert_eq!(session.on_post(V4, now_ms), Posted::Read);
        assert_eq!(session.on_packet(Transport::Polling, &packet("4a"), now_ms), Received::Message);
        assert_eq!(session.on_post_end(), Ok(()));
    }
}

#[test]
fn a_get_and_a_post_go_together() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(session.on_post(V4, 2), Posted::Read);
    assert_eq!(session.outlet(), Outlet::Poll);
    assert_eq!(session.outlet(), Outlet::Queue, "a poll is answered once");
    assert!(!session.is_writable());
    assert_eq!(session.on_post_end(), Ok(()));
    assert_eq!(
        session.on_poll(V4, true, 3),
        Polled::Answer(PollAnswer::Flush),
        "what is queued needs no wait"
    );
}

#[test]
fn a_poll_that_breaks_off_ends_the_session() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_poll_gone(), NONE, "none waits: it was answered just before");
    assert_eq!(session.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(session.on_poll_gone(), ended(End::TransportError));
}

#[test]
fn a_close_packet_ends_the_session_at_once() {
    let mut polling = session(Transport::Polling);
    assert_eq!(polling.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(polling.on_post(V4, 2), Posted::Read);
    let found = effects(polling.on_packet(Transport::Polling, &packet("1"), 2));
    // The poll that waits is answered `6`, and the POST `ok`.
    assert_eq!(found, Effects { poll: Some(PollAnswer::Flush), ..ended(End::TransportClose) });
    assert_eq!(effects(polling.on_packet(Transport::Polling, &packet("4late"), 2)), NONE);
    assert_eq!(polling.on_post_end(), Ok(()));
    assert_eq!(polling.on_poll(V4, false, 3), Polled::Refuse(Refusal::UnknownSid, NONE));
    let mut socket = session(Transport::WebSocket);
    assert_eq!(effects(socket.on_packet(Transport::WebSocket, &packet("1"), 2)), ended(End::TransportClose));
}

#[test]
fn what_cannot_be_read_ends_the_session() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(session.on_post(V4, 2), Posted::Read);
    let effects = Effects { poll: Some(PollAnswer::Close), ..ended(End::ParseError) };
    assert_eq!(session.fail(End::ParseError), effects);
    assert_eq!(session.fail(End::TransportError), NONE, "the first reason stays");
    assert_eq!((session.on_post_end(), session.ended()), (Err(Refusal::BadRequest), Some(End::ParseError)));
}

#[test]
fn packets_without_a_meaning_are_not_looked_at() {
    let mut session = session(Transport::WebSocket);
    for text in ["0", "5", "6", "3", "3probe"] {
        assert_eq!(effects(session.on_packet(Transport::WebSocket, &packet(text), 1)), NONE, "{text}");
    }
    assert_eq!(session.ended(), None);
}

#[test]
fn a_websocket_that_is_gone_ends_its_session() {
    let mut socket = session(Transport::WebSocket);
    assert_eq!(socket.outlet(), Outlet::WebSocket);
    assert!(socket.is_writable());
    assert_eq!(socket.on_websocket_gone(), ended(End::TransportClose));
    assert_eq!(socket.on_websocket_gone(), NONE);
    assert_eq!(socket.outlet(), Outlet::Closed);
    assert_eq!(session(Transport::Polling).on_websocket_gone(), NONE);
}

#[test]
fn a_request_of_another_revision_or_transport_is_refused_and_the_session_lives() {
    let mut polling = session(Transport::Polling);
    for revision in [None, Some(Revision::V3)] {
        assert_eq!(polling.on_poll(revision, false, 1), Polled::Refuse(Refusal::BadRequest, NONE));
        assert_eq!(polling.on_post(revision, 1), Posted::Refuse(Refusal::BadRequest, NONE));
        assert_eq!(polling.on_upgrade(revision, 1), Probe::Refuse(Refusal::BadRequest, NONE));
    }
    assert_eq!(polling.on_poll(V4, false, 1), Polled::Wait);
    let mut socket = session(Transport::WebSocket);
    assert_eq!(socket.on_poll(V4, false, 1), Polled::Refuse(Refusal::BadRequest, NONE));
    assert_eq!(socket.on_post(V4, 1), Posted::Refuse(Refusal::BadRequest, NONE));
    assert_eq!(socket.on_upgrade(V4, 1), Probe::Close);
    assert_eq!(socket.ended(), None);
}

#[test]
fn in_the_third_revision_the_client_pings() {
    let v3 = Some(Revision::V3);
    let ping = Packet::from_text(Revision::V3, "2").expect("a ping");
    let mut socket = Session::new(&config(), Revision::V3, Transport::WebSocket, 0);
    assert_eq!(socket.deadline_ms(), Some(500), "the interval and the timeout");
    let pong = Effects { send: Some(PacketType::Pong), ..NONE };
    assert_eq!(effects(socket.on_packet(Transport::WebSocket, &ping, 400)), pong);
    assert_eq!(socket.deadline_ms(), Some(900));
    assert_eq!(socket.on_packet(Transport::WebSocket, &packet("4a"), 800), Received::Message);
    assert_eq!(socket.deadline_ms(), Some(900), "only a ping counts");
    assert_eq!(socket.on_deadline(899), NONE);
    assert_eq!(socket.on_deadline(900), ended(End::PingTimeout));

    // However many pings one body has: a single pong is queued while no poll takes it.
    let mut polling = Session::new(&config(), Revision::V3, Transport::Polling, 0);
    assert_eq!(effects(polling.on_packet(Transport::Polling, &ping, 1)), pong);
    assert_eq!(effects(polling.on_packet(Transport::Polling, &ping, 2)), NONE);
    assert_eq!(polling.on_poll(v3, true, 3), Polled::Answer(PollAnswer::Flush));
    assert_eq!(effects(polling.on_packet(Transport::Polling, &ping, 4)), pong);
    assert_eq!(polling.on_poll(v3, true, 5), Polled::Answer(PollAnswer::Flush));
    assert_eq!(polling.on_poll(v3, false, 6), Polled::Wait);
    let at_once = Effects { poll: Some(PollAnswer::Flush), ..pong };
    assert_eq!(effects(polling.on_packet(Transport::Polling, &ping, 7)), at_once);
    assert_eq!(effects(polling.on_packet(Transport::Polling, &ping, 8)), pong, "the last one has left");

    // One that was queued before an upgrade leaves by the WebSocket, and so does the next.
    let mut moving = Session::new(&config(), Revision::V3, Transport::Polling, 0);
    assert_eq!(effects(moving.on_packet(Transport::Polling, &ping, 1)), pong);
    assert_eq!(moving.on_upgrade(v3, 2), Probe::Accept);
    assert_eq!(moving.on_probe_packet(&packet("5"), 3).probe, Some(Probation::Promote));
    assert_eq!(effects(moving.on_packet(Transport::WebSocket, &ping, 4)), pong);

    let mut wrong = Session::new(&config(), Revision::V3, Transport::WebSocket, 0);
    let pong = Packet::from_text(Revision::V3, "3").expect("a pong");
    assert_eq!(effects(wrong.on_packet(Transport::WebSocket, &pong, 1)), ended(End::TransportError));
}

#[test]
fn an_upgrade_goes_step_by_step() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(session.on_upgrade(V4, 2), Probe::Accept);
    assert_eq!(session.transport(), Transport::Polling);
    // `2probe`: the poll that waits is flushed with `6`, and so is every one that arrives.
    let probed = Effects { poll: Some(PollAnswer::Flush), probe: Some(Probation::Pong), ..NONE };
    assert_eq!(session.on_probe_packet(&packet("2probe"), 3), probed);
    for now_ms in 4..8 {
        assert_eq!(session.on_poll(V4, false, now_ms), Polled::Answer(PollAnswer::Flush));
    }
    assert_eq!(session.outlet(), Outlet::Queue, "the old transport still has it");
    assert_eq!(session.on_packet(Transport::Polling, &packet("4a"), 8), Received::Message);
    let promoted = Effects { probe: Some(Probation::Promote), ..NONE };
    assert_eq!(session.on_probe_packet(&packet("5"), 9), promoted);
    assert_eq!((session.transport(), session.outlet()), (Transport::WebSocket, Outlet::WebSocket));
    assert_eq!(session.on_packet(Transport::WebSocket, &packet("4b"), 10), Received::Message);
    // Afterwards polls with that sid get 400; a second WebSocket is closed and the first lives.
    assert_eq!(session.on_poll(V4, false, 11), Polled::Refuse(Refusal::BadRequest, NONE));
    assert_eq!(session.on_post(V4, 11), Posted::Refuse(Refusal::BadRequest, NONE));
    assert_eq!(session.on_upgrade(V4, 12), Probe::Close);
    assert_eq!((session.ended(), session.deadline_ms()), (None, Some(300)));
}

#[test]
fn a_second_websocket_on_probation_is_closed_and_the_first_goes_on() {
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_upgrade(V4, 2), Probe::Accept);
    assert_eq!(session.on_upgrade(V4, 3), Probe::Close);
    assert_eq!(session.on_probe_packet(&packet("2probe"), 4).probe, Some(Probation::Pong));
    assert_eq!(session.on_upgrade(V4, 5), Probe::Close);
    assert_eq!(session.on_probe_packet(&packet("5"), 6).probe, Some(Probation::Promote));
}

#[test]
fn an_upgrade_that_fails_leaves_the_session_as_it_was() {
    for text in ["4hello", "2", "2prob", "3probe", "1", "6", "0"] {
        let mut session = session(Transport::Polling);
        assert_eq!(session.on_upgrade(V4, 2), Probe::Accept);
        assert_eq!(
            session.on_probe_packet(&packet(text), 3),
            Effects { probe: Some(Probation::Close), ..NONE }
        );
        assert_eq!(session.on_probe_packet(&packet("5"), 4), NONE, "{text}: it is on probation no more");
        assert_eq!(session.on_poll(V4, false, 5), Polled::Wait, "{text}");
        assert_eq!(session.on_upgrade(V4, 6), Probe::Accept, "{text}: another may try");
        session.on_probe_gone();
        assert!(!session.is_probing());
        assert_eq!(session.outlet(), Outlet::Poll, "{text}");
    }
    let mut session = session(Transport::Polling);
    assert_eq!(session.on_upgrade(V4, 2), Probe::Accept);
    assert_eq!(session.on_probe_fault().probe, Some(Probation::Close));
    let config = Config { allow_upgrades: false, ..config() };
    let mut fixed = Session::new(&config, Revision::V4, Transport::Polling, 0);
    assert_eq!(fixed.on_upgrade(V4, 2), Probe::Close);
}

#[test]
fn a_probation_has_its_time() {
    let config = Config { upgrade_timeout_ms: 100, ..config() };
    let mut session = Session::new(&config, Revision::V4, Transport::Polling, 0);
    assert_eq!(session.on_upgrade(V4, 10), Probe::Accept);
    assert_eq!(session.on_probe_packet(&packet("2probe"), 50).probe, Some(Probation::Pong));
    assert_eq!((session.deadline_ms(), session.on_deadline(109)), (Some(110), NONE));
    assert_eq!(session.on_deadline(110), Effects { probe: Some(Probation::Close), ..NONE });
    assert_eq!(session.deadline_ms(), Some(300));
    // A ping and the end of a probation that are due together are both told.
    assert_eq!(session.on_upgrade(V4, 200), Probe::Accept);
    let both = Effects { send: Some(PacketType::Ping), probe: Some(Probation::Close), ..NONE };
    assert_eq!(session.on_deadline(300), both);
    // A complete upgrade has no end any more.
    assert_eq!(session.on_upgrade(V4, 310), Probe::Accept);
    assert_eq!(session.on_probe_packet(&packet("5"), 320).probe, Some(Probation::Promote));
    assert_eq!((session.deadline_ms(), session.on_deadline(410)), (Some(520), NONE));
}

#[test]
fn the_end_takes_the_probation_with_it() {
    let probing = || {
        let mut session = session(Transport::Polling);
        assert_eq!(session.on_upgrade(V4, 2), Probe::Accept);
        session
    };
    let closed = Effects { probe: Some(Probation::Close), ..NONE };
    assert_eq!(probing().fail(End::ParseError), Effects { end: Some(End::ParseError), ..closed });
    assert_eq!(probing().close(3), closed, "the last poll is still awaited");
    let mut session = probing();
    let client = effects(session.on_packet(Transport::Polling, &packet("1"), 3));
    assert_eq!(client, Effects { end: Some(End::TransportClose), ..closed });
}

#[test]
fn the_words_for_an_end_are_the_reference_servers() {
    let words =
        [End::PingTimeout, End::ParseError, End::TransportError, End::TransportClose, End::ForcedClose];
    let words = words.map(End::as_str);
    assert_eq!(words, ["ping timeout", "parse error", "transport error", "transport close", "forced close"]);
}
