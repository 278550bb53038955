//! Why an operation was refused, and how a client is told.

use http::StatusCode;
use veche_kernel::{ErrorCode, Rejection};
use veche_store::Error;

use crate::{
    order::OrderError,
    rules::{BOARDS_MAX, CARDS_MAX, LABELS_MAX, LISTS_MAX, MEMBERS_MAX},
    text::TextError,
};

/// Why an operation was refused. Nothing of it was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The caller is no member of the board, whether or not there is one, or has another role.
    #[error("you may not do this on this board")]
    Forbidden,
    /// There is no such thing on the board.
    #[error("there is no such thing on this board")]
    NotFound(&'static str),
    /// The card is in the trash.
    #[error("the card is in the trash")]
    Gone,
    /// There is no such list, or it is archived.
    #[error("the list is gone")]
    ListGone(&'static str),
    /// The id has been used.
    #[error("this id is taken")]
    Taken(&'static str),
    /// The board holds as many as it can.
    #[error("{0}")]
    Full(Full),
    /// The board would have no owner.
    #[error("the board's last owner stays its owner")]
    LastOwner,
    /// A text or a value is not what the field takes.
    #[error("{1}")]
    Text(&'static str, TextError),
    /// A thing cannot stand beside itself.
    #[error("it cannot stand beside itself")]
    BesideItself(&'static str),
    /// A key in the database is none.
    #[error("a key is damaged: {0}")]
    Order(#[from] OrderError),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What there can be no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Full {
    /// Boards of one owner.
    #[error("you own {BOARDS_MAX} boards")]
    Boards,
    /// Lists of a board.
    #[error("the board has {LISTS_MAX} lists")]
    Lists,
    /// Cards of a board.
    #[error("the board has {CARDS_MAX} cards, with those that are archived or in the trash")]
    Cards,
    /// Labels of a board.
    #[error("the board has {LABELS_MAX} labels")]
    Labels,
    /// Members of a board.
    #[error("the board has {MEMBERS_MAX} members")]
    Members,
}

impl DeskError {
    /// Something that goes against the house's own rules, not the caller's.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Store(Error::Corrupt(what.into()))
    }
}

impl From<DeskError> for Rejection {
    fn from(error: DeskError) -> Self {
        let message = error.to_string();
        let app = |word, message| Self::new(ErrorCode::App(word), message);
        match error {
            DeskError::Forbidden => Self::new(ErrorCode::Forbidden, message),
            DeskError::NotFound(field) => Self::new(ErrorCode::NotFound, message).field(field),
            DeskError::Gone => app("gone", message).status(StatusCode::GONE).field("data.card"),
            DeskError::ListGone(field) => app("list_gone", message).status(StatusCode::GONE).field(field),
            DeskError::Taken(field) => Self::new(ErrorCode::Conflict, message).field(field),
            DeskError::Full(_) => app("full", message).status(StatusCode::CONFLICT),
            DeskError::LastOwner => Self::new(ErrorCode::Conflict, message),
            DeskError::Text(field, text) => Self::new(text.code(), message).field(field),
            DeskError::BesideItself(field) => Self::new(ErrorCode::BadRequest, message).field(field),
            DeskError::Order(error) => {
                tracing::error!(%error, "a board cannot be ordered");
                Self::new(ErrorCode::Internal, "the server failed")
            }
            DeskError::Store(error) => error.into(),
        }
    }
}
