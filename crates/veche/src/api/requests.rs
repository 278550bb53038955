//! Bodies of requests. Their schemas are the document's, and their bounds are looked at where they are used.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Scope;

/// The most channels of a broadcast.
pub(super) const BROADCAST_MAX: usize = 1_000;
/// The most operations of a batch.
pub(super) const BATCH_MAX: usize = 128;
/// The most entries of a page, of publications and of anything else.
pub(super) const HISTORY_MAX: usize = 100;
pub(super) const PAGE_MAX: usize = 1_000;
/// The longest that a key may hold, in seconds: a hundred years.
pub(super) const TTL_MAX_S: u64 = 3_153_600_000;
/// The largest number that every reader of JSON keeps whole.
pub(super) const INTEGER_MAX: u64 = (1 << 53) - 1;

/// What a text's characters may be; its bytes are for the reader.
macro_rules! printable {
    () => {
        r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
    };
}

/// The same for names of channels and users; bytes and NFC are for the reader.
macro_rules! name_schema {
    () => {
        r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029*]+$"
    };
}

/// Publishes in one channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "channel": "news:today", "event": "new_post", "data": { "title": "Tea" } }))]
pub(super) struct Publish {
    /// The channel.
    #[schemars(length(min = 1, max = 255), regex(pattern = name_schema!()))]
    pub(super) channel: String,
    /// The event's name; `message` if it is left out. A name of the protocol is refused.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) event: Option<String>,
    /// The payload, any JSON.
    #[schemars(with = "serde_json::Value")]
    pub(super) data: Box<RawValue>,
    /// A name for the operation: within the channel's window the same name publishes once.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) op_id: Option<String>,
    /// What makes publications replace each other for a slow subscriber under `latest_per_key`.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) key: Option<String>,
}

/// Publishes the same in many channels. Each is answered for itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "channels": ["user:ann", "user:bob"], "event": "notification", "data": { "text": "Tea" } }))]
pub(super) struct Broadcast {
    /// The channels, 1 to 1,000.
    #[schemars(length(min = 1, max = 1000))]
    pub(super) channels: Vec<String>,
    /// The event's name; `message` if it is left out. A name of the protocol is refused.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) event: Option<String>,
    /// The payload, any JSON.
    #[schemars(with = "serde_json::Value")]
    pub(super) data: Box<RawValue>,
    /// A name for the operation, in each of the channels.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) op_id: Option<String>,
    /// What makes publications replace each other for a slow subscriber under `latest_per_key`.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) key: Option<String>,
}

/// Asks who is in a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "channel": "news:today" }))]
pub(super) struct Presence {
    /// The channel.
    #[schemars(length(min = 1, max = 255), regex(pattern = name_schema!()))]
    pub(super) channel: String,
}

/// Asks for a part of what a channel retains: the newest first, or from `after` on the oldest first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "channel": "news:today", "limit": 20 }))]
pub(super) struct HistoryOf {
    /// The channel.
    #[schemars(length(min = 1, max = 255), regex(pattern = name_schema!()))]
    pub(super) channel: String,
    /// Only what is older than this offset, newest first.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub(super) before: Option<u64>,
    /// Only what is newer than this offset, oldest first. Not beside `before`.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub(super) after: Option<u64>,
    /// At most so many; 100 if it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub(super) limit: Option<u64>,
}

/// Ends a user's connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "user": "ann" }))]
pub(super) struct Disconnect {
    /// The user's id.
    #[schemars(length(min = 1, max = 128), regex(pattern = name_schema!()))]
    pub(super) user: String,
    /// The close code; 3503 if it is left out. After 3503 (kicked) and 3500 (invalid token) clients stay away,
    /// after 3005 (token expired) they come back with a new token.
    #[schemars(extend("enum" = [3005, 3500, 3503, null]))]
    pub(super) code: Option<u64>,
    /// The session that stays, by its public id.
    #[schemars(length(min = 1, max = 16))]
    pub(super) except: Option<String>,
}

/// Revokes a user's credentials, or one token. Give one of the two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "user": "ann" }))]
pub(super) struct Revoke {
    /// The user whose credentials of until now are refused: tokens, tickets and sign-ins.
    #[schemars(length(min = 1, max = 128), regex(pattern = name_schema!()))]
    pub(super) user: Option<String>,
    /// The token's own id, its `jti`.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) token: Option<String>,
}

/// Subscribes a user's connections to a channel, or ends their subscriptions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "user": "ann", "channel": "news:today" }))]
pub(super) struct Subscribe {
    /// The user's id.
    #[schemars(length(min = 1, max = 128), regex(pattern = name_schema!()))]
    pub(super) user: String,
    /// The channel.
    #[schemars(length(min = 1, max = 255), regex(pattern = name_schema!()))]
    pub(super) channel: String,
}

/// Lists the channels with subscribers, by name; only those that the key's scopes name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "prefix": "news:", "limit": 100 }))]
pub(super) struct Channels {
    /// Only names that begin so.
    #[schemars(length(max = 255))]
    pub(super) prefix: Option<String>,
    /// Where the last page ended, as it said.
    #[schemars(length(min = 1, max = 255))]
    pub(super) cursor: Option<String>,
    /// At most so many; 100 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: Option<u64>,
}

/// Asks for the node's figures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({}))]
pub(super) struct Standing {}

/// One operation of a batch: its name, and its body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// See `/api/v1/publish`.
    Publish(Publish),
    /// See `/api/v1/broadcast`.
    Broadcast(Broadcast),
    /// See `/api/v1/presence`.
    Presence(Presence),
    /// See `/api/v1/history`.
    History(HistoryOf),
    /// See `/api/v1/disconnect`.
    Disconnect(Disconnect),
    /// See `/api/v1/revoke`.
    Revoke(Revoke),
    /// See `/api/v1/subscribe`.
    Subscribe(Subscribe),
    /// See `/api/v1/unsubscribe`.
    Unsubscribe(Subscribe),
    /// See `/api/v1/channels`.
    Channels(Channels),
    /// See `/api/v1/info`.
    Info(Standing),
}

/// Does several operations one after the other; each is answered for itself, in their order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "operations": [{ "publish": { "channel": "news:today", "data": 1 } }, { "info": {} }] }))]
pub(super) struct Batch {
    /// 1 to 128 operations, such as `{"publish": {…}}`. A bad one gets its own error.
    #[schemars(with = "Vec<serde_json::Value>", length(min = 1, max = 128))]
    pub(super) operations: Vec<Box<RawValue>>,
}

/// Makes a key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "name": "back end", "scopes": ["publish:news:*"], "ttl_s": 2_592_000 }))]
pub(super) struct MakeKey {
    /// What people call it.
    #[schemars(length(min = 1, max = 128), regex(pattern = printable!()))]
    pub(super) name: String,
    /// What it may do; no more than the key that makes it.
    #[schemars(length(min = 1, max = 64))]
    pub(super) scopes: Vec<Scope>,
    /// How long it holds, in seconds; for ever if it is left out.
    #[schemars(range(min = 1, max = 3_153_600_000_u64))]
    pub(super) ttl_s: Option<u64>,
}
