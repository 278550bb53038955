//! What applications do with sockets and rooms.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream::FuturesUnordered};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use tokio::sync::oneshot;
use veche_kernel::{Call, ChannelName, CloseCode, ErrorCode, Extract, Kernel, Rejection, Session, SessionId};

use super::{handshake::Handshake, settings::is_reserved, wire::SocketWire};

/// How long an answer is awaited, unless said.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a socket's session bears.
pub(super) struct Attached {
    pub(super) namespace: Box<str>,
    pub(super) handshake: Option<Arc<Handshake>>,
    pub(super) kernel: Kernel,
    pub(super) data: Arc<Mutex<Value>>,
    pub(super) recovered: bool,
}

/// A client in a namespace. Cheap to clone, usable from any task; an argument of its events' handlers.
#[derive(Clone)]
pub struct Socket {
    session: Session,
    attached: Arc<Attached>,
}

impl<S> Extract<S> for Socket {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        let session = call.session().clone();
        let attached = session
            .attached::<Attached>()
            .ok_or_else(|| Rejection::new(ErrorCode::BadRequest, "this event is for clients of Socket.IO"))?;
        Ok(Self { session, attached })
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, namespace) = (self.id(), &self.attached.namespace);
        f.debug_struct("Socket").field("id", &id).field("namespace", namespace).finish_non_exhaustive()
    }
}

/// Why an event's answer did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// Not in time.
    #[error("the client did not answer in time")]
    Timeout,
    /// It has other arguments than were wanted.
    #[error("the client answered by something else")]
    Unfit,
    /// The client has left, or too many answers of it are awaited.
    #[error("the client has left")]
    Gone,
}

impl Socket {
    pub(super) fn of(session: Session, attached: Arc<Attached>) -> Self {
        Self { session, attached }
    }

    /// The client's public id in this namespace, which is also the name of a room of its own.
    pub fn id(&self) -> SessionId {
        self.session.id()
    }

    /// Its session, as every door's handlers have it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What it said when it came.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.attached.handshake.as_deref()
    }

    /// Whether it came back to the session that it had.
    pub fn recovered(&self) -> bool {
        self.attached.recovered
    }

    /// What the application keeps with it, also while its client is away and comes back.
    pub fn data(&self) -> Value {
        self.attached.data.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what the application keeps with it.
    pub fn set_data(&self, data: Value) {
        *self.attached.data.lock().unwrap_or_else(PoisonError::into_inner) = data;
    }

    /// Emits an event to this client: its arguments are what serialises as a list, as a tuple does.
    pub fn emit(&self, event: &str, args: &impl Serialize) {
        self.send(event, args, None);
    }

    /// Emits an event and waits for the client's answer, for 10 s: its arguments.
    pub async fn emit_with_ack<T: DeserializeOwned>(
        &self,
        event: &str,
        args: &impl Serialize,
    ) -> Result<T, AckError> {
        self.ask(event, args, PATIENCE).await
    }

    /// The same with another patience.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        event: &str,
        args: &impl Serialize,
        patience: Duration,
    ) -> Result<T, AckError> {
        let (answer, answered) = oneshot::channel();
        self.send(event, args, Some(answer));
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(list)) => serde_json::from_str(&list).map_err(|_| AckError::Unfit),
            Ok(Err(_)) => Err(AckError::Gone),
            Err(_) => Err(AckError::Timeout),
        }
    }

    fn send(&self, event: &str, args: &impl Serialize, answer: Option<oneshot::Sender<Box<str>>>) {
        let Some(list) = checked(event, args) else { return };
        let event = event.to_owned();
        self.session.send_late(move |link| {
            let mut bytes = Vec::new();
            if let Some(wire) = link.wire_as::<SocketWire>() {
                wire.event(link.encoding(), &event, &list, answer, &mut bytes);
            }
            bytes
        });
    }

    /// Joins a room. A name that clients choose may be any: those of other namespaces, and `user:…`, whose rooms are
    /// the users' own, are refused.
    pub async fn join(&self, room: &str) -> Result<(), Rejection> {
        let channel = channel_of(&self.attached.namespace, room)?;
        if channel.split(':').next() == Some(veche_kernel::Namespace::PERSONAL) {
            return Err(Rejection::forbidden().field("room"));
        }
        self.session.join(&channel).await
    }

    /// Leaves a room.
    pub fn leave(&self, room: &str) {
        if let Ok(channel) = channel_of(&self.attached.namespace, room) {
            self.session.leave(&channel);
        }
    }

    /// The rooms that it is in, but for the one of its own.
    pub async fn rooms(&self) -> Vec<String> {
        let (answer, answered) = oneshot::channel();
        let namespace = self.attached.namespace.clone();
        self.session.on_link(move |_, link| {
            let channels = link.channels();
            let rooms = channels.iter().filter_map(|(channel, _)| room_of(&namespace, channel));
            // Whoever asked may have given up.
            let _ = answer.send(rooms.collect());
        });
        answered.await.unwrap_or_default()
    }

    /// Whoever is in a room, but for this client.
    pub fn to(&self, room: &str) -> Broadcast {
        self.broadcast().to(room)
    }

    /// Everybody in the namespace but this client.
    pub fn broadcast(&self) -> Broadcast {
        let mut all = self.namespace();
        all.sender = Some(self.session.clone());
        all
    }

    /// Everybody in the namespace.
    pub fn namespace(&self) -> Broadcast {
        Broadcast::of(self.attached.kernel.clone(), &self.attached.namespace)
    }

    /// Ends its stay in the namespace; with `close` in all of the connection's namespaces, and then the connection.
    pub fn disconnect(&self, close: bool) {
        self.session.kick();
        if close {
            self.session.on_link(|_, link| {
                if let Some(engine) = link.wire_as::<SocketWire>().and_then(SocketWire::engine) {
                    engine.sockets().iter().for_each(|socket| socket.end(CloseCode::Kicked));
                    engine.tend();
                    engine.close();
                }
            });
        }
    }

    /// Closes its connection as if it were lost: the client comes back.
    pub fn close_transport(&self) {
        self.session.on_link(|_, link| {
            if let Some(engine) = link.wire_as::<SocketWire>().and_then(SocketWire::engine) {
                engine.close();
            }
        });
    }
}

