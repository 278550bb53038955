//! Who may come in, and who still may: what doors, handlers and handles ask of a node.

use std::rc::Rc;

use crate::{
    identity::{Identity, TokenMark},
    inbox::Entry,
    kernel::Kernel,
    module::Ask,
    node::Node,
    publication::UserId,
    reply::Rejection,
    revoked::{LONGEST_MS, Revocation, Revoked},
    rules::{Decision, Principal, Right},
    shard::{Link, Shard},
};
use veche_protocol::{code::CloseCode, name::ChannelName};

impl Node {
    /// Who a token stands for, if it is good and still holds; else a word that says why not.
    pub(crate) async fn verify(&self, token: &str) -> Result<Identity, &'static str> {
        let authenticator = self.authenticator.as_ref().ok_or("token_not_taken")?;
        let ask = || authenticator.authenticate(token, self.clock.wall_ms());
        let identity = match ask() {
            Err(why) if authenticator.look_again(why).await => ask()?,
            outcome => outcome?,
        };
        self.admit(&identity)?;
        Ok(identity)
    }

    /// What a session remembers of its token's name.
    pub(crate) fn mark(&self, identity: &Identity) -> TokenMark {
        identity
            .token
            .as_ref()
            .map_or_else(TokenMark::default, |token| TokenMark::of(token, &self.process_key))
    }

    /// Whether a credential still holds.
    pub(crate) fn admit(&self, identity: &Identity) -> Result<(), &'static str> {
        let now = self.clock.wall_ms();
        if identity.expires_ms != 0 && identity.expires_ms <= now {
            return Err("expired");
        }
        // A revocation is forgotten after this time; a credential must not outlive it.
        if identity.expires_ms > now.saturating_add(LONGEST_MS) {
            return Err("lives_too_long");
        }
        if self.revoked.covers(identity) { Err("revoked") } else { Ok(()) }
    }
}

impl Kernel {
    /// Who a token stands for, if it is good and was not revoked; else a word (for a metric) that says why.
    pub async fn verify(&self, token: &str) -> Result<Identity, &'static str> {
        self.node.verify(token).await
    }

    /// Whether a user may subscribe to a channel, by the rules, what their credential adds, and the channel's module.
    pub async fn may_subscribe(
        &self,
        user: &UserId,
        identity: Option<&Identity>,
        channel: &ChannelName,
    ) -> Result<(), Rejection> {
        let grants = identity.and_then(|identity| identity.grants.as_deref());
        let principal = Principal { user: Some(user), grants };
        match self.node.rules.decide(principal, Right::Subscribe, channel) {
            Decision::Allowed => {
                let ask = Ask { user: user.clone(), channel: channel.clone(), right: Right::Subscribe };
                self.node.ask_guard(ask).await
            }
            Decision::Denied => Err(Rejection::forbidden()),
        }
    }

    /// Whether a credential that was good once still is: it has not ended and was not revoked.
    pub fn admit(&self, identity: &Identity) -> Result<(), &'static str> {
        self.node.admit(identity)
    }

    /// Ends the credentials' sessions with 3500, and refuses the credentials from now on. It answers when the
    /// revocation is kept; one that could not be kept holds until the node ends, and is an error.
    ///
    /// ```
    /// use veche_kernel::{Kernel, Rejection, Revocation, UserId};
    ///
    /// /// Everything that was issued to the user so far is worth nothing; a new sign-in is good.
    /// async fn sign_out_everywhere(kernel: &Kernel, user: &UserId) -> Result<(), Rejection> {
    ///     kernel.revoke(Revocation::User(user.clone(), kernel.clock().wall_ms())).await
    /// }
    /// ```
    pub async fn revoke(&self, revocation: Revocation) -> Result<(), Rejection> {
        self.revoke_for(revocation, LONGEST_MS).await
    }

    /// The same for credentials of which the last ends by itself within so many ms: the revocation is
    /// forgotten then.
    pub async fn revoke_for(&self, revocation: Revocation, longest_ms: u64) -> Result<(), Rejection> {
        let now = self.node.clock.wall_ms();
        let what = match revocation {
            // What will be issued later is good.
            Revocation::User(user, since_ms) => Revocation::User(user, since_ms.min(now)),
            token @ Revocation::Token(_) => token,
        };
        let revoked =
            Revoked { what: what.clone(), until_ms: now.saturating_add(longest_ms.min(LONGEST_MS)) };
        self.node.revoked.insert(revoked.clone(), now)?;
        self.node.metrics.revoked.increment(1);
        for shard in 0..self.shards() {
            let what = what.clone();
            let close = Box::new(move |shard: &Rc<Shard>| shard.end_revoked(&what));
            self.node.routes.push(shard as u16, Entry::Run(close));
        }
        match self.node.revoked.keeper() {
            Some(keeper) => keeper.keep(revoked).await,
            None => Ok(()),
        }
    }
}

impl Shard {
    /// Ends the sessions of credentials that were revoked. Sessions that open later are refused by themselves.
    fn end_revoked(self: &Rc<Self>, what: &Revocation) {
        let is_revoked = |link: &Link| match what {
            Revocation::User(user, since_ms) => link.state.borrow().is_of(user, *since_ms),
            Revocation::Token(token) => {
                link.state.borrow().token == TokenMark::of(token, &self.node.process_key)
            }
        };
        let sessions = self.sessions.borrow();
        let links = sessions.iter().map(|(_, link)| link);
        let revoked: Vec<_> = links.filter(|link| is_revoked(link)).cloned().collect();
        drop(sessions);
        revoked.iter().for_each(|link| link.close(CloseCode::InvalidToken));
    }
}
