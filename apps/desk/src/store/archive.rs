//! What of a board is hidden and can be taken back.

use veche_store::{Error, ReadTx, params};

use super::{cards::CardRow, integer};
use crate::wire::{BoardId, parts::Archive};

/// The most cards of each kind that are read.
const MOST: u64 = 200;

/// A board's archived cards, and those in its trash.
pub(crate) async fn of_board(tx: &mut ReadTx, board: &BoardId) -> Result<Archive, Error> {
    let archived =
        "SELECT id, list, ord, title, labels, assignees, due, archived, trashed_ms, described, changed, edits
                    FROM desk_card WHERE board = $1 AND archived = 1 AND trashed_ms IS NULL
                    ORDER BY changed DESC LIMIT $2";
    let deleted =
        "SELECT id, list, ord, title, labels, assignees, due, archived, trashed_ms, described, changed, edits
                   FROM desk_card WHERE board = $1 AND trashed_ms IS NOT NULL
                   ORDER BY trashed_ms DESC, changed DESC LIMIT $2";
    let mut read = [Vec::new(), Vec::new()];
    for (sql, cards) in [archived, deleted].into_iter().zip(&mut read) {
        for row in tx.rows(sql, params![board.as_str(), integer(MOST)]).await? {
            cards.push(CardRow::read(&row)?.into_card());
        }
    }
    let [archived, deleted] = read;
    Ok(Archive { archived, deleted })
}
