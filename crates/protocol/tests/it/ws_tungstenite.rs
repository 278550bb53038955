//! tungstenite as the other codec: reads a stream in given cuts, writes a script frame by frame.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};
use veche_protocol::ws::{Opcode, Role};

use crate::ws_driver::{Outcome, Seen, cut};
use crate::ws_oracle::Item;

const LIMIT: usize = 200_000;

/// A socket that plays prepared reads, then would block, and keeps what is written.
#[derive(Default)]
struct Wire {
    reads: VecDeque<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut read) = self.reads.pop_front() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let len = read.len().min(buffer.len());
        buffer[..len].copy_from_slice(&read[..len]);
        if len < read.len() {
            self.reads.push_front(read.split_off(len));
        }
        Ok(len)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite in this role makes of the stream. Its answer to a close code that may not be sent is
/// a close of its own, which counts as the fault that it is.
pub(crate) fn read(role: Role, stream: &[u8], reads: &[usize]) -> Outcome {
    let wire =
        Wire { reads: cut(stream, reads).into_iter().map(<[u8]>::to_vec).collect(), ..Wire::default() };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(Some(LIMIT))
        .max_frame_size(Some(LIMIT));
    let their_role = if role == Role::Server { TheirRole::Server } else { TheirRole::Client };
    let mut socket = WebSocket::from_raw_socket(wire, their_role, Some(config));
    let mut outcome = Outcome::default();
    loop {
        let event = match socket.read() {
            Ok(Message::Text(text)) => Seen::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Message::Close(Some(close))) if close.reason.as_str() == "Protocol violation" => {
                outcome.fault = Some(1002);
                return outcome;
            }
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (close.code.into(), close.reason.as_str().to_owned()));
                outcome.events.push(Seen::Close(close));
                return outcome;
            }
            Ok(Message::Frame(_)) => continue,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return outcome,
            Err(error) => {
                outcome.fault = Some(code(&error));
                return outcome;
            }
        };
        outcome.events.push(event);
    }
}

fn code(error: &Error) -> u16 {
    match error {
        Error::Utf8(_) => 1007,
        Error::Capacity(_) => 1009,
        _ => 1002,
    }
}

/// The script as tungstenite writes it to a decoder in `role`.
pub(crate) fn write(role: Role, script: &[Item]) -> Vec<u8> {
    let writer = if role == Role::Server { TheirRole::Client } else { TheirRole::Server };
    let mut socket = WebSocket::from_raw_socket(Wire::default(), writer, None);
    for item in script {
        for frame in frames(item) {
            socket.send(Message::Frame(frame)).expect("memory takes it all");
        }
    }
    socket.into_inner().written
}

fn frames(item: &Item) -> Vec<Frame> {
    let (opcode, payload) = item.opcode_and_payload();
    let payload = payload.to_vec();
    let first = match opcode {
        Opcode::Ping => return vec![Frame::ping(payload)],
        Opcode::Pong => return vec![Frame::pong(payload)],
        Opcode::Text => Data::Text,
        _ => Data::Binary,
    };
    if !item.is_fragmented() {
        return vec![Frame::message(payload, OpCode::Data(first), true)];
    }
    let count = payload.len().div_ceil(item.fragment);
    let chunk = |(at, chunk): (usize, &[u8])| {
        let kind = if at == 0 { first } else { Data::Continue };
        Frame::message(chunk.to_vec(), OpCode::Data(kind), at + 1 == count)
    };
    let mut frames: Vec<Frame> = payload.chunks(item.fragment).enumerate().map(chunk).collect();
    if let Some(ping) = &item.between {
        frames.insert(1, Frame::ping(ping.clone()));
    }
    frames
}
