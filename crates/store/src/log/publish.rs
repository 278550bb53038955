//! Publications: appended at the head, once.

use std::{sync::Arc, time::Duration};

use veche_kernel::{Namespace, Position, Publication, Sender, UserId, broker::Published};

use crate::{
    Error, Store, Tx,
    log::{head::epoch_of, integer, millis},
    params,
};

impl Tx {
    /// Publishes in the publication's channel: takes head + 1, whatever position it came with.
    ///
    /// It locks the channel, see [`Tx::channel`]. Its `op_id` is kept but not looked up, see
    /// [`Tx::publish_once`].
    pub async fn publish(&mut self, publication: Publication) -> Result<Position, Error> {
        self.note_lock(&publication.channel)?;
        self.append(publication).await
    }

    /// The same, but an `op_id` that the same user used in this channel within `window` publishes nothing,
    /// and answers the first position.
    pub async fn publish_once(
        &mut self,
        publication: Publication,
        window: Duration,
    ) -> Result<Published, Error> {
        self.note_lock(&publication.channel)?;
        let Some(op_id) = publication.op_id.clone().filter(|_| !window.is_zero()) else {
            let position = self.append(publication).await?;
            return Ok(Published { position: Some(position), duplicate: false });
        };
        let position = self.take_position(&publication).await?;
        let author = author_of(publication.sender.as_ref().map(|sender| &sender.user));
        if self.remember(&publication, &author, &op_id, position.offset, window).await? {
            self.insert(publication, position).await?;
            return Ok(Published { position: Some(position), duplicate: false });
        }
        let channel = publication.channel.as_str();
        let sql = r#"SELECT "offset" FROM operation WHERE channel = $1 AND author = $2 AND op_id = $3"#;
        let first = self.one(sql, params![channel, author, op_id]).await?.get(0)?;
        // The lock is held since the head was moved: nobody has seen it.
        self.execute("UPDATE channel SET head = head - 1 WHERE name = $1", params![channel]).await?;
        Ok(Published { position: Some(Position { offset: first, ..position }), duplicate: true })
    }

    /// Whether the operation is new; a forgotten one is.
    async fn remember(
        &mut self,
        publication: &Publication,
        author: &str,
        op_id: &str,
        offset: u64,
        window: Duration,
    ) -> Result<bool, Error> {
        let sql = r#"INSERT INTO operation (channel, author, op_id, "offset", until_ms) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (channel, author, op_id) DO UPDATE
                     SET "offset" = excluded."offset", until_ms = excluded.until_ms
                     WHERE operation.until_ms <= $6"#;
        let (now_ms, channel) = (self.now_ms(), publication.channel.as_str());
        let until_ms = integer(now_ms.saturating_add(millis(window)));
        let params = params![channel, author, op_id, integer(offset), until_ms, integer(now_ms)];
        self.execute(sql, params).await.map(|changed| changed > 0)
    }

    pub(super) async fn append(&mut self, publication: Publication) -> Result<Position, Error> {
        let position = self.take_position(&publication).await?;
        self.insert(publication, position).await?;
        Ok(position)
    }

    async fn take_position(&mut self, publication: &Publication) -> Result<Position, Error> {
        let sql = "UPDATE channel SET head = head + 1, changed_ms = $2 WHERE name = $1 RETURNING epoch, head";
        let (name, now_ms) = (&publication.channel, integer(self.now_ms()));
        let row = match self.row(sql, params![name.as_str(), now_ms]).await? {
            Some(row) => row,
            None => {
                self.make(name).await?;
                self.one(sql, params![name.as_str(), now_ms]).await?
            }
        };
        Ok(Position { epoch: epoch_of(&row, 0)?, offset: row.get(1)? })
    }

    async fn insert(&mut self, mut publication: Publication, position: Position) -> Result<(), Error> {
        publication.position = Some(position);
        let sql = r#"INSERT INTO publication
                     (channel, "offset", event, data, sender_user, sender_session, op_id, key, time_ms, left_out)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"#;
        let user = publication.sender.as_ref().map(|Sender { user, .. }| user.as_str());
        let session = publication.sender.as_ref().map(|Sender { session, .. }| session.to_string());
        let left_out: Vec<_> = publication.exclude.iter().map(ToString::to_string).collect();
        let params = params![
            publication.channel.as_str(),
            integer(position.offset),
            &*publication.event,
            &publication.data,
            user,
            session,
            publication.op_id.as_deref(),
            publication.key.as_deref(),
            integer(publication.time_ms),
            left_out.join(" "),
        ];
        self.execute(sql, params).await?;
        self.published.push(Arc::new(publication));
        Ok(())
    }
}

impl Store {
    /// Publishes in a transaction of its own, by the namespace's window of `op_id`s. Answers when it is
    /// durable, after [`Store::on_commit`]'s listeners.
    pub async fn append(&self, publication: Publication, namespace: &Namespace) -> Result<Published, Error> {
        let window = namespace.dedupe;
        self.write(async move |tx| tx.publish_once(publication.clone(), window).await).await
    }
}

/// Who used an `op_id`. The server has a name that no user can have.
fn author_of(user: Option<&UserId>) -> String {
    user.map_or_else(String::new, |user| format!("user {user}"))
}
