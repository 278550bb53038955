//! Which pages may open a WebSocket: the browser tells the page's origin, and only browsers do.

use http::{HeaderMap, header};

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
}

impl Origins {
    /// Exactly these, and the server's own (`Origin` names the host that `Host` does).
    pub fn of(origins: impl IntoIterator<Item = String>) -> Self {
        Self { listed: origins.into_iter().collect(), loopback: false }
    }

    /// Lets in pages of this machine, on any port, in place of those whose origin names the request's own
    /// host: for a server on loopback, which any page could reach under a rebound name.
    #[must_use]
    pub fn loopback(mut self, loopback: bool) -> Self {
        self.loopback = loopback;
        self
    }

    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if origins.next().is_some() {
            return false;
        }
        self.listed.iter().any(|listed| listed == origin) || self.is_own(origin, headers)
    }

    fn is_own(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        if !matches!(scheme, "http" | "https") {
            return false;
        }
        if self.loopback {
            // Not the `Host` that a page brings: its name may have been rebound to this machine.
            let name = match authority.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
                _ => authority,
            };
            return matches!(name, "localhost" | "127.0.0.1" | "[::1]");
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
