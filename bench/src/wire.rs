//! A client's side of RFC 6455, as little as a load generator needs, written apart from the server's
//! codec so that one mistake cannot hide the other.
//!
//! Servers under test send whole frames; a fragment is an error here. Extensions are never offered.

/// A text message.
pub(crate) const TEXT: u8 = 0x1;
/// A message of bytes.
pub(crate) const BINARY: u8 = 0x2;
/// The peer closes.
pub(crate) const CLOSE: u8 = 0x8;
/// The peer asks for a pong.
pub(crate) const PING: u8 = 0x9;
/// The answer to a ping.
pub(crate) const PONG: u8 = 0xA;

/// The mask of every frame; it hides nothing, it only has to be paid for.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
/// The key of every handshake, and what it must be answered with (both stand in RFC 6455).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What the server sent is not what it may send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The handshake was answered with something else than 101 and the right key.
    #[error("the handshake was refused: {0}")]
    Refused(String),
    /// A fragment, a masked frame or a reserved bit.
    #[error("a frame that no server sends, beginning with {0:#04x} {1:#04x}")]
    Frame(u8, u8),
}

/// One frame of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Bytes of the input that the frame took.
    pub(crate) used: usize,
}

/// The first frame of `input`, or `None` while it is incomplete.
pub(crate) fn read_frame(input: &[u8]) -> Result<Option<Frame<'_>>, WireError> {
    let Some(&[first, second]) = input.first_chunk() else { return Ok(None) };
    if first & 0xF0 != 0x80 || second & 0x80 != 0 || !matches!(first & 0xF, 1 | 2 | 8..=10) {
        return Err(WireError::Frame(first, second));
    }
    let (length, head) = match second {
        126 => match input.get(2..4).and_then(<[u8]>::first_chunk) {
            Some(&length) => (u64::from(u16::from_be_bytes(length)), 4),
            None => return Ok(None),
        },
        127 => match input.get(2..10).and_then(<[u8]>::first_chunk) {
            Some(&length) => (u64::from_be_bytes(length), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    let Some(used) = usize::try_from(length).ok().and_then(|length| length.checked_add(head)) else {
        return Err(WireError::Frame(first, second));
    };
    Ok(input.get(head..used).map(|payload| Frame { opcode: first & 0xF, payload, used }))
}

/// Appends a client's frame.
pub(crate) fn write_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_head(out, opcode, payload.len(), 0x80);
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Appends a server's frame, for a peer that passes on what it reads.
pub(crate) fn write_server_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

fn write_head(out: &mut Vec<u8>, opcode: u8, length: usize, mask_bit: u8) {
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(mask_bit | short),
        (_, Ok(medium)) => {
            out.push(mask_bit | 0x7E);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 0x7F);
            out.extend((length as u64).to_be_bytes());
        }
    }
}

/// The request that opens a WebSocket.
pub(crate) fn handshake(path: &str, port: u16) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// The length of the answer to [`handshake`], or `None` while it is incomplete.
pub(crate) fn read_handshake(input: &[u8]) -> Result<Option<usize>, WireError> {
    let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(input.get(..end).unwrap_or_default());
    let accepted = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT);
    if head.starts_with("HTTP/1.1 101 ") && accepted {
        Ok(Some(end + 4))
    } else {
        Err(WireError::Refused(head.lines().next().unwrap_or_default().to_owned()))
    }
}

/// The request for a channel's server-sent events.
pub(crate) fn events(path: &str, channel: &str, port: u16) -> String {
    format!(
        "GET {path}?channel={channel} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n"
    )
}

/// The length of the head that answers [`events`], or `None` while it is incomplete. A server answers 200
/// only to who is subscribed.
pub(crate) fn read_events(input: &[u8]) -> Result<Option<usize>, WireError> {
    let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
    if input.starts_with(b"HTTP/1.1 200 ") {
        return Ok(Some(end + 4));
    }
    let line = String::from_utf8_lossy(input.get(..end).unwrap_or_default());
    Err(WireError::Refused(line.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_frame_is_read_back_at_every_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            write_server_frame(&mut bytes, TEXT, &payload);
            let used = bytes.len();
            bytes.extend([0x81, 0x00]);
            assert_eq!(read_frame(&bytes), Ok(Some(Frame { opcode: TEXT, payload: &payload, used })));
        }
    }

    #[test]
    fn an_incomplete_frame_waits() {
        let mut bytes = Vec::new();
        write_server_frame(&mut bytes, TEXT, &[b'x'; 300]);
        for end in 0..bytes.len() {
            assert_eq!(read_frame(&bytes[..end]), Ok(None), "{end} bytes");
        }
    }

    #[test]
    fn what_no_server_sends_is_an_error() {
        for bytes in [[0x01, 0x00], [0x80, 0x00], [0xC1, 0x00], [0x81, 0x80]] {
            assert_eq!(read_frame(&bytes), Err(WireError::Frame(bytes[0], bytes[1])));
        }
        let endless = [0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(read_frame(&endless), Err(WireError::Frame(0x81, 127)));
    }

    #[test]
    fn a_clients_frame_is_masked() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, TEXT, b"abcde");
        assert_eq!(bytes[..6], [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D]);
        let plain: Vec<_> =
            bytes[6..].iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        assert_eq!(plain, b"abcde");
    }

    #[test]
    fn only_200_begins_a_stream() {
        let good = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let with_body = [good.as_slice(), b"d\r\nretry: 2345\n\n\r\n"].concat();
        assert_eq!(read_events(&with_body), Ok(Some(good.len())));
        assert_eq!(read_events(&good[..good.len() - 1]), Ok(None));
        let bad = WireError::Refused("HTTP/1.1 403 Forbidden".to_owned());
        assert_eq!(read_events(b"HTTP/1.1 403 Forbidden\r\nvary: origin\r\n\r\n"), Err(bad));
    }

    #[test]
    fn only_101_with_the_right_key_opens() {
        let good = format!("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {ACCEPT}\r\n\r\n");
        assert_eq!(read_handshake(good.as_bytes()), Ok(Some(good.len())));
        assert_eq!(read_handshake(&good.as_bytes()[..good.len() - 1]), Ok(None));
        for bad in [good.replace("101", "401"), good.replace(ACCEPT, KEY)] {
            assert!(read_handshake(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
