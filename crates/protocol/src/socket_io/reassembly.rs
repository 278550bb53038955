//! Messages of an engine to packets: a packet may be followed by its attachments, each a message of its own.

use bytes::Bytes;

use super::{Fault, Limits, Packet, Parser, encode::KEPT_MAX, msgpack, parse::Header};

/// Buffers for what a packet borrows: one is enough for a thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) text: String,
    pub(super) attachments: Vec<Bytes>,
}

impl Scratch {
    fn recycle(&mut self) {
        self.attachments.clear();
        self.text.clear();
        if self.text.capacity() > KEPT_MAX {
            self.text = String::new();
        }
    }
}

/// The receiving half of one connection, without its namespaces.
///
/// It holds a heap block only while attachments are awaited. After a fault it takes nothing more: the engine
/// is to be closed.
#[derive(Debug)]
pub struct Decoder {
    pending: Option<Box<Pending>>,
    parser: Parser,
}

/// A packet whose attachments have not all come.
#[derive(Debug)]
struct Pending {
    text: Box<str>,
    attachments: Vec<Bytes>,
    /// The attachments' bytes so far.
    bytes: usize,
    /// How many attachments there will be.
    awaited: u8,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub const fn new(parser: Parser) -> Self {
        Self { pending: None, parser }
    }

    /// The parser of this connection.
    pub const fn parser(&self) -> Parser {
        self.parser
    }

    /// The heap bytes held for a packet whose attachments have not all come.
    pub fn held(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| size_of::<Pending>() + pending.text.len() + pending.bytes)
    }

    /// Takes a text message. `None`: attachments follow.
    pub fn text<'a>(
        &mut self,
        text: &'a str,
        limits: &Limits,
        scratch: &'a mut Scratch,
    ) -> Result<Option<Packet<'a>>, Fault> {
        scratch.recycle();
        if self.parser == Parser::Msgpack {
            return Err(Fault::TextForMsgpack);
        }
        if self.pending.is_some() {
            return Err(Fault::TextForAttachment);
        }
        let header = Header::parse(text, limits)?;
        let packet = header.packet(limits, &[])?;
        if !header.kind.is_binary() {
            return Ok(Some(packet));
        }
        let attachments = Vec::with_capacity(usize::from(header.attachments));
        self.pending =
            Some(Box::new(Pending { text: text.into(), attachments, bytes: 0, awaited: header.attachments }));
        Ok(None)
    }

    /// Takes a binary message: an attachment, or with msgpack a packet. `None`: more attachments follow.
    pub fn binary<'a>(
        &mut self,
        bytes: &'a [u8],
        limits: &Limits,
        scratch: &'a mut Scratch,
    ) -> Result<Option<Packet<'a>>, Fault> {
        scratch.recycle();
        if self.parser == Parser::Msgpack {
            return msgpack::decode(bytes, limits, scratch).map(Some);
        }
        let pending = self.pending.as_mut().ok_or(Fault::StrayAttachment)?;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > limits.attachment_bytes {
            return Err(Fault::AttachmentsOverLimit);
        }
        pending.attachments.push(Bytes::copy_from_slice(bytes));
        if pending.attachments.len() < usize::from(pending.awaited) {
            return Ok(None);
        }
        if let Some(pending) = self.pending.take() {
            scratch.text = pending.text.into_string();
            scratch.attachments = pending.attachments;
        }
        Header::parse(&scratch.text, limits)?.packet(limits, &scratch.attachments).map(Some)
    }
}
