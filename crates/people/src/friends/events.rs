//! What people's devices are told of their friends, on their personal channels.

use serde::{Deserialize, Serialize};
use veche_kernel::Event;

/// Somebody asked to be a friend; both of the two are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendAsked {
    /// Who asked.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// The two are friends from now on; both are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendAccepted {
    /// The new friend.
    pub user: String,
    /// Since when, ms since 1970.
    pub at_ms: u64,
}

/// Somebody is no friend any more, or an ask that was shown is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendRemoved {
    /// The other one.
    pub user: String,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// The user has blocked somebody; only the user's own devices are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendBlocked {
    /// Who is blocked.
    pub user: String,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// The user blocks somebody no longer; only the user's own devices are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendUnblocked {
    /// Who was blocked.
    pub user: String,
    /// When, ms since 1970.
    pub at_ms: u64,
}

impl Event for FriendAsked {
    const NAME: &'static str = "friend.asked";
}

impl Event for FriendAccepted {
    const NAME: &'static str = "friend.accepted";
}

impl Event for FriendRemoved {
    const NAME: &'static str = "friend.removed";
}

impl Event for FriendBlocked {
    const NAME: &'static str = "friend.blocked";
}

impl Event for FriendUnblocked {
    const NAME: &'static str = "friend.unblocked";
}
