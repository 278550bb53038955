//! Queries of clients of Engine.IO 3, in the shape that `auth` has since.

use std::{borrow::Cow, collections::BTreeMap};

use crate::json::push_str;

/// A query as a JSON object of strings; where a name comes twice the last one counts.
///
/// ```
/// use veche_protocol::socket_io::query_to_json;
///
/// assert_eq!(query_to_json("token=a%20b&c=%D0%B6+1"), r#"{"token":"a b","c":"ж 1"}"#);
/// ```
pub fn query_to_json(query: &str) -> String {
    let pairs = || {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).enumerate()
    };
    let last: BTreeMap<_, _> = pairs().map(|(at, (name, _))| (decode(name), at)).collect();
    let mut out = String::from("{");
    for (at, (name, value)) in pairs() {
        let name = decode(name);
        if last.get(&name) != Some(&at) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        push_str(&mut out, &name);
        out.push(':');
        push_str(&mut out, &decode(value));
    }
    out.push('}');
    out
}

/// Resolves `+` and percent codes. A broken code stands for itself.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *byte,
        });
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}
