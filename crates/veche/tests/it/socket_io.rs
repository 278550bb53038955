//! The Socket.IO door by bare requests: what stock clients cannot be made to do. They have tests of their own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Notify;
use veche::{
    Ask, Audience, Class, Kernel, Module, Namespace, Rejection, Server,
    socket_io::{self, Socket, SocketIo},
};

use crate::support::{
    address,
    client::{Client, Got},
    guests,
    raw::{Raw, ask},
    start_with, until, within,
};

/// A client that polls, each time by a connection of its own, which another shard may take.
struct Polling {
    address: SocketAddr,
    sid: String,
    came: Vec<String>,
}

impl Polling {
    async fn open(server: &Server) -> Self {
        let mut client = Self { address: address(server), sid: String::new(), came: Vec::new() };
        let open = client.get().await;
        let open: Value = serde_json::from_str(open.trim_start_matches('0')).expect("the open packet");
        open["sid"].as_str().expect("a sid").clone_into(&mut client.sid);
        client
    }

    /// The same, in the root namespace.
    async fn connect(server: &Server) -> Self {
        let mut client = Self::open(server).await;
        client.post("40").await;
        client.next("40{").await;
        client
    }

    fn path(&self) -> String {
        let sid = if self.sid.is_empty() { String::new() } else { format!("&sid={}", self.sid) };
        format!("/socket.io/?EIO=4&transport=polling{sid}")
    }

    async fn get(&self) -> String {
        let request = format!("GET {} HTTP/1.1\r\nHost: veche.example\r\n\r\n", self.path());
        let response = ask(self.address, request).await.expect("an answer");
        assert_eq!(response.status, 200);
        String::from_utf8(response.body.to_vec()).expect("text")
    }

    fn post_of(&self, packets: &str) -> String {
        let (path, length) = (self.path(), packets.len());
        format!("POST {path} HTTP/1.1\r\nHost: veche.example\r\nContent-Length: {length}\r\n\r\n{packets}")
    }

    async fn post(&self, packets: &str) {
        assert_eq!(ask(self.address, self.post_of(packets)).await.expect("an answer").status, 200);
    }

    /// Polls until a packet begins so.
    async fn next(&mut self, start: &str) -> String {
        let looking = async {
            loop {
                if let Some(at) = self.came.iter().position(|packet| packet.starts_with(start)) {
                    return self.came.remove(at);
                }
                let body = self.get().await;
                self.came.extend(body.split('\u{1e}').map(str::to_owned));
            }
        };
        within(looking).await
    }
}

async fn text(socket: &mut Client) -> String {
    match socket.next().await {
        Got::Text { text, .. } => text,
        other => panic!("no text: {other:?}"),
    }
}

fn door(namespace: socket_io::Namespace) -> SocketIo {
    SocketIo::at("/socket.io/").recovery(Duration::from_mins(1)).namespace("/", namespace)
}

/// A handler that waits for its own client is dropped by its deadline, and the session goes on.
#[tokio::test]
async fn a_handler_that_waits_for_its_own_client_ends_by_its_deadline() {
    // Red: acknowledgements that wait behind the handler, or a deadline that leaves the session busy.
    let module = Module::new("waits")
        .on("wait", async |socket: Socket| -> Result<Value, Rejection> {
            socket.ask("question", &(), Duration::from_mins(5)).await.map_err(|_| Rejection::forbidden())
        })
        .deadline(Duration::from_millis(300))
        .on("echo", async |veche::Data(it): veche::Data<Value>| -> Result<Value, Rejection> { Ok(it) });
    let namespace = socket_io::Namespace::of(module).expect("it is sound");
    let server = start_with(guests(), |listen| listen.socket_io(door(namespace)));
    let mut client = Polling::connect(&server).await;
    client.post("421[\"wait\"]\u{1e}422[\"echo\",7]").await;
    client.next("420[\"question\"").await;
    let late = client.next("431[").await;
    assert!(late.contains("\"timeout\""), "{late}");
    assert_eq!(client.next("432[").await, "432[7]");
    // Answered in time, it is done.
    client.post("423[\"wait\"]").await;
    client.next("421[\"question\"").await;
    client.post("431[{\"fine\":true}]").await;
    assert_eq!(client.next("433[").await, "433[[{\"fine\":true}]]");
}

