//! From `{"$binary":"<base64>"}` back to attachments.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use memchr::memmem;

use crate::json::push_u64;

/// The most attachments of a packet: a client's parser takes no more.
pub const ATTACHMENTS_MAX: usize = 10;

/// The beginning of what stands for bytes. Within a JSON string its quotes would be escaped, so that it is found by a
/// plain search.
const OPENING: &str = "{\"$binary\":\"";

/// Puts placeholders into the places of `{"$binary":"<base64>"}`, in its compact form, and gives the bytes that they
/// stand for. What is no base64, and what comes after the tenth, stays as it is.
///
/// ```
/// use veche_protocol::socket_io::collapse;
///
/// let (json, attachments) = collapse(r#"[1,{"$binary":"aGk="}]"#);
/// assert_eq!(json, r#"[1,{"_placeholder":true,"num":0}]"#);
/// assert_eq!(&attachments[0][..], b"hi");
/// ```
pub fn collapse(json: &str) -> (Cow<'_, str>, Vec<Bytes>) {
    let mut attachments = Vec::new();
    // Somebody's own placeholder would be taken for one of ours.
    if memmem::find(json.as_bytes(), b"\"_placeholder\"").is_some() {
        return (Cow::Borrowed(json), attachments);
    }
    let mut out = String::new();
    let mut copied = 0;
    for start in memmem::find_iter(json.as_bytes(), OPENING) {
        let text = start + OPENING.len();
        let Some(rest) = json.get(text..) else { break };
        let Some(length) = rest.find('"').filter(|at| rest[*at..].starts_with("\"}")) else { continue };
        let Ok(bytes) = STANDARD.decode(&rest[..length]) else { continue };
        if attachments.len() == ATTACHMENTS_MAX {
            break;
        }
        out.push_str(&json[copied..start]);
        out.push_str("{\"_placeholder\":true,\"num\":");
        push_u64(&mut out, attachments.len() as u64);
        out.push('}');
        attachments.push(bytes.into());
        copied = text + length + 2;
    }
    if attachments.is_empty() {
        return (Cow::Borrowed(json), attachments);
    }
    out.push_str(&json[copied..]);
    (Cow::Owned(out), attachments)
}

#[cfg(test)]
mod tests {
    use super::collapse;

    #[test]
    fn only_what_stands_for_bytes_is_taken_out() {
        for json in [
            "null",
            r#"{"$binary":5}"#,
            r#"{"$binary":"?"}"#,
            r#"[{"$binary":"aGk="},{"_placeholder":true,"num":9}]"#,
            r#"{"$binary":"aGk=","more":1}"#,
            r#""{\"$binary\":\"aGk=\"}""#,
            r#"{"$binary":"aGk="#,
        ] {
            let (text, attachments) = collapse(json);
            assert_eq!((&*text, attachments.len()), (json, 0));
        }
        let (text, attachments) = collapse(r#"[{"$binary":""},{"a":{"$binary":"AAE="}}]"#);
        assert_eq!(text, r#"[{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]"#);
        assert_eq!(attachments, [&b""[..], &[0, 1]]);
    }

    #[test]
    fn the_eleventh_stays_as_it_is() {
        let json = format!("[{}]", [r#"{"$binary":"AA=="}"#; 11].join(","));
        let (text, attachments) = collapse(&json);
        assert_eq!(attachments.len(), 10);
        assert!(text.ends_with(r#",{"$binary":"AA=="}]"#), "{text}");
    }
}
