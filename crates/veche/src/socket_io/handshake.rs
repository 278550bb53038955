//! What a client said of itself when it came.

use std::{borrow::Cow, fmt, net::IpAddr};

use http::HeaderMap;
use serde::de::DeserializeOwned;

/// A client's handshake with a namespace.
#[derive(Clone)]
pub struct Handshake {
    pub(super) namespace: Box<str>,
    pub(super) auth: Box<str>,
    pub(super) query: Box<str>,
    pub(super) headers: HeaderMap,
    pub(super) address: IpAddr,
    pub(super) time_ms: u64,
}

/// What it says may be secret.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, address, time_ms, .. } = self;
        let mut shown = f.debug_struct("Handshake");
        shown
            .field("namespace", namespace)
            .field("address", address)
            .field("time_ms", time_ms)
            .finish_non_exhaustive()
    }
}

impl Handshake {
    /// The namespace that is asked for.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The `auth` payload as raw JSON: an object.
    pub fn auth(&self) -> &str {
        &self.auth
    }

    /// The `auth` payload, if it has this shape.
    pub fn auth_as<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.auth).ok()
    }

    /// The request's query, as it stood in the address.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The first parameter of the query with this name, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let found = self.parameters().find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// All parameters of the query, decoded.
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query.as_bytes())
    }

    /// A header of the request that the engine began with.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the client is, as far as proxies are to be believed.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// When it came, by the wall clock in ms since 1970.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }
}
