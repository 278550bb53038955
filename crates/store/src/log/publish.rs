//! Publications: appended at the head, once.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use veche_kernel::{ChannelName, Position, Publication, Sender, broker::Published};

use crate::{
    Error, Tx, Value,
    log::{head::epoch_of, integer, millis},
    params,
};

/// The most rows of one statement. Each number of them is a text of its own, which stays prepared; SQLite finds
/// a parameter's name by a walk along all of them, so that more rows win nothing.
pub(super) const ROWS: usize = 8;
/// The columns of a publication.
pub(super) const COLUMNS: usize = 11;

/// Inserts publications: by the number of rows, from 1.
pub(super) static INSERT: LazyLock<Vec<String>> = LazyLock::new(|| {
    let head = r#"INSERT INTO publication
        (channel, "offset", event, data, sender_user, sender_session, op_id, key, time_ms, left_out, args)"#;
    by_rows(head, COLUMNS, |_| String::new())
});

/// Keeps operations that are new or forgotten, and changes nothing else: by the number of rows, from 1.
pub(super) static REMEMBER: LazyLock<Vec<String>> = LazyLock::new(|| {
    let head = r#"INSERT INTO operation (channel, author, op_id, "offset", until_ms)"#;
    by_rows(head, 5, |last| {
        format!(
            r#"ON CONFLICT (channel, author, op_id) DO UPDATE
               SET "offset" = excluded."offset", until_ms = excluded.until_ms
               WHERE operation.until_ms <= ${}"#,
            last + 1
        )
    })
});

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
        if self.remember(&publication, &op_id, position.offset, window).await? {
            self.insert(publication, position).await?;
            return Ok(Published { position: Some(position), duplicate: false });
        }
        let (channel, author) = (publication.channel.as_str(), author_of(publication.sender.as_ref()));
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
        op_id: &str,
        offset: u64,
        window: Duration,
    ) -> Result<bool, Error> {
        let now_ms = self.now_ms();
        let [channel, author, op_id, offset, until_ms] =
            operation(publication, op_id, offset, window, now_ms);
        let params = [channel, author, op_id, offset, until_ms, integer(now_ms).into()];
        self.execute_slice(&REMEMBER[0], &params).await.map(|changed| changed > 0)
    }

    pub(super) async fn append(&mut self, publication: Publication) -> Result<Position, Error> {
        let position = self.take_position(&publication).await?;
        self.insert(publication, position).await?;
        Ok(position)
    }

    async fn take_position(&mut self, publication: &Publication) -> Result<Position, Error> {
        self.take_positions(&publication.channel, 1).await
    }

    /// Moves the head by so many; the last of the positions.
    pub(super) async fn take_positions(&mut self, name: &ChannelName, count: u64) -> Result<Position, Error> {
        let sql =
            "UPDATE channel SET head = head + $3, changed_ms = $2 WHERE name = $1 RETURNING epoch, head";
        let params = params![name.as_str(), integer(self.now_ms()), integer(count)];
        let row = match self.row(sql, params.clone()).await? {
            Some(row) => row,
            None => {
                self.make(name).await?;
                self.one(sql, params).await?
            }
        };
        Ok(Position { epoch: epoch_of(&row, 0)?, offset: row.get(1)? })
    }

    async fn insert(&mut self, mut publication: Publication, position: Position) -> Result<(), Error> {
        publication.position = Some(position);
        self.execute_slice(&INSERT[0], &columns(&publication, position)).await?;
        self.published.push(Arc::new(publication));
        Ok(())
    }
}

/// What [`INSERT`] takes for each row.
pub(super) fn columns(publication: &Publication, position: Position) -> [Value; COLUMNS] {
    let user = publication.sender.as_ref().map(|Sender { user, .. }| user.as_str());
    let session = publication.sender.as_ref().map(|Sender { session, .. }| session.to_string());
    let left_out: Vec<_> = publication.exclude.iter().map(ToString::to_string).collect();
    params![
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
        i64::from(publication.args),
    ]
}

/// What [`REMEMBER`] takes for each row; now follows the last one.
pub(super) fn operation(
    publication: &Publication,
    op_id: &str,
    offset: u64,
    window: Duration,
    now_ms: u64,
) -> [Value; 5] {
    let until_ms = integer(now_ms.saturating_add(millis(window)));
    let author = author_of(publication.sender.as_ref());
    params![publication.channel.as_str(), author, op_id, integer(offset), until_ms]
}

/// Who used an `op_id`. The server has a name that no user can have.
fn author_of(sender: Option<&Sender>) -> String {
    sender.map_or_else(String::new, |Sender { user, .. }| format!("user {user}"))
}

/// The texts of a statement for 1, 2 … [`ROWS`] rows of so many parameters, from $1 on.
fn by_rows(head: &str, columns: usize, tail: impl Fn(usize) -> String) -> Vec<String> {
    let row = |row: usize| {
        let names: Vec<_> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", names.join(","))
    };
    let text = |rows: usize| {
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("{head} VALUES {} {}", rows.join(","), tail(rows.len() * columns))
    };
    (1..=ROWS).map(text).collect()
}
