//! Who may do what with which channel: namespaces, and the one decision function of all doors.

use std::{sync::Arc, time::Duration};

use hashbrown::HashMap;
use veche_protocol::name::{ChannelName, namespace, split};

use crate::{grants::Grants, identity::Identity, publication::UserId};

/// What a channel promises, and who assigns its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Class {
    /// No position, at most once.
    #[default]
    Ephemeral,
    /// Positions and history in this node's memory.
    Memory,
    /// Positions and history in the log: what was acknowledged is committed.
    Durable,
}

impl Class {
    /// The word in configuration and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Memory => "memory",
            Self::Durable => "durable",
        }
    }
}

/// Who holds a right in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Audience {
    /// No client.
    #[default]
    Nobody,
    /// The signed-in user whose id is what follows `<namespace>:` in the channel's name.
    Owner,
    /// Signed-in users.
    Users,
    /// Guests too.
    Anyone,
}

/// What a client may want to do with a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Receive what it carries.
    Subscribe,
    /// Send a `message` or `typing` to it.
    Publish,
    /// See who is there, and be seen.
    Presence,
    /// Read what it retains.
    History,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Subscribe, Self::Publish, Self::Presence, Self::History];

    /// The word in configuration and in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Presence => "presence",
            Self::History => "history",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == word)
    }
}

/// What happens to a subscriber whose socket refuses too many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SlowConsumer {
    /// Its connection ends with 3008.
    #[default]
    Disconnect,
    /// The oldest waiting publications go.
    DropOldest,
    /// Of the waiting publications with one key only the newest stays.
    LatestPerKey,
}

/// How much of a channel's past is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retain {
    /// Publications.
    pub count: u32,
    /// Age.
    pub ttl: Duration,
    /// Bytes of payload; 0 = no bound.
    pub bytes: usize,
}

impl Default for Retain {
    fn default() -> Self {
        Self { count: 100, ttl: Duration::from_mins(5), bytes: 1 << 20 }
    }
}

/// The rules of the channels whose names begin with `<name>:`; the empty name owns names without `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What stands before the first `:`.
    pub name: String,
    /// The class of its channels.
    pub class: Class,
    /// Who may subscribe.
    pub subscribe: Audience,
    /// Who may publish.
    pub publish: Audience,
    /// Who may see the members.
    pub presence: Audience,
    /// Who may read the history.
    pub history: Audience,
    /// What is retained (class `memory` and above).
    pub retain: Retain,
    /// The most publications that a returning subscriber is sent; more is a `reset`.
    pub replay_limit: u64,
    /// How long an `op_id` is remembered.
    pub dedupe: Duration,
    /// A window in which publications are gathered before they are sent, in ms, at most 5; 0 = none.
    pub coalesce_ms: u8,
    /// What happens to a subscriber that does not read.
    pub slow_consumer: SlowConsumer,
    /// The most subscribers of one channel on a node; 0 = no bound.
    pub max_members: u32,
}

impl Namespace {
    /// What stands before the first `:` of personal channels, whose namespace is the node's own.
    pub const PERSONAL: &str = "user";

    /// The namespace of personal channels: each is durable, keeps 1,000 publications for 30 days, and is
    /// its owner's alone to read.
    pub(crate) fn personal() -> Self {
        let durable = Self::durable(Self::PERSONAL);
        let retain = Retain { count: 1_000, ..durable.retain.clone() };
        Self { subscribe: Audience::Owner, history: Audience::Owner, retain, ..durable }
    }

    /// A durable namespace with its documented defaults: 10,000 publications for 30 days, operations
    /// remembered for 7, and nobody may do anything.
    pub fn durable(name: impl Into<String>) -> Self {
        const DAY: Duration = Duration::from_hours(24);
        let retain = Retain { count: 10_000, ttl: 30 * DAY, bytes: 0 };
        Self { class: Class::Durable, retain, dedupe: 7 * DAY, ..Self::new(name) }
    }

    /// A namespace with the documented defaults: ephemeral, and nobody may do anything.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            class: Class::default(),
            subscribe: Audience::Nobody,
            publish: Audience::Nobody,
            presence: Audience::Nobody,
            history: Audience::Nobody,
            retain: Retain::default(),
            replay_limit: 1_000,
            dedupe: Duration::from_mins(2),
            coalesce_ms: 0,
            slow_consumer: SlowConsumer::default(),
            max_members: 0,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Principal<'a> {
    /// The user, a guest too; `None` for a connection that has not said who it is, which may do nothing.
    pub user: Option<&'a UserId>,
    /// What their credential adds to the rules.
    pub grants: Option<&'a Grants>,
}

impl<'a> From<&'a Identity> for Principal<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self { user: Some(&identity.user), grants: identity.grants.as_deref() }
    }
}

/// The answer of [`Rules::decide`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// It may.
    Allowed,
    /// It may not, whether or not the channel exists.
    Denied,
}

