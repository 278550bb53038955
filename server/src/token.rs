//! `veche token`: a token for a user, signed as this configuration's server verifies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use veche::TokenError;

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
        /// What the signer said.
        source: TokenError,
    },
}

/// A token, and what the operator should hear about the secret.
pub fn issue(config: &Config, sub: &str, ttl: Duration) -> Result<(String, Option<String>), IssueError> {
    let secret = secret::resolve(config)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let token = secret
        .verifier
        .sign(sub, ttl, now)
        .map_err(|source| IssueError::Subject { sub: sub.to_owned(), source })?;
    Ok((token, secret.warning))
}
