//! A publication as the bytes that sockets take: framed once for each encoding, shared by all subscribers.

mod socket_io;

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf, Bytes};
use smallvec::SmallVec;
use veche_protocol::{
    name::ChannelName,
    position::{Epoch, Position},
    server::{From, ServerFrame},
    socket_io::{Args, Outgoing},
    sse, ws,
};

pub use self::socket_io::{SocketIo, UNPLACED, namespace_of, tag_of};
use crate::{
    inbox::lock,
    publication::{Publication, SessionId},
};

/// How a door writes frames: two sessions of one encoding take the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// The native protocol in WebSocket text frames.
    Native,
    /// The same, compressed from 1 KiB on.
    NativeDeflate,
    /// Records of server-sent events, for a session that only listens. See [`veche_protocol::sse`].
    Sse,
    /// Packets of Socket.IO in WebSocket frames. What is for one session alone, its wire writes: see
    /// [`Wire::write`](crate::Wire::write).
    SocketIo(SocketIo),
}

thread_local! {
    static DEFLATER: RefCell<ws::Deflater> = RefCell::new(ws::Deflater::new());
}

impl Encoding {
    /// Whether its sessions send nothing, not even a sign of life.
    pub(crate) const fn only_listens(self) -> bool {
        matches!(self, Self::Sse)
    }

    /// Whether the door itself looks after the heartbeat.
    pub(crate) const fn has_own_heartbeat(self) -> bool {
        matches!(self, Self::SocketIo(_))
    }

    /// Whether a session that is left out of a publication is told so.
    pub(crate) const fn tells_skipped(self) -> bool {
        !matches!(self, Self::SocketIo(_))
    }

    /// What goes out to show that the connection lives.
    pub(crate) fn pulse(self) -> Bytes {
        match self {
            Self::Native | Self::NativeDeflate => Bytes::from_static(&[0x89, 0]),
            Self::Sse => sse::pulse().into(),
            Self::SocketIo(_) => Bytes::new(),
        }
    }

    /// Writes a frame so that [`Encoding::frame`] takes it: as JSON, or as a record.
    pub(crate) fn write(self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Native | Self::NativeDeflate => frame.encode(out),
            Self::Sse => sse::write(frame, out),
            Self::SocketIo(_) => {}
        }
    }

    /// A publication as its subscribers of this encoding get it.
    pub fn publication(self, publication: &Publication) -> Bytes {
        frame_publication(publication, 0, self)
    }

    /// Frames what [`Encoding::write`] wrote.
    pub(crate) fn frame(self, text: Vec<u8>) -> Bytes {
        match self {
            Self::NativeDeflate if text.len() >= ws::DEFLATE_MIN => {
                let mut out = Vec::with_capacity(text.len());
                DEFLATER.with_borrow_mut(|deflater| deflater.frame(&mut out, ws::Opcode::Text, &text));
                out.into()
            }
            Self::Native | Self::NativeDeflate => {
                let mut out = Vec::with_capacity(text.len() + 10);
                ws::frame(&mut out, ws::Opcode::Text, &text);
                out.into()
            }
            Self::Sse | Self::SocketIo(_) => text.into(),
        }
    }
}

/// A text that goes to many sessions.
#[derive(Debug)]
pub(crate) struct Framed {
    content: Content,
    /// What stands for its place where it has none in its channel.
    serial: u64,
    /// The bytes of each encoding that was asked for.
    made: Mutex<SmallVec<[(Encoding, Bytes); 1]>>,
}

#[derive(Debug)]
enum Content {
    /// Positioned or ephemeral: it counts as one of the channel's.
    Publication(Arc<Publication>),
    /// Lost where a socket refuses it, and never retained.
    Volatile(Box<Publication>),
    /// Presence and typing: the event, the channel, and the frame.
    Notice { event: &'static str, channel: ChannelName, text: Box<[u8]> },
}

impl Content {
    fn publication(&self) -> Option<&Publication> {
        match self {
            Self::Publication(publication) => Some(publication),
            Self::Volatile(publication) => Some(publication),
            Self::Notice { .. } => None,
        }
    }
}

impl Framed {
    pub(crate) fn publication(publication: Arc<Publication>) -> Self {
        Self::of(Content::Publication(publication))
    }

    /// A publication that is not retained.
    pub(crate) fn volatile(publication: Publication) -> Self {
        Self::of(Content::Volatile(Box::new(publication)))
    }

    /// A frame that is no publication: presence and typing.
    pub(crate) fn notice(channel: &ChannelName, frame: &ServerFrame<'_>) -> Self {
        let mut text = Vec::new();
        frame.encode(&mut text);
        let event = match frame {
            ServerFrame::Members { change, .. } => change.as_str(),
            _ => "typing",
        };
        Self::of(Content::Notice { event, channel: channel.clone(), text: text.into() })
    }

    fn of(content: Content) -> Self {
        Self { content, serial: next_serial(), made: Mutex::default() }
    }

    pub(crate) fn carried(&self) -> Option<&Arc<Publication>> {
        match &self.content {
            Content::Publication(publication) => Some(publication),
            _ => None,
        }
    }

