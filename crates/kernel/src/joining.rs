//! How a subscription comes about: the node's interest, the log's head, the place in the channel's order.

use std::{pin::pin, sync::Arc};

use tokio::sync::oneshot;
use veche_protocol::{client::Range, code::ErrorCode, name::ChannelName, position::Position};

use crate::{
    broker::HistoryQuery,
    channels::{NodeChannel, Unfit},
    delivery::Reach,
    inbox::{SessionKey, Subscribing, lock},
    node::{Node, PATIENCE},
    publication::UserId,
    reply::Rejection,
    rules::{Class, Namespace},
};

/// A subscription that a session asks for, or that a handler asks for it.
pub(crate) struct Join {
    pub(crate) session: SessionKey,
    pub(crate) user: UserId,
    pub(crate) channel: ChannelName,
    pub(crate) since: Option<Position>,
    pub(crate) presence: bool,
    pub(crate) id: Option<Box<str>>,
    pub(crate) again: bool,
    /// The client was told that it is subscribed from `since`; only a reset is news.
    pub(crate) told: bool,
    /// A client asked for it, and the rules allowed it; else it is the server's act.
    pub(crate) asked: bool,
    /// It goes on with a subscription that there is still; else nothing comes of it.
    pub(crate) resumed: bool,
}

impl Join {
    /// A session's first subscription to a channel, by the server, which nobody waits for.
    pub(crate) fn of(session: SessionKey, user: UserId, channel: ChannelName) -> Self {
        Self {
            session,
            user,
            channel,
            since: None,
            presence: false,
            id: None,
            again: false,
            told: false,
            asked: false,
            resumed: false,
        }
    }
}

/// A channel's record in the hands of a subscription that has not come about yet. If it never does, the
/// record must not stay for its sake.
struct Entered<'n> {
    node: &'n Node,
    channel: Arc<NodeChannel>,
    used: bool,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.used {
            self.node.forget_if_idle(&self.channel);
        }
    }
}

impl Node {
    /// Subscribes a session, and waits until its place in the channel's order is settled.
    pub(crate) async fn join(&self, join: Join) -> Result<(), Rejection> {
        let namespace = self.namespace(&join.channel);
        let (done, settled) = oneshot::channel();
        let floor = match join.since {
            Some(_) => self.floor(&join.channel, &namespace).await?,
            None => 0,
        };
        let Join { session, channel, since, presence, id, again, told, asked, resumed, user: _ } = join;
        let mut entered = self.enter(&channel, &namespace).await?;
        if let Some(since) = since {
            self.catch_up(&entered.channel, since).await?;
        }
        let mut wanted = Box::new(Subscribing {
            session,
            channel: entered.channel.clone(),
            cut: None,
            floor,
            since,
            presence,
            id,
            again,
            told,
            asked,
            resumed,
            done,
        });
        loop {
            match self.routes.subscribe(wanted) {
                Ok(()) => break entered.used = true,
                Err((_, Unfit::Full)) => {
                    let full = Rejection::new(ErrorCode::Unavailable, "the channel is full");
                    return Err(full.field("channel"));
                }
                Err((back, Unfit::Freed)) => {
                    wanted = back;
                    entered = self.enter(&channel, &namespace).await?;
                    wanted.channel = entered.channel.clone();
                }
            }
        }
        settled.await.unwrap_or_else(|_| Err(Rejection::unavailable("the node stops")))
    }

    /// A client may know of a position before this node: the log has committed it, and its hint is on the
    /// way. Waits for it, so that the client is not taken for one who is ahead of the log.
    async fn catch_up(&self, channel: &Arc<NodeChannel>, since: Position) -> Result<(), Rejection> {
        let Some(log) = self.sequencers.durable().filter(|_| channel.namespace.class == Class::Durable)
        else {
            return Ok(());
        };
        let has = |at: Position| at.epoch == since.epoch && at.offset >= since.offset;
        let mut patience = pin!(self.clock.sleep(PATIENCE));
        while !lock(&channel.record).cursor.delivered().is_some_and(has) {
            let head = log.head(&channel.name).await?;
            self.routes.told(channel, head);
            loop {
                let mut moved = pin!(self.routes.moved.notified());
                moved.as_mut().enable();
                let reach = lock(&channel.record).cursor.reach(head);
                match reach {
                    Reach::Here => return Ok(()),
                    Reach::Never => break,
                    Reach::Coming => {}
                }
                tokio::select! {
                    () = moved => {}
                    () = &mut patience => {
                        self.metrics.refused("log_behind");
                        return Err(Rejection::unavailable("the log is behind").retry_after_ms(1_000));
                    }
                }
            }
        }
        Ok(())
    }

    /// The channel's record, with the broker told of the node's interest.
    async fn enter(
        &self,
        channel: &ChannelName,
        namespace: &Arc<Namespace>,
    ) -> Result<Entered<'_>, Rejection> {
        let entered = Entered { node: self, channel: self.routes.enter(channel, namespace), used: false };
        let announced = lock(&entered.channel.record).announced;
        if !announced {
            // The record is in the table first, so that nothing falls between the head and its use.
            let head = self.sequencers.subscribe(channel, namespace).await?;
            if !self.routes.announce(&entered.channel, head) {
                self.sequencers.unsubscribe(channel);
            }
        }
        Ok(entered)
    }

    async fn floor(&self, channel: &ChannelName, namespace: &Arc<Namespace>) -> Result<u64, Rejection> {
        let query = HistoryQuery { range: Range::After(u64::MAX), until: 0, limit: 0, bytes: 0 };
        let history = self.sequencers.history(channel, namespace, query).wait().await?;
        Ok(history.head.map_or(0, |head| head.floor))
    }
}
