//! Subscriptions as the shard keeps them: joining with an exact cut, replaying what was missed, leaving.

use std::{rc::Rc, sync::Arc};

use veche_protocol::{
    client::{PresenceState, Range},
    code::{CloseCode, ErrorCode},
    position::Position,
    server::{Recovery, ServerFrame},
};

use super::{
    Link, Shard,
    channel::{ShardChannel, Step},
    state::{Mode, Subscription},
    timers::Due,
};
use crate::{
    broker::{Answer, Head, History, HistoryQuery},
    channels::{NodeChannel, Record},
    framed::frame_publication,
    inbox::{Audience, Entry, SessionKey, Subscribing, lock},
    presence::Snapshot,
    publication::UserId,
    recovery,
    reply::Rejection,
    rules::{Audience as Circle, Namespace},
    users::User,
};

/// A page of a replay.
const PAGE_BYTES: usize = 256 << 10;
const PAGE_PUBLICATIONS: usize = 1_000;

/// Subscriptions of a session whose list grows by one at a time.
const FEW: usize = 4;

impl Shard {
    /// A subscription reaches its place in the channel's order: nothing up to `wanted.cut` will be sent
    /// live, everything after it will.
    pub(super) fn add_subscriber(self: &Rc<Self>, channel: &Rc<ShardChannel>, wanted: Subscribing) {
        let result = self.settle_subscriber(channel, &wanted);
        if result.is_err() {
            self.node.release(&channel.node, self.index);
        }
        // Whoever waited may be gone; the subscription stands all the same.
        let _ = wanted.done.send(result);
    }

    fn settle_subscriber(
        self: &Rc<Self>,
        channel: &Rc<ShardChannel>,
        wanted: &Subscribing,
    ) -> Result<(), Rejection> {
        let gone = || Rejection::unavailable("the session has ended");
        let link = self.session(wanted.session).ok_or_else(gone)?;
        let user = link.state.borrow().user_id().cloned().ok_or_else(gone)?;
        if wanted.resumed && link.mode(channel) != Some(Mode::Lagged) {
            return Err(Rejection::unavailable("the subscription has ended"));
        }
        let at = self.place(channel, &link, wanted)?;
        if let Some(cut) = wanted.cut
            && channel.sent.get() < cut.offset
        {
            channel.sent.set(cut.offset);
        }
        let head = wanted.cut.map(|cut| Head { epoch: cut.epoch, offset: cut.offset, floor: wanted.floor });
        let recovery = recovery::decide(wanted.since, head, channel.node.namespace.replay_limit);
        self.node.metrics.recovered(recovery);
        let roster = self.be_present(channel, &link, &user, wanted.presence);
        let presence = roster.as_ref().map(Snapshot::as_roster);
        let name = &channel.node.name;
        let id = wanted.id.as_deref();
        link.settled(name, wanted.cut, recovery);
        if !wanted.told || matches!(recovery, Recovery::Reset(_)) {
            let head = wanted.cut;
            let subscribed = ServerFrame::Subscribed { id, channel: name, head, recovery, presence };
            link.send_frame(&subscribed, self.node.limits.backlog_bytes);
        }
        let from = wanted.since.filter(|_| recovery == Recovery::Replay);
        let replays = from.is_some();
        link.set_mode(channel, from.map_or(Mode::Live, |from| Mode::Replaying(Box::new(from))));
        channel.set(at, Some(wanted.presence), replays);
        if replays {
            self.pump(channel, &link);
        }
        Ok(())
    }

    /// The session's place in the channel's list: its old one, when it subscribes again.
    fn place(
        &self,
        channel: &Rc<ShardChannel>,
        link: &Rc<Link>,
        wanted: &Subscribing,
    ) -> Result<u32, Rejection> {
        let mut state = link.state.borrow_mut();
        if let Some(known) = state.subscription(&channel.node.name) {
            let at = known.at;
            known.asked &= wanted.asked;
            drop(state);
            self.node.release(&channel.node, self.index);
            return Ok(at);
        }
        let most = self.node.limits.channels_per_session;
        let personal = channel.node.namespace.name == Namespace::PERSONAL;
        if most > 0 && !personal && state.subscriptions.len() >= most as usize {
            let message = format!("a session may be subscribed to {most} channels");
            return Err(Rejection::new(ErrorCode::Conflict, message).field("channel"));
        }
        let at = channel.add(link.clone(), wanted.presence);
        // Most sessions are in one channel or two: room for no more than that.
        if state.subscriptions.len() < FEW {
            state.subscriptions.reserve_exact(1);
        }
        let channel = channel.clone();
        let (mode, asked) = (Mode::Live, wanted.asked);
        state.subscriptions.push(Subscription { channel, at, mode, may_publish: false, asked });
        Ok(at)
    }