    /// What a subscriber is sent, and where that is in what it was sent.
    pub(crate) fn placed(&self) -> Option<(&Publication, Position)> {
        let publication = self.content.publication()?;
        Some((publication, place_of(publication, self.serial)))
    }

    /// Whether this session, which is subscribed to the channels that `is_in` knows, is left out of it.
    pub(crate) fn leaves_out(&self, session: SessionId, is_in: impl Fn(&str) -> bool) -> bool {
        self.content.publication().is_some_and(|publication| publication.leaves_out(session, is_in))
    }

    /// Whether it may be lost: to a session whose socket refuses bytes.
    pub(crate) fn is_volatile(&self) -> bool {
        matches!(self.content, Content::Volatile(..))
    }

    /// The bytes in this encoding, made on first use.
    pub(crate) fn bytes(&self, encoding: Encoding) -> Bytes {
        // Below the threshold both encodings are one.
        let encoding = match encoding {
            Encoding::NativeDeflate if self.payload() < ws::DEFLATE_MIN => Encoding::Native,
            encoding => encoding,
        };
        let mut made = lock(&self.made);
        if let Some((_, bytes)) = made.iter().find(|(known, _)| *known == encoding) {
            return bytes.clone();
        }
        let bytes = self.make(encoding);
        made.push((encoding, bytes.clone()));
        bytes
    }

    fn payload(&self) -> usize {
        match &self.content {
            Content::Notice { text, .. } => text.len(),
            content => content.publication().map_or(0, |publication| publication.data.len()),
        }
    }

    fn make(&self, encoding: Encoding) -> Bytes {
        match (&self.content, encoding) {
            (Content::Publication(publication), _) => frame_publication(publication, self.serial, encoding),
            (Content::Volatile(publication), _) => frame_publication(publication, self.serial, encoding),
            // Who is there and who writes is for those who can answer.
            (Content::Notice { .. }, Encoding::Sse) => Bytes::new(),
            (Content::Notice { event, channel, text }, Encoding::SocketIo(packets)) => {
                let text = str::from_utf8(text).unwrap_or("null");
                let (namespace, args) = (namespace_of(channel), Args::of_one(text));
                let packet = Outgoing::Event {
                    namespace,
                    name: event,
                    id: None,
                    args,
                    attachments: &[],
                    offset: None,
                };
                let mut out = Vec::with_capacity(text.len() + 64);
                packets.frame(&packet, &mut out);
                out.into()
            }
            (Content::Notice { text, .. }, _) => encoding.frame(text.to_vec()),
        }
    }

    /// What it costs in an inbox.
    pub(crate) fn weight(&self) -> usize {
        128 + self.payload()
    }
}

/// Where a publication stands in what a session is sent: its position, or else a number that no other has.
fn place_of(publication: &Publication, serial: u64) -> Position {
    publication.position.unwrap_or(Position { epoch: Epoch::from_bits(0), offset: serial })
}

/// Numbers of what has no position. They are compared for being the same, within one process.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// A number that stands for the place of something that has none.
pub fn next_serial() -> u64 {
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

/// Frames a publication for one session or for all of an encoding. `serial` is for one without a position.
pub(crate) fn frame_publication(publication: &Publication, serial: u64, encoding: Encoding) -> Bytes {
    let names = publication.event.len() + publication.channel.len();
    let mut text = Vec::with_capacity(publication.data.len() + names + 256);
    match encoding {
        Encoding::SocketIo(packets) => {
            packets.frame_publication(publication, place_of(publication, serial), &mut text);
        }
        // The hot one: framed where it is written.
        Encoding::Native => {
            text.extend_from_slice(&[0; ws::SERVER_HEADER_MAX]);
            publication_text(publication, &mut text);
            let start = ws::frame_in_place(&mut text, ws::Opcode::Text);
            let mut framed = Bytes::from(text);
            framed.advance(start);
            return framed;
        }
        Encoding::NativeDeflate | Encoding::Sse => {
            with_frame(publication, |frame| encoding.write(frame, &mut text));
        }
    }
    encoding.frame(text)
}

/// The publication's JSON text.
pub(crate) fn publication_text(publication: &Publication, out: &mut Vec<u8>) {
    with_frame(publication, |frame| frame.encode(out));
}

fn with_frame(publication: &Publication, write: impl FnOnce(&ServerFrame<'_>)) {
    let session = publication.sender.as_ref().map(|sender| sender.session.text());
    let from = publication
        .sender
        .as_ref()
        .zip(session.as_ref())
        .map(|(sender, session)| From { user: sender.user.as_str(), session: session.as_str() });
    let frame = ServerFrame::Publication {
        event: &publication.event,
        channel: &publication.channel,
        offset: publication.position.map(|position| position.offset),
        from,
        op_id: publication.op_id.as_deref(),
        time_ms: publication.time_ms,
        // No arguments are, to whoever knows but one, nothing.
        data: if publication.args && &*publication.data == "[]" { "null" } else { &publication.data },
        args: publication.args,
    };
    write(&frame);
}
