//! What each operation does, once its key was read.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use veche_kernel::{
    ChannelName, CloseCode, ErrorCode, Post, Range, Rejection, Revocation, SessionId, TokenId, UserId,
    web::read_json,
};

use super::{
    Right, audit,
    grant::Grant,
    requests::{
        BATCH_MAX, BROADCAST_MAX, Batch, Broadcast, Channels, Disconnect, HISTORY_MAX, HistoryOf,
        INTEGER_MAX, Operation, PAGE_MAX, Presence, Publish, Revoke, Subscribe,
    },
    responses::{
        Batched, Broadcasted, ChannelsPage, CredentialsRevoked, Failed, HistoryPage, NodeFigures, Occupied,
        Published, Roster, Sessions,
    },
};

/// Publications of one broadcast under way at a time.
const BROADCAST_WIDTH: usize = 64;

pub(super) type Answer = Result<Box<RawValue>, Rejection>;

impl Operation {
    const fn name(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish",
            Self::Broadcast(_) => "broadcast",
            Self::Presence(_) => "presence",
            Self::History(_) => "history",
            Self::Disconnect(_) => "disconnect",
            Self::Revoke(_) => "revoke",
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Channels(_) => "channels",
            Self::Info(_) => "info",
        }
    }

    /// What it is about, for the audit log: a name that was checked, or nothing.
    fn subject(&self) -> String {
        let checked =
            |name: &str| ChannelName::parse(name).map_or_else(|_| "?".into(), |name| name.to_string());
        match self {
            Self::Publish(Publish { channel, .. })
            | Self::Presence(Presence { channel })
            | Self::History(HistoryOf { channel, .. }) => checked(channel),
            Self::Broadcast(Broadcast { channels, .. }) => format!("{} channels", channels.len()),
            Self::Disconnect(Disconnect { user, .. }) | Self::Revoke(Revoke { user: Some(user), .. }) => {
                checked(user)
            }
            Self::Revoke(_) => "a token".to_owned(),
            Self::Subscribe(Subscribe { user, channel }) | Self::Unsubscribe(Subscribe { user, channel }) => {
                format!("{} {}", checked(channel), checked(user))
            }
            Self::Channels(_) | Self::Info(_) => String::new(),
        }
    }

    /// Does it, and writes it down.
    pub(super) async fn perform(self, grant: &Grant) -> Answer {
        let (name, subject) = (self.name(), self.subject());
        let answer = self.act(grant).await;
        audit::line(&grant.key.id, name, &subject, &answer);
        answer
    }

    async fn act(self, grant: &Grant) -> Answer {
        match self {
            Self::Publish(publish) => json(&publish.act(grant).await?),
            Self::Broadcast(broadcast) => json(&broadcast.act(grant).await?),
            Self::Presence(Presence { channel }) => {
                let channel = channel_of(grant, Right::Presence, &channel)?;
                json(&Roster::from(grant.kernel.presence(&channel)))
            }
            Self::History(history) => json(&history.act(grant).await?),
            Self::Disconnect(disconnect) => json(&disconnect.act(grant)?),
            Self::Revoke(revoke) => json(&revoke.act(grant).await?),
            Self::Subscribe(Subscribe { user, channel }) => {
                let channel = channel_of(grant, Right::Subscribe, &channel)?;
                let sessions = grant.kernel.subscribe(&user_of(&user)?, &channel).await?;
                json(&Sessions { sessions })
            }
            Self::Unsubscribe(Subscribe { user, channel }) => {
                let channel = channel_of(grant, Right::Subscribe, &channel)?;
                let sessions = grant.kernel.unsubscribe(&user_of(&user)?, &channel).await;
                json(&Sessions { sessions })
            }
            Self::Channels(channels) => json(&channels.act(grant)?),
            Self::Info(_) => json(&figures(grant)?),
        }
    }
}

impl Publish {
    async fn act(self, grant: &Grant) -> Result<Published, Rejection> {
        let channel = channel_of(grant, Right::Publish, &self.channel)?;
        let post =
            post(channel, &self.data, self.event.as_deref(), self.op_id.as_deref(), self.key.as_deref())?;
        Ok(grant.kernel.post(post).await?.into())
    }
}

