//! A Veche node: shards, channels, sessions, presence, handlers and modules, and the broker port.
//!
//! Applications bring [`Module`]s, doors bring connections (see [`Shard::open`]), brokers implement
//! [`broker::Broker`]. No door, no engine and no database is known here.

mod access;
pub mod broker;
mod call;
mod channels;
mod clock;
mod delivery;
mod events;
mod filling;
mod framed;
mod gathering;
mod grants;
mod handler;
mod handlers;
mod identity;
mod inbox;
mod joining;
mod kernel;
mod limits;
pub mod log;
mod metrics;
mod module;
mod node;
mod once;
mod presence;
mod publication;
mod recovery;
mod reply;
mod requested;
mod revoked;
mod rules;
mod sequencers;
mod serving;
mod session;
mod shard;
#[cfg(feature = "testing")]
pub mod testing;
mod users;
pub mod web;

pub use call::{Args, Call, Channel, Data, Extract, Parameter, State, User};
pub use clock::Clock;
pub use events::Events;
pub use framed::{Encoding, SocketIo, UNPLACED, namespace_of, next_serial, tag_of};
pub use grants::{Grants, GrantsError, InvalidPattern, Rights};
pub use handler::{BoxFuture, Handler, Middleware, Next};
pub use identity::{Authenticate, Identity, SignedIn, TokenId};
pub use kernel::{Builder, Kernel};
pub use limits::{Gcra, Limits, Quota, RetryAfter, SharedGcra};
pub use module::{Ask, BuildError, DEADLINE, Module};
pub use node::Heartbeat;
pub use publication::{Publication, Sender, SessionId, UserId};
pub use reply::{IntoReply, Outcome, Rejection};
pub use requested::{CallRequest, Called};
pub use revoked::{LONGEST_MS, Revocation, Revocations, Revoked};
pub use rules::{
    Audience, Class, Decision, Namespace, Principal, Retain, Right, Rules, RulesError, SlowConsumer,
};
pub use serving::{Member, Occupied, OccupiedPage, Post, Posted, Presence};
pub use session::{Event, Session, Target, list_of};
pub use shard::{Emit, Link, Opening, Shard, Timer, Wire};
pub use veche_protocol::{
    client::{PresenceState, Range},
    code::{CloseCode, ErrorCode},
    name::ChannelName,
    position::{Epoch, Position},
    server::Recovery,
};
