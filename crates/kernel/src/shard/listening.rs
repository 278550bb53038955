//! Subscriptions of sessions that only listen: their door asks in their place.

use std::rc::Rc;

use veche_protocol::{name::ChannelName, position::Position};

use super::{Link, Shard};
use crate::{joining::Join, module::Ask, reply::Rejection, rules::Right};

impl Shard {
    /// Subscribes a session, by the server's act: no rule is asked. From a position on, if it has one.
    pub async fn join(
        self: &Rc<Self>,
        link: &Rc<Link>,
        channel: &ChannelName,
        since: Option<Position>,
    ) -> Result<(), Rejection> {
        let user = link.user().ok_or_else(Rejection::unauthorized)?;
        let join = Join::of(self.key(link), user, channel.clone());
        self.node.join(Join { since, ..join }).await
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
