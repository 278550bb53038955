//! A board's labels.

use super::Change;
use crate::{
    board::Board,
    error::{DeskError, Full},
    rules::LABELS_MAX,
    store::{cards, labels},
    text,
    wire::{
        calls::{Applied, RemoveLabel, SetLabel},
        events::{LabelRemoved, LabelSet},
        parts::Label,
    },
};

impl Change for SetLabel {
    const NAME: &'static str = Self::CALL;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.name = text::name(&self.name).map_err(|error| DeskError::Text("data.name", error))?;
        text::hue(self.hue).map_err(|error| DeskError::Text("data.hue", error))?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let known = labels::of_board(board.tx, &board.op.board).await?;
        let label = Label { id: self.label.clone(), name: self.name.clone(), hue: self.hue };
        match known.iter().find(|known| known.id == label.id) {
            Some(known) if *known == label => return Ok(Applied::default()),
            None if known.len() as u64 >= LABELS_MAX => return Err(DeskError::Full(Full::Labels)),
            Some(_) | None => {}
        }
        labels::set(board.tx, &board.op.board, &label).await?;
        board.publish(&LabelSet { label: label.id, name: label.name, hue: label.hue }).await
    }
}

impl Change for RemoveLabel {
    const NAME: &'static str = Self::CALL;

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        if !labels::remove(board.tx, &board.op.board, &self.label).await? {
            return Ok(Applied::default());
        }
        cards::take_label(board.tx, &board.op.board, &self.label).await?;
        board.publish(&LabelRemoved { label: self.label.clone() }).await
    }
}
