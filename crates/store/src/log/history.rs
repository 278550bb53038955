//! Reading the log.

use std::{borrow::Cow, ops::ControlFlow, sync::Arc};

use smallvec::SmallVec;
use veche_kernel::{
    ChannelName, Epoch, Position, Publication, Sender, SessionId, UserId,
    broker::{History, HistoryQuery},
};
use veche_protocol::client::Range;

use crate::{Error, ReadTx, Row, Store, log::integer, params, value::Value};

const AFTER: &str = r#"SELECT "offset", event, data, sender_user, sender_session, op_id, key, time_ms, left_out, args
    FROM publication WHERE channel = $1 AND "offset" > $2 AND "offset" <= $3
    ORDER BY "offset" LIMIT $4"#;
const BEFORE: &str = r#"SELECT "offset", event, data, sender_user, sender_session, op_id, key, time_ms, left_out, args
    FROM publication WHERE channel = $1 AND "offset" > $2 AND "offset" <= $3
    ORDER BY "offset" DESC LIMIT $4"#;

impl Store {
    /// Reads a page of what is retained, and the head of the same moment. A channel that was never used is
    /// made, so that its epoch stays.
    pub async fn history(&self, channel: &ChannelName, query: HistoryQuery) -> Result<History, Error> {
        let found = self.read(async |tx| tx.history(channel, query).await).await?;
        if found.head.is_some() {
            return Ok(found);
        }
        Ok(History { head: Some(self.head(channel).await?), publications: Vec::new() })
    }
}

impl ReadTx {
    /// Reads a page as of this snapshot; without a head where the channel was never used.
    pub async fn history(&mut self, channel: &ChannelName, query: HistoryQuery) -> Result<History, Error> {
        let Some(head) = self.head(channel).await? else {
            return Ok(History { head: None, publications: Vec::new() });
        };
        let until = query.until.min(head.offset);
        let (sql, after, until) = match query.range {
            Range::After(after) => (AFTER, after.max(head.floor), until),
            Range::Before(None) => (BEFORE, head.floor, until),
            Range::Before(Some(before)) => (BEFORE, head.floor, until.min(before.saturating_sub(1))),
        };
        let limit = integer(query.limit as u64);
        let params: [Value; 4] = params![channel.as_str(), integer(after), integer(until), limit];
        let (mut bytes, mut publications) = (0_usize, Vec::new());
        self.each(sql, params, |row| {
            let publication = publication_of(&row, channel, head.epoch)?;
            bytes = bytes.saturating_add(publication.data.len());
            if bytes > query.bytes && !publications.is_empty() {
                return Ok(ControlFlow::Break(()));
            }
            publications.push(Arc::new(publication));
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(History { head: Some(head), publications })
    }
}

fn publication_of(row: &Row, channel: &ChannelName, epoch: Epoch) -> Result<Publication, Error> {
    let session = |text: &str| -> Result<SessionId, Error> {
        SessionId::parse(text).ok_or_else(|| Error::Corrupt(format!("{text:?} is no session")))
    };
    let user: Option<Arc<str>> = row.get(3)?;
    let sender = match user {
        Some(user) => {
            Some(Sender { user: UserId::from(&*user), session: session(&row.get::<Arc<str>>(4)?)? })
        }
        None => None,
    };
    let left_out: Arc<str> = row.get(8)?;
    Ok(Publication {
        channel: channel.clone(),
        event: event_of(row.get(1)?),
        data: row.get(2)?,
        position: Some(Position { epoch, offset: row.get(0)? }),
        sender,
        op_id: row.get(5)?,
        key: row.get(6)?,
        time_ms: row.get(7)?,
        exclude: left_out.split_whitespace().map(session).collect::<Result<SmallVec<_>, _>>()?,
        args: row.get::<i64>(9)? != 0,
        except: None,
    })
}

/// Most events are clients' messages: those share one text.
fn event_of(event: Arc<str>) -> Cow<'static, str> {
    if &*event == "message" { Cow::Borrowed("message") } else { Cow::Owned(event.to_string()) }
}
