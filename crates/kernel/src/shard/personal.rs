//! A signed-in user's personal channel, which the server joins for them.
//!
//! A session begins where its device's acknowledgement stands. Until something is published the channel has
//! no record on the node: the session is told that it is subscribed, and waits in the index of users. The
//! first publication knocks at each of the user's sessions, which then subscribe from where they stood, and
//! are subscribers like any others.
//!
//! *Its law:* a session is in the index before the log is asked for the head, so whatever is published after
//! that head knocks.

use std::{cmp, rc::Rc, sync::Arc, time::Duration};

use veche_protocol::{
    code::ErrorCode,
    name::ChannelName,
    position::Position,
    server::{Recovery, ServerFrame},
};

use super::{Link, Shard};
use crate::{
    broker::BrokerError,
    inbox::SessionKey,
    joining::Join,
    log::{Device, Log, Place},
    publication::UserId,
    reply::Rejection,
    rules::Namespace,
};

/// How long a log that fails is left alone; doubled up to the second.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// Acknowledgements that wait for an answer in one session.
const ACKS_MOST: usize = 64;

/// How far a session has come with its user's personal channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Personal {
    /// It has none, or is subscribed to it like to any other channel, or wants it no longer.
    #[default]
    Settled,
    /// The log is asked where the session's device stands. `knocked`: up to where something was published
    /// since.
    Asking { knocked: u64 },
    /// It was told that it has everything up to this offset.
    Waiting { offset: u64 },
}

/// A session's acknowledgements: one is on its way to the log, the next holds all that came meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Acking {
    next: Option<u64>,
    /// Frames that want to hear of `next`.
    ids: Vec<Box<str>>,
}

/// The personal channel of a user; `None` where their id fits no channel's name, and for guests.
pub(crate) fn channel_of(user: &UserId) -> Option<ChannelName> {
    let name = (!user.is_guest()).then(|| format!("{}:{user}", Namespace::PERSONAL))?;
    ChannelName::parse(&name).ok()
}

impl Shard {
    /// Begins with the personal channel of whoever has just signed in. A door that only listens asks for it
    /// itself.
    pub(super) fn enter_personal(self: &Rc<Self>, link: &Rc<Link>, user: &UserId) {
        let Some(log) = self.node.sequencers.durable().cloned() else { return };
        let Some(channel) = channel_of(user).filter(|_| !link.encoding.only_listens()) else { return };
        let device = {
            let mut state = link.state.borrow_mut();
            state.personal = Personal::Asking { knocked: 0 };
            Device::of(user, state.device.as_deref())
        };
        let (shard, key) = (self.clone(), self.key(link));
        tokio::task::spawn_local(async move {
            let place = shard.ask_place(key, &*log, &device).await;
            if let (Some(place), Some(link)) = (place, shard.session(key)) {
                shard.begin_personal(&link, channel, place);
            }
        });
    }

    /// Where the device stands; `None` once nobody wants to know any more. A log that fails is asked again:
    /// what else the session does needs it not.
    async fn ask_place(&self, key: SessionKey, log: &dyn Log, device: &Device) -> Option<Place> {
        let mut pause = PAUSES[0];
        loop {
            let error = match log.place(device).await {
                Ok(place) => return Some(place),
                Err(error) => error,
            };
            self.personal_failed(&error.to_string());
            self.node.clock.sleep(pause).await;
            pause = cmp::min(pause * 2, PAUSES[1]);
            let link = self.session(key)?;
            if link.state.borrow().personal == Personal::Settled {
                return None;
            }
        }
    }

    fn begin_personal(self: &Rc<Self>, link: &Rc<Link>, channel: ChannelName, place: Place) {
        let Place { head, acked } = place;
        {
            let mut state = link.state.borrow_mut();
            let Personal::Asking { knocked } = state.personal else { return };
            let offset = acked.unwrap_or(head.offset);
            if knocked > head.offset || offset != head.offset {
                state.personal = Personal::Settled;
                drop(state);
                let since = Position { epoch: head.epoch, offset };
                return self.join_personal(link, channel, since, false);
            }
            state.personal = Personal::Waiting { offset };
        }
        let recovery = if acked.is_some() { Recovery::UpToDate } else { Recovery::Fresh };
        self.node.metrics.recovered(recovery);
        let head = Some(Position { epoch: head.epoch, offset: head.offset });
        let subscribed =
            ServerFrame::Subscribed { id: None, channel: &channel, head, recovery, presence: None };
        link.send_frame(&subscribed, self.node.limits.backlog_bytes);
    }

    /// Something was published in the personal channel of the session's user.
    pub(super) fn knocked(self: &Rc<Self>, key: SessionKey, channel: ChannelName, position: Position) {
        let Some(link) = self.session(key) else { return };
        let mut state = link.state.borrow_mut();
        match &mut state.personal {
            Personal::Settled => {}
            Personal::Asking { knocked } => *knocked = cmp::max(*knocked, position.offset),
            Personal::Waiting { offset } => {
                let since = Position { epoch: position.epoch, offset: *offset };
                state.personal = Personal::Settled;
                drop(state);
                self.join_personal(&link, channel, since, true);
            }
        }
    }

