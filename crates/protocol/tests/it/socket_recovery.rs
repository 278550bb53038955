//! Connection state recovery: the string that a client gives back, and what it missed.

use proptest::prelude::*;
use veche_protocol::{
    position::{Epoch, OFFSET_END, Position},
    socket_io::{Auth, ChannelTag, InvalidPlace, Place, RING_MAX, Run, SendRing},
};

fn run(channel: u32, first: u64, last: u64) -> Run {
    Run { channel: ChannelTag(channel), first, last }
}

fn after(ring: &SendRing, channel: u32, offset: u64) -> Option<Vec<Run>> {
    ring.after(ChannelTag(channel), offset).map(Iterator::collect)
}

#[test]
fn a_place_has_one_text_and_no_other() {
    for (text, channel, epoch, offset) in [
        ("0-e-0", 0, "e", 0),
        ("7-7hQ2mB0xTq1-41", 7, "7hQ2mB0xTq1", 41),
        ("4294967295-abcdefghijklmnop-9007199254740991", u32::MAX, "abcdefghijklmnop", OFFSET_END - 1),
    ] {
        let epoch: Epoch = epoch.parse().expect("an epoch");
        let place = Place { channel: ChannelTag(channel), position: Position { epoch, offset } };
        assert_eq!((text.parse(), place.to_string().as_str()), (Ok(place), text));
    }
    for text in [
        "",
        "-",
        "--",
        "1",
        "1-e",
        "1-e-",
        "1--1",
        "-e-1",
        "01-e-1",
        "1-e-01",
        "+1-e-1",
        "1-e-+1",
        "1-e- 1",
        " 1-e-1",
        "1-e-1 ",
        "1-e-1-1",
        "4294967296-e-1",
        "1-e-9007199254740992",
        "1-e-99999999999999999999",
        "1-é-1",
        "1-e-١",
        "1-abcdefghijklmnopq-1",
        "abc",
    ] {
        assert_eq!(text.parse::<Place>(), Err(InvalidPlace), "{text:?}");
    }
}

