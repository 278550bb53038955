//! Labels of a card, and whose work it is: sets that things are added to and removed from.

use super::{Change, card};
use crate::{
    board::Board,
    error::DeskError,
    rules::{Changed, LABELS_MAX, MEMBERS_MAX, change_set},
    store::{cards, labels, members},
    text::TextError,
    wire::{
        calls::{Applied, AssignCard, LabelCard},
        events::{CardAssigned, CardLabelled},
    },
};

impl Change for LabelCard {
    const NAME: &'static str = Self::CALL;

    fn checked(self) -> Result<Self, DeskError> {
        few(self.add.len(), self.remove.len(), LABELS_MAX)?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let mut row = card(board, &self.card).await?;
        let Changed { set, added, removed } = change_set(&row.labels, &self.add, &self.remove);
        if added.is_empty() && removed.is_empty() {
            return Ok(Applied::default());
        }
        if !added.is_empty() {
            let known = labels::of_board(board.tx, &board.op.board).await?;
            if !added.iter().all(|label| known.iter().any(|known| known.id == *label)) {
                return Err(DeskError::NotFound("data.add"));
            }
        }
        row.labels = set;
        row.changed = board.next().await?;
        cards::update(board.tx, &board.op.board, &row).await?;
        board.publish(&CardLabelled { card: row.id, add: added, remove: removed }).await
    }
}

impl Change for AssignCard {
    const NAME: &'static str = Self::CALL;

    fn checked(self) -> Result<Self, DeskError> {
        few(self.add.len(), self.remove.len(), MEMBERS_MAX)?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let mut row = card(board, &self.card).await?;
        let Changed { set, added, removed } = change_set(&row.assignees, &self.add, &self.remove);
        if added.is_empty() && removed.is_empty() {
            return Ok(Applied::default());
        }
        if !added.is_empty() {
            let members = members::of_board(board.tx, &board.op.board).await?;
            if !added.iter().all(|user| members.iter().any(|(member, _)| member.as_str() == user)) {
                return Err(DeskError::NotFound("data.add"));
            }
        }
        row.assignees = set;
        row.changed = board.next().await?;
        cards::update(board.tx, &board.op.board, &row).await?;
        board.publish(&CardAssigned { card: row.id, add: added, remove: removed }).await
    }
}

/// No call names more things than a board has.
fn few(add: usize, remove: usize, most: u64) -> Result<(), DeskError> {
    let check = |count: usize, field| {
        let is_right = count as u64 <= most;
        is_right.then_some(()).ok_or(DeskError::Text(field, TextError::Many(most as usize)))
    };
    check(add, "data.add")?;
    check(remove, "data.remove")
}
