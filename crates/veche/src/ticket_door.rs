//! The door of tickets: `POST` with a token or a sign-in, answered by a ticket for one stream.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use crate::{credential, cross_origin, door::Door, refusal::Refusal};

/// Methods and headers that a page of an allowed origin may use.
const METHODS: &str = "POST";
const HEADERS: &str = "authorization";

/// Answers a request at the door's path.
pub(crate) async fn answer<B>(door: &Arc<Door>, request: &Request<B>) -> Response<Body> {
    let headers = request.headers();
    if !door.origins.allow(headers) {
        return Refusal::new(StatusCode::FORBIDDEN, "forbidden", "this origin is not allowed")
            .into_response();
    }
    let mut response = match cross_origin::preflight(request, METHODS, HEADERS) {
        Some(response) => response,
        None => issue(door, request).await.unwrap_or_else(Refusal::into_response),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cross_origin::share(headers, response.headers_mut());
    response
}

async fn issue<B>(door: &Arc<Door>, request: &Request<B>) -> Result<Response<Body>, Refusal> {
    if request.method() != Method::POST {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "bad_request", "a ticket is asked for by POST");
        return Err(refusal.with(Some((header::ALLOW, "POST, OPTIONS"))));
    }
    let caller =
        credential::identify_strictly(door, request.into()).await?.ok_or_else(credential::missing)?;
    let (ticket, expires_ms) =
        door.tickets.issue(caller.identity, door.kernel.clock().wall_ms()).map_err(|_| {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "too many tickets wait to be used")
                .with(Some((header::RETRY_AFTER, "30")))
        })?;
    let body = serde_json::json!({ "ticket": ticket, "expires_ms": expires_ms }).to_string();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
