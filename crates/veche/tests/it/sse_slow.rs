//! A reader that does not keep up costs its backlog and no more, and learns what it missed.

use std::net::SocketAddr;

use socket2::SockRef;
use veche::{Class, Limits, Namespace, Retain, Server, SlowConsumer};

use crate::{
    sse::say,
    sse_client::{EVENTS, Stream},
    support::{address, counters::counted, guests, raw::Raw, start_with, until},
};

const BYTES: usize = 32 << 10;
const MESSAGES: usize = 300;

fn server(slow_consumer: SlowConsumer) -> Server {
    let retain = Retain { count: 1_000, bytes: 64 << 20, ..Retain::default() };
    let wide = Namespace {
        name: "wide".to_owned(),
        class: Class::Memory,
        retain,
        slow_consumer,
        ..crate::support::room()
    };
    let limits = Limits { backlog_bytes: 512 << 10, ..Limits::default() };
    start_with(guests().limits(limits).namespace(wide), |listen| listen.events(EVENTS))
}

/// A stream whose socket keeps little of what is not read.
async fn narrow(address: SocketAddr) -> Stream {
    let raw = Raw::open(address).await;
    SockRef::from(&raw.stream).set_recv_buffer_size(16 << 10).expect("a socket");
    let mut stream = Stream::over(raw, "?channel=wide:1", "").await.expect("an answer");
    assert_eq!(stream.block().await.expect("a first block"), None);
    stream
}

async fn pour(server: &Server) {
    let text = "x".repeat(BYTES);
    for _ in 0..MESSAGES {
        say(server, "wide:1", &text).await;
    }
}

#[tokio::test]
async fn a_reader_that_is_cut_off_comes_back_to_all_of_it() {
    // Red: a wire that takes everything: nobody was cut off; then one without `abandon`: the connection stayed.
    let server = server(SlowConsumer::Disconnect);
    let before = counted("veche_sessions_closed_total{code=3008}");
    let mut stuck = narrow(address(&server)).await;
    pour(&server).await;
    until(|| counted("veche_sessions_closed_total{code=3008}") == before + 1).await;
    until(|| server.connections() == 0).await;

    let mut last = 0;
    while let Some(event) = stuck.next().await {
        if event.name == "bye" {
            assert_eq!(event.data["reason"], "slow_consumer");
            continue;
        }
        last += 1;
        assert_eq!(event.data["offset"].as_u64(), Some(last));
    }
    assert!((last as usize) < MESSAGES, "it was cut off");
    let back = format!("Last-Event-ID: {}\r\n", stuck.id);
    let mut again = Stream::open(address(&server), "?channel=wide:1", &back).await;
    while (last as usize) < MESSAGES {
        last += 1;
        assert_eq!(again.expect("message").await.data["offset"].as_u64(), Some(last));
    }
}

#[tokio::test]
async fn a_reader_that_is_left_behind_is_told_and_goes_on_from_the_head() {
    // Red: a `go_on` that subscribes to nothing: nothing came after the gap.
    let server = server(SlowConsumer::DropOldest);
    let mut slow = narrow(address(&server)).await;
    pour(&server).await;
    let mut last = 0;
    let gap = loop {
        let event = slow.next().await.expect("the stream goes on");
        if event.name == "gap" {
            break event;
        }
        last += 1;
        assert_eq!(event.data["offset"].as_u64(), Some(last));
    };
    assert!((last as usize) < MESSAGES, "it was left behind");
    assert_eq!((&gap.data["channel"], &gap.data["reason"]), (&"wide:1".into(), &"lagged".into()));
    assert!(gap.id.ends_with(&format!("-{last}")), "whoever is cut now comes back to here: {}", gap.id);
    // Where it goes on is the head of that moment, so some of what was poured may still come, with holes
    // that are told; what is said from now on comes.
    let mut behind = true;
    while last as usize <= MESSAGES {
        say(&server, "wide:1", "more").await;
        let look = tokio::time::timeout(std::time::Duration::from_millis(20), slow.next()).await;
        let Ok(event) = look else { continue };
        let event = event.expect("the stream goes on");
        if event.name == "gap" {
            behind = true;
            continue;
        }
        let offset = event.data["offset"].as_u64().expect("a position");
        assert!(if behind { offset > last } else { offset == last + 1 }, "{offset} after {last}");
        assert!(event.id.ends_with(&format!("-{offset}")), "{event:?}");
        (last, behind) = (offset, false);
    }
    say(&server, "wide:1", "and more").await;
    assert_eq!(slow.expect("message").await.data["offset"].as_u64(), Some(last + 1));
}
