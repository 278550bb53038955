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
use veche_kernel::{
    ChannelName, CloseCode, Encoding, Identity, Kernel, Position, Publication, Range, SessionId, Shard,
    UserId, tag_of,
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
    /// Sessions whose clients are away, by the secrets that name this shard.
    static KEPT: RefCell<HashMap<Sid, Kept>> = RefCell::default();
    /// The engines of those whose clients are there, for all that is known.
    static PRESENT: RefCell<HashMap<Sid, Sid>> = RefCell::default();
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

/// A session has begun, or goes on, by this engine: its client is about to be told the secret.
pub(super) fn begun(engine: &Engine, pid: Sid) {
    let (shard, sid) = (engine.shard.index(), engine.sid);
    let note = move || PRESENT.with_borrow_mut(|all| _ = all.insert(pid, sid));
    if pid.shard == shard {
        note();
    } else {
        engine.door.kernel.on_shard(usize::from(pid.shard), move |_| note());
    }
}

/// A socket is over. It is kept for its client, if that may come back.
pub(super) fn left(engine: &Rc<Engine>, link: &SocketLink, why: &str) {
    let Some(track) = link.wire().track.borrow_mut().take() else { return };
    let (pid, sid) = (track.pid, engine.sid);
    let kept = keep(engine, link, track, why);
    // Where its secret says, wherever the session has lived since: a client knows its session by that.
    engine.door.kernel.on_shard(usize::from(pid.shard), move |shard| {
        PRESENT.with_borrow_mut(|all| {
            // It may be present by another engine by now.
            if all.get(&pid) == Some(&sid) {
                all.remove(&pid);
            }
            if all.len() * 4 < all.capacity() {
                all.shrink_to_fit();
            }
        });
        let Some(kept) = kept.filter(|_| KEPT.with_borrow(HashMap::len) < KEPT_MOST) else { return };
        shard.schedule(kept.until_ms, move |shard| forget(pid, shard.now_ms()));
        KEPT.with_borrow_mut(|all| all.insert(pid, kept));
    });
}

fn keep(engine: &Engine, link: &SocketLink, track: Box<Track>, why: &str) -> Option<Kept> {
    let window = engine.io.recovery_ms.filter(|_| RECOVERABLE.contains(&why))?;
    // Whom the server has sent away does not come back to where they were.
    let is_sent_away = !matches!(
        link.closing(),
        None | Some(CloseCode::Drain | CloseCode::SlowConsumer | CloseCode::HeartbeatLost)
    );
    if is_sent_away || !link.wire().has_begun() {
        return None;
    }
    Some(Kept {
        session: link.id(),
        user: link.user()?,
        data: link.wire().attached.data.clone(),
        namespace: link.wire().namespace().into(),
        channels: link.channels(),
        track,
        until_ms: engine.shard.now_ms() + window,
    })
}

/// Forgets a session whose time is over; one that was kept anew has another.
fn forget(pid: Sid, now_ms: u64) {
    let forgotten = KEPT.with_borrow_mut(|all| {
        let is_over = all.get(&pid).is_some_and(|kept| kept.until_ms <= now_ms);
        if is_over { all.remove(&pid) } else { None }
    });
    drop(forgotten);
}

/// What a shard knows of a secret that names it.
enum Known {
    Kept(Kept),
    Present { engine: Sid },
    Nothing,
}

/// Takes the session that a client comes back to, if it is its own. The secret is used up then.
pub(super) async fn take(
    door: &Arc<Door>,
    pid: &str,
    namespace: &str,
    is_of: impl Fn(&UserId) -> bool + Clone + Send + 'static,
) -> Option<Kept> {
    let in_use = |sid: &Sid| usize::from(sid.shard) < door.kernel.shards();
    let pid = Sid::parse(pid).filter(in_use)?;
    let engine = match look_up(door, pid, namespace, is_of.clone()).await? {
        Known::Kept(kept) => return Some(kept),
        Known::Present { engine } => engine,
        Known::Nothing => return None,
    };
    // A client that comes back knows sooner than we do that its connection is gone, or just as soon: what is kept of it
    // is on its way to the shard that its secret names, and is there before the answer to this.
    let (theirs, of) = (namespace.to_owned(), is_of.clone());
    engines::with(door, engine, move |engine| end_former(engine, pid, &theirs, of)).await?;
    match look_up(door, pid, namespace, is_of).await? {
        Known::Kept(kept) => Some(kept),
        Known::Present { .. } | Known::Nothing => None,
    }
}

/// What is known of a secret; the session itself, if it is kept and theirs, which uses the secret up.
async fn look_up(
    door: &Arc<Door>,
    pid: Sid,
    namespace: &str,
    is_of: impl Fn(&UserId) -> bool + Send + 'static,
) -> Option<Known> {
    let namespace = namespace.to_owned();
    let look = move |shard: &Rc<Shard>| {
        let now_ms = shard.now_ms();
        let kept = KEPT.with_borrow_mut(|all| {
            let is_theirs =
                |kept: &Kept| *kept.namespace == *namespace && now_ms < kept.until_ms && is_of(&kept.user);
            if all.get(&pid).is_some_and(is_theirs) { all.remove(&pid) } else { None }
        });
        let present = || PRESENT.with_borrow(|all| all.get(&pid).copied());
        match kept {
            Some(kept) => Known::Kept(kept),
            None => present().map_or(Known::Nothing, |engine| Known::Present { engine }),
        }
    };
    engines::on_shard(door, pid, look).await
}

/// Ends the connection of a session, if it is theirs.
fn end_former(engine: Option<Rc<Engine>>, pid: Sid, namespace: &str, is_of: impl Fn(&UserId) -> bool) {
    let is_it = |link: &SocketLink| {
        let wire = link.wire();
        let has_pid = wire.track.borrow().as_ref().is_some_and(|track| track.pid == pid);
        has_pid && *wire.namespace() == *namespace && link.user().is_some_and(|user| is_of(&user))
    };
    if let Some(former) = engine.filter(|engine| engine.sockets().iter().any(is_it)) {
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
