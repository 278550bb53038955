//! A board whose channel is locked: what an operation reads, changes and publishes it through.

use std::sync::Arc;

use veche_kernel::{ChannelName, Event, Publication, Sender, UserId};
use veche_people::channel_of;
use veche_store::{Error, Tx};

use crate::{
    error::DeskError,
    rules::Edit,
    store::{boards, members},
    wire::{
        BoardId,
        calls::Applied,
        events::DeskBoards,
        parts::{Position, Role},
    },
};

/// What stands before a board's id in its channel's name.
pub(crate) const NAMESPACE: &str = "board";

/// Who does something, on which board, and how they call it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) by: Sender,
    pub(crate) board: BoardId,
    pub(crate) channel: ChannelName,
    /// The caller's name for the operation.
    pub(crate) op_id: Option<Box<str>>,
}

impl Operation {
    /// Locks the board, so that nobody else changes it until the transaction ends, and looks whether the
    /// caller may do what takes this role.
    pub(crate) async fn enter(&self, tx: &mut Tx, needed: Role) -> Result<(), DeskError> {
        // Before the lock, which would make a channel for every name that somebody thinks of; and after it, for a
        // membership that ended while the lock was waited for.
        members::role(tx, &self.board, &self.by.user).await?.ok_or(DeskError::Forbidden)?;
        tx.channel(&self.channel).await?;
        let role = members::role(tx, &self.board, &self.by.user).await?.ok_or(DeskError::Forbidden)?;
        if role.covers(needed) { Ok(()) } else { Err(DeskError::Forbidden) }
    }
}

/// The board of an operation, after [`Operation::enter`].
pub(crate) struct Board<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) op: &'a Operation,
}

impl Board<'_> {
    pub(crate) fn id(&self) -> &BoardId {
        &self.op.board
    }

    /// Who changes it.
    pub(crate) fn writer(&self) -> &UserId {
        &self.op.by.user
    }

    /// The offset of the event that is published next.
    pub(crate) async fn next(&mut self) -> Result<u64, DeskError> {
        Ok(self.tx.channel(&self.op.channel).await?.head().offset + 1)
    }

    /// What to remember of a field that changes by the event that is published next.
    pub(crate) async fn edit(&mut self) -> Result<Edit, DeskError> {
        let at = self.next().await?;
        Ok(Edit { at, by: self.writer().to_string(), ms: self.tx.now_ms() })
    }

    /// Publishes the operation's one event.
    pub(crate) async fn publish<E: Event>(&mut self, event: &E) -> Result<Applied, DeskError> {
        let mut publication = publication(self.op.channel.clone(), event, self.tx.now_ms())?;
        publication.sender = Some(self.op.by.clone());
        publication.op_id.clone_from(&self.op.op_id);
        let position = self.tx.publish(publication).await?;
        boards::touch(self.tx, &self.op.board).await?;
        let position = Position { epoch: position.epoch.to_string(), offset: position.offset };
        Ok(Applied { position: Some(position), overwrote: Vec::new() })
    }

    /// Publishes what has to happen before the operation's event, and is nobody's.
    pub(crate) async fn publish_before<E: Event>(&mut self, event: &E) -> Result<(), DeskError> {
        let publication = publication(self.op.channel.clone(), event, self.tx.now_ms())?;
        self.tx.publish(publication).await?;
        Ok(())
    }
}

/// Tells these users, in the order of their ids, that the list of their boards has changed.
pub(crate) async fn tell_of_boards(tx: &mut Tx, users: &[UserId]) -> Result<(), DeskError> {
    let channels: Vec<_> = users.iter().filter_map(channel_of).collect();
    tx.channels(&channels).await?;
    for channel in channels {
        let publication = publication(channel, &DeskBoards {}, tx.now_ms())?;
        tx.publish(publication).await?;
    }
    Ok(())
}

/// A board's channel.
pub(crate) fn board_channel(board: &BoardId) -> Result<ChannelName, DeskError> {
    let name = ChannelName::parse(&format!("{NAMESPACE}:{board}"));
    name.map_err(|error| DeskError::corrupt(format!("the channel of a board: {error}")))
}

/// Publishes on a board what no user's call did.
pub(crate) async fn publish_by_server<E: Event>(
    tx: &mut Tx,
    board: &BoardId,
    event: &E,
) -> Result<(), DeskError> {
    let publication = publication(board_channel(board)?, event, tx.now_ms())?;
    tx.publish(publication).await?;
    boards::touch(tx, board).await?;
    Ok(())
}

fn publication<E: Event>(channel: ChannelName, event: &E, now_ms: u64) -> Result<Publication, DeskError> {
    let data = serde_json::to_string(event);
    let data = data.map_err(|error| Error::Other(format!("an event does not serialise: {error}")))?;
    Ok(Publication::new(channel, event.name(), Arc::from(data), now_ms))
}
