//! Requests to the modules' HTTP entries, and to the boot data of their pages.
//!
//! An entry is found before anybody is asked who they are, so that a request to a path of nobody's costs no
//! verification. Everything here runs on the handlers' runtime.

use std::{convert::Infallible, sync::Arc};

use axum::body::Body as AxumBody;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts};
use hyper::body::Body as _;
use tower::ServiceExt;
use veche_kernel::{
    ErrorCode, Rejection,
    web::{Body, HttpOutcome, HttpResponse, Mounted, Visitor, json_response},
};

use crate::{credential, door::Door, refusal::Refusal};

/// What programs ask begins so.
const API: &str = "/api/";
/// Where a page's boot data is asked for: `GET /api/page?path=/board/1`.
const BOOT: &str = "/api/page";

/// Answers by the modules' entries, and by the routes where there is none.
pub(crate) async fn answer(
    door: Arc<Door>,
    request: Request<AxumBody>,
) -> Result<Response<AxumBody>, Infallible> {
    let kernel = &door.kernel;
    let (head, body) = request.into_parts();
    match kernel.http(&head.method, head.uri.path()) {
        Some(Mounted::Entry(entry)) => {
            let own = entry.has_own_credentials();
            let visitor = if own {
                Visitor { peer: credential::address((&head).into()), caller: None }
            } else {
                match visitor(&door, &head).await {
                    Ok(visitor) => visitor,
                    Err(refused) => return Ok(refused.into_response()),
                }
            };
            let (peer, shown) = (visitor.peer, own && head.headers.contains_key(header::AUTHORIZATION));
            let response = entry.answer(kernel, Request::from_parts(head, from_axum(body)), visitor).await;
            if shown && response.status() == StatusCode::UNAUTHORIZED {
                // A credential that the entry itself has refused counts like any other.
                if let Some(refusal) = credential::one_failure_more(&door, peer) {
                    return Ok(refusal.into_response());
                }
            }
            Ok(response.map(to_axum))
        }
        Some(Mounted::OtherMethod(allow)) => Ok(other_method(allow).map(to_axum)),
        Some(Mounted::Nothing) => Ok(nothing()),
        None if head.uri.path() == BOOT => Ok(boot(&door, head).await),
        None => {
            let is_api = head.uri.path().starts_with(API);
            let response = door.routes.clone().oneshot(Request::from_parts(head, body)).await?;
            // The routes' own answer to what they do not know has no body; programs read one.
            let is_bare = response.status() == StatusCode::NOT_FOUND && response.body().is_end_stream();
            Ok(if is_api && is_bare { nothing() } else { response })
        }
    }
}

fn nothing() -> Response<AxumBody> {
    Rejection::new(ErrorCode::NotFound, "there is no such thing").into_response().map(to_axum)
}

async fn visitor(door: &Arc<Door>, head: &Parts) -> Result<Visitor, Refusal> {
    let peer = credential::address(head.into());
    Ok(Visitor { peer, caller: credential::identify(door, head.into()).await? })
}

fn other_method(allow: HeaderValue) -> HttpResponse {
    let message = "this path is used by other methods";
    let rejection = Rejection::new(ErrorCode::BadRequest, message).status(StatusCode::METHOD_NOT_ALLOWED);
    let mut response = rejection.into_response();
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

async fn boot(door: &Arc<Door>, head: Parts) -> Response<AxumBody> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return other_method(HeaderValue::from_static("GET, HEAD")).map(to_axum);
    }
    let visitor = match visitor(door, &head).await {
        Ok(visitor) => visitor,
        Err(refused) => return refused.into_response(),
    };
    let outcome = boot_data(door, head, visitor).await;
    outcome.unwrap_or_else(Rejection::into_response).map(to_axum)
}

async fn boot_data(door: &Door, head: Parts, visitor: Visitor) -> HttpOutcome {
    let query = head.uri.query().unwrap_or_default();
    let path = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "path");
    let wrong = |why| Rejection::new(ErrorCode::BadRequest, why).field("path");
    let (_, path) = path.ok_or_else(|| wrong("name the page: ?path=/board/1"))?;
    let page: Uri = match path.parse() {
        Ok(uri) if path.starts_with('/') => uri,
        _ => return Err(wrong("a page's path begins with / and is encoded as in an address")),
    };
    let json = door.kernel.boot(page, head.headers, visitor).await?;
    Ok(json_response(StatusCode::OK, json.map_or_else(|| "null".to_owned(), String::from)))
}

/// A request's body as modules read it.
pub(crate) fn from_axum(body: AxumBody) -> Body {
    Body::stream(body.into_data_stream())
}

/// A module's body as it leaves.
pub(crate) fn to_axum(body: Body) -> AxumBody {
    match body.into_bytes() {
        Ok(bytes) => bytes.into(),
        Err(pieces) => AxumBody::from_stream(pieces),
    }
}
