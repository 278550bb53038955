//! permessage-deflate: the same publications, in fewer bytes.

use veche_protocol::ws::{Deflater, Opcode};

use crate::support::{
    PATH, Said, address,
    client::{Client, Got, MASK},
    guests, start,
};

async fn text(client: &mut Client) -> (String, bool) {
    match client.next().await {
        Got::Text { text, compressed } => (text, compressed),
        other => panic!("{other:?} instead of a text"),
    }
}

#[tokio::test]
async fn both_kinds_of_clients_get_the_same_publications() {
    // Red: `NativeDeflate` framed as `Native`.
    let server = start(guests());
    let mut plain = Client::connect(address(&server)).await;
    let mut deflating = Client::deflating(address(&server), PATH).await;
    plain.join("room:1").await;
    deflating.join("room:1").await;
    for (bytes, compressed) in [(10, false), (1_000, false), (1_100, true), (50_000, true), (10, false)] {
        let said = Said("so it is ".repeat(bytes / 9));
        server.kernel().channel("room:1").publish(&said).await.expect("published");
        let (expected, was_compressed) = text(&mut plain).await;
        assert!(!was_compressed, "nobody agreed on it");
        assert!(expected.contains(&said.0));
        assert_eq!(text(&mut deflating).await, (expected, compressed), "{bytes} bytes");
    }
}

#[tokio::test]
async fn compressed_messages_are_served() {
    // Red: a decoder without `with_deflate`.
    let server = start(guests());
    let mut client = Client::deflating(address(&server), PATH).await;
    client.join("room:1").await;
    let data = "tick ".repeat(1_000);
    let message = format!(r#"{{"type":"message","channel":"room:1","data":"{data}"}}"#);
    let mut frame = Vec::new();
    Deflater::new().client_frame(&mut frame, Opcode::Text, MASK, message.as_bytes());
    assert!(frame.len() < message.len() / 10, "it is compressed");
    client.write(&frame).await;
    assert_eq!(client.expect("message").await["data"], data);
}

#[tokio::test]
async fn a_bomb_ends_by_1009() {
    // Red: a limit of 2 GiB.
    let server = start(guests());
    let mut client = Client::deflating(address(&server), PATH).await;
    let mut other = Client::connect(address(&server)).await;
    let mut bomb = Vec::new();
    Deflater::new().client_frame(&mut bomb, Opcode::Text, MASK, &vec![b' '; 1 << 20]);
    assert!(bomb.len() < 32 << 10, "it is well below the limit on the wire: {} bytes", bomb.len());
    client.write(&bomb).await;
    assert_eq!(client.close_code().await, Some(1009));
    other.is_served().await;
}
