//! Who is in a channel: its members, their state, and what of it changed since it was last told.
//!
//! Pure: the time is an argument, and whoever owns a [`Roster`] schedules its deadlines and its batches.
//! Nothing here knows subscribers, frames or other nodes.

#[cfg(test)]
mod law;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use hashbrown::{HashMap, hash_map::Entry};
use smallvec::SmallVec;
use veche_protocol::{client::PresenceState, server::Change};

use crate::publication::{SessionId, UserId};

/// How long a member stays whose connection was lost, in milliseconds: a reload of a page shows nothing.
pub(crate) const GRACE_MS: u64 = 10_000;

/// With more members than this, only their number travels.
pub(crate) const LISTED_MAX: usize = 200;

/// The members of one channel.
///
/// The law: whoever takes a [`Roster::snapshot`] and then applies the parts of every later
/// [`Roster::changes`] whose revision is newer than what they have, holds what a snapshot would say.
/// To apply a part is to replace each listed member (or to remove it, in [`Change::Left`]), to start with
/// nobody where no list was known, and to forget the list where the part bears none.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// Each user's sessions; the last one that is visible speaks for the user.
    members: HashMap<UserId, SmallVec<[Place; 1]>>,
    /// How many members are visible.
    count: usize,
    revision: u64,
    /// The users who changed since the last batch.
    touched: HashMap<UserId, Touched>,
    /// The count that the last batch told.
    told_count: usize,
    /// Somebody may hold no list: a batch or a snapshot went out without one.
    listless: bool,
}

/// One session of a user.
#[derive(Debug)]
struct Place {
    session: SessionId,
    state: PresenceState,
    meta: Option<Arc<str>>,
    /// When it goes, if its connection was lost.
    lost_until_ms: Option<u64>,
}

/// A user who changed since the last batch.
#[derive(Debug)]
struct Touched {
    /// What the last batch left behind.
    before: Option<MemberView>,
    /// A snapshot has shown something newer than `before`, so that coming back to `before` is news to
    /// whoever took it.
    exposed: bool,
}

/// A member as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberView {
    /// Who.
    pub(crate) user: UserId,
    /// How many of their sessions are visible here; 0 for one who left.
    pub(crate) sessions: u32,
    /// What they said of themselves last.
    pub(crate) state: PresenceState,
    /// Their raw JSON, said together with the state; `None` for one who left.
    pub(crate) meta: Option<Arc<str>>,
}

/// All members at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The revision that this is the state of.
    pub(crate) revision: u64,
    /// How many members there are.
    pub(crate) count: usize,
    /// All of them, by user id; `None` above [`LISTED_MAX`].
    pub(crate) members: Option<Vec<MemberView>>,
}

/// What changed since the last batch; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The newest revision.
    pub(crate) revision: u64,
    /// How many members there are now.
    pub(crate) count: usize,
    /// Who changed; `None` above [`LISTED_MAX`].
    pub(crate) lists: Option<Lists>,
}

/// Who changed, each user in one list at most, each list by user id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lists {
    /// Who came. When the members become few enough to be listed again, these are all of them.
    pub(crate) joined: Vec<MemberView>,
    /// Who went.
    pub(crate) left: Vec<MemberView>,
    /// Whose state, meta or number of sessions changed.
    pub(crate) changed: Vec<MemberView>,
}

impl Roster {
    /// A session came, or its subscription was replaced. It takes the place of a lost session of the same
    /// user. Returns whether anything visible changed, as all of these do.
    pub(crate) fn join(
        &mut self,
        user: &UserId,
        session: SessionId,
        state: PresenceState,
        meta: Option<Arc<str>>,
        now_ms: u64,
    ) -> bool {
        self.alter(user, |places| {
            if !remove(places, session) {
                replace_lost(places, state != PresenceState::Invisible, now_ms);
            }
            places.push(Place { session, state, meta, lost_until_ms: None });
        })
    }

    /// What a user last said of themselves in a session that was lost and may come back: a new session
    /// goes on with it until it says something else.
    pub(crate) fn last_words(&self, user: &UserId, now_ms: u64) -> Option<(PresenceState, Option<Arc<str>>)> {
        let places = self.members.get(user)?;
        let lost = places.iter().find(|place| place.lost_until_ms.is_some_and(|at| at > now_ms))?;
        Some((lost.state, lost.meta.clone()))
    }

