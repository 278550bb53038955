//! What is sorted by keys: the lists of a board, and the cards of a list.
//!
//! Hidden things count: an anchor that was archived or put into the trash a moment ago still says where something
//! goes, and no new key can meet one that is hidden.

use veche_store::{Error, Row, Tx, params};

use crate::{
    error::DeskError,
    order::n_between,
    rules::Gap,
    wire::{BoardId, ListId},
};

/// A sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sequence<'a> {
    /// A board's lists.
    Lists(&'a BoardId),
    /// The cards of a list.
    Cards(&'a BoardId, &'a ListId),
}

/// Where somebody wants something to be. What is not in the sequence is passed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// What is to be placed.
    pub(crate) thing: &'a str,
    /// Right after this.
    pub(crate) after: Option<&'a str>,
    /// Else right before this; else at the end.
    pub(crate) before: Option<&'a str>,
}

/// A step in the sequence, past the thing that is to be placed.
#[derive(Debug, Clone, Copy)]
enum Step {
    Next,
    Previous,
}

impl Sequence<'_> {
    /// The gap that a wish means, as if the thing itself were not there.
    pub(crate) async fn gap(self, tx: &mut Tx, wish: Wish<'_>) -> Result<Gap, Error> {
        if let Some(after) = wish.after
            && let Some(low) = self.key_of(tx, after).await?
        {
            let high = self.step(tx, Step::Next, &low, wish.thing).await?;
            return Ok(Gap { low: Some(low), high });
        }
        if let Some(before) = wish.before
            && let Some(high) = self.key_of(tx, before).await?
        {
            let low = self.step(tx, Step::Previous, &high, wish.thing).await?;
            return Ok(Gap { low, high: Some(high) });
        }
        // After every key: their characters are smaller.
        Ok(Gap { low: self.step(tx, Step::Previous, "~", wish.thing).await?, high: None })
    }

    async fn key_of(self, tx: &mut Tx, thing: &str) -> Result<Option<String>, Error> {
        let row = match self {
            Self::Lists(board) => {
                let sql = "SELECT ord FROM desk_list WHERE board = $1 AND id = $2";
                tx.row(sql, params![board.as_str(), thing]).await?
            }
            Self::Cards(board, list) => {
                let sql = "SELECT ord FROM desk_card WHERE board = $1 AND list = $2 AND id = $3";
                tx.row(sql, params![board.as_str(), list.as_str(), thing]).await?
            }
        };
        row.map(|row| row.get(0)).transpose()
    }

    async fn step(self, tx: &mut Tx, step: Step, from: &str, but: &str) -> Result<Option<String>, Error> {
        let row = match self {
            Self::Lists(board) => {
                let sql = match step {
                    Step::Next => {
                        "SELECT ord FROM desk_list WHERE board = $1 AND ord > $2 AND id <> $3
                         ORDER BY ord LIMIT 1"
                    }
                    Step::Previous => {
                        "SELECT ord FROM desk_list WHERE board = $1 AND ord < $2 AND id <> $3
                         ORDER BY ord DESC LIMIT 1"
                    }
                };
                tx.row(sql, params![board.as_str(), from, but]).await?
            }
            Self::Cards(board, list) => {
                let sql = match step {
                    Step::Next => {
                        "SELECT ord FROM desk_card WHERE board = $1 AND list = $2 AND ord > $3 AND id <> $4
                         ORDER BY ord LIMIT 1"
                    }
                    Step::Previous => {
                        "SELECT ord FROM desk_card WHERE board = $1 AND list = $2 AND ord < $3 AND id <> $4
                         ORDER BY ord DESC LIMIT 1"
                    }
                };
                tx.row(sql, params![board.as_str(), list.as_str(), from, but]).await?
            }
        };
        row.map(|row| row.get(0)).transpose()
    }

    /// Gives everything short keys in the same order; what has which key now, in the order.
    pub(crate) async fn rekey(self, tx: &mut Tx) -> Result<Vec<(String, String)>, DeskError> {
        let things = self.things(tx).await?;
        let keys = n_between(None, None, things.len())?;
        // Out of the way first: while keys are exchanged one by one, none may be there twice.
        match self {
            Self::Lists(board) => {
                let sql = "UPDATE desk_list SET ord = '~' || ord WHERE board = $1";
                tx.execute(sql, params![board.as_str()]).await?;
            }
            Self::Cards(board, list) => {
                let sql = "UPDATE desk_card SET ord = '~' || ord WHERE board = $1 AND list = $2";
                tx.execute(sql, params![board.as_str(), list.as_str()]).await?;
            }
        }
        let (board, sql) = match self {
            Self::Lists(board) => (board, "UPDATE desk_list SET ord = $3 WHERE board = $1 AND id = $2"),
            Self::Cards(board, _) => (board, "UPDATE desk_card SET ord = $3 WHERE board = $1 AND id = $2"),
        };
        for (thing, key) in things.iter().zip(&keys) {
            tx.execute(sql, params![board.as_str(), thing, key]).await?;
        }
        Ok(things.into_iter().zip(keys).collect())
    }

    /// The ids of all that is in it, in the order.
    async fn things(self, tx: &mut Tx) -> Result<Vec<String>, Error> {
        let rows = match self {
            Self::Lists(board) => {
                let sql = "SELECT id FROM desk_list WHERE board = $1 ORDER BY ord, id";
                tx.rows(sql, params![board.as_str()]).await?
            }
            Self::Cards(board, list) => {
                let sql = "SELECT id FROM desk_card WHERE board = $1 AND list = $2 ORDER BY ord, id";
                tx.rows(sql, params![board.as_str(), list.as_str()]).await?
            }
        };
        rows.iter().map(|row: &Row| row.get(0)).collect()
    }
}
