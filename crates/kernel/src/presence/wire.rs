//! Rosters as frames say them.

use veche_protocol::server;

use super::{Changes, MemberView, Snapshot};

impl Snapshot {
    /// The presence fields of `subscribed`.
    pub(crate) fn as_roster(&self) -> server::Roster<'_> {
        roster(self.revision, self.count, self.members.as_deref())
    }
}

impl Changes {
    /// The fields of one part of the batch.
    pub(crate) fn roster<'a>(&self, revision: u64, members: Option<&'a [MemberView]>) -> server::Roster<'a> {
        roster(revision, self.count, members)
    }
}

fn roster(revision: u64, count: usize, members: Option<&[MemberView]>) -> server::Roster<'_> {
    let members = members.map(|members| members.iter().map(member).collect());
    server::Roster { revision, count: count as u64, members }
}

fn member(view: &MemberView) -> server::Member<'_> {
    server::Member {
        user: view.user.as_str(),
        sessions: view.sessions,
        state: view.state,
        meta: view.meta.as_deref(),
    }
}
