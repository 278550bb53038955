//! Pages of other origins that are allowed: what a browser must be told before they may ask, and before they
//! may read the answer.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

/// How long a browser may keep a permission in mind, in seconds.
const KEPT_FOR: &str = "600";

/// Lets the page read the answer, whose origin was allowed.
pub(crate) fn share(request: &HeaderMap, response: &mut HeaderMap) {
    response.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = request.get(header::ORIGIN) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The answer to a browser that asks before a page may send a request; `None` for a request that asks nothing.
pub(crate) fn preflight<B>(
    request: &Request<B>,
    methods: &'static str,
    headers: &'static str,
) -> Option<Response<Body>> {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() != Method::OPTIONS || !asks {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let fields = response.headers_mut();
    fields.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    fields.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(headers));
    fields.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(KEPT_FOR));
    Some(response)
}
