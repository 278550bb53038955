//! Clients that come back to the session that they had.
//!
//! A stock client says one place, of whichever channel it heard last. The session's ring of sends finds it, and what
//! follows there is what was missed. Where it is not found, or what was missed is not retained any more, the client is
//! given a new session: never a guess.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Mutex},
};

use serde::Deserialize;
use serde_json::Value;
use veche_kernel::{ChannelName, Encoding, Position, Publication, Range, SessionId, UserId, tag_of};
use veche_protocol::socket_io::{ChannelTag, Run};

use super::{
    engine::{Engine, SocketLink},
    sid::Sid,
    wire::{SocketWire, Track},
};

/// The most bytes that a client may have missed.
const MISSED_BYTES: usize = 1 << 20;
/// Publications of one page.
const PAGE: usize = 1_000;

/// Why a client that comes back is taken up again, in the reference server's words.
const RECOVERABLE: [&str; 4] = ["transport close", "transport error", "ping timeout", "forced close"];

thread_local! {
    static KEPT: RefCell<HashMap<Sid, Kept>> = RefCell::default();
}

/// A session whose client is away.
pub(super) struct Kept {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) data: Arc<Mutex<Value>>,
    namespace: Box<str>,
    channels: Vec<ChannelName>,
    track: Box<Track>,
    until_ms: u64,
}

/// What a client's CONNECT says of a session before.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    pub(super) pid: Option<String>,
    offset: Option<String>,
}

/// What a client missed, and from where each of its channels goes on.
pub(super) struct Missed {
    pub(super) frames: Vec<u8>,
    pub(super) channels: Vec<(ChannelName, Option<Position>)>,
    pub(super) track: Box<Track>,
}

/// Keeps a socket that is over for its client, if it may come back.
pub(super) fn keep(engine: &Rc<Engine>, link: &SocketLink, why: &str) {
    let Some(window) = engine.io.recovery_ms.filter(|_| RECOVERABLE.contains(&why)) else { return };
    let (Some(track), Some(user)) = (link.wire().track.borrow_mut().take(), link.user()) else { return };
    let pid = track.pid;
    let until_ms = engine.shard.now_ms() + window;
    let kept = Kept {
        session: link.id(),
        user,
        data: link.wire().attached.data.clone(),
        namespace: link.wire().namespace.clone(),
        channels: link.channels().into_iter().map(|(channel, _)| channel).collect(),
        track,
        until_ms,
    };
    KEPT.with_borrow_mut(|all| _ = all.insert(pid, kept));
    engine.shard.schedule(until_ms, move |_| forget(pid));
}

fn forget(pid: Sid) {
    let forgotten = KEPT.with_borrow_mut(|all| all.remove(&pid));
    drop(forgotten);
}

/// Takes the session that a client comes back to, if it is here still. The secret is used up.
pub(super) fn take(pid: &str, namespace: &str, now_ms: u64) -> Option<Kept> {
    let kept = KEPT.with_borrow_mut(|all| all.remove(&Sid::parse(pid)?))?;
    (*kept.namespace == *namespace && now_ms < kept.until_ms).then_some(kept)
}

impl Kept {
    /// Reads what the client missed; `None` where that cannot be known, or is too much.
    pub(super) async fn missed(
        self,
        engine: &Rc<Engine>,
        asked: &Asked,
        encoding: Encoding,
    ) -> Option<Missed> {
        let runs = self.track.after(asked.offset.as_deref())?;
        let kernel = &engine.door.kernel;
        let (mut missed, mut channels) = (Vec::new(), Vec::new());
        for (at, channel) in self.channels.iter().enumerate() {
            let Some(since) = self.since(channel, &runs) else {
                // Of a channel that retains nothing, nothing is missed.
                channels.push((channel.clone(), None));
                continue;
            };
            let mut last = since;
            loop {
                let page = kernel.history(channel, Range::After(last.offset), PAGE).await.ok()?;
                let head = page.head?;
                if head.epoch != since.epoch || head.floor > last.offset {
                    return None;
                }
                let Some(position) = page.publications.last().and_then(|last| last.position) else { break };
                last = position;
                missed.extend(page.publications.into_iter().map(|publication| (at, publication)));
                if missed.iter().map(|(_, publication)| publication.data.len()).sum::<usize>() > MISSED_BYTES
                {
                    return None;
                }
            }
            channels.push((channel.clone(), Some(last)));
        }
        missed.sort_by_key(|(at, publication)| order(*at, publication, &runs));
        Some(self.packed(&missed, channels, encoding))
    }

    /// The last position of a channel that the client has.
    fn since(&self, channel: &ChannelName, runs: &[Run]) -> Option<Position> {
        let (_, sent) = self.track.heads.iter().find(|(known, _)| **known == **channel)?;
        let tag = tag_of(channel);
        let unseen = runs.iter().find(|run| run.channel == tag).map(|run| run.first - 1);
        Some(Position { offset: unseen.unwrap_or(sent.offset), ..*sent })
    }

    fn packed(
        self,
        missed: &[(usize, Arc<Publication>)],
        channels: Vec<(ChannelName, Option<Position>)>,
        encoding: Encoding,
    ) -> Missed {
        let mut track = self.track;
        let mut frames = Vec::new();
        for (_, publication) in missed {
            let is_in = |channel: &str| self.channels.iter().any(|known| **known == *channel);
            if !publication.leaves_out(self.session, is_in) {
                frames.extend_from_slice(&encoding.publication(publication));
            }
            publication.position.into_iter().for_each(|position| track.sent(publication, position));
        }
        Missed { frames, channels, track }
    }
}

/// First what was sent already, as it was sent; then the rest by its time, and within a channel by its place.
fn order(at: usize, publication: &Publication, runs: &[Run]) -> (bool, u64, usize, u64) {
    let offset = publication.position.map_or(0, |position| position.offset);
    let tag: ChannelTag = tag_of(&publication.channel);
    let holds = |run: &Run| run.channel == tag && (run.first..=run.last).contains(&offset);
    match runs.iter().position(holds) {
        Some(place) => (false, place as u64, 0, offset),
        None => (true, publication.time_ms, at, offset),
    }
}

/// A channel's policy has stopped a slow client there: it goes on from its position when its socket takes more.
pub(super) fn lagged(wire: &SocketWire, channel: &str, since: Position) {
    let (Some(engine), Ok(channel)) = (wire.engine(), ChannelName::parse(channel)) else { return };
    let slot = wire.slot;
    tokio::task::spawn_local(async move {
        let Some(link) = engine.sockets().into_iter().find(|link| link.wire().slot == slot) else { return };
        let link: Rc<veche_kernel::Link> = link;
        if let Err(rejection) = engine.shard.join(&link, &channel, Some(since)).await {
            tracing::debug!(%rejection, "a stopped channel does not go on");
            link.end(veche_kernel::CloseCode::Drain);
        }
    });
}

/// The ring of a session that begins.
pub(super) fn track(engine: &Engine) -> Option<Box<Track>> {
    engine.io.recovery_ms.filter(|_| engine.encoding().places)?;
    let pid = Sid::draw(engine.shard.index())?;
    Some(Box::new(Track::new(pid)))
}
