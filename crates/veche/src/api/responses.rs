//! Bodies of responses. Their schemas are the document's.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use veche_kernel::{Posted, Rejection, broker::History};

use super::{Key, KeyText, Scope};

/// A place in a channel's order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Position {
    /// The numbering.
    epoch: String,
    /// The number.
    offset: u64,
}

/// A publication was made, or had been.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Published {
    /// The class of the channel, whose condition holds: `ephemeral`, `memory` or `durable`.
    class: &'static str,
    /// Where it stands; not on an ephemeral channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// The `op_id` had been used: nothing was published, and the position is the first one's.
    duplicate: bool,
}

/// What became of a broadcast, in the order of its channels.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Broadcasted {
    /// For each channel what a publication is answered, or an `error`.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub(super) results: Vec<Box<RawValue>>,
}

/// A member of a channel.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Member {
    user: String,
    /// How many of their sessions are visible.
    sessions: u32,
    /// What they said of themselves last: `active`, `idle` or `dnd`.
    state: &'static str,
    /// What else they said of themselves.
    #[schemars(with = "Option<serde_json::Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Box<RawValue>>,
}

/// Who is in a channel, on this node.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Roster {
    /// The number of the last change.
    revision: u64,
    /// How many there are.
    count: usize,
    /// All of them by user; `null` where they are more than 200.
    members: Option<Vec<Member>>,
}

/// A part of what a channel retains.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HistoryPage {
    /// The publications as subscribers got them.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    publications: Vec<Box<RawValue>>,
    /// The channel's newest position; not on an ephemeral channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    /// The `before`, or the `after`, of the next page; `null` where this page is the last.
    next: Option<u64>,
}

/// How many connections it was about.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sessions {
    pub(super) sessions: usize,
}

/// Credentials whose revocation is kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CredentialsRevoked {
    /// When it was made, ms since 1970: what was issued before is refused.
    pub(super) time_ms: u64,
}

/// A channel with subscribers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Occupied {
    pub(super) channel: String,
    /// How many sessions of this node are subscribed.
    pub(super) subscribers: u32,
}

/// A part of the list of channels.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChannelsPage {
    pub(super) channels: Vec<Occupied>,
    /// The `cursor` of the next page; `null` where this page is the last.
    pub(super) cursor: Option<String>,
}

/// The node's figures.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NodeFigures {
    pub(super) node: String,
    pub(super) version: &'static str,
    pub(super) shards: usize,
    pub(super) sessions: usize,
    /// Channels that somebody on this node is interested in.
    pub(super) channels: usize,
    pub(super) uptime_ms: u64,
    /// The node's wall clock, ms since 1970.
    pub(super) time_ms: u64,
    /// The node lets its clients go and ends.
    pub(super) draining: bool,
}

/// What became of a batch, in the order of its operations.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Batched {
    /// For each operation its answer, or an `error`.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub(super) results: Vec<Box<RawValue>>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeyView {
    pub(super) id: String,
    name: String,
    scopes: Vec<Scope>,
    /// When it was made, ms since 1970.
    created_ms: u64,
    /// When it ends, ms since 1970; `null` = never.
    expires_ms: Option<u64>,
    /// The whole key, for `Authorization: Bearer`. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// A part of the list of keys.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeysPage {
    pub(super) keys: Vec<KeyView>,
    /// The `cursor` of the next page; `null` where this page is the last.
    pub(super) cursor: Option<String>,
}

/// A key was revoked.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Revoked {
    pub(super) revoked: bool,
}

/// Why a request failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failed {
    error: Failure,
}

/// The reason, for programs and for people.
#[derive(Debug, Serialize, JsonSchema)]
struct Failure {
    /// A word for programs.
    code: String,
    /// A sentence for people.
    message: String,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// When to try again, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Position {
    fn of(position: veche_kernel::Position) -> Self {
        Self { epoch: position.epoch.to_string(), offset: position.offset }
    }
}

impl From<Posted> for Published {
    fn from(posted: Posted) -> Self {
        let position = posted.published.position.map(Position::of);
        Self { class: posted.class.as_str(), position, duplicate: posted.published.duplicate }
    }
}

impl From<veche_kernel::Presence> for Roster {
    fn from(presence: veche_kernel::Presence) -> Self {
        let member = |member: veche_kernel::Member| Member {
            user: member.user.to_string(),
            sessions: member.sessions,
            state: member.state.as_str(),
            meta: member.meta.and_then(|meta| RawValue::from_string(meta.to_string()).ok()),
        };
        let members = presence.members.map(|members| members.into_iter().map(member).collect());
        Self { revision: presence.revision, count: presence.count, members }
    }
}

impl HistoryPage {
    /// A page that was asked for with this limit.
    pub(super) fn of(history: &History, limit: usize) -> Self {
        let json = |publication: &std::sync::Arc<veche_kernel::Publication>| {
            RawValue::from_string(publication.to_json()).ok()
        };
        let head = history.head;
        // A page may also end early, by its bytes; then the channel's ends tell whether there is more.
        let last = history.publications.last().and_then(|last| last.position).map(|last| last.offset);
        let is_end = |offset: u64| {
            history.publications.len() < limit
                && head.is_none_or(|head| offset == head.offset || offset <= head.floor + 1)
        };
        Self {
            publications: history.publications.iter().filter_map(json).collect(),
            position: head
                .map(|head| Position::of(veche_kernel::Position { epoch: head.epoch, offset: head.offset })),
            next: last.filter(|last| !is_end(*last)),
        }
    }
}

impl KeyView {
    pub(super) fn of(key: &Key, text: Option<&KeyText>) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            created_ms: key.created_ms,
            expires_ms: Some(key.expires_ms).filter(|at| *at > 0),
            key: text.map(ToString::to_string),
        }
    }
}

impl Failed {
    pub(super) fn of(rejection: &Rejection) -> Self {
        let error = Failure {
            code: rejection.code().as_str().to_owned(),
            message: rejection.message().to_owned(),
            field: rejection.wrong_field().map(str::to_owned),
            retry_after_ms: rejection.retry_after(),
        };
        Self { error }
    }
}
