//! A peer to compare with: a server of rooms on the WebSockets of the crate axum.
//!
//! `axum PORT`. It listens on 127.0.0.1 and speaks as `bench/peers/lean` does. Tuned: small buffers (by default
//! one of 128 KiB is made for each connection), Veche's allocator, one thread, one task a connection, a
//! publication that is encoded once, and one flush for all publications that wait for a client. The library brings
//! no heartbeats.

use std::{
    collections::HashMap,
    env, io,
    net::Ipv4Addr,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Error, Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
    serve::ListenerExt,
};
use futures_util::SinkExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::mpsc,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that wait to be accepted.
const ACCEPT_QUEUE: u32 = 4096;
/// What a connection holds for reading all the time; a longer message takes more while it is read.
const READ: usize = 512;
/// What is written at once although more is to come.
const WRITE: usize = 16 * 1024;
/// Publications that wait for one client.
const QUEUE: usize = 256;

/// Who hears what is published to a room; rooms are never removed.
#[derive(Default)]
struct Rooms(Mutex<HashMap<String, Vec<mpsc::Sender<Utf8Bytes>>>>);

impl Rooms {
    fn join(&self, name: &str, subscriber: mpsc::Sender<Utf8Bytes>) {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.entry(name.to_owned()).or_default().push(subscriber);
    }

    /// Who has gone or does not read is dropped from the room.
    fn publish(&self, name: &str, text: &Utf8Bytes) {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get_mut(name) {
            room.retain(|subscriber| subscriber.try_send(text.clone()).is_ok());
        }
    }
}

/// What a client sends.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    room: &'a str,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

fn main() -> ExitCode {
    let Some(port) = env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: axum PORT");
        return ExitCode::FAILURE;
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("axum: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        serve(socket.listen(ACCEPT_QUEUE)?).await
    })
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let routes = Router::new().route("/", any(open)).with_state(Arc::new(Rooms::default()));
    // A socket that is broken already shows itself at the first read.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes).await
}

async fn open(State(rooms): State<Arc<Rooms>>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.read_buffer_size(READ).write_buffer_size(WRITE);
    // Why a connection ended matters to nobody here.
    upgrade.on_upgrade(|socket| async move { drop(converse(socket, rooms).await) })
}

/// Serves one client until it goes.
async fn converse(mut socket: WebSocket, rooms: Arc<Rooms>) -> Result<(), Error> {
    let (subscriber, mut queue) = mpsc::channel(QUEUE);
    let mut waiting = Vec::new();
    loop {
        tokio::select! {
            message = socket.recv() => match message.transpose()? {
                Some(Message::Text(text)) => {
                    if let Some(answer) = take(&text, &rooms, &subscriber) {
                        socket.send(Message::Text(answer)).await?;
                    }
                }
                Some(_) => {}
                None => return Ok(()),
            },
            _ = queue.recv_many(&mut waiting, QUEUE) => {
                for text in waiting.drain(..) {
                    socket.feed(Message::Text(text)).await?;
                }
                socket.flush().await?;
            }
        }
    }
}

/// Does what a client asks for, and says what it is told. What is no request is left unanswered.
fn take(text: &str, rooms: &Rooms, subscriber: &mpsc::Sender<Utf8Bytes>) -> Option<Utf8Bytes> {
    let Request { kind, room, data } = serde_json::from_str(text).ok()?;
    match kind {
        "join" => {
            rooms.join(room, subscriber.clone());
            Some(Utf8Bytes::from_static(r#"{"type":"joined"}"#))
        }
        "pub" => {
            let data = data.map_or("null", RawValue::get);
            rooms.publish(room, &format!(r#"{{"type":"msg","room":"{room}","data":{data}}}"#).into());
            None
        }
        _ => None,
    }
}