    /// Lists the session's user as a member, where the namespace has presence at all.
    fn be_present(
        &self,
        channel: &Rc<ShardChannel>,
        link: &Link,
        user: &UserId,
        wants_members: bool,
    ) -> Option<Snapshot> {
        if channel.node.namespace.presence == Circle::Nobody {
            return None;
        }
        let mut record = lock(&channel.node.record);
        let roster = record.roster.get_or_insert_default();
        if !roster.has(user, link.id) {
            let now = self.now_ms();
            let first_words = || (PresenceState::Active, link.state.borrow().meta().map(Into::into));
            let (state, meta) = roster.last_words(user, now).unwrap_or_else(first_words);
            roster.join(user, link.id, state, meta, now);
        }
        let snapshot = wants_members.then(|| roster.snapshot());
        self.tell_members_later(&channel.node, &mut record);
        snapshot
    }

    /// Presence changes of a channel go out together, every 250 ms.
    pub(crate) fn tell_members_later(&self, channel: &Arc<NodeChannel>, record: &mut Record) {
        if !record.flush_armed {
            record.flush_armed = true;
            self.at(self.now_ms() + 250, Due::Members(channel.clone()));
        }
    }

    pub(super) fn remove_subscriber(
        self: &Rc<Self>,
        channel: &Rc<ShardChannel>,
        session: SessionKey,
        code: CloseCode,
        id: Option<&str>,
    ) {
        let Some(link) = self.session(session) else { return };
        let (removed, user) = {
            let mut state = link.state.borrow_mut();
            let at = state.subscriptions.iter().position(|it| Rc::ptr_eq(&it.channel, channel));
            (at.map(|at| state.subscriptions.swap_remove(at)), state.user.clone())
        };
        if let Some(subscription) = removed {
            self.end_subscription(&link, &subscription, user.as_deref(), false);
        }
        let frame = unsubscribed(id, &channel.node.name, code);
        link.send_frame(&frame, self.node.limits.backlog_bytes);
    }

    /// Takes a subscription out of the channel. A `lost` connection leaves its user a member for the
    /// grace period.
    pub(super) fn end_subscription(
        &self,
        link: &Link,
        subscription: &Subscription,
        user: Option<&User>,
        lost: bool,
    ) {
        let channel = &subscription.channel;
        channel.remove(subscription.at);
        if let Some(user) = user {
            let mut record = lock(&channel.node.record);
            if let Some(roster) = &mut record.roster {
                if lost {
                    let over = roster.lose(&user.id, link.id, self.now_ms());
                    if let Some(over) = over {
                        let due = Due::Grace { channel: channel.node.clone(), user: user.id.clone() };
                        self.at(over, due);
                    }
                } else {
                    roster.leave(&user.id, link.id);
                }
                self.tell_members_later(&channel.node, &mut record);
            }
            if record.stop_typing(&user.id) {
                let user = user.id.as_str();
                let stopped = ServerFrame::Typing { channel: &channel.node.name, user, active: false };
                self.node.routes.notice(&channel.node, &record, &stopped, Audience::Except(link.id));
            }
        }
        self.node.release(&channel.node, self.index);
    }

