//! Where an engine's bytes go: to a WebSocket, or into the answer to a poll.
//!
//! All bytes are WebSocket frames of the server's, whole and unmasked, whichever transport takes them: so a publication
//! is framed once for all, and what waits at an upgrade leaves by the new transport as it is.

use std::{
    cell::{Cell, RefCell},
    io,
    task::Waker,
};

use tokio::sync::oneshot;
use veche_protocol::engine_io::{
    Frame, PacketType, PollAnswer, Refusal, Revision,
    payload::{Format, PayloadWriter},
};

use crate::{bare::Bare, reading};

/// Bytes of one polling answer, unless its first packet has more.
const ANSWER_BYTES: usize = 256 << 10;

/// The present transport.
pub(super) enum Outlet {
    Polling(Box<Polling>),
    WebSocket(std::rc::Rc<Stream>),
    Closed,
}

/// A WebSocket's way out.
pub(super) struct Stream {
    pub(super) bare: Bare,
    pub(super) waker: RefCell<Option<Waker>>,
    /// Nothing more comes: what waits is written, then a close frame.
    pub(super) ends: Cell<bool>,
    /// The close frame's code, where it has one.
    pub(super) code: Cell<Option<u16>>,
}

impl Stream {
    pub(super) fn new(bare: Bare) -> Self {
        Self { bare, waker: RefCell::default(), ends: Cell::new(false), code: Cell::new(None) }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.bare.send(bytes)
    }

    pub(super) fn wake(&self) {
        reading::wake(&self.waker);
    }

    pub(super) fn end(&self) {
        self.ends.set(true);
        self.wake();
    }
}

/// What a poll is answered with.
pub(super) enum PollReply {
    Packets { content_type: &'static str, body: Vec<u8> },
    Refused(Refusal),
}

/// Polls that come one after the other.
pub(super) struct Polling {
    /// The poll that waits, or is being answered.
    pub(super) waiting: Option<oneshot::Sender<PollReply>>,
    /// The answer is being put together: frames may be added.
    pub(super) open: bool,
    frames: Vec<u8>,
    /// Whether clients of the third revision take binary answers.
    takes_binary: bool,
}

impl Polling {
    pub(super) fn new(takes_binary: bool) -> Self {
        Self { waiting: None, open: false, frames: Vec::new(), takes_binary }
    }

    /// Takes whole frames while there is room; how many bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while self.frames.len() < ANSWER_BYTES {
            let Some(length) = frame_length(&bytes[taken..]) else { break };
            self.frames.extend_from_slice(&bytes[taken..taken + length]);
            taken += length;
        }
        if taken == 0 && !bytes.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Answers the poll with what was taken. Whether somebody was there to take it.
    pub(super) fn answer(&mut self, revision: Revision, answer: PollAnswer) -> bool {
        self.open = false;
        let frames = std::mem::take(&mut self.frames);
        let Some(waiting) = self.waiting.take() else { return frames.is_empty() };
        let has_binary = each_frame(&frames).any(|(is_binary, _)| is_binary);
        let format = Format::of_answer(revision, self.takes_binary, has_binary);
        let mut body = Vec::with_capacity(frames.len() + 8);
        let mut writer = PayloadWriter::new(format, usize::MAX, &mut body);
        for (is_binary, payload) in each_frame(&frames) {
            let frame = match str::from_utf8(payload) {
                Ok(text) if !is_binary => Frame::Text(text),
                _ => Frame::Binary(payload),
            };
            let _ = writer.push(frame);
        }
        if answer == PollAnswer::Close {
            let _ = writer.push(PacketType::Close.frame());
        }
        if writer.is_empty() {
            let _ = writer.push(PacketType::Noop.frame());
        }
        waiting.send(PollReply::Packets { content_type: format.content_type(), body }).is_ok()
    }
}

/// The length of the whole frame at the front, with its header.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (header, payload) = header_of(bytes)?;
    Some(header + payload).filter(|length| *length <= bytes.len())
}

/// The bytes of a server's header, and of the payload behind it.
fn header_of(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        0x7e => Some((4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)))),
        0x7f => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            Some((10, usize::try_from(length).ok()?))
        }
        length => Some((2, usize::from(length))),
    }
}

/// Whether each frame is binary, and its payload.
fn each_frame(mut bytes: &[u8]) -> impl Iterator<Item = (bool, &[u8])> {
    std::iter::from_fn(move || {
        let (header, payload) = header_of(bytes)?;
        let is_binary = bytes.first()? & 0x0f == 2;
        let frame = bytes.get(header..header + payload)?;
        bytes = &bytes[header + payload..];
        Some((is_binary, frame))
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use veche_protocol::{
        engine_io::{PollAnswer, Revision},
        ws::{self, Opcode},
    };

    use super::{PollReply, Polling};

    fn frames() -> Vec<u8> {
        let mut frames = Vec::new();
        ws::frame(&mut frames, Opcode::Text, b"4a");
        ws::frame(&mut frames, Opcode::Binary, &[1, 2, 3]);
        ws::frame(&mut frames, Opcode::Text, "4".repeat(300).as_bytes());
        frames
    }

    fn answered(polling: &mut Polling, answer: PollAnswer) -> String {
        let (sender, mut receiver) = oneshot::channel();
        polling.waiting = Some(sender);
        assert!(polling.answer(Revision::V4, answer));
        match receiver.try_recv() {
            Ok(PollReply::Packets { body, .. }) => String::from_utf8(body).expect("text"),
            _ => panic!("no answer"),
        }
    }

    #[test]
    fn frames_become_packets_of_a_payload() {
        let mut polling = Polling::new(true);
        let all = frames();
        assert_eq!(polling.take(&all).expect("it takes them"), all.len());
        assert_eq!(answered(&mut polling, PollAnswer::Flush), format!("4a\x1ebAQID\x1e{}", "4".repeat(300)));
        assert_eq!(answered(&mut polling, PollAnswer::Flush), "6");
        assert_eq!(answered(&mut polling, PollAnswer::Close), "1");
    }

    #[test]
    fn half_a_frame_is_not_taken() {
        let mut polling = Polling::new(true);
        let all = frames();
        assert_eq!(polling.take(&all[..6]).expect("the first"), 4);
        assert!(polling.take(&all[4..6]).is_err());
        assert_eq!(polling.take(&all[4..]).expect("the others"), all.len() - 4);
    }
}
