//! The end of what was in the trash for long enough.

use veche_store::{Error, Store, Tx, params};

use super::integer;
use crate::rules::TRASH_MS;

/// How many cards one write removes.
const STEP: u64 = 200;

/// Removes cards that have been in the trash for 30 days; how many. Nobody is told: they were gone before.
pub(crate) async fn sweep(store: &Store) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let step = store.write(async |tx| remove(tx).await).await?;
        removed += step;
        if step < STEP {
            return Ok(removed);
        }
    }
}

async fn remove(tx: &mut Tx) -> Result<u64, Error> {
    let over_ms = integer(tx.now_ms().saturating_sub(TRASH_MS));
    let sql = "SELECT board, id FROM desk_card WHERE trashed_ms IS NOT NULL AND trashed_ms <= $1 LIMIT $2";
    let rows = tx.rows(sql, params![over_ms, integer(STEP)]).await?;
    for row in &rows {
        let (board, card): (Box<str>, Box<str>) = (row.get(0)?, row.get(1)?);
        // A card that was restored meanwhile stays, on a database with several writers.
        let sql = "DELETE FROM desk_card WHERE board = $1 AND id = $2 AND trashed_ms <= $3";
        if tx.execute(sql, params![board.clone(), card.clone(), over_ms]).await? > 0 {
            let sql = "DELETE FROM desk_description WHERE board = $1 AND card = $2";
            tx.execute(sql, params![board, card]).await?;
        }
    }
    Ok(rows.len() as u64)
}
