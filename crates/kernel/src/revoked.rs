//! Credentials that are no longer good, although their signature and their time still are.

use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;

use crate::{
    handler::BoxFuture,
    identity::{Identity, TokenId},
    publication::UserId,
    reply::Rejection,
};

/// How long a credential may last at most: so long a revocation is kept, and no longer.
pub const LONGEST_MS: u64 = 366 * 24 * 3_600 * 1_000;

/// Revocations that are in force at a time.
const MOST: usize = 100_000;

/// Which credentials are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// All of a user that were issued at this time, ms since 1970, or before. Those that do not say when they
    /// were issued count as old.
    User(UserId, u64),
    /// The one of this name.
    Token(TokenId),
}

/// A revocation, and how long it has to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Which credentials.
    pub what: Revocation,
    /// When the last of them has ended by itself, ms since 1970.
    pub until_ms: u64,
}

/// Where revocations outlive the process.
pub trait Revocations: Send + Sync + 'static {
    /// Keeps one, before it answers; of one user only the latest.
    fn keep(&self, revoked: Revoked) -> BoxFuture<Result<(), Rejection>>;

    /// All that are kept and not over at this time, ms since 1970. The others may be forgotten.
    fn load(&self, wall_ms: u64) -> BoxFuture<Result<Vec<Revoked>, Rejection>>;
}

/// The revocations of a node.
#[derive(Default)]
pub(crate) struct RevokedTable {
    entries: RwLock<Entries>,
    kept: Option<Arc<dyn Revocations>>,
}

#[derive(Default)]
struct Entries {
    /// Until when what they have been issued is not good, and how long this is kept.
    users: HashMap<UserId, (u64, u64)>,
    tokens: HashMap<TokenId, u64>,
}

impl RevokedTable {
    pub(crate) fn new(known: Vec<Revoked>, kept: Option<Arc<dyn Revocations>>) -> Self {
        let mut entries = Entries::default();
        known.into_iter().for_each(|revoked| entries.insert(revoked));
        Self { entries: RwLock::new(entries), kept }
    }

    pub(crate) fn covers(&self, identity: &Identity) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let by_user =
            || entries.users.get(&identity.user).is_some_and(|(since, _)| identity.issued_ms <= *since);
        let by_token = || identity.token.as_ref().is_some_and(|token| entries.tokens.contains_key(token));
        by_user() || by_token()
    }

    /// From now on these credentials are not good.
    pub(crate) fn insert(&self, revoked: Revoked, wall_ms: u64) -> Result<(), Rejection> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.forget(wall_ms);
        }
        if entries.len() >= MOST {
            return Err(Rejection::unavailable(format!("{MOST} revocations are in force")));
        }
        entries.insert(revoked);
        Ok(())
    }

    pub(crate) fn keeper(&self) -> Option<&Arc<dyn Revocations>> {
        self.kept.as_ref()
    }
}

impl Entries {
    fn len(&self) -> usize {
        self.users.len() + self.tokens.len()
    }

    fn insert(&mut self, revoked: Revoked) {
        match revoked.what {
            Revocation::User(user, since_ms) => {
                let (since, until) = self.users.entry(user).or_default();
                *since = since_ms.max(*since);
                *until = revoked.until_ms.max(*until);
            }
            Revocation::Token(token) => _ = self.tokens.insert(token, revoked.until_ms),
        }
    }

    fn forget(&mut self, wall_ms: u64) {
        self.users.retain(|_, (_, until)| *until > wall_ms);
        self.tokens.retain(|_, until| *until > wall_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revoked(what: Revocation) -> Revoked {
        Revoked { what, until_ms: 1_000 }
    }

    #[test]
    fn what_was_issued_later_is_good() {
        // Red: `covers` without the comparison of times; `insert` that overwrites.
        let ann = || UserId::from("ann");
        let table = RevokedTable::new(vec![revoked(Revocation::User(ann(), 50))], None);
        table.insert(revoked(Revocation::User(ann(), 40)), 0).expect("there is room");
        let covered = |user: UserId, issued_ms| table.covers(&Identity { issued_ms, ..Identity::of(user) });
        assert!(covered(ann(), 0) && covered(ann(), 50));
        assert!(!covered(ann(), 51) && !covered(UserId::from("bob"), 0));
    }

    #[test]
    fn one_token_is_revoked_by_its_name() {
        // Red: `covers` without the tokens.
        let id = TokenId::parse("t-1").expect("a name");
        let table = RevokedTable::new(Vec::new(), None);
        table.insert(revoked(Revocation::Token(id.clone())), 0).expect("there is room");
        let covered = |token| table.covers(&Identity { token, ..Identity::of(UserId::from("ann")) });
        assert!(covered(Some(id)) && !covered(TokenId::parse("t-2")) && !covered(None));
    }

    #[test]
    fn what_is_over_makes_room() {
        // Red: `insert` without `forget`.
        let many = (0..MOST).map(|at| revoked(Revocation::Token(TokenId(at.to_string().as_str().into()))));
        let table = RevokedTable::new(many.collect(), None);
        let one_more = || revoked(Revocation::User(UserId::from("ann"), 1));
        assert!(table.insert(one_more(), 999).is_err(), "nothing is over yet");
        assert!(table.insert(one_more(), 1_000).is_ok());
    }
}