    /// Subscribes the session, however long the node takes to be able to. `told`: the client was told that
    /// it is subscribed.
    fn join_personal(self: &Rc<Self>, link: &Link, channel: ChannelName, since: Position, told: bool) {
        let (shard, session) = (self.clone(), self.key(link));
        tokio::task::spawn_local(async move {
            let mut pause = PAUSES[0];
            loop {
                let Some(link) = shard.session(session) else { return };
                let Some(user) = link.state.borrow().user_id().cloned() else { return };
                if link.state.borrow_mut().subscription(&channel).is_some() {
                    return;
                }
                let (channel, since) = (channel.clone(), Some(since));
                let join = Join { since, told, ..Join::of(session, user, channel) };
                let Err(rejection) = shard.node.join(join).await else { return };
                shard.personal_failed(rejection.message());
                shard.node.clock.sleep(pause).await;
                pause = cmp::min(pause * 2, PAUSES[1]);
            }
        });
    }

    fn personal_failed(&self, why: &str) {
        tracing::warn!(why, "failed to begin with a personal channel; it is tried again");
        self.node.metrics.refused("personal_channel");
    }

    /// The client takes the personal channel into its own hands.
    pub(super) fn settle_personal(&self, link: &Link, channel: &str) {
        let mut state = link.state.borrow_mut();
        if state.personal == Personal::Settled {
            return;
        }
        if state.user_id().and_then(channel_of).is_some_and(|own| *own == *channel) {
            state.personal = Personal::Settled;
        }
    }

    /// A frame `ack`: the session's device has everything up to this offset.
    pub(super) fn acknowledge(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        offset: u64,
    ) -> Result<(), Rejection> {
        let log = self.personal_log()?;
        let mut state = link.state.borrow_mut();
        let Some(user) = state.user_id().filter(|user| !user.is_guest()) else {
            return Err(Rejection::new(ErrorCode::Forbidden, "guests have no personal channel"));
        };
        let device = Device::of(user, state.device.as_deref());
        let under_way = state.rare.as_ref().is_some_and(|rare| rare.acking.is_some());
        let acking = state.rare().acking.get_or_insert_default();
        if acking.ids.len() >= ACKS_MOST {
            return Err(Rejection::rate_limited(1_000));
        }
        acking.next = cmp::max(acking.next, Some(offset));
        acking.ids.extend(id.map(Into::into));
        drop(state);
        if !under_way {
            let (shard, key) = (self.clone(), self.key(link));
            tokio::task::spawn_local(async move { shard.write_acks(key, log, device).await });
        }
        Ok(())
    }

    /// Writes a session's acknowledgements until none is left. They count even when the session has ended.
    async fn write_acks(self: Rc<Self>, key: SessionKey, log: Arc<dyn Log>, device: Device) {
        loop {
            let Some(link) = self.session(key) else { return };
            let (offset, ids) = {
                let mut state = link.state.borrow_mut();
                let Some(acking) = state.rare().acking.as_mut() else { return };
                let Some(offset) = acking.next.take() else {
                    state.rare().acking = None;
                    return state.tidy();
                };
                (offset, std::mem::take(&mut acking.ids))
            };
            drop(link);
            let kept = log.ack(&device, offset).await;
            if let Some(link) = self.session(key) {
                self.acked(&link, &ids, kept);
            }
        }
    }

    fn acked(&self, link: &Link, ids: &[Box<str>], kept: Result<bool, BrokerError>) {
        let rejection = match kept {
            Ok(true) => return ids.iter().for_each(|id| self.confirm(link, Some(id))),
            Ok(false) => {
                let ahead = "nothing was published at this offset yet";
                Rejection::new(ErrorCode::BadRequest, ahead).field("offset")
            }
            Err(error) => error.into(),
        };
        // Whoever did not ask for an answer hears of a failure all the same.
        let unasked = ids.is_empty().then_some(None);
        let asked = ids.iter().map(|id| Some(&**id));
        unasked.into_iter().chain(asked).for_each(|id| self.refuse(link, id, &rejection));
    }

    /// The personal channel of a user; `None` on a node that keeps none, and for guests.
    pub fn personal_channel(&self, user: &UserId) -> Option<ChannelName> {
        self.node.sequencers.durable().and_then(|_| channel_of(user))
    }

    /// Where a user's device stands in the user's personal channel, for a door that subscribes to it.
    pub async fn personal_place(
        &self,
        user: &UserId,
        device: Option<&str>,
    ) -> Result<Option<Position>, Rejection> {
        let Place { head, acked } = self.personal_log()?.place(&Device::of(user, device)).await?;
        Ok(acked.map(|offset| Position { epoch: head.epoch, offset }))
    }

    /// A user's device has shown, by asking for what follows, that it has everything up to here. A position
    /// of another numbering, or one that was never published, is passed over: the subscription tells the
    /// client.
    pub async fn personal_ack(
        &self,
        user: &UserId,
        device: Option<&str>,
        position: Position,
    ) -> Result<(), Rejection> {
        let (log, device) = (self.personal_log()?, Device::of(user, device));
        let place = log.place(&device).await?;
        if place.head.epoch == position.epoch && place.acked.is_none_or(|acked| acked < position.offset) {
            log.ack(&device, position.offset).await?;
        }
        Ok(())
    }

    fn personal_log(&self) -> Result<Arc<dyn Log>, Rejection> {
        let missing = || Rejection::new(ErrorCode::NotFound, "this server keeps no personal channels");
        self.node.sequencers.durable().cloned().ok_or_else(missing)
    }
}
