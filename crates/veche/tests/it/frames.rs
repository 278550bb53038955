//! Frames of the native door: what ends a connection, by which code, and what does not.

use serde_json::json;
use veche_protocol::ws::Opcode;

use crate::support::{
    address,
    client::{Client, Got, MASK},
    counters::counted,
    guests, start, until,
};

/// A frame's two bytes, a mask of zeros, and the payload as it is.
fn raw_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "a short payload");
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

async fn ends_by(wire: &[u8], code: u16, what: &str) {
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    let mut other = Client::connect(address(&server)).await;
    client.write(wire).await;
    assert_eq!(client.close_code().await, Some(code), "{what}");
    other.is_served().await;
}

#[tokio::test]
async fn a_binary_message_ends_by_1003() {
    // Red: `consume` that passes over binary messages.
    ends_by(&raw_frame(0x82, b"{}"), 1003, "a binary message").await;
}

#[tokio::test]
async fn a_message_over_the_limit_ends_by_1009_before_it_is_there() {
    // Red: a decoder with 2 GiB as its limit waits for the payload.
    let gigabyte = [&[0x81, 0xff][..], &(1_u64 << 30).to_be_bytes(), &MASK].concat();
    ends_by(&gigabyte, 1009, "a gigabyte").await;
    let over = [&[0x81, 0xff][..], &((64_u64 << 10) + 1).to_be_bytes(), &MASK].concat();
    ends_by(&over, 1009, "a byte too much").await;
    let mut fragments = Vec::new();
    for first in [0x01, 0x00] {
        fragments.extend_from_slice(&[first, 0xfe]);
        fragments.extend_from_slice(&40_000_u16.to_be_bytes());
        fragments.extend_from_slice(&[0; 4]);
        fragments.extend_from_slice(&vec![b' '; 40_000]);
    }
    ends_by(&fragments, 1009, "two fragments, together too much").await;
}

#[tokio::test]
async fn a_message_of_the_limit_is_served() {
    // Red: a limit of half.
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    let mut text = r#"{"type":"ping","ts":1}"#.to_owned();
    text.insert_str(1, &" ".repeat((64 << 10) - text.len()));
    client.send_text(&text).await;
    assert_eq!(client.expect("pong").await["ts"], 1);
}

#[tokio::test]
async fn text_that_is_no_utf_8_ends_by_1007() {
    // Red: `consume` that ends every fault by 1002.
    ends_by(&raw_frame(0x81, b"\"\xc3\x28\""), 1007, "text that is no UTF-8").await;
}

#[tokio::test]
async fn broken_framing_ends_by_1002() {
    // Red: `consume` that returns on a fault without ending the connection.
    let cases: [(&str, Vec<u8>); 10] = [
        ("an unmasked frame", vec![0x81, 2, b'{', b'}']),
        ("RSV1 without an extension", raw_frame(0xc1, b"{}")),
        ("RSV2", raw_frame(0xa1, b"{}")),
        ("RSV3", raw_frame(0x91, b"{}")),
        ("a reserved opcode", raw_frame(0x83, b"{}")),
        ("a reserved control opcode", raw_frame(0x8b, b"")),
        ("a fragmented ping", raw_frame(0x09, b"")),
        ("a continuation of nothing", raw_frame(0x80, b"{}")),
        ("a close of one byte", raw_frame(0x88, &[3])),
        ("a close code for nobody's use", raw_frame(0x88, &1005_u16.to_be_bytes())),
    ];
    for (what, wire) in cases {
        ends_by(&wire, 1002, what).await;
    }
}

#[tokio::test]
async fn control_frames_may_stand_between_fragments() {
    // Red: `consume` that answers no ping.
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    client.expect("welcome").await;
    client.write(raw_frame(0x01, br#"{"type":"pi"#)).await;
    client.write(raw_frame(0x89, b"between")).await;
    client.write(raw_frame(0x00, b"")).await;
    client.write(raw_frame(0x8a, b"unasked")).await;
    client.write(raw_frame(0x80, br#"ng","ts":5}"#)).await;
    assert_eq!(client.next().await, Got::Pong(b"between".to_vec()));
    assert_eq!(client.expect("pong").await["ts"], 5);
}

#[tokio::test]
async fn a_ping_is_answered_by_its_payload() {
    // Red: `consume` that answers no ping.
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    client.expect("welcome").await;
    for payload in [&b""[..], b"\x00\xff", &[7; 125]] {
        client.send_frame(Opcode::Ping, payload).await;
        assert_eq!(client.next().await, Got::Pong(payload.to_vec()));
    }
}

#[tokio::test]
async fn a_clients_close_is_echoed_and_counted() {
    // Red: `answer_close` that leaves `ended` alone: counted as 1006.
    let server = start(guests());
    let before = counted("veche_sessions_closed_total{code=1001}");
    let mut client = Client::connect(address(&server)).await;
    client.send_frame(Opcode::Close, &1001_u16.to_be_bytes()).await;
    assert_eq!(client.close_code().await, Some(1001));
    until(|| server.connections() == 0).await;
    assert_eq!(counted("veche_sessions_closed_total{code=1001}"), before + 1);
    assert_eq!(server.kernel().sessions(), 0);

    let mut client = Client::connect(address(&server)).await;
    client.send_frame(Opcode::Close, b"").await;
    assert_eq!(client.close_code().await, None, "a close without a code is echoed without one");
}

#[tokio::test]
async fn json_may_be_32_deep() {
    // Red: `json::DEPTH_MAX` at 64.
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    let message = |levels: usize| {
        let data = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"type":"message","channel":"room:1","id":{levels},"data":{data}}}"#)
    };
    // The frame's own object is the first level.
    client.send_text(&message(31)).await;
    assert_eq!(client.expect("reply").await["id"], 31);
    client.send_text(&message(32)).await;
    assert_eq!(client.expect("error").await["error"]["code"], "bad_request");
    client.is_served().await;
}

#[tokio::test]
async fn bad_frames_are_answered_and_twenty_of_them_end_the_connection() {
    // Red: `refuse` that counts no strikes.
    let server = start(guests());
    let mut client = Client::connect(address(&server)).await;
    let malformed = ["", "{", "[]", "7", "{}", r#"{"type":7}"#, r#"{"type":"subscribe"}"#, "[[]]", "\u{7f}"];
    for text in malformed.iter().cycle().take(19) {
        client.send_text(text).await;
        assert_eq!(client.expect("error").await["error"]["code"], "bad_request", "{text:?}");
    }
    client.send(json!({"type": "no.such.event", "id": "x"})).await;
    assert_eq!(client.expect("error").await["error"]["code"], "not_found", "which is no strike");
    client.is_served().await;
    client.send_text("{").await;
    assert_eq!(client.close_code().await, Some(3501));
}
