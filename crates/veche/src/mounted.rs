//! Requests to the modules' HTTP entries, and to the boot data of their pages; what is left are routes and pages.
//!
//! An entry is found before anybody is asked who they are, so that a request to a path of nobody's costs no
//! verification. Everything here runs on the handlers' runtime.
//!
//! A page of an allowed origin may call the entries with a token. It never brings a cookie there: a browser
//! sends none of `SameSite=Lax`, and no answer allows credentials. Entries with credentials of their own are for
//! servers, and for no other origin's pages.

use std::{convert::Infallible, sync::Arc};

use axum::body::Body as AxumBody;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts};
use hyper::body::Body as _;
use tower::ServiceExt;
use veche_kernel::{
    ErrorCode, Rejection,
    web::{Body, HttpOutcome, HttpResponse, Mounted, Visitor, json_response},
};

use crate::{
    credential,
    cross_origin::{permission, share_with},
    door::Door,
    pages,
    refusal::Refusal,
};

/// What programs ask begins so.
const API: &str = "/api/";
/// Where a page's boot data is asked for: `GET /api/page?path=/board/1`.
const BOOT: &str = "/api/page";

/// What a page of an allowed origin may send.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "authorization, content-type, if-none-match, if-range, range";

/// Answers by the modules' entries, and by the routes where there is none.
pub(crate) async fn answer(
    door: Arc<Door>,
    request: Request<AxumBody>,
) -> Result<Response<AxumBody>, Infallible> {
    let kernel = &door.kernel;
    let (head, body) = request.into_parts();
    match kernel.http(&head.method, head.uri.path()) {
        Some(Mounted::Entry(entry)) if entry.has_own_credentials() => {
            let visitor = Visitor { peer: credential::address((&head).into()), caller: None };
            let (peer, shown) = (visitor.peer, head.headers.contains_key(header::AUTHORIZATION));
            let response = entry.answer(kernel, Request::from_parts(head, from_axum(body)), visitor).await;
            if shown && response.status() == StatusCode::UNAUTHORIZED {
                // A credential that the entry itself has refused counts like any other.
                if let Some(refusal) = credential::one_failure_more(&door, peer) {
                    return Ok(refusal.into_response());
                }
            }
            Ok(response.map(to_axum))
        }
        Some(Mounted::Entry(entry)) => {
            let page = page(&door, &head);
            let mut response = match visitor(&door, &head).await {
                Ok(visitor) => {
                    let request = Request::from_parts(head, from_axum(body));
                    entry.answer(kernel, request, visitor).await.map(to_axum)
                }
                Err(refused) => refused.into_response(),
            };
            share_with(page, response.headers_mut());
            Ok(response)
        }
        Some(Mounted::OtherMethod(allow)) => {
            Ok(preflight(&door, &head).unwrap_or_else(|| other_method(allow).map(to_axum)))
        }
        Some(Mounted::Nothing) => Ok(nothing()),
        None if head.uri.path() == BOOT => Ok(boot(&door, head).await),
        None => {
            let is_api = head.uri.path().starts_with(API);
            let page = door.pages.as_deref().filter(|_| pages::is_wanted(&head)).map(|by| (by, head.clone()));
            let response = door.routes.clone().oneshot(Request::from_parts(head, body)).await?;
            // The routes' own answer to what they do not know has no body; programs read one.
            let is_bare = response.status() == StatusCode::NOT_FOUND && response.body().is_end_stream();
            Ok(match page {
                Some((by, head)) if is_bare => pages::answer(&door, by, head).await,
                _ if is_api && is_bare => nothing(),
                _ => response,
            })
        }
    }
}

/// The origin of the page that asks, if it is allowed.
fn page(door: &Door, head: &Parts) -> Option<HeaderValue> {
    let origin = head.headers.get(header::ORIGIN)?;
    door.origins.allow(&head.headers).then(|| origin.clone())
}

/// The answer to a browser that asks whether a page of an allowed origin may send what it is about to.
fn preflight(door: &Door, head: &Parts) -> Option<Response<AxumBody>> {
    let wanted = head.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok().filter(|_| head.method == Method::OPTIONS)?;
    let page = page(door, head)?;
    match door.kernel.http(&wanted, head.uri.path())? {
        Mounted::Entry(entry) if !entry.has_own_credentials() => {
            let mut response = permission(METHODS, HEADERS);
            share_with(Some(page), response.headers_mut());
            Some(response)
        }
        _ => None,
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
