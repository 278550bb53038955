//! Frames that ask for something of a channel and may have to wait for the answer: a subscription, a
//! publication, a part of the history.

use std::{borrow::Cow, rc::Rc};

use veche_protocol::{
    client::{Body, Range},
    code::ErrorCode,
    position::Position,
    server::ServerFrame,
};

use super::{Link, Shard, state::Held};
use crate::{
    broker::{Answer, History, HistoryQuery, Published},
    framed::publication_text,
    joining::Join,
    limits::RetryAfter,
    module::Ask,
    node::Message,
    publication::Sender,
    reply::Rejection,
    rules::{Class, Right},
};

impl Shard {
    /// Checks what can be checked at once of a frame `subscribe`, and adds its channels to `joins`.
    pub(super) fn prepare(
        &self,
        link: &Link,
        id: Option<&str>,
        channels: &[Cow<'_, str>],
        since: Option<Position>,
        presence: bool,
        joins: &mut Vec<Join>,
    ) {
        let body = Body::SubscribeMany { channels: Vec::new(), presence };
        if let Err(rejection) = self.admit(link, &body) {
            return self.refuse(link, id, &rejection);
        }
        for channel in channels {
            match self.check_join(link, id, channel, since, presence) {
                Ok(join) => joins.push(join),
                Err(rejection) => self.refuse(link, id, &rejection),
            }
        }
    }

    /// Subscribes to channels one after the other. The session's next frame waits for the last of them.
    pub(super) fn subscribe(self: &Rc<Self>, link: &Rc<Link>, joins: Vec<Join>) {
        if joins.is_empty() {
            return;
        }
        let (shard, key) = (self.clone(), self.key(link));
        self.proceed(link, async move {
            for join in joins {
                let (id, channel) = (join.id.clone(), join.channel.clone());
                let rechecks = shard.rechecks.get();
                let joined = shard.join_by_right(join).await;
                if let (Err(rejection), Some(link)) = (joined, shard.session(key)) {
                    shard.refuse(&link, id.as_deref(), &rejection);
                } else if shard.rechecks.get() != rechecks {
                    shard.recheck(key, &channel);
                }
            }
        });
    }

    /// The rules have allowed it; asks the module's own one, and subscribes.
    async fn join_by_right(&self, join: Join) -> Result<(), Rejection> {
        let ask = |right| Ask { user: join.user.clone(), channel: join.channel.clone(), right };
        self.node.ask_guard(ask(Right::Subscribe)).await?;
        if join.presence {
            self.node.ask_guard(ask(Right::Presence)).await.map_err(|it| it.field("presence"))?;
        }
        self.node.join(join).await
    }

    pub(super) fn check_join(
        &self,
        link: &Link,
        id: Option<&str>,
        channel: &str,
        since: Option<Position>,
        presence: bool,
    ) -> Result<Join, Rejection> {
        let user = self.decide(link, Right::Subscribe, channel)?;
        if presence {
            self.decide(link, Right::Presence, channel).map_err(|it| it.field("presence"))?;
        }
        let quota = self.node.limits.subscribes();
        let taken = link.state.borrow_mut().subscribes.take(self.now_ms(), quota);
        taken.map_err(|RetryAfter(ms)| Rejection::rate_limited(ms))?;
        let again = link.state.borrow_mut().subscription(channel).is_some();
        let channel = self.name(link, channel)?;
        self.settle_personal(link, &channel);
        let (session, id) = (self.key(link), id.map(Into::into));
        Ok(Join {
            session,
            user,
            channel,
            since,
            presence,
            id,
            again,
            told: false,
            asked: true,
            resumed: false,
        })
    }

    pub(super) fn message(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        channel: &str,
        data: &str,
        op_id: Option<&str>,
        echo: bool,
    ) -> Result<(), Rejection> {
        // Where somebody here is subscribed, the record has the channel's name and its rules.
        let known = self.node.routes.find(channel);
        let namespace =
            known.as_ref().map_or_else(|| self.node.namespace(channel), |it| it.namespace.clone());
        let user = self.decide_in(link, Right::Publish, channel, &namespace)?;
        if namespace.class == Class::Ephemeral {
            if let Err(RetryAfter(ms)) = self.meter_ephemeral(link) {
                if id.is_some() {
                    return Err(Rejection::rate_limited(ms));
                }
                let (channel, data, op_id) = (channel.into(), data.into(), op_id.map(Into::into));
                self.hold(link, Held::Message { channel, data, op_id, echo });
                return Ok(());
            }
        } else {
            self.meter_message(link)?;
        }
        let channel = match &known {
            Some(known) => known.name.clone(),
            None => self.name(link, channel)?,
        };
        let mut message = Message::new(channel, Cow::Borrowed("message"), data);
        message.sender = Some(Sender { user, session: link.id });
        message.op_id = op_id.map(Into::into);
        if !echo {
            message.exclude.push(link.id);
        }
        let guarded = self.node.registry.guard(&namespace.name).is_some();
        if guarded || self.node.routes.is_full(&message.channel) {
            self.publish_later(link, id, message, namespace.class);
            return Ok(());
        }
        match self.node.publish_at_once(message, &namespace, known.as_ref())? {
            Answer::Now(published) => {
                self.message_done(link, id, namespace.class, published.map_err(Rejection::from));
            }
            Answer::Later(published) => {
                let (shard, key, id) = (self.clone(), self.key(link), id.map(Box::<str>::from));
                self.proceed(link, async move {
                    let published = published.await.map_err(Rejection::from);
                    let Some(link) = shard.session(key) else { return };
                    shard.message_done(&link, id.as_deref(), namespace.class, published);
                });
            }
        }
        Ok(())
    }

    /// Publishes when the module's guard has allowed it, and the shards that want it have room.
    fn publish_later(self: &Rc<Self>, link: &Rc<Link>, id: Option<&str>, message: Message, class: Class) {
        let allowed = link
            .state
            .borrow_mut()
            .subscription(&message.channel)
            .is_some_and(|subscription| subscription.may_publish);
        let (shard, key, id) = (self.clone(), self.key(link), id.map(Box::<str>::from));
        self.proceed(link, async move {
            let (channel, rechecks) = (message.channel.clone(), shard.rechecks.get());
            let published = async {
                if !allowed && let Some(Sender { user, .. }) = &message.sender {
                    let ask = Ask { user: user.clone(), channel: channel.clone(), right: Right::Publish };
                    shard.node.ask_guard(ask).await?;
                }
                shard.node.publish(message).await
            };
            let published = published.await;
            let Some(link) = shard.session(key) else { return };
            if let Some(subscription) = link.state.borrow_mut().subscription(&channel) {
                // What was said before a recheck is not kept.
                subscription.may_publish |= published.is_ok() && shard.rechecks.get() == rechecks;
            }
            shard.message_done(&link, id.as_deref(), class, published);
        });
    }

    fn message_done(
        &self,
        link: &Link,
        id: Option<&str>,
        class: Class,
        published: Result<Published, Rejection>,
    ) {
        match (published, id) {
            (Err(rejection), id) => self.refuse(link, id, &rejection),
            (Ok(Published { position, duplicate }), Some(id)) => {
                let class = Some(class.as_str());
                self.reply(link, &ServerFrame::Reply { id, data: None, position, class, duplicate });
            }
            (Ok(_), None) => {}
        }
    }

    pub(super) fn history(
        self: &Rc<Self>,
        link: &Rc<Link>,
        id: Option<&str>,
        channel: &str,
        range: Range,
        limit: u16,
    ) -> Result<(), Rejection> {
        let user = self.decide(link, Right::History, channel)?;
        self.meter_call(link)?;
        let Some(id) = id else {
            let missing = Rejection::new(ErrorCode::BadRequest, "a request for history needs an id");
            return Err(missing.field("id"));
        };
        let id: Box<str> = id.into();
        let channel = self.name(link, channel)?;
        let ask = Ask { user, channel: channel.clone(), right: Right::History };
        let query = HistoryQuery { range, until: u64::MAX, limit: usize::from(limit), bytes: HISTORY_BYTES };
        let (shard, key) = (self.clone(), self.key(link));
        self.proceed(link, async move {
            let found = async {
                shard.node.ask_guard(ask).await?;
                shard.node.history(&channel, query).await
            };
            let found = found.await;
            let Some(link) = shard.session(key) else { return };
            match found {
                Ok(history) => {
                    let data = history_data(&history);
                    let data = Some(data.as_str());
                    let head = history.head;
                    let position = head.map(|head| Position { epoch: head.epoch, offset: head.offset });
                    let (class, id) = (None, &*id);
                    shard.reply(&link, &ServerFrame::Reply { id, data, position, class, duplicate: false });
                }
                Err(rejection) => shard.refuse(&link, Some(&id), &rejection),
            }
        });
        Ok(())
    }
}

/// Payload bytes of one answer to `history`.
const HISTORY_BYTES: usize = 1 << 20;

/// `{"publications":[…]}`, each publication as it was sent live.
fn history_data(history: &History) -> String {
    let mut out = Vec::from(*b"{\"publications\":[");
    for (at, publication) in history.publications.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        publication_text(publication, &mut out);
    }
    out.extend_from_slice(b"]}");
    String::from_utf8(out).unwrap_or_default()
}
