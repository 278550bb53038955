//! The roster's law: against a naive model, and its batches against clients that apply them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ACTIVE: PresenceState = PresenceState::Active;
const IDLE: PresenceState = PresenceState::Idle;
const INVISIBLE: PresenceState = PresenceState::Invisible;

/// What a client holds of a channel's presence, and the only rule it follows.
#[derive(Debug, Clone)]
struct Client {
    revision: u64,
    count: usize,
    members: Option<BTreeMap<UserId, MemberView>>,
}

impl Client {
    fn new(snapshot: Snapshot) -> Self {
        let by_user = |members: Vec<MemberView>| members.into_iter().map(|m| (m.user.clone(), m)).collect();
        Self { revision: snapshot.revision, count: snapshot.count, members: snapshot.members.map(by_user) }
    }

    fn apply(&mut self, changes: &Changes) {
        for (change, revision, members) in changes.parts() {
            if revision <= self.revision {
                continue;
            }
            (self.revision, self.count) = (revision, changes.count);
            let Some(members) = members else {
                self.members = None;
                continue;
            };
            let known = self.members.get_or_insert_default();
            for member in members {
                if change == Change::Left {
                    known.remove(&member.user);
                } else {
                    known.insert(member.user.clone(), member.clone());
                }
            }
        }
    }
}

/// A roster as a list of sessions in the order in which they spoke.
#[derive(Debug, Default)]
struct Model(Vec<Spoken>);

#[derive(Debug)]
struct Spoken {
    user: u8,
    session: u64,
    state: PresenceState,
    meta: Option<Arc<str>>,
    lost_until_ms: Option<u64>,
}

impl Spoken {
    fn is(&self, user: u8, session: u64) -> bool {
        (self.user, self.session) == (user, session)
    }
}

impl Model {
    fn join(&mut self, user: u8, session: u64, state: PresenceState, meta: Option<Arc<str>>, now_ms: u64) {
        if self.0.iter().any(|s| s.is(user, session)) {
            self.0.retain(|s| !s.is(user, session));
        } else {
            let lost = |s: &&Spoken| s.user == user && s.lost_until_ms.is_some_and(|at| now_ms < at);
            let alike = |s: &&Spoken| (s.state == INVISIBLE) == (state == INVISIBLE);
            let found = self.0.iter().filter(lost).find(alike).or_else(|| self.0.iter().find(lost));
            if let Some(replaced) = found.map(|s| s.session) {
                self.0.retain(|s| !s.is(user, replaced));
            }
        }
        self.0.push(Spoken { user, session, state, meta, lost_until_ms: None });
    }

    fn update(&mut self, user: u8, session: u64, state: PresenceState, meta: Option<Arc<str>>) {
        if let Some(at) = self.0.iter().position(|s| s.is(user, session)) {
            let lost_until_ms = self.0.remove(at).lost_until_ms;
            self.0.push(Spoken { user, session, state, meta, lost_until_ms });
        }
    }

    fn members(&self) -> Vec<MemberView> {
        let mut members = BTreeMap::<UserId, MemberView>::new();
        for spoken in self.0.iter().filter(|s| s.state != INVISIBLE) {
            let user = id(spoken.user);
            let sessions = members.get(&user).map_or(0, |m| m.sessions) + 1;
            let (state, meta) = (spoken.state, spoken.meta.clone());
            members.insert(user.clone(), MemberView { user, sessions, state, meta });
        }
        members.into_values().collect()
    }
}

fn id(user: u8) -> UserId {
    UserId::from(format!("u{user:03}").as_str())
}

#[derive(Debug, Clone)]
enum Op {
    Join(u8, u64, PresenceState, Option<u8>),
    Leave(u8, u64),
    Lose(u8, u64),
    Update(u8, u64, PresenceState, Option<u8>),
    /// The first so many of a crowd are here, the others are not.
    Crowd(u8),
    Wait(u64),
    Snapshot,
    Batch,
}

