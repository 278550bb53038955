//! Where the site is for those who use it: links and origins come from the configuration, never from a request.

use http::{HeaderMap, Uri, header};

/// The site's address, such as `https://veche.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: String,
    listed: Vec<String>,
    is_for_this_machine: bool,
}

impl Site {
    /// Reads `https://host[:port]`, or `http://…` for a machine of one's own; `None` where it is no origin.
    pub fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let is_origin = matches!(uri.path(), "" | "/") && uri.query().is_none() && is_http;
        let origin = format!("{}://{authority}", uri.scheme_str()?).to_ascii_lowercase();
        is_origin.then(|| Self { origin, listed: Vec::new(), is_for_this_machine: false })
    }

    /// Other origins whose pages may use the accounts.
    #[must_use]
    pub fn origins(self, listed: impl IntoIterator<Item = String>) -> Self {
        Self { listed: listed.into_iter().collect(), ..self }
    }

    /// Lets pages of this machine use them too, on any port: for a server that only this machine reaches.
    #[must_use]
    pub fn this_machine(self, is_for_this_machine: bool) -> Self {
        Self { is_for_this_machine, ..self }
    }

    /// The origin, such as `https://veche.example`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies may demand TLS.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// A link to a page. The secret is in the fragment, which browsers do not send: it is in no server's log
    /// and in no `Referer`, and a mail scanner that opens the link sets nothing off.
    pub(crate) fn link(&self, page: &str, secret: Option<&str>) -> String {
        let fragment = secret.map(|secret| format!("#token={secret}")).unwrap_or_default();
        format!("{}{page}{fragment}", self.origin)
    }

    /// Whether a request that changes something comes from a page of the site, or from no page at all.
    /// Browsers say so by one of the two headers; a program that sends neither has no one's cookies.
    pub(crate) fn allows(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter().map(header::HeaderValue::to_str);
        let origin = origins.next();
        if origins.next().is_some() {
            return false;
        }
        let is_listed = |origin: &str| {
            origin == self.origin
                || self.listed.iter().any(|listed| listed == origin)
                || self.is_for_this_machine && is_of_this_machine(origin)
        };
        let is_own = |origin: &str| {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            host.is_some() && host == authority
        };
        match (origin, headers.get("sec-fetch-site").map(header::HeaderValue::as_bytes)) {
            (Some(Err(_)), _) => false,
            (Some(Ok(origin)), _) if is_listed(origin) => true,
            // Any page could reach this machine under a name of its own, which it then is of the same origin as.
            (Some(_), _) if self.is_for_this_machine => false,
            (_, Some(site)) => matches!(site, b"same-origin" | b"none"),
            (Some(Ok(origin)), None) => is_own(origin),
            (None, None) => true,
        }
    }
}

fn is_of_this_machine(origin: &str) -> bool {
    let uri: Option<Uri> = origin.parse().ok();
    uri.and_then(|uri| uri.host().map(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")))
        == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_an_origin() {
        for (url, expected) in [
            ("https://veche.example", Some("https://veche.example/x#token=t")),
            ("https://Veche.example/", Some("https://veche.example/x#token=t")),
            ("http://localhost:3000", Some("http://localhost:3000/x#token=t")),
            ("https://veche.example/app", None),
            ("https://veche.example/?a", None),
            ("https://ann@veche.example", None),
            ("ftp://veche.example", None),
            ("veche.example", None),
            ("", None),
        ] {
            let link = Site::parse(url).map(|site| site.link("/x", Some("t")));
            assert_eq!(link.as_deref(), expected, "{url}");
        }
    }

    /// Red where `allows` looks at one of the headers alone: a line with the other one fails.
    #[test]
    fn only_the_sites_own_pages_change_anything() {
        let site = Site::parse("https://veche.example").expect("a site");
        let site = site.origins(["https://app.example".to_owned()]);
        let check = |fields: &[(&'static str, &'static str)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, header::HeaderValue::from_static(value));
            }
            assert_eq!(site.allows(&headers), expected, "{fields:?}");
        };
        check(&[], true);
        check(&[("origin", "https://veche.example")], true);
        check(&[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")], true);
        check(&[("origin", "http://veche.example")], false);
        check(&[("origin", "https://veche.example.evil")], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "https://veche.example"), ("origin", "https://evil.example")], false);
        check(&[("origin", "http://10.0.0.1:3000"), ("host", "10.0.0.1:3000")], true);
        check(&[("origin", "http://evil.example"), ("host", "10.0.0.1:3000")], false);
        check(&[("origin", "http://localhost:5173")], false);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], false);
    }

    #[test]
    fn a_server_of_this_machine_is_for_its_pages_on_any_port() {
        let site = Site::parse("http://localhost:3000").expect("a site").this_machine(true);
        for (origin, expected) in [
            ("http://localhost:5173", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:5173", true),
            ("http://localhost.evil:3000", false),
            ("http://localhost:3000@evil.example", false),
            ("http://evil.example/localhost", false),
            ("null", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("origin", origin.parse().expect("a header"));
            headers.insert("sec-fetch-site", "same-site".parse().expect("a header"));
            assert_eq!(site.allows(&headers), expected, "{origin}");
        }
        // Red where `Host` says who is at home: a name may have been rebound to this machine.
        for more in [None, Some(("sec-fetch-site", "same-origin"))] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("host", "evil.example:3000"), ("origin", "http://evil.example:3000")]
                .into_iter()
                .chain(more)
            {
                headers.insert(name, header::HeaderValue::from_static(value));
            }
            assert!(!site.allows(&headers), "{more:?}");
        }
    }
}
