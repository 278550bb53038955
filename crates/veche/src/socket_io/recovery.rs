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
use tokio::sync::oneshot;
use veche_kernel::{
    ChannelName, CloseCode, Encoding, Identity, Kernel, Position, Publication, Range, SessionId, UserId,
    tag_of,
};
use veche_protocol::{
    engine_io::End,
    socket_io::{ChannelTag, Run},
};

use super::{
    engine::{Engine, SocketLink},
    engines,
    sid::Sid,
    wire::{OWN, SocketWire, Track},
};
use crate::door::Door;

/// The most bytes that a client may have missed.
const MISSED_BYTES: usize = 1 << 20;
/// What a publication takes beside its payload.
const OVERHEAD: usize = 192;
/// The most sessions that one shard keeps.
const KEPT_MOST: usize = 10_000;
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
    /// With whether the client itself asked for each.
    channels: Vec<(ChannelName, bool)>,
    track: Box<Track>,
    until_ms: u64,
}

/// What a client's CONNECT says of a session before.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    pub(super) pid: Option<String>,
    offset: Option<String>,
}

/// A channel of a session before, and from where it goes on.
pub(super) struct Rejoin {
    pub(super) channel: ChannelName,
    pub(super) since: Option<Position>,
    /// The client itself had asked for it: the rules have allowed it again.
    pub(super) asked: bool,
}

/// What a client missed, and from where each of its channels goes on.
pub(super) struct Missed {
    pub(super) frames: Vec<u8>,
    pub(super) channels: Vec<Rejoin>,
    pub(super) track: Box<Track>,
}

/// Keeps a socket that is over for its client, if it may come back.
pub(super) fn keep(engine: &Rc<Engine>, link: &SocketLink, why: &str) {
    let Some(window) = engine.io.recovery_ms.filter(|_| RECOVERABLE.contains(&why)) else { return };
    // Whom the server has sent away does not come back to where they were.
    let is_sent_away = !matches!(
        link.closing(),
        None | Some(CloseCode::Drain | CloseCode::SlowConsumer | CloseCode::HeartbeatLost)
    );
    if is_sent_away || !link.wire().has_begun() {
        return;
    }
    let (Some(track), Some(user)) = (link.wire().track.borrow_mut().take(), link.user()) else { return };
    let pid = track.pid;
    let until_ms = engine.shard.now_ms() + window;
    let kept = Kept {
        session: link.id(),
        user,
        data: link.wire().attached.data.clone(),
        namespace: link.wire().namespace.clone(),
        channels: link.channels(),
        track,
        until_ms,
    };
    // Where its secret says, wherever the session has lived since: a client knows its session by that.
    engine.door.kernel.on_shard(usize::from(pid.shard), move |shard| {
        let has_room = KEPT.with_borrow_mut(|all| {
            let has_room = all.len() < KEPT_MOST;
            if has_room {
                all.insert(pid, kept);
            }
            has_room
        });
        if has_room {
            shard.schedule(until_ms, move |shard| forget(pid, shard.now_ms()));
        }
    });
}

/// Forgets a session whose time is over; one that was kept anew has another.
fn forget(pid: Sid, now_ms: u64) {
    let forgotten = KEPT.with_borrow_mut(|all| {
        let is_over = all.get(&pid).is_some_and(|kept| kept.until_ms <= now_ms);
        if is_over { all.remove(&pid) } else { None }
    });
    drop(forgotten);
}

/// Takes the session that a client comes back to, if it is its own. The secret is used up then.
pub(super) async fn take(
    door: &Arc<Door>,
    pid: &str,
    namespace: &str,
    is_of: impl Fn(&UserId) -> bool + Clone + Send + 'static,
) -> Option<Kept> {
    let pid = Sid::parse(pid).filter(|pid| usize::from(pid.shard) < door.kernel.shards())?;
    if let Some(kept) = take_kept(door, pid, namespace, is_of.clone()).await {
        return Some(kept);
    }
    // A client that comes back knows sooner than we do that its connection is gone, or just as soon: then what is
    // kept of it is on its way to the shard that its secret names, and before the answer to what follows.
    for shard in 0..door.kernel.shards() {
        let (namespace, is_of) = (namespace.to_owned(), is_of.clone());
        let (answer, answered) = oneshot::channel();
        door.kernel.on_shard(shard, move |_| {
            end_former(pid, &namespace, is_of);
            // Whoever asked may have left.
            let _ = answer.send(());
        });
        // A shard that has stopped has nobody to end.
        let _ = answered.await;
    }
    take_kept(door, pid, namespace, is_of).await
}

