//! Which namespaces a connection is in. Most are in one, the root, and that costs a byte.

/// A namespace of one connection, as long as the connection is in it: 0 is the root, `/`.
///
/// Slots are small and are used again, so that the caller can keep what belongs to them in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(super) u8);

impl Slot {
    /// The root namespace.
    pub const ROOT: Self = Self(0);

    /// The slot as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a client stands with a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It has not asked for it, was refused, or has left it.
    #[default]
    Absent,
    /// It has asked for it, and was not answered yet.
    Connecting,
    /// It is in it.
    Connected,
    /// The server has ended it. What the client sent before it knew is still to come, and is dropped.
    Dismissed,
}

/// The namespaces of one connection.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    root: State,
    /// All but the root. An absent one is a hole, to be used again.
    #[expect(clippy::box_collection, reason = "a word, where there are no others: nearly everywhere")]
    others: Option<Box<Vec<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    state: State,
}

impl Namespaces {
    pub(super) fn state(&self, slot: Slot) -> State {
        match slot.index().checked_sub(1) {
            None => self.root,
            Some(at) => self.entry(at).map_or(State::Absent, |entry| entry.state),
        }
    }

    pub(super) fn name(&self, slot: Slot) -> Option<&str> {
        match slot.index().checked_sub(1) {
            None => Some("/").filter(|_| self.root != State::Absent),
            Some(at) => self.entry(at).filter(|entry| entry.state != State::Absent).map(|entry| &*entry.name),
        }
    }

    /// The slot of a namespace that is not absent.
    pub(super) fn find(&self, name: &str) -> Option<Slot> {
        if name == "/" {
            return Some(Slot::ROOT).filter(|_| self.root != State::Absent);
        }
        let is_it = |entry: &Entry| entry.state != State::Absent && *entry.name == *name;
        self.entries().iter().position(is_it).map(slot)
    }

    /// Makes room for a namespace that is absent; `None` if there are `max` already.
    pub(super) fn insert(&mut self, name: &str, state: State, max: u8) -> Option<Slot> {
        if self.slots().count() >= usize::from(max) {
            return None;
        }
        if name == "/" {
            self.root = state;
            return Some(Slot::ROOT);
        }
        let entry = Entry { name: name.into(), state };
        let others = self.others.get_or_insert_default();
        let at = others.iter().position(|entry| entry.state == State::Absent).unwrap_or(others.len());
        match others.get_mut(at) {
            Some(hole) => *hole = entry,
            None => others.push(entry),
        }
        Some(slot(at))
    }

    /// Moves a namespace on. An absent one keeps nothing.
    pub(super) fn set(&mut self, slot: Slot, state: State) {
        let Some(at) = slot.index().checked_sub(1) else {
            self.root = state;
            return;
        };
        let Some(entry) = self.others.as_mut().and_then(|others| others.get_mut(at)) else { return };
        entry.state = state;
        if state == State::Absent {
            entry.name = Box::default();
        }
        if self.entries().iter().all(|entry| entry.state == State::Absent) {
            self.others = None;
        }
    }

    /// The slots of all that are not absent.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        let root = Some(Slot::ROOT).filter(|_| self.root != State::Absent);
        let present = |(at, entry): (usize, &Entry)| (entry.state != State::Absent).then_some(slot(at));
        root.into_iter().chain(self.entries().iter().enumerate().filter_map(present))
    }

    fn entries(&self) -> &[Entry] {
        self.others.as_deref().map_or(&[], Vec::as_slice)
    }

    fn entry(&self, at: usize) -> Option<&Entry> {
        self.entries().get(at)
    }
}

/// There are never more entries than `max` of [`Namespaces::insert`].
fn slot(at: usize) -> Slot {
    Slot(at as u8 + 1)
}
