//! From msgpack to JSON and attachments.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    super::{Args, Body, Fault, Limits, Packet, PacketType, Scratch, fault::ID_MAX, is_reserved},
    read::{Head, Reader},
    timestamp,
};
use crate::json::{push_str, push_u64};

/// Reads one packet. What it carries is written to `scratch`.
pub(in super::super) fn decode<'a>(
    message: &'a [u8],
    limits: &Limits,
    scratch: &'a mut Scratch,
) -> Result<Packet<'a>, Fault> {
    let fields = Fields::find(message)?;
    let kind = fields.kind()?;
    let namespace = fields.namespace(limits)?;
    let id = fields.id()?;
    let data = fields.data.filter(|data| !matches!(data.clone().head(), Ok(Head::Undefined)));
    let mut writer = Writer { reader: data.unwrap_or(Reader::new(&[])), limits, bytes: 0, scratch };
    let body = match (kind, data.is_some()) {
        (PacketType::Connect, false) => Body::Connect(None),
        (PacketType::Connect, true) => {
            writer.value_of(|head| matches!(head, Head::Map(_)))?;
            Body::Connect(Some(writer.into_text()))
        }
        (PacketType::Disconnect, false) => Body::Disconnect,
        (PacketType::ConnectError, true) => {
            writer.value_of(|head| matches!(head, Head::Map(_) | Head::Text(_)))?;
            Body::ConnectError(writer.into_text())
        }
        (PacketType::Event, true) => {
            let mut count = writer.list()?;
            let name = writer.event_name(&mut count)?;
            let (args, attachments) = writer.args(count)?;
            Body::Event { name, args, attachments }
        }
        (PacketType::Ack, true) => {
            let count = writer.list()?;
            let (args, attachments) = writer.args(count)?;
            Body::Ack { args, attachments }
        }
        _ => return Err(Fault::WrongKind),
    };
    Ok(Packet { namespace, id, body })
}

/// Where the packet's fields begin; the last one counts where one comes twice.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<Head<'a>>,
    namespace: Option<Head<'a>>,
    id: Option<Head<'a>>,
    data: Option<Reader<'a>>,
}

impl<'a> Fields<'a> {
    fn find(message: &'a [u8]) -> Result<Self, Fault> {
        if message.is_empty() {
            return Err(Fault::Empty);
        }
        let mut reader = Reader::new(message);
        let Head::Map(pairs) = reader.head()? else { return Err(Fault::WrongKind) };
        let mut fields = Self::default();
        for _ in 0..pairs {
            let key = reader.head()?;
            reader.skip(key)?;
            let value = reader;
            let head = reader.head()?;
            reader.skip(head)?;
            match key {
                Head::Text(b"type") => fields.kind = Some(head),
                Head::Text(b"nsp") => fields.namespace = Some(head),
                Head::Text(b"id") => fields.id = Some(head),
                Head::Text(b"data") => fields.data = Some(value),
                _ => {}
            }
        }
        if reader.is_done() { Ok(fields) } else { Err(Fault::Payload) }
    }

    /// Binary types are the default parser's alone.
    fn kind(&self) -> Result<PacketType, Fault> {
        let number = self.kind.and_then(Head::index).and_then(|number| u8::try_from(number).ok());
        let kind = number.and_then(PacketType::of_number).filter(|kind| !kind.is_binary());
        kind.ok_or(Fault::UnknownType)
    }

    fn namespace(&self, limits: &Limits) -> Result<&'a str, Fault> {
        let Some(Head::Text(name)) = self.namespace else { return Err(Fault::Namespace) };
        let name = simdutf8::basic::from_utf8(name).map_err(|_| Fault::Namespace)?;
        if name.starts_with('/') && name.len() <= limits.namespace { Ok(name) } else { Err(Fault::Namespace) }
    }

    fn id(&self) -> Result<Option<u64>, Fault> {
        match self.id {
            None | Some(Head::Undefined) => Ok(None),
            Some(head) => head.index().filter(|id| *id <= ID_MAX).map(Some).ok_or(Fault::Id),
        }
    }
}

/// Writes JSON from msgpack.
struct Writer<'a, 'l> {
    reader: Reader<'a>,
    limits: &'l Limits,
    /// The bytes of attachments so far.
    bytes: usize,
    scratch: &'a mut Scratch,
}

