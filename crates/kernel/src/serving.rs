//! What servers do on a node, through a [`Kernel`]: publish, look, disconnect, subscribe others.
//!
//! It is the server's act: no rule of a channel and no limit of clients is asked. Whoever offers it to others,
//! as the HTTP door does, decides for itself who may.

use std::{borrow::Cow, collections::BinaryHeap, fmt, sync::Arc};

use tokio::sync::oneshot;
use veche_protocol::{
    client::{PresenceState, Range, is_reserved},
    code::{CloseCode, ErrorCode},
    json::{DEPTH_MAX, check_depth, check_surrogates},
    name::{self, ChannelName},
};

use crate::{
    broker::{History, HistoryQuery, Published},
    framed::publication_text,
    inbox::{Entry, SessionKey, lock},
    joining::Join,
    kernel::Kernel,
    node::Message,
    presence::MemberView,
    publication::{Publication, SessionId, UserId},
    reply::Rejection,
    rules::Class,
};

/// Payload bytes of one page of history.
const HISTORY_BYTES: usize = 1 << 20;

/// A publication that a server wants made, with its payload as raw JSON.
///
/// ```
/// use veche_kernel::{ChannelName, Kernel, Post};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let kernel = Kernel::builder().shards(1).build()?;
/// let post = Post::new(ChannelName::parse("news:today")?, "{\"title\":\"Tea\"}").event("new_post")?;
/// kernel.post(post).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is published before `Kernel::post`"]
pub struct Post {
    channel: ChannelName,
    event: Cow<'static, str>,
    data: Arc<str>,
    op_id: Option<Box<str>>,
    key: Option<Box<str>>,
}

impl Post {
    /// A publication named `message`. `data` has to be JSON.
    pub fn new(channel: ChannelName, data: impl Into<Arc<str>>) -> Self {
        Self { channel, event: Cow::Borrowed("message"), data: data.into(), op_id: None, key: None }
    }

    /// Names it otherwise.
    pub fn event(mut self, event: &str) -> Result<Self, Rejection> {
        let wrong = |why| Rejection::new(ErrorCode::BadRequest, why).field("event");
        name::check_event(event).map_err(|error| wrong(error.to_string()))?;
        if is_reserved(event) && event != "message" {
            return Err(wrong(format!("{event:?} is a name of the protocol")));
        }
        self.event = Cow::Owned(event.to_owned());
        Ok(self)
    }

    /// Names the operation: within the channel's window the same name publishes once.
    pub fn op_id(mut self, op_id: &str) -> Result<Self, Rejection> {
        let wrong = |error: name::InvalidName| Rejection::new(ErrorCode::BadRequest, error.to_string());
        name::check_event(op_id).map_err(|error| wrong(error).field("op_id"))?;
        self.op_id = Some(op_id.into());
        Ok(self)
    }

    /// What makes publications replace each other for a slow subscriber under `latest_per_key`.
    pub fn key(mut self, key: &str) -> Result<Self, Rejection> {
        let wrong = |error: name::InvalidName| Rejection::new(ErrorCode::BadRequest, error.to_string());
        name::check_event(key).map_err(|error| wrong(error).field("key"))?;
        self.key = Some(key.into());
        Ok(self)
    }

    /// The same for another channel; the payload is shared.
    pub fn to(&self, channel: ChannelName) -> Self {
        Self { channel, ..self.clone() }
    }

    /// What clients would refuse must not reach them.
    fn check(&self) -> Result<(), Rejection> {
        let wrong = |why: String| Rejection::new(ErrorCode::BadRequest, why).field("data");
        // The frame around it is a level, too.
        check_depth(&self.data, DEPTH_MAX - 1).map_err(|error| wrong(error.to_string()))?;
        check_surrogates(&self.data).map_err(|error| wrong(error.to_string()))
    }
}

/// What became of a [`Post`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// The class whose condition holds.
    pub class: Class,
    /// Where it stands, and whether it was there before.
    pub published: Published,
}

/// Who is in a channel, on this node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// The number of the last visible change.
    pub revision: u64,
    /// How many members are visible.
    pub count: usize,
    /// All of them, by user id; `None` where they are too many to be listed.
    pub members: Option<Vec<Member>>,
}

/// A member of a channel, as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// How many of their sessions are visible.
    pub sessions: u32,
    /// What they said of themselves last.
    pub state: PresenceState,
    /// Their raw JSON.
    pub meta: Option<Arc<str>>,
}

/// A channel that somebody on this node is interested in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occupied {
    /// Its name.
    pub channel: ChannelName,
    /// How many sessions are subscribed.
    pub subscribers: u32,
}

/// A part of the list of channels, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OccupiedPage {
    /// The channels.
    pub channels: Vec<Occupied>,
    /// After which name the rest begins; `None` at the end.
    pub next: Option<ChannelName>,
}

