//! The default parser: `<type>[<n>-][<nsp>,][<ack id>][JSON]`.

use bytes::Bytes;
use memchr::memchr;

use super::{
    Args, Body, Fault, Limits, Packet, PacketType,
    args::{List, event_name},
    fault::ID_MAX,
    placeholder,
    scan::{Kind, Scanner},
};

/// The text of a packet, taken apart up to its payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) kind: PacketType,
    /// How many attachments follow.
    pub(super) attachments: u8,
    namespace: &'a str,
    id: Option<u64>,
    payload: &'a str,
}

impl<'a> Header<'a> {
    pub(super) fn parse(text: &'a str, limits: &Limits) -> Result<Self, Fault> {
        let (digit, rest) = text.as_bytes().split_first().ok_or(Fault::Empty)?;
        let kind = PacketType::of_number(digit.wrapping_sub(b'0')).ok_or(Fault::UnknownType)?;
        let mut rest = text.get(text.len() - rest.len()..).unwrap_or_default();
        let mut attachments = 0;
        if kind.is_binary() {
            (attachments, rest) = count(rest, limits.attachments)?;
        }
        let (namespace, rest) = namespace(rest, limits.namespace)?;
        let (id, payload) = id(rest)?;
        Ok(Self { kind, attachments, namespace, id, payload })
    }

    /// Checks the payload by the packet's type. `attachments` are all of them, or `None` where they have not
    /// come yet.
    pub(super) fn packet(self, limits: &Limits, attachments: &'a [Bytes]) -> Result<Packet<'a>, Fault> {
        let Self { kind, namespace, id, payload, .. } = self;
        let body = match kind {
            PacketType::Connect if payload.is_empty() => Body::Connect(None),
            PacketType::Connect => Body::Connect(Some(value(payload, limits.depth, &[Kind::Object])?)),
            PacketType::Disconnect if payload.is_empty() => Body::Disconnect,
            PacketType::Disconnect => return Err(Fault::WrongKind),
            PacketType::Event | PacketType::BinaryEvent => {
                let list = List::parse(payload, limits.depth)?;
                let (name, args) = (event_name(list.first)?, list.behind_first());
                self.check_placeholders(args)?;
                Body::Event { name, args, attachments }
            }
            PacketType::Ack | PacketType::BinaryAck => {
                // The reference takes an answer without a list for an empty one.
                let args = if payload.is_empty() && kind == PacketType::Ack {
                    Args::NONE
                } else {
                    List::parse(payload, limits.depth)?.all()
                };
                self.check_placeholders(args)?;
                Body::Ack { args, attachments }
            }
            PacketType::ConnectError => {
                Body::ConnectError(value(payload, limits.depth, &[Kind::Object, Kind::String])?)
            }
        };
        Ok(Packet { namespace, id, body })
    }

    fn check_placeholders(self, args: Args<'_>) -> Result<(), Fault> {
        if self.kind.is_binary() { placeholder::check(args.inner(), self.attachments) } else { Ok(()) }
    }
}

/// The number of attachments and its `-`.
fn count(text: &str, max: u8) -> Result<(u8, &str), Fault> {
    // What has more digits is over any limit, and the reference says no more than that either.
    let end = memchr(b'-', text.as_bytes().get(..8).unwrap_or(text.as_bytes()));
    let (digits, rest) = end.and_then(|end| text.split_at_checked(end)).ok_or(Fault::Attachments)?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Fault::Attachments);
    }
    match digits.parse::<u32>().unwrap_or(u32::MAX) {
        0 => Err(Fault::Attachments),
        many if many > u32::from(max) => Err(Fault::AttachmentsOverLimit),
        many => Ok((many as u8, rest.get(1..).unwrap_or_default())),
    }
}

/// The namespace and its comma, which may be missing at the end.
fn namespace(text: &str, max: usize) -> Result<(&str, &str), Fault> {
    if !text.starts_with('/') {
        return Ok(("/", text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    if name.len() > max { Err(Fault::Namespace) } else { Ok((name, rest)) }
}

/// The acknowledgement's id, and the payload behind it.
fn id(text: &str) -> Result<(Option<u64>, &str), Fault> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, payload) = text.split_at(digits);
    // Anything else before the payload was meant to be an id.
    if !matches!(payload.as_bytes().first(), None | Some(b'[' | b'{' | b'"')) {
        return Err(Fault::Id);
    }
    if digits.is_empty() {
        return Ok((None, payload));
    }
    match digits.parse::<u64>() {
        Ok(id) if id <= ID_MAX => Ok((Some(id), payload)),
        _ => Err(Fault::Id),
    }
}

/// A payload that is one value of one of these kinds.
fn value<'a>(payload: &'a str, depth: usize, kinds: &[Kind]) -> Result<&'a str, Fault> {
    let mut scanner = Scanner::new(payload);
    let value = scanner.value(depth)?;
    if !scanner.is_done() {
        return Err(Fault::Payload);
    }
    if kinds.contains(&Kind::of(value)) { Ok(value) } else { Err(Fault::WrongKind) }
}
