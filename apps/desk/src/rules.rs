//! What may be done, where a thing goes, and what a change overwrites. Pure.

use serde::{Deserialize, Serialize};
use veche_kernel::UserId;

use crate::{
    order::{OrderError, between},
    wire::parts::{CardVersions, ListVersions, Role},
};

/// The most boards of one owner.
pub const BOARDS_MAX: u64 = 500;
/// The most lists of a board, archived ones too.
pub const LISTS_MAX: u64 = 200;
/// The most cards of a board, with those that are archived or in the trash.
pub const CARDS_MAX: u64 = 20_000;
/// The most labels of a board.
pub const LABELS_MAX: u64 = 200;
/// The most members of a board.
pub const MEMBERS_MAX: u64 = 100;
/// A key of more bytes makes its list be re-keyed.
pub(crate) const KEY_BYTES: usize = 48;
/// How long a card stays in the trash, ms.
pub(crate) const TRASH_MS: u64 = 30 * 24 * 3_600_000;

impl Role {
    /// Whether a member of this role may do what takes that one.
    pub(crate) fn covers(self, needed: Self) -> bool {
        self >= needed
    }

    /// As the database has it.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Viewer => 1,
            Self::Editor => 2,
            Self::Owner => 3,
        }
    }

    /// What the database has.
    pub(crate) fn of(number: i64) -> Option<Self> {
        [Self::Viewer, Self::Editor, Self::Owner].into_iter().find(|role| role.number() == number)
    }
}

/// The last change of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Edit {
    /// The offset of its event.
    pub(crate) at: u64,
    /// Who made it.
    pub(crate) by: String,
    /// When, ms since 1970.
    pub(crate) ms: u64,
}

/// The last changes of a card's or a list's fields. What is missing has not changed since it was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Edits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<Edit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<Edit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Edit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Edit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archived: Option<Edit>,
}

impl Edits {
    pub(crate) fn of_card(&self) -> CardVersions {
        CardVersions {
            title: at(self.title.as_ref()),
            description: at(self.description.as_ref()),
            due: at(self.due.as_ref()),
            place: at(self.place.as_ref()),
            archived: at(self.archived.as_ref()),
        }
    }

    pub(crate) fn of_list(&self) -> ListVersions {
        ListVersions {
            title: at(self.title.as_ref()),
            place: at(self.place.as_ref()),
            archived: at(self.archived.as_ref()),
        }
    }
}

fn at(edit: Option<&Edit>) -> u64 {
    edit.map_or(0, |edit| edit.at)
}

/// The change that a writer overwrites unknowingly: somebody else's, after what the writer had seen. The writer
/// who does not say what they had seen is told nothing.
pub(crate) fn overwritten<'a>(
    last: Option<&'a Edit>,
    seen: Option<u64>,
    writer: &UserId,
) -> Option<&'a Edit> {
    last.filter(|last| seen.is_some_and(|seen| last.at > seen) && last.by != writer.as_str())
}

/// A gap between two neighbours, either of which may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gap {
    pub(crate) low: Option<String>,
    pub(crate) high: Option<String>,
}

/// Where something goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is there already.
    Stays,
    /// It gets this key.
    At(String),
    /// The key would be too long: the neighbours get new keys first.
    TooLong,
}

impl Gap {
    /// Where something goes that is in the same sequence at `now`, or that comes from elsewhere.
    pub(crate) fn place(&self, now: Option<&str>) -> Result<Placed, OrderError> {
        if now.is_some_and(|now| self.holds(now)) {
            return Ok(Placed::Stays);
        }
        let key = between(self.low.as_deref(), self.high.as_deref())?;
        Ok(if key.len() > KEY_BYTES { Placed::TooLong } else { Placed::At(key) })
    }

    fn holds(&self, key: &str) -> bool {
        self.low.as_deref().is_none_or(|low| low < key) && self.high.as_deref().is_none_or(|high| key < high)
    }
}

/// A set after adding and removing, and what that changed. What is both added and removed is added.
pub(crate) struct Changed<T> {
    pub(crate) set: Vec<T>,
    pub(crate) added: Vec<T>,
    pub(crate) removed: Vec<T>,
}

/// Adds to and removes from a set; sorted, each thing once.
pub(crate) fn change_set<T: Ord + Clone>(old: &[T], add: &[T], remove: &[T]) -> Changed<T> {
    let sorted = |mut things: Vec<T>| {
        things.sort_unstable();
        things.dedup();
        things
    };
    let added = sorted(add.iter().filter(|thing| !old.contains(thing)).cloned().collect());
    let goes = |thing: &&T| remove.contains(thing) && !add.contains(thing);
    let removed = sorted(old.iter().filter(goes).cloned().collect());
    let stays = old.iter().filter(|thing| !removed.contains(thing));
    let set = sorted(stays.chain(&added).cloned().collect());
    Changed { set, added, removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strangers_later_change_is_overwritten_unknowingly() {
        let edit = Edit { at: 7, by: "bob".into(), ms: 1 };
        let check = |seen, writer: &str, expected: bool| {
            let found = overwritten(Some(&edit), seen, &UserId::from(writer));
            assert_eq!(found.is_some(), expected, "{seen:?} {writer}");
        };
        check(Some(6), "ann", true);
        check(Some(7), "ann", false);
        check(Some(0), "bob", false);
        check(None, "ann", false);
        assert_eq!(overwritten(None, Some(0), &UserId::from("ann")), None);
    }

    #[test]
    fn a_gap_takes_what_is_not_in_it() {
        let gap = |low: Option<&str>, high: Option<&str>| Gap {
            low: low.map(Into::into),
            high: high.map(Into::into),
        };
        let check = |gap: Gap, now: Option<&str>, expected: Placed| assert_eq!(gap.place(now), Ok(expected));
        check(gap(None, None), None, Placed::At("a0".into()));
        check(gap(None, None), Some("b7z"), Placed::Stays);
        check(gap(Some("a0"), Some("a2")), Some("a1"), Placed::Stays);
        check(gap(Some("a0"), Some("a2")), Some("a2V"), Placed::At("a1".into()));
        let low = format!("a0{}1", "0".repeat(KEY_BYTES));
        check(gap(Some(&low), Some("a01")), None, Placed::At("a00V".into()));
        check(gap(Some("a0"), Some(&low)), None, Placed::TooLong);
        assert!(gap(Some("a1"), Some("a0")).place(None).is_err());
    }

    #[test]
    fn a_set_changes_by_what_is_new_to_it() {
        let check = |old: &str, add: &str, remove: &str, expected: [&str; 3]| {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let Changed { set, added, removed } = change_set(&chars(old), &chars(add), &chars(remove));
            let text = |chars: Vec<char>| chars.into_iter().collect::<String>();
            assert_eq!(
                [text(set), text(added), text(removed)],
                expected.map(str::to_owned),
                "{old} {add} {remove}"
            );
        };
        check("", "ba", "", ["ab", "ab", ""]);
        check("ab", "b", "", ["ab", "", ""]);
        check("ab", "", "bz", ["a", "", "b"]);
        check("ab", "cc", "aa", ["bc", "c", "a"]);
        check("a", "a", "a", ["a", "", ""]);
        check("", "a", "a", ["a", "a", ""]);
    }
}
