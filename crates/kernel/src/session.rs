//! Handles to sessions and channels, for handlers and for any other task.

use std::{any::Any, borrow::Cow, fmt, rc::Rc, sync::Arc};

use serde::Serialize;
use smallvec::SmallVec;
use veche_protocol::{
    client::is_reserved,
    code::{CloseCode, ErrorCode},
    json::DEPTH_MAX,
    name::{ChannelName, check_event},
    socket_io::Args,
};

use crate::{
    broker::Published,
    inbox::{Entry, SessionKey, Text},
    joining::Join,
    kernel::Kernel,
    node::{Message, Node},
    publication::{Sender, SessionId, UserId},
    reply::Rejection,
    rules::Namespace,
    shard::{Link, Shard},
};

/// A named, typed payload.
///
/// ```
/// use serde::Serialize;
/// use veche_kernel::Event;
///
/// #[derive(Serialize)]
/// struct CardMoved { card: u64, list: u64 }
///
/// impl Event for CardMoved {
///     const NAME: &'static str = "card.moved";
/// }
/// ```
pub trait Event: Serialize {
    /// The event's name, which becomes the frame's `type`.
    const NAME: &'static str;

    /// The name with its parameter filled in, for a name that ends in one.
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::NAME)
    }
}

/// A client's session, as handlers see it. Cheap to clone, usable from any task.
#[derive(Clone)]
pub struct Session {
    pub(crate) node: Arc<Node>,
    pub(crate) key: SessionKey,
    pub(crate) user: UserId,
    pub(crate) attached: Option<Arc<dyn Any + Send + Sync>>,
}

impl Session {
    /// The session's public id.
    pub fn id(&self) -> SessionId {
        self.key.id
    }

    /// What the session's door has put beside it, if it is of this kind.
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.attached.clone()?.downcast().ok()
    }

    /// Whose session it is; a guest has an id that begins with `guest:`.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Subscribes the session to a channel. It is the server's act: no rule is asked. When it returns,
    /// the session will receive everything that is published from then on.
    ///
    /// A session of a call by HTTP lasts one request, and joins nothing: `bad_request`.
    pub async fn join(&self, channel: &str) -> Result<(), Rejection> {
        if self.key.is_of_request() {
            return Err(Rejection::new(
                ErrorCode::BadRequest,
                "a call by HTTP has no session that could join",
            ));
        }
        let channel = parse(channel)?;
        let (session, user) = (self.key, self.user.clone());
        self.node.join(Join::of(session, user, channel)).await
    }

    /// Ends a subscription of the session.
    pub fn leave(&self, channel: &str) {
        if let Some(channel) = self.node.routes.find(channel) {
            self.node.leave(self.key, channel, None);
        }
    }

    /// A channel, for publications that leave this session out and bear it as their sender.
    pub fn to<'a>(&self, channel: &'a str) -> Target<'a> {
        let sender = Sender { user: self.user.clone(), session: self.key.id };
        Target::new(&self.node, channel, Some(sender))
    }

    /// Does something with the session's connection on its shard's thread, after all that was asked for before, joins
    /// and leaves too. A session that has ended by then, or lasts one request, is left alone.
    pub fn on_link(&self, work: impl FnOnce(&Rc<Shard>, &Rc<Link>) + Send + 'static) {
        let key = self.key;
        let run = move |shard: &Rc<Shard>| {
            if let Some(link) = shard.session(key) {
                work(shard, &link);
            }
        };
        let settled = move |shard: &Rc<Shard>| shard.later(run);
        self.node.routes.push(key.shard, Entry::Run(Box::new(settled)));
    }

    /// Sends what `make` writes when its turn comes: behind what was published before, and before what is published
    /// after. For doors.
    pub fn send_late(&self, make: impl FnOnce(&Link) -> Vec<u8> + Send + 'static) {
        let text = Text::Late(Box::new(make));
        self.node.routes.push(self.key.shard, Entry::Direct { session: self.key, text });
    }

    /// Ends the connection; the client does not come back by itself.
    pub fn kick(&self) {
        let entry = Entry::Close { session: self.key, code: CloseCode::Kicked };
        self.node.routes.push(self.key.shard, entry);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.key.id).field("user", &self.user).finish_non_exhaustive()
    }
}

/// Where to publish.
#[derive(Debug, Clone)]
#[must_use = "nothing is published before `publish`"]
pub struct Target<'a> {
    node: Arc<Node>,
    channel: Cow<'a, str>,
    sender: Option<Sender>,
    key: Option<Box<str>>,
    except: Vec<ChannelName>,
    exclude: SmallVec<[SessionId; 1]>,
}

