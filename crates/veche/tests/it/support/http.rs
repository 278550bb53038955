//! Requests with bodies of JSON.

use serde_json::{Value, json};
use veche::{
    Server,
    api::{Key, KeyText, MemoryKeys},
};

use super::{
    address,
    raw::{Response, ask},
};

/// A server's address and a credential.
pub(crate) struct Http<'a> {
    pub(crate) server: &'a Server,
    pub(crate) bearer: String,
}

/// An answer with a body of JSON.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) response: Response,
}

impl Told {
    /// The error's code and field.
    pub(crate) fn error(&self) -> (&str, Option<&str>) {
        let error = &self.body["error"];
        (error["code"].as_str().unwrap_or_default(), error["field"].as_str())
    }
}

impl<'a> Http<'a> {
    pub(crate) fn of(server: &'a Server, bearer: impl ToString) -> Self {
        Self { server, bearer: bearer.to_string() }
    }

    /// Sends a request with these further header lines.
    pub(crate) async fn send(&self, line: &str, more: &str, body: &str) -> Told {
        let authorization = match self.bearer.as_str() {
            "" => String::new(),
            bearer => format!("Authorization: Bearer {bearer}\r\n"),
        };
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: veche.example\r\n{authorization}Content-Length: {length}\r\n{more}\r\n{body}"
        );
        let response = ask(address(self.server), request).await.expect("an answer");
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Told { status: response.status, body, response }
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Told {
        self.post_with(path, "", body).await
    }

    pub(crate) async fn post_with(&self, path: &str, more: &str, body: Value) -> Told {
        let more = format!("Content-Type: application/json\r\n{more}");
        self.send(&format!("POST {path}"), &more, &body.to_string()).await
    }

    /// The same for an operation of `/api/v1`, which succeeds.
    pub(crate) async fn does(&self, operation: &str, body: Value) -> Value {
        let told = self.post(&format!("/api/v1/{operation}"), body).await;
        assert_eq!(told.status, 200, "{operation}: {}", told.body);
        told.body
    }
}

/// Keys with these scopes, the first of which is returned as text.
pub(crate) fn keys<const N: usize>(scopes: [&[&str]; N]) -> (MemoryKeys, [KeyText; N]) {
    let issue = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect();
        Key::issue("test", scopes, 0, 0).expect("a key")
    };
    let issued = scopes.map(issue);
    let texts = issued.clone().map(|(_, text)| text);
    (MemoryKeys::of(issued.map(|(key, _)| key)), texts)
}

/// Everything that a key may do.
pub(crate) const ALL: &[&str] =
    &["publish", "presence", "history", "subscribe", "channels", "disconnect", "revoke", "info", "keys"];

/// A position in a response.
pub(crate) fn offset(body: &Value) -> u64 {
    body["position"]["offset"].as_u64().unwrap_or_else(|| panic!("{body} has a position"))
}

/// An operation that publishes.
pub(crate) fn publish(channel: &str, data: impl Into<Value>) -> Value {
    json!({ "channel": channel, "data": data.into() })
}
