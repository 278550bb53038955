//! Publications that are nothing but appended, next to each other in the writer's queue: one savepoint, one
//! move of each head, and many rows a statement.
//!
//! What they share is optimistic: where a statement fails or an operation is not new, all is undone, and each
//! runs by itself.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use veche_kernel::{Namespace, Position, Publication, broker::Published};

use crate::{
    Error, Store, Tx,
    log::{
        integer,
        publish::{self, COLUMNS, INSERT, REMEMBER, ROWS},
    },
    writer::{Command, Run},
};

/// A publication to append, and who waits for its position.
pub(crate) struct Append {
    publication: Publication,
    /// How long its `op_id` counts once.
    window: Duration,
    answer: oneshot::Sender<Result<Published, Error>>,
}

/// Neighbours.
pub(crate) struct Appends {
    neighbours: Vec<Append>,
    /// What became of each, once it has run.
    published: Vec<Published>,
    /// They have failed together: this is one of them.
    is_part: bool,
}

impl Store {
    /// Publishes in a transaction of its own, by the namespace's window of `op_id`s. Answers when it is
    /// durable, after [`Store::on_commit`]'s listeners.
    pub async fn append(&self, publication: Publication, namespace: &Namespace) -> Result<Published, Error> {
        let window = namespace.dedupe;
        self.ask(|answer| Command::Append(Box::new(Append { publication, window, answer }))).await
    }
}

impl Append {
    fn op_id(&self) -> Option<&str> {
        self.publication.op_id.as_deref().filter(|_| !self.window.is_zero())
    }
}

impl Appends {
    /// What runs them; `None` of nothing.
    pub(crate) fn run_of(neighbours: Vec<Append>) -> Option<Box<dyn Run>> {
        let run = Self { neighbours, published: Vec::new(), is_part: false };
        (!run.neighbours.is_empty()).then(|| Box::new(run) as Box<dyn Run>)
    }

    /// Whether they are to be kept. A failure is the transaction's.
    async fn publish(&mut self, tx: &mut Tx) -> Result<bool, Error> {
        self.published.clear();
        if !self.is_part {
            return self.publish_together(tx).await;
        }
        for Append { publication, window, .. } in &self.neighbours {
            self.published.push(tx.publish_once(publication.clone(), *window).await?);
        }
        Ok(true)
    }

    async fn publish_together(&mut self, tx: &mut Tx) -> Result<bool, Error> {
        let positions = self.take_positions(tx).await?;
        if !self.remember(tx, &positions).await? {
            return Ok(false);
        }
        self.insert(tx, &positions).await?;
        for (append, position) in self.neighbours.iter().zip(positions) {
            let publication = Publication { position: Some(position), ..append.publication.clone() };
            tx.published.push(Arc::new(publication));
            self.published.push(Published { position: Some(position), duplicate: false });
        }
        Ok(true)
    }

    /// Each one's position. Channels are locked in the order of their names, as everywhere.
    async fn take_positions(&self, tx: &mut Tx) -> Result<Vec<Position>, Error> {
        let mut order: Vec<_> =
            self.neighbours.iter().map(|append| &append.publication.channel).enumerate().collect();
        // Stable: within a channel first come, first served.
        order.sort_by_key(|(_, channel)| *channel);
        let mut positions = Vec::with_capacity(order.len());
        for run in order.chunk_by(|(_, left), (_, right)| left == right) {
            let [(_, channel), ..] = run else { continue };
            let count = run.len() as u64;
            let last = tx.take_positions(channel, count).await?;
            let offsets = last.offset + 1 - count..;
            let taken = run.iter().zip(offsets);
            positions.extend(taken.map(|(&(place, _), offset)| (place, Position { offset, ..last })));
        }
        positions.sort_unstable_by_key(|(place, _)| *place);
        Ok(positions.into_iter().map(|(_, position)| position).collect())
    }

    /// Whether all operations are new.
    async fn remember(&self, tx: &mut Tx, positions: &[Position]) -> Result<bool, Error> {
        let rows = self.neighbours.iter().zip(positions).filter_map(|(append, position)| {
            let op_id = append.op_id()?;
            Some(publish::operation(&append.publication, op_id, position.offset, append.window, tx.now_ms()))
        });
        let rows: Vec<_> = rows.collect();
        for rows in rows.chunks(ROWS) {
            let mut params = rows.concat();
            params.push(integer(tx.now_ms()).into());
            if tx.execute_slice(&REMEMBER[rows.len() - 1], &params).await? < rows.len() as u64 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn insert(&self, tx: &mut Tx, positions: &[Position]) -> Result<(), Error> {
        let rows = self.neighbours.iter().zip(positions);
        let params: Vec<_> =
            rows.flat_map(|(append, position)| publish::columns(&append.publication, *position)).collect();
        for params in params.chunks(ROWS * COLUMNS) {
            tx.execute_slice(&INSERT[params.len() / COLUMNS - 1], params).await?;
        }
        Ok(())
    }
}

impl Run for Appends {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = bool> + 'a>> {
        Box::pin(async move { matches!(self.publish(tx).await, Ok(true)) })
    }

    fn is_limited(&self) -> bool {
        true
    }

    fn take_parts(&mut self) -> Vec<Box<dyn Run>> {
        if self.is_part {
            return Vec::new();
        }
        let neighbours = std::mem::take(&mut self.neighbours);
        let part = |append| Self { neighbours: vec![append], published: Vec::new(), is_part: true };
        neighbours.into_iter().map(|append| Box::new(part(append)) as Box<dyn Run>).collect()
    }

    fn answer(self: Box<Self>, verdict: Result<(), Error>) {
        let mut published = self.published.into_iter();
        for Append { answer, .. } in self.neighbours {
            // Without one it has not run: its own code has failed.
            let result = verdict.clone().and_then(|()| published.next().ok_or(Error::Panicked));
            // Nobody waits any more where the caller's future was dropped.
            _ = answer.send(result);
        }
    }
}
