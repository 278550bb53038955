//! A connection's HTTP: the doors' handshakes are served on the shard, all else by the routes on the
//! handlers' runtime. After a handshake hyper and its buffers are gone, and the bare socket goes on.

use std::{
    cell::Cell,
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::{net::TcpStream, sync::Notify};
use veche_kernel::{Encoding, Identity, Opening, Shard};
use veche_protocol::ws::upgrade::{self, Accepted, Offer};

use crate::{
    answering::Answering,
    door::{Door, Guest},
    mounted::{self, Peer},
    socket::{self, SocketHandler},
    sse, websocket,
};

/// The most bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// The native door's subprotocol.
const SUBPROTOCOL: &str = "veche.v1.json";

/// What becomes of a socket after its handshake.
enum Upgrade {
    Native(Opening),
    Plain { handler: Arc<SocketHandler>, deflate: bool },
}

/// Serves a connection on its shard.
pub(crate) fn serve(shard: &Rc<Shard>, stream: TcpStream, guest: Guest) {
    let shard = shard.clone();
    // A socket that has no peer any more gets no answer either.
    let peer = Peer(stream.peer_addr().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip()));
    tokio::task::spawn_local(async move {
        let upgrade: Rc<Cell<Option<Upgrade>>> = Rc::default();
        let abandon: Rc<Notify> = Rc::default();
        let asked = Asked {
            shard: shard.clone(),
            door: guest.door.clone(),
            upgrade: upgrade.clone(),
            abandon: abandon.clone(),
        };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            answer(asked.clone(), request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(guest.door.handshake)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let served = tokio::select! {
            served = connection.without_shutdown() => served,
            () = abandon.notified() => return,
        };
        let parts = match served {
            Ok(parts) => parts,
            Err(error) => return refused(&error),
        };
        let stream = parts.io.into_inner();
        match upgrade.take() {
            Some(Upgrade::Native(opening)) => {
                websocket::serve(&shard, stream, parts.read_buf, opening, guest);
            }
            Some(Upgrade::Plain { handler, deflate }) => {
                socket::serve(stream, parts.read_buf, &handler, deflate, guest);
            }
            None => {}
        }
    });
}

fn refused(error: &hyper::Error) {
    let reason = if error.is_timeout() {
        "handshake_timeout"
    } else if error.is_parse_too_large() {
        "head_too_large"
    } else if error.is_parse() {
        "bad_http"
    } else {
        return;
    };
    counter!("veche_refused_total", "reason" => reason).increment(1);
}

/// What a connection's requests are answered with.
#[derive(Clone)]
struct Asked {
    shard: Rc<Shard>,
    door: Arc<Door>,
    /// What becomes of the socket when its answer has left.
    upgrade: Rc<Cell<Option<Upgrade>>>,
    /// Told when the connection must go without further ado.
    abandon: Rc<Notify>,
}

/// The body of an answer: of a route's, or a stream of events, which lives on the shard.
enum Answer {
    Whole(Body),
    Events(sse::EventsBody),
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Events(events) => Pin::new(events).poll_frame(context).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Events(events) => events.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Events(events) => events.size_hint(),
        }
    }
}

async fn answer(asked: Asked, request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    if asked.door.events.as_deref() == Some(request.uri().path()) && names_one_host(&request) {
        let Asked { shard, door, abandon, .. } = asked;
        return Ok(match sse::answer(&shard, &door, &request, abandon).await {
            sse::Answer::Whole(response) => response.map(Answer::Whole),
            sse::Answer::Stream(response) => response.map(Answer::Events),
        });
    }
    let whole = answer_whole(asked.door, asked.upgrade, request).await;
    Ok(whole.map(Answer::Whole))
}

fn names_one_host(request: &Request<Incoming>) -> bool {
    request.headers().get_all(header::HOST).iter().count() == 1
}

async fn answer_whole(
    door: Arc<Door>,
    upgrade: Rc<Cell<Option<Upgrade>>>,
    request: Request<Incoming>,
) -> Response<Body> {
    if !names_one_host(&request) {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "a request names one host");
        return refusal.into_response();
    }
    let path = request.uri().path();
    if door.websocket.as_deref() == Some(path) {
        return match native(&door, &request) {
            Ok((accepted, opening)) => {
                upgrade.set(Some(Upgrade::Native(opening)));
                switching(accepted)
            }
            Err(refusal) => refusal.into_response(),
        };
    }
    if let Some(handler) = door.sockets.get(path) {
        return match handshake(&door, &request, &[]) {
            Ok(accepted) => {
                let deflate = accepted.deflate;
                upgrade.set(Some(Upgrade::Plain { handler: handler.clone(), deflate }));
                switching(accepted)
            }
            Err(refusal) => refusal.into_response(),
        };
    }
    route(&door, request).await
}

