//! Boards themselves.

use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Tx, params};

use super::{id, integer};
use crate::wire::{
    BoardId,
    parts::{Board, BoardEntry, Role},
};

/// Makes a board; `false` where the id is taken.
pub(crate) async fn insert(tx: &mut Tx, board: &BoardId, title: &str) -> Result<bool, Error> {
    let sql =
        "INSERT INTO desk_board (id, title, archived, created_ms, changed_ms) VALUES ($1, $2, 0, $3, $3)
               ON CONFLICT (id) DO NOTHING";
    let now_ms = integer(tx.now_ms());
    Ok(tx.execute(sql, params![board.as_str(), title, now_ms]).await? > 0)
}

/// The board; `None` where there is none.
pub(crate) async fn board(tx: &mut ReadTx, board: &BoardId) -> Result<Option<Board>, Error> {
    let sql = "SELECT title, archived FROM desk_board WHERE id = $1";
    let row = tx.row(sql, params![board.as_str()]).await?;
    row.map(|row| Ok(Board { id: board.clone(), title: row.get(0)?, archived: row.get(1)? })).transpose()
}

/// Saves a board's title and whether it is archived.
pub(crate) async fn update(tx: &mut Tx, board: &Board) -> Result<(), Error> {
    let sql = "UPDATE desk_board SET title = $2, archived = $3 WHERE id = $1";
    tx.execute(sql, params![board.id.as_str(), &board.title, board.archived]).await.map(drop)
}

/// Notes that something on the board has changed.
pub(crate) async fn touch(tx: &mut Tx, board: &BoardId) -> Result<(), Error> {
    let sql = "UPDATE desk_board SET changed_ms = $2 WHERE id = $1";
    let now_ms = integer(tx.now_ms());
    tx.execute(sql, params![board.as_str(), now_ms]).await.map(drop)
}

/// The boards that a user may see, the last changed first.
pub(crate) async fn of_user(tx: &mut ReadTx, user: &UserId) -> Result<Vec<BoardEntry>, Error> {
    let sql = "SELECT desk_board.id, desk_board.title, desk_member.role, desk_board.changed_ms, desk_board.archived,
                   (SELECT COUNT(*) FROM desk_card WHERE desk_card.board = desk_board.id
                    AND desk_card.archived = 0 AND desk_card.trashed_ms IS NULL) AS cards
               FROM desk_member JOIN desk_board ON desk_board.id = desk_member.board
               WHERE desk_member.user_id = $1 ORDER BY desk_board.changed_ms DESC, desk_board.id";
    let rows = tx.rows(sql, params![user.as_str()]).await?;
    let entry = |row: &veche_store::Row| {
        Ok(BoardEntry {
            id: id(row, 0)?,
            title: row.get(1)?,
            role: role(row.get(2)?)?,
            changed_ms: row.get(3)?,
            archived: row.get(4)?,
            cards: row.get(5)?,
        })
    };
    rows.iter().map(entry).collect()
}

/// How many boards a user owns.
pub(crate) async fn owned(tx: &mut ReadTx, user: &UserId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM desk_member WHERE user_id = $1 AND role = $2";
    tx.one(sql, params![user.as_str(), Role::Owner.number()]).await?.get(0)
}

pub(super) fn role(number: i64) -> Result<Role, Error> {
    Role::of(number).ok_or_else(|| Error::Corrupt(format!("{number} is no role of a board")))
}
