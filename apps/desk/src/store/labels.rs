//! A board's labels. Which of them a card has stands in the card's row.

use veche_store::{Error, ReadTx, Tx, params};

use super::id;
use crate::wire::{BoardId, LabelId, parts::Label};

/// A board's labels, in the order of their ids.
pub(crate) async fn of_board(tx: &mut ReadTx, board: &BoardId) -> Result<Vec<Label>, Error> {
    let sql = "SELECT id, name, hue FROM desk_label WHERE board = $1 ORDER BY id";
    let rows = tx.rows(sql, params![board.as_str()]).await?;
    let label = |row: &veche_store::Row| {
        let hue = row.get::<u32>(2)?;
        let hue = u16::try_from(hue).map_err(|_| Error::Corrupt(format!("{hue} is no hue")))?;
        Ok(Label { id: id(row, 0)?, name: row.get(1)?, hue })
    };
    rows.iter().map(label).collect()
}

/// Makes a label, or changes it.
pub(crate) async fn set(tx: &mut Tx, board: &BoardId, label: &Label) -> Result<(), Error> {
    let sql = "INSERT INTO desk_label (board, id, name, hue) VALUES ($1, $2, $3, $4)
               ON CONFLICT (board, id) DO UPDATE SET name = excluded.name, hue = excluded.hue";
    let params = params![board.as_str(), label.id.as_str(), &label.name, u32::from(label.hue)];
    tx.execute(sql, params).await.map(drop)
}

/// Removes a label; `false` where there is none.
pub(crate) async fn remove(tx: &mut Tx, board: &BoardId, label: &LabelId) -> Result<bool, Error> {
    let sql = "DELETE FROM desk_label WHERE board = $1 AND id = $2";
    Ok(tx.execute(sql, params![board.as_str(), label.as_str()]).await? > 0)
}