impl Kernel {
    /// A channel, for publications by the server itself.
    pub fn channel<'a>(&self, channel: &'a str) -> Target<'a> {
        Target::new(&self.node, channel, None)
    }

    /// A signed-in user's personal channel, `user:{id}`: what is published there reaches all of the user's
    /// devices, those that are away when they come back. A node without a log keeps none, and answers
    /// `unavailable`.
    ///
    /// ```
    /// use serde::Serialize;
    /// use veche_kernel::{Event, Kernel};
    ///
    /// #[derive(Serialize)]
    /// struct Notification {
    ///     text: String,
    /// }
    ///
    /// impl Event for Notification {
    ///     const NAME: &str = "notification";
    /// }
    ///
    /// async fn congratulate(kernel: &Kernel) {
    ///     let told = kernel.user("ann").publish(&Notification { text: "Happy birthday!".into() }).await;
    ///     if let Err(rejection) = told {
    ///         eprintln!("not told: {rejection}");
    ///     }
    /// }
    /// ```
    pub fn user(&self, id: &str) -> Target<'static> {
        Target::new(&self.node, format!("{}:{id}", Namespace::PERSONAL), None)
    }
}

impl<'a> Target<'a> {
    fn new(node: &Arc<Node>, channel: impl Into<Cow<'a, str>>, sender: Option<Sender>) -> Self {
        Self {
            node: node.clone(),
            channel: channel.into(),
            sender,
            key: None,
            except: Vec::new(),
            exclude: SmallVec::new(),
        }
    }

    /// Leaves out whoever is subscribed to this channel, too.
    pub fn except(mut self, channel: ChannelName) -> Self {
        self.except.push(channel);
        self
    }

    /// Leaves out this session, too.
    pub fn exclude(mut self, session: SessionId) -> Self {
        self.exclude.push(session);
        self
    }

    /// Publishes an event with a list of arguments: what serialises as an array, as a tuple does. With one of them it
    /// is what [`Target::publish`] makes of it.
    pub async fn emit(self, event: &str, args: &impl Serialize) -> Result<Published, Rejection> {
        let message = self.message_of(event, args)?;
        message.0.publish(message.1).await
    }

    /// The same for those who are there and take it at once: it is not retained, and a session whose socket refuses
    /// bytes goes without it.
    pub fn emit_volatile(self, event: &str, args: &impl Serialize) -> Result<(), Rejection> {
        let (node, message) = self.message_of(event, args)?;
        node.volatile(message);
        Ok(())
    }

    fn message_of(self, event: &str, args: &impl Serialize) -> Result<(Arc<Node>, Message), Rejection> {
        let internal = |why: String| Rejection::new(ErrorCode::Internal, why);
        let list =
            list_of(args).map_err(|error| internal(format!("the arguments do not serialise: {error}")))?;
        let args = Args::of_list(&list, DEPTH_MAX)
            .map_err(|error| internal(format!("the arguments are no list: {error}")))?;
        check_event(event).map_err(|error| internal(error.to_string()))?;
        let channel = parse(&self.channel)?;
        let is_list = args.len() != 1;
        let data = if is_list { list.as_str() } else { args.inner() };
        let mut message = Message::new(channel, Cow::Owned(event.to_owned()), data);
        message.args = is_list;
        Ok((self.node.clone(), self.complete(message)))
    }

    fn complete(self, mut message: Message) -> Message {
        message.exclude = self.exclude;
        message.exclude.extend(self.sender.iter().map(|sender| sender.session));
        message.sender = self.sender;
        message.key = self.key;
        message.except = (!self.except.is_empty()).then(|| self.except.into());
        message
    }

    /// What makes publications replace each other for a slow subscriber under `latest_per_key`.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Publishes. It is the server's act: no rule and no limit of clients is asked. Waits up to 2 s while
    /// the node is overloaded, and is then `unavailable`.
    pub async fn publish<E: Event>(self, event: &E) -> Result<Published, Rejection> {
        let data = serde_json::to_string(event).map_err(|error| {
            Rejection::new(ErrorCode::Internal, format!("the event does not serialise: {error}"))
        })?;
        let name = event.name();
        if is_reserved(&name) && name != "message" {
            let reserved = format!("{name:?} is a name of the protocol");
            return Err(Rejection::new(ErrorCode::Internal, reserved));
        }
        let message = Message::new(parse(&self.channel)?, name, &data);
        let node = self.node.clone();
        node.publish(self.complete(message)).await
    }
}

/// Arguments as a JSON list: `()` is none.
pub fn list_of(args: &impl Serialize) -> Result<String, serde_json::Error> {
    let list = serde_json::to_string(args)?;
    Ok(if list == "null" { "[]".to_owned() } else { list })
}

fn parse(channel: &str) -> Result<ChannelName, Rejection> {
    ChannelName::parse(channel)
        .map_err(|error| Rejection::new(ErrorCode::BadRequest, error.to_string()).field("channel"))
}
