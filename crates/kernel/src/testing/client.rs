//! A client without a socket.

use std::{collections::VecDeque, fmt, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::{
    node::{GUARD, ask},
    socket::{Received, Socket, TestWire},
};
use crate::{
    framed::Encoding,
    inbox::SessionKey,
    kernel::Kernel,
    session::Event,
    shard::{Opening, Shard},
};

/// A connection to a [`super::TestNode`], with every frame that it was sent.
///
/// What waits for a frame panics, with the frames that came instead, when it does not come within 10 s of
/// real time. Frames that a call passes over stay for later ones, in order. Dropping the client ends its
/// connection.
///
/// ```
/// use serde_json::json;
/// use veche_kernel::{Audience, Kernel, Namespace, testing::TestNode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let room = Namespace {
///     subscribe: Audience::Users,
///     publish: Audience::Users,
///     ..Namespace::new("room")
/// };
/// let node = TestNode::start(Kernel::builder().namespace(room));
/// let (mut ann, mut bob) = (node.client("ann").await, node.client("bob").await);
/// ann.join("room:1").await;
/// bob.send(json!({"type": "message", "channel": "room:1", "data": "hello"}));
/// assert_eq!(ann.expect_frame("message").await["data"], "hello");
/// # }
/// ```
pub struct TestClient {
    kernel: Kernel,
    key: SessionKey,
    socket: Arc<Socket>,
    received: mpsc::UnboundedReceiver<Received>,
    /// Frames that came and that nobody has asked for.
    kept: VecDeque<Value>,
    pings: usize,
    closed: Option<u16>,
    next_id: u64,
}

/// An `error` frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The word.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// The field that is wrong.
    pub field: Option<String>,
    /// When to try again.
    pub retry_after_ms: Option<u64>,
}

impl Refused {
    /// Reads an `error` frame.
    pub fn of(frame: &Value) -> Self {
        let text = |name: &str| frame["error"][name].as_str().map(str::to_owned);
        Self {
            code: text("code").unwrap_or_default(),
            message: text("message").unwrap_or_default(),
            field: text("field"),
            retry_after_ms: frame["error"]["retry_after_ms"].as_u64(),
        }
    }
}

impl TestClient {
    pub(super) async fn open(kernel: &Kernel, shard: usize, opening: Opening) -> Self {
        let deflate = opening.encoding == Encoding::NativeDeflate;
        let (socket, received) = Socket::new(shard as u16, kernel.node.routes.clone(), deflate);
        let wire = TestWire(socket.clone());
        let open = move |shard: &std::rc::Rc<Shard>| {
            let link: std::rc::Rc<crate::shard::Link> = shard.open(opening, wire);
            shard.key(&link)
        };
        let key = ask(kernel, shard, open).await;
        socket.opened(key);
        // The session may be closing already, which nobody could be woken for before the key was known.
        socket.drive();
        let (kept, kernel) = (VecDeque::new(), kernel.clone());
        Self { kernel, key, socket, received, kept, pings: 0, closed: None, next_id: 1 }
    }

    pub(super) async fn welcome(&mut self) {
        let frame = self.next_frame().await;
        assert_eq!(frame["type"], "welcome", "the first frame is {frame}");
    }

    /// The session's public id, as frames bear it.
    pub fn session(&self) -> String {
        self.key.id.to_string()
    }

    /// Which shard serves it.
    pub fn shard(&self) -> usize {
        usize::from(self.key.shard)
    }

    /// Sends a frame, or a batch of them.
    pub fn send(&self, frame: Value) {
        self.send_text(&frame.to_string());
    }

    /// Sends a text as it is.
    pub fn send_text(&self, text: &str) {
        self.socket.send(text.to_owned());
    }

    /// Subscribes to a channel and reads its `subscribed`.
    ///
    /// # Panics
    /// If the subscription is refused.
    pub async fn join(&mut self, channel: &str) -> Value {
        self.subscribe(json!({"channel": channel})).await
    }

    /// Sends a `subscribe` with these fields and reads its `subscribed`.
    ///
    /// # Panics
    /// If the subscription is refused.
    pub async fn subscribe(&mut self, mut fields: Value) -> Value {
        fields["type"] = "subscribe".into();
        let request = self.request(fields.clone()).await;
        request.unwrap_or_else(|refused| panic!("{fields} was refused: {refused:?}"))
    }

    /// Calls a handler; its reply's `data`, `null` if it has none.
    pub async fn call(&mut self, event: &str, data: Value) -> Result<Value, Refused> {
        let reply = self.request(json!({"type": event, "data": data})).await?;
        Ok(reply.get("data").cloned().unwrap_or_default())
    }

    /// Calls the handler of an event with one; see [`TestClient::call`].
    pub async fn call_event<E: Event>(&mut self, event: &E) -> Result<Value, Refused> {
        let data = serde_json::to_value(event).expect("the event serialises");
        self.call(&event.name(), data).await
    }

