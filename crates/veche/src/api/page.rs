//! `/api/docs`: the document for people. Its files are compiled in; there is nothing to fetch from elsewhere.

use http::{HeaderName, HeaderValue, header};
use veche_kernel::web::HttpResponse;

/// The page runs only its own files, talks only to its own server, and is framed by nobody.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn html() -> HttpResponse {
    file("text/html; charset=utf-8", include_str!("../../assets/docs.html"))
}

pub(super) fn css() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("../../assets/docs.css"))
}

pub(super) fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("../../assets/docs.js"))
}

fn file(kind: &'static str, text: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(text.into());
    let fields: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A newer server has a newer page: ask each time.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
