//! A page as it is kept and sent: HTML, compressed once, with its tag.

use std::io::Write as _;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use veche::web::{Body, HttpResponse};

use super::{
    assets::is_known,
    encoding::{Coding, takes},
    policy,
};

/// Cheap: a page of 100 KB takes about a millisecond, and is a tenth of it afterwards.
const LEVEL: Compression = Compression::new(4);

/// HTML that was made.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    html: Bytes,
    gzip: Bytes,
    /// Of what the page was made from; none where the next answer may be another.
    etag: Option<HeaderValue>,
}

impl Page {
    pub(super) fn new(status: StatusCode, html: String, etag: Option<HeaderValue>) -> Self {
        let mut encoder = GzEncoder::new(Vec::with_capacity(html.len() / 4), LEVEL);
        // A vector never refuses.
        let written = encoder.write_all(html.as_bytes());
        let gzip = written.and_then(|()| encoder.finish()).unwrap_or_default();
        Self { status, html: html.into(), gzip: gzip.into(), etag }
    }

    /// Bytes of memory, about.
    #[cfg(feature = "ssr")]
    pub(super) fn bytes(&self) -> usize {
        self.html.len() + self.gzip.len()
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap, policy: &HeaderValue) -> HttpResponse {
        let is_gzip = takes(headers, Coding::Gzip) && !self.gzip.is_empty();
        let is_known =
            self.status == StatusCode::OK && self.etag.as_ref().is_some_and(|etag| is_known(headers, etag));
        let body = match (is_known, is_gzip) {
            (true, _) => Body::empty(),
            (false, true) => self.gzip.clone().into(),
            (false, false) => self.html.clone().into(),
        };
        let mut response = HttpResponse::new(body);
        let fields = response.headers_mut();
        policy::dress(fields, policy);
        if let Some(etag) = &self.etag {
            fields.insert(header::ETAG, etag.clone());
        }
        if is_known {
            fields.remove(header::CONTENT_TYPE);
        } else if is_gzip {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(Coding::Gzip.name()));
        }
        *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { self.status };
        response
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn asked(fields: &[(header::HeaderName, &str)]) -> HttpResponse {
        let etag = Some(HeaderValue::from_static("W/\"abc\""));
        let page = Page::new(StatusCode::OK, "<p>Hello</p>".repeat(100), etag);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(name, value.parse().expect("a header"));
        }
        page.answer(&headers, &HeaderValue::from_static("default-src 'self'"))
    }

    #[test]
    fn a_page_is_compressed_for_who_takes_it() {
        let plain = asked(&[]);
        assert_eq!(plain.headers().get(header::CONTENT_ENCODING), None);
        let gzip = asked(&[(header::ACCEPT_ENCODING, "gzip")]);
        assert_eq!(gzip.headers()[header::CONTENT_ENCODING], "gzip");
        let [plain, gzip] = [plain, gzip].map(|it| it.into_body().into_bytes().expect("at hand"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut text).expect("gzip");
        assert!(text.as_bytes() == plain && gzip.len() < plain.len() / 4);
    }

    #[test]
    fn a_page_that_is_known_is_not_sent_again() {
        for (tags, expected) in [
            ("W/\"abc\"", 304),
            ("\"x\", \"abc\"", 304),
            ("*", 304),
            ("W/\"abd\"", 200),
            ("abc", 200),
            ("", 200),
        ] {
            let answer = asked(&[(header::IF_NONE_MATCH, tags)]);
            let is_empty = expected == 304;
            assert_eq!(
                (answer.status().as_u16(), answer.body().is_empty()),
                (expected, is_empty),
                "{tags:?}"
            );
            for name in ["etag", "vary", "cache-control", "content-security-policy"] {
                assert!(answer.headers().contains_key(name), "{tags:?} {name}");
            }
        }
        let etag = Some(HeaderValue::from_static("W/\"abc\""));
        let missing = Page::new(StatusCode::NOT_FOUND, String::new(), etag);
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("W/\"abc\""));
        assert_eq!(missing.answer(&headers, &HeaderValue::from_static("")).status(), 404);
    }
}
