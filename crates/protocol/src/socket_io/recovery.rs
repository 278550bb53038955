//! What a client says when it comes back: it does so in the `auth` of its CONNECT, beside its own.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Auth, args::unescape};

/// A client wants its session back.
///
/// ```
/// use veche_protocol::socket_io::Auth;
///
/// let auth = Auth::Json(r#"{"pid":"Ytb","offset":"7-e-41","token":"x"}"#);
/// let recovery = auth.recovery().expect("it has a pid");
/// assert_eq!((&*recovery.pid, recovery.offset.as_deref()), ("Ytb", Some("7-e-41")));
/// assert!(Auth::Json(r#"{"token":"x"}"#).recovery().is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery<'a> {
    /// The secret that its last CONNECT was answered with.
    pub pid: Cow<'a, str>,
    /// The last argument of the last event that it saw: a [`Place`](super::Place), unless an application's own
    /// text stood there. `None`: it saw none.
    pub offset: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    pid: &'a RawValue,
    #[serde(borrow, default)]
    offset: Option<&'a RawValue>,
}

impl<'a> Auth<'a> {
    /// The session that the client wants back, if it says so. What is no text is not there.
    pub fn recovery(self) -> Option<Recovery<'a>> {
        let Auth::Json(json) = self else { return None };
        let fields: Fields<'_> = serde_json::from_str(json).ok()?;
        Some(Recovery { pid: text(fields.pid)?, offset: fields.offset.and_then(text) })
    }
}

fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    if value.get().starts_with('"') { unescape(value.get()) } else { None }
}
