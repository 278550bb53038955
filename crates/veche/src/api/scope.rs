//! What a key may do: rights, each in every channel or in those of a pattern.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use veche_kernel::ChannelName;
use veche_protocol::name;

/// A right of a server's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Publish and broadcast.
    Publish,
    /// See who is in a channel.
    Presence,
    /// Read what a channel retains.
    History,
    /// Subscribe and unsubscribe users.
    Subscribe,
    /// List channels.
    Channels,
    /// End users' connections.
    Disconnect,
    /// Revoke users' credentials and tokens.
    Revoke,
    /// See the node's figures.
    Info,
    /// Make, list and revoke keys; a new key may do no more than the one that makes it.
    Keys,
}

impl Right {
    const ALL: [Self; 9] = [
        Self::Publish,
        Self::Presence,
        Self::History,
        Self::Subscribe,
        Self::Channels,
        Self::Disconnect,
        Self::Revoke,
        Self::Info,
        Self::Keys,
    ];

    /// The word in a scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Presence => "presence",
            Self::History => "history",
            Self::Subscribe => "subscribe",
            Self::Channels => "channels",
            Self::Disconnect => "disconnect",
            Self::Revoke => "revoke",
            Self::Info => "info",
            Self::Keys => "keys",
        }
    }

    /// Whether it is about channels, so that a pattern may narrow it.
    const fn is_of_channels(self) -> bool {
        matches!(self, Self::Publish | Self::Presence | Self::History | Self::Subscribe | Self::Channels)
    }
}

/// Channels of one namespace: one by its name, or all whose names begin so, as `news:*`.
///
/// ```
/// use veche::api::Pattern;
///
/// let news: Pattern = "news:*".parse()?;
/// assert!(news.matches("news:today") && !news.matches("newspaper") && !news.matches("news:"));
/// # Ok::<(), veche::api::ScopeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The name, or what names begin with.
    text: ChannelName,
    is_prefix: bool,
}

impl Pattern {
    /// Whether a channel is one of these.
    pub fn matches(&self, channel: &str) -> bool {
        if !self.is_prefix {
            return *self.text == *channel;
        }
        let continues = channel.len() > self.text.len() && channel.starts_with(self.text.as_str());
        continues && name::namespace(channel) == self.text.namespace()
    }

    fn covers(&self, other: &Self) -> bool {
        if !other.is_prefix {
            return self.matches(&other.text);
        }
        let begins = other.text.starts_with(self.text.as_str());
        self.is_prefix && begins && other.text.namespace() == self.text.namespace()
    }
}

/// A right, in every channel or in those of a pattern. As text `publish`, or `publish:news:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    right: Right,
    channels: Option<Pattern>,
}

impl Scope {
    /// Which right it is about.
    pub const fn right(&self) -> Right {
        self.right
    }

    /// Whether it allows this right in this channel, or at all where no channel is concerned.
    pub fn allows(&self, right: Right, channel: Option<&str>) -> bool {
        self.right == right
            && self.channels.as_ref().is_none_or(|pattern| channel.is_some_and(|it| pattern.matches(it)))
    }

    /// Whether it allows everything that another does.
    pub fn covers(&self, other: &Self) -> bool {
        let wide = || match (&self.channels, &other.channels) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(other)) => pattern.covers(other),
        };
        self.right == other.right && wide()
    }
}

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// The right is none.
    #[error(
        "{0:?} is no right; the rights are publish, presence, history, subscribe, channels, disconnect, revoke, info and keys"
    )]
    Right(String),
    /// The pattern is none.
    #[error("{pattern:?} is no channel and no pattern such as news:*: {why}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The right knows no channels.
    #[error("{0} is not about channels: leave the pattern out")]
    NoChannels(&'static str),
}

impl FromStr for Right {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let found = Self::ALL.into_iter().find(|right| right.as_str() == text);
        found.ok_or_else(|| ScopeError::Right(text.chars().take(64).collect()))
    }
}

