//! `veche key`: the keys of back ends, made, shown and revoked on the data folder. A server may be running on
//! it or not.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use veche::api::{Key, KeyError, KeyId, KeyText, KeysError, Scope};

use crate::{config::Config, keys::FileKeys};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyCommandError {
    /// The key cannot be.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file refuses.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is none of this id.
    #[error("there is no key {0}; `veche key list` shows them")]
    Unknown(KeyId),
}

/// `veche key create`: its id, and the key itself, which nobody can show again.
pub fn create(
    config: &Config,
    name: &str,
    scopes: &[Scope],
    ttl: Option<Duration>,
) -> Result<(KeyId, KeyText), KeyCommandError> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let expires_ms = ttl.map_or(0, |ttl| now_ms.saturating_add(ttl.as_millis() as u64));
    let (key, text) = Key::issue(name, scopes.to_vec(), now_ms, expires_ms)?;
    let id = key.id.clone();
    FileKeys::new(&config.server.data).insert(key)?;
    Ok((id, text))
}

/// `veche key list`: a line for each key.
pub fn list(config: &Config) -> Result<String, KeyCommandError> {
    let mut lines = String::new();
    for key in FileKeys::new(&config.server.data).all()? {
        let scopes: Vec<_> = key.scopes.iter().map(ToString::to_string).collect();
        let ends = if key.expires_ms == 0 { "never".to_owned() } else { day(key.expires_ms) };
        // Writing to a text cannot fail.
        let _ = writeln!(
            lines,
            "{}  made {}  ends {ends:10}  {}  [{}]",
            key.id,
            day(key.created_ms),
            key.name,
            scopes.join(" ")
        );
    }
    Ok(lines)
}

/// `veche key revoke ID`
pub fn revoke(config: &Config, id: &KeyId) -> Result<(), KeyCommandError> {
    if FileKeys::new(&config.server.data).remove(id)? {
        return Ok(());
    }
    Err(KeyCommandError::Unknown(id.clone()))
}

/// The day of a time, in UTC.
fn day(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}
