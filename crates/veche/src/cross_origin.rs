//! Pages of other origins that are allowed: what a browser must be told before they may ask, and before they
//! may read the answer.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

/// How long a browser may keep a permission in mind, in seconds.
const KEPT_FOR: &str = "600";

/// Lets the page read the answer, whose origin was allowed.
pub(crate) fn share(request: &HeaderMap, response: &mut HeaderMap) {
    share_with(request.get(header::ORIGIN).cloned(), response);
}

/// The same where the request has been used up; without an origin for nobody.
pub(crate) fn share_with(origin: Option<HeaderValue>, response: &mut HeaderMap) {
    response.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// The answer to a browser that asks before a page may send a request; `None` for a request that asks nothing.
pub(crate) fn preflight<B>(
    request: &Request<B>,
    methods: &'static str,
    headers: &'static str,
) -> Option<Response<Body>> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    (request.method() == Method::OPTIONS && asks).then(|| permission(methods, headers))
}

/// What a browser is told before a page of an allowed origin sends a request.
pub(crate) fn permission(methods: &'static str, headers: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let fields = response.headers_mut();
    fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(headers));
    fields.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(KEPT_FOR));
    response
}
