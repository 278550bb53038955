//! A frame's fields as raw JSON, and the checks that fields of several types share.
//!
//! Whoever reads the text only finds where each field begins and ends; what stands in it is checked by hand, so
//! that a refusal can name the field.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    code::ErrorCode,
    name,
    position::{Epoch, OFFSET_END, Position},
};

/// The most bytes of an `id` or a `ts`.
const TOKEN_MAX: usize = 64;

/// The most bytes of an `op_id`.
pub const OP_ID_MAX: usize = 64;

/// The fields that the protocol knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
pub(super) enum Field {
    Type,
    Id,
    Channel,
    Channels,
    Since,
    Presence,
    Data,
    OpId,
    Echo,
    Active,
    State,
    Meta,
    Offset,
    Before,
    After,
    Limit,
    Token,
    Ts,
    #[serde(other)]
    Unknown,
}

impl Field {
    const COUNT: usize = Self::Unknown as usize;

    /// The field's name on the wire.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Id => "id",
            Self::Channel => "channel",
            Self::Channels => "channels",
            Self::Since => "since",
            Self::Presence => "presence",
            Self::Data => "data",
            Self::OpId => "op_id",
            Self::Echo => "echo",
            Self::Active => "active",
            Self::State => "state",
            Self::Meta => "meta",
            Self::Offset => "offset",
            Self::Before => "before",
            Self::After => "after",
            Self::Limit => "limit",
            Self::Token => "token",
            Self::Ts => "ts",
            Self::Unknown => "",
        }
    }
}

/// What is wrong with a frame, before its `id` is attached.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: Cow<'static, str>,
    pub(super) field: Option<&'static str>,
}

impl Fault {
    pub(super) fn frame(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ErrorCode::BadRequest, message: message.into(), field: None }
    }

    pub(super) fn field(field: Field, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.name()), ..Self::frame(message) }
    }

    pub(super) fn within(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field), ..Self::frame(message) }
    }

    pub(super) fn too_large(field: Field, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: ErrorCode::TooLarge, ..Self::field(field, message) }
    }
}

/// The raw fields of one frame.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Envelope<'a> {
    raw: [Option<&'a str>; Field::COUNT],
    /// The first field that came twice.
    pub(super) duplicate: Option<Field>,
}

impl<'a> Envelope<'a> {
    pub(super) fn note(&mut self, field: Field, raw: &'a str) {
        // A field that the protocol does not know has no place, and is dropped here.
        if let Some(place) = self.raw.get_mut(field as usize)
            && place.replace(raw).is_some()
        {
            self.duplicate.get_or_insert(field);
        }
    }

    /// The field as it stands, also if it is `null`.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.raw.get(field as usize).copied().flatten()
    }

    /// An optional field: `null` counts as absent.
    pub(super) fn given(&self, field: Field) -> Option<&'a str> {
        self.raw(field).filter(|raw| *raw != "null")
    }

    /// The frame's `id`: a number or a short string. `null` is neither.
    pub(super) fn id(&self) -> Result<Option<&'a str>, Fault> {
        self.raw(Field::Id).map(|raw| short(Field::Id, raw)).transpose()
    }

    pub(super) fn ts(&self) -> Result<Option<&'a str>, Fault> {
        self.given(Field::Ts).map(|raw| short(Field::Ts, raw)).transpose()
    }

    /// A required string.
    pub(super) fn text(&self, field: Field) -> Result<Cow<'a, str>, Fault> {
        let raw = self.given(field).ok_or_else(|| Fault::field(field, "is required"))?;
        string(raw).ok_or_else(|| Fault::field(field, "must be a string"))
    }

    /// A required `channel`.
    pub(super) fn channel(&self) -> Result<Cow<'a, str>, Fault> {
        let channel = self.text(Field::Channel)?;
        name::check_channel(&channel).map_err(|error| Fault::field(Field::Channel, error.to_string()))?;
        Ok(channel)
    }

    pub(super) fn optional_channel(&self) -> Result<Option<Cow<'a, str>>, Fault> {
        self.given(Field::Channel).map(|_| self.channel()).transpose()
    }

    pub(super) fn op_id(&self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.given(Field::OpId).is_none() {
            return Ok(None);
        }
        let op_id = self.text(Field::OpId)?;
        name::check_printable(&op_id, OP_ID_MAX)
            .map_err(|_| Fault::field(Field::OpId, "must be 1 to 64 bytes of printable text"))?;
        Ok(Some(op_id))
    }

    /// A boolean with a default.
    pub(super) fn flag(&self, field: Field, default: bool) -> Result<bool, Fault> {
        match self.given(field) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(Fault::field(field, "must be true or false")),
        }
    }

    /// An optional offset.
    pub(super) fn offset(&self, field: Field) -> Result<Option<u64>, Fault> {
        self.given(field).map(|raw| offset(raw).ok_or_else(|| Fault::field(field, NOT_AN_OFFSET))).transpose()
    }

    pub(super) fn since(&self) -> Result<Option<Position>, Fault> {
        self.given(Field::Since).map(position).transpose()
    }
}

const NOT_AN_OFFSET: &str = "must be an integer from 0 to below 2^53";

/// A number or a short string, kept raw.
fn short(field: Field, raw: &str) -> Result<&str, Fault> {
    let number = raw.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let length = if number { Some(raw.len()) } else { string(raw).map(|text| text.len()) };
    match length {
        Some(0..=TOKEN_MAX) => Ok(raw),
        _ => Err(Fault::field(field, "must be a number or a string, of at most 64 bytes")),
    }
}

/// The text of a raw JSON string; `None` for any other value.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

fn offset(raw: &str) -> Option<u64> {
    raw.parse().ok().filter(|offset| *offset < OFFSET_END)
}

/// `{"epoch": "…", "offset": …}`.
fn position(raw: &str) -> Result<Position, Fault> {
    #[derive(Deserialize)]
    struct Since<'a> {
        #[serde(borrow)]
        epoch: Option<&'a RawValue>,
        #[serde(borrow)]
        offset: Option<&'a RawValue>,
    }
    // serde would take a list for a struct as well.
    let since: Option<Since<'_>> = raw.starts_with('{').then(|| serde_json::from_str(raw).ok()).flatten();
    let Some(since) = since else {
        return Err(Fault::field(Field::Since, "must be an object of `epoch` and `offset`"));
    };
    let epoch = since.epoch.and_then(|raw| Epoch::from_str(&string(raw.get())?).ok());
    let epoch = epoch.ok_or_else(|| {
        Fault::within("since.epoch", "must be a string of 1 to 16 characters of [0-9A-Za-z]")
    })?;
    let offset = since.offset.and_then(|raw| offset(raw.get()));
    let offset = offset.ok_or_else(|| Fault::within("since.offset", NOT_AN_OFFSET))?;
    Ok(Position { epoch, offset })
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(field) = map.next_key::<Field>()? {
            if field == Field::Unknown {
                map.next_value::<IgnoredAny>()?;
            } else {
                envelope.note(field, map.next_value::<&RawValue>()?.get());
            }
        }
        Ok(envelope)
    }
}