impl<'a> Writer<'a, '_> {
    fn into_text(self) -> &'a str {
        &self.scratch.text
    }

    /// Writes one value of a kind.
    fn value_of(&mut self, is_right: impl Fn(Head<'_>) -> bool) -> Result<(), Fault> {
        let head = self.reader.head()?;
        if !is_right(head) {
            return Err(Fault::WrongKind);
        }
        self.value(head, self.limits.depth)?;
        // These packets have no arguments that could carry any.
        if self.scratch.attachments.is_empty() { Ok(()) } else { Err(Fault::WrongKind) }
    }

    fn list(&mut self) -> Result<usize, Fault> {
        match self.reader.head()? {
            Head::Array(count) => Ok(count),
            _ => Err(Fault::WrongKind),
        }
    }

    fn event_name(&mut self, count: &mut usize) -> Result<Cow<'a, str>, Fault> {
        *count = count.checked_sub(1).ok_or(Fault::WrongKind)?;
        let name = match self.reader.head()? {
            Head::Text(name) => String::from_utf8_lossy(name),
            head @ (Head::Unsigned(_) | Head::Signed(_) | Head::Float(_)) => {
                let mut name = String::new();
                number(&mut name, head);
                Cow::Owned(name)
            }
            _ => return Err(Fault::WrongKind),
        };
        if is_reserved(&name) { Err(Fault::Reserved) } else { Ok(name) }
    }

    /// Writes the list's values between commas.
    fn args(mut self, count: usize) -> Result<(Args<'a>, &'a [Bytes]), Fault> {
        // The list itself is a level.
        let depth = self.limits.depth.checked_sub(1).ok_or(Fault::TooDeep)?;
        for at in 0..count {
            if at > 0 {
                self.scratch.text.push(',');
            }
            let head = self.reader.head()?;
            self.value(head, depth)?;
        }
        let scratch: &'a Scratch = self.scratch;
        Ok((Args::of_parts(&scratch.text, count), &scratch.attachments))
    }

    fn value(&mut self, head: Head<'a>, depth: usize) -> Result<(), Fault> {
        let text = &mut self.scratch.text;
        match head {
            Head::Nil | Head::Undefined => text.push_str("null"),
            Head::Bool(value) => text.push_str(if value { "true" } else { "false" }),
            Head::Unsigned(_) | Head::Signed(_) | Head::Float(_) => number(text, head),
            Head::Text(value) => push_str(text, &String::from_utf8_lossy(value)),
            Head::Date(ms) => timestamp::write(text, ms),
            Head::Binary(bytes) => self.attach(bytes)?,
            Head::Array(_) | Head::Map(_) | Head::Extension(..) if depth == 0 => return Err(Fault::TooDeep),
            Head::Array(count) => self.array(count, depth - 1)?,
            Head::Map(pairs) => self.object(pairs, depth - 1)?,
            Head::Extension(kind, bytes) => {
                text.push('[');
                number(text, Head::Signed(i64::from(kind)));
                text.push(',');
                self.attach(bytes)?;
                self.scratch.text.push(']');
            }
        }
        Ok(())
    }

    fn array(&mut self, count: usize, depth: usize) -> Result<(), Fault> {
        self.scratch.text.push('[');
        for at in 0..count {
            if at > 0 {
                self.scratch.text.push(',');
            }
            let head = self.reader.head()?;
            self.value(head, depth)?;
        }
        self.scratch.text.push(']');
        Ok(())
    }

    fn object(&mut self, pairs: usize, depth: usize) -> Result<(), Fault> {
        self.scratch.text.push('{');
        let mut is_first = true;
        for _ in 0..pairs {
            let key = self.reader.head()?;
            let value = self.reader.head()?;
            if value == Head::Undefined {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                self.scratch.text.push(',');
            }
            self.key(key)?;
            self.scratch.text.push(':');
            self.value(value, depth)?;
        }
        self.scratch.text.push('}');
        Ok(())
    }

    /// JSON's keys are texts.
    fn key(&mut self, key: Head<'_>) -> Result<(), Fault> {
        let text = &mut self.scratch.text;
        match key {
            Head::Text(key) => push_str(text, &String::from_utf8_lossy(key)),
            Head::Unsigned(_) | Head::Signed(_) => {
                text.push('"');
                number(text, key);
                text.push('"');
            }
            Head::Bool(true) => text.push_str("\"true\""),
            Head::Bool(false) => text.push_str("\"false\""),
            Head::Nil => text.push_str("\"null\""),
            _ => return Err(Fault::Payload),
        }
        Ok(())
    }

    fn attach(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let num = self.scratch.attachments.len();
        self.bytes += bytes.len();
        if num >= usize::from(self.limits.attachments) || self.bytes > self.limits.attachment_bytes {
            return Err(Fault::AttachmentsOverLimit);
        }
        self.scratch.text.push_str("{\"_placeholder\":true,\"num\":");
        push_u64(&mut self.scratch.text, num as u64);
        self.scratch.text.push('}');
        self.scratch.attachments.push(Bytes::copy_from_slice(bytes));
        Ok(())
    }
}

/// Appends a number; `null` for a float that JSON has no digits for.
fn number(out: &mut String, head: Head<'_>) {
    match head {
        Head::Unsigned(value) => push_u64(out, value),
        Head::Signed(value) => {
            if value < 0 {
                out.push('-');
            }
            push_u64(out, value.unsigned_abs());
        }
        Head::Float(value) if value.is_finite() => {
            let number = serde_json::Number::from_f64(value).expect("it is finite");
            out.push_str(&number.to_string());
        }
        _ => out.push_str("null"),
    }
}
