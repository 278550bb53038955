//! `veche token`: a token for a user, signed as this configuration's server verifies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use veche::{LONGEST_MS, NewToken, Right, TokenError};

use crate::{
    config::Config,
    secret::{self, SecretError},
};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// There is nothing to sign with.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The user's id cannot be one.
    #[error("--sub {sub:?} is no user id: 1 to 128 bytes, no control characters, no `*`, not `guest:…`")]
    Subject {
        /// What was given.
        sub: String,
    },
    /// It would outlive the revocations.
    #[error("--ttl is more than 366 days: a revocation is not kept for longer")]
    TooLong,
    /// The token's id cannot be one.
    #[error("--id {id:?} is no token's id: 1 to 128 bytes without control characters")]
    Id {
        /// What was given.
        id: String,
    },
    /// A pattern of `--channels` cannot be one.
    #[error(
        "--channels: a pattern is a channel's name, or the beginning of one with `*` behind it, at most 64"
    )]
    Channels,
    /// The operating system has no random bytes.
    #[error("cannot make an id: {0}")]
    Random(getrandom::Error),
    /// The configuration has public keys only.
    #[error("{0}")]
    Sign(TokenError),
}

/// Rights in the channels of a pattern, as `--channels` says them: `news:*=subscribe,history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// A channel's name, or the beginning of one and `*`.
    pub pattern: String,
    /// What is allowed there.
    pub rights: Vec<Right>,
}

/// What a token is to say.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The user's id.
    pub sub: String,
    /// How long it holds.
    pub ttl: Duration,
    /// Its own id; a random one without.
    pub id: Option<String>,
    /// What it adds to the rules.
    pub grants: Vec<Grant>,
}

/// A token as it was issued.
#[derive(Debug)]
pub struct Issued {
    /// The token itself.
    pub token: String,
    /// Its own id, by which it can be revoked.
    pub id: String,
    /// When it ends, ms since 1970.
    pub expires_ms: u64,
    /// What the operator should hear about the secret.
    pub warning: Option<String>,
}

/// Signs a token.
pub fn issue(config: &Config, wanted: &Wanted) -> Result<Issued, IssueError> {
    let secret = secret::resolve(config)?;
    if wanted.ttl.as_millis() > u128::from(LONGEST_MS) {
        return Err(IssueError::TooLong);
    }
    let id = wanted.id.clone().map_or_else(random_id, Ok)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let named = NewToken::of(&wanted.sub, wanted.ttl).id(&id);
    let new = wanted
        .grants
        .iter()
        .fold(named, |token, grant| token.grant(&grant.pattern, grant.rights.iter().copied()));
    let token = secret.verifier.issue(&new, now).map_err(|error| match error {
        TokenError::Subject => IssueError::Subject { sub: wanted.sub.clone() },
        TokenError::Malformed => IssueError::Id { id: id.clone() },
        TokenError::Channels => IssueError::Channels,
        other => IssueError::Sign(other),
    })?;
    let expires_ms = (now / 1_000 + wanted.ttl.as_secs()) * 1_000;
    Ok(Issued { token, id, expires_ms, warning: secret.warning })
}

fn random_id() -> Result<String, IssueError> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(IssueError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}
