//! A publication as the bytes that sockets take: framed once for each encoding, shared by all subscribers.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use veche_protocol::{
    server::{From, ServerFrame},
    sse, ws,
};

use crate::publication::Publication;

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
}

thread_local! {
    static DEFLATER: RefCell<ws::Deflater> = RefCell::new(ws::Deflater::new());
}

impl Encoding {
    /// Whether its sessions send nothing, not even a sign of life.
    pub(crate) const fn only_listens(self) -> bool {
        matches!(self, Self::Sse)
    }

    /// What goes out to show that the connection lives.
    pub(crate) fn pulse(self) -> Bytes {
        match self {
            Self::Native | Self::NativeDeflate => Bytes::from_static(&[0x89, 0]),
            Self::Sse => sse::pulse().into(),
        }
    }

    /// Writes a frame so that [`Encoding::frame`] takes it: as JSON, or as a record.
    pub(crate) fn write(self, frame: &ServerFrame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Native | Self::NativeDeflate => frame.encode(out),
            Self::Sse => sse::write(frame, out),
        }
    }

    /// Frames what [`Encoding::write`] wrote.
    pub(crate) fn frame(self, text: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(text.len() + 10);
        match self {
            Self::NativeDeflate if text.len() >= ws::DEFLATE_MIN => {
                DEFLATER.with_borrow_mut(|deflater| deflater.frame(&mut out, ws::Opcode::Text, text));
            }
            Self::Native | Self::NativeDeflate => ws::frame(&mut out, ws::Opcode::Text, text),
            Self::Sse => out.extend_from_slice(text),
        }
        out.into()
    }

    /// Frames a server frame.
    pub(crate) fn encode(self, frame: &ServerFrame<'_>) -> Bytes {
        let mut text = Vec::with_capacity(160);
        self.write(frame, &mut text);
        self.frame(&text)
    }
}

/// A text that goes to many sessions.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    publication: Option<Arc<Publication>>,
    text: Box<[u8]>,
    native: OnceLock<Bytes>,
    deflated: OnceLock<Bytes>,
    record: OnceLock<Bytes>,
}

impl Framed {
    pub(crate) fn publication(publication: Arc<Publication>) -> Self {
        Self { publication: Some(publication), ..Self::default() }
    }

    /// A frame that is no publication: presence and typing.
    pub(crate) fn notice(frame: &ServerFrame<'_>) -> Self {
        let mut text = Vec::new();
        frame.encode(&mut text);
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn carried(&self) -> Option<&Arc<Publication>> {
        self.publication.as_ref()
    }

    /// The bytes in this encoding, made on first use.
    pub(crate) fn bytes(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Native => self.native.get_or_init(|| self.make(encoding)),
            // Below the threshold both encodings are one.
            Encoding::NativeDeflate if self.is_small() => self.bytes(Encoding::Native),
            Encoding::NativeDeflate => self.deflated.get_or_init(|| self.make(encoding)),
            Encoding::Sse => self.record.get_or_init(|| self.make(encoding)),
        }
    }

    fn is_small(&self) -> bool {
        let payload = self.publication.as_ref().map_or(self.text.len(), |publication| publication.data.len());
        payload < ws::DEFLATE_MIN
    }

    fn make(&self, encoding: Encoding) -> Bytes {
        match &self.publication {
            Some(publication) => frame_publication(publication, encoding),
            // Who is there and who writes is for those who can answer.
            None if encoding.only_listens() => Bytes::new(),
            None => encoding.frame(&self.text),
        }
    }

    /// What it costs in an inbox.
    pub(crate) fn weight(&self) -> usize {
        128 + self.publication.as_ref().map_or(self.text.len(), |publication| publication.data.len())
    }
}

/// Frames a publication for one session or for all of an encoding.
pub(crate) fn frame_publication(publication: &Publication, encoding: Encoding) -> Bytes {
    let mut text = Vec::with_capacity(publication.data.len() + 160);
    with_frame(publication, |frame| encoding.write(frame, &mut text));
    encoding.frame(&text)
}

/// The publication's JSON text.
pub(crate) fn publication_text(publication: &Publication, out: &mut Vec<u8>) {
    with_frame(publication, |frame| frame.encode(out));
}

fn with_frame(publication: &Publication, write: impl FnOnce(&ServerFrame<'_>)) {
    let session = publication.sender.as_ref().map(|sender| sender.session.to_string());
    let from = publication
        .sender
        .as_ref()
        .zip(session.as_deref())
        .map(|(sender, session)| From { user: sender.user.as_str(), session });
    let frame = ServerFrame::Publication {
        event: &publication.event,
        channel: &publication.channel,
        offset: publication.position.map(|position| position.offset),
        from,
        op_id: publication.op_id.as_deref(),
        time_ms: publication.time_ms,
        data: &publication.data,
    };
    write(&frame);
}
