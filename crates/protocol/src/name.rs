//! Names of channels and of events, checked once at the edge.
//!
//! A [`ChannelName`] in hand is a checked one. Patterns (`room:*`) are not names: they exist only in
//! configuration and in tokens, and are compared with names there.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

/// The most bytes of a channel's name.
pub const CHANNEL_MAX: usize = 255;

/// The most bytes of an event's name.
pub const EVENT_MAX: usize = 128;

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// It has no byte.
    #[error("a name has at least one byte")]
    Empty,
    /// It has more bytes than `max`.
    #[error("a name has at most {max} bytes")]
    TooLong {
        /// The most bytes that this kind of name may have.
        max: usize,
    },
    /// It holds a control character, or a line or paragraph separator.
    #[error("a name has printable characters only")]
    Unprintable,
    /// It holds a `*`, which belongs to patterns.
    #[error("a name has no `*`")]
    Wildcard,
    /// It is not in Unicode's normalization form C, so that an equal-looking name would be another channel.
    #[error("a name is in unicode normalization form c")]
    NotNormalized,
}

/// The name of a channel: 1 to 255 bytes of printable text in NFC without `*`, compared bytewise.
///
/// Cloning shares the text.
///
/// ```
/// use veche_protocol::name::ChannelName;
///
/// let name = ChannelName::parse("room:lobby")?;
/// assert_eq!(name.namespace(), "room");
/// assert_eq!(&*name, "room:lobby");
/// # Ok::<(), veche_protocol::name::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Checks and keeps a name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        check_channel(text)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first `:`; empty where there is none.
    pub fn namespace(&self) -> &str {
        namespace(&self.0)
    }
}

impl Deref for ChannelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ChannelName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ChannelName {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands before the first `:` of a channel's name; empty where there is none.
pub fn namespace(channel: &str) -> &str {
    split(channel).map_or("", |(namespace, _)| namespace)
}

/// A channel's namespace and what follows the `:`; `None` where there is none.
pub fn split(channel: &str) -> Option<(&str, &str)> {
    // Namespaces are short: a search by vectors would take longer to begin.
    let at = channel.bytes().position(|byte| byte == b':')?;
    Some((channel.get(..at)?, channel.get(at + 1..)?))
}

/// Checks a channel's name without keeping it.
pub fn check_channel(text: &str) -> Result<(), InvalidName> {
    check_printable(text, CHANNEL_MAX)?;
    if memchr::memchr(b'*', text.as_bytes()).is_some() {
        return Err(InvalidName::Wildcard);
    }
    // ASCII is its own normal form.
    if !text.is_ascii() && !unicode_normalization::is_nfc(text) {
        return Err(InvalidName::NotNormalized);
    }
    Ok(())
}

/// Checks an event's name: 1 to 128 bytes of printable text.
pub fn check_event(text: &str) -> Result<(), InvalidName> {
    check_printable(text, EVENT_MAX)
}

/// Checks a text of 1 to `max` bytes without control characters and without line or paragraph separators.
pub(crate) fn check_printable(text: &str, max: usize) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > max {
        return Err(InvalidName::TooLong { max });
    }
    let unprintable = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !plain && text.chars().any(unprintable) {
        return Err(InvalidName::Unprintable);
    }
    Ok(())
}
