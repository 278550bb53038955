//! Tickets: what opens a stream by its URL, for browsers, which cannot set a header there.
//!
//! A ticket is 128 random bits of which only the hash is kept. It opens one WebSocket, or one stream of
//! events, within 30 s; after that it re-opens only the same channels' stream, because an `EventSource` comes
//! back by the same URL, and only until the credential ends that it was made for.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use veche_kernel::{ChannelName, Identity, UserId};

/// How long a ticket waits for its first use.
pub(crate) const FRESH_MS: u64 = 30_000;
/// How long one re-opens whose credential does not end.
const LONGEST_MS: u64 = 24 * 3_600 * 1_000;
/// Tickets of a user; the oldest makes room.
const OF_A_USER: usize = 16;
/// Tickets of all users.
const MOST: usize = 65_536;
const RANDOM_BYTES: usize = 16;

/// What a ticket is shown for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'a> {
    Socket,
    Events(&'a [ChannelName]),
}

/// Why a ticket opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// It was never made, was used, or its time is over.
    Unknown,
    /// It was used for other channels.
    OtherChannels,
}

/// No further ticket can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    tickets: HashMap<Hash, Ticket>,
    /// Each user's tickets, the oldest first.
    by_user: HashMap<UserId, Vec<Hash>>,
}

type Hash = [u8; 32];

#[derive(Debug)]
struct Ticket {
    identity: Identity,
    /// When it ends: at first soon, once it is used with its credential.
    until_ms: u64,
    /// What it was first used for.
    channels: Option<Box<[ChannelName]>>,
}

impl Tickets {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new ticket, and when it must have been used, at the wall time given.
    pub(crate) fn issue(&self, identity: Identity, wall_ms: u64) -> Result<(String, u64), Exhausted> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|_| Exhausted)?;
        let text = URL_SAFE_NO_PAD.encode(random);
        let until_ms = end_of(&identity, wall_ms).min(wall_ms.saturating_add(FRESH_MS));
        let mut table = self.table();
        if table.tickets.len() >= MOST {
            table.forget(wall_ms);
        }
        if table.tickets.len() >= MOST {
            return Err(Exhausted);
        }
        table.insert(hash(&text), Ticket { identity, until_ms, channels: None });
        Ok((text, until_ms))
    }

    /// Who shows this ticket, if it opens what it is shown for.
    pub(crate) fn redeem(&self, text: &str, purpose: Purpose<'_>, wall_ms: u64) -> Result<Identity, Invalid> {
        let hash = hash(text);
        let mut table = self.table();
        let ticket = table.tickets.get_mut(&hash).ok_or(Invalid::Unknown)?;
        if wall_ms >= ticket.until_ms {
            table.remove(&hash);
            return Err(Invalid::Unknown);
        }
        match (purpose, &ticket.channels) {
            (Purpose::Socket, None) => {
                table.remove(&hash).map(|ticket| ticket.identity).ok_or(Invalid::Unknown)
            }
            (Purpose::Events(channels), None) => {
                ticket.channels = Some(channels.into());
                ticket.until_ms = end_of(&ticket.identity, wall_ms);
                Ok(ticket.identity.clone())
            }
            (Purpose::Events(channels), Some(first)) if **first == *channels => Ok(ticket.identity.clone()),
            _ => Err(Invalid::OtherChannels),
        }
    }
}

