//! What a user's devices see of the inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use veche_kernel::Event;
use veche_store::Error;

/// How far a notification has come with its user. It only ever goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Counted in the badge.
    Unseen,
    /// Shown in the list, and not opened.
    Seen,
    /// Opened.
    Read,
    /// Put away.
    Archived,
}

impl State {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Unseen => 0,
            Self::Seen => 1,
            Self::Read => 2,
            Self::Archived => 3,
        }
    }

    pub(super) fn of(number: i64) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::Unseen),
            1 => Ok(Self::Seen),
            2 => Ok(Self::Read),
            3 => Ok(Self::Archived),
            other => Err(Error::Corrupt(format!("{other} is no state of a notification"))),
        }
    }
}

/// A notification in the inbox; also the event that announces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in this user's inbox; a later one is larger.
    pub id: u64,
    /// What it is about, a word of the application's.
    pub kind: String,
    /// What makes several of a kind one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Who did it: the latest first, at most 5.
    pub actors: Vec<String>,
    /// How many did it, or how often it happened where nobody did; 1 at least.
    pub count: u64,
    /// What it was done to, a word of the application's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What its text is made of.
    pub text: BTreeMap<String, String>,
    /// When it happened last, ms since 1970.
    pub at_ms: u64,
    /// How far it has come.
    pub state: State,
    /// The entry that is gone because this one says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
}

impl Event for Entry {
    const NAME: &'static str = "notification";
}

/// The counters of an inbox. Of two, the one with the larger `v` is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// The badge: what was never shown.
    pub unseen: u64,
    /// What was not opened, shown or not.
    pub unread: u64,
    /// The version: grows with each change of the inbox.
    pub v: u64,
}

impl Event for Counters {
    const NAME: &'static str = "counters";
}
