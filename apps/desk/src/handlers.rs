//! The calls of a board: thin, for what they do is a [`Change`].

use std::sync::Arc;

use serde_json::value::RawValue;
use veche_kernel::{Call, ChannelName, Data, ErrorCode, Extract, Module, Rejection, Sender, State, User};
use veche_store::{Error, Tx};

use crate::{
    board::{Board, NAMESPACE, Operation, board_channel},
    changes::{Change, create_board},
    desk::Desk,
    error::DeskError,
    store::cards,
    text,
    wire::{
        BoardId,
        calls::{
            Applied, AssignCard, CardRead, ChangeBoard, ChangeCard, ChangeList, CreateBoard, CreateCard,
            CreateList, DeleteCard, LabelCard, MoveCard, MoveList, ReadCard, RemoveLabel, RestoreCard,
            SetLabel,
        },
        parts::Role,
    },
};

/// Adds the calls to the module.
pub(crate) fn calls(module: Module<Desk>) -> Module<Desk> {
    fn on<C: Change>(module: Module<Desk>) -> Module<Desk> {
        module.on(C::NAME, change::<C>)
    }
    let module = module.on(CreateBoard::CALL, create).on(ReadCard::CALL, read_card);
    let module = on::<MoveList>(on::<ChangeList>(on::<CreateList>(on::<ChangeBoard>(module))));
    let module = on::<MoveCard>(on::<ChangeCard>(on::<CreateCard>(module)));
    let module = on::<AssignCard>(on::<LabelCard>(on::<RestoreCard>(on::<DeleteCard>(module))));
    on::<RemoveLabel>(on::<SetLabel>(module))
}

/// The board that a channel is of.
pub(crate) fn board_of(channel: &ChannelName) -> Option<BoardId> {
    channel.strip_prefix(NAMESPACE)?.strip_prefix(':')?.parse().ok()
}

impl Operation {
    fn of(call: &Call, board: BoardId, channel: ChannelName) -> Result<Self, Rejection> {
        let session = call.session();
        if session.user().is_guest() {
            return Err(Rejection::unauthorized());
        }
        let by = Sender { user: session.user().clone(), session: session.id() };
        Ok(Self { by, board, channel, op_id: call.op_id().map(Into::into) })
    }
}

impl Extract<Desk> for Operation {
    fn extract(call: &Call, _: &Desk) -> Result<Self, Rejection> {
        let wrong = |why| Rejection::new(ErrorCode::BadRequest, why).field("channel");
        let channel = call.channel().ok_or_else(|| wrong("this event needs the channel of a board"))?;
        let board = board_of(channel).ok_or_else(|| wrong("this channel is no board's"))?;
        Self::of(call, board, channel.clone())
    }
}

/// Changes a board, once for each `op_id`.
async fn change<C: Change>(
    State(desk): State<Desk>,
    op: Operation,
    Data(data): Data<C>,
) -> Result<Box<RawValue>, Rejection> {
    let data = data.checked()?;
    let work = async move |tx: &mut Tx| -> Result<Arc<str>, DeskError> {
        op.enter(tx, C::ROLE).await?;
        once(tx, &op, async |tx| data.apply(&mut Board { tx, op: &op }).await).await
    };
    reply(desk.store().write(work).await)
}

async fn create(
    State(desk): State<Desk>,
    call: Call,
    Data(data): Data<CreateBoard>,
) -> Result<Box<RawValue>, Rejection> {
    let op = Operation::of(&call, data.board.clone(), board_channel(&data.board)?)?;
    let title = text::title(&data.title).map_err(|error| DeskError::Text("data.title", error))?;
    let work = async move |tx: &mut Tx| -> Result<Arc<str>, DeskError> {
        once(tx, &op, async |tx| create_board(tx, &op, &title).await).await
    };
    reply(desk.store().write(work).await)
}

/// Does it, unless the same user has done it under the same `op_id`: then answers what was answered. What is
/// refused leaves nothing behind, and may be tried again.
async fn once(
    tx: &mut Tx,
    op: &Operation,
    work: impl AsyncFnOnce(&mut Tx) -> Result<Applied, DeskError>,
) -> Result<Arc<str>, DeskError> {
    let work = async |tx: &mut Tx| -> Result<Arc<str>, DeskError> { json(&work(tx).await?) };
    match &op.op_id {
        Some(op_id) => Ok(tx.once(&op.by.user, op_id, work).await?.reply),
        None => work(tx).await,
    }
}

fn json(applied: &Applied) -> Result<Arc<str>, DeskError> {
    let json = serde_json::to_string(applied);
    Ok(json.map_err(|error| Error::Other(format!("a reply does not serialise: {error}")))?.into())
}

fn reply(outcome: Result<Arc<str>, DeskError>) -> Result<Box<RawValue>, Rejection> {
    RawValue::from_string(outcome?.as_ref().into())
        .map_err(|error| Rejection::new(ErrorCode::Internal, format!("the kept reply is no JSON: {error}")))
}

async fn read_card(
    State(desk): State<Desk>,
    User(_): User,
    op: Operation,
    Data(data): Data<ReadCard>,
) -> Result<CardRead, Rejection> {
    let read = async |tx: &mut veche_store::ReadTx| -> Result<CardRead, DeskError> {
        let role = crate::store::members::role(tx, &op.board, &op.by.user).await?;
        role.filter(|role| role.covers(Role::Viewer)).ok_or(DeskError::Forbidden)?;
        let row = cards::card(tx, &op.board, &data.card).await?.ok_or(DeskError::NotFound("data.card"))?;
        if row.trashed_ms.is_some() {
            return Err(DeskError::Gone);
        }
        let description = cards::description(tx, &op.board, &data.card).await?;
        Ok(CardRead { card: row.into_card(), description })
    };
    Ok(desk.store().read(read).await?)
}
