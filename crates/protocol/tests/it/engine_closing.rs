//! A session that the server closes: what is queued still leaves, wherever the client listens.

use veche_protocol::engine_io::{
    CLOSE_TIMEOUT_MS, Config, Effects, End, Outlet, PollAnswer, Polled, Posted, Probation, Probe, Refusal,
    Revision, Session, Transport,
};

use crate::engine_session::{NONE, V4, config, effects, ended, packet, session};

#[test]
fn the_server_closes_in_order() {
    let closed = ended(End::ForcedClose);
    assert_eq!(session(Transport::WebSocket).close(1), closed);
    let mut waiting = session(Transport::Polling);
    assert_eq!(waiting.on_poll(V4, false, 1), Polled::Wait);
    assert_eq!(waiting.close(2), Effects { poll: Some(PollAnswer::Close), ..closed });

    let closing = || {
        let mut session = session(Transport::Polling);
        assert_eq!(session.close(100), NONE);
        assert_eq!(session.close(200), NONE, "once is enough");
        assert_eq!(session.deadline_ms(), Some(100 + CLOSE_TIMEOUT_MS));
        assert_eq!((session.outlet(), session.is_writable()), (Outlet::Closed, false));
        session
    };
    let mut polled = closing();
    assert_eq!(polled.on_poll(V4, true, 140), Polled::Answer(PollAnswer::Flush), "the queue");
    assert_eq!(polled.on_poll(V4, false, 150), Polled::Answer(PollAnswer::Close), "then `1`, alone");
    assert_eq!(polled.ended(), Some(End::ForcedClose));
    let mut silent = closing();
    assert_eq!(silent.on_deadline(99 + CLOSE_TIMEOUT_MS), NONE);
    assert_eq!(silent.on_deadline(100 + CLOSE_TIMEOUT_MS), closed);
    let mut late = closing();
    let refused = Polled::Refuse(Refusal::UnknownSid, closed);
    assert_eq!(late.on_poll(V4, true, 100 + CLOSE_TIMEOUT_MS), refused);
    // What the client still brings is taken and dropped.
    let mut posting = closing();
    assert_eq!(posting.on_post(V4, 150), Posted::Read);
    assert_eq!(effects(posting.on_packet(Transport::Polling, &packet("4a"), 150)), NONE);
    assert_eq!(posting.on_post_end(), Ok(()));
    assert_eq!(posting.on_upgrade(V4, 160), Probe::Close);
}

/// A stock client whose probe was answered leaves polling for good, whatever becomes of its WebSocket.
#[test]
fn a_server_that_closes_goes_through_with_an_upgrade() {
    let config = Config { upgrade_timeout_ms: 100, ..config() };
    let parting = || {
        let mut session = Session::new(&config, Revision::V4, Transport::Polling, 0);
        assert_eq!(session.on_upgrade(V4, 10), Probe::Accept);
        assert_eq!(session.on_probe_packet(&packet("2probe"), 20).probe, Some(Probation::Pong));
        assert_eq!((session.close(30), session.close(31)), (NONE, NONE));
        assert_eq!((session.outlet(), session.is_writable()), (Outlet::Closed, false));
        assert_eq!(session.deadline_ms(), Some(110));
        session
    };
    let mut upgraded = parting();
    assert_eq!(upgraded.on_poll(V4, true, 40), Polled::Answer(PollAnswer::Flush));
    assert_eq!(upgraded.on_poll(V4, false, 50), Polled::Answer(PollAnswer::Flush), "no `1`, and no wait");
    assert_eq!(upgraded.on_post(V4, 60), Posted::Read);
    assert_eq!(effects(upgraded.on_packet(Transport::Polling, &packet("4a"), 60)), NONE);
    let promoted = Effects { probe: Some(Probation::Promote), ..ended(End::ForcedClose) };
    assert_eq!(upgraded.on_probe_packet(&packet("5"), 70), promoted, "the queue leaves, then all is over");
    assert_eq!(upgraded.on_post_end(), Ok(()));

    let mut given_up = parting();
    given_up.on_probe_gone();
    assert_eq!((given_up.is_probing(), given_up.deadline_ms()), (false, Some(110)));
    assert_eq!(given_up.on_poll(V4, true, 80), Polled::Answer(PollAnswer::Flush));
    assert_eq!(given_up.on_poll(V4, false, 90), Polled::Answer(PollAnswer::Close));

    let over = Effects { probe: Some(Probation::Close), ..ended(End::ForcedClose) };
    let mut silent = parting();
    assert_eq!((silent.on_deadline(109), silent.on_deadline(110)), (NONE, over));
    let mut late = parting();
    assert_eq!(late.on_poll(V4, true, 110), Polled::Refuse(Refusal::UnknownSid, over));
}
