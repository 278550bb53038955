//! What each call changes on a board: read, decide by the rules, save, publish.

mod board;
mod cards;
mod fields;
mod labels;
mod lists;
mod sets;

pub(crate) use board::{create as create_board, name};
use serde::de::DeserializeOwned;
use veche_kernel::UserId;

use crate::{
    board::Board,
    error::DeskError,
    rules::{Edit, Placed},
    store::{
        cards::{self as card_rows, CardRow},
        lists as list_rows,
        sequence::{Sequence, Wish},
    },
    wire::{
        CardId, ListId,
        calls::{Applied, Field, Old, Overwritten},
        events::{ListRekeyed, ListsRekeyed},
        parts::Role,
    },
};

/// A call that changes a board.
pub(crate) trait Change: DeserializeOwned + Send + Sync + 'static {
    /// The name of the call.
    const NAME: &'static str;
    /// Who may make it.
    const ROLE: Role = Role::Editor;

    /// The call with its texts in their right form, or what is wrong with them.
    fn checked(self) -> Result<Self, DeskError> {
        Ok(self)
    }

    /// Does it.
    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError>;
}

/// A card that is not in the trash.
async fn card(board: &mut Board<'_>, card: &CardId) -> Result<CardRow, DeskError> {
    let row = any_card(board, card).await?;
    if row.trashed_ms.is_some() { Err(DeskError::Gone) } else { Ok(row) }
}

/// A card, in the trash too.
async fn any_card(board: &mut Board<'_>, card: &CardId) -> Result<CardRow, DeskError> {
    let row = card_rows::card(board.tx, &board.op.board, card).await?;
    row.ok_or(DeskError::NotFound("data.card"))
}

/// Whether a list is there for cards to be put in.
async fn takes_cards(board: &mut Board<'_>, list: &ListId) -> Result<bool, DeskError> {
    let row = list_rows::list(board.tx, &board.op.board, list).await?;
    Ok(row.is_some_and(|row| !row.archived))
}

/// The key of what is to be placed; `None` where it is right where it is, at the key `now`. Where the key would be
/// too long, all of the sequence gets new keys first, and everybody is told.
async fn place(
    board: &mut Board<'_>,
    sequence: Sequence<'_>,
    wish: Wish<'_>,
    now: Option<&str>,
) -> Result<Option<String>, DeskError> {
    match sequence.gap(board.tx, wish).await?.place(now)? {
        Placed::Stays => return Ok(None),
        Placed::At(key) => return Ok(Some(key)),
        Placed::TooLong => rekey(board, sequence).await?,
    }
    match sequence.gap(board.tx, wish).await?.place(None)? {
        Placed::At(key) => Ok(Some(key)),
        Placed::Stays | Placed::TooLong => Err(DeskError::corrupt("a key is too long among new ones")),
    }
}

async fn rekey(board: &mut Board<'_>, sequence: Sequence<'_>) -> Result<(), DeskError> {
    fn ids<T: TryFrom<String>>(keys: Vec<(String, String)>) -> Result<Vec<(T, String)>, DeskError> {
        let id = |text: String| T::try_from(text).map_err(|_| DeskError::corrupt("an id on a board is none"));
        keys.into_iter().map(|(text, key)| Ok((id(text)?, key))).collect()
    }
    let keys = sequence.rekey(board.tx).await?;
    match sequence {
        Sequence::Lists(_) => board.publish_before(&ListsRekeyed { keys: ids(keys)? }).await,
        Sequence::Cards(_, list) => {
            board.publish_before(&ListRekeyed { list: list.clone(), keys: ids(keys)? }).await
        }
    }
}

/// What a writer is told of a change that is overwritten.
async fn told(board: &mut Board<'_>, field: Field, last: &Edit, old: Old) -> Result<Overwritten, DeskError> {
    let by_name = name(board.tx, &UserId::from(last.by.as_str())).await?;
    Ok(Overwritten { field, by: last.by.clone(), by_name, at_ms: last.ms, old })
}