impl Broadcast {
    async fn act(self, grant: &Grant) -> Result<Broadcasted, Rejection> {
        if !(1..=BROADCAST_MAX).contains(&self.channels.len()) {
            let message = format!("a broadcast has 1 to {BROADCAST_MAX} channels");
            let code = if self.channels.is_empty() { ErrorCode::BadRequest } else { ErrorCode::TooLarge };
            return Err(Rejection::new(code, message).field("channels"));
        }
        let (event, op_id, key) = (self.event.as_deref(), self.op_id.as_deref(), self.key.as_deref());
        // The channel is another in each post, and checked there.
        let anywhere = ChannelName::parse("-").map_err(|_| Rejection::forbidden())?;
        let post = post(anywhere, &self.data, event, op_id, key)?;
        let each = |(at, name): (usize, String)| {
            let post = &post;
            async move {
                let published = async {
                    let channel = channel_of(grant, Right::Publish, &name)?;
                    if at > 0 {
                        grant.take()?;
                    }
                    json(&Published::from(grant.kernel.post(post.to(channel)).await?))
                };
                settled(published.await.map_err(|rejection| match rejection.wrong_field() {
                    Some("channel") => rejection.field(format!("channels[{at}]")),
                    _ => rejection,
                }))
            }
        };
        let results = stream::iter(self.channels.into_iter().enumerate().map(each));
        Ok(Broadcasted { results: results.buffered(BROADCAST_WIDTH).collect().await })
    }
}

impl HistoryOf {
    async fn act(self, grant: &Grant) -> Result<HistoryPage, Rejection> {
        let channel = channel_of(grant, Right::History, &self.channel)?;
        let range = match (self.before, self.after) {
            (Some(_), Some(_)) => return Err(wrong("before", "before and after exclude each other")),
            (Some(before), None) => Range::Before(Some(offset("before", before)?)),
            (None, Some(after)) => Range::After(offset("after", after)?),
            (None, None) => Range::Before(None),
        };
        let limit = limit(self.limit, HISTORY_MAX, HISTORY_MAX)?;
        Ok(HistoryPage::of(&grant.kernel.history(&channel, range, limit).await?, limit))
    }
}

impl Disconnect {
    fn act(self, grant: &Grant) -> Result<Sessions, Rejection> {
        grant.may(Right::Disconnect, None)?;
        let user = user_of(&self.user)?;
        let code = match self.code {
            None | Some(3503) => CloseCode::Kicked,
            Some(3500) => CloseCode::InvalidToken,
            Some(3005) => CloseCode::TokenExpired,
            Some(_) => return Err(wrong("code", "the code is 3005, 3500 or 3503")),
        };
        let session = |text: String| {
            SessionId::parse(&text).ok_or_else(|| wrong("except", "it is no session's public id"))
        };
        let except = self.except.map(session).transpose()?;
        Ok(Sessions { sessions: grant.kernel.disconnect(&user, code, except) })
    }
}

impl Revoke {
    async fn act(self, grant: &Grant) -> Result<CredentialsRevoked, Rejection> {
        grant.may(Right::Revoke, None)?;
        let time_ms = grant.kernel.clock().wall_ms();
        let what = match (self.user, self.token) {
            (Some(user), None) => Revocation::User(user_of(&user)?, time_ms),
            (None, Some(token)) => {
                let long = format!("it has at most {} bytes and no control characters", TokenId::MAX_BYTES);
                Revocation::Token(TokenId::parse(&token).ok_or_else(|| wrong("token", long))?)
            }
            _ => return Err(wrong("user", "give the user or the token, and not both")),
        };
        grant.kernel.revoke(what).await?;
        Ok(CredentialsRevoked { time_ms })
    }
}

impl Channels {
    fn act(self, grant: &Grant) -> Result<ChannelsPage, Rejection> {
        if !grant.key.scopes.iter().any(|scope| scope.right() == Right::Channels) {
            grant.may(Right::Channels, None)?;
        }
        let limit = limit(self.limit, PAGE_MAX, HISTORY_MAX)?;
        let prefix = self.prefix.unwrap_or_default();
        if prefix.chars().count() > 255 {
            return Err(wrong("prefix", "no name is as long"));
        }
        if let Some(cursor) = &self.cursor {
            ChannelName::parse(cursor).map_err(|error| wrong("cursor", error.to_string()))?;
        }
        let passes = |name: &str| name.starts_with(&prefix) && grant.key.allows(Right::Channels, Some(name));
        let page = grant.kernel.occupied(self.cursor.as_deref(), limit, passes);
        let occupied = |it: veche_kernel::Occupied| Occupied {
            channel: it.channel.to_string(),
            subscribers: it.subscribers,
        };
        let cursor = page.next.map(|next| next.to_string());
        Ok(ChannelsPage { channels: page.channels.into_iter().map(occupied).collect(), cursor })
    }
}

