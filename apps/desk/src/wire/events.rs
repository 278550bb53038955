//! What a board's channel carries. One operation is one event; only [`ListRekeyed`] and [`ListsRekeyed`] come
//! besides, before the event of the operation that made them necessary, and bear neither sender nor `op_id`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use veche_kernel::Event;

use super::{
    CardId, LabelId, ListId, optional,
    parts::{Card, List, Role},
};

macro_rules! events {
    ($(#[doc = $doc:literal] $name:ident = $event:literal { $($(#[$meta:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            #[doc = $doc]
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
            pub struct $name {
                $($(#[$meta])* pub $field: $type,)*
            }

            impl Event for $name {
                const NAME: &'static str = $event;
            }
        )*

        /// The events' names and what they carry, for TypeScript: `[name, type]`.
        pub(crate) const EVENTS: &[(&str, &str)] = &[$(($event, stringify!($name)),)*];

        /// The types' TypeScript.
        pub(crate) fn typescript(config: &ts_rs::Config) -> Vec<crate::types::Declared> {
            vec![$((stringify!($name), crate::types::declare::<$name>(config)),)*]
        }
    };
}

events! {
    /// The board was made. The first event of each board.
    BoardCreated = "board.created" {
        /// Its title.
        title: String,
        /// Whose it is.
        owner: String,
    }

    /// The board itself has changed.
    BoardChanged = "board.changed" {
        /// The title, if it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// Whether it was put away, if that has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
    }

    /// There is a new list.
    ListCreated = "list.created" {
        /// The whole of it.
        list: List,
    }

    /// A list has changed.
    ListChanged = "list.changed" {
        /// Which.
        list: ListId,
        /// The title, if it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// Whether it was put away, if that has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
    }

    /// A list stands elsewhere.
    ListMoved = "list.moved" {
        /// Which.
        list: ListId,
        /// Its key from now on.
        ord: String,
    }

    /// The lists have other keys, in the same order. Names nothing that a user did.
    ListsRekeyed = "lists.rekeyed" {
        /// Of all lists.
        keys: Vec<(ListId, String)>,
    }

    /// The cards of a list have other keys, in the same order. Names nothing that a user did.
    ListRekeyed = "list.rekeyed" {
        /// Which list.
        list: ListId,
        /// Of all its cards, hidden ones too: a card that is not known is passed over.
        keys: Vec<(CardId, String)>,
    }

    /// There is a new card.
    CardCreated = "card.created" {
        /// The whole of it.
        card: Card,
        /// Its description, often empty.
        description: String,
    }

    /// Fields of a card have changed.
    CardChanged = "card.changed" {
        /// Which.
        card: CardId,
        /// The title, if it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        title: Option<String>,
        /// The description, if it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        description: Option<String>,
        /// The due date, if it is another one; `null` where there is none any more.
        #[serde(default, deserialize_with = "optional::present", skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "string | null")]
        due: Option<Option<String>>,
        /// Whether it was put away, if that has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        archived: Option<bool>,
        /// The whole card, where it is shown again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        restored: Option<Card>,
    }

    /// A card stands elsewhere.
    CardMoved = "card.moved" {
        /// Which.
        card: CardId,
        /// The list that it is in now.
        list: ListId,
        /// Its key there.
        ord: String,
    }

    /// A card has other labels.
    CardLabelled = "card.labelled" {
        /// Which.
        card: CardId,
        /// Labels that it has now and had not.
        add: Vec<LabelId>,
        /// Labels that it had and has no more.
        remove: Vec<LabelId>,
    }

    /// A card is others' work.
    CardAssigned = "card.assigned" {
        /// Which.
        card: CardId,
        /// Users who are assigned now and were not.
        add: Vec<String>,
        /// Users who were assigned and are no more.
        remove: Vec<String>,
    }

    /// A card was put into the trash.
    CardDeleted = "card.deleted" {
        /// Which.
        card: CardId,
    }

    /// A card was taken out of the trash.
    CardRestored = "card.restored" {
        /// The whole of it.
        card: Card,
    }

    /// A label is new, or has another name or colour.
    LabelSet = "label.set" {
        /// Which.
        label: LabelId,
        /// Its name.
        name: String,
        /// Its colour's hue in degrees.
        hue: u16,
    }

    /// There is no such label any more, on no card either.
    LabelRemoved = "label.removed" {
        /// Which.
        label: LabelId,
    }

    /// Somebody is a member now, or may do something else than before.
    MemberSet = "member.set" {
        /// Who.
        user: String,
        /// What they call themselves.
        name: String,
        /// What they may do.
        role: Role,
    }

    /// Somebody is a member no more, and assigned to no card.
    MemberRemoved = "member.removed" {
        /// Who.
        user: String,
    }
}

/// On a user's personal channel: the list of their boards has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(type = "Record<string, never>")]
pub struct DeskBoards {}

impl Event for DeskBoards {
    const NAME: &'static str = "desk.boards";
}