fn op() -> impl Strategy<Value = Op> {
    let state = || prop_oneof![2 => Just(ACTIVE), 1 => Just(IDLE), 1 => Just(INVISIBLE)];
    let meta = || proptest::option::of(0..2_u8);
    let (user, session) = (|| 0..3_u8, || 0..4_u64);
    prop_oneof![
        4 => (user(), session(), state(), meta()).prop_map(|(u, s, state, m)| Op::Join(u, s, state, m)),
        2 => (user(), session()).prop_map(|(u, s)| Op::Leave(u, s)),
        3 => (user(), session()).prop_map(|(u, s)| Op::Lose(u, s)),
        3 => (user(), session(), state(), meta()).prop_map(|(u, s, state, m)| Op::Update(u, s, state, m)),
        1 => prop_oneof![Just(0), 197..204_u8].prop_map(Op::Crowd),
        2 => prop_oneof![1..4_000_u64, Just(GRACE_MS)].prop_map(Op::Wait),
        2 => Just(Op::Snapshot),
        3 => Just(Op::Batch),
    ]
}

/// Everything that the property looks at.
#[derive(Default)]
struct World {
    roster: Roster,
    model: Model,
    clients: Vec<Client>,
    deadlines: Vec<(u64, UserId)>,
    now_ms: u64,
}

impl World {
    fn act(&mut self, op: Op) {
        let text = |meta: Option<u8>| meta.map(|m| Arc::from(m.to_string()));
        match op {
            Op::Join(user, session, state, meta) => {
                self.roster.join(&id(user), SessionId(session), state, text(meta), self.now_ms);
                self.model.join(user, session, state, text(meta), self.now_ms);
            }
            Op::Leave(user, session) => {
                self.roster.leave(&id(user), SessionId(session));
                self.model.0.retain(|s| !s.is(user, session));
            }
            Op::Lose(user, session) => {
                let deadline = self.roster.lose(&id(user), SessionId(session), self.now_ms);
                self.deadlines.extend(deadline.map(|at| (at, id(user))));
                let lost = self.model.0.iter_mut().find(|s| s.is(user, session) && s.lost_until_ms.is_none());
                assert_eq!(lost.is_some(), deadline.is_some());
                if let Some(lost) = lost {
                    lost.lost_until_ms = Some(self.now_ms + GRACE_MS);
                }
            }
            Op::Update(user, session, state, meta) => {
                self.roster.update(&id(user), SessionId(session), state, text(meta));
                self.model.update(user, session, state, text(meta));
            }
            Op::Crowd(size) => {
                for user in 10..210_u8 {
                    let is_here = self.model.0.iter().any(|s| s.user == user);
                    if user - 10 < size && !is_here {
                        self.act(Op::Join(user, 9, ACTIVE, None));
                    } else if user - 10 >= size && is_here {
                        self.act(Op::Leave(user, 9));
                    }
                }
            }
            Op::Wait(ms) => {
                self.now_ms += ms;
                for (_, user) in self.deadlines.extract_if(.., |(at, _)| *at <= self.now_ms) {
                    self.roster.expire(&user, self.now_ms);
                }
                self.model.0.retain(|s| s.lost_until_ms.is_none_or(|at| at > self.now_ms));
            }
            Op::Snapshot => self.clients.push(Client::new(self.roster.snapshot())),
            Op::Batch => {
                let changes = self.roster.changes();
                let apply = |changes: &Changes| self.clients.iter_mut().for_each(|c| c.apply(changes));
                changes.iter().for_each(apply);
            }
        }
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let expected = self.model.members();
        prop_assert_eq!(self.roster.count(), expected.len());
        let revision = self.roster.revision();
        // Not `snapshot`, which would leave its mark on the next batch.
        prop_assert_eq!(self.roster.views(), expected);
        prop_assert!(self.clients.iter().all(|client| client.revision <= revision));
        Ok(())
    }

    fn check_clients(&mut self) -> Result<(), TestCaseError> {
        self.act(Op::Batch);
        let expected = Client::new(self.roster.snapshot());
        for client in &self.clients {
            prop_assert_eq!(client.count, expected.count);
            prop_assert_eq!(&client.members, &expected.members);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_client_that_applies_the_batches_holds_the_snapshot(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::default();
        world.act(Op::Snapshot);
        for op in ops {
            let is_batch = matches!(op, Op::Batch);
            world.act(op);
            world.check()?;
            if is_batch {
                world.check_clients()?;
            }
        }
        world.check_clients()?;
    }
}
