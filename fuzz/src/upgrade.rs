//! The handshake under arbitrary headers.

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Version};
use veche_protocol::ws::upgrade::{Offer, accept_key, decide};

/// The headers of a request that is accepted.
const VALID: [(&str, &str); 5] = [
    ("host", "example.org"),
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

/// The first byte's low bits say which of the valid headers are there; the rest is lines of
/// `name: value`.
pub fn upgrade(data: &[u8]) {
    let Some((&present, lines)) = data.split_first() else { return };
    let mut headers = HeaderMap::new();
    for (at, (name, value)) in VALID.into_iter().enumerate() {
        if present & (1 << at) != 0 {
            headers.append(name, HeaderValue::from_static(value));
        }
    }
    for line in lines.split(|byte| *byte == b'\n').take(100) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value[1..].trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    judge(&headers, true);
    judge(&headers, false);
}

fn judge(headers: &HeaderMap, deflate: bool) {
    let subprotocols = ["veche.v1.json", "chat"];
    let offer = Offer { subprotocols: &subprotocols, deflate };
    match decide(&Method::GET, Version::HTTP_11, headers, &offer) {
        Ok(accepted) => {
            for (name, _) in VALID {
                assert!(headers.contains_key(name), "accepted without {name}");
            }
            let key = headers["sec-websocket-key"].to_str().expect("a key is ASCII").trim();
            assert_eq!(headers.get_all("sec-websocket-key").iter().count(), 1);
            assert_eq!(accepted.accept, accept_key(key));
            assert_eq!(accepted.deflate, accepted.extensions.is_some());
            assert!(deflate || !accepted.deflate, "compression that was not offered");
            assert!(accepted.subprotocol.is_none_or(|chosen| subprotocols.contains(&chosen)));
        }
        Err(refused) => {
            assert!(refused.status.is_client_error());
            assert!(!refused.reason.is_empty());
            assert_eq!(refused.status.as_u16() == 426, refused.header.is_some());
        }
    }
}
