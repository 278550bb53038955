//! The port of who keeps the keys, and the one that keeps them in memory.

use std::sync::{Arc, Mutex, PoisonError};

use veche_kernel::BoxFuture;

use super::{Key, KeyId};

/// The most keys of a server.
pub const KEYS_MAX: usize = 1_000;

/// Why the keeper of keys could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There are as many as there may be.
    #[error("there are {KEYS_MAX} keys: revoke some first")]
    Full,
    /// Where they are kept does not answer.
    #[error("the keys cannot be read or written: {0}")]
    Unavailable(String),
}

/// Keeps the keys. What is revoked is found by nobody, on this server within 2 s.
pub trait Keys: Send + Sync + 'static {
    /// The key of this id. Asked at every request.
    fn find(&self, id: &KeyId) -> BoxFuture<Result<Option<Arc<Key>>, KeysError>>;

    /// All of them, in the order in which they were made.
    fn list(&self) -> BoxFuture<Result<Vec<Arc<Key>>, KeysError>>;

    /// Adds one.
    fn add(&self, key: Key) -> BoxFuture<Result<(), KeysError>>;

    /// Removes one; whether it was there.
    fn revoke(&self, id: &KeyId) -> BoxFuture<Result<bool, KeysError>>;
}

/// Keys that end with the process: for tests, and for those that come from a configuration.
///
/// ```
/// use veche::api::{Key, MemoryKeys};
///
/// let (key, text) = Key::issue("back end", vec!["publish".parse()?], 0, 0)?;
/// let keys = MemoryKeys::of([key]);
/// # let _ = (keys, text);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryKeys(Mutex<Vec<Arc<Key>>>);

impl MemoryKeys {
    /// These keys.
    pub fn of(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(Mutex::new(keys.into_iter().map(Arc::new).collect()))
    }

    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Vec<Arc<Key>>) -> T) -> BoxFuture<T> {
        let done = act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(std::future::ready(done))
    }
}

impl Keys for MemoryKeys {
    fn find(&self, id: &KeyId) -> BoxFuture<Result<Option<Arc<Key>>, KeysError>> {
        self.with(|keys| Ok(keys.iter().find(|key| key.id == *id).cloned()))
    }

    fn list(&self) -> BoxFuture<Result<Vec<Arc<Key>>, KeysError>> {
        self.with(|keys| Ok(keys.clone()))
    }

    fn add(&self, key: Key) -> BoxFuture<Result<(), KeysError>> {
        self.with(|keys| {
            if keys.len() >= KEYS_MAX {
                return Err(KeysError::Full);
            }
            keys.push(Arc::new(key));
            Ok(())
        })
    }

    fn revoke(&self, id: &KeyId) -> BoxFuture<Result<bool, KeysError>> {
        self.with(|keys| {
            let before = keys.len();
            keys.retain(|key| key.id != *id);
            Ok(keys.len() < before)
        })
    }
}
