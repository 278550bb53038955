//! What pages show first, and the whole of a board at once.

use veche_kernel::{
    ErrorCode, Rejection, State, UserId,
    web::{HttpRequest, Json, PageRequest},
};
use veche_store::ReadTx;

use crate::{
    board::board_channel,
    desk::Desk,
    error::DeskError,
    rules::BOARDS_MAX,
    store::{
        archive as archive_rows, boards as board_rows, members,
        snapshot::{Content, Extent, content, counts},
    },
    wire::{
        BoardId,
        parts::{Archive, Boards, Position, Snapshot},
    },
};

/// A page has a whole board of so many cards at most.
const WHOLE_CARDS: u64 = 400;
/// Of a larger board, a page has so many cards of each list.
const FIRST_CARDS: u32 = 20;

/// The page `/desk`: the boards that one may see.
pub(crate) async fn boards(request: PageRequest, State(desk): State<Desk>) -> Result<Boards, Rejection> {
    let user = request.user()?;
    let read = async |tx: &mut ReadTx| -> Result<Boards, DeskError> {
        let can_create = board_rows::owned(tx, user).await? < BOARDS_MAX;
        Ok(Boards { boards: board_rows::of_user(tx, user).await?, can_create })
    };
    Ok(desk.store().read(read).await?)
}

/// The page `/desk/{board}`: a board, or the beginning of a large one.
pub(crate) async fn board(request: PageRequest, State(desk): State<Desk>) -> Result<Snapshot, Rejection> {
    let (user, board) = (request.user()?, request.parameter("board")?);
    let extent = async |tx: &mut ReadTx| -> Result<Extent, DeskError> {
        let cards: u64 = counts(tx, &board).await?.values().sum();
        Ok(if cards > WHOLE_CARDS { Extent::Beginning(FIRST_CARDS) } else { Extent::Whole })
    };
    snapshot(&desk, user, &board, extent).await
}

/// `GET /api/desk/boards/{board}`: all of a board.
pub(crate) async fn whole_board(
    request: HttpRequest,
    State(desk): State<Desk>,
) -> Result<Json<Snapshot>, Rejection> {
    let (user, board) = (request.user()?, request.parameter("board")?);
    snapshot(&desk, user, &board, async |_: &mut ReadTx| Ok(Extent::Whole)).await.map(Json)
}

/// `GET /api/desk/boards/{board}/archive`: what can be taken back.
pub(crate) async fn archive(
    request: HttpRequest,
    State(desk): State<Desk>,
) -> Result<Json<Archive>, Rejection> {
    let (user, board) = (request.user()?, request.parameter::<BoardId>("board")?);
    let read = async |tx: &mut ReadTx| -> Result<Option<Archive>, DeskError> {
        if board_rows::board(tx, &board).await?.is_none() {
            return Ok(None);
        }
        members::role(tx, &board, user).await?.ok_or(DeskError::Forbidden)?;
        Ok(Some(archive_rows::of_board(tx, &board).await?))
    };
    let missing = || Rejection::new(ErrorCode::NotFound, "there is no such board").field("board");
    desk.store().read(read).await?.map(Json).ok_or_else(missing)
}

/// A board and the position that it is of, read in one moment.
async fn snapshot(
    desk: &Desk,
    user: &UserId,
    id: &BoardId,
    extent: impl AsyncFnOnce(&mut ReadTx) -> Result<Extent, DeskError>,
) -> Result<Snapshot, Rejection> {
    let channel = board_channel(id)?;
    let read = async |tx: &mut ReadTx| -> Result<Option<Snapshot>, DeskError> {
        let Some(board) = board_rows::board(tx, id).await? else { return Ok(None) };
        let role = members::role(tx, id, user).await?.ok_or(DeskError::Forbidden)?;
        let head = tx.head(&channel).await?.ok_or_else(|| DeskError::corrupt("a board has no channel"))?;
        let position = Position { epoch: head.epoch.to_string(), offset: head.offset };
        let extent = extent(tx).await?;
        let Content { members, labels, lists, cards } = content(tx, id, extent).await?;
        let complete = extent == Extent::Whole;
        Ok(Some(Snapshot { position, board, role, members, labels, lists, cards, complete }))
    };
    let missing = || Rejection::new(ErrorCode::NotFound, "there is no such board").field("board");
    desk.store().read(read).await?.ok_or_else(missing)
}
