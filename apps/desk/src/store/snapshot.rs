//! A whole board, or the beginning of each of its lists.

use std::{collections::HashMap, ops::ControlFlow};

use veche_kernel::UserId;
use veche_people::accounts;
use veche_store::{Error, ReadTx, params};

use super::{cards::CardRow, id, integer, labels, lists, members};
use crate::wire::{
    BoardId, ListId,
    parts::{Card, List, Member},
};

/// What is on a board.
pub(crate) struct Content {
    pub(crate) members: Vec<Member>,
    pub(crate) labels: Vec<crate::wire::parts::Label>,
    pub(crate) lists: Vec<List>,
    pub(crate) cards: Vec<Card>,
}

/// How much of a board is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// So many cards of each list that is not archived.
    Beginning(u32),
}

/// Everything on a board that is shown; one query a table.
pub(crate) async fn content(tx: &mut ReadTx, board: &BoardId, extent: Extent) -> Result<Content, Error> {
    let counts = counts(tx, board).await?;
    let count = |list: &ListId| counts.get(list).copied().unwrap_or_default();
    let rows = lists::of_board(tx, board).await?;
    let lists: Vec<List> = rows
        .into_iter()
        .map(|row| {
            let count = count(&row.id);
            row.into_list(count)
        })
        .collect();
    let mut cards = match extent {
        Extent::Whole => whole(tx, board).await?,
        Extent::Beginning(most) => beginning(tx, board, most).await?,
    };
    let place: HashMap<&ListId, usize> = lists.iter().enumerate().map(|(at, list)| (&list.id, at)).collect();
    // Stable: the rows of a list come in their order.
    cards.sort_by_key(|card| place.get(&card.list).copied());
    let labels = labels::of_board(tx, board).await?;
    Ok(Content { members: named_members(tx, board).await?, labels, lists, cards })
}

/// A board's members with their names.
async fn named_members(tx: &mut ReadTx, board: &BoardId) -> Result<Vec<Member>, Error> {
    let (users, roles): (Vec<UserId>, Vec<_>) = members::of_board(tx, board).await?.into_iter().unzip();
    let names = accounts::names(tx, &users).await?;
    let member = |((user, name), role): ((UserId, String), _)| Member { user: user.to_string(), name, role };
    Ok(users.into_iter().zip(names).zip(roles).map(member).collect())
}

/// How many cards are shown in each list that has one.
pub(crate) async fn counts(tx: &mut ReadTx, board: &BoardId) -> Result<HashMap<ListId, u64>, Error> {
    let sql = "SELECT list, COUNT(*) FROM desk_card WHERE board = $1 AND archived = 0 AND trashed_ms IS NULL
               GROUP BY list";
    let rows = tx.rows(sql, params![board.as_str()]).await?;
    rows.iter().map(|row| Ok((id(row, 0)?, row.get(1)?))).collect()
}

async fn whole(tx: &mut ReadTx, board: &BoardId) -> Result<Vec<Card>, Error> {
    let sql = "SELECT id, list, ord, title, labels, assignees, due, archived, trashed_ms, described, changed, edits
               FROM desk_card WHERE board = $1 AND archived = 0 AND trashed_ms IS NULL ORDER BY list, ord, id";
    let mut cards = Vec::new();
    let visit = |row: veche_store::Row| {
        cards.push(CardRow::read(&row)?.into_card());
        Ok(ControlFlow::Continue(()))
    };
    tx.each(sql, params![board.as_str()], visit).await?;
    Ok(cards)
}

async fn beginning(tx: &mut ReadTx, board: &BoardId, most: u32) -> Result<Vec<Card>, Error> {
    let sql = "SELECT id, list, ord, title, labels, assignees, due, archived, trashed_ms, described, changed, edits
               FROM (SELECT desk_card.*, ROW_NUMBER() OVER (PARTITION BY desk_card.list ORDER BY desk_card.ord) AS place
                     FROM desk_card JOIN desk_list
                         ON desk_list.board = desk_card.board AND desk_list.id = desk_card.list
                     WHERE desk_card.board = $1 AND desk_card.archived = 0 AND desk_card.trashed_ms IS NULL
                         AND desk_list.archived = 0) AS placed
               WHERE place <= $2 ORDER BY list, ord, id";
    let rows = tx.rows(sql, params![board.as_str(), integer(most.into())]).await?;
    rows.iter().map(|row| Ok(CardRow::read(row)?.into_card())).collect()
}
