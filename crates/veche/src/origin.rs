//! Which pages may open a WebSocket: the browser tells the page's origin, and only browsers do.

use http::{HeaderMap, Method, header};

/// The origins whose pages are let in. A request without `Origin` comes from no browser and is let in;
/// `null` never is.
///
/// ```
/// use veche::Origins;
///
/// let origins = Origins::of(["https://app.example".to_owned()]);
/// # let _ = origins;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Origins {
    listed: Vec<String>,
    loopback: bool,
    any: bool,
}

impl Origins {
    /// Exactly these, and the server's own (`Origin` names the host that `Host` does).
    pub fn of(origins: impl IntoIterator<Item = String>) -> Self {
        Self { listed: origins.into_iter().collect(), loopback: false, any: false }
    }

    /// Pages of every origin, for what is open to everybody: they are let in, and their cookies count for nothing.
    pub fn any() -> Self {
        Self { any: true, ..Self::default() }
    }

    /// Lets in pages of this machine, on any port, in place of those whose origin names the request's own
    /// host: for a server on loopback, which any page could reach under a rebound name.
    #[must_use]
    pub fn loopback(mut self, loopback: bool) -> Self {
        self.loopback = loopback;
        self
    }

    /// Whether every page is let in.
    pub(crate) fn is_any(&self) -> bool {
        self.any
    }

    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        self.any || self.allow_known(headers)
    }

    fn allow_known(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if origins.next().is_some() {
            return false;
        }
        self.listed.iter().any(|listed| listed == origin) || self.is_own(origin, headers)
    }

    /// The same for a request that a page may make without telling its origin: the browser leaves it out where
    /// page and server share it, and where the page could not read the answer.
    pub(crate) fn allow_reading(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return self.allow(headers);
        }
        let foreign = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
        // A page whose name was rebound to this machine is of the same origin, but for the name.
        !foreign && (!self.loopback || host_of(headers).is_some_and(is_loopback))
    }

    /// Whether a cookie of this request counts: the browser says that an allowed page sent it. A `GET` that
    /// a page makes to its own server has no `Origin`, and says so in another way; a WebSocket's always has.
    pub(crate) fn vouch(&self, method: &Method, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return self.allow_known(headers);
        }
        let reads = matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE);
        let own = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
        reads && own && self.allow_reading(headers)
    }

    /// The same for a `GET` that only reads, and whose answer no other page can read: also one that the user
    /// began, by a link from elsewhere or by the address.
    pub(crate) fn vouch_for_reading(&self, method: &Method, headers: &HeaderMap) -> bool {
        let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
        let is_get = matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE);
        let by_user = says("sec-fetch-site", "none")
            || (says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document"));
        let is_here = !self.loopback || host_of(headers).is_some_and(is_loopback);
        let is_visit = is_get && by_user && is_here && !headers.contains_key(header::ORIGIN);
        is_visit || self.vouch(method, headers)
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        if !matches!(scheme, "http" | "https") {
            return false;
        }
        if self.loopback {
            // Not the `Host` that a page brings: its name may have been rebound to this machine.
            return is_loopback(authority);
        }
        host_of(headers).is_some_and(|host| host.eq_ignore_ascii_case(authority))
    }
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// Whether an authority, with or without a port, names this machine.
fn is_loopback(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => authority,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_may_not_read_under_a_rebound_name() {
        let check = |fields: &[(&'static str, &str)], loopback: bool, expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, value.parse().expect("a header"));
            }
            assert_eq!(Origins::default().loopback(loopback).allow_reading(&headers), expected, "{fields:?}");
        };
        check(&[("host", "localhost:3000")], true, true);
        check(&[("host", "[::1]:3000")], true, true);
        check(&[("host", "evil.example:3000")], true, false);
        check(&[("host", "evil.example")], false, true);
        check(&[("host", "localhost:3000"), ("sec-fetch-site", "cross-site")], true, false);
        check(&[("host", "localhost:3000"), ("sec-fetch-site", "same-origin")], true, true);
        check(&[("host", "localhost:3000"), ("origin", "http://evil.example")], true, false);
        check(&[("host", "localhost:3000"), ("origin", "http://localhost:5173")], true, true);
    }

    #[test]
    fn a_cookie_counts_only_with_a_page_of_ours() {
        // Red: `vouch` that is `allow`; `reads` without the look at `Upgrade`.
        let check = |method: Method, fields: &[(&'static str, &str)], expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("rt.example"));
            for (name, value) in fields {
                headers.insert(*name, value.parse().expect("a header"));
            }
            let origins = Origins::of(["https://app.example".to_owned()]);
            assert_eq!(origins.vouch(&method, &headers), expected, "{method} {fields:?}");
        };
        let own = ("sec-fetch-site", "same-origin");
        check(Method::GET, &[], false);
        check(Method::GET, &[own], true);
        check(Method::GET, &[("sec-fetch-site", "same-site")], false);
        check(Method::GET, &[("sec-fetch-site", "none")], false);
        check(Method::GET, &[own, ("upgrade", "websocket")], false);
        check(Method::POST, &[own], false);
        check(Method::POST, &[("origin", "https://app.example")], true);
        check(Method::POST, &[("origin", "https://rt.example")], true);
        check(Method::GET, &[("origin", "https://app.example"), ("upgrade", "websocket")], true);
        check(Method::GET, &[own, ("origin", "https://evil.example")], false);
        check(Method::GET, &[own, ("origin", "null")], false);
    }

    #[test]
    fn a_visit_counts_where_nobody_else_reads_the_answer() {
        // Red: `vouch_for_reading` without the method, the place, or the origin.
        let check = |method: Method, host: &str, fields: &[(&'static str, &str)], expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            for (name, value) in fields {
                headers.insert(*name, value.parse().expect("a header"));
            }
            let origins = Origins::default().loopback(true);
            assert_eq!(origins.vouch_for_reading(&method, &headers), expected, "{method} {fields:?}");
        };
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let frame =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        let image =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        check(Method::GET, "localhost:3000", &link, true);
        check(Method::GET, "localhost:3000", &[("sec-fetch-site", "none")], true);
        check(Method::GET, "localhost:3000", &[("sec-fetch-site", "same-origin")], true);
        check(Method::GET, "localhost:3000", &frame, false);
        check(Method::GET, "localhost:3000", &image, false);
        check(Method::GET, "localhost:3000", &[], false);
        check(Method::GET, "evil.example:3000", &link, false);
        check(Method::POST, "localhost:3000", &link, false);
        check(Method::GET, "localhost:3000", &[("upgrade", "websocket"), ("sec-fetch-site", "none")], false);
        check(
            Method::GET,
            "localhost:3000",
            &[("origin", "http://evil.example"), ("sec-fetch-site", "none")],
            false,
        );
    }

    #[test]
    fn only_exact_origins_are_let_in() {
        let check = |origin: Option<&str>, host: &str, loopback: bool, expected: bool| {
            let origins = Origins::of(["https://app.example".to_owned()]).loopback(loopback);
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a header"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a header"));
            }
            assert_eq!(origins.allow(&headers), expected, "{origin:?} at {host}");
        };
        check(None, "rt.example", false, true);
        check(Some("https://app.example"), "rt.example", false, true);
        check(Some("https://app.example.evil"), "rt.example", false, false);
        check(Some("http://app.example"), "rt.example", false, false);
        check(Some("https://app.example:444"), "rt.example", false, false);
        check(Some("null"), "rt.example", true, false);
        check(Some("https://rt.example"), "rt.example", false, true);
        check(Some("http://localhost:5173"), "localhost:3000", false, false);
        check(Some("http://localhost:5173"), "localhost:3000", true, true);
        check(Some("http://localhost.evil"), "localhost:3000", true, false);
        check(Some("http://localhost:1@evil"), "localhost:3000", true, false);
        check(Some("http://evil.example:3000"), "evil.example:3000", true, false);
        check(Some("ftp://localhost"), "localhost:3000", true, false);
        check(Some("http://[::1]:5173"), "localhost:3000", true, true);
    }
}
