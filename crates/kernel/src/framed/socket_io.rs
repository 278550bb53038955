//! Publications and notices as packets of Socket.IO, in WebSocket frames.
//!
//! Polling sessions get the same bytes: their transport takes the frames apart again. So a publication is written once
//! for all sessions of one encoding, whatever their transport.

use std::cell::RefCell;

use veche_protocol::{
    engine_io::Frame,
    name::namespace,
    position::Position,
    socket_io::{Args, ChannelTag, Encoder, Outgoing, Place, collapse},
    ws,
};

use super::DEFLATER;
use crate::publication::Publication;

/// How a client of Socket.IO wants its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketIo {
    /// The revision and the parser.
    pub packets: veche_protocol::socket_io::Encoding,
    /// Whether frames from 1 KiB on are compressed.
    pub deflate: bool,
    /// Whether events bear their place, by which a client comes back.
    pub places: bool,
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::default();
}

impl SocketIo {
    /// Appends a packet as WebSocket frames.
    pub fn frame(self, packet: &Outgoing<'_>, out: &mut Vec<u8>) {
        ENCODER.with_borrow_mut(|encoder| {
            encoder.write(packet, self.packets, |frame| {
                let opcode = match frame {
                    Frame::Text(_) => ws::Opcode::Text,
                    Frame::Binary(_) => ws::Opcode::Binary,
                };
                let bytes = frame.bytes();
                if self.deflate && bytes.len() >= ws::DEFLATE_MIN {
                    DEFLATER.with_borrow_mut(|deflater| deflater.frame(out, opcode, bytes));
                } else {
                    ws::frame(out, opcode, bytes);
                }
            });
        });
    }

    /// Appends a publication. Where events bear their places, all of them do: a client takes the last argument of
    /// every event for one, if it is a string.
    pub(super) fn frame_publication(self, publication: &Publication, position: Position, out: &mut Vec<u8>) {
        // A number that stands for a place is no channel's.
        let channel = if publication.position.is_some() { tag_of(&publication.channel) } else { UNPLACED };
        let place = || Place { channel, position }.to_string();
        let offset = self.places.then(place);
        let (data, attachments) = collapse(&publication.data);
        // What a server publishes may be any JSON; a list is one that a door has taken from a client.
        let list = if publication.args { Args::of_list(&data, usize::MAX).ok() } else { None };
        let packet = Outgoing::Event {
            namespace: namespace_of(&publication.channel),
            name: &publication.event,
            id: None,
            args: list.unwrap_or_else(|| Args::of_one(&data)),
            attachments: &attachments,
            offset: offset.as_deref(),
        };
        self.frame(&packet, out);
    }
}

/// The tag of what has no place in a channel.
pub const UNPLACED: ChannelTag = ChannelTag(0);

/// The namespace of a channel: `/x` for `/x:…`, and `/` for all that do not begin with a slash.
pub fn namespace_of(channel: &str) -> &str {
    match namespace(channel) {
        namespace if namespace.starts_with('/') => namespace,
        _ => "/",
    }
}

/// A channel's number in places: the same on every node, and after every restart (FNV-1a). Two channels of one client
/// that share a number cost it its recovery, not its order.
pub fn tag_of(channel: &str) -> ChannelTag {
    let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    ChannelTag(channel.bytes().fold(0x811c_9dc5, hash))
}

#[cfg(test)]
mod tests {
    use super::{namespace_of, tag_of};

    #[test]
    fn a_channel_says_its_namespace() {
        for (channel, expected) in [
            ("room:1", "/"),
            ("lobby", "/"),
            ("/:", "/"),
            ("/:x", "/"),
            ("/chat:", "/chat"),
            ("/chat:a:b", "/chat"),
            ("/x", "/"),
        ] {
            assert_eq!(namespace_of(channel), expected, "{channel}");
        }
    }

    #[test]
    fn a_channels_number_is_always_the_same() {
        assert_eq!(tag_of("").0, 0x811c_9dc5);
        assert_eq!(tag_of("a").0, 0xe40c_292c);
        assert_ne!(tag_of("room:1"), tag_of("room:2"));
    }
}