async fn take_kept(
    door: &Arc<Door>,
    pid: Sid,
    namespace: &str,
    is_of: impl Fn(&UserId) -> bool + Send + 'static,
) -> Option<Kept> {
    let namespace = namespace.to_owned();
    let (answer, answered) = oneshot::channel();
    door.kernel.on_shard(usize::from(pid.shard), move |shard| {
        let now_ms = shard.now_ms();
        let kept = KEPT.with_borrow_mut(|all| {
            let is_theirs =
                |kept: &Kept| *kept.namespace == *namespace && now_ms < kept.until_ms && is_of(&kept.user);
            if all.get(&pid).is_some_and(is_theirs) { all.remove(&pid) } else { None }
        });
        // Whoever asked may have left.
        let _ = answer.send(kept);
    });
    answered.await.ok()?
}

/// Ends the connection on this shard that has the session still, if one does.
fn end_former(pid: Sid, namespace: &str, is_of: impl Fn(&UserId) -> bool) {
    let is_it = |link: &SocketLink| {
        let wire = link.wire();
        let has_pid = wire.track.borrow().as_ref().is_some_and(|track| track.pid == pid);
        has_pid && *wire.namespace == *namespace && link.user().is_some_and(|user| is_of(&user))
    };
    if let Some(former) = engines::find_where(|engine| engine.sockets().iter().any(is_it)) {
        former.fail(End::TransportClose);
    }
}

impl Kept {
    /// Leaves the channels that the client had asked for, and may not have any more.
    pub(super) async fn recheck(&mut self, kernel: &Kernel, identity: Option<&Identity>) {
        let mut channels = Vec::new();
        for (channel, asked) in std::mem::take(&mut self.channels) {
            if !asked || kernel.may_subscribe(&self.user, identity, &channel).await.is_ok() {
                channels.push((channel, asked));
            }
        }
        self.channels = channels;
    }

    /// Reads what the client missed; `None` where that cannot be known, or is too much.
    pub(super) async fn missed(
        self,
        engine: &Rc<Engine>,
        asked: &Asked,
        encoding: Encoding,
    ) -> Option<Missed> {
        let runs = self.track.after(asked.offset.as_deref())?;
        // What was for this client alone is kept by no channel.
        if runs.iter().any(|run| run.channel == OWN) {
            return None;
        }
        let kernel = &engine.door.kernel;
        let (mut missed, mut channels, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (at, (channel, asked)) in self.channels.iter().enumerate() {
            // Of a channel that retains nothing, nobody knows what was missed.
            let since = self.since(channel, &runs)?;
            let mut last = since;
            loop {
                let page = kernel.history(channel, Range::After(last.offset), PAGE).await.ok()?;
                let head = page.head?;
                if head.epoch != since.epoch || head.floor > last.offset || last.offset > head.offset {
                    return None;
                }
                let Some(position) = page.publications.last().and_then(|last| last.position) else { break };
                last = position;
                bytes += page.publications.iter().map(|it| it.data.len() + OVERHEAD).sum::<usize>();
                if bytes > MISSED_BYTES {
                    return None;
                }
                missed.extend(page.publications.into_iter().map(|publication| (at, publication)));
            }
            channels.push(Rejoin { channel: channel.clone(), since: Some(last), asked: *asked });
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
        channels: Vec<Rejoin>,
        encoding: Encoding,
    ) -> Missed {
        let mut track = self.track;
        let mut frames = Vec::new();
        for (_, publication) in missed {
            let is_in = |channel: &str| self.channels.iter().any(|(known, _)| **known == *channel);
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
        if let Err(rejection) = engine.shard.resume_lagged(&link, &channel, since).await {
            tracing::debug!(%rejection, "a stopped channel does not go on");
            link.end(CloseCode::Drain);
        }
    });
}

/// The ring of a session that begins.
pub(super) fn track(engine: &Engine) -> Option<Box<Track>> {
    engine.io.recovery_ms.filter(|_| engine.encoding().places)?;
    let pid = Sid::draw(engine.shard.index())?;
    Some(Box::new(Track::new(pid)))
}
