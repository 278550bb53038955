//! Plain WebSockets, for protocols of an application's own.

use veche::{Server, socket::Socket};
use veche_protocol::ws::{self, Deflater, Opcode};

use crate::support::{
    address,
    client::{Client, Got, MASK},
    guests, start_with, until,
};

const MOST: usize = 16 << 20;

async fn echo(mut socket: Socket) {
    while let Ok(Some(message)) = socket.receive().await {
        if socket.send(&message).await.is_err() {
            return;
        }
    }
}

fn start() -> Server {
    start_with(guests(), |listen| listen.socket("/echo", MOST, echo))
}

#[tokio::test]
async fn texts_and_bytes_are_echoed() {
    // Red: `decode` that makes texts of everything.
    let server = start();
    let mut client = Client::connect_with(address(&server), "/echo", "").await;
    client.send_text("Привет").await;
    assert_eq!(client.next().await, Got::Text { text: "Привет".into(), compressed: false });
    client.send_frame(Opcode::Binary, &[0, 255]).await;
    assert_eq!(client.next().await, Got::Binary(vec![0, 255]));
    client.send_text("").await;
    assert_eq!(client.next().await, Got::Text { text: String::new(), compressed: false });
}

#[tokio::test]
async fn long_messages_are_compressed_where_agreed_on() {
    // Red: a handshake that does not answer the offer.
    let server = start();
    let mut client = Client::deflating(address(&server), "/echo").await;
    let text = "once more ".repeat(1_000);
    let mut frame = Vec::new();
    Deflater::new().client_frame(&mut frame, Opcode::Text, MASK, text.as_bytes());
    client.write(frame).await;
    assert_eq!(client.next().await, Got::Text { text, compressed: true });
    client.send_text("short").await;
    assert_eq!(client.next().await, Got::Text { text: "short".into(), compressed: false });
}

#[tokio::test]
async fn messages_may_be_as_long_as_was_said() {
    // Red: bytes echoed as a text; a fault without its close frame.
    let server = start();
    let mut client = Client::connect_with(address(&server), "/echo", "").await;
    let message = vec![7; MOST];
    client.send_frame(Opcode::Binary, &message).await;
    assert!(client.next().await == Got::Binary(message), "16 MiB come back");
    client.write([&[0x82, 0xff][..], &(MOST as u64 + 1).to_be_bytes(), &MASK].concat()).await;
    assert_eq!(client.close_code().await, Some(1009));
}

#[tokio::test]
async fn pings_and_closes_are_answered() {
    // Red: `decode` that drops pings.
    let server = start();
    let mut client = Client::connect_with(address(&server), "/echo", "").await;
    client.send_frame(Opcode::Ping, b"there?").await;
    assert_eq!(client.next().await, Got::Pong(b"there?".to_vec()));
    client.send_frame(Opcode::Close, &4_000_u16.to_be_bytes()).await;
    assert_eq!(client.close_code().await, Some(4_000));
    until(|| server.connections() == 0).await;
}

#[tokio::test]
async fn messages_before_a_close_are_echoed_before_it() {
    // Red: the close frame was answered at once, and the echo came after it.
    let server = start();
    let mut client = Client::connect_with(address(&server), "/echo", "").await;
    let mut wire = Vec::new();
    ws::client_frame(&mut wire, Opcode::Text, MASK, b"first");
    ws::client_frame(&mut wire, Opcode::Close, MASK, &1_000_u16.to_be_bytes());
    client.write(wire).await;
    assert_eq!(client.next().await, Got::Text { text: "first".into(), compressed: false });
    assert_eq!(client.close_code().await, Some(1_000));
}

#[tokio::test]
async fn broken_framing_is_told_by_its_code() {
    // Red: `decode` that ends without a close frame.
    let server = start();
    for (wire, code) in
        [(&[0x81, 0][..], 1002), (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007), (&[0xc1, 0x80], 1002)]
    {
        let mut client = Client::connect_with(address(&server), "/echo", "").await;
        client.write(wire).await;
        assert_eq!(client.close_code().await, Some(code), "{wire:?}");
    }
}
