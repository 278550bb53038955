//! What was made is kept for a while, and what many ask for at once is made once.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// What a value is kept under: a digest of everything that the value depends on, its viewer too. Two askers get one
/// value if, and only if, their keys are equal.
pub type Key = [u8; 32];

/// How much of the cache a value takes.
pub trait Weigh {
    /// Bytes of memory, about.
    fn weight(&self) -> usize;
}

/// Values by key, bounded in bytes: the one that was used the longest time ago goes first. Clones share it.
pub struct Cache<V, E> {
    most_bytes: usize,
    inner: Arc<Mutex<Inner<V, E>>>,
}

struct Inner<V, E> {
    kept: HashMap<Key, Kept<V>>,
    /// Keys by the time of their last use.
    by_use: BTreeMap<u64, Key>,
    making: HashMap<Key, watch::Receiver<Made<V, E>>>,
    uses: u64,
    bytes: usize,
}

struct Kept<V> {
    value: Arc<V>,
    weight: usize,
    used: u64,
}

/// What came of a making that others wait for; `None` while it lasts.
type Made<V, E> = Option<Result<Arc<V>, E>>;

/// What somebody who asks finds.
enum Found<V, E> {
    Kept(Arc<V>),
    Making(watch::Receiver<Made<V, E>>),
    /// Nothing: they make it, and tell the others.
    Nothing(watch::Sender<Made<V, E>>),
}

impl<V: Weigh, E: Clone> Cache<V, E> {
    /// An empty cache for so many bytes.
    pub fn new(most_bytes: usize) -> Self {
        let inner = Inner {
            kept: HashMap::new(),
            by_use: BTreeMap::new(),
            making: HashMap::new(),
            uses: 0,
            bytes: 0,
        };
        Self { most_bytes, inner: Arc::new(Mutex::new(inner)) }
    }

    /// The value of this key. Where there is none, the first who asks makes it and the others wait for that; an
    /// error goes to all who wait and is not kept. If the maker gives up, one of those who wait makes it.
    pub async fn get<F, M>(&self, key: Key, make: F) -> Result<Arc<V>, E>
    where
        F: FnOnce() -> M,
        M: Future<Output = Result<V, E>>,
    {
        let told = loop {
            match self.find(key) {
                Found::Kept(value) => return Ok(value),
                Found::Nothing(told) => break told,
                Found::Making(mut made) => {
                    if let Ok(made) = made.wait_for(Option::is_some).await
                        && let Some(outcome) = &*made
                    {
                        return outcome.clone();
                    }
                }
            }
        };
        let _making = Making { inner: &self.inner, key };
        let outcome = make().await.map(Arc::new);
        if let Ok(value) = &outcome {
            self.keep(key, value.clone());
        }
        told.send_replace(Some(outcome.clone()));
        outcome
    }

    /// Bytes that are kept at the moment.
    pub fn bytes(&self) -> usize {
        lock(&self.inner).bytes
    }

    fn find(&self, key: Key) -> Found<V, E> {
        let mut inner = lock(&self.inner);
        if let Some(value) = inner.touch(&key) {
            return Found::Kept(value);
        }
        if let Some(made) = inner.making.get(&key) {
            return Found::Making(made.clone());
        }
        let (told, made) = watch::channel(None);
        inner.making.insert(key, made);
        Found::Nothing(told)
    }

    fn keep(&self, key: Key, value: Arc<V>) {
        let weight = value.weight().saturating_add(size_of::<Key>());
        if weight > self.most_bytes {
            return;
        }
        let mut inner = lock(&self.inner);
        inner.bytes += weight;
        let used = inner.next_use(key);
        if let Some(former) = inner.kept.insert(key, Kept { value, weight, used }) {
            inner.bytes -= former.weight;
            inner.by_use.remove(&former.used);
        }
        while inner.bytes > self.most_bytes
            && let Some((_, oldest)) = inner.by_use.pop_first()
        {
            let gone = inner.kept.remove(&oldest).map_or(0, |kept| kept.weight);
            inner.bytes -= gone;
        }
    }
}

impl<V, E> Inner<V, E> {
    fn next_use(&mut self, key: Key) -> u64 {
        self.uses += 1;
        self.by_use.insert(self.uses, key);
        self.uses
    }

    fn touch(&mut self, key: &Key) -> Option<Arc<V>> {
        let former = self.kept.get(key)?.used;
        self.by_use.remove(&former);
        let used = self.next_use(*key);
        let kept = self.kept.get_mut(key)?;
        kept.used = used;
        Some(kept.value.clone())
    }
}

/// A making under way, which is over however it ends.
struct Making<'a, V, E> {
    inner: &'a Mutex<Inner<V, E>>,
    key: Key,
}

impl<V, E> Drop for Making<'_, V, E> {
    fn drop(&mut self) {
        lock(self.inner).making.remove(&self.key);
    }
}

fn lock<V, E>(inner: &Mutex<Inner<V, E>>) -> MutexGuard<'_, Inner<V, E>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<V, E> Clone for Cache<V, E> {
    fn clone(&self) -> Self {
        Self { most_bytes: self.most_bytes, inner: self.inner.clone() }
    }
}

impl<V, E> fmt::Debug for Cache<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("bytes", &lock(&self.inner).bytes).finish_non_exhaustive()
    }
}
