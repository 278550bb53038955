//! What a native client's frames do: the way from a text message to the kernel.

use std::{future::Future, rc::Rc, sync::Arc, task::Context};

use veche_protocol::{
    client::{self, Body, Frame, PresenceState},
    code::{CloseCode, ErrorCode},
    name::ChannelName,
    server::ServerFrame,
};

use super::{Link, Shard, state::Held, subscribing::unsubscribed, timers::Due};
use crate::{
    channels::{NodeChannel, Typist},
    framed::Encoding,
    inbox::{Audience, lock},
    module::Ask,
    publication::UserId,
    reply::Rejection,
    rules::{Audience as Circle, Decision, Namespace, Right},
};

/// How long somebody is shown as writing after they last said so.
const TYPING_MS: u64 = 7_000;
/// A `typing` that says nothing new is told again after this time, for those who came later.
const TYPING_AGAIN_MS: u64 = 2_000;

impl Shard {
    /// A text message arrived: its frames take effect in order, now or when those before them are done.
    pub fn receive(self: &Rc<Self>, link: &Rc<Link>, text: &str) {
        self.node.metrics.received.increment(1);
        {
            let mut state = link.state.borrow_mut();
            if state.machine.must_wait() && !client::peek_urgent(text) {
                // Whether the queue is full shows in `Link::may_read`.
                let _ = state.machine.enqueue(text);
                return;
            }
        }
        self.take(link, text, 0);
    }

    /// Handles a text's frames from one on, until one of them takes its time. Subscriptions in a row are
    /// one step: a client that returns restores all of its own in one batch.
    pub(super) fn take(self: &Rc<Self>, link: &Rc<Link>, text: &str, from: usize) {
        let frames = client::parse(text).into_iter();
        let count = frames.len();
        let mut joins = Vec::new();
        for (at, frame) in frames.enumerate().skip(from) {
            if link.closing().is_some() {
                return;
            }
            if let Err(flood) = self.meter_frame(link) {
                let id = frame.as_ref().map_or_else(|refusal| refusal.id, |frame| frame.id);
                self.refuse(link, id, &flood);
                continue;
            }
            let frame = match frame {
                Ok(Frame { id, body: Body::Subscribe { channel, since, presence } }) => {
                    self.prepare(link, id, &[channel], since, presence, &mut joins);
                    continue;
                }
                Ok(Frame { id, body: Body::SubscribeMany { channels, presence } }) => {
                    self.prepare(link, id, &channels, None, presence, &mut joins);
                    continue;
                }
                frame => frame,
            };
            if !joins.is_empty() {
                self.subscribe(link, std::mem::take(&mut joins));
                if self.rests_at(link, text, at) {
                    return;
                }
            }
            match frame {
                Ok(frame) => self.handle(link, frame),
                Err(refusal) => self.refuse(link, refusal.id, &refusal.clone().into()),
            }
            if at + 1 < count && self.rests_at(link, text, at + 1) {
                return;
            }
        }
        self.subscribe(link, joins);
    }

    /// Whether the session is busy; then the rest of the text waits.
    fn rests_at(&self, link: &Link, text: &str, next: usize) -> bool {
        let mut state = link.state.borrow_mut();
        let busy = state.machine.busy();
        if busy {
            state.machine.defer(text, next);
        }
        busy
    }

    /// Goes on with what waited behind a call.
    pub(super) fn resume(self: &Rc<Self>, link: &Rc<Link>) {
        let paused = !link.may_read();
        loop {
            let next = link.state.borrow_mut().machine.resume();
            let Some((text, from)) = next else { break };
            match link.encoding {
                Encoding::SocketIo(_) => self.take_emit(link, &text),
                _ => self.take(link, &text, from),
            }
        }
        if paused && link.may_read() {
            link.seen_ms.set(self.now_ms());
            link.wake();
        }
    }