#[test]
fn a_client_that_comes_back_says_so_in_its_auth() {
    let read = |json| {
        let recovery = Auth::Json(json).recovery()?;
        Some((recovery.pid.into_owned(), recovery.offset.map(std::borrow::Cow::into_owned)))
    };
    let some = |pid: &str, offset: Option<&str>| Some((pid.to_owned(), offset.map(str::to_owned)));
    for (json, expected) in [
        (r#"{"pid":"p","offset":"1-e-2"}"#, some("p", Some("1-e-2"))),
        // It never received an event.
        (r#"{"pid":"p"}"#, some("p", None)),
        (r#"{"a":{"pid":"x"},"offset":"\u0031-e-2", "pid" : "p\""}"#, some("p\"", Some("1-e-2"))),
        (r#"{"pid":"p","offset":5}"#, some("p", None)),
        (r#"{"pid":"p","offset":null}"#, some("p", None)),
        (r#"{"pid":null}"#, None),
        (r#"{"pid":["p"]}"#, None),
        (r#"{"offset":"1-e-2"}"#, None),
        ("{}", None),
    ] {
        assert_eq!(read(json), expected, "{json}");
    }
    assert_eq!(Auth::None.recovery(), None);
    assert_eq!(Auth::Query("pid=p").recovery(), None);
}

#[test]
fn what_came_after_a_place_comes_in_order_over_all_channels() {
    let mut ring = SendRing::default();
    assert_eq!(after(&ring, 1, 0), None);
    for sent in [run(1, 5, 7), run(2, 90, 90), run(1, 8, 8), run(3, 1, 2), run(1, 10, 10)] {
        ring.push(sent);
    }
    let rest = [run(2, 90, 90), run(1, 8, 8), run(3, 1, 2), run(1, 10, 10)];
    for (channel, offset, first) in [(1, 5, Some(run(1, 6, 7))), (1, 6, Some(run(1, 7, 7))), (1, 7, None)] {
        let expected: Vec<_> = first.into_iter().chain(rest).collect();
        assert_eq!(after(&ring, channel, offset), Some(expected), "{channel} {offset}");
    }
    assert_eq!(after(&ring, 2, 90), Some(rest[1..].to_vec()));
    assert_eq!(after(&ring, 1, 10), Some(vec![]));
    // Never sent: before, between, behind, elsewhere.
    for (channel, offset) in [(1, 4), (1, 9), (1, 11), (2, 89), (4, 1)] {
        assert_eq!(after(&ring, channel, offset), None, "{channel} {offset}");
    }
    assert_eq!(ring.all().map(Iterator::count), Some(5));
    ring.clear();
    assert_eq!((after(&ring, 1, 10), ring.all().is_none(), ring.held()), (None, true, 0));
}

#[test]
fn an_offset_that_was_sent_again_counts_where_it_was_sent_last() {
    let mut ring = SendRing::default();
    for sent in [run(1, 5, 7), run(2, 1, 1), run(1, 6, 8), run(2, 2, 2)] {
        ring.push(sent);
    }
    assert_eq!(after(&ring, 1, 7), Some(vec![run(1, 8, 8), run(2, 2, 2)]));
    assert_eq!(after(&ring, 1, 5), Some(vec![run(1, 6, 7), run(2, 1, 1), run(1, 6, 8), run(2, 2, 2)]));
}

#[test]
fn a_ring_remembers_the_last_64_sends_in_12_bytes_each() {
    let mut ring = SendRing::default();
    for number in 0..RING_MAX as u64 {
        ring.push(run(number as u32 % 2, number, number));
    }
    assert!(ring.all().is_some());
    assert_eq!(after(&ring, 0, 0).map(|missed| missed.len()), Some(RING_MAX - 1));
    ring.push(run(9, 1, 1));
    assert_eq!((ring.all().is_none(), ring.forgot(), after(&ring, 0, 0)), (true, true, None));
    assert_eq!(after(&ring, 1, 1).map(|missed| missed.len()), Some(RING_MAX - 1));
    assert_eq!(ring.held(), RING_MAX * 12);
    let mut small = SendRing::default();
    assert_eq!(small.held(), 0);
    small.push(run(1, 1, 1));
    assert!(small.held() <= 48, "{}", small.held());
}

#[test]
fn a_run_that_goes_on_takes_no_more_room() {
    let mut ring = SendRing::default();
    for offset in 1..=2_048 {
        ring.push(run(1, offset, offset));
    }
    assert_eq!(ring.runs().collect::<Vec<_>>(), [run(1, 1, 2_048)]);
    ring.push(run(1, 2_049, 2_050));
    ring.push(run(1, 2_052, 2_052));
    assert_eq!(
        ring.runs().collect::<Vec<_>>(),
        [run(1, 1, 2_048), run(1, 2_049, 2_050), run(1, 2_052, 2_052)]
    );
    let mut ring = SendRing::default();
    ring.push(run(1, OFFSET_END - 5_000, OFFSET_END - 1));
    let end = OFFSET_END;
    let parts =
        [run(1, end - 5_000, end - 2_953), run(1, end - 2_952, end - 905), run(1, end - 904, end - 1)];
    assert_eq!(ring.runs().collect::<Vec<_>>(), parts);
}

fn sends() -> impl Strategy<Value = Vec<Run>> {
    let one =
        (0..3_u32, 0..60_u64, 0..4_u64).prop_map(|(channel, first, more)| run(channel, first, first + more));
    prop::collection::vec(one, 0..90)
}

proptest! {
    /// Against a plain list of everything that was sent.
    #[test]
    fn a_ring_never_guesses(sends in sends(), channel in 0..3_u32, offset in 0..64_u64) {
        let mut ring = SendRing::default();
        let mut list = Vec::new();
        for sent in &sends {
            ring.push(*sent);
            list.extend((sent.first..=sent.last).map(|offset| (sent.channel.0, offset)));
        }
        let flat = |runs: Vec<Run>| -> Vec<_> {
            runs.into_iter().flat_map(|run| (run.first..=run.last).map(move |offset| (run.channel.0, offset))).collect()
        };
        let expected = list.iter().rposition(|sent| *sent == (channel, offset)).map(|at| list[at + 1..].to_vec());
        let found = after(&ring, channel, offset).map(flat);
        // What it does not remember it does not find; what it finds is right.
        prop_assert!(found.is_none() || found == expected);
        if !ring.forgot() {
            prop_assert_eq!(found, expected);
            prop_assert_eq!(ring.all().map(|runs| flat(runs.collect())), Some(list));
        }
        prop_assert!(ring.held() <= RING_MAX * 12);
        // It is handed over run by run.
        let mut copy = SendRing::default();
        ring.runs().for_each(|run| copy.push(run));
        prop_assert_eq!(copy.runs().collect::<Vec<_>>(), ring.runs().collect::<Vec<_>>());
    }

    #[test]
    fn no_text_panics_and_what_is_taken_is_written_back_the_same(text in "[-0-9a-c+ ]{0,20}") {
        if let Ok(place) = text.parse::<Place>() {
            prop_assert_eq!(place.to_string(), text);
        }
    }
}
