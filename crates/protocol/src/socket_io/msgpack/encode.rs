//! From JSON and attachments to msgpack.

use bytes::Bytes;

use super::{
    super::{
        Args, ConnectError, Fault, Outgoing, PacketType,
        args::{mend_surrogates, unescape},
        encode::INVALID_NAMESPACE,
        placeholder::Placeholder,
        scan::{DEPTH_END, Kind, Scanner},
    },
    write::{binary, float, map, open_array, open_map, signed, text, unsigned},
};
use crate::engine_io::Revision;

/// Appends a packet.
pub(in super::super) fn encode(out: &mut Vec<u8>, outgoing: &Outgoing<'_>, revision: Revision) {
    match *outgoing {
        Outgoing::Connect { namespace, sid, pid } => {
            let has_data = revision == Revision::V4;
            head(out, PacketType::Connect, namespace, u8::from(has_data));
            if has_data {
                text(out, "data");
                map(out, 1 + u8::from(pid.is_some()));
                pair(out, "sid", sid);
                if let Some(pid) = pid {
                    pair(out, "pid", pid);
                }
            }
        }
        Outgoing::ConnectError { namespace, error } => {
            head(out, PacketType::ConnectError, namespace, 1);
            text(out, "data");
            connect_error(out, error, revision);
        }
        Outgoing::Disconnect { namespace } => head(out, PacketType::Disconnect, namespace, 0),
        Outgoing::Event { namespace, name, id, args, attachments, offset } => {
            head(out, PacketType::Event, namespace, 1 + u8::from(id.is_some()));
            text(out, "data");
            let list = open_array(out);
            text(out, name);
            arguments(out, args, attachments);
            if let Some(offset) = offset {
                text(out, offset);
            }
            list.close(out, 1 + args.len() + usize::from(offset.is_some()));
            if let Some(id) = id {
                text(out, "id");
                unsigned(out, id);
            }
        }
        Outgoing::Ack { namespace, id, args, attachments } => {
            head(out, PacketType::Ack, namespace, 2);
            text(out, "data");
            let list = open_array(out);
            arguments(out, args, attachments);
            list.close(out, args.len());
            text(out, "id");
            unsigned(out, id);
        }
    }
}

/// The packet's map and its first two fields; `others` follow.
fn head(out: &mut Vec<u8>, kind: PacketType, namespace: &str, others: u8) {
    map(out, 2 + others);
    text(out, "type");
    out.push(kind as u8);
    pair(out, "nsp", namespace);
}

fn pair(out: &mut Vec<u8>, key: &str, value: &str) {
    text(out, key);
    text(out, value);
}

fn connect_error(out: &mut Vec<u8>, error: ConnectError<'_>, revision: Revision) {
    let (message, data) = match error {
        ConnectError::InvalidNamespace => (INVALID_NAMESPACE, None),
        ConnectError::Refused { message, data } if revision == Revision::V3 => {
            match data {
                Some(data) => arguments(out, Args::of_one(data), &[]),
                None => text(out, message),
            }
            return;
        }
        ConnectError::Refused { message, data } => (message, data),
    };
    map(out, 1 + u8::from(data.is_some()));
    pair(out, "message", message);
    if let Some(data) = data {
        text(out, "data");
        arguments(out, Args::of_one(data), &[]);
    }
}

/// Appends the values of an argument list, one after the other.
fn arguments(out: &mut Vec<u8>, args: Args<'_>, attachments: &[Bytes]) {
    let places = if attachments.is_empty() { Vec::new() } else { args.placeholders(attachments) };
    let mut writer = Writer { scanner: Scanner::new(args.inner()), places: &places, attachments, out };
    for _ in 0..args.len() {
        let start = writer.out.len();
        if writer.value(DEPTH_END).is_err() {
            // The arguments were checked when they came in; what was not is `nil`, so that the count is
            // right.
            writer.out.truncate(start);
            writer.out.push(0xc0);
        }
        writer.scanner.take(b',');
    }
}

/// Writes msgpack from JSON.
struct Writer<'a, 'o> {
    scanner: Scanner<'a>,
    /// The placeholders that were not met yet.
    places: &'a [Placeholder],
    attachments: &'a [Bytes],
    out: &'o mut Vec<u8>,
}

impl Writer<'_, '_> {
    fn value(&mut self, depth: usize) -> Result<(), Fault> {
        match self.scanner.peek() {
            Some(b'{' | b'[') if depth == 0 => Err(Fault::TooDeep),
            Some(b'{') => self.object(depth - 1),
            Some(b'[') => self.array(depth - 1),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Fault> {
        self.scanner.take(b'[');
        let array = open_array(self.out);
        let mut count = 0;
        while !self.scanner.take(b']') {
            self.value(depth)?;
            self.scanner.take(b',');
            count += 1;
        }
        array.close(self.out, count);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), Fault> {
        if let [place, later @ ..] = self.places
            && place.start == self.scanner.at()
        {
            self.places = later;
            binary(self.out, self.attachments.get(place.num).map_or(&[][..], |bytes| bytes));
            self.scanner.jump(place.end);
            return Ok(());
        }
        self.scanner.take(b'{');
        let object = open_map(self.out);
        let mut count = 0;
        while !self.scanner.take(b'}') {
            let key = self.scanner.key()?;
            string(self.out, key);
            self.value(depth)?;
            self.scanner.take(b',');
            count += 1;
        }
        object.close(self.out, count);
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Fault> {
        let value = self.scanner.value(0)?;
        match Kind::of(value) {
            Kind::String => string(self.out, value),
            Kind::Number => number(self.out, value),
            _ => self.out.push(match value {
                "true" => 0xc3,
                "false" => 0xc2,
                _ => 0xc0,
            }),
        }
        Ok(())
    }
}

/// A JSON string's text. Half of a surrogate pair is no text, and becomes U+FFFD.
fn string(out: &mut Vec<u8>, string: &str) {
    match unescape(string) {
        Some(value) => text(out, &value),
        None => text(out, &unescape(&mend_surrogates(string)).unwrap_or_default()),
    }
}

fn number(out: &mut Vec<u8>, digits: &str) {
    if let Ok(value) = digits.parse::<u64>() {
        unsigned(out, value);
    } else if let Ok(value) = digits.parse::<i64>() {
        signed(out, value);
    } else {
        float(out, digits.parse().unwrap_or(f64::NAN));
    }
}
