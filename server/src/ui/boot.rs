//! What a page begins with: who looks, how, and the page's data. The same text is rendered here and hydrated there.

use std::borrow::Cow;

use axum::http::Uri;
use serde::Serialize;
use serde_json::value::RawValue;
use veche::Outcome;

use super::preferences::{Density, Preferences, Theme};

/// `now` is the beginning of this many milliseconds, so that a page of the same data is the same page for a minute.
const NOW_STEP_MS: u64 = 60_000;

/// The boot of one page, as the bundle and the browser read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Boot<'a> {
    /// Path and query.
    pub(super) url: &'a str,
    pub(super) locale: &'static str,
    /// Milliseconds since 1970, to the minute.
    pub(super) now: u64,
    /// An IANA name.
    pub(super) tz: &'a str,
    /// Minutes east of UTC at `now`.
    pub(super) tz_offset: i32,
    pub(super) theme: Theme,
    pub(super) contrast: bool,
    pub(super) density: Density,
    /// `None` for a guest, and on a shared page.
    pub(super) user: Option<Person>,
    #[serde(flatten)]
    pub(super) site: &'a Facts,
    /// The socket's port on the page's own host, where another than the page's own is asked for and allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ws_port: Option<u16>,
    pub(super) data: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Trouble<'a>>,
}

/// What is the same for all pages of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Facts {
    /// A digest of the browser's files.
    pub(super) build: String,
    /// The names of the mounted applications.
    pub(super) apps: Vec<&'static str>,
    pub(super) demo: bool,
}

/// Who looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) name: String,
}

/// Why a page has no data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Trouble<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Boot<'a> {
    pub(super) fn new(
        url: &'a Uri,
        preferences: &'a Preferences,
        user: Option<Person>,
        site: &'a Facts,
        outcome: &'a Outcome,
        now_ms: u64,
    ) -> Self {
        let now = now_ms - now_ms % NOW_STEP_MS;
        let (data, error) = match outcome {
            Ok(json) => (json.as_deref().map_or(Ok(null()), raw), None),
            Err(rejection) => {
                let trouble = Trouble { code: rejection.code().as_str(), message: rejection.message() };
                (Ok(null()), Some(trouble))
            }
        };
        let broken = Trouble { code: "internal", message: "the page's data are no JSON" };
        let error = error.or(data.is_err().then_some(broken));
        Self {
            url: url.path_and_query().map_or("/", |it| it.as_str()),
            locale: preferences.language.code(),
            now,
            tz: preferences.zone_name(),
            tz_offset: preferences.offset_minutes(now),
            theme: preferences.theme,
            contrast: preferences.contrast,
            density: preferences.density,
            user,
            site,
            ws_port: None,
            data: data.unwrap_or_else(|_| null()),
            error,
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| {
            tracing::error!(%error, "a page's boot does not serialise");
            "null".to_owned()
        })
    }
}

fn null() -> Cow<'static, RawValue> {
    Cow::Borrowed(RawValue::NULL)
}

fn raw(json: &str) -> serde_json::Result<Cow<'_, RawValue>> {
    serde_json::from_str::<&RawValue>(json).map(Cow::Borrowed)
}

/// The port that `?port=` names; anything else than a port's number is no wish.
pub(super) fn wanted_port(uri: &Uri) -> Option<u16> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.strip_prefix("port="));
    let port = pairs.next()?;
    let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
    port.parse().ok().filter(|port| is_number && *port != 0)
}

#[cfg(test)]
mod tests {
    use veche::Rejection;

    use super::*;

    fn facts() -> Facts {
        Facts { build: "b1".to_owned(), apps: vec!["desk"], demo: true }
    }

    #[test]
    fn a_boot_has_the_shape_that_the_bundle_reads() {
        let (uri, preferences, facts) = (Uri::from_static("/desk/b?card=1"), Preferences::default(), facts());
        let user = Person { id: "ann".to_owned(), name: "Аня".to_owned() };
        let outcome = Ok(Some(r#"{"x":[1,2]}"#.into()));
        let boot = Boot::new(&uri, &preferences, Some(user), &facts, &outcome, 1_782_907_259_999);
        let expected = r#"{"url":"/desk/b?card=1","locale":"en","now":1782907200000,"tz":"UTC","tzOffset":0,"theme":"system","contrast":false,"density":"comfortable","user":{"id":"ann","name":"Аня"},"build":"b1","apps":["desk"],"demo":true,"data":{"x":[1,2]}}"#;
        assert_eq!(boot.to_json(), expected);
        let with_port = Boot { ws_port: Some(3001), ..boot };
        assert!(with_port.to_json().contains(r#""wsPort":3001,"data""#));
    }

    #[test]
    fn a_refusal_stands_in_for_the_data() {
        let (uri, preferences, facts) = (Uri::from_static("/desk"), Preferences::default(), facts());
        let refused: Outcome = Err(Rejection::unauthorized());
        let boot = Boot::new(&uri, &preferences, None, &facts, &refused, 0).to_json();
        assert!(
            boot.contains(r#""user":null"#) && boot.contains(r#""data":null,"error":{"code":"unauthorized""#)
        );
        let nothing: Outcome = Ok(None);
        let boot = Boot::new(&uri, &preferences, None, &facts, &nothing, 0).to_json();
        assert!(boot.ends_with(r#""data":null}"#), "{boot}");
    }

    #[test]
    fn a_port_is_a_number_of_a_port() {
        for (uri, expected) in [
            ("/?port=3001", Some(3001)),
            ("/desk?card=1&port=65535", Some(65535)),
            ("/?port=99999", None),
            ("/?port=0", None),
            ("/?port=+80", None),
            ("/?port=3001x", None),
            ("/?port=", None),
            ("/?xport=3001", None),
            ("/", None),
        ] {
            assert_eq!(wanted_port(&uri.parse().expect("a path")), expected, "{uri}");
        }
    }
}