    fn handle(self: &Rc<Self>, link: &Rc<Link>, frame: Frame<'_>) {
        let Frame { id, body } = frame;
        if let Err(rejection) = self.admit(link, &body) {
            return self.refuse(link, id, &rejection);
        }
        let result = match body {
            Body::Auth { token } => self.meter_call(link).map(|()| self.authenticate(link, id, &token)),
            Body::Ping { ts } => self.meter_call(link).map(|()| {
                let time_ms = self.node.clock.wall_ms();
                self.reply(link, &ServerFrame::Pong { ts, time_ms });
            }),
            Body::Unsubscribe { channel } => {
                self.meter_call(link).map(|()| self.unsubscribe(link, id, &channel))
            }
            Body::Message { channel, data, op_id, echo } => {
                self.message(link, id, &channel, data, op_id.as_deref(), echo)
            }
            Body::Typing { channel, active } => self.typing(link, id, &channel, active),
            Body::Presence { channel, state, meta } => {
                let set = self.set_presence(link, channel.as_deref(), state, meta);
                set.map(|()| self.confirm(link, id))
            }
            Body::History { channel, range, limit } => self.history(link, id, &channel, range, limit),
            Body::Call { event, data, channel, op_id } => self
                .meter_call(link)
                .map(|()| self.call(link, id, &event, data, channel.as_deref(), op_id.as_deref())),
            Body::Ack { offset } => self.acknowledge(link, id, offset),
            _ => Err(Rejection::new(ErrorCode::NotFound, "nothing answers this frame").field("type")),
        };
        if let Err(rejection) = result {
            self.refuse(link, id, &rejection);
        }
    }

    /// Says that a frame took effect, if it asked.
    pub(super) fn confirm(&self, link: &Link, id: Option<&str>) {
        if let Some(id) = id {
            let reply = ServerFrame::Reply { id, data: None, position: None, class: None, duplicate: false };
            self.reply(link, &reply);
        }
    }

    /// Whether the session's phase lets this frame in.
    pub(super) fn admit(&self, link: &Link, body: &Body<'_>) -> Result<(), Rejection> {
        link.state.borrow_mut().machine.admit(body).map_err(|code| {
            let message = match code {
                ErrorCode::Conflict => "auth must be the first frame",
                _ => "sign in first, by a frame auth",
            };
            Rejection::new(code, message)
        })
    }

    /// What the rules say of this session, a right and a channel. A module's guard is another question.
    pub(super) fn decide(&self, link: &Link, right: Right, channel: &str) -> Result<UserId, Rejection> {
        let decision = self.node.rules.decide(link.state.borrow().principal(), right, channel);
        self.heed(link, decision)
    }

    /// The same for a channel whose namespace is known.
    pub(super) fn decide_in(
        &self,
        link: &Link,
        right: Right,
        channel: &str,
        namespace: &Namespace,
    ) -> Result<UserId, Rejection> {
        let decision = namespace.decide(link.state.borrow().principal(), right, channel);
        self.heed(link, decision)
    }

    fn heed(&self, link: &Link, decision: Decision) -> Result<UserId, Rejection> {
        match decision {
            Decision::Allowed => link.user().ok_or_else(Rejection::unauthorized),
            Decision::Denied => {
                self.node.metrics.refused("rules");
                Err(Rejection::forbidden().field("channel"))
            }
        }
    }

    fn unsubscribe(self: &Rc<Self>, link: &Rc<Link>, id: Option<&str>, channel: &str) {
        self.settle_personal(link, channel);
        let known = link.state.borrow_mut().subscription(channel).map(|it| it.channel.node.clone());
        match known {
            Some(known) => self.node.leave(self.key(link), known, id),
            None => {
                self.reply(link, &unsubscribed(id, channel, CloseCode::Normal));
            }
        }
    }

    pub(super) fn typing(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        channel: &str,
        active: bool,
    ) -> Result<(), Rejection> {
        let user = self.decide(link, Right::Publish, channel)?;
        let known = {
            let mut state = link.state.borrow_mut();
            state.subscription(channel).map(|it| (it.channel.node.clone(), it.may_publish))
        };
        let Some((known, may_publish)) = known else {
            let first = Rejection::new(ErrorCode::Conflict, "subscribe to the channel first");
            return Err(first.field("channel"));
        };
        if self.meter_ephemeral(link).is_err() {
            self.hold(link, Held::Typing { channel: channel.into(), active });
            self.confirm(link, id);
            return Ok(());
        }
        let (shard, key, id) = (self.clone(), self.key(link), id.map(Box::<str>::from));
        let ask = Ask { user: user.clone(), channel: known.name.clone(), right: Right::Publish };
        self.proceed(link, async move {
            let allowed = if may_publish { Ok(()) } else { shard.node.ask_guard(ask).await };
            let Some(link) = shard.session(key) else { return };
            match allowed {
                Ok(()) => {
                    shard.show_typing(&link, &known, user, active);
                    shard.confirm(&link, id.as_deref());
                }
                Err(rejection) => shard.refuse(&link, id.as_deref(), &rejection),
            }
        });
        Ok(())
    }