/// A stock client whose probe is not answered tries no more, and one whose `5` is not heard is lost.
#[tokio::test]
async fn an_upgrade_does_not_wait_for_sockets_that_do_not_read() {
    // Red: a WebSocket on probation that is read only while the sockets read, or that nobody wakes then.
    let (began, ends) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let (begin, end) = (began.clone(), ends.clone());
    let module = Module::new("waits")
        .on("wait", move || {
            let (begin, end) = (begin.clone(), end.clone());
            async move {
                begin.store(true, Ordering::SeqCst);
                end.notified().await;
                Ok::<_, Rejection>(Value::from("done"))
            }
        })
        .on("echo", async |veche::Data(it): veche::Data<Value>| -> Result<Value, Rejection> { Ok(it) });
    let namespace = socket_io::Namespace::of(module).expect("it is sound");
    let server = start_with(guests(), |listen| listen.socket_io(door(namespace)));
    let client = Polling::connect(&server).await;

    // More than a session's queue holds, behind a handler that waits.
    let mut packets = vec!["420[\"wait\"]".to_owned()];
    packets.extend((1..100).map(|id| format!("42{id}[\"echo\",{id}]")));
    let mut post = Raw::open(client.address).await;
    post.write(client.post_of(&packets.join("\u{1e}"))).await;
    until(|| began.load(Ordering::SeqCst)).await;
    let path = client.path().replace("polling", "websocket");
    let mut socket = Client::connect_with(client.address, &path, "").await;
    socket.send_text("2probe").await;
    assert_eq!(text(&mut socket).await, "3probe");

    ends.notify_one();
    assert_eq!(post.response().await.expect("an answer").status, 200);
    socket.send_text("5").await;
    assert_eq!(text(&mut socket).await, "430[\"done\"]");
    for id in 1..100 {
        assert_eq!(text(&mut socket).await, format!("43{id}[{id}]"));
    }
}

/// Every connection may be another shard's.
#[tokio::test]
async fn a_session_is_found_from_every_shard() {
    let server = start_with(guests().shards(3), |listen| listen.socket_io(SocketIo::at("/socket.io/")));
    for _ in 0..6 {
        let mut client = Polling::connect(&server).await;
        for turn in 0..6 {
            client.post(&format!("42{turn}[\"subscribe\",{{\"channel\":\"room:{turn}\"}}]")).await;
            client.next(&format!("43{turn}[")).await;
        }
    }
}

/// What a client had subscribed to is asked of the rules again when it comes back.
#[tokio::test]
async fn a_right_that_was_taken_away_does_not_come_back_with_the_client() {
    // Red: rooms that are joined again without a question.
    let is_open = Arc::new(AtomicBool::new(true));
    let rule = is_open.clone();
    let secret = Namespace { class: Class::Memory, subscribe: Audience::Anyone, ..Namespace::new("secret") };
    let root = Namespace { class: Class::Memory, ..Namespace::new("/") };
    let module = Module::new("secret").channel(secret).guard("secret", move |_: Ask| {
        let is_open = rule.load(Ordering::Relaxed);
        async move { if is_open { Ok(()) } else { Err(Rejection::forbidden()) } }
    });
    let builder = guests().shards(2).mount(module).namespace(root);
    let server = start_with(builder, |listen| listen.socket_io(door(socket_io::Namespace::default())));
    let kernel = server.kernel().clone();
    let mut client = Polling::open(&server).await;
    client.post("40").await;
    let connected: Value = serde_json::from_str(&client.next("40{").await[2..]).expect("JSON");
    client.post("421[\"subscribe\",{\"channel\":\"secret:1\"}]").await;
    client.next("431[").await;
    tell(&kernel, "before").await;
    let place: Value = serde_json::from_str(&client.next("42[\"said\"").await[2..]).expect("JSON");
    is_open.store(false, Ordering::Relaxed);
    // A poll that breaks off ends the engine, and the client is away.
    let mut poll = Raw::open(client.address).await;
    poll.write(format!("GET {} HTTP/1.1\r\nHost: veche.example\r\n\r\n", client.path())).await;
    // Once the poll waits.
    for _ in 0..50 {
        assert!(kernel.is_alive(Duration::from_mins(1)).await);
    }
    drop(poll);
    until(|| kernel.sessions() == 0).await;
    tell(&kernel, "while away").await;

    let mut again = Polling::open(&server).await;
    let (pid, offset) = (&connected["pid"], place.as_array().and_then(|args| args.last()).expect("a place"));
    again.post(&format!("40{}", serde_json::json!({ "pid": pid, "offset": offset }))).await;
    let returned: Value = serde_json::from_str(&again.next("40{").await[2..]).expect("JSON");
    assert_eq!(returned["sid"], connected["sid"], "it has its session again");
    tell(&kernel, "after").await;
    again.post("422[\"unsubscribe\",{\"channel\":\"secret:1\"}]").await;
    let answer = again.next("432[").await;
    assert!(!again.came.iter().any(|packet| packet.contains("said")), "{:?} {answer}", again.came);
}

async fn tell(kernel: &Kernel, text: &str) {
    kernel.channel("secret:1").emit("said", &(text,)).await.expect("it is published");
}
