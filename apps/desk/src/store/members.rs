//! Who may see a board, and what they may do there.

use veche_kernel::UserId;
use veche_store::{Error, ReadTx, Tx, params};

use super::boards::role as read_role;
use crate::wire::{BoardId, parts::Role};

/// What a user may do on a board; `None` where there is no such board, too.
pub(crate) async fn role(tx: &mut ReadTx, board: &BoardId, user: &UserId) -> Result<Option<Role>, Error> {
    let sql = "SELECT role FROM desk_member WHERE board = $1 AND user_id = $2";
    let row = tx.row(sql, params![board.as_str(), user.as_str()]).await?;
    row.map(|row| read_role(row.get(0)?)).transpose()
}

/// A board's members, in the order of their ids.
pub(crate) async fn of_board(tx: &mut ReadTx, board: &BoardId) -> Result<Vec<(UserId, Role)>, Error> {
    let sql = "SELECT user_id, role FROM desk_member WHERE board = $1 ORDER BY user_id";
    let rows = tx.rows(sql, params![board.as_str()]).await?;
    let member = |row: &veche_store::Row| {
        let user: Box<str> = row.get(0)?;
        Ok((UserId::from(&*user), read_role(row.get(1)?)?))
    };
    rows.iter().map(member).collect()
}

/// Makes somebody a member, or gives them another role.
pub(crate) async fn set(tx: &mut Tx, board: &BoardId, user: &UserId, role: Role) -> Result<(), Error> {
    let sql = "INSERT INTO desk_member (board, user_id, role) VALUES ($1, $2, $3)
               ON CONFLICT (board, user_id) DO UPDATE SET role = excluded.role";
    tx.execute(sql, params![board.as_str(), user.as_str(), role.number()]).await.map(drop)
}

/// Ends a membership.
pub(crate) async fn remove(tx: &mut Tx, board: &BoardId, user: &UserId) -> Result<(), Error> {
    let sql = "DELETE FROM desk_member WHERE board = $1 AND user_id = $2";
    tx.execute(sql, params![board.as_str(), user.as_str()]).await.map(drop)
}