    /// Whether this session is here, and its connection was not lost.
    pub(crate) fn has(&self, user: &UserId, session: SessionId) -> bool {
        let places = self.members.get(user);
        places.is_some_and(|places| {
            places.iter().any(|place| place.session == session && place.lost_until_ms.is_none())
        })
    }

    /// A session went of its own will, and goes at once.
    pub(crate) fn leave(&mut self, user: &UserId, session: SessionId) -> bool {
        self.members.contains_key(user) && self.alter(user, |places| _ = remove(places, session))
    }

    /// A session's connection was lost. It stays until the time returned, when [`Roster::expire`] is due.
    /// `None` if it is not here, or was lost before.
    pub(crate) fn lose(&mut self, user: &UserId, session: SessionId, now_ms: u64) -> Option<u64> {
        let places = self.members.get_mut(user)?;
        let place = places.iter_mut().find(|p| p.session == session && p.lost_until_ms.is_none())?;
        let deadline_ms = now_ms.saturating_add(GRACE_MS);
        place.lost_until_ms = Some(deadline_ms);
        Some(deadline_ms)
    }

    /// Removes the sessions of this user that were lost and did not come back in time.
    pub(crate) fn expire(&mut self, user: &UserId, now_ms: u64) -> bool {
        self.members.contains_key(user)
            && self.alter(user, |places| places.retain(|p| p.lost_until_ms.is_none_or(|at| at > now_ms)))
    }

    /// A session says something else of its user; `meta` replaces what was there, `None` too.
    pub(crate) fn update(
        &mut self,
        user: &UserId,
        session: SessionId,
        state: PresenceState,
        meta: Option<Arc<str>>,
    ) -> bool {
        self.members.contains_key(user)
            && self.alter(user, |places| {
                let Some(at) = places.iter().position(|p| p.session == session) else { return };
                let place = places.remove(at);
                places.push(Place { state, meta, ..place });
            })
    }

    /// The number of the last visible change.
    #[cfg(test)]
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// How many members are visible.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether nobody is here, not even an invisible or a lost session.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// All members as they are now.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        // The next batch must also be right for whoever holds this snapshot.
        for touched in self.touched.values_mut() {
            touched.exposed = true;
        }
        let members = self.is_listed().then(|| self.views());
        self.listless |= members.is_none();
        Snapshot { revision: self.revision, count: self.count, members }
    }

    /// The same for whoever will not be told of changes.
    pub(crate) fn look(&self) -> Snapshot {
        let members = self.is_listed().then(|| self.views());
        Snapshot { revision: self.revision, count: self.count, members }
    }

    /// What changed since the last call, netted; `None` if nothing did.
    pub(crate) fn changes(&mut self) -> Option<Changes> {
        if self.touched.is_empty() {
            return None;
        }
        let touched = std::mem::take(&mut self.touched);
        let told_count = std::mem::replace(&mut self.told_count, self.count);
        if self.is_listed() {
            return self.listed_changes(touched);
        }
        // Who knows the count only has no news in one who came for one who went.
        let exposed = touched.values().any(|t| t.exposed);
        self.listless = true;
        (told_count != self.count || exposed).then_some(Changes {
            revision: self.revision,
            count: self.count,
            lists: None,
        })
    }

    fn listed_changes(&mut self, touched: HashMap<UserId, Touched>) -> Option<Changes> {
        let mut lists = Lists::default();
        for (user, Touched { before, exposed }) in touched {
            let after = self.members.get(&user).and_then(|places| view(&user, places));
            match (before, after) {
                (before, after) if before == after && !exposed => {}
                (None, Some(after)) => lists.joined.push(after),
                (Some(_), Some(after)) => lists.changed.push(after),
                (before, None) => {
                    let state = before.map_or(PresenceState::Active, |view| view.state);
                    lists.left.push(MemberView { user, sessions: 0, state, meta: None });
                }
            }
        }
        let is_empty = lists.joined.is_empty() && lists.left.is_empty() && lists.changed.is_empty();
        if is_empty {
            return None;
        }
        if std::mem::take(&mut self.listless) {
            lists.changed = Vec::new();
            lists.joined = self.views();
        }
        for list in [&mut lists.joined, &mut lists.left, &mut lists.changed] {
            list.sort_unstable_by(|a, b| a.user.cmp(&b.user));
        }
        let changes = Changes { revision: self.revision, count: self.count, lists: Some(lists) };
        // Each part of the batch needs a revision of its own, none older than a snapshot that knows less.
        self.revision += changes.parts().count().saturating_sub(1) as u64;
        Some(Changes { revision: self.revision, ..changes })
    }

    /// Runs `act` on a user's sessions and keeps the books: the count, the revision, what was touched.
    fn alter(&mut self, user: &UserId, act: impl FnOnce(&mut SmallVec<[Place; 1]>)) -> bool {
        let places = self.members.entry(user.clone()).or_default();
        let before = view(user, places);
        act(places);
        let after = view(user, places);
        if places.is_empty() {
            self.members.remove(user);
            give_back(&mut self.members);
        }
        if before == after {
            return false;
        }
        self.revision += 1;
        self.count = self.count + usize::from(after.is_some()) - usize::from(before.is_some());
        if let Entry::Vacant(first) = self.touched.entry(user.clone()) {
            first.insert(Touched { before, exposed: false });
        }
        true
    }

    fn is_listed(&self) -> bool {
        self.count <= LISTED_MAX
    }

    fn views(&self) -> Vec<MemberView> {
        let mut views: Vec<_> = self.members.iter().filter_map(|(user, places)| view(user, places)).collect();
        views.sort_unstable_by(|a, b| a.user.cmp(&b.user));
        views
    }
}

