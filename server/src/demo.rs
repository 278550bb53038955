//! The page of `--demo`: two clients side by side, to see what the server does.
//!
//! Its files are compiled in and served as they are; there is no build step.

use axum::{
    Router,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
    routing::get,
};

/// The page runs only its own files, talks only to its own server, and is framed by nobody.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

/// `/_try` and its files.
pub fn router() -> Router {
    Router::new()
        .route("/_try", get(async || file(HTML, include_str!("../assets/try.html"))))
        .route("/_try/try.css", get(async || file(CSS, include_str!("../assets/try.css"))))
        .route("/_try/try.js", get(async || file(SCRIPT, include_str!("../assets/try.js"))))
        .route("/_try/link.js", get(async || file(SCRIPT, include_str!("../assets/link.js"))))
        .route("/_try/words.js", get(async || file(SCRIPT, include_str!("../assets/words.js"))))
        .route("/_try/mark.svg", get(async || file(SVG, include_str!("../assets/mark.svg"))))
}

/// A compiled-in file, under the policy.
pub(crate) fn file(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A newer server has a newer page: ask each time.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
