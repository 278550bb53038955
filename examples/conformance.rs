//! What protocol suites talk to: `cargo run -p veche --example conformance -- --port 9001`.
//!
//! `/echo` returns every text and binary message over the product's own codec, permessage-deflate negotiable, up to
//! 16 MiB. `/engine.io/` does the same over Engine.IO. `/socket.io/` has the namespaces `/` and `/custom`, which emit
//! `auth` with the payload of the CONNECT; in `/` what is emitted as `message` comes back as `message-back`, and
//! `message-with-ack` is acknowledged by its own arguments. Clients are pinged every 300 ms, may take 200 ms to answer
//! and 1 s to connect. It serves on loopback only.

use std::time::Duration;

use serde_json::value::RawValue;
use veche::{
    Args, BuildError, Kernel, Limits, Listen, Module, Origins,
    socket::Socket,
    socket_io::{self, Ack, Namespace, SocketIo},
};

const MESSAGE_BYTES: usize = 16 << 20;
const MAX_PAYLOAD: usize = 1_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits { frames_per_second: 0, calls_per_second: 0, ..Limits::default() };
    let kernel = Kernel::builder().shards(2).guests(true).limits(limits).build()?;
    let listen = Listen::on(format!("127.0.0.1:{}", port()?))
        .origins(Origins::any())
        .connections_per_address(0)
        .socket("/echo", MESSAGE_BYTES, echo)
        .socket_io(impatient(SocketIo::raw("/engine.io/", Some)))
        .socket_io(
            impatient(SocketIo::at("/socket.io/")).namespace("/", root()?).namespace("/custom", custom()),
        );
    Ok(veche::serve(kernel, listen).await?)
}

/// Deadlines that a suite need not wait long for.
fn impatient(door: SocketIo) -> SocketIo {
    door.heartbeat(Duration::from_millis(300), Duration::from_millis(200))
        .connect_timeout(Duration::from_secs(1))
        .max_payload(MAX_PAYLOAD)
}

fn root() -> Result<Namespace, BuildError> {
    type Arguments = Args<Vec<Box<RawValue>>>;
    let module = Module::new("root")
        .on("message", async |socket: socket_io::Socket, Args(args): Arguments| {
            socket.emit("message-back", &args);
        })
        .on("message-with-ack", async |ack: Ack| ack.echo());
    Ok(Namespace::of(module)?.on_connect(tell_auth))
}

fn custom() -> Namespace {
    Namespace::default().on_connect(tell_auth)
}

async fn tell_auth(socket: socket_io::Socket) {
    let auth =
        socket.handshake().and_then(|handshake| RawValue::from_string(handshake.auth().to_owned()).ok());
    socket.emit("auth", &(auth,));
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
