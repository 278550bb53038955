//! Many clients at once: those of a namespace, or of rooms.

use std::{collections::HashSet, time::Duration};

use futures_util::{Stream, StreamExt, stream::FuturesUnordered};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use veche_kernel::{ChannelName, ErrorCode, Kernel, Rejection, Session, SessionId};

use super::{
    settings::is_reserved,
    socket::{AckError, Attached, PATIENCE, Socket, channel_of},
};

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

    /// As somebody in it, who does not hear what they say.
    pub(super) fn from(mut self, sender: Session) -> Self {
        self.sender = Some(sender);
        self
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
        Some(Socket::of(session, attached))
    }
}

/// The stream's items, all of them: for whoever wants them at once.
pub async fn answers<T>(stream: impl Stream<Item = (SessionId, Result<T, AckError>)>) -> (Vec<T>, usize) {
    let all: Vec<_> = stream.collect().await;
    let asked = all.len();
    let came: Vec<T> = all.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
    let missing = asked - came.len();
    (came, missing)
}
