//! How a connection becomes a session, and how it ends.

use std::{hash::BuildHasher, rc::Rc};

use veche_protocol::{
    code::{CloseCode, ErrorCode},
    server::ServerFrame,
    session::Phase,
};

use super::{Link, Shard, Wire, channel::Step, state::State};
use crate::{
    framed::Encoding,
    identity::Identity,
    inbox::{Entry, lock},
    publication::{SessionId, UserId},
    reply::Rejection,
};

/// How long a connection may stay unauthenticated.
pub(crate) const AUTH_MS: u64 = 10_000;

/// What a door knows of a connection when it opens.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How frames are written.
    pub encoding: Encoding,
    /// Who it is, when the handshake said so.
    pub identity: Option<Identity>,
    /// The client's own name for its device. A guest who names the same one again is the same guest.
    pub device: Option<Box<str>>,
    /// The session that the client had, and that its door has kept for it. Else it is a new one.
    pub session: Option<SessionId>,
}

impl Shard {
    /// Makes a session of a connection. It may be closing already: see [`Link::closing`].
    pub fn open<W: Wire + 'static>(self: &Rc<Self>, opening: Opening, wire: W) -> Rc<Link<W>> {
        let id = opening.session.unwrap_or_else(|| SessionId(self.node.random()));
        let now = self.now_ms();
        let link = Rc::new(Link::new(id, opening.encoding, now, State::new(Phase::AwaitingAuth, None), wire));
        let shared: Rc<Link> = link.clone();
        let slot = self.sessions.borrow_mut().insert(shared.clone());
        link.slot.set(slot as u32);
        self.node.sessions.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.node.metrics.opened.increment(1);
        if link.encoding.has_own_heartbeat() {
            lock(&self.node.by_id).insert(id, self.key(&shared));
        }
        link.state.borrow_mut().device.clone_from(&opening.device);
        match opening.identity {
            Some(identity) => self.sign_in(&shared, identity),
            None if self.node.guests => self.admit_guest(&shared, opening.device.as_deref()),
            None => {
                shared.state.borrow_mut().auth_by_ms = now + AUTH_MS;
                self.arm(&shared);
            }
        }
        link
    }

    fn admit_guest(self: &Rc<Self>, link: &Rc<Link>, device: Option<&str>) {
        // Hashed with a key of this process: a guest's name gives away no device.
        let id = device.map_or(link.id, |device| SessionId(self.node.process_key.hash_one(device)));
        let user = UserId::from(format!("guest:{id}").as_str());
        self.become_user(link, &user, Phase::Guest { first_frame: true });
    }

    /// The session is this user's from now on.
    pub(super) fn sign_in(self: &Rc<Self>, link: &Rc<Link>, identity: Identity) {
        // It may have been revoked since the door looked at it.
        if let Err(reason) = self.node.admit(&identity) {
            self.node.metrics.refused(reason);
            return link.close(if reason == "expired" {
                CloseCode::TokenExpired
            } else {
                CloseCode::InvalidToken
            });
        }
        let (user, mark) = (identity.user.clone(), self.node.mark(&identity));
        link.state.borrow_mut().bear(identity, mark);
        self.become_user(link, &user, Phase::User);
    }

    fn become_user(self: &Rc<Self>, link: &Rc<Link>, user: &UserId, phase: Phase) {
        let most = if user.is_guest() { 0 } else { self.node.limits.connections_per_user };
        let former = {
            let mut state = link.state.borrow_mut();
            match self.node.users.connect(user, self.key(link), most) {
                Ok(user) => {
                    state.machine.set_phase(phase);
                    state.auth_by_ms = 0;
                    state.user.replace(user)
                }
                Err(_) => {
                    drop(state);
                    self.node.metrics.refused("connections_per_user");
                    link.close(CloseCode::TooManyConnections);
                    return;
                }
            }
        };
        if let Some(former) = former {
            self.node.users.disconnect(&former, self.key(link));
        }
        self.welcome(link, user);
        if link.any_wire().is_native() {
            self.enter_personal(link, user);
        }
        self.arm(link);
    }

    fn welcome(&self, link: &Link, user: &UserId) {
        let limits = self.node.limits.public();
        let welcome = ServerFrame::Welcome {
            session: &link.id.to_string(),
            user: user.as_str(),
            node: &self.node.name,
            ping_interval_ms: self.node.heartbeat.ping_ms,
            limits: &limits,
            time_ms: self.node.clock.wall_ms(),
        };
        // At once, so that nothing that the session asks for comes before it.
        link.send_frame(&welcome, self.node.limits.backlog_bytes);
    }

    /// A frame `auth`: signs in, or renews the token of the same user.
    pub(super) fn authenticate(self: &Rc<Self>, link: &Rc<Link>, id: Option<&str>, token: &str) {
        if self.node.authenticator.is_none() {
            self.refuse(link, id, &Rejection::new(ErrorCode::Unauthorized, "this server takes no tokens"));
            return;
        }
        let (shard, key) = (self.clone(), self.key(link));
        let (id, token): (Option<Box<str>>, Box<str>) = (id.map(Into::into), token.into());
        self.proceed(link, async move {
            let verified = shard.node.verify(&token).await;
            let Some(link) = shard.session(key) else { return };
            match verified {
                Ok(identity) => shard.take_on(&link, id.as_deref(), identity),
                Err(reason) => {
                    shard.node.metrics.refused(reason);
                    link.close(CloseCode::InvalidToken);
                }
            }
        });
    }

    fn take_on(self: &Rc<Self>, link: &Rc<Link>, id: Option<&str>, identity: Identity) {
        let phase = link.state.borrow().machine.phase();
        if phase != Phase::User {
            self.sign_in(link, identity);
            return self.confirm(link, id);
        }
        if link.state.borrow().user_id() != Some(&identity.user) {
            self.node.metrics.refused("other_subject");
            link.close(CloseCode::InvalidToken);
            return;
        }
        let mark = self.node.mark(&identity);
        link.state.borrow_mut().bear(identity, mark);
        self.recheck_rules(link);
        self.arm(link);
        self.confirm(link, id);
    }

    /// The connection is gone: ends the session. `code` is why, for the metric.
    pub fn detach(self: &Rc<Self>, link: &Rc<Link>, code: u16) {
        let key = self.key(link);
        if self.session(key).is_none() {
            return;
        }
        self.sessions.borrow_mut().remove(key.slot as usize);
        self.shrink_sessions();
        let state = link.state.replace(State::new(Phase::Closing, None));
        self.disarm(key, state.armed_ms);
        if let Some(rare) = &state.rare {
            rare.running.iter().for_each(|running| running.abort.abort());
        }
        for subscription in state.subscriptions {
            self.end_subscription(link, &subscription, state.user.as_deref(), true);
            // An empty change makes the shard look whether the channel is still needed.
            self.plan(&subscription.channel, Step::Pump(key));
        }
        self.inbox.push(Entry::Turn);
        if let Some(user) = &state.user {
            self.node.users.disconnect(user, key);
        }
        link.backlog.replace(None);
        if link.encoding.has_own_heartbeat() {
            lock(&self.node.by_id).remove(&link.id);
        }
        self.node.sessions.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        self.node.metrics.closed(code);
    }

    /// Gives the memory of a storm of connections back.
    fn shrink_sessions(&self) {
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() * 4 < sessions.capacity() && sessions.capacity() > 1_024 {
            sessions.shrink_to_fit();
        }
    }
}

impl Default for Opening {
    fn default() -> Self {
        Self { encoding: Encoding::Native, identity: None, device: None, session: None }
    }
}