    /// Sends a frame with an `id`, and waits for the frame that bears the same: the answer.
    pub async fn request(&mut self, mut frame: Value) -> Result<Value, Refused> {
        let id = self.next_id;
        self.next_id += 1;
        frame["id"] = id.into();
        self.send(frame);
        let answer = self.find(&format!("the answer to {id}"), |frame| frame["id"] == id).await;
        if answer["type"] == "error" { Err(Refused::of(&answer)) } else { Ok(answer) }
    }

    /// The next frame.
    pub async fn next_frame(&mut self) -> Value {
        self.find("a frame", |_| true).await
    }

    /// The next frame of this type.
    pub async fn expect_frame(&mut self, kind: &str) -> Value {
        self.find(kind, |frame| frame["type"] == kind).await
    }

    /// The next publication of this event; what its `data` says.
    pub async fn expect<E: Event + DeserializeOwned>(&mut self) -> E {
        let frame = self.expect_frame(E::NAME).await;
        serde_json::from_value(frame["data"].clone())
            .unwrap_or_else(|error| panic!("{frame} is no {}: {error}", E::NAME))
    }

    /// The next `error`.
    pub async fn expect_error(&mut self) -> Refused {
        Refused::of(&self.expect_frame("error").await)
    }

    /// All frames that have arrived and were not asked for. Without [`super::TestNode::settle`] before it,
    /// others may be on their way.
    pub fn arrived(&mut self) -> Vec<Value> {
        while let Ok(received) = self.received.try_recv() {
            self.keep(received);
        }
        self.kept.drain(..).collect()
    }

    /// Waits for the end of the connection; its close code. The frames before it stay.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Some(code) = self.closed {
                return code;
            }
            self.read("the end of the connection").await;
        }
    }

    /// The close code, if the end of the connection has arrived.
    pub fn close_code(&mut self) -> Option<u16> {
        while let Ok(received) = self.received.try_recv() {
            self.keep(received);
        }
        self.closed
    }

    /// How many pings the server sent.
    pub fn pings(&mut self) -> usize {
        self.close_code();
        self.pings
    }

    /// Whether pings are answered; they are unless said otherwise.
    pub fn answer_pings(&self, answers: bool) {
        self.socket.answer_pings(answers);
    }

    /// Takes nothing more off the connection, or everything again: `true` is a socket that does not read.
    pub fn refuse_bytes(&self, refuses: bool) {
        self.socket.set_window(refuses.then_some(0));
    }

    /// Takes so many bytes more, then nothing; a frame may end up half taken.
    pub fn take_bytes(&self, count: usize) {
        self.socket.set_window(Some(count));
    }

    /// How many bytes it has taken in all.
    pub fn taken_bytes(&self) -> usize {
        self.socket.taken()
    }

    /// How many bytes wait in the server because this client refused them.
    pub async fn waiting_bytes(&self) -> usize {
        let key = self.key;
        let bytes = move |shard: &std::rc::Rc<Shard>| {
            shard.session(key).map_or(0, |link| link.backlog.borrow().as_ref().map_or(0, |it| it.bytes()))
        };
        ask(&self.kernel, self.shard(), bytes).await
    }

    /// Whether the server reads from this client at present.
    pub async fn may_send(&self) -> bool {
        let key = self.key;
        ask(&self.kernel, self.shard(), move |shard| shard.session(key).is_some_and(|link| link.may_read()))
            .await
    }

    /// Loses the connection, without a word to the server.
    pub async fn cut(&mut self) {
        self.socket.end(1006);
        // What was planned before has been done when this returns.
        ask(&self.kernel, self.shard(), |_| ()).await;
    }

    /// The next frame that this says yes to; `what` names it in the report of a failure.
    pub async fn find(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.kept.iter().skip(looked_at).position(&is_it)
                && let Some(frame) = self.kept.remove(looked_at + at)
            {
                return frame;
            }
            looked_at = self.kept.len();
            assert!(self.closed.is_none(), "waiting for {what}: the connection ended: {self:?}");
            self.read(what).await;
        }
    }

    async fn read(&mut self, what: &str) {
        match timeout(GUARD, self.received.recv()).await {
            Ok(Some(received)) => self.keep(received),
            Ok(None) => panic!("waiting for {what}: the node is gone: {self:?}"),
            Err(elapsed) => panic!("waiting for {what}: {elapsed}, {GUARD:?}: {self:?}"),
        }
    }

    fn keep(&mut self, received: Received) {
        match received {
            Received::Text(text) => {
                let frame = serde_json::from_str(&text);
                let frame = frame.unwrap_or_else(|error| panic!("{text} is not JSON: {error}"));
                self.kept.push_back(frame);
            }
            Received::Ping => self.pings += 1,
            Received::Closed(code) => _ = self.closed.get_or_insert(code),
            Received::Broken(fault) => panic!("the server broke the WebSocket protocol: {fault}: {self:?}"),
        }
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.socket.end(1000);
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Beyond this many frames a report helps nobody.
        const SHOWN: usize = 40;
        write!(f, "session {} with {} frames kept", self.key.id, self.kept.len())?;
        if let Some(code) = self.closed {
            write!(f, ", closed with {code}")?;
        }
        self.kept.iter().rev().take(SHOWN).rev().try_for_each(|frame| write!(f, "\n  {frame}"))
    }
}