impl Changes {
    /// The batch as frames say it, each with a revision of its own, the last with the newest. Where there
    /// are no lists it is one part without members.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Change, u64, Option<&[MemberView]>)> {
        type Part<'a> = (Change, Option<&'a [MemberView]>);
        let lists: SmallVec<[Part<'_>; 3]> = match &self.lists {
            None => SmallVec::from_iter([(Change::Presence, None)]),
            Some(Lists { joined, left, changed }) => {
                [(Change::Left, left), (Change::Joined, joined), (Change::Presence, changed)]
                    .into_iter()
                    .filter(|(_, members)| !members.is_empty())
                    .map(|(change, members)| (change, Some(members.as_slice())))
                    .collect()
            }
        };
        let first = self.revision.saturating_sub(lists.len().saturating_sub(1) as u64);
        lists.into_iter().zip(first..).map(|((change, members), revision)| (change, revision, members))
    }
}

/// What others see of a user; `None` if all of the sessions are invisible.
fn view(user: &UserId, places: &[Place]) -> Option<MemberView> {
    let visible = || places.iter().filter(|place| place.is_visible());
    let speaker = visible().next_back()?;
    Some(MemberView {
        user: user.clone(),
        sessions: visible().count() as u32,
        state: speaker.state,
        meta: speaker.meta.clone(),
    })
}

impl Place {
    fn is_visible(&self) -> bool {
        self.state != PresenceState::Invisible
    }
}

fn remove(places: &mut SmallVec<[Place; 1]>, session: SessionId) -> bool {
    let at = places.iter().position(|place| place.session == session);
    at.map(|at| places.remove(at)).is_some()
}

/// Removes the lost session that a new one stands for: one that looked like it if there is one.
fn replace_lost(places: &mut SmallVec<[Place; 1]>, visible: bool, now_ms: u64) {
    let is_lost = |place: &Place| place.lost_until_ms.is_some_and(|at| at > now_ms);
    let at = places
        .iter()
        .position(|place| is_lost(place) && place.is_visible() == visible)
        .or_else(|| places.iter().position(is_lost));
    if let Some(at) = at {
        places.remove(at);
    }
}

fn give_back<V>(table: &mut HashMap<UserId, V>) {
    if table.is_empty() {
        *table = HashMap::new();
    } else if table.capacity() > 16 && table.len() < table.capacity() / 8 {
        table.shrink_to(table.len() * 2);
    }
}
