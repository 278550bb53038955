//! What a request asks for: its channels, each from where the client has it.

use std::borrow::Cow;

use http::{HeaderMap, header::HeaderName};
use veche_kernel::{ChannelName, Position};
use veche_protocol::sse::{self, CHANNELS_MAX};

/// The header by which an `EventSource` comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The same for clients that cannot set the header.
const LAST_EVENT_ID_FIELD: &str = "last_event_id";

/// What the stream is to carry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Channels, in the order of the query.
    Channels(Vec<(ChannelName, Option<Position>)>),
    /// The caller's personal channel.
    Own(Option<Position>),
}

/// Why a request is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) field: &'static str,
    pub(super) message: Cow<'static, str>,
}

impl Asked {
    pub(super) fn read(query: &str, headers: &HeaderMap) -> Result<Self, Unclear> {
        let mut names: Vec<ChannelName> = Vec::new();
        let mut id = None;
        for pair in query.split('&') {
            let (field, value) = pair.split_once('=').unwrap_or((pair, ""));
            match field {
                "channel" => names.push(one_more(&names, value)?),
                LAST_EVENT_ID_FIELD => {
                    let value =
                        decode(value).ok_or_else(|| unclear(LAST_EVENT_ID_FIELD, "it is not UTF-8"))?;
                    id = Some(value);
                }
                _ => {}
            }
        }
        let positions = positions(headers, id.as_deref(), names.len().max(1))?;
        if names.is_empty() {
            return Ok(Self::Own(positions.into_iter().next().flatten()));
        }
        Ok(Self::Channels(names.into_iter().zip(positions).collect()))
    }

    /// The channels, wherever the client stands in them; none for the caller's own stream.
    pub(super) fn names(&self) -> Vec<ChannelName> {
        match self {
            Self::Channels(channels) => channels.iter().map(|(name, _)| name.clone()).collect(),
            Self::Own(_) => Vec::new(),
        }
    }
}

fn one_more(names: &[ChannelName], value: &str) -> Result<ChannelName, Unclear> {
    if names.len() == CHANNELS_MAX {
        return Err(unclear("channel", format!("a stream has at most {CHANNELS_MAX} channels")));
    }
    let name = decode(value).ok_or_else(|| unclear("channel", "it is not UTF-8"))?;
    let name = ChannelName::parse(&name).map_err(|why| unclear("channel", why.to_string()))?;
    if names.contains(&name) {
        return Err(unclear("channel", "a channel stands twice"));
    }
    Ok(name)
}

/// The header is the later of the two: an `EventSource` comes back by the URL that it was opened with.
fn positions(
    headers: &HeaderMap,
    field: Option<&str>,
    channels: usize,
) -> Result<Vec<Option<Position>>, Unclear> {
    let mut given = headers.get_all(LAST_EVENT_ID).iter();
    let (name, id) = match given.next() {
        Some(id) if !id.is_empty() => ("Last-Event-ID", id.to_str().unwrap_or("?")),
        _ => (LAST_EVENT_ID_FIELD, field.unwrap_or_default()),
    };
    if given.next().is_some() {
        return Err(unclear("Last-Event-ID", "the header stands twice"));
    }
    if id.is_empty() {
        return Ok(vec![None; channels]);
    }
    sse::parse_id(id, channels).map_err(|why| unclear(name, why.to_string()))
}

fn unclear(field: &'static str, message: impl Into<Cow<'static, str>>) -> Unclear {
    Unclear { field, message: message.into() }
}

/// A value as a form encodes it: `+` is a space, `%` begins a byte. `None` where it is no text.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let [high, low, tail @ ..] = rest else { return None };
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                rest = tail;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, header: Option<&str>, expected: Result<&[(&str, Option<u64>)], &str>) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(LAST_EVENT_ID, header.parse().expect("a header"));
        }
        let asked = Asked::read(query, &headers);
        let found = asked.as_ref().map_err(|unclear| unclear.field).map(|asked| {
            let offset = |since: &Option<Position>| since.map(|since| since.offset);
            match asked {
                Asked::Channels(channels) => {
                    channels.iter().map(|(name, since)| (name.as_str(), offset(since))).collect::<Vec<_>>()
                }
                Asked::Own(since) => vec![("(own)", offset(since))],
            }
        });
        assert_eq!(found, expected.map(<[_]>::to_vec), "{query} with {header:?}");
    }

    #[test]
    fn channels_and_positions_are_read_strictly() {
        check("channel=a", None, Ok(&[("a", None)]));
        check("channel=a%3Ab&x=1&channel=%D0%B6+%2B", None, Ok(&[("a:b", None), ("ж +", None)]));
        check("channel=a", Some("e-7"), Ok(&[("a", Some(7))]));
        check("channel=a&last_event_id=e-6", None, Ok(&[("a", Some(6))]));
        check("channel=a&last_event_id=e-6", Some("e-7"), Ok(&[("a", Some(7))]));
        check("channel=a&last_event_id=", Some(""), Ok(&[("a", None)]));
        check("channel=a&channel=b", Some("e-7,-"), Ok(&[("a", Some(7)), ("b", None)]));
        check("", None, Ok(&[("(own)", None)]));
        check("device=phone", Some("e-7"), Ok(&[("(own)", Some(7))]));
        check("", Some("e-7,e-8"), Err("Last-Event-ID"));
        check("channel=", None, Err("channel"));
        check("channel", None, Err("channel"));
        check("channel=a&channel=a", None, Err("channel"));
        check("channel=a*", None, Err("channel"));
        check("channel=%0A", None, Err("channel"));
        check("channel=%ff", None, Err("channel"));
        check("channel=%f", None, Err("channel"));
        check("channel=%+1", None, Err("channel"));
        check(&["channel=a"; 17].join("&"), None, Err("channel"));
        check("channel=a", Some("e-7,e-8"), Err("Last-Event-ID"));
        check("channel=a", Some("\u{9}e-7"), Err("Last-Event-ID"));
        check("channel=a&last_event_id=e-07", None, Err("last_event_id"));
        check("channel=a&last_event_id=e-7%0Adata:x", None, Err("last_event_id"));
    }
}