impl Table {
    fn insert(&mut self, hash: Hash, ticket: Ticket) {
        let own = self.by_user.entry(ticket.identity.user.clone()).or_default();
        own.push(hash);
        let oldest = (own.len() > OF_A_USER).then(|| own[0]);
        self.tickets.insert(hash, ticket);
        if let Some(oldest) = oldest {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, hash: &Hash) -> Option<Ticket> {
        let ticket = self.tickets.remove(hash)?;
        let user = &ticket.identity.user;
        if let Some(own) = self.by_user.get_mut(user) {
            own.retain(|other| other != hash);
            if own.is_empty() {
                self.by_user.remove(user);
            }
        }
        Some(ticket)
    }

    fn forget(&mut self, wall_ms: u64) {
        self.tickets.retain(|_, ticket| ticket.until_ms > wall_ms);
        let tickets = &self.tickets;
        self.by_user.retain(|_, own| {
            own.retain(|hash| tickets.contains_key(hash));
            !own.is_empty()
        });
    }
}

/// When the credential behind a ticket ends.
fn end_of(identity: &Identity, wall_ms: u64) -> u64 {
    match identity.expires_ms {
        0 => wall_ms.saturating_add(LONGEST_MS),
        expires_ms => expires_ms,
    }
}

/// What is kept of a ticket: who reads this process's memory or a dump of it can open nothing by it.
fn hash(text: &str) -> Hash {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn ann() -> Identity {
        Identity { expires_ms: NOW + 100_000, ..Identity::of(UserId::from("ann")) }
    }

    fn channels(names: &[&str]) -> Vec<ChannelName> {
        names.iter().map(|name| ChannelName::parse(name).expect("a name")).collect()
    }

    #[test]
    fn a_ticket_opens_one_socket_soon() {
        // Red: `redeem` without `remove`, or without the look at the time.
        let tickets = Tickets::default();
        let (one, until_ms) = tickets.issue(ann(), NOW).expect("there is room");
        let (late, _) = tickets.issue(ann(), NOW).expect("there is room");
        assert_eq!((one.len(), until_ms), (22, NOW + FRESH_MS));
        let redeem = |text: &str, now| tickets.redeem(text, Purpose::Socket, now);
        assert_eq!(redeem(&one, until_ms - 1), Ok(ann()));
        assert_eq!(redeem(&one, until_ms - 1), Err(Invalid::Unknown));
        assert_eq!(redeem(&late, until_ms), Err(Invalid::Unknown));
        assert_eq!(redeem("", NOW), Err(Invalid::Unknown));
        let table = tickets.table();
        assert!(table.tickets.is_empty() && table.by_user.is_empty(), "nothing is kept of what is over");
    }

    #[test]
    fn a_stream_comes_back_to_its_channels_until_the_credential_ends() {
        // Red: `redeem` that does not compare the channels; `until_ms` that stays or does not end.
        let tickets = Tickets::default();
        let (text, _) = tickets.issue(ann(), NOW).expect("there is room");
        let (ab, ba, a) = (channels(&["a", "b"]), channels(&["b", "a"]), channels(&["a"]));
        let redeem = |purpose, now| tickets.redeem(&text, purpose, now);
        assert_eq!(redeem(Purpose::Events(&ab), NOW), Ok(ann()));
        assert_eq!(redeem(Purpose::Events(&ab), NOW + 99_999), Ok(ann()));
        for other in [Purpose::Events(&ba), Purpose::Events(&a), Purpose::Events(&[]), Purpose::Socket] {
            assert_eq!(redeem(other, NOW + 1), Err(Invalid::OtherChannels), "{other:?}");
        }
        assert_eq!(redeem(Purpose::Events(&ab), NOW + 100_000), Err(Invalid::Unknown));
    }

    #[test]
    fn a_credential_that_ends_soon_ends_its_ticket() {
        // Red: `issue` with `FRESH_MS` alone.
        let tickets = Tickets::default();
        let soon = Identity { expires_ms: NOW + 5, ..ann() };
        let (text, until_ms) = tickets.issue(soon, NOW).expect("there is room");
        assert_eq!(until_ms, NOW + 5);
        assert_eq!(tickets.redeem(&text, Purpose::Socket, NOW + 5), Err(Invalid::Unknown));
    }

    #[test]
    fn tickets_are_bounded() {
        // Red: `insert` without the bound of a user; `issue` without `forget`.
        let tickets = Tickets::default();
        let of_ann: Vec<_> =
            (0..=OF_A_USER).map(|_| tickets.issue(ann(), NOW).expect("there is room").0).collect();
        assert_eq!(tickets.redeem(&of_ann[0], Purpose::Socket, NOW), Err(Invalid::Unknown), "the oldest");
        assert_eq!(tickets.redeem(&of_ann[1], Purpose::Socket, NOW), Ok(ann()));
        let so_far = tickets.table().tickets.len();
        for at in so_far..MOST {
            let user = UserId::from(at.to_string().as_str());
            tickets.issue(Identity::of(user), NOW).expect("there is room");
        }
        assert_eq!(tickets.issue(ann(), NOW), Err(Exhausted));
        assert!(tickets.issue(ann(), NOW + FRESH_MS).is_ok(), "what is over makes room");
        assert_eq!(tickets.table().by_user.len(), 1);
    }
}
