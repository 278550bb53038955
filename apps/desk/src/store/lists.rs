//! Lists of a board.

use veche_store::{Error, ReadTx, Row, Tx, params};

use super::{id, json, parse};
use crate::{
    rules::Edits,
    wire::{BoardId, ListId, parts::List},
};

/// A list, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListRow {
    pub(crate) id: ListId,
    pub(crate) ord: String,
    pub(crate) title: String,
    pub(crate) archived: bool,
    pub(crate) edits: Edits,
}

impl ListRow {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: id(row, 0)?,
            ord: row.get(1)?,
            title: row.get(2)?,
            archived: row.get(3)?,
            edits: parse(row, 4)?,
        })
    }

    /// As it goes over the wire.
    pub(crate) fn into_list(self, count: u64) -> List {
        let at = self.edits.of_list();
        List { id: self.id, title: self.title, ord: self.ord, archived: self.archived, at, count }
    }
}

/// The list; `None` where there is none.
pub(crate) async fn list(tx: &mut ReadTx, board: &BoardId, list: &ListId) -> Result<Option<ListRow>, Error> {
    let sql = "SELECT id, ord, title, archived, edits FROM desk_list WHERE board = $1 AND id = $2";
    let row = tx.row(sql, params![board.as_str(), list.as_str()]).await?;
    row.as_ref().map(ListRow::read).transpose()
}

/// A board's lists in their order, archived ones too.
pub(crate) async fn of_board(tx: &mut ReadTx, board: &BoardId) -> Result<Vec<ListRow>, Error> {
    let sql = "SELECT id, ord, title, archived, edits FROM desk_list WHERE board = $1 ORDER BY ord, id";
    tx.rows(sql, params![board.as_str()]).await?.iter().map(ListRow::read).collect()
}

/// Makes a list.
pub(crate) async fn insert(tx: &mut Tx, board: &BoardId, list: &ListRow) -> Result<(), Error> {
    let sql =
        "INSERT INTO desk_list (board, id, ord, title, archived, edits) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, columns(board, list)?).await.map(drop)
}

/// Saves a list that was changed.
pub(crate) async fn update(tx: &mut Tx, board: &BoardId, list: &ListRow) -> Result<(), Error> {
    let sql =
        "UPDATE desk_list SET ord = $3, title = $4, archived = $5, edits = $6 WHERE board = $1 AND id = $2";
    tx.execute(sql, columns(board, list)?).await.map(drop)
}

fn columns(board: &BoardId, list: &ListRow) -> Result<[veche_store::Value; 6], Error> {
    let (id, edits) = (list.id.as_str(), json(&list.edits)?);
    Ok(params![board.as_str(), id, &list.ord, &list.title, list.archived, edits])
}
