//! Publications and notices of a channel that go out together.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;
use veche_protocol::server::ServerFrame;

use super::{backlog::Chunk, channel::Subscriber, link::Offered};
use crate::{
    framed::{Encoding, Framed},
    inbox::Audience,
    publication::SessionId,
};

/// Frames that go out in one write.
#[derive(Default)]
pub(crate) struct Batch {
    pieces: SmallVec<[Piece; 1]>,
    /// Some piece is not for everybody.
    particular: bool,
    pub(super) weight: usize,
    pub(super) last_offset: u64,
    joined: SmallVec<[(Encoding, Bytes); 1]>,
}

struct Piece {
    framed: Arc<Framed>,
    audience: Option<Audience>,
}

impl Piece {
    fn chunk(&self, encoding: Encoding) -> Chunk {
        Chunk::shared(&self.framed, encoding)
    }

    /// What this session gets of it: the frame, a `skipped` in its place, or nothing.
    fn for_session(&self, session: SessionId, subscriber: &Subscriber, encoding: Encoding) -> Option<Chunk> {
        let hears = match self.audience {
            None | Some(Audience::Live) => !subscriber.paused,
            Some(Audience::Presence) => subscriber.wants_members,
            Some(Audience::Except(one)) => one != session,
        };
        if !hears {
            return None;
        }
        let link = &subscriber.link;
        if self.framed.is_volatile() && link.has_backlog() {
            return None;
        }
        if !self.framed.leaves_out(session, |channel| link.is_subscribed(channel)) {
            return Some(self.chunk(encoding));
        }
        let publication = self.framed.carried().filter(|_| encoding.tells_skipped())?;
        let offset = publication.position?.offset;
        let skipped = ServerFrame::Skipped { channel: &publication.channel, offset };
        Some(Chunk::in_place_of(&self.framed, link.encode(&skipped)))
    }
}

impl Batch {
    pub(super) fn push(&mut self, framed: Arc<Framed>, audience: Option<Audience>) {
        if let Some(publication) = framed.carried() {
            self.weight += framed.weight();
            self.particular |= !publication.is_for_all();
            if let Some(position) = publication.position {
                self.last_offset = position.offset;
            }
        }
        self.particular |= audience.is_some();
        self.pieces.push(Piece { framed, audience });
    }

    /// Tells a wire that remembers what it was sent.
    pub(super) fn note(&self, subscriber: &Subscriber) {
        let wire = subscriber.link.any_wire();
        if !subscriber.paused && wire.notes_sent() {
            for (publication, place) in self.pieces.iter().filter_map(|piece| piece.framed.placed()) {
                wire.sent(publication, place);
            }
        }
    }

    /// Makes all pieces contiguous bytes, once an encoding; where in `joined` they are.
    fn join(&mut self, encoding: Encoding) -> usize {
        if let Some(at) = self.joined.iter().position(|(known, _)| *known == encoding) {
            return at;
        }
        let bytes = match self.pieces.as_slice() {
            [piece] => piece.framed.bytes(encoding),
            pieces => {
                let mut all = Vec::with_capacity(self.weight);
                pieces.iter().for_each(|piece| all.extend_from_slice(&piece.framed.bytes(encoding)));
                all.into()
            }
        };
        self.joined.push((encoding, bytes));
        self.joined.len() - 1
    }
}

/// Offers a batch to a subscriber, or of a particular one what is for it.
pub(super) fn offer(batch: &mut Batch, subscriber: &Subscriber, bound: usize) -> Offered {
    let link = &subscriber.link;
    let encoding = link.encoding;
    if !batch.particular {
        if subscriber.paused {
            return Offered::Sent;
        }
        let at = batch.join(encoding);
        let bytes = &batch.joined[at].1;
        return link.offer(bytes, bound, || batch.pieces.iter().map(|piece| piece.chunk(encoding)));
    }
    let own = |piece: &Piece| piece.for_session(link.id, subscriber, encoding);
    let chunks: SmallVec<[Chunk; 4]> = batch.pieces.iter().filter_map(own).collect();
    match chunks.as_slice() {
        [] => Offered::Sent,
        [chunk] => link.offer(chunk.bytes(), bound, || chunks.iter().cloned()),
        several => {
            let mut bytes = Vec::with_capacity(several.iter().map(Chunk::len).sum());
            several.iter().for_each(|chunk| bytes.extend_from_slice(chunk.bytes()));
            link.offer(&bytes, bound, || chunks.iter().cloned())
        }
    }
}
