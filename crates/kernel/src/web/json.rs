//! JSON in, with the name of the field that is wrong.

use serde::de::DeserializeOwned;
use veche_protocol::code::ErrorCode;

use crate::reply::Rejection;

/// Reads JSON. What is wrong is a `bad_request` that names its field.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let message = error.inner().to_string();
        let field = field_of("", &error.path().to_string(), &message);
        (message, field)
    });
    let read = read.and_then(|value| match json.end() {
        Ok(()) => Ok(value),
        Err(error) => Err((error.to_string(), String::new())),
    });
    read.map_err(|(message, field)| {
        let rejection = Rejection::new(ErrorCode::BadRequest, message);
        if field.is_empty() { rejection } else { rejection.field(field) }
    })
}

/// The full name of the field that serde complains of, below `root`; what is missing stands in the message
/// only.
pub(crate) fn field_of(root: &str, path: &str, message: &str) -> String {
    let mut field = root.to_owned();
    let mut push = |part: &str| {
        if !field.is_empty() && !part.starts_with('[') {
            field.push('.');
        }
        field.push_str(part);
    };
    if path != "." {
        push(path);
    }
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        push(missing);
    }
    field
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_payloads_error_names_its_field() {
        let check = |path, message, field| assert_eq!(field_of("data", path, message), field);
        check(".", "invalid type: integer `1`, expected struct Say", "data");
        check(".", "missing field `body` at line 1 column 2", "data.body");
        check("card", "missing field `title` at line 1 column 9", "data.card.title");
        check("cards[2].title", "invalid type: null, expected a string", "data.cards[2].title");
        check("[2]", "invalid type: null, expected a string", "data[2]");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Card {
        title: String,
        tags: Vec<u8>,
    }

    #[test]
    fn a_bodys_error_names_its_field() {
        // Red: `field_of` without what is missing; `read_json` that takes what follows the value for nothing.
        let check = |body: &str, expected: Option<&str>| {
            let rejection = read_json::<Card>(body.as_bytes()).expect_err(body);
            assert_eq!(rejection.code(), ErrorCode::BadRequest, "{body}");
            assert_eq!(rejection.wrong_field(), expected, "{body}: {rejection}");
        };
        check(r#"{"title":"a"}"#, Some("tags"));
        check(r#"{"title":7,"tags":[]}"#, Some("title"));
        check(r#"{"title":"a","tags":[1,"x"]}"#, Some("tags[1]"));
        check(r#"{"title":"a","tags":[],"more":1}"#, Some("more"));
        check(r#"{"title":"a","tags":[]} and more"#, None);
        check("[]", None);
        check("", None);
        assert!(read_json::<Card>(br#" {"title":"a","tags":[]} "#).is_ok());
    }
}
