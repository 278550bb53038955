//! Rights that may have gone since a subscription came about: they are asked for again, and what is no longer
//! allowed ends.
//!
//! *Its law:* a subscription whose rules were asked before a recheck is rechecked, also when it comes about after
//! it. Only what a client asked for is looked at; what the server joined is the server's.

use std::{pin::pin, rc::Rc, time::Duration};

use futures_util::future::{Either, select};
use veche_protocol::{code::CloseCode, name::ChannelName};

use super::{Link, Shard, state::Mode};
use crate::{
    inbox::{Entry, SessionKey},
    kernel::Kernel,
    module::Ask,
    publication::UserId,
    rules::{Decision, Right},
};

/// How long a rule may take to say that somebody may stay. One that is late is taken for a no: nothing may be
/// delivered for longer than a second after a right has gone.
const PATIENCE: Duration = Duration::from_millis(800);

impl Kernel {
    /// Asks the rules again whether a user's sessions may stay subscribed to a channel, and forgets what the
    /// module's own rule has said before. Call it after a right has been taken away: what is no longer allowed
    /// is `unsubscribed` within a second, with 3503.
    ///
    /// ```
    /// use veche_kernel::{ChannelName, Kernel, UserId};
    ///
    /// fn removed_from_the_board(kernel: &Kernel, user: &UserId, board: &ChannelName) {
    ///     // The membership is gone by now, so the module's rule says no.
    ///     kernel.recheck(user, board);
    /// }
    /// ```
    pub fn recheck(&self, user: &UserId, channel: &ChannelName) {
        for session in self.node.users.sessions(user.as_str()) {
            let channel = channel.clone();
            let look = move |shard: &Rc<Shard>| {
                shard.rechecks.set(shard.rechecks.get() + 1);
                shard.recheck(session, &channel);
            };
            self.node.routes.push(session.shard, Entry::Run(Box::new(look)));
        }
    }
}

impl Shard {
    /// Ends a subscription that is no longer allowed, as soon as that is known.
    pub(super) fn recheck(self: &Rc<Self>, session: SessionKey, channel: &ChannelName) {
        let Some(link) = self.session(session) else { return };
        {
            let mut state = link.state.borrow_mut();
            let Some(subscription) = state.subscription(channel) else { return };
            subscription.may_publish = false;
            if !subscription.asked {
                return;
            }
        }
        let (shard, channel) = (self.clone(), channel.clone());
        tokio::task::spawn_local(async move {
            if !shard.may_stay(session, &channel).await {
                shard.expel(session, &channel);
            }
        });
    }

    /// A session has another credential: ends what only the former one allowed.
    pub(super) fn recheck_rules(self: &Rc<Self>, link: &Rc<Link>) {
        let asked: Vec<_> = {
            let state = link.state.borrow();
            let asked = state.subscriptions.iter().filter(|subscription| subscription.asked);
            asked.map(|subscription| subscription.channel.clone()).collect()
        };
        for channel in asked {
            let name = &channel.node.name;
            if self.allows(link, Right::Subscribe, name) {
                if !self.allows(link, Right::Presence, name) {
                    self.hide_members(link, name);
                }
            } else {
                self.expel(self.key(link), name);
            }
        }
    }

    /// Asks the rules, and the module's own one last.
    async fn may_stay(&self, session: SessionKey, channel: &ChannelName) -> bool {
        let user = {
            let Some(link) = self.session(session) else { return true };
            if !self.allows(&link, Right::Subscribe, channel) {
                return false;
            }
            let user = link.state.borrow().user_id().cloned();
            let Some(user) = user else { return false };
            user
        };
        let right = |right| Ask { user: user.clone(), channel: channel.clone(), right };
        let asking = async {
            if self.node.ask_guard(right(Right::Subscribe)).await.is_err() {
                return false;
            }
            let sees_members = self.node.ask_guard(right(Right::Presence)).await.is_ok();
            if let Some(link) = self.session(session).filter(|_| !sees_members) {
                self.hide_members(&link, channel);
            }
            true
        };
        match select(pin!(asking), pin!(self.node.clock.sleep(PATIENCE))).await {
            Either::Left((verdict, _)) => verdict,
            Either::Right(_) => false,
        }
    }

    fn allows(&self, link: &Link, right: Right, channel: &str) -> bool {
        self.node.rules.decide(link.state.borrow().principal(), right, channel) == Decision::Allowed
    }

    /// Tells a subscriber nothing more of the channel's members.
    fn hide_members(&self, link: &Link, channel: &ChannelName) {
        let found = {
            let mut state = link.state.borrow_mut();
            state.subscription(channel).map(|it| (it.channel.clone(), it.at, it.mode != Mode::Live))
        };
        if let Some((channel, at, paused)) = found {
            channel.set(at, Some(false), paused);
        }
    }

    /// Ends a subscription that its client did not end.
    fn expel(&self, session: SessionKey, channel: &ChannelName) {
        let Some(link) = self.session(session) else { return };
        let known = link.state.borrow_mut().subscription(channel).map(|it| it.channel.node.clone());
        let Some(known) = known else { return };
        self.node.metrics.refused("right_gone");
        // What its socket has not taken yet would be delivered after the right has gone.
        if let Some(backlog) = link.backlog.borrow_mut().as_mut() {
            backlog.forget(channel);
        }
        self.node.end_subscription(session, known, CloseCode::Kicked, None);
    }
}