    /// Tells the others of the channel whether somebody writes.
    fn show_typing(&self, link: &Link, channel: &Arc<NodeChannel>, user: UserId, active: bool) {
        let now = self.now_ms();
        let mut record = lock(&channel.record);
        if active {
            let typing = &mut record.typing;
            let until_ms = now + TYPING_MS;
            let session = link.id;
            match typing.iter_mut().find(|typist| typist.user == user) {
                Some(typist) => {
                    typist.until_ms = until_ms;
                    if now < typist.told_ms + TYPING_AGAIN_MS {
                        return;
                    }
                    typist.told_ms = now;
                }
                None => {
                    typing.push(Typist { user: user.clone(), session, until_ms, told_ms: now });
                    self.at(until_ms, Due::Typing { channel: channel.clone(), user: user.clone() });
                }
            }
        } else if !record.stop_typing(&user) {
            return;
        }
        let frame = ServerFrame::Typing { channel: &channel.name, user: user.as_str(), active };
        self.node.routes.notice(channel, &record, &frame, Audience::Except(link.id));
    }

    pub(super) fn set_presence(
        self: &Rc<Self>,
        link: &Rc<Link>,
        channel: Option<&str>,
        state: PresenceState,
        meta: Option<&str>,
    ) -> Result<(), Rejection> {
        let user = link.state.borrow().user_id().cloned().ok_or_else(Rejection::unauthorized)?;
        if self.meter_ephemeral(link).is_err() {
            self.hold(
                link,
                Held::Presence { channel: channel.map(Into::into), state, meta: meta.map(Into::into) },
            );
            return Ok(());
        }
        let wanted: Vec<_> = {
            let state = link.state.borrow();
            let subscriptions = state.subscriptions.iter().map(|it| it.channel.clone());
            subscriptions.filter(|it| channel.is_none_or(|name| *it.node.name == *name)).collect()
        };
        if wanted.is_empty() && channel.is_some() {
            let first = Rejection::new(ErrorCode::Conflict, "subscribe to the channel first");
            return Err(first.field("channel"));
        }
        for channel in wanted {
            if channel.node.namespace.presence == Circle::Nobody {
                continue;
            }
            let mut record = lock(&channel.node.record);
            let Some(roster) = &mut record.roster else { continue };
            roster.update(&user, link.id, state, meta.map(Into::into));
            self.tell_members_later(&channel.node, &mut record);
        }
        Ok(())
    }

    /// Runs a step of a session that may have to wait. What waits makes the session's later frames wait.
    pub fn proceed(self: &Rc<Self>, link: &Rc<Link>, step: impl Future<Output = ()> + 'static) {
        let mut step = Box::pin(step);
        let mut context = Context::from_waker(std::task::Waker::noop());
        if step.as_mut().poll(&mut context).is_ready() {
            return;
        }
        link.state.borrow_mut().machine.set_busy(true);
        let (shard, key) = (self.clone(), self.key(link));
        tokio::task::spawn_local(async move {
            step.await;
            if let Some(link) = shard.session(key) {
                link.state.borrow_mut().machine.set_busy(false);
                shard.resume(&link);
            }
        });
    }

    /// A channel's name, shared with the subscription where there is one.
    pub(super) fn name(&self, link: &Link, channel: &str) -> Result<ChannelName, Rejection> {
        if let Some(known) = link.state.borrow_mut().subscription(channel) {
            return Ok(known.channel.node.name.clone());
        }
        ChannelName::parse(channel)
            .map_err(|error| Rejection::new(ErrorCode::BadRequest, error.to_string()).field("channel"))
    }
}