/// Why the namespaces cannot stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Two of them have one name.
    #[error("namespace \"{namespace}\" is declared twice")]
    Duplicate {
        /// Its name.
        namespace: String,
    },
    /// No channel could ever have this namespace.
    #[error("namespace {namespace:?}: the name must be printable, in NFC, and without `:` and `*`")]
    InvalidName {
        /// Its name.
        namespace: String,
    },
    /// The namespace is the node's own.
    #[error("namespace \"user\" is that of the personal channels, which nobody else declares")]
    Personal,
    /// A value is over its bound.
    #[error("namespace \"{namespace}\": {key} is {value}, at most {most} is allowed")]
    TooLarge {
        /// Its name.
        namespace: String,
        /// Which value, by its name in the configuration.
        key: &'static str,
        /// What was declared, in the key's unit (seconds for times).
        value: u64,
        /// The bound.
        most: u64,
    },
}

/// The namespaces of a node, by name. What no namespace allows is denied.
#[derive(Debug, Default)]
pub struct Rules {
    namespaces: HashMap<Box<str>, Arc<Namespace>>,
}

impl Rules {
    /// A table of these namespaces.
    pub fn new(namespaces: impl IntoIterator<Item = Namespace>) -> Result<Self, RulesError> {
        let mut rules = Self::default();
        for namespace in namespaces {
            if namespace.name == Namespace::PERSONAL {
                return Err(RulesError::Personal);
            }
            namespace.check()?;
            let name = namespace.name.clone();
            if rules.namespaces.insert(name.as_str().into(), Arc::new(namespace)).is_some() {
                return Err(RulesError::Duplicate { namespace: name });
            }
        }
        Ok(rules)
    }

    /// The same table with the personal channels in it, for a node with a log.
    #[must_use]
    pub(crate) fn with_personal(mut self) -> Self {
        self.namespaces.insert(Namespace::PERSONAL.into(), Arc::new(Namespace::personal()));
        self
    }

    /// All namespaces, in no order.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<Namespace>> {
        self.namespaces.values()
    }

    /// The namespace that was declared for this channel.
    pub fn namespace(&self, channel: &str) -> Option<&Arc<Namespace>> {
        let name = match split(channel) {
            // A leading `:` is no name without `:`: nobody can declare such channels.
            Some(("", _)) => return None,
            Some((name, _)) => name,
            None => "",
        };
        self.namespaces.get(name)
    }

    /// The namespace of a channel that nobody declared, and that only handlers use: ephemeral, and closed
    /// to every client. Made anew at each call.
    pub fn undeclared(&self, channel: &str) -> Arc<Namespace> {
        Arc::new(Namespace::new(namespace(channel)))
    }

    /// Whether a client may: the one decision for every door. What the namespace does not give, the
    /// credential may, but in personal channels, which are their owners' alone.
    pub fn decide(&self, principal: Principal<'_>, right: Right, channel: &str) -> Decision {
        self.namespace(channel).map_or_else(
            || decide(principal, right, channel, Audience::Nobody),
            |namespace| namespace.decide(principal, right, channel),
        )
    }
}

/// The decision on a channel whose namespace gives the right to this audience.
fn decide(principal: Principal<'_>, right: Right, channel: &str, audience: Audience) -> Decision {
    let Some(user) = principal.user else { return Decision::Denied };
    let granted = principal.grants.is_some_and(|grants| grants.allow(right, channel));
    if granted && !is_personal(channel) {
        return Decision::Allowed;
    }
    match audience {
        Audience::Anyone => Decision::Allowed,
        Audience::Users if !user.is_guest() => Decision::Allowed,
        Audience::Owner if !user.is_guest() && owner(channel) == Some(user.as_str()) => Decision::Allowed,
        Audience::Users | Audience::Owner | Audience::Nobody => Decision::Denied,
    }
}

impl Namespace {
    /// The same as [`Rules::decide`] for a channel that is known to be of this namespace.
    pub(crate) fn decide(&self, principal: Principal<'_>, right: Right, channel: &str) -> Decision {
        decide(principal, right, channel, self.audience(right))
    }

    /// Who holds this right.
    pub fn audience(&self, right: Right) -> Audience {
        match right {
            Right::Subscribe => self.subscribe,
            Right::Publish => self.publish,
            Right::Presence => self.presence,
            Right::History => self.history,
        }
    }

    fn check(&self) -> Result<(), RulesError> {
        // The longest name leaves room for `:` and one byte more in a channel's name.
        if self.name.contains(':') || ChannelName::parse(&format!("{}:x", self.name)).is_err() {
            return Err(RulesError::InvalidName { namespace: self.name.clone() });
        }
        let values = [
            ("coalesce_ms", u64::from(self.coalesce_ms), 5),
            ("retain.count", u64::from(self.retain.count), 1_000_000),
            ("retain.ttl", self.retain.ttl.as_secs(), 10 * YEAR_S),
            ("retain.bytes", self.retain.bytes as u64, 1 << 40),
            ("replay_limit", self.replay_limit, 1_000_000),
            ("dedupe", self.dedupe.as_secs(), YEAR_S),
            ("max_members", u64::from(self.max_members), 100_000_000),
        ];
        for (key, value, most) in values {
            if value > most {
                return Err(RulesError::TooLarge { namespace: self.name.clone(), key, value, most });
            }
        }
        Ok(())
    }
}

fn is_personal(channel: &str) -> bool {
    namespace(channel) == Namespace::PERSONAL
}

/// Whose a channel is, where it is somebody's.
fn owner(channel: &str) -> Option<&str> {
    split(channel).map(|(_, owner)| owner)
}

const YEAR_S: u64 = 366 * 24 * 3_600;
