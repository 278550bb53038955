//! A notification as an application writes it.

use std::collections::BTreeMap;

use veche_kernel::UserId;

/// The most bytes of a kind, a group or a target.
const WORD_MAX: usize = 128;
/// The most bytes of all text fields together.
const TEXT_MAX: usize = 4 << 10;

/// What a user should hear of.
///
/// ```
/// use veche_kernel::UserId;
/// use veche_people::inbox::Notification;
///
/// let ann = UserId::from("ann");
/// let reaction = Notification::new("reaction").actor(&ann).target("post:7").group("reaction:post:7");
/// assert!(reaction.text("title", "On holidays").check().is_ok());
/// assert!(Notification::new("").check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nobody hears of it before `notify`"]
pub struct Notification {
    pub(super) kind: String,
    pub(super) group: Option<String>,
    pub(super) actor: Option<UserId>,
    pub(super) target: Option<String>,
    pub(super) text: BTreeMap<String, String>,
    pub(super) by_mail: bool,
}

/// What is wrong with a notification: a fault of the program, not of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// A kind is one word.
    #[error("a notification's kind has 1 to {WORD_MAX} letters, digits, `_`, `-`, `.` or `:`")]
    Kind,
    /// A group or a target is too long.
    #[error("a notification's {0} has 1 to {WORD_MAX} bytes")]
    Word(&'static str),
    /// The text fields are too long.
    #[error("a notification's text fields have at most {TEXT_MAX} bytes together")]
    Text,
}

impl Notification {
    /// A notification of this kind, which nobody in particular has caused.
    pub fn new(kind: impl Into<String>) -> Self {
        let text = BTreeMap::new();
        Self { kind: kind.into(), group: None, actor: None, target: None, text, by_mail: false }
    }

    /// Who did it. Nobody hears of what they did themselves, nor of those they block or who block them.
    pub fn actor(mut self, actor: &UserId) -> Self {
        self.actor = Some(actor.clone());
        self
    }

    /// What it was done to, in the application's words.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Those of one kind and group become one entry while it is not older than an hour and was not opened:
    /// "Anna and 4 others".
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// A part of its text: what the user interface puts into its own sentence.
    pub fn text(mut self, field: impl Into<String>, text: impl Into<String>) -> Self {
        self.text.insert(field.into(), text.into());
        self
    }

    /// Goes by mail too, unless the user has said otherwise for this kind.
    pub fn by_mail(mut self) -> Self {
        self.by_mail = true;
        self
    }

    /// Whether it may be written; [`notify`](super::notify) asks this too.
    pub fn check(&self) -> Result<(), NotificationError> {
        if !is_kind(&self.kind) {
            return Err(NotificationError::Kind);
        }
        let fits =
            |word: &Option<String>| word.as_ref().is_none_or(|word| (1..=WORD_MAX).contains(&word.len()));
        if !fits(&self.group) {
            return Err(NotificationError::Word("group"));
        }
        if !fits(&self.target) {
            return Err(NotificationError::Word("target"));
        }
        let bytes: usize = self.text.iter().map(|(field, text)| field.len() + text.len()).sum();
        if bytes > TEXT_MAX { Err(NotificationError::Text) } else { Ok(()) }
    }
}

/// Whether a word can be a kind.
pub(super) fn is_kind(word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    (1..=WORD_MAX).contains(&word.len()) && word.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Red where a bound was left out.
    #[test]
    fn what_is_too_long_is_named() {
        let long = "x".repeat(WORD_MAX + 1);
        for (notification, expected) in [
            (Notification::new(""), NotificationError::Kind),
            (Notification::new("a kind"), NotificationError::Kind),
            (Notification::new(&*long), NotificationError::Kind),
            (Notification::new("a").group(&*long), NotificationError::Word("group")),
            (Notification::new("a").target(""), NotificationError::Word("target")),
            (Notification::new("a").text("b", "c".repeat(TEXT_MAX)), NotificationError::Text),
        ] {
            assert_eq!(notification.check(), Err(expected), "{notification:?}");
        }
    }
}
