//! Retention: floors are raised, in steps that leave the writer to others.

use std::{ops::ControlFlow, sync::Arc};

use veche_kernel::Namespace;

use crate::{
    Error, ReadTx, Store, Tx,
    log::{integer, millis},
    params,
};

/// How many rows one write removes, and how many channels one snapshot looks at.
const STEP: u64 = 500;

/// What a sweep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Publications below their channels' new floors.
    pub publications: u64,
    /// Operations, replies and acknowledgements whose time is over.
    pub expired: u64,
}

/// A channel and where its floor belongs.
struct Due {
    name: Arc<str>,
    floor: u64,
    target: u64,
}

impl Store {
    /// Removes what the namespaces no longer retain at `now_ms` (wall clock, ms since 1970), and what is
    /// remembered no longer. Many small writes: others' writes come between.
    ///
    /// `rules` gives a channel's namespace; a channel without one is left as it is. Age ends at the first
    /// publication that is young enough, so that a clock that went back opens no hole.
    pub async fn trim(
        &self,
        rules: impl Fn(&str) -> Option<Arc<Namespace>>,
        now_ms: u64,
    ) -> Result<Trimmed, Error> {
        let mut trimmed = Trimmed::default();
        let mut last: Arc<str> = Arc::from("");
        loop {
            let (due, next) = self.read(async |tx| tx.due(&last, &rules, now_ms).await).await?;
            for channel in due {
                trimmed.publications += self.raise(channel).await?;
            }
            let Some(next) = next else { break };
            last = next;
        }
        for sql in EXPIRED {
            trimmed.expired += self.expire(sql, now_ms).await?;
        }
        Ok(trimmed)
    }

    /// Raises a floor step by step, each with what lies below it.
    async fn raise(&self, due: Due) -> Result<u64, Error> {
        let mut removed = 0;
        let mut floor = due.floor;
        while floor < due.target {
            floor = due.target.min(floor + STEP);
            let name = Arc::clone(&due.name);
            removed += self.write(async move |tx| tx.raise_floor(&name, floor).await).await?;
        }
        Ok(removed)
    }

    async fn expire(&self, sql: &'static str, now_ms: u64) -> Result<u64, Error> {
        let mut expired = 0;
        loop {
            let params = params![integer(now_ms), integer(STEP)];
            let removed = self.write(async move |tx| tx.execute(sql, params.clone()).await).await?;
            expired += removed;
            if removed < STEP {
                return Ok(expired);
            }
        }
    }
}

/// `DELETE … LIMIT` is neither database's default.
const EXPIRED: [&str; 3] = [
    "DELETE FROM operation WHERE (channel, author, op_id) IN
     (SELECT channel, author, op_id FROM operation WHERE until_ms <= $1 LIMIT $2)",
    "DELETE FROM reply WHERE (user_id, op_id) IN
     (SELECT user_id, op_id FROM reply WHERE until_ms <= $1 LIMIT $2)",
    "DELETE FROM ack WHERE (user_id, device) IN
     (SELECT user_id, device FROM ack WHERE until_ms <= $1 LIMIT $2)",
];

impl Tx {
    async fn raise_floor(&mut self, name: &Arc<str>, floor: u64) -> Result<u64, Error> {
        let sql = "UPDATE channel SET floor = $2 WHERE name = $1 AND floor < $2";
        self.execute(sql, params![name, integer(floor)]).await?;
        let sql = r#"DELETE FROM publication WHERE channel = $1 AND "offset" <= $2"#;
        self.execute(sql, params![name, integer(floor)]).await
    }
}

impl ReadTx {
    /// Of the channels after `last`, those that retain too much; and the last that was looked at, where
    /// there may be more.
    async fn due(
        &mut self,
        last: &Arc<str>,
        rules: &impl Fn(&str) -> Option<Arc<Namespace>>,
        now_ms: u64,
    ) -> Result<(Vec<Due>, Option<Arc<str>>), Error> {
        let sql =
            "SELECT name, head, floor FROM channel WHERE name > $1 AND head > floor ORDER BY name LIMIT $2";
        let rows = self.rows(sql, params![last, integer(STEP)]).await?;
        let (mut due, mut seen) = (Vec::new(), None);
        let is_full = rows.len() as u64 == STEP;
        for row in rows {
            let (name, head, floor): (Arc<str>, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Some(namespace) = rules(&name) {
                let target = self.target(&name, head, floor, &namespace, now_ms).await?;
                if target > floor {
                    due.push(Due { name: Arc::clone(&name), floor, target });
                }
            }
            seen = Some(name);
        }
        Ok((due, seen.filter(|_| is_full)))
    }

    /// Where the floor belongs by count, age and bytes.
    async fn target(
        &mut self,
        name: &Arc<str>,
        head: u64,
        floor: u64,
        namespace: &Namespace,
        now_ms: u64,
    ) -> Result<u64, Error> {
        let retain = &namespace.retain;
        let by_count = head.saturating_sub(retain.count.into()).max(floor);
        let over_ms = now_ms.saturating_sub(millis(retain.ttl));
        let by_age = match now_ms.checked_sub(millis(retain.ttl)) {
            Some(_) => self.first_after(name, by_count, over_ms).await?.map_or(head, |first| first - 1),
            None => by_count,
        };
        if retain.bytes == 0 {
            return Ok(by_age);
        }
        Ok(self.floor_by_bytes(name, by_age, retain.bytes as u64).await?.max(by_age))
    }

    /// The first publication above the floor that is younger than `over_ms`.
    async fn first_after(&mut self, name: &Arc<str>, floor: u64, over_ms: u64) -> Result<Option<u64>, Error> {
        let sql = r#"SELECT "offset" FROM publication WHERE channel = $1 AND "offset" > $2 AND time_ms > $3
                     ORDER BY "offset" LIMIT 1"#;
        let row = self.row(sql, params![name, integer(floor), integer(over_ms)]).await?;
        row.map(|row| row.get(0)).transpose()
    }

    /// Below which offset the newest publications weigh too much.
    async fn floor_by_bytes(&mut self, name: &Arc<str>, floor: u64, most: u64) -> Result<u64, Error> {
        let sql = r#"SELECT "offset", OCTET_LENGTH(data) FROM publication WHERE channel = $1 AND "offset" > $2
                     ORDER BY "offset" DESC"#;
        let (mut bytes, mut found) = (0_u64, 0);
        self.each(sql, params![name, integer(floor)], |row| {
            bytes += row.get::<u64>(1)?;
            if bytes > most {
                found = row.get(0)?;
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(found)
    }
}
