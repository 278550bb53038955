//! Who a credential stands for, and the ports of those who know: tokens' verifiers and keepers of sign-ins.
//!
//! Doors read credentials from requests and sessions from frames; both ask here. What a credential adds to
//! the rules, and what it can be revoked by, goes with the identity.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use crate::{grants::Grants, handler::BoxFuture, publication::UserId, reply::Rejection};

/// A token's own name (`jti`), by which it can be revoked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenId(pub(crate) Arc<str>);

impl TokenId {
    /// Bytes that it may have.
    pub const MAX_BYTES: usize = 128;

    /// Reads one: 1 to 128 bytes without control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who a credential stands for.
///
/// ```
/// use veche_kernel::{Identity, UserId};
///
/// let ann = Identity { expires_ms: 1_800_000_000_000, ..Identity::of(UserId::from("ann")) };
/// assert!(ann.grants.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// When the credential ends, ms since 1970; 0 = never.
    pub expires_ms: u64,
    /// When the credential was issued, ms since 1970; 0 = nobody knows, and long ago.
    pub issued_ms: u64,
    /// The credential's own name, by which it alone can be revoked.
    pub token: Option<TokenId>,
    /// What the credential adds to the rules.
    pub grants: Option<Arc<Grants>>,
    /// What the other members of a channel are shown of the user, as raw JSON; a frame `presence` replaces it.
    pub meta: Option<Box<str>>,
}

impl Identity {
    /// A user, by a credential that never ends and that adds nothing.
    pub fn of(user: UserId) -> Self {
        Self { user, expires_ms: 0, issued_ms: 0, token: None, grants: None, meta: None }
    }
}

/// What a session keeps of its token's own name: 48 bits of a hash with a key of this process, which is exact
/// enough to find the session of a name and leaves the session small.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TokenMark([u8; 6]);

impl TokenMark {
    pub(crate) fn of(token: &TokenId, key: &RandomState) -> Self {
        let [_, _, mark @ ..] = key.hash_one(token).to_be_bytes();
        // Nought is that of credentials without a name.
        Self(if mark == [0; 6] { [1; 6] } else { mark })
    }
}

/// What a session keeps of a credential that is more than a user's name.
pub(crate) struct Bearer {
    pub(crate) grants: Option<Arc<Grants>>,
    pub(crate) meta: Option<Box<str>>,
}

impl Bearer {
    /// Takes it out of the identity; `None` if there is nothing to keep.
    pub(crate) fn of(identity: Identity) -> Option<Box<Self>> {
        let Identity { grants, meta, .. } = identity;
        (grants.is_some() || meta.is_some()).then(|| Box::new(Self { grants, meta }))
    }
}

/// What decides on tokens. Implemented by the doors' token verifiers.
pub trait Authenticate: Send + Sync + 'static {
    /// Who this token stands for, or a word (for a metric) that says why it is refused.
    fn authenticate(&self, token: &str, wall_ms: u64) -> Result<Identity, &'static str>;

    /// Makes what can be made better after a refusal for this reason, such as reading keys anew. Whether the
    /// token should be shown again; `false` at once where that would change nothing.
    fn look_again(&self, why: &'static str) -> BoxFuture<bool> {
        let _ = why;
        Box::pin(std::future::ready(false))
    }
}

/// Who is signed in by a browser's cookie. Implemented by whoever keeps sign-ins.
///
/// The identity says when the sign-in began (`issued_ms`): one that does not is ended by every revocation of its
/// user, the earlier ones too. If it names the sign-in (`token`), signing out ends what was opened by it: revoke
/// that name.
///
/// ```
/// use veche_kernel::{BoxFuture, Identity, Rejection, SignedIn, UserId};
///
/// /// One guest book and one pen: whoever has the cookie `pen=feather` is `ann`.
/// struct Pen;
///
/// impl SignedIn for Pen {
///     fn cookie(&self) -> &str {
///         "pen"
///     }
///
///     fn who(&self, value: String) -> BoxFuture<Result<Option<Identity>, Rejection>> {
///         let ann = Identity { issued_ms: 1_800_000_000_000, ..Identity::of(UserId::from("ann")) };
///         Box::pin(async move { Ok((value == "feather").then_some(ann)) })
///     }
/// }
/// ```
pub trait SignedIn: Send + Sync + 'static {
    /// The cookie's name.
    fn cookie(&self) -> &str;

    /// Whose sign-in the cookie of this value names; `None` where it names none, or one that has ended.
    /// Fails when that cannot be found out.
    fn who(&self, value: String) -> BoxFuture<Result<Option<Identity>, Rejection>>;
}
