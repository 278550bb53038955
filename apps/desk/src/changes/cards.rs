//! Cards: made, moved, thrown away and taken out of the trash.

use super::{Change, any_card, card, lists::not_beside_itself, place, takes_cards, told};
use crate::{
    board::Board,
    error::{DeskError, Full},
    rules::{CARDS_MAX, Edits, overwritten},
    store::{
        cards::{self, CardRow},
        lists,
        sequence::{Sequence, Wish},
    },
    text,
    wire::{
        CardId,
        calls::{Applied, CreateCard, DeleteCard, Field, MoveCard, Old, Place, RestoreCard},
        events::{CardCreated, CardDeleted, CardMoved, CardRestored},
    },
};

impl Change for CreateCard {
    const NAME: &'static str = Self::CALL;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.title = text::title(&self.title).map_err(|error| DeskError::Text("data.title", error))?;
        let description = self.description.as_deref().map_or(Ok(()), text::description);
        description.map_err(|error| DeskError::Text("data.description", error))?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let id = board.id().clone();
        if !takes_cards(board, &self.list).await? {
            return Err(DeskError::ListGone("data.list"));
        }
        if cards::card(board.tx, &id, &self.card).await?.is_some() {
            return Err(DeskError::Taken("data.card"));
        }
        if cards::count(board.tx, &id).await? >= CARDS_MAX {
            return Err(DeskError::Full(Full::Cards));
        }
        let wish = wish(&self.card, self.after.as_ref(), self.before.as_ref());
        let key = place(board, Sequence::Cards(&id, &self.list), wish, None).await?;
        let ord = key.ok_or_else(|| DeskError::corrupt("a new card is in its place already"))?;
        let description = self.description.clone().unwrap_or_default();
        let row = self.row(ord, board.next().await?);
        cards::insert(board.tx, &id, &row).await?;
        if row.described {
            cards::describe(board.tx, &id, &self.card, &description).await?;
        }
        board.publish(&CardCreated { card: row.into_card(), description }).await
    }
}

impl CreateCard {
    fn row(&self, ord: String, changed: u64) -> CardRow {
        CardRow {
            id: self.card.clone(),
            list: self.list.clone(),
            ord,
            title: self.title.clone(),
            labels: Vec::new(),
            assignees: Vec::new(),
            due: None,
            archived: false,
            trashed_ms: None,
            described: self.description.as_deref().is_some_and(|text| !text.is_empty()),
            changed,
            edits: Edits::default(),
        }
    }
}

impl Change for MoveCard {
    const NAME: &'static str = Self::CALL;

    fn checked(self) -> Result<Self, DeskError> {
        not_beside_itself(&self.card, self.after.as_ref(), self.before.as_ref())?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let id = board.id().clone();
        let mut row = card(board, &self.card).await?;
        if !takes_cards(board, &self.to_list).await? {
            return Err(DeskError::ListGone("data.to_list"));
        }
        let wish = wish(&self.card, self.after.as_ref(), self.before.as_ref());
        let now = (row.list == self.to_list).then_some(row.ord.as_str());
        let seen = self.seen.and_then(|seen| seen.place);
        let last = overwritten(row.edits.place.as_ref(), seen, board.writer()).cloned();
        // Before it is placed, which may give everything in the list other keys.
        let before = match &last {
            Some(_) => cards::before(board.tx, &id, &row.list, &row.ord).await?,
            None => None,
        };
        let Some(ord) = place(board, Sequence::Cards(&id, &self.to_list), wish, now).await? else {
            return Ok(Applied::default());
        };
        let mut overwrote = Vec::new();
        if let Some(last) = last {
            let old = Old::Place(Place { list: row.list.clone(), after: before });
            overwrote.push(told(board, Field::Place, &last, old).await?);
        }
        let edit = board.edit().await?;
        row.changed = edit.at;
        row.edits.place = Some(edit);
        (row.list, row.ord) = (self.to_list.clone(), ord.clone());
        cards::update(board.tx, &id, &row).await?;
        let event = CardMoved { card: row.id, list: row.list, ord };
        Ok(Applied { overwrote, ..board.publish(&event).await? })
    }
}

impl Change for DeleteCard {
    const NAME: &'static str = Self::CALL;

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let mut row = any_card(board, &self.card).await?;
        if row.trashed_ms.is_some() {
            return Ok(Applied::default());
        }
        row.trashed_ms = Some(board.tx.now_ms());
        row.changed = board.next().await?;
        cards::update(board.tx, &board.op.board, &row).await?;
        board.publish(&CardDeleted { card: self.card.clone() }).await
    }
}

impl Change for RestoreCard {
    const NAME: &'static str = Self::CALL;

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let mut row = any_card(board, &self.card).await?;
        if row.trashed_ms.is_none() {
            return Ok(Applied::default());
        }
        put_back(board, &mut row).await?;
        row.trashed_ms = None;
        let edit = board.edit().await?;
        row.changed = edit.at;
        if row.archived {
            // Whoever takes it out of the trash wants to see it.
            row.archived = false;
            row.edits.archived = Some(edit);
        }
        cards::update(board.tx, &board.op.board, &row).await?;
        board.publish(&CardRestored { card: row.into_card() }).await
    }
}

/// Finds a place for a card that will be shown again: its own, or, where its list is archived, the end of the
/// first one that is not.
pub(super) async fn put_back(board: &mut Board<'_>, row: &mut CardRow) -> Result<(), DeskError> {
    if takes_cards(board, &row.list).await? {
        return Ok(());
    }
    let id = board.id().clone();
    let lists = lists::of_board(board.tx, &id).await?;
    let list = lists.into_iter().find(|list| !list.archived).ok_or(DeskError::ListGone("data.card"))?.id;
    let key = place(board, Sequence::Cards(&id, &list), wish(&row.id, None, None), None).await?;
    row.ord = key.ok_or_else(|| DeskError::corrupt("a card is in two lists"))?;
    row.list = list;
    row.edits.place = Some(board.edit().await?);
    Ok(())
}

fn wish<'a>(thing: &'a CardId, after: Option<&'a CardId>, before: Option<&'a CardId>) -> Wish<'a> {
    Wish { thing: thing.as_str(), after: after.map(CardId::as_str), before: before.map(CardId::as_str) }
}