/// Decides on a native connection: the handshake first, then who it is.
fn native(door: &Door, request: &Request<Incoming>) -> Result<(Accepted, Opening), Refusal> {
    let accepted = handshake(door, request, &[SUBPROTOCOL])?;
    let identity = authenticate(door, request.headers())?;
    let device = device(request.uri().query().unwrap_or_default())?;
    let encoding = if accepted.deflate { Encoding::NativeDeflate } else { Encoding::Native };
    Ok((accepted, Opening { encoding, identity, device }))
}

fn handshake(
    door: &Door,
    request: &Request<Incoming>,
    subprotocols: &[&'static str],
) -> Result<Accepted, Refusal> {
    if door.is_stopping() || door.kernel.is_draining() {
        return Err(stopping());
    }
    if !door.origins.allow(request.headers()) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", "this origin is not allowed"));
    }
    let offer = Offer { subprotocols, deflate: true };
    upgrade::decide(request.method(), request.version(), request.headers(), &offer)
        .map_err(|refused| Refusal::new(refused.status, "bad_request", refused.reason).with(refused.header))
}

/// The server takes nobody in any more.
pub(crate) fn stopping() -> Refusal {
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the server stops");
    refusal.with(Some((header::RETRY_AFTER, "1")))
}

/// Nobody is signed in where somebody must be.
pub(crate) fn no_credential() -> Refusal {
    let message = "sign in by the header Authorization: Bearer <token>";
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
    refusal.with(Some((header::WWW_AUTHENTICATE, "Bearer")))
}

/// Who the `Authorization` header says it is. A wrong credential is refused; none is a matter for later.
pub(crate) fn authenticate(door: &Door, headers: &HeaderMap) -> Result<Option<Identity>, Refusal> {
    let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
    let Some(credential) = credentials.next() else { return Ok(None) };
    let unauthorized = |why: &'static str| {
        counter!("veche_refused_total", "reason" => why).increment(1);
        let message = "the Authorization header holds no valid token";
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message);
        refusal.with(Some((header::WWW_AUTHENTICATE, "Bearer")))
    };
    if credentials.next().is_some() {
        return Err(unauthorized("token_doubled"));
    }
    let bearer = credential.to_str().ok().and_then(|value| value.split_once(' '));
    let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Err(unauthorized("token_scheme"));
    };
    let Some(authenticator) = door.kernel.authenticator() else {
        return Err(unauthorized("token_not_taken"));
    };
    authenticator.authenticate(token.trim(), door.kernel.clock().wall_ms()).map(Some).map_err(unauthorized)
}

/// The device that the client names by `?device=`: 1 to 64 of `[A-Za-z0-9_-]`.
pub(crate) fn device(query: &str) -> Result<Option<Box<str>>, Refusal> {
    let Some(device) = query.split('&').find_map(|pair| pair.strip_prefix("device=")) else {
        return Ok(None);
    };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=64).contains(&device.len()) && device.bytes().all(known) {
        return Ok(Some(device.into()));
    }
    let message = "device: 1 to 64 characters of [A-Za-z0-9_-]";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message))
}

fn switching(accepted: Accepted) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::try_from(accepted.accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = accepted.subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    if let Some(extensions) = accepted.extensions {
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(extensions));
    }
    response
}

/// Hands a request to the routes on the handlers' runtime; the shard only streams the bodies.
async fn route(door: &Arc<Door>, request: Request<Incoming>) -> Response<Body> {
    // RFC 9112, 6.3: with both, Transfer-Encoding wins and the connection ends after the response.
    let headers = request.headers();
    let ambiguous =
        headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH);
    let answering = Answering::new(door.clone());
    let answered = mounted::answer(door.clone(), request.map(Body::new));
    let running = door.kernel.handlers().spawn(answered);
    let abort = AbortOnDrop(running.abort_handle());
    let mut response = match running.await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let panicked = "the handler panicked";
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", panicked).into_response()
        }
    };
    drop(abort);
    if ambiguous || door.is_stopping() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| answering.until_end_of(body))
}

/// A request whose client has gone is not worked on any further.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a request gets no further.
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, header: None }
    }

    pub(crate) fn with(mut self, header: Option<(HeaderName, &'static str)>) -> Self {
        self.header = header;
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        counter!("veche_http_refused_total", "status" => self.status.as_str().to_owned()).increment(1);
        let body = serde_json::json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
