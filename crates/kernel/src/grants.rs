//! Rights that a credential adds to the rules: patterns of channels, each with what it opens.

use std::{fmt, str::FromStr};

use veche_protocol::name::ChannelName;

use crate::rules::Right;

/// A set of rights.
///
/// ```
/// use veche_kernel::{Right, Rights};
///
/// let reading: Rights = [Right::Subscribe, Right::History].into_iter().collect();
/// assert!(reading.has(Right::History) && !reading.has(Right::Publish));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u8);

impl Rights {
    /// Whether it is one of them.
    pub const fn has(self, right: Right) -> bool {
        self.0 & bit(right) != 0
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | bit(right)))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Right::ALL.iter().filter(|right| self.has(**right))).finish()
    }
}

const fn bit(right: Right) -> u8 {
    1 << right as u8
}

/// Which channels a grant is about: one, or all whose names begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Exactly(ChannelName),
    Beginning(Box<str>),
}

/// It is no pattern of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pattern is a channel's name, or the beginning of one with `*` behind it")]
pub struct InvalidPattern;

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let Some(beginning) = text.strip_suffix('*') else {
            return ChannelName::parse(text).map(Self::Exactly).map_err(|_| InvalidPattern);
        };
        // A beginning is good if a name may go on from it.
        let is_good = ChannelName::parse(&format!("{beginning}x")).is_ok();
        if is_good { Ok(Self::Beginning(beginning.into())) } else { Err(InvalidPattern) }
    }
}

impl Pattern {
    fn covers(&self, channel: &str) -> bool {
        match self {
            Self::Exactly(name) => **name == *channel,
            Self::Beginning(beginning) => channel.starts_with(&**beginning),
        }
    }
}

/// The grants cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantsError {
    /// One of them is about no channel.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// There are more than [`Grants::MOST`].
    #[error("a credential grants rights by at most {} patterns", Grants::MOST)]
    TooMany,
}

/// What a credential adds to the rules. It never takes anything away.
///
/// ```
/// use veche_kernel::{Grants, Right};
///
/// let grants = Grants::new([
///     ("news:*", [Right::Subscribe, Right::History].into_iter().collect()),
///     ("chat:42", [Right::Publish].into_iter().collect()),
/// ])?;
/// assert!(grants.allow(Right::History, "news:today"));
/// assert!(!grants.allow(Right::Publish, "news:today"));
/// assert!(!grants.allow(Right::Publish, "chat:421"));
/// # Ok::<(), veche_kernel::GrantsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants(Box<[(Pattern, Rights)]>);

impl Grants {
    /// How many patterns a credential may have.
    pub const MOST: usize = 64;

    /// Grants of these patterns: a channel's name, or the beginning of one and `*`. A pattern may stand twice;
    /// what either allows is allowed.
    pub fn new<'a>(grants: impl IntoIterator<Item = (&'a str, Rights)>) -> Result<Self, GrantsError> {
        let mut all = Vec::new();
        for (pattern, rights) in grants {
            if all.len() == Self::MOST {
                return Err(GrantsError::TooMany);
            }
            all.push((pattern.parse()?, rights));
        }
        Ok(Self(all.into()))
    }

    /// Whether they allow it.
    pub fn allow(&self, right: Right, channel: &str) -> bool {
        self.0.iter().any(|(pattern, rights)| rights.has(right) && pattern.covers(channel))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_a_beginning() {
        // Red: `Pattern::from_str` that takes any text before the `*`; `covers` by `contains`.
        let check = |pattern: &str, expected: Option<&[&str]>| {
            let channels = ["news:1", "news:", "news", "newsletter:1", "chat:42", "chat:421", "xnews:1"];
            let all = Right::ALL.into_iter().collect();
            let grants = Grants::new([(pattern, all)]).ok();
            let covered = grants.map(|grants| {
                let covered = |channel: &&str| grants.allow(Right::Subscribe, channel);
                channels.into_iter().filter(covered).collect::<Vec<_>>()
            });
            assert_eq!(covered.as_deref(), expected, "{pattern:?}");
        };
        check("chat:42", Some(&["chat:42"]));
        check("news:*", Some(&["news:1", "news:"]));
        check("news*", Some(&["news:1", "news:", "news", "newsletter:1"]));
        check("*", Some(&["news:1", "news:", "news", "newsletter:1", "chat:42", "chat:421", "xnews:1"]));
        check(&format!("{}*", "x".repeat(254)), Some(&[]));
        check(&format!("{}*", "x".repeat(255)), None);
        check("", None);
        check("ne*s:1", None);
        check("news:**", None);
        check("*news", None);
        check("news:\n*", None);
        check("e\u{301}*", None);
    }

    #[test]
    fn a_credential_has_a_bound_of_patterns() {
        // Red: `new` without the bound.
        let names: Vec<String> = (0..65).map(|at| format!("room:{at}")).collect();
        let grants =
            |count: usize| Grants::new(names[..count].iter().map(|name| (name.as_str(), Rights::default())));
        assert!(grants(64).is_ok());
        assert_eq!(grants(65), Err(GrantsError::TooMany));
    }
}