/// Clients of a namespace: all of them, or those of some rooms.
///
/// ```no_run
/// use veche::{Kernel, socket_io::Broadcast};
///
/// # async fn tell(kernel: Kernel) {
/// // From anywhere in the process; `/` is the root namespace.
/// let told = Broadcast::of(kernel, "/").to("news").except("muted").emit("headline", &("Tea is ready",)).await;
/// if let Err(rejection) = told {
///     eprintln!("not told: {rejection}");
/// }
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is done before `emit`, or one of the others"]
pub struct Broadcast {
    kernel: Kernel,
    namespace: Box<str>,
    rooms: Vec<String>,
    except: Vec<String>,
    sender: Option<Session>,
    volatile: bool,
    patience: Duration,
}

impl Broadcast {
    /// Everybody in a namespace.
    pub fn of(kernel: Kernel, namespace: &str) -> Self {
        let (rooms, except) = (Vec::new(), Vec::new());
        let namespace = namespace.into();
        Self { kernel, namespace, rooms, except, sender: None, volatile: false, patience: PATIENCE }
    }

    /// Only whoever is in this room, or in another that was named: a client's id is a room, too.
    pub fn to(mut self, room: &str) -> Self {
        self.rooms.push(room.to_owned());
        self
    }

    /// Not whoever is in this room.
    pub fn except(mut self, room: &str) -> Self {
        self.except.push(room.to_owned());
        self
    }

