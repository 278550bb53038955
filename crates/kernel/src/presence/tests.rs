//! What a roster says, case by case.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const ACTIVE: PresenceState = PresenceState::Active;
const IDLE: PresenceState = PresenceState::Idle;
const INVISIBLE: PresenceState = PresenceState::Invisible;

fn user(name: &str) -> UserId {
    UserId::from(name)
}

fn member(name: &str, sessions: u32, state: PresenceState) -> MemberView {
    MemberView { user: user(name), sessions, state, meta: None }
}

impl Roster {
    fn come(&mut self, name: &str, session: u64, state: PresenceState, now_ms: u64) -> bool {
        self.join(&user(name), SessionId(session), state, None, now_ms)
    }

    fn go(&mut self, name: &str, session: u64) -> bool {
        self.leave(&user(name), SessionId(session))
    }

    /// A batch whose lists are known to be told.
    fn lists(&mut self) -> Option<Lists> {
        self.changes().map(|changes| changes.lists.expect("few members"))
    }
}

fn joined(members: Vec<MemberView>) -> Lists {
    Lists { joined: members, ..Lists::default() }
}

fn left(members: Vec<MemberView>) -> Lists {
    Lists { left: members, ..Lists::default() }
}

fn changed(members: Vec<MemberView>) -> Lists {
    Lists { changed: members, ..Lists::default() }
}

#[test]
fn who_came_went_and_changed_is_told_once() {
    let mut roster = Roster::default();
    roster.come("bob", 2, ACTIVE, 0);
    roster.come("ann", 1, ACTIVE, 0);
    let changes = roster.changes().unwrap();
    assert_eq!((changes.revision, changes.count), (2, 2));
    assert_eq!(changes.lists, Some(joined(vec![member("ann", 1, ACTIVE), member("bob", 1, ACTIVE)])));
    assert_eq!(roster.changes(), None);
    roster.go("bob", 2);
    assert_eq!(roster.lists(), Some(left(vec![member("bob", 0, ACTIVE)])));
    roster.update(&user("ann"), SessionId(1), IDLE, Some("1".into()));
    roster.update(&user("ann"), SessionId(1), IDLE, Some("2".into()));
    let ann = MemberView { meta: Some("2".into()), ..member("ann", 1, IDLE) };
    assert_eq!(roster.lists(), Some(changed(vec![ann])));
}

#[test]
fn what_cancels_out_within_a_batch_is_not_told() {
    let mut roster = Roster::default();
    assert!(roster.come("ann", 1, ACTIVE, 0) && roster.go("ann", 1));
    assert_eq!(roster.changes(), None);
    assert_eq!(roster.revision(), 2);
    roster.come("ann", 1, ACTIVE, 0);
    roster.changes();
    roster.update(&user("ann"), SessionId(1), IDLE, None);
    roster.update(&user("ann"), SessionId(1), ACTIVE, None);
    assert!(roster.go("ann", 1) && roster.come("ann", 9, ACTIVE, 0));
    assert_eq!(roster.changes(), None);
}

#[test]
fn what_a_snapshot_showed_in_between_is_told_though_it_cancels_out() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    assert_eq!(roster.snapshot().members, Some(vec![member("ann", 1, ACTIVE)]));
    roster.go("ann", 1);
    assert_eq!(roster.lists(), Some(left(vec![member("ann", 0, ACTIVE)])));
}

#[test]
fn a_connection_that_comes_back_in_time_was_never_gone() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    roster.changes();
    let revision = roster.revision();
    assert_eq!(roster.lose(&user("ann"), SessionId(1), 5_000), Some(15_000));
    assert_eq!(roster.lose(&user("ann"), SessionId(1), 6_000), None, "it is lost already");
    assert!(!roster.expire(&user("ann"), 14_999));
    assert!(!roster.come("ann", 2, ACTIVE, 14_999), "the new session stands for the lost one");
    assert!(!roster.expire(&user("ann"), 15_000), "the deadline of the lost one is void");
    assert_eq!((roster.revision(), roster.count(), roster.changes()), (revision, 1, None));
}

#[test]
fn who_comes_back_stands_for_a_lost_session_that_looked_like_it() {
    let mut roster = Roster::default();
    roster.come("ann", 1, INVISIBLE, 0);
    roster.come("ann", 2, ACTIVE, 0);
    roster.changes();
    roster.lose(&user("ann"), SessionId(1), 0);
    roster.lose(&user("ann"), SessionId(2), 0);
    assert!(!roster.come("ann", 3, ACTIVE, 1));
    assert!(!roster.come("ann", 4, INVISIBLE, 1));
    assert!(!roster.expire(&user("ann"), GRACE_MS));
    // Where none looked like it, the oldest one will do.
    roster.lose(&user("ann"), SessionId(3), GRACE_MS);
    assert!(roster.come("ann", 5, INVISIBLE, GRACE_MS + 1));
    assert_eq!(roster.lists(), Some(left(vec![member("ann", 0, ACTIVE)])));
}

