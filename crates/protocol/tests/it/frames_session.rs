//! A session's frames take effect in the order of their arrival, within bounds.

use std::{borrow::Cow, collections::VecDeque};

use proptest::prelude::*;
use veche_protocol::{
    client::Body,
    code::ErrorCode,
    session::{Enqueued, Phase, QUEUE_BYTES, QUEUE_TEXTS, Session},
};

const AUTH: Body<'_> = Body::Auth { token: Cow::Borrowed("t") };
const PING: Body<'_> = Body::Ping { ts: None };
const CALL: Body<'_> = Body::Call { event: Cow::Borrowed("e"), data: "null", channel: None, op_id: None };

#[test]
fn before_authentication_only_auth_and_ping_are_admitted() {
    let mut session = Session::new(Phase::AwaitingAuth);
    assert_eq!(session.admit(&CALL), Err(ErrorCode::Unauthorized));
    assert_eq!(session.admit(&PING), Ok(()));
    assert_eq!(session.admit(&AUTH), Ok(()));
    session.set_phase(Phase::User);
    assert_eq!(session.admit(&CALL), Ok(()));
    assert_eq!(session.admit(&AUTH), Ok(()), "a renewal");
}

#[test]
fn a_guest_signs_in_by_the_very_first_frame_or_not_at_all() {
    let mut first = Session::new(Phase::Guest { first_frame: true });
    assert_eq!(first.admit(&AUTH), Ok(()));
    for body in [CALL, PING] {
        let mut later = Session::new(Phase::Guest { first_frame: true });
        assert_eq!(later.admit(&body), Ok(()));
        assert_eq!(later.admit(&AUTH), Err(ErrorCode::Conflict));
        assert_eq!(later.admit(&CALL), Ok(()), "the guest goes on");
    }
}

#[test]
fn a_closing_session_does_nothing_more() {
    let mut session = Session::new(Phase::User);
    assert_eq!(session.enqueue("a"), Enqueued::Waiting);
    session.set_phase(Phase::Closing);
    session.set_phase(Phase::User);
    session.defer("b", 1);
    assert_eq!(session.enqueue("c"), Enqueued::Waiting);
    assert_eq!((session.phase(), session.resume()), (Phase::Closing, None));
    assert_eq!(session.admit(&PING), Err(ErrorCode::Unavailable));
}

#[test]
fn twenty_strikes_within_ten_seconds_are_a_flood() {
    let cases = [
        // (times of the strikes, which one is the flood)
        ((0..20).map(|n| n * 500).collect::<Vec<u64>>(), Some(20)),
        ((0..60).map(|n| n * 527).collect(), None),
        ((0..19).chain([10_000]).collect(), None),
        ((0..19).chain([9_999]).collect(), Some(20)),
        ((0..19).chain(20_000..20_020).collect(), Some(39)),
    ];
    for (times, flood) in cases {
        let mut session = Session::new(Phase::User);
        let fired = times.iter().position(|now| session.strike(*now)).map(|place| place + 1);
        assert_eq!(fired, flood, "{times:?}");
    }
}

#[test]
fn reads_pause_at_the_bound_and_go_on_below_half() {
    let mut session = Session::new(Phase::User);
    session.set_busy(true);
    for _ in 1..QUEUE_TEXTS {
        assert_eq!(session.enqueue("x"), Enqueued::Waiting);
        assert!(session.may_read(), "below the bound");
    }
    assert_eq!(session.enqueue("x"), Enqueued::Full);
    session.set_busy(false);
    let mut taken = 0;
    while !session.may_read() {
        assert!(session.resume().is_some());
        taken += 1;
    }
    assert_eq!(taken, QUEUE_TEXTS / 2 + 1);
}

#[test]
fn bytes_are_bounded_too() {
    let mut session = Session::new(Phase::User);
    session.set_busy(true);
    let text = "x".repeat(QUEUE_BYTES / 4);
    for _ in 0..3 {
        assert_eq!(session.enqueue(&text), Enqueued::Waiting);
    }
    assert_eq!(session.enqueue(&text), Enqueued::Full);
    session.set_busy(false);
    for _ in 0..2 {
        assert!(session.resume().is_some());
        assert!(!session.may_read(), "half of the bound is not below it");
    }
    assert!(session.resume().is_some());
    assert!(session.may_read());
    session.set_busy(true);
    assert_eq!(session.enqueue(&text), Enqueued::Waiting, "what was taken no longer counts");
}

#[test]
fn nothing_comes_out_while_the_session_is_busy() {
    let mut session = Session::new(Phase::User);
    session.set_busy(true);
    assert_eq!(session.enqueue("a"), Enqueued::Waiting);
    assert_eq!(session.resume(), None);
    session.set_busy(false);
    assert!(session.must_wait(), "a later text may not pass the waiting one");
    assert_eq!(session.resume(), Some(("a".into(), 0)));
    assert!(!session.must_wait());
}

#[derive(Debug, Clone)]
enum Step {
    /// A batch of this many elements arrives.
    Arrive(usize),
    /// What is under way is over.
    Finish,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![(1_usize..5).prop_map(Step::Arrive), Just(Step::Finish)];
    prop::collection::vec(step, 0..200)
}

/// A kernel in small: every element of a batch is a call that makes the session busy.
struct Kernel {
    session: Session,
    done: Vec<(usize, usize)>,
    paused: bool,
}

impl Kernel {
    fn handle(&mut self, text: &str, next: usize) {
        let (number, elements) = text.split_once('/').expect("number/elements");
        let elements: usize = elements.parse().expect("a count");
        self.done.push((number.parse().expect("a number"), next));
        self.session.set_busy(true);
        if next + 1 < elements {
            self.session.defer(text, next + 1);
        }
    }

    fn arrive(&mut self, text: &str) {
        if self.session.must_wait() {
            self.paused |= self.session.enqueue(text) == Enqueued::Full;
        } else {
            self.handle(text, 0);
        }
    }

    fn finish(&mut self) {
        self.session.set_busy(false);
        if let Some((text, next)) = self.session.resume() {
            self.handle(&text, next);
        }
        self.paused &= !self.session.may_read();
    }
}

proptest! {
    #[test]
    fn frames_take_effect_in_order_of_arrival(steps in steps()) {
        let session = Session::new(Phase::User);
        let mut kernel = Kernel { session, done: Vec::new(), paused: false };
        let mut expected = VecDeque::new();
        let mut arrived = 0;
        for step in steps {
            match step {
                // A paused socket is not read.
                Step::Arrive(_) if kernel.paused => {}
                Step::Arrive(elements) => {
                    kernel.arrive(&format!("{arrived}/{elements}"));
                    expected.extend((0..elements).map(|element| (arrived, element)));
                    arrived += 1;
                }
                Step::Finish => kernel.finish(),
            }
        }
        while kernel.done.len() < expected.len() {
            let before = kernel.done.len();
            kernel.finish();
            prop_assert!(kernel.done.len() > before, "a waiting text was lost");
        }
        prop_assert_eq!(kernel.done, Vec::from(expected));
        kernel.session.set_busy(false);
        prop_assert!(kernel.session.resume().is_none());
        prop_assert!(!kernel.session.must_wait(), "an empty queue is freed");
    }
}