    /// May be lost: it is not retained, and clients that are slow go without it.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// How long answers are awaited; 10 s unless said.
    pub fn timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Emits an event: its arguments are what serialises as a list, as a tuple does. A client that is in several of
    /// the rooms hears it once.
    pub async fn emit(self, event: &str, args: &impl Serialize) -> Result<(), Rejection> {
        if is_reserved(event) {
            return Err(Rejection::new(
                ErrorCode::Internal,
                format!("{event:?} is a name of the clients' own"),
            ));
        }
        let (mut channels, mut own) = (Vec::new(), Vec::new());
        if self.rooms.is_empty() {
            channels.push(format!("{}:", self.namespace));
        }
        for room in &self.rooms {
            match self.client(room).await {
                Some(socket) => own.push(socket),
                None => channels.push(channel_of(&self.namespace, room)?),
            }
        }
        let mut excepted = Vec::new();
        let mut excluded: Vec<SessionId> = self.sender.iter().map(Session::id).collect();
        for room in &self.except {
            match self.client(room).await {
                Some(socket) => excluded.push(socket.id()),
                None => excepted.extend(self.channel(room)),
            }
        }
        // A client that is named itself hears it so, and not by its rooms too.
        own = self.without(own, &excluded, &excepted).await;
        excluded.extend(own.iter().map(Socket::id));
        for at in 0..channels.len() {
            let target = match &self.sender {
                Some(session) => session.to(&channels[at]),
                None => self.kernel.channel(&channels[at]),
            };
            // Whoever is in an earlier room has had it.
            let earlier = channels[..at].iter().filter_map(|channel| ChannelName::parse(channel).ok());
            let target = excepted.iter().cloned().chain(earlier).fold(target, veche_kernel::Target::except);
            let target = excluded.iter().copied().fold(target, veche_kernel::Target::exclude);
            if self.volatile {
                target.emit_volatile(event, args)?;
            } else {
                target.emit(event, args).await?;
            }
        }
        for socket in own {
            socket.emit(event, args);
        }
        Ok(())
    }

    /// Emits an event and gives the answers as they come, each with whose it is. What has not come in time is an error
    /// of that client.
    pub async fn emit_with_ack<T: DeserializeOwned + 'static>(
        self,
        event: &str,
        args: &impl Serialize,
    ) -> impl Stream<Item = (SessionId, Result<T, AckError>)> {
        let patience = self.patience;
        let list = veche_kernel::list_of(args).ok().and_then(|list| RawValue::from_string(list).ok());
        let asking = self.fetch_sockets().await.into_iter().map(|socket| {
            let (event, list) = (event.to_owned(), list.clone());
            async move { (socket.id(), socket.ask(&event, &list, patience).await) }
        });
        asking.collect::<FuturesUnordered<_>>()
    }

    /// The clients.
    pub async fn fetch_sockets(&self) -> Vec<Socket> {
        let mut found = Vec::new();
        if self.rooms.is_empty() {
            found = self.in_channel(&format!("{}:", self.namespace)).await;
        }
        for room in &self.rooms {
            match self.client(room).await {
                Some(socket) => found.push(socket),
                None => found.extend(self.in_room(room).await),
            }
        }
        let mut left_out: HashSet<SessionId> = self.sender.iter().map(Session::id).collect();
        for room in &self.except {
            match self.client(room).await {
                Some(socket) => _ = left_out.insert(socket.id()),
                None => {
                    let there = self.in_room(room).await;
                    left_out.extend(there.iter().map(Socket::id));
                }
            }
        }
        found.retain(|socket| left_out.insert(socket.id()));
        found
    }

    /// Makes the clients join rooms.
    pub async fn sockets_join(&self, rooms: &[&str]) -> Result<(), Rejection> {
        for socket in self.fetch_sockets().await {
            for room in rooms {
                socket.join(room).await?;
            }
        }
        Ok(())
    }

    /// Makes the clients leave rooms.
    pub async fn sockets_leave(&self, rooms: &[&str]) {
        for socket in self.fetch_sockets().await {
            rooms.iter().for_each(|room| socket.leave(room));
        }
    }

    /// Ends the clients' stay in the namespace, or, with `close`, their whole connections.
    pub async fn disconnect_sockets(&self, close: bool) {
        for socket in self.fetch_sockets().await {
            socket.disconnect(close);
        }
    }

    /// Of clients that were named themselves those that are not left out, each once.
    async fn without(
        &self,
        own: Vec<Socket>,
        excluded: &[SessionId],
        excepted: &[ChannelName],
    ) -> Vec<Socket> {
        let mut left_out: HashSet<SessionId> = excluded.iter().copied().collect();
        if !own.is_empty() {
            for channel in excepted {
                left_out.extend(self.in_channel(channel).await.iter().map(Socket::id));
            }
        }
        own.into_iter().filter(|socket| left_out.insert(socket.id())).collect()
    }

    fn channel(&self, room: &str) -> Option<ChannelName> {
        ChannelName::parse(&channel_of(&self.namespace, room).ok()?).ok()
    }

    async fn in_room(&self, room: &str) -> Vec<Socket> {
        match channel_of(&self.namespace, room) {
            Ok(channel) => self.in_channel(&channel).await,
            Err(_) => Vec::new(),
        }
    }

    async fn in_channel(&self, channel: &str) -> Vec<Socket> {
        let Ok(channel) = ChannelName::parse(channel) else { return Vec::new() };
        self.kernel
            .sessions_in(&channel)
            .await
            .into_iter()
            .filter_map(|session| self.socket(session))
            .collect()
    }

    /// The client that a room is the own one of.
    async fn client(&self, room: &str) -> Option<Socket> {
        let session = self.kernel.session(SessionId::parse(room)?).await?;
        self.socket(session)
    }

    fn socket(&self, session: Session) -> Option<Socket> {
        let attached = session.attached::<Attached>().filter(|it| it.namespace == self.namespace)?;
        Some(Socket { session, attached })
    }
}