    /// Sends a replaying subscriber what its socket takes; makes it live when it has everything.
    pub(super) fn pump(self: &Rc<Self>, channel: &Rc<ShardChannel>, link: &Rc<Link>) {
        loop {
            let Some(Mode::Replaying(after)) = link.mode(channel) else { return };
            let after = *after;
            if link.has_backlog() || link.closing().is_some() {
                return;
            }
            let until = channel.sent.get();
            if after.offset >= until {
                link.set_mode(channel, Mode::Live);
                if let Some(at) = channel.place_of(link) {
                    channel.set(at, None, false);
                }
                return;
            }
            let range = Range::After(after.offset);
            // A page that waits must leave room for what is live in other channels.
            let bytes = PAGE_BYTES.min(self.node.limits.backlog_bytes / 2);
            let query = HistoryQuery { range, until, limit: PAGE_PUBLICATIONS, bytes };
            match self.node.sequencers.history(&channel.node.name, &channel.node.namespace, query) {
                Answer::Now(Ok(page)) => self.send_page(channel, link, after, &page),
                Answer::Now(Err(error)) => return self.replay_failed(link, &error.to_string()),
                Answer::Later(page) => {
                    let (shard, channel, key) = (self.clone(), channel.clone(), self.key(link));
                    tokio::task::spawn_local(async move {
                        let page = page.await;
                        let Some(link) = shard.session(key) else { return };
                        match page {
                            Ok(page) => shard.send_page(&channel, &link, after, &page),
                            Err(error) => return shard.replay_failed(&link, &error.to_string()),
                        }
                        shard.plan(&channel, Step::Pump(key));
                        shard.inbox.push(Entry::Turn);
                    });
                    return;
                }
            }
        }
    }

    /// The client comes back with its positions, which are right.
    fn replay_failed(&self, link: &Link, why: &str) {
        tracing::warn!(why, "failed to read a replay");
        self.node.metrics.refused("replay_failed");
        link.close(CloseCode::Drain);
    }

    fn send_page(&self, channel: &Rc<ShardChannel>, link: &Rc<Link>, after: Position, page: &History) {
        if !matches!(link.mode(channel), Some(Mode::Replaying(at)) if *at == after) {
            return;
        }
        let bound = self.node.limits.backlog_bytes;
        // A page of another numbering is as good as none.
        let continues = page.head.is_some_and(|head| head.epoch == after.epoch && head.floor <= after.offset);
        let last = page.publications.last().and_then(|publication| publication.position);
        let Some(last) = last.filter(|_| continues) else {
            link.lag(channel, after, bound);
            self.node.metrics.lagged.increment(1);
            return;
        };
        let mut bytes = Vec::new();
        for publication in &page.publications {
            if !publication.leaves_out(link.id, |channel| link.is_subscribed(channel)) {
                bytes.extend_from_slice(&frame_publication(publication, 0, link.encoding));
            } else if link.encoding.tells_skipped() {
                let offset = publication.position.map_or(0, |position| position.offset);
                let frame = ServerFrame::Skipped { channel: &channel.node.name, offset };
                bytes.extend_from_slice(&link.encode(&frame));
            }
        }
        let wire = link.any_wire();
        if wire.notes_sent() {
            for publication in &page.publications {
                publication.position.into_iter().for_each(|place| wire.sent(publication, place));
            }
        }
        self.node.metrics.replayed.increment(page.publications.len() as u64);
        link.set_mode(channel, Mode::Replaying(Box::new(last)));
        link.send(bytes.into(), usize::MAX);
    }

    /// The socket has taken everything that waited.
    pub fn drained(self: &Rc<Self>, link: &Rc<Link>) {
        let dropped = link.backlog.borrow_mut().take().map(|mut backlog| backlog.take_dropped());
        for (channel, dropped) in dropped.unwrap_or_default() {
            let frame = ServerFrame::LaggedDropped { channel: &channel, dropped };
            link.send_frame(&frame, self.node.limits.backlog_bytes);
        }
        let state = link.state.borrow();
        let replaying = state.subscriptions.iter().filter(|it| matches!(it.mode, Mode::Replaying(_)));
        let channels: Vec<_> = replaying.map(|it| it.channel.clone()).collect();
        drop(state);
        if channels.is_empty() {
            return;
        }
        for channel in channels {
            self.plan(&channel, Step::Pump(self.key(link)));
        }
        self.inbox.push(Entry::Turn);
    }
}

/// The answer to whoever is no longer subscribed, or never was.
pub(super) fn unsubscribed<'a>(id: Option<&'a str>, channel: &'a str, code: CloseCode) -> ServerFrame<'a> {
    ServerFrame::Unsubscribed { id, channel, code: code.number(), reason: code.reason() }
}
