//! The handshake: whether a request becomes a WebSocket, and with which extension and subprotocol.
//!
//! Deliberately absent: the origin and who the client is. Those are the door's to judge.

mod extensions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use sha1::{Digest, Sha1};

/// What this end can speak.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offer<'a> {
    /// The subprotocols, the preferred one first.
    pub subprotocols: &'a [&'static str],
    /// Whether permessage-deflate may be agreed on.
    pub deflate: bool,
}

/// The request becomes a WebSocket: answer 101 with these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The value of `Sec-WebSocket-Protocol`; no header without one.
    pub subprotocol: Option<&'static str>,
    /// The value of `Sec-WebSocket-Extensions`; no header without one.
    pub extensions: Option<&'static str>,
    /// Whether permessage-deflate was agreed on, without context takeover in both directions.
    pub deflate: bool,
}

/// The request does not become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What to answer.
    pub status: StatusCode,
    /// Why, for the body.
    pub reason: &'static str,
    /// A header that the answer must carry, such as the version that we do speak.
    pub header: Option<(HeaderName, &'static str)>,
}

impl Refused {
    const fn bad(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason, header: None }
    }

    const fn with(status: StatusCode, reason: &'static str, name: HeaderName, value: &'static str) -> Self {
        Self { status, reason, header: Some((name, value)) }
    }
}

/// Judges a request by RFC 6455, 4.2.
///
/// The subprotocol is the first of ours that the client names; a client that names only others is
/// accepted with none. permessage-deflate is agreed on by the client's first offer that we can meet.
pub fn decide(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    offer: &Offer<'_>,
) -> Result<Accepted, Refused> {
    if method != Method::GET {
        return Err(Refused::with(StatusCode::METHOD_NOT_ALLOWED, "only GET can be upgraded", ALLOW, "GET"));
    }
    if version != Version::HTTP_11 {
        return Err(Refused::bad("only HTTP/1.1 can be upgraded"));
    }
    if !has_token(headers, &UPGRADE, "websocket") {
        let status = StatusCode::UPGRADE_REQUIRED;
        return Err(Refused::with(status, "not an upgrade to a websocket", UPGRADE, "websocket"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Refused::bad("no upgrade in connection"));
    }
    if single(headers, &SEC_WEBSOCKET_VERSION)? != Some("13") {
        let status = StatusCode::UPGRADE_REQUIRED;
        return Err(Refused::with(status, "unknown websocket version", SEC_WEBSOCKET_VERSION, "13"));
    }
    let Some(key) = single(headers, &SEC_WEBSOCKET_KEY)?.filter(|key| is_key(key)) else {
        return Err(Refused::bad("sec-websocket-key is not 16 bytes of base64"));
    };
    if single(headers, &HOST)?.is_none() {
        return Err(Refused::bad("no host"));
    }
    single(headers, &ORIGIN)?;
    no_body(headers)?;
    let extensions = extensions::negotiate(headers, offer.deflate)?;
    Ok(Accepted {
        accept: accept_key(key),
        subprotocol: subprotocol(headers, offer.subprotocols),
        extensions,
        deflate: extensions.is_some(),
    })
}

/// The value of `Sec-WebSocket-Accept` that proves a server read `key`.
///
/// ```
/// use veche_protocol::ws::upgrade::accept_key;
/// assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// A client's request, whole with its empty line. `path` is the request target and carries the query;
/// `key` is 16 random bytes in base64. The caller vouches that nothing in it breaks a line.
pub fn client_request(host: &str, path: &str, key: &str, headers: &[(&str, &str)]) -> String {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    );
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    request
}

/// The one value of a header that may not be repeated.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::bad("a header stands twice that may stand once"));
    }
    value.to_str().map(|value| Some(value.trim())).map_err(|_| Refused::bad("a header is not ASCII"))
}

/// The members of a header that is a list of tokens.
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|candidate| candidate.eq_ignore_ascii_case(token))
}

fn is_key(key: &str) -> bool {
    // 24 characters are 16 to 18 bytes; the strict alphabet and padding decide.
    key.len() == 24 && STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// A body would be read as frames, or by a proxy as the next request.
fn no_body(headers: &HeaderMap) -> Result<(), Refused> {
    let empty = single(headers, &CONTENT_LENGTH)?.is_none_or(|length| length == "0");
    if empty && !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    Err(Refused::bad("an upgrade has no body"))
}

fn subprotocol(headers: &HeaderMap, ours: &[&'static str]) -> Option<&'static str> {
    ours.iter().copied().find(|ours| tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|theirs| theirs == *ours))
}

/// All extension offers of the request, in order.
fn extension_values(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().map(http::HeaderValue::as_bytes)
}
