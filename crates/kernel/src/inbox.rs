//! A shard's inbox: the only way in which anything reaches a shard, and so the order of all that it does.

use std::{
    mem,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

use tokio::sync::oneshot;

use crate::{
    channels::NodeChannel,
    framed::Framed,
    publication::SessionId,
    reply::{Outcome, Rejection},
    shard::{Link, Shard},
};
use veche_protocol::{code::CloseCode, name::ChannelName, position::Position};

/// Locks a mutex whose holder may have panicked: the data behind ours is consistent at every await-free
/// step, and one panicking connection must not take the node with it.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a session lives. The id tells a slot's present tenant from a former one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionKey {
    pub(crate) shard: u16,
    pub(crate) slot: u32,
    pub(crate) id: SessionId,
}

impl SessionKey {
    /// A session that is nowhere: it lasts as long as one request, and nothing can be sent to it.
    pub(crate) const fn of_request(id: SessionId) -> Self {
        Self { shard: u16::MAX, slot: u32::MAX, id }
    }

    /// Whether it is one of those.
    pub(crate) const fn is_of_request(self) -> bool {
        self.shard == u16::MAX
    }
}

/// A subscription on its way to the shard, pushed under the node record's mutex: publications up to
/// `cut` precede it in the inbox, later ones follow.
pub(crate) struct Subscribing {
    pub(crate) session: SessionKey,
    pub(crate) channel: Arc<NodeChannel>,
    pub(crate) cut: Option<Position>,
    pub(crate) floor: u64,
    pub(crate) since: Option<Position>,
    /// The session asked for the members.
    pub(crate) presence: bool,
    /// The frame's id.
    pub(crate) id: Option<Box<str>>,
    /// The session is subscribed already; this replaces it.
    pub(crate) again: bool,
    /// The client was told that it is subscribed from `since`; only a reset is news.
    pub(crate) told: bool,
    /// A client asked for it, and the rules allowed it; else it is the server's act.
    pub(crate) asked: bool,
    /// It goes on with a subscription that there is still; else nothing comes of it.
    pub(crate) resumed: bool,
    /// Whose next step waits for it.
    pub(crate) done: oneshot::Sender<Result<(), Rejection>>,
}

/// Who of a channel's subscribers a notice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Those who asked for the members.
    Presence,
    /// All but one session.
    Except(SessionId),
    /// All that are not behind: for a publication that may be lost.
    Live,
}

/// Something to be done on a shard's thread.
pub(crate) type Work = Box<dyn FnOnce(&Rc<Shard>) + Send>;

/// Writes for a session what it is sent, at the moment of sending.
pub(crate) type Late = Box<dyn FnOnce(&Link) -> Vec<u8> + Send>;

/// What one session is sent, before it is framed.
pub(crate) enum Text {
    /// It is written already.
    Made(Vec<u8>),
    /// It is written when it is sent, by what the session has come to by then.
    Late(Late),
}

impl Text {
    pub(crate) fn of(self, link: &Link) -> Vec<u8> {
        match self {
            Self::Made(text) => text,
            Self::Late(make) => make(link),
        }
    }
}

pub(crate) enum Entry {
    Publish {
        channel: Arc<NodeChannel>,
        framed: Arc<Framed>,
    },
    Notice {
        channel: Arc<NodeChannel>,
        framed: Arc<Framed>,
        audience: Audience,
    },
    Subscribe(Box<Subscribing>),
    Unsubscribe {
        session: SessionKey,
        channel: Arc<NodeChannel>,
        code: CloseCode,
        id: Option<Box<str>>,
    },
    /// A frame for one session.
    Direct {
        session: SessionKey,
        text: Text,
    },
    /// What follows this position is gone from the log: the channel stands still for its subscribers.
    Lost {
        channel: Arc<NodeChannel>,
        since: Position,
    },
    /// Something was published in the personal channel of a session's user.
    Knock {
        session: SessionKey,
        channel: ChannelName,
        position: Position,
    },
    /// A call under way has its outcome.
    Done {
        session: SessionKey,
        call: u32,
        outcome: Outcome,
        duplicate: bool,
    },
    /// A handler answers its call before it has ended: by a list of arguments.
    Answer {
        session: SessionKey,
        call: u32,
        list: Box<str>,
    },
    Close {
        session: SessionKey,
        code: CloseCode,
    },
    /// Nothing but a turn: steps were planned outside of one.
    Turn,
    /// Work that must happen on the shard's thread.
    Run(Work),
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    waker: Option<Waker>,
    /// How many entries ever came: a test sees by it that nothing happens any more.
    #[cfg(feature = "testing")]
    pushed: u64,
}

/// A shard's inbox. Pushing never waits; publishers ask [`Inbox::is_full`] before a position is assigned.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    bytes: AtomicUsize,
    bound: usize,
}

impl Inbox {
    pub(crate) fn new(bound: usize) -> Self {
        Self { queue: Mutex::default(), bytes: AtomicUsize::new(0), bound }
    }

    pub(crate) fn push(&self, entry: Entry) {
        if let Entry::Publish { framed, .. } = &entry {
            self.bytes.fetch_add(framed.weight(), Ordering::Relaxed);
        }
        let mut queue = lock(&self.queue);
        queue.entries.push(entry);
        #[cfg(feature = "testing")]
        {
            queue.pushed += 1;
        }
        if let Some(waker) = queue.waker.take() {
            drop(queue);
            waker.wake();
        }
    }

    /// Takes everything into `taken`, which must be empty, the oldest last, to be popped; if there is
    /// nothing, leaves the waker and returns false.
    pub(crate) fn take(&self, taken: &mut Vec<Entry>, waker: &Waker) -> bool {
        let mut queue = lock(&self.queue);
        if queue.entries.is_empty() {
            queue.waker = Some(waker.clone());
            return false;
        }
        mem::swap(&mut queue.entries, taken);
        drop(queue);
        taken.reverse();
        true
    }

    /// The shard has sent a publication.
    pub(crate) fn release(&self, weight: usize) {
        self.bytes.fetch_sub(weight, Ordering::Relaxed);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.bound
    }

    /// Bytes of publications that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many entries ever came, and whether none waits.
    #[cfg(feature = "testing")]
    pub(crate) fn traffic(&self) -> (u64, bool) {
        let queue = lock(&self.queue);
        (queue.pushed, queue.entries.is_empty())
    }
}
