//! What a page may do, and who may keep it: the headers of every page.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Pages that talk to any port of this machine, which a demonstration of several servers needs. A host of IPv6 cannot
/// be written in a policy.
const ANY_PORT_HERE: &str = "http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*";

/// The content security policy of all pages: no script but our files, no connection but to our servers.
pub(super) fn policy(public_origins: &[String], any_port_here: bool) -> HeaderValue {
    let mut servers = String::new();
    for origin in public_origins {
        servers.push(' ');
        servers.push_str(origin);
        if let Some(socket) = socket_of(origin) {
            servers.push(' ');
            servers.push_str(&socket);
        }
    }
    if any_port_here {
        servers.push(' ');
        servers.push_str(ANY_PORT_HERE);
    }
    let policy = format!(
        "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
         connect-src 'self'{servers}; img-src 'self' data: blob:; media-src 'self' blob:; \
         worker-src 'self' blob:; base-uri 'none'; object-src 'none'; frame-ancestors 'self'"
    );
    // Origins of the configuration are ASCII without spaces; nothing else is put in.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

/// The origin of the same server's sockets.
fn socket_of(origin: &str) -> Option<String> {
    let socket = |scheme: &str, to: &str| origin.strip_prefix(scheme).map(|rest| format!("{to}{rest}"));
    socket("https://", "wss://").or_else(|| socket("http://", "ws://"))
}

/// Puts the headers of every page on.
pub(super) fn dress(headers: &mut HeaderMap, policy: &HeaderValue) {
    let fixed: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::VARY, "Cookie, Accept-Language, Accept-Encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // A page's address may name what others need not know of.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), "geolocation=(), payment=(), usb=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_exactly_this() {
        let bare = policy(&[], false);
        let expected = "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
            connect-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; \
            base-uri 'none'; object-src 'none'; frame-ancestors 'self'";
        assert_eq!(bare, expected);
    }

    #[test]
    fn pages_connect_to_what_is_configured_and_in_a_demonstration_to_this_machine() {
        let origins = ["https://b.example".to_owned(), "http://c.example:81".to_owned()];
        let text = policy(&origins, true).to_str().expect("ASCII").to_owned();
        let connect = text.split("; ").find(|part| part.starts_with("connect-src")).expect("it is there");
        let expected = "connect-src 'self' https://b.example wss://b.example http://c.example:81 \
            ws://c.example:81 http://localhost:* ws://localhost:* http://127.0.0.1:* ws://127.0.0.1:*";
        assert_eq!(connect, expected);
    }
}
