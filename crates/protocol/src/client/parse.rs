//! From the text of a message to frames.

use std::{borrow::Cow, fmt};

use memchr::memmem;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use super::{
    BATCH_MAX, Body, Frame, Frames, HISTORY_MAX, META_MAX, PresenceState, Range, Refusal,
    envelope::{Envelope, Fault, Field, string},
    scan,
};
use crate::{
    code::ErrorCode,
    json::{self, DEPTH_MAX},
    name,
};

/// Types that only the server sends.
pub const SERVER_TYPES: [&str; 12] = [
    "welcome",
    "subscribed",
    "unsubscribed",
    "joined",
    "left",
    "reply",
    "error",
    "skipped",
    "lagged",
    "expiring",
    "bye",
    "pong",
];

/// Types of the protocol itself that clients send.
pub const CLIENT_TYPES: [&str; 9] =
    ["subscribe", "unsubscribe", "message", "typing", "presence", "ack", "history", "auth", "ping"];

/// Whether a name is a type of the protocol, which no application event may bear.
pub fn is_reserved(event: &str) -> bool {
    CLIENT_TYPES.contains(&event) || SERVER_TYPES.contains(&event)
}

/// A text over this is no `ack` and no `ping`, or one that may wait.
const URGENT_MAX: usize = 1024;

/// Parses the text of one message: a frame, or a batch of them.
///
/// Nothing is copied but strings with escapes. A batch that is refused as a whole is one refusal.
///
/// ```
/// use veche_protocol::client::{Body, parse};
///
/// let frame = parse(r#"{"type":"ping","id":7}"#).into_iter().next().unwrap().unwrap();
/// assert_eq!(frame.id, Some("7"));
/// assert_eq!(frame.body, Body::Ping { ts: None });
/// ```
pub fn parse(text: &str) -> Frames<'_> {
    if text.trim_start_matches(JSON_SPACE).starts_with('[') {
        return batch(text);
    }
    Frames::One(element(text))
}

/// Whether a text is a single frame of type `ack` or `ping`, which may overtake a session's queue.
///
/// A frame that writes these types with escapes, or pads them beyond 1 KiB, is not recognized and waits
/// like any other; a batch always waits.
pub fn peek_urgent(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() > URGENT_MAX
        || (memmem::find(bytes, b"\"ping\"").is_none() && memmem::find(bytes, b"\"ack\"").is_none())
    {
        return false;
    }
    // The word may stand anywhere, also in a payload: only the envelope knows.
    serde_json::from_str::<Envelope<'_>>(text).is_ok_and(|envelope| {
        let urgent = matches!(envelope.raw(Field::Type), Some("\"ack\"" | "\"ping\""));
        urgent && envelope.duplicate.is_none()
    })
}

const JSON_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn batch(text: &str) -> Frames<'_> {
    let refused = |fault| Frames::One(Err(refuse(None, fault)));
    match serde_json::from_str::<Elements<'_>>(text) {
        Err(error) => refused(not_json(&error)),
        Ok(elements) if elements.surplus => {
            refused(Fault { code: ErrorCode::TooLarge, ..Fault::frame("a batch has at most 128 frames") })
        }
        Ok(elements) if elements.raw.is_empty() => refused(Fault::frame("a batch has at least one frame")),
        Ok(elements) => Frames::Many(elements.raw.into_iter().map(element).collect()),
    }
}

fn element(text: &str) -> Result<Frame<'_>, Refusal<'_>> {
    let (envelope, sound) = match scan::envelope(text) {
        Some(envelope) => (envelope, Ok(())),
        None => read(text).map_err(|fault| refuse(None, fault))?,
    };
    let id = envelope.id().map_err(|fault| refuse(None, fault))?;
    match sound.and_then(|()| body(&envelope)) {
        Ok(body) => Ok(Frame { id, body }),
        Err(fault) => Err(refuse(id.filter(|_| fault.field != Some(Field::Id.name())), fault)),
    }
}

/// The fields of any JSON object, and what is to be said of it as a whole.
pub(super) fn read(text: &str) -> Result<(Envelope<'_>, Result<(), Fault>), Fault> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let sound = check(text, &envelope);
    Ok((envelope, sound))
}

fn refuse(id: Option<&str>, fault: Fault) -> Refusal<'_> {
    Refusal { id, code: fault.code, message: fault.message, field: fault.field }
}

fn not_json(error: &serde_json::Error) -> Fault {
    match error.classify() {
        Category::Data => Fault::frame("a frame is one JSON object"),
        _ => Fault::frame(format!("not valid JSON: {error}")),
    }
}

/// What holds for a frame as a whole.
fn check(text: &str, envelope: &Envelope<'_>) -> Result<(), Fault> {
    if let Some(field) = envelope.duplicate {
        return Err(Fault::field(field, "is given twice"));
    }
    json::check_depth(text, DEPTH_MAX).map_err(|error| Fault::frame(error.to_string()))?;
    json::check_surrogates(text).map_err(|error| Fault::frame(error.to_string()))
}

