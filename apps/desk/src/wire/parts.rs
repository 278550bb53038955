//! The parts of a board, as snapshots and events have them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{BoardId, CardId, LabelId, ListId};

/// What a member may do on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See it.
    Viewer,
    /// Change what is on it.
    Editor,
    /// Change the board itself, too.
    Owner,
}

/// Up to where everything of a board's channel is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Position {
    /// The era of the offsets.
    pub epoch: String,
    /// The last event that is known; 0 = none yet.
    pub offset: u64,
}

/// When a card's fields changed last: offsets of events, 0 = not since the card was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct CardVersions {
    /// Of the title.
    pub title: u64,
    /// Of the description.
    pub description: u64,
    /// Of the due date.
    pub due: u64,
    /// Of the list, and the place in it.
    pub place: u64,
    /// Of whether it is archived.
    pub archived: u64,
}

/// When a list's fields changed last: offsets of events, 0 = not since the list was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct ListVersions {
    /// Of the title.
    pub title: u64,
    /// Of its place among the lists.
    pub place: u64,
    /// Of whether it is archived.
    pub archived: u64,
}

/// A card, without its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Card {
    /// The card.
    pub id: CardId,
    /// The list that it is in.
    pub list: ListId,
    /// Its key there: cards are sorted by the bytes of `ord`, then of `id`.
    pub ord: String,
    /// One line of text.
    pub title: String,
    /// Sorted by bytes.
    pub labels: Vec<LabelId>,
    /// Users, sorted by bytes.
    pub assignees: Vec<String>,
    /// A day, `YYYY-MM-DD`.
    pub due: Option<String>,
    /// Whether it was put away.
    pub archived: bool,
    /// Whether it has a description.
    pub described: bool,
    /// The offset of the last event that names this card.
    pub changed: u64,
    /// Of its fields.
    pub at: CardVersions,
}

/// A list of cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct List {
    /// The list.
    pub id: ListId,
    /// One line of text.
    pub title: String,
    /// Its key: lists are sorted by the bytes of `ord`, then of `id`.
    pub ord: String,
    /// Whether it was put away, and its cards with it.
    pub archived: bool,
    /// Of its fields.
    pub at: ListVersions,
    /// How many cards are in it that are not archived, in the moment of the snapshot or event.
    pub count: u64,
}

/// A label that cards of the board may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Label {
    /// The label.
    pub id: LabelId,
    /// One line of text.
    pub name: String,
    /// Its colour's hue in degrees, 0 to 359.
    pub hue: u16,
}

/// Somebody who may see the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Member {
    /// The user.
    pub user: String,
    /// What they call themselves.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// The board itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Board {
    /// The board; its channel is `board:` and this.
    pub id: BoardId,
    /// One line of text.
    pub title: String,
    /// Whether it was put away.
    pub archived: bool,
}

/// A board at a position: with every event after it, in order, this is the board of any later moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    /// Where to subscribe from.
    pub position: Position,
    /// The board.
    pub board: Board,
    /// What the reader may do.
    pub role: Role,
    /// Sorted by user.
    pub members: Vec<Member>,
    /// Sorted by id.
    pub labels: Vec<Label>,
    /// In their order, archived ones too.
    pub lists: Vec<List>,
    /// List by list, each in its order; not those that are archived or in the trash.
    pub cards: Vec<Card>,
    /// `false`: only the first cards of each list that is not archived are here.
    pub complete: bool,
}

/// What of a board is put away, or in the trash and can be taken back: `GET /api/desk/boards/{board}/archive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Archive {
    /// Archived cards, the last changed first; at most 200.
    pub archived: Vec<Card>,
    /// Cards in the trash, the last thrown away first; at most 200.
    pub deleted: Vec<Card>,
}

/// A board in the list of one's boards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BoardEntry {
    /// The board.
    pub id: BoardId,
    /// One line of text.
    pub title: String,
    /// What one may do there.
    pub role: Role,
    /// How many cards are neither archived nor in the trash.
    pub cards: u64,
    /// When something changed there last, ms since 1970.
    pub changed_ms: u64,
    /// Whether it was put away.
    pub archived: bool,
}

/// The boards that somebody may see: the page `/desk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Boards {
    /// The last changed first.
    pub boards: Vec<BoardEntry>,
    /// Whether they may make another one.
    pub can_create: bool,
}
