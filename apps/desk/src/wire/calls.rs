//! What callers send, and what they are answered.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{
    BoardId, CardId, LabelId, ListId, optional,
    parts::{Card, Position},
};

/// What an operation came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, TS)]
pub struct Applied {
    /// Of its event; missing where there was nothing to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub position: Option<Position>,
    /// What others had set since the caller looked, and what is gone now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<Overwritten>>")]
    pub overwrote: Vec<Overwritten>,
}

/// A field that somebody else had set since the caller looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Overwritten {
    /// Which field.
    pub field: Field,
    /// Who had set it.
    pub by: String,
    /// What they call themselves.
    pub by_name: String,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// What they had set.
    pub old: Old,
}

/// A field of which the last change wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The title.
    Title,
    /// The description.
    Description,
    /// The due date.
    Due,
    /// The list, and the place in it.
    Place,
    /// Whether it was put away.
    Archived,
}

/// What a field was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(untagged)]
pub enum Old {
    /// A title, a description, or a due date; `null` for none.
    Text(Option<String>),
    /// A place.
    Place(Place),
    /// Whether it was put away.
    Archived(bool),
}

/// Where a card was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Place {
    /// In which list.
    pub list: ListId,
    /// After which card; `null` for the first.
    pub after: Option<CardId>,
}

/// A card with its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct CardRead {
    /// The card.
    pub card: Card,
    /// Its description, often empty.
    pub description: String,
}

macro_rules! calls {
    ($(#[doc = $doc:literal] $name:ident = $call:literal -> $reply:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            #[doc = $doc]
            #[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, TS)]
            pub struct $name {
                $($(#[$meta])* pub $field: $type,)*
            }

            impl $name {
                /// The name of the call.
                pub const CALL: &str = $call;
            }
        )*

        /// The calls' names, what they take and what they answer, for TypeScript: `[name, type, type]`.
        pub(crate) const CALLS: &[(&str, &str, &str)] =
            &[$(($call, stringify!($name), stringify!($reply)),)*];

        /// The types' TypeScript.
        pub(crate) fn typescript(config: &ts_rs::Config) -> Vec<crate::types::Declared> {
            vec![$((stringify!($name), crate::types::declare::<$name>(config)),)*]
        }
    };
}

/// The offsets of a card's fields that the caller had seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, TS)]
#[serde(default)]
pub struct CardSeen {
    /// Of the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<u64>,
    /// Of the description.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub description: Option<u64>,
    /// Of the due date.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub due: Option<u64>,
    /// Of the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub place: Option<u64>,
    /// Of whether it is archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub archived: Option<u64>,
}

/// The offsets of a list's fields that the caller had seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, TS)]
#[serde(default)]
pub struct ListSeen {
    /// Of the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<u64>,
}

calls! {
    /// Makes a board, with the caller as its owner. The only call without a channel.
    CreateBoard = "board.create" -> Applied {
        /// Its id, which must not be taken.
        board: BoardId,
        /// One line of text.
        title: String,
    }

    /// Changes the board itself. For owners.
    ChangeBoard = "board.change" -> Applied {
        /// Another title.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// Puts it away, or takes it back.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
    }

    /// Makes a list: after one, before one, or at the end.
    CreateList = "list.create" -> Applied {
        /// Its id, which must not be taken.
        list: ListId,
        /// One line of text.
        title: String,
        /// After this list, if it is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        after: Option<ListId>,
        /// Else before this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<ListId>,
    }

    /// Changes fields of a list.
    ChangeList = "list.change" -> Applied {
        /// Which.
        list: ListId,
        /// Another title.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// Puts it away with its cards, or takes it back.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
        /// What the caller had seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seen: Option<ListSeen>,
    }

    /// Moves a list: after one, before one, or to the end.
    MoveList = "list.move" -> Applied {
        /// Which.
        list: ListId,
        /// After this list, if it is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        after: Option<ListId>,
        /// Else before this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<ListId>,
    }

    /// Makes a card in a list: after one, before one, or at the end.
    CreateCard = "card.create" -> Applied {
        /// Its id, which must not be taken.
        card: CardId,
        /// In which list.
        list: ListId,
        /// One line of text.
        title: String,
        /// At most 32 KiB of any text without NUL.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        description: Option<String>,
        /// After this card, if it is in the list.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        after: Option<CardId>,
        /// Else before this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<CardId>,
    }

    /// Changes fields of a card.
    ChangeCard = "card.change" -> Applied {
        /// Which.
        card: CardId,
        /// Another title.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// Another description: at most 32 KiB of any text without NUL.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        description: Option<String>,
        /// Another due date, `YYYY-MM-DD`; `null` for none.
        #[serde(default, deserialize_with = "optional::present", skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string | null")]
        due: Option<Option<String>>,
        /// Puts it away, or takes it back.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
        /// What the caller had seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seen: Option<CardSeen>,
    }

    /// Moves a card: after one, before one, or to the end of a list.
    MoveCard = "card.move" -> Applied {
        /// Which.
        card: CardId,
        /// Into which list.
        to_list: ListId,
        /// After this card, if it is in the list.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        after: Option<CardId>,
        /// Else before this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        before: Option<CardId>,
        /// What the caller had seen.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        seen: Option<CardSeen>,
    }

    /// Puts labels on a card and takes others off.
    LabelCard = "card.label" -> Applied {
        /// Which card.
        card: CardId,
        /// Labels of the board.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<LabelId>>")]
        add: Vec<LabelId>,
        /// Any labels.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<LabelId>>")]
        remove: Vec<LabelId>,
    }

    /// Assigns members to a card and takes others off.
    AssignCard = "card.assign" -> Applied {
        /// Which card.
        card: CardId,
        /// Members of the board.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<String>>")]
        add: Vec<String>,
        /// Any users.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<String>>")]
        remove: Vec<String>,
    }

    /// Puts a card into the trash, where it stays for 30 days.
    DeleteCard = "card.delete" -> Applied {
        /// Which.
        card: CardId,
    }

    /// Takes a card out of the trash.
    RestoreCard = "card.restore" -> Applied {
        /// Which.
        card: CardId,
    }

    /// Makes a label, or changes its name and colour.
    SetLabel = "label.set" -> Applied {
        /// Which.
        label: LabelId,
        /// One line of text.
        name: String,
        /// Its colour's hue in degrees, 0 to 359.
        hue: u16,
    }

    /// Removes a label from the board and from its cards.
    RemoveLabel = "label.remove" -> Applied {
        /// Which.
        label: LabelId,
    }

    /// Reads a card with its description. For viewers, too.
    ReadCard = "card.read" -> CardRead {
        /// Which.
        card: CardId,
    }
}
