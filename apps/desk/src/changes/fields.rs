//! Fields of a card of which the last change wins.

use super::{Change, board::checked_title, card, cards::put_back, told};
use crate::{
    board::Board,
    error::DeskError,
    rules::overwritten,
    store::cards::{self, CardRow},
    text,
    wire::{
        calls::{Applied, ChangeCard, Field, Old, Overwritten},
        events::CardChanged,
    },
};

impl Change for ChangeCard {
    const NAME: &'static str = Self::CALL;

    fn checked(mut self) -> Result<Self, DeskError> {
        self.title = checked_title(self.title)?;
        let description = self.description.as_deref().map_or(Ok(()), text::description);
        description.map_err(|error| DeskError::Text("data.description", error))?;
        let due = self.due.as_ref().and_then(Option::as_deref).map_or(Ok(()), text::day);
        due.map_err(|error| DeskError::Text("data.due", error))?;
        Ok(self)
    }

    async fn apply(&self, board: &mut Board<'_>) -> Result<Applied, DeskError> {
        let row = card(board, &self.card).await?;
        let description = match &self.description {
            Some(_) => cards::description(board.tx, &board.op.board, &self.card).await?,
            None => String::new(),
        };
        let event = self.news(&row, &description);
        if event == nothing(&event) {
            return Ok(Applied::default());
        }
        let overwrote = self.overwrites(board, &row, &description, &event).await?;
        let event = save(board, row, event).await?;
        Ok(Applied { overwrote, ..board.publish(&event).await? })
    }
}

impl ChangeCard {
    /// What of it is not so already.
    fn news(&self, row: &CardRow, description: &str) -> CardChanged {
        CardChanged {
            card: self.card.clone(),
            title: self.title.clone().filter(|title| *title != row.title),
            description: self.description.clone().filter(|text| text != description),
            due: self.due.clone().filter(|due| *due != row.due),
            archived: self.archived.filter(|archived| *archived != row.archived),
            restored: None,
        }
    }

    /// What others had set since the caller looked, of the fields that change.
    async fn overwrites(
        &self,
        board: &mut Board<'_>,
        row: &CardRow,
        description: &str,
        news: &CardChanged,
    ) -> Result<Vec<Overwritten>, DeskError> {
        let (seen, edits) = (self.seen.unwrap_or_default(), &row.edits);
        let text = |text: &str| Old::Text(Some(text.to_owned()));
        let mut fields = Vec::new();
        if news.title.is_some() {
            fields.push((Field::Title, &edits.title, seen.title, text(&row.title)));
        }
        if news.description.is_some() {
            fields.push((Field::Description, &edits.description, seen.description, text(description)));
        }
        if news.due.is_some() {
            fields.push((Field::Due, &edits.due, seen.due, Old::Text(row.due.clone())));
        }
        if news.archived.is_some() {
            fields.push((Field::Archived, &edits.archived, seen.archived, Old::Archived(row.archived)));
        }
        let mut overwrote = Vec::new();
        for (field, last, seen, old) in fields {
            if let Some(last) = overwritten(last.as_ref(), seen, board.writer()) {
                overwrote.push(told(board, field, last, old).await?);
            }
        }
        Ok(overwrote)
    }
}

/// Saves what is new. A card that is shown again comes whole, and may have got another place.
async fn save(
    board: &mut Board<'_>,
    mut row: CardRow,
    mut news: CardChanged,
) -> Result<CardChanged, DeskError> {
    if news.archived == Some(false) {
        put_back(board, &mut row).await?;
    }
    let edit = board.edit().await?;
    row.changed = edit.at;
    if let Some(title) = &news.title {
        row.title.clone_from(title);
        row.edits.title = Some(edit.clone());
    }
    if let Some(text) = &news.description {
        cards::describe(board.tx, &board.op.board, &row.id, text).await?;
        row.described = !text.is_empty();
        row.edits.description = Some(edit.clone());
    }
    if let Some(due) = &news.due {
        row.due.clone_from(due);
        row.edits.due = Some(edit.clone());
    }
    if let Some(archived) = news.archived {
        row.archived = archived;
        row.edits.archived = Some(edit);
    }
    cards::update(board.tx, &board.op.board, &row).await?;
    news.restored = (news.archived == Some(false)).then(|| row.into_card());
    Ok(news)
}

/// The event of a card that has not changed.
fn nothing(of: &CardChanged) -> CardChanged {
    CardChanged {
        card: of.card.clone(),
        title: None,
        description: None,
        due: None,
        archived: None,
        restored: None,
    }
}
