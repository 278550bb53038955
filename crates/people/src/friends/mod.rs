//! Friends: asked, accepted, refused, removed, blocked; for all applications.
//!
//! [`module`] gives the calls `friends.*` (see `docs/people.md`). Applications ask [`friends_of`],
//! [`are_friends`] and [`blocked_between`] within their own transactions, so that what they decide by it is of
//! the same moment. Deliberately absent: finding people, which is the accounts' matter; a user is known here
//! by id alone, and whether there is such a user is not asked.

mod events;
mod handlers;
mod lists;
mod rules;
mod store;

pub use events::{FriendAccepted, FriendAsked, FriendBlocked, FriendRemoved, FriendUnblocked};
pub(crate) use handlers::migrate;
pub use handlers::module;
pub use rules::Relation;
pub use store::{FRIENDS_MAX, FriendsError, are_friends, blocked_between, friends_of, relation};