/// A socket's answer to the event that its handler is of, with as many arguments as it likes: what a Node server's
/// callback is. What the handler returns then is nobody's.
///
/// ```
/// use veche::{Args, Module, socket_io::Ack};
///
/// let sums = Module::new("sums").on("split", async |Args((sum,)): Args<(u64,)>, ack: Ack| ack.send(&(sum / 2, sum % 2)));
/// # let _: Module = sums;
/// ```
#[derive(Debug, Clone)]
pub struct Ack(Call);

impl<S> Extract<S> for Ack {
    fn extract(call: &Call, _: &S) -> Result<Self, Rejection> {
        Ok(Self(call.clone()))
    }
}

impl Ack {
    /// Answers: the arguments are what serialises as a list, as a tuple does. Only the first answer counts.
    pub fn send(&self, args: &impl Serialize) {
        match veche_kernel::list_of(args) {
            Ok(list) => self.0.answer(list),
            Err(error) => tracing::error!(%error, "an answer does not serialise"),
        }
    }

    /// Answers by the event's own arguments, byte for byte.
    pub fn echo(&self) {
        self.0.answer(self.0.list());
    }
}

/// The arguments as JSON, if they are a list and the event may have this name.
fn checked(event: &str, args: &impl Serialize) -> Option<String> {
    let list = veche_kernel::list_of(args).ok().filter(|list| list.starts_with('['));
    if list.is_none() || is_reserved(event) {
        tracing::error!(event, "an event has a name of the clients' own, or arguments that are no list");
        return None;
    }
    list
}

/// The channel that a room is. Names that are another namespace's are none.
fn channel_of(namespace: &str, room: &str) -> Result<String, Rejection> {
    if room.is_empty() || (namespace == "/" && room.starts_with('/')) {
        let message = "a room has a name, which in the root namespace does not begin with a slash";
        return Err(Rejection::new(ErrorCode::BadRequest, message).field("room"));
    }
    Ok(if namespace == "/" { room.to_owned() } else { format!("{namespace}:{room}") })
}

/// The room that a channel is, if it is one of this namespace.
fn room_of(namespace: &str, channel: &str) -> Option<String> {
    let room = match namespace {
        "/" => Some(channel).filter(|channel| !channel.starts_with('/')),
        _ => channel.strip_prefix(namespace)?.strip_prefix(':'),
    };
    room.filter(|room| !room.is_empty()).map(str::to_owned)
}

/// The stream's items, all of them: for whoever wants them at once.
pub async fn answers<T>(stream: impl Stream<Item = (SessionId, Result<T, AckError>)>) -> (Vec<T>, usize) {
    let all: Vec<_> = stream.collect().await;
    let asked = all.len();
    let came: Vec<T> = all.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
    let missing = asked - came.len();
    (came, missing)
}

#[cfg(test)]
mod tests {
    use super::{channel_of, room_of};

    #[test]
    fn a_room_is_a_channel_and_back() {
        for (namespace, room, channel) in
            [("/", "lobby", "lobby"), ("/", "room:1", "room:1"), ("/chat", "a:b", "/chat:a:b")]
        {
            assert_eq!(channel_of(namespace, room).as_deref(), Ok(channel));
            assert_eq!(room_of(namespace, channel).as_deref(), Some(room));
        }
        for (namespace, room) in [("/", "/admin:"), ("/", ""), ("/chat", "")] {
            assert!(channel_of(namespace, room).is_err(), "{namespace} {room}");
        }
        assert_eq!(room_of("/", "/:"), None);
        assert_eq!(room_of("/chat", "/chat:"), None);
        assert_eq!(room_of("/chat", "/chatter:x"), None);
    }
}