impl Batch {
    /// Does one operation after the other. The request itself has paid for the first.
    pub(super) async fn perform(self, grant: &Grant) -> Result<Batched, Rejection> {
        if !(1..=BATCH_MAX).contains(&self.operations.len()) {
            let message = format!("a batch has 1 to {BATCH_MAX} operations");
            let code = if self.operations.is_empty() { ErrorCode::BadRequest } else { ErrorCode::TooLarge };
            return Err(Rejection::new(code, message).field("operations"));
        }
        let mut results = Vec::with_capacity(self.operations.len());
        for (at, operation) in self.operations.iter().enumerate() {
            let paid = if at > 0 { grant.take() } else { Ok(()) };
            let answer = match paid.and_then(|()| read_operation(operation.get().as_bytes())) {
                Ok(operation) => operation.perform(grant).await,
                Err(rejection) => Err(rejection),
            };
            results.push(settled(answer));
        }
        Ok(Batched { results })
    }
}

fn figures(grant: &Grant) -> Result<NodeFigures, Rejection> {
    grant.may(Right::Info, None)?;
    let kernel = &grant.kernel;
    Ok(NodeFigures {
        node: kernel.name().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        shards: kernel.shards(),
        sessions: kernel.sessions(),
        channels: kernel.channels(),
        uptime_ms: kernel.clock().now_ms(),
        time_ms: kernel.clock().wall_ms(),
        draining: kernel.is_draining(),
    })
}

fn post(
    channel: ChannelName,
    data: &RawValue,
    event: Option<&str>,
    op_id: Option<&str>,
    key: Option<&str>,
) -> Result<Post, Rejection> {
    let mut post = Post::new(channel, data.get());
    if let Some(event) = event {
        post = post.event(event)?;
    }
    if let Some(op_id) = op_id {
        post = post.op_id(op_id)?;
    }
    match key {
        Some(key) => post.key(key),
        None => Ok(post),
    }
}

/// The channel, if a scope names it.
fn channel_of(grant: &Grant, right: Right, name: &str) -> Result<ChannelName, Rejection> {
    let channel = ChannelName::parse(name).map_err(|error| wrong("channel", error.to_string()))?;
    grant.may(right, Some(&channel))?;
    Ok(channel)
}

fn user_of(id: &str) -> Result<UserId, Rejection> {
    // Ids are as names of channels are, and shorter: `user:<id>` is one.
    let checked = ChannelName::parse(id).map_err(|error| wrong("user", error.to_string()))?;
    if checked.len() > 128 {
        return Err(wrong("user", "a user's id has at most 128 bytes"));
    }
    Ok(UserId::from(checked.as_str()))
}

fn offset(field: &'static str, value: u64) -> Result<u64, Rejection> {
    if value > INTEGER_MAX { Err(wrong(field, "it is below 2^53")) } else { Ok(value) }
}

pub(super) fn limit(asked: Option<u64>, most: usize, default: usize) -> Result<usize, Rejection> {
    let limit = asked.map_or(Ok(default), usize::try_from).unwrap_or(usize::MAX);
    if (1..=most).contains(&limit) { Ok(limit) } else { Err(wrong("limit", format!("it is 1 to {most}"))) }
}

/// Reads an object. The parser alone would also take its values in a list.
pub(super) fn read_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, Rejection> {
    match json.trim_ascii_start().first() {
        Some(b'{') => read_json(json),
        _ => Err(Rejection::new(ErrorCode::BadRequest, "a JSON object is expected")),
    }
}

/// Reads an operation of a batch, whose body is an object as it is where it stands alone.
fn read_operation(json: &[u8]) -> Result<Operation, Rejection> {
    let bodies: BTreeMap<Box<str>, Box<RawValue>> = read_object(json)?;
    match bodies.iter().find(|(_, body)| !body.get().starts_with('{')) {
        Some((name, _)) => {
            Err(Rejection::new(ErrorCode::BadRequest, "a JSON object is expected").field(name.to_string()))
        }
        None => read_object(json),
    }
}

pub(super) fn wrong(field: &'static str, why: impl Into<std::borrow::Cow<'static, str>>) -> Rejection {
    Rejection::new(ErrorCode::BadRequest, why).field(field)
}

/// An answer among others: the error takes the place of what failed.
fn settled(answer: Answer) -> Box<RawValue> {
    let failed = |rejection| json(&Failed::of(&rejection));
    answer.or_else(failed).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

pub(super) fn json<T: Serialize>(value: &T) -> Answer {
    to_raw_value(value).map_err(|error| {
        tracing::error!(%error, "a response does not serialise");
        Rejection::new(ErrorCode::Internal, "the response does not serialise")
    })
}
