//! Subscriptions of sessions that only listen: their door asks in their place.

use std::rc::Rc;

use veche_protocol::{name::ChannelName, position::Position};

use super::{Link, Shard};
use crate::{joining::Join, module::Ask, reply::Rejection, rules::Right};

impl Shard {
    /// Subscribes a session from a position on, if it has one. No rule is asked: it is the server's act, or whoever
    /// calls has asked them and says so.
    pub async fn join(
        self: &Rc<Self>,
        link: &Rc<Link>,
        channel: &ChannelName,
        since: Option<Position>,
        asked: bool,
    ) -> Result<(), Rejection> {
        let user = link.user().ok_or_else(Rejection::unauthorized)?;
        let (session, rechecks) = (self.key(link), self.rechecks.get());
        let join = Join::of(session, user, channel.clone());
        self.node.join(Join { since, asked, ..join }).await?;
        if asked && self.rechecks.get() != rechecks {
            self.recheck(session, channel);
        }
        Ok(())
    }

    /// Goes on with a subscription that a slow consumer's policy has stopped, if there is one still.
    pub async fn resume_lagged(
        self: &Rc<Self>,
        link: &Rc<Link>,
        channel: &ChannelName,
        since: Position,
    ) -> Result<(), Rejection> {
        let user = link.user().ok_or_else(Rejection::unauthorized)?;
        let join = Join::of(self.key(link), user, channel.clone());
        // Whoever asked for it stays as it was.
        let join = Join { since: Some(since), again: true, asked: true, resumed: true, told: true, ..join };
        self.node.join(join).await
    }

    /// Subscribes a session to a channel, by the same rules and limits as a frame `subscribe` would, and
    /// waits until its place is settled; [`Wire::settled`](super::Wire::settled) has been told then.
    pub async fn listen(
        self: &Rc<Self>,
        link: &Rc<Link>,
        channel: &str,
        since: Option<Position>,
    ) -> Result<(), Rejection> {
        let join = self.check_join(link, None, channel, since, false)?;
        let (user, channel) = (join.user.clone(), join.channel.clone());
        let (session, rechecks) = (join.session, self.rechecks.get());
        self.node.ask_guard(Ask { user, channel: channel.clone(), right: Right::Subscribe }).await?;
        self.node.join(join).await?;
        if self.rechecks.get() != rechecks {
            self.recheck(session, &channel);
        }
        Ok(())
    }
}