impl FromStr for Pattern {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let prefix = text.strip_suffix('*');
        let parsed = match prefix {
            Some("") => Err("leave the pattern out for every channel".to_owned()),
            _ => ChannelName::parse(prefix.unwrap_or(text)).map_err(|error| error.to_string()),
        };
        let wrong = |why| ScopeError::Pattern { pattern: text.chars().take(64).collect(), why };
        Ok(Self { text: parsed.map_err(wrong)?, is_prefix: prefix.is_some() })
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let (right, pattern) = text.split_once(':').map_or((text, None), |(right, rest)| (right, Some(rest)));
        let right: Right = right.parse()?;
        match pattern {
            Some(_) if !right.is_of_channels() => Err(ScopeError::NoChannels(right.as_str())),
            _ => Ok(Self { right, channels: pattern.map(str::parse).transpose()? }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.is_prefix { "*" } else { "" })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.right.as_str())?;
        self.channels.as_ref().map_or(Ok(()), |channels| write!(f, ":{channels}"))
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Scope {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A right, in every channel or in those of a pattern of one namespace.",
            "pattern": concat!(
                "^((publish|presence|history|subscribe|channels)(:",
                r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029*]+\*?)?",
                "|disconnect|revoke|info|keys)$",
            ),
            "maxLength": 255,
            "examples": ["publish:news:*", "history:news:today", "info"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_scope_allows_its_right_in_its_channels() {
        // Red: `matches` by the prefix alone.
        let check = |text: &str, right, channel: Option<&str>, expected| {
            assert_eq!(scope(text).allows(right, channel), expected, "{text} {channel:?}");
        };
        check("publish", Right::Publish, Some("news:1"), true);
        check("publish", Right::History, Some("news:1"), false);
        check("publish:news:*", Right::Publish, Some("news:1"), true);
        check("publish:news:*", Right::Publish, Some("news:"), false);
        check("publish:news:*", Right::Publish, Some("newsletter:1"), false);
        check("publish:news:*", Right::Publish, None, false);
        check("publish:new*", Right::Publish, Some("news:1"), false);
        check("publish:new*", Right::Publish, Some("news"), true);
        check("publish:news:a*", Right::Publish, Some("news:ab"), true);
        check("publish:news:a*", Right::Publish, Some("news:b"), false);
        check("publish:lobby", Right::Publish, Some("lobby"), true);
        check("publish:lobby", Right::Publish, Some("lobby:1"), false);
        check("info", Right::Info, None, true);
    }

    #[test]
    fn a_scope_covers_what_it_allows_and_no_more() {
        // Red: `covers` of a pattern by its prefix without the namespace.
        let check = |wide: &str, narrow: &str, expected| {
            assert_eq!(scope(wide).covers(&scope(narrow)), expected, "{wide} over {narrow}");
        };
        check("publish", "publish:news:*", true);
        check("publish:news:*", "publish", false);
        check("publish:news:*", "publish:news:a*", true);
        check("publish:news:*", "publish:news:1", true);
        check("publish:news:a*", "publish:news:*", false);
        check("publish:news:1", "publish:news:1", true);
        check("publish:news:1", "publish:news:1*", false);
        check("publish:new*", "publish:news:*", false);
        check("publish:news:*", "history:news:1", false);
        check("keys", "keys", true);
    }

    #[test]
    fn what_is_no_scope_is_refused_and_what_is_one_reads_back() {
        for text in
            ["publish", "publish:news:*", "history:news:today", "subscribe:lobby", "channels:a:b:*", "keys"]
        {
            assert_eq!(scope(text).to_string(), text);
        }
        for text in [
            "",
            "all",
            "publish:",
            "publish:*",
            "publish:a*b",
            "publish:**",
            "info:news:*",
            "keys:x",
            "publish:a\n",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }
}
