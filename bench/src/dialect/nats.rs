//! The messages in a stream of NATS: lines, of which `MSG` has a payload behind it.

/// The end of a line, and of a payload.
const END: &[u8] = b"\r\n";

/// The first message of `stream` and what lies behind it, or `None` while it is incomplete. The message is a
/// publication's payload alone, or else the line. A `MSG` that names no length is a line.
pub(crate) fn first_message(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, behind) = split(stream, memchr::memmem::find(stream, END)?)?;
    match payload_length(line) {
        Some(length) => split(behind, length),
        None => Some((line, behind)),
    }
}

/// The first `length` bytes, and what lies behind the end that follows them.
fn split(stream: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (head, rest) = stream.split_at_checked(length)?;
    Some((head, rest.get(END.len()..)?))
}

/// The last word of `MSG <subject> <sid> [reply-to] <bytes>`.
fn payload_length(line: &[u8]) -> Option<usize> {
    let words = line.strip_prefix(b"MSG ")?;
    let last = words.rsplit(|byte| *byte == b' ').next()?;
    str::from_utf8(last).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_line_or_a_payload() {
        for (stream, message, behind) in [
            ("PING\r\nPONG\r\n", "PING", "PONG\r\n"),
            ("INFO {\"server_id\":\"a b\"}\r\n", "INFO {\"server_id\":\"a b\"}", ""),
            ("MSG bench.1 1 6\r\nab\r\ncd\r\nMSG", "ab\r\ncd", "MSG"),
            ("MSG bench.1 1 reply 2\r\nab\r\n", "ab", ""),
            ("MSG bench.1 1 0\r\n\r\n", "", ""),
            ("MSG bench.1 1 x\r\nab\r\n", "MSG bench.1 1 x", "ab\r\n"),
            ("-ERR 'Slow Consumer'\r\n", "-ERR 'Slow Consumer'", ""),
        ] {
            let expected = Some((message.as_bytes(), behind.as_bytes()));
            assert_eq!(first_message(stream.as_bytes()), expected, "{stream:?}");
        }
    }

    #[test]
    fn an_incomplete_message_waits() {
        let stream = b"MSG bench.1 1 3\r\nabc\r\n";
        for end in 0..stream.len() {
            assert_eq!(first_message(&stream[..end]), None, "{end} bytes");
        }
    }
}
