//! Boards to look at, for a server that is only tried: the same on every machine, but for their days.

mod made;
mod welcome;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use veche_kernel::UserId;
use veche_store::{Error, Store, Tx, params};

use crate::{
    board::publish_by_server,
    error::DeskError,
    order::n_between,
    rules::Edits,
    store::{
        boards,
        cards::{self, CardRow},
        labels,
        lists::{self, ListRow},
        members,
    },
    wire::{BoardId, events::BoardCreated, parts::Label, parts::Role},
};

/// Who is on the boards: the demonstration's users.
const MEMBERS: [(&str, Role); 3] = [("anya", Role::Owner), ("pasha", Role::Editor), ("admin", Role::Viewer)];

/// How many cards one write makes.
const STEP: usize = 500;

/// A board that is made.
struct Sketch {
    id: &'static str,
    title: &'static str,
    /// Ids, names and hues.
    labels: &'static [(&'static str, &'static str, u16)],
    /// Titles; ids are `l1`, `l2` …
    lists: Vec<String>,
    cards: Vec<CardSketch>,
}

/// A card that is made.
#[derive(Clone, Default)]
struct CardSketch {
    /// In which list, from 0.
    list: usize,
    title: String,
    description: String,
    labels: Vec<&'static str>,
    assignees: Vec<&'static str>,
    /// Due in so many days.
    due_in: Option<i64>,
}

/// Makes the boards that are not there.
pub(crate) async fn fill(store: &Store) -> Result<(), DeskError> {
    let now_ms = i64::try_from(store.clock().wall_ms()).unwrap_or_default();
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    let today = now.to_zoned(TimeZone::UTC).date();
    for sketch in [welcome::board(), made::sprint(), made::big()] {
        make(store, sketch, today).await?;
    }
    Ok(())
}

/// Cards first and the board at last: what was broken off is no board, and is made anew.
async fn make(store: &Store, sketch: Sketch, today: Date) -> Result<(), DeskError> {
    let id: BoardId = parse(sketch.id)?;
    if store.read(async |tx| boards::board(tx, &id).await).await?.is_some() {
        return Ok(());
    }
    let board = id.clone();
    store.write(async move |tx: &mut Tx| clear(tx, &board).await).await?;
    let rows = rows(&sketch, today)?;
    for step in rows.chunks(STEP) {
        let (board, step) = (id.clone(), step.to_vec());
        let insert = async move |tx: &mut Tx| -> Result<(), Error> {
            for (card, description) in &step {
                cards::insert(tx, &board, card).await?;
                if card.described {
                    cards::describe(tx, &board, &card.id, description).await?;
                }
            }
            Ok(())
        };
        store.write(insert).await?;
    }
    store.write(async move |tx: &mut Tx| open(tx, &id, &sketch).await).await
}

async fn clear(tx: &mut Tx, board: &BoardId) -> Result<(), Error> {
    tx.execute("DELETE FROM desk_card WHERE board = $1", params![board.as_str()]).await?;
    tx.execute("DELETE FROM desk_description WHERE board = $1", params![board.as_str()]).await.map(drop)
}

async fn open(tx: &mut Tx, board: &BoardId, sketch: &Sketch) -> Result<(), DeskError> {
    if !boards::insert(tx, board, sketch.title).await? {
        return Ok(());
    }
    for (user, role) in MEMBERS {
        members::set(tx, board, &UserId::from(user), role).await?;
    }
    for (id, name, hue) in sketch.labels {
        labels::set(tx, board, &Label { id: parse(id)?, name: (*name).into(), hue: *hue }).await?;
    }
    let keys = n_between(None, None, sketch.lists.len())?;
    for (at, (title, ord)) in sketch.lists.iter().zip(keys).enumerate() {
        let list = ListRow {
            id: parse(&list_id(at))?,
            ord,
            title: title.clone(),
            archived: false,
            edits: Edits::default(),
        };
        lists::insert(tx, board, &list).await?;
    }
    let created = BoardCreated { title: sketch.title.into(), owner: MEMBERS[0].0.into() };
    publish_by_server(tx, board, &created).await
}

/// The cards' rows with their descriptions.
fn rows(sketch: &Sketch, today: Date) -> Result<Vec<(CardRow, String)>, DeskError> {
    let mut rows = Vec::with_capacity(sketch.cards.len());
    for list in 0..sketch.lists.len() {
        let of_list: Vec<_> = sketch.cards.iter().filter(|card| card.list == list).collect();
        for (card, ord) in of_list.iter().zip(n_between(None, None, of_list.len())?) {
            let id = format!("c{}", rows.len() + 1);
            rows.push((row(card, &id, ord, today)?, card.description.clone()));
        }
    }
    Ok(rows)
}

fn row(card: &CardSketch, id: &str, ord: String, today: Date) -> Result<CardRow, DeskError> {
    let mut labels = card.labels.iter().map(|label| parse(label)).collect::<Result<Vec<_>, _>>()?;
    labels.sort_unstable();
    let mut assignees: Vec<_> = card.assignees.iter().map(ToString::to_string).collect();
    assignees.sort_unstable();
    let due = card.due_in.map(|days| today.saturating_add(days.days()).to_string());
    Ok(CardRow {
        id: parse(id)?,
        list: parse(&list_id(card.list))?,
        ord,
        title: card.title.clone(),
        labels,
        assignees,
        due,
        archived: false,
        trashed_ms: None,
        described: !card.description.is_empty(),
        changed: 0,
        edits: Edits::default(),
    })
}

fn list_id(at: usize) -> String {
    format!("l{}", at + 1)
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(id: &str) -> Result<T, DeskError> {
    id.parse().map_err(|error| DeskError::corrupt(format!("the demonstration's id {id:?}: {error}")))
}
