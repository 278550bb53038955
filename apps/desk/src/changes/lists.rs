//! Lists: made, changed and moved. None is ever removed; one that is archived takes no cards.

use super::{Change, board::checked_title, place, told};
use crate::{
    board::Board,
    error::{DeskError, Full},
    rules::{Edits, LISTS_MAX, overwritten},
    store::{
        lists::{self, ListRow},
        sequence::{Sequence, Wish},
    },
    text,
    wire::{
        ListId,
        calls::{Applied, ChangeList, CreateList, Field, MoveList, Old},
        events::{ListChanged, ListCreated, ListMoved},
    },
};

impl Change for CreateList {
    const NAME: &'static str = Self::CALL;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.title = text::title(&self.title).map_err(|error| DeskError::Text("data.title", error))?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let id = board.id().clone();
        let others = lists::of_board(board.tx, &id).await?;
        if others.iter().any(|other| other.id == self.list) {
            return Err(DeskError::Taken("data.list"));
        }
        if others.len() as u64 >= LISTS_MAX {
            return Err(DeskError::Full(Full::Lists));
        }
        let wish = wish(&self.list, self.after.as_ref(), self.before.as_ref());
        let key = place(board, Sequence::Lists(&id), wish, None).await?;
        let ord = key.ok_or_else(|| DeskError::corrupt("a new list is in its place already"))?;
        let row = ListRow {
            id: self.list.clone(),
            ord,
            title: self.title.clone(),
            archived: false,
            edits: Edits::default(),
        };
        lists::insert(board.tx, &id, &row).await?;
        board.publish(&ListCreated { list: row.into_list(0) }).await
    }
}

impl Change for ChangeList {
    const NAME: &'static str = Self::CALL;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.title = checked_title(self.title)?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let mut row = list(board, &self.list).await?;
        let title = self.title.clone().filter(|title| *title != row.title);
        let archived = self.archived.filter(|archived| *archived != row.archived);
        if title.is_none() && archived.is_none() {
            return Ok(Applied::default());
        }
        let mut overwrote = Vec::new();
        let edit = board.edit().await?;
        if let Some(title) = &title {
            let seen = self.seen.and_then(|seen| seen.title);
            if let Some(last) = overwritten(row.edits.title.as_ref(), seen, board.writer()) {
                let old = Old::Text(Some(row.title.clone()));
                overwrote.push(told(board, Field::Title, last, old).await?);
            }
            row.title.clone_from(title);
            row.edits.title = Some(edit.clone());
        }
        if let Some(archived) = archived {
            row.archived = archived;
            row.edits.archived = Some(edit);
        }
        lists::update(board.tx, &board.op.board, &row).await?;
        let event = ListChanged { list: self.list.clone(), title, archived };
        Ok(Applied { overwrote, ..board.publish(&event).await? })
    }
}

impl Change for MoveList {
    const NAME: &'static str = Self::CALL;

    fn checked(self) -> Result<Self, DeskError> {
        not_beside_itself(&self.list, self.after.as_ref(), self.before.as_ref())?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let id = board.id().clone();
        let now = list(board, &self.list).await?.ord;
        let wish = wish(&self.list, self.after.as_ref(), self.before.as_ref());
        let Some(ord) = place(board, Sequence::Lists(&id), wish, Some(&now)).await? else {
            return Ok(Applied::default());
        };
        let edit = board.edit().await?;
        // Read anew: it may have got another key with all others.
        let mut row = list(board, &self.list).await?;
        row.ord.clone_from(&ord);
        row.edits.place = Some(edit);
        lists::update(board.tx, &id, &row).await?;
        board.publish(&ListMoved { list: self.list.clone(), ord }).await
    }
}

async fn list(board: &mut Board<'_>, list: &ListId) -> Result<ListRow, DeskError> {
    lists::list(board.tx, &board.op.board, list).await?.ok_or(DeskError::NotFound("data.list"))
}

fn wish<'a>(thing: &'a ListId, after: Option<&'a ListId>, before: Option<&'a ListId>) -> Wish<'a> {
    Wish { thing: thing.as_str(), after: after.map(ListId::as_str), before: before.map(ListId::as_str) }
}

/// Whether a thing that is moved names itself as the one to stand beside.
pub(super) fn not_beside_itself<T: PartialEq>(
    thing: &T,
    after: Option<&T>,
    before: Option<&T>,
) -> Result<(), DeskError> {
    match (after, before) {
        (Some(after), _) if after == thing => Err(DeskError::BesideItself("data.after")),
        (_, Some(before)) if before == thing => Err(DeskError::BesideItself("data.before")),
        _ => Ok(()),
    }
}