#[test]
fn a_connection_that_does_not_come_back_goes_after_the_grace() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    roster.come("ann", 2, ACTIVE, 0);
    roster.changes();
    assert_eq!(roster.lose(&user("ann"), SessionId(1), 0), Some(GRACE_MS));
    assert_eq!(roster.lose(&user("ann"), SessionId(2), 100), Some(GRACE_MS + 100));
    assert!(roster.expire(&user("ann"), GRACE_MS));
    assert_eq!(roster.lists(), Some(changed(vec![member("ann", 1, ACTIVE)])));
    assert!(roster.expire(&user("ann"), GRACE_MS + 100));
    assert_eq!(roster.lists(), Some(left(vec![member("ann", 0, ACTIVE)])));
    assert!(roster.is_empty());
}

#[test]
fn who_leaves_on_purpose_goes_at_once_even_when_lost() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    roster.changes();
    roster.lose(&user("ann"), SessionId(1), 0);
    assert!(roster.go("ann", 1));
    assert_eq!(roster.lists(), Some(left(vec![member("ann", 0, ACTIVE)])));
}

#[test]
fn strangers_change_nothing() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    let revision = roster.revision();
    assert!(!roster.go("ann", 2) && !roster.go("bob", 1));
    assert_eq!(roster.lose(&user("ann"), SessionId(2), 0), None);
    assert_eq!(roster.lose(&user("bob"), SessionId(1), 0), None);
    assert!(!roster.update(&user("ann"), SessionId(2), IDLE, None));
    assert!(!roster.update(&user("bob"), SessionId(1), IDLE, None));
    assert!(!roster.expire(&user("bob"), u64::MAX) && !roster.expire(&user("ann"), u64::MAX));
    assert_eq!((roster.revision(), roster.count()), (revision, 1));
}

#[test]
fn an_invisible_member_is_neither_listed_nor_counted() {
    let mut roster = Roster::default();
    assert!(!roster.come("ann", 1, INVISIBLE, 0));
    assert_eq!((roster.count(), roster.changes()), (0, None));
    assert!(!roster.is_empty());
    roster.update(&user("ann"), SessionId(1), ACTIVE, None);
    assert_eq!(roster.lists(), Some(joined(vec![member("ann", 1, ACTIVE)])));
    roster.come("ann", 2, INVISIBLE, 0);
    assert_eq!(roster.changes(), None, "nor is an invisible session beside a visible one");
    roster.update(&user("ann"), SessionId(1), INVISIBLE, None);
    assert_eq!(roster.lists(), Some(left(vec![member("ann", 0, ACTIVE)])));
    assert_eq!(roster.snapshot().members, Some(vec![]));
}

#[test]
fn the_visible_session_that_spoke_last_speaks_for_the_user() {
    let mut roster = Roster::default();
    let state = |roster: &mut Roster| roster.snapshot().members.unwrap()[0].state;
    roster.come("ann", 1, IDLE, 0);
    roster.come("ann", 2, ACTIVE, 0);
    assert_eq!(state(&mut roster), ACTIVE);
    roster.update(&user("ann"), SessionId(1), PresenceState::Dnd, None);
    assert_eq!(state(&mut roster), PresenceState::Dnd);
    roster.update(&user("ann"), SessionId(1), INVISIBLE, None);
    assert_eq!(state(&mut roster), ACTIVE);
    roster.go("ann", 2);
    assert_eq!(roster.count(), 0);
}

#[test]
fn a_crowd_is_counted_and_listed_again_when_it_is_small() {
    let mut roster = Roster::default();
    for n in 0..200 {
        roster.come(&format!("u{n:03}"), n, ACTIVE, 0);
    }
    assert_eq!(roster.lists().unwrap().joined.len(), 200);
    roster.come("ann", 900, ACTIVE, 0);
    let changes = roster.changes().unwrap();
    assert_eq!((changes.count, changes.lists.is_none()), (201, true));
    assert_eq!(changes.parts().count(), 1);
    assert_eq!(roster.snapshot().members, None);
    roster.update(&user("ann"), SessionId(900), IDLE, None);
    assert_eq!(roster.changes(), None, "who knows the count only has no news in a state");
    roster.go("u000", 0);
    let lists = roster.lists().unwrap();
    assert_eq!((lists.joined.len(), lists.left.len(), lists.changed.len()), (200, 1, 0));
    assert!(lists.joined.contains(&member("ann", 1, IDLE)));
}

#[test]
fn each_part_of_a_batch_has_a_revision_of_its_own() {
    let mut roster = Roster::default();
    roster.come("ann", 1, ACTIVE, 0);
    roster.come("bob", 2, ACTIVE, 0);
    roster.changes();
    roster.come("cid", 3, ACTIVE, 0);
    roster.go("bob", 2);
    let seen = roster.snapshot().revision;
    roster.update(&user("ann"), SessionId(1), IDLE, None);
    let changes = roster.changes().unwrap();
    let parts: Vec<_> = changes.parts().map(|(change, revision, _)| (change, revision)).collect();
    let first = seen + 1;
    assert_eq!(parts, [(Change::Left, first), (Change::Joined, first + 1), (Change::Presence, first + 2)]);
    assert_eq!((changes.revision, roster.revision()), (first + 2, first + 2));
}

#[test]
fn an_empty_roster_holds_no_memory() {
    let mut roster = Roster::default();
    for n in 0..1_000 {
        roster.come(&n.to_string(), n, ACTIVE, 0);
    }
    for n in 0..1_000 {
        roster.go(&n.to_string(), n);
    }
    roster.changes();
    assert_eq!((roster.members.allocation_size(), roster.touched.allocation_size()), (0, 0));
}
