//! The board itself.

use veche_kernel::{Sender, UserId};
use veche_people::accounts;
use veche_store::Tx;

use super::Change;
use crate::{
    board::{Board, Operation, tell_of_boards},
    error::{DeskError, Full},
    rules::BOARDS_MAX,
    store::{boards, members},
    text,
    wire::{
        calls::{Applied, ChangeBoard},
        events::{BoardChanged, BoardCreated},
        parts::Role,
    },
};

/// Makes a board, whose owner is the caller.
pub(crate) async fn create(tx: &mut Tx, op: &Operation, title: &str) -> Result<Applied, DeskError> {
    let Sender { user: owner, .. } = &op.by;
    if boards::owned(tx, owner).await? >= BOARDS_MAX {
        return Err(DeskError::Full(Full::Boards));
    }
    // The row first: a channel is made for a board that is new, and for no other.
    if !boards::insert(tx, &op.board, title).await? {
        return Err(DeskError::Taken("data.board"));
    }
    members::set(tx, &op.board, owner, Role::Owner).await?;
    let created = BoardCreated { title: title.into(), owner: owner.to_string() };
    let applied = Board { tx, op }.publish(&created).await?;
    tell_of_boards(tx, std::slice::from_ref(owner)).await?;
    Ok(applied)
}

impl Change for ChangeBoard {
    const NAME: &'static str = Self::CALL;
    const ROLE: Role = Role::Owner;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.title = checked_title(self.title)?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let found = boards::board(board.tx, &board.op.board).await?;
        let mut row = found.ok_or_else(|| DeskError::corrupt("a board has members and no row"))?;
        let title = self.title.clone().filter(|title| *title != row.title);
        let archived = self.archived.filter(|archived| *archived != row.archived);
        if title.is_none() && archived.is_none() {
            return Ok(Applied::default());
        }
        row.title = title.clone().unwrap_or(row.title);
        row.archived = archived.unwrap_or(row.archived);
        boards::update(board.tx, &row).await?;
        let applied = board.publish(&BoardChanged { title, archived }).await?;
        let members = members::of_board(board.tx, &board.op.board).await?;
        let users: Vec<UserId> = members.into_iter().map(|(user, _)| user).collect();
        tell_of_boards(board.tx, &users).await?;
        Ok(applied)
    }
}

/// A title, if there is one, in its right form.
pub(super) fn checked_title(title: Option<String>) -> Result<Option<String>, DeskError> {
    let checked = title.map(|title| text::title(&title)).transpose();
    checked.map_err(|error| DeskError::Text("data.title", error))
}

/// What a member is called.
pub(crate) async fn name(tx: &mut Tx, user: &UserId) -> Result<String, DeskError> {
    Ok(accounts::names(tx, std::slice::from_ref(user)).await?.into_iter().next().unwrap_or_default())
}