impl Kernel {
    /// The node's name, as `welcome` tells it.
    pub fn name(&self) -> &str {
        &self.node.name
    }

    /// Whether channels of this class keep their past.
    pub fn class(&self, channel: &ChannelName) -> Class {
        self.node.class(channel)
    }

    /// Publishes. Answers when the channel's class has its condition; waits up to 2 s while the node is
    /// overloaded, and is then `unavailable`.
    pub async fn post(&self, post: Post) -> Result<Posted, Rejection> {
        post.check()?;
        let class = self.node.class(&post.channel);
        let Post { channel, event, data, op_id, key } = post;
        let message = Message { data, op_id, key, ..Message::new(channel, event, "") };
        let published = self.node.publish(message).await?;
        Ok(Posted { class, published })
    }

    /// A part of what a channel retains, with the head of its numbering.
    pub async fn history(
        &self,
        channel: &ChannelName,
        range: Range,
        limit: usize,
    ) -> Result<History, Rejection> {
        let query = HistoryQuery { range, until: u64::MAX, limit, bytes: HISTORY_BYTES };
        self.node.history(channel, query).await
    }

    /// Who is in a channel. Nobody is in one whose namespace has no presence.
    pub fn presence(&self, channel: &ChannelName) -> Presence {
        let nobody = || Presence { members: Some(Vec::new()), ..Presence::default() };
        let Some(channel) = self.node.routes.find(channel) else { return nobody() };
        let record = lock(&channel.record);
        record.roster.as_ref().map_or_else(nobody, |roster| {
            let seen = roster.look();
            let members = seen.members.map(|members| members.into_iter().map(Member::from).collect());
            Presence { revision: seen.revision, count: seen.count, members }
        })
    }

    /// The channels that somebody on this node is interested in, whose names come after `after` and pass:
    /// the first `limit` of them by name.
    pub fn occupied(
        &self,
        after: Option<&str>,
        limit: usize,
        mut passes: impl FnMut(&str) -> bool,
    ) -> OccupiedPage {
        let mut first = BinaryHeap::new();
        self.node.routes.each(|channel, subscribers| {
            let is_next = after.is_none_or(|after| channel.as_str() > after);
            if is_next && subscribers > 0 && passes(channel) {
                first.push(Occupied { channel: channel.clone(), subscribers });
                // One more than asked for tells that there is more.
                if first.len() > limit.saturating_add(1) {
                    first.pop();
                }
            }
        });
        let mut channels = first.into_sorted_vec();
        let more = channels.len() > limit;
        channels.truncate(limit);
        let last = channels.last().map(|last| last.channel.clone());
        OccupiedPage { channels, next: last.filter(|_| more) }
    }

    /// Ends a user's connections but one; how many there were. By the code's number clients know whether to
    /// come back.
    pub fn disconnect(&self, user: &UserId, code: CloseCode, except: Option<SessionId>) -> usize {
        let ended = self.node.users.sessions(user.as_str()).into_iter().filter(|key| Some(key.id) != except);
        ended.map(|session| self.node.routes.push(session.shard, Entry::Close { session, code })).count()
    }

    /// Subscribes a user's connections to a channel; how many there are. Streams of events carry what they
    /// were opened for, and are left out.
    pub async fn subscribe(&self, user: &UserId, channel: &ChannelName) -> Result<usize, Rejection> {
        let sessions = self.conversing(user).await;
        for session in &sessions {
            self.node.join(Join::of(*session, user.clone(), channel.clone())).await?;
        }
        Ok(sessions.len())
    }

    /// Ends the subscriptions of a user's connections to a channel; how many connections there are.
    pub async fn unsubscribe(&self, user: &UserId, channel: &ChannelName) -> usize {
        let sessions = self.conversing(user).await;
        let Some(record) = self.node.routes.find(channel) else { return 0 };
        sessions.into_iter().map(|session| self.node.leave(session, record.clone(), None)).count()
    }

    /// A user's sessions, but for those that only listen.
    async fn conversing(&self, user: &UserId) -> Vec<SessionKey> {
        let mut answers = Vec::new();
        for key in self.node.users.sessions(user.as_str()) {
            let (answer, answered) = oneshot::channel();
            self.on_shard(key.shard.into(), move |shard| {
                let link = shard.session(key).filter(|link| !link.encoding.only_listens());
                // Whoever asked may have given up.
                let _ = answer.send(link.map(|_| key));
            });
            answers.push(answered);
        }
        let mut sessions = Vec::with_capacity(answers.len());
        for answered in answers {
            sessions.extend(answered.await.ok().flatten());
        }
        sessions
    }
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Self {
        let MemberView { user, sessions, state, meta } = view;
        Self { user, sessions, state, meta }
    }
}

impl Publication {
    /// The publication as subscribers get it: a frame of JSON.
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(self.data.len() + 160);
        publication_text(self, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