fn body<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let kind = envelope.text(Field::Type)?;
    match &*kind {
        "subscribe" => subscribe(envelope),
        "unsubscribe" => Ok(Body::Unsubscribe { channel: envelope.channel()? }),
        "message" => message(envelope),
        "typing" => typing(envelope),
        "presence" => presence(envelope),
        "ack" => Ok(Body::Ack { offset: required(envelope.offset(Field::Offset)?, Field::Offset)? }),
        "history" => history(envelope),
        "auth" => auth(envelope),
        "ping" => Ok(Body::Ping { ts: envelope.ts()? }),
        kind if SERVER_TYPES.contains(&kind) => {
            Err(Fault::field(Field::Type, "is a type that only the server sends"))
        }
        _ => call(kind, envelope),
    }
}

fn subscribe<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let presence = envelope.flag(Field::Presence, false)?;
    let since = envelope.since()?;
    let Some(list) = envelope.given(Field::Channels) else {
        return Ok(Body::Subscribe { channel: envelope.channel()?, since, presence });
    };
    if envelope.given(Field::Channel).is_some() {
        return Err(Fault::field(Field::Channels, "excludes `channel`"));
    }
    if since.is_some() {
        return Err(Fault::field(Field::Since, "belongs to `channel`, not to `channels`"));
    }
    Ok(Body::SubscribeMany { channels: channels(list)?, presence })
}

fn channels(list: &str) -> Result<Vec<Cow<'_, str>>, Fault> {
    let refused = |message| Fault::field(Field::Channels, message);
    let elements: Elements<'_> =
        serde_json::from_str(list).map_err(|_| refused("must be a list of names"))?;
    if elements.surplus {
        return Err(Fault::too_large(Field::Channels, "has at most 128 names"));
    }
    if elements.raw.is_empty() {
        return Err(refused("has at least one name"));
    }
    let checked = |raw| {
        let channel = string(raw).ok_or_else(|| refused("must be a list of names"))?;
        name::check_channel(&channel).map_err(|error| Fault::field(Field::Channels, error.to_string()))?;
        Ok(channel)
    };
    elements.raw.into_iter().map(checked).collect()
}

fn message<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    Ok(Body::Message {
        channel: envelope.channel()?,
        data: required(envelope.raw(Field::Data), Field::Data)?,
        op_id: envelope.op_id()?,
        echo: envelope.flag(Field::Echo, true)?,
    })
}

fn typing<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let channel = envelope.channel()?;
    required(envelope.given(Field::Active), Field::Active)?;
    Ok(Body::Typing { channel, active: envelope.flag(Field::Active, false)? })
}

fn presence<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let channel = envelope.optional_channel()?;
    let state = PresenceState::from_word(&envelope.text(Field::State)?)
        .ok_or_else(|| Fault::field(Field::State, "must be `active`, `idle`, `dnd` or `invisible`"))?;
    let meta = envelope.given(Field::Meta);
    if meta.is_some_and(|meta| meta.len() > META_MAX) {
        return Err(Fault::too_large(Field::Meta, "has at most 1024 bytes"));
    }
    Ok(Body::Presence { channel, state, meta })
}

fn history<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let channel = envelope.channel()?;
    let range = match (envelope.offset(Field::Before)?, envelope.offset(Field::After)?) {
        (Some(_), Some(_)) => return Err(Fault::field(Field::Before, "excludes `after`")),
        (None, Some(after)) => Range::After(after),
        (before, None) => Range::Before(before),
    };
    let limit = match envelope.given(Field::Limit) {
        None => HISTORY_MAX,
        Some(raw) => raw
            .parse()
            .ok()
            .filter(|limit| (1..=HISTORY_MAX).contains(limit))
            .ok_or_else(|| Fault::field(Field::Limit, "must be an integer from 1 to 100"))?,
    };
    Ok(Body::History { channel, range, limit })
}

fn auth<'a>(envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    let token = envelope.text(Field::Token)?;
    if token.is_empty() {
        return Err(Fault::field(Field::Token, "is empty"));
    }
    Ok(Body::Auth { token })
}

fn call<'a>(event: Cow<'a, str>, envelope: &Envelope<'a>) -> Result<Body<'a>, Fault> {
    name::check_event(&event).map_err(|error| Fault::field(Field::Type, error.to_string()))?;
    Ok(Body::Call {
        event,
        data: envelope.raw(Field::Data).unwrap_or("null"),
        channel: envelope.optional_channel()?,
        op_id: envelope.op_id()?,
    })
}

fn required<T>(value: Option<T>, field: Field) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::field(field, "is required"))
}

/// The raw elements of a list, at most [`BATCH_MAX`] of them.
struct Elements<'a> {
    raw: Vec<&'a str>,
    /// Whether there were more. They are counted by nobody and kept nowhere.
    surplus: bool,
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
        let mut raw = Vec::new();
        while raw.len() < BATCH_MAX {
            let Some(element) = seq.next_element::<&RawValue>()? else {
                return Ok(Elements { raw, surplus: false });
            };
            raw.push(element.get());
        }
        let mut surplus = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            surplus = true;
        }
        Ok(Elements { raw, surplus })
    }
}
