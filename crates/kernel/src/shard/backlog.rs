//! What a socket has refused so far: a queue bounded in bytes, with the policies that keep it so.
//!
//! Most connections never have one. A half-sent frame is never dropped, or the stream would break.

use std::{borrow::Cow, collections::VecDeque, io::IoSlice, sync::Arc};

use bytes::{Buf, Bytes};
use hashbrown::HashSet;
use smallvec::SmallVec;
use veche_protocol::{name::ChannelName, position::Position};

use crate::{
    framed::{Encoding, Framed},
    publication::{Publication, Sender},
};

/// The most slices of one vectored write.
const SLICES: usize = 64;

/// One frame that waits, or the rest of one.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    bytes: Bytes,
    /// What it carries, if it may be dropped by a policy.
    framed: Option<Arc<Framed>>,
}

impl Chunk {
    /// A frame for one session, which no policy drops.
    pub(crate) fn direct(bytes: Bytes) -> Self {
        Self { bytes, framed: None }
    }

    /// A frame that a channel's subscribers share.
    pub(crate) fn shared(framed: &Arc<Framed>, encoding: Encoding) -> Self {
        let droppable = framed.carried().is_some().then(|| framed.clone());
        Self { bytes: framed.bytes(encoding), framed: droppable }
    }

    /// What a session is sent in the place of a publication, and what goes with it.
    pub(crate) fn in_place_of(framed: &Arc<Framed>, bytes: Bytes) -> Self {
        Self { bytes, framed: Some(framed.clone()) }
    }

    fn publication(&self) -> Option<&Arc<Publication>> {
        self.framed.as_ref()?.carried()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bounded queue.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    /// The socket has taken a part of the first chunk.
    half_sent: bool,
    /// Unpositioned publications that were dropped, by channel, not yet told.
    dropped: SmallVec<[(ChannelName, u64); 1]>,
}

impl Backlog {
    /// Takes frames of which the socket has accepted the first `sent` bytes.
    pub(crate) fn keep(&mut self, chunks: impl Iterator<Item = Chunk>, mut sent: usize) {
        for mut chunk in chunks {
            if sent >= chunk.bytes.len() {
                sent -= chunk.bytes.len();
                continue;
            }
            if sent > 0 {
                chunk.bytes.advance(sent);
                chunk.framed = None;
                // Bytes are accepted only where nothing waits, so this chunk is the first.
                self.half_sent = true;
                sent = 0;
            }
            self.bytes += chunk.bytes.len();
            self.chunks.push_back(chunk);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn slices(&self) -> SmallVec<[IoSlice<'_>; SLICES]> {
        self.chunks.iter().take(SLICES).map(|chunk| IoSlice::new(&chunk.bytes)).collect()
    }

    /// The socket has accepted `sent` bytes.
    pub(crate) fn advance(&mut self, mut sent: usize) {
        self.bytes -= sent;
        while let Some(front) = self.chunks.front_mut() {
            if sent < front.bytes.len() {
                if sent > 0 {
                    front.bytes.advance(sent);
                    front.framed = None;
                    self.half_sent = true;
                }
                return;
            }
            sent -= front.bytes.len();
            self.chunks.pop_front();
            self.half_sent = false;
        }
    }

    /// Drops everything but the rest of a frame whose start the socket has taken, so that a close frame
    /// may follow.
    pub(crate) fn give_up(&mut self) {
        self.chunks.truncate(usize::from(self.half_sent));
        self.bytes = self.chunks.front().map_or(0, Chunk::len);
    }

    /// What was dropped and not yet told, by channel.
    pub(crate) fn take_dropped(&mut self) -> SmallVec<[(ChannelName, u64); 1]> {
        std::mem::take(&mut self.dropped)
    }

    /// Drops the oldest publications of a channel until the queue fits. Returns how many.
    pub(crate) fn drop_oldest(&mut self, channel: &ChannelName, bound: usize) -> u64 {
        let mut excess = self.bytes.saturating_sub(bound);
        self.drop_where(channel, |publication_bytes, _| {
            let drop = excess > 0;
            excess = excess.saturating_sub(if drop { publication_bytes } else { 0 });
            drop
        })
    }

    /// Of the channel's publications with one key keeps the newest. Returns how many were dropped.
    pub(crate) fn keep_latest(&mut self, channel: &ChannelName) -> u64 {
        let stale = self.stale(channel);
        // `stale` runs from the back to the front.
        self.drop_where(channel, |_, index| stale.binary_search_by(|probe| index.cmp(probe)).is_ok())
    }

    /// Which chunks a later one with the same key makes needless; from the back to the front.
    fn stale(&self, channel: &ChannelName) -> Vec<usize> {
        let mut seen = HashSet::new();
        let publications = self.chunks.iter().enumerate().rev().filter_map(|(at, chunk)| {
            let publication = chunk.publication()?;
            (publication.channel == *channel).then_some((at, publication))
        });
        publications.filter(|(_, publication)| !seen.insert(Key::of(publication))).map(|(at, _)| at).collect()
    }

    /// If the channel's publications have positions, drops all of them. Returns the position before the
    /// first.
    pub(crate) fn drop_positioned(&mut self, channel: &ChannelName) -> Option<Position> {
        let mut waiting = self.chunks.iter().filter_map(Chunk::publication);
        waiting.find(|publication| publication.channel == *channel)?.position?;
        let mut first = None;
        let mut kept = VecDeque::with_capacity(self.chunks.len());
        for chunk in self.chunks.drain(..) {
            match chunk.publication().filter(|publication| publication.channel == *channel) {
                Some(publication) => {
                    self.bytes -= chunk.bytes.len();
                    first = first.or(publication.position);
                }
                None => kept.push_back(chunk),
            }
        }
        self.chunks = kept;
        first.map(|position| Position { offset: position.offset.saturating_sub(1), ..position })
    }

    /// Drops a channel's publications, of which nobody is to hear any more.
    pub(crate) fn forget(&mut self, channel: &ChannelName) {
        let of_channel = |chunk: &Chunk| chunk.publication().is_some_and(|it| it.channel == *channel);
        self.chunks.retain(|chunk| !of_channel(chunk));
        self.bytes = self.chunks.iter().map(Chunk::len).sum();
        self.dropped.retain(|(name, _)| name != channel);
    }

    fn drop_where(&mut self, channel: &ChannelName, mut drop: impl FnMut(usize, usize) -> bool) -> u64 {
        let mut dropped = 0;
        let mut index = 0;
        let bytes = &mut self.bytes;
        self.chunks.retain(|chunk| {
            let at = index;
            index += 1;
            let of_channel = chunk.publication().is_some_and(|publication| publication.channel == *channel);
            let goes = of_channel && drop(chunk.bytes.len(), at);
            if goes {
                *bytes -= chunk.bytes.len();
                dropped += 1;
            }
            !goes
        });
        if dropped > 0 {
            match self.dropped.iter_mut().find(|(name, _)| name == channel) {
                Some((_, count)) => *count += dropped,
                None => self.dropped.push((channel.clone(), dropped)),
            }
        }
        dropped
    }
}

/// What makes one publication replace another.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Named(&'a str),
    Source(&'a Cow<'static, str>, Option<(&'a str, u64)>),
}

impl<'a> Key<'a> {
    fn of(publication: &'a Publication) -> Self {
        let source = |sender: &'a Sender| (sender.user.as_str(), sender.session.0);
        match &publication.key {
            Some(key) => Self::Named(key),
            None => Self::Source(&publication.event, publication.sender.as_ref().map(source)),
        }
    }
}
