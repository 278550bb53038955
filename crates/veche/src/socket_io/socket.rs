//! What applications do with sockets and rooms.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::oneshot;
use veche_kernel::{Call, CloseCode, ErrorCode, Extract, Kernel, Rejection, Session, SessionId};

use super::{broadcast::Broadcast, handshake::Handshake, settings::is_reserved, wire::SocketWire};

/// How long an answer is awaited, unless said.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

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
        self.namespace().from(self.session.clone())
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
pub(super) fn channel_of(namespace: &str, room: &str) -> Result<String, Rejection> {
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
