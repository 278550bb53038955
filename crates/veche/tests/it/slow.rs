//! A client that never reads costs its backlog and no more, and nobody else notices.

use std::net::SocketAddr;

use socket2::SockRef;
use veche::{Class, Limits, Namespace, Retain};

use crate::support::{
    PATH, Said, address,
    client::{Client, Got},
    counters::counted,
    guests,
    raw::Raw,
    start, until,
};

const MESSAGES: usize = 600;
const BYTES: usize = 32 << 10;

/// A connection whose kernel keeps little of what is not read.
async fn narrow(address: SocketAddr) -> Client {
    let raw = Raw::open(address).await;
    SockRef::from(&raw.stream).set_recv_buffer_size(16 << 10).expect("a socket");
    Client::upgrade(raw, PATH, "").await.expect("a WebSocket")
}

#[tokio::test]
async fn a_client_that_never_reads_goes_and_the_others_get_everything() {
    // Red: `curb` that disconnects nobody.
    let retain = Retain { count: 10, ..Retain::default() };
    let wide = Namespace { class: Class::Memory, retain, ..crate::support::room() };
    let server = start(guests().namespace(Namespace { name: "wide".to_owned(), ..wide }));
    let before = counted("veche_sessions_closed_total{code=3008}");
    let mut reader = Client::connect(address(&server)).await;
    let mut stuck = narrow(address(&server)).await;
    reader.join("wide:1").await;
    stuck.join("wide:1").await;

    let text = "x".repeat(BYTES);
    for at in 1..=MESSAGES {
        server.kernel().channel("wide:1").publish(&Said(&text)).await.expect("published");
        let frame = reader.expect("message").await;
        assert_eq!((frame["offset"].as_u64(), frame["data"].as_str()), (Some(at as u64), Some(&*text)));
    }
    until(|| counted("veche_sessions_closed_total{code=3008}") == before + 1).await;
    assert_eq!(server.connections(), 1, "the reader's");
    reader.is_served().await;

    // What the stuck client finds are whole publications in order, up to some point, and the end.
    let mut last = 0;
    loop {
        match stuck.next().await {
            Got::Text { text, .. } => {
                let frame: serde_json::Value = serde_json::from_str(&text).expect("a frame is JSON");
                assert_eq!(frame["offset"].as_u64(), Some(last + 1));
                last += 1;
            }
            Got::Close(code) => assert_eq!(code, Some(3008)),
            Got::End => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((last as usize) < MESSAGES, "it was cut off");
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything_that_waited() {
    // Red: `write` that writes nothing.
    let server = start(guests().limits(Limits { backlog_bytes: 0, ..Limits::default() }));
    let mut late = narrow(address(&server)).await;
    late.join("room:1").await;
    let text = "x".repeat(BYTES);
    // Several times what the sockets' buffers hold.
    for _ in 0..MESSAGES {
        server.kernel().channel("room:1").publish(&Said(&text)).await.expect("published");
    }
    for at in 1..=MESSAGES {
        assert_eq!(late.expect("message").await["offset"], at);
    }
    late.is_served().await;
}
