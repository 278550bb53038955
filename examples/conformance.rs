//! What protocol suites talk to: `cargo run -p veche --example conformance -- --port 9001`.
//!
//! `/echo` returns every text and binary message over the product's own codec, permessage-deflate
//! negotiable, up to 16 MiB. It serves on loopback only.

use veche::{Kernel, Listen, Origins, socket::Socket};

const MESSAGE_BYTES: usize = 16 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let kernel = Kernel::builder().shards(1).build()?;
    let listen = Listen::on(format!("127.0.0.1:{}", port()?))
        .origins(Origins::default().loopback(true))
        .socket("/echo", MESSAGE_BYTES, echo);
    Ok(veche::serve(kernel, listen).await?)
}

async fn echo(mut socket: Socket) {
    // Suites want to see what was agreed on at work, whatever the message.
    socket.compress_all();
    while let Ok(Some(message)) = socket.receive().await {
        if socket.send(&message).await.is_err() {
            return;
        }
    }
}

fn port() -> Result<u16, String> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(9001),
        (Some("--port"), Some(port)) => port.parse().map_err(|_| format!("--port: {port:?} is no port")),
        _ => Err("usage: conformance [--port N]".to_owned()),
    }
}
