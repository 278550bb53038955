//! What a session keeps of its credential, and what it says with it.

use super::state::State;
use crate::{
    identity::{Bearer, Identity, TokenMark},
    publication::UserId,
    rules::Principal,
};

impl State {
    /// The session takes on what its credential says.
    pub(crate) fn bear(&mut self, identity: Identity, token: TokenMark) {
        self.token = token;
        self.expires_ms = identity.expires_ms;
        self.expiring_told = false;
        self.issued_s = u32::try_from(identity.issued_ms / 1_000).unwrap_or(u32::MAX);
        match Bearer::of(identity) {
            None if self.rare.is_none() => {}
            bearer => self.rare().bearer = bearer,
        }
        self.tidy();
    }

    fn bearer(&self) -> Option<&Bearer> {
        self.rare.as_ref().and_then(|rare| rare.bearer.as_deref())
    }

    /// Who asks, when this session asks for something.
    pub(crate) fn principal(&self) -> Principal<'_> {
        let grants = self.bearer().and_then(|bearer| bearer.grants.as_deref());
        Principal { user: self.user_id(), grants }
    }

    /// What the credential shows of its user to other members.
    pub(crate) fn meta(&self) -> Option<&str> {
        self.bearer().and_then(|bearer| bearer.meta.as_deref())
    }

    /// Whether it is a session of this user by a credential that was issued then or before.
    pub(crate) fn is_of(&self, user: &UserId, since_ms: u64) -> bool {
        self.user_id() == Some(user) && u64::from(self.issued_s) * 1_000 <= since_ms
    }
}
