//! Cards of a board.

use veche_store::{Error, ReadTx, Row, Tx, Value, params};

use super::{id, integer, json, parse};
use crate::{
    rules::Edits,
    wire::{BoardId, CardId, LabelId, ListId, parts::Card},
};

/// A card, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CardRow {
    pub(crate) id: CardId,
    pub(crate) list: ListId,
    pub(crate) ord: String,
    pub(crate) title: String,
    pub(crate) labels: Vec<LabelId>,
    pub(crate) assignees: Vec<String>,
    pub(crate) due: Option<String>,
    pub(crate) archived: bool,
    /// When it was put into the trash, if it is there.
    pub(crate) trashed_ms: Option<u64>,
    pub(crate) described: bool,
    pub(crate) changed: u64,
    pub(crate) edits: Edits,
}

impl CardRow {
    /// Reads the columns of every query here.
    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: id(row, 0)?,
            list: id(row, 1)?,
            ord: row.get(2)?,
            title: row.get(3)?,
            labels: parse(row, 4)?,
            assignees: parse(row, 5)?,
            due: row.get(6)?,
            archived: row.get(7)?,
            trashed_ms: row.get(8)?,
            described: row.get(9)?,
            changed: row.get(10)?,
            edits: parse(row, 11)?,
        })
    }

    /// As it goes over the wire.
    pub(crate) fn into_card(self) -> Card {
        Card {
            id: self.id,
            list: self.list,
            ord: self.ord,
            title: self.title,
            labels: self.labels,
            assignees: self.assignees,
            due: self.due,
            archived: self.archived,
            described: self.described,
            changed: self.changed,
            at: self.edits.of_card(),
        }
    }

    fn columns(&self, board: &BoardId) -> Result<[Value; 13], Error> {
        Ok(params![
            board.as_str(),
            self.id.as_str(),
            self.list.as_str(),
            &self.ord,
            &self.title,
            json(&self.labels)?,
            json(&self.assignees)?,
            self.due.as_deref(),
            self.archived,
            self.trashed_ms.map(integer),
            self.described,
            integer(self.changed),
            json(&self.edits)?,
        ])
    }
}

/// The card, in the trash too; `None` where there is none.
pub(crate) async fn card(tx: &mut ReadTx, board: &BoardId, card: &CardId) -> Result<Option<CardRow>, Error> {
    let sql =
        "SELECT id, list, ord, title, labels, assignees, due, archived, trashed_ms, described, changed, edits
               FROM desk_card WHERE board = $1 AND id = $2";
    let row = tx.row(sql, params![board.as_str(), card.as_str()]).await?;
    row.as_ref().map(CardRow::read).transpose()
}

/// How many cards a board has, hidden ones too.
pub(crate) async fn count(tx: &mut ReadTx, board: &BoardId) -> Result<u64, Error> {
    tx.one("SELECT COUNT(*) FROM desk_card WHERE board = $1", params![board.as_str()]).await?.get(0)
}

/// The card that is shown right before this key in a list.
pub(crate) async fn before(
    tx: &mut ReadTx,
    board: &BoardId,
    list: &ListId,
    ord: &str,
) -> Result<Option<CardId>, Error> {
    let sql = "SELECT id FROM desk_card
               WHERE board = $1 AND list = $2 AND ord < $3 AND archived = 0 AND trashed_ms IS NULL
               ORDER BY ord DESC LIMIT 1";
    let row = tx.row(sql, params![board.as_str(), list.as_str(), ord]).await?;
    row.map(|row| id(&row, 0)).transpose()
}

/// Makes a card.
pub(crate) async fn insert(tx: &mut Tx, board: &BoardId, card: &CardRow) -> Result<(), Error> {
    let sql =
        "INSERT INTO desk_card (board, id, list, ord, title, labels, assignees, due, archived, trashed_ms,
                   described, changed, edits)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    tx.execute(sql, card.columns(board)?).await.map(drop)
}

/// Saves a card that was changed.
pub(crate) async fn update(tx: &mut Tx, board: &BoardId, card: &CardRow) -> Result<(), Error> {
    let sql = "UPDATE desk_card SET list = $3, ord = $4, title = $5, labels = $6, assignees = $7, due = $8,
                   archived = $9, trashed_ms = $10, described = $11, changed = $12, edits = $13
               WHERE board = $1 AND id = $2";
    tx.execute(sql, card.columns(board)?).await.map(drop)
}

/// A card's description, often empty.
pub(crate) async fn description(tx: &mut ReadTx, board: &BoardId, card: &CardId) -> Result<String, Error> {
    let sql = "SELECT text FROM desk_description WHERE board = $1 AND card = $2";
    let row = tx.row(sql, params![board.as_str(), card.as_str()]).await?;
    row.map_or(Ok(String::new()), |row| row.get(0))
}

/// Saves a card's description; an empty one has no row.
pub(crate) async fn describe(tx: &mut Tx, board: &BoardId, card: &CardId, text: &str) -> Result<(), Error> {
    if text.is_empty() {
        let sql = "DELETE FROM desk_description WHERE board = $1 AND card = $2";
        return tx.execute(sql, params![board.as_str(), card.as_str()]).await.map(drop);
    }
    let sql = "INSERT INTO desk_description (board, card, text) VALUES ($1, $2, $3)
               ON CONFLICT (board, card) DO UPDATE SET text = excluded.text";
    tx.execute(sql, params![board.as_str(), card.as_str(), text]).await.map(drop)
}

/// Takes something off every card of a board that has it, hidden ones too.
async fn take_off(
    tx: &mut Tx,
    rows: Vec<Row>,
    board: &BoardId,
    sql: &'static str,
    gone: &str,
) -> Result<(), Error> {
    for row in rows {
        let mut set: Vec<String> = parse(&row, 1)?;
        let before = set.len();
        set.retain(|thing| thing != gone);
        if set.len() < before {
            tx.execute(sql, params![board.as_str(), row.get::<Box<str>>(0)?, json(&set)?]).await?;
        }
    }
    Ok(())
}

/// Takes a label off every card.
pub(crate) async fn take_label(tx: &mut Tx, board: &BoardId, label: &LabelId) -> Result<(), Error> {
    let sql = "SELECT id, labels FROM desk_card WHERE board = $1 AND labels <> '[]'";
    let rows = tx.rows(sql, params![board.as_str()]).await?;
    let sql = "UPDATE desk_card SET labels = $3 WHERE board = $1 AND id = $2";
    take_off(tx, rows, board, sql, label.as_str()).await
}

/// Takes a user off every card.
pub(crate) async fn take_assignee(tx: &mut Tx, board: &BoardId, user: &str) -> Result<(), Error> {
    let sql = "SELECT id, assignees FROM desk_card WHERE board = $1 AND assignees <> '[]'";
    let rows = tx.rows(sql, params![board.as_str()]).await?;
    let sql = "UPDATE desk_card SET assignees = $3 WHERE board = $1 AND id = $2";
    take_off(tx, rows, board, sql, user).await
}
