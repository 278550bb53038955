//! A connection's HTTP: the doors' handshakes are served on the shard, all else by the routes on the
//! handlers' runtime. After a handshake hyper and its buffers are gone, and the bare socket goes on.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::{net::TcpStream, sync::Notify};
use veche_kernel::{Encoding, Opening, Shard};
use veche_protocol::ws::upgrade::{self, Accepted, Offer};

use crate::{
    addresses::Place,
    answering::Answering,
    credential,
    door::{Door, Guest},
    mounted,
    proxies::{ClientAddress, client_address},
    refusal::Refusal,
    socket::{self, SocketHandler},
    socket_io, sse, ticket_door,
    tickets::Purpose,
    websocket,
};

/// The most bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// The native door's subprotocol.
const SUBPROTOCOL: &str = "veche.v1.json";

/// What becomes of a socket after its handshake.
enum Upgrade {
    Native(Opening, Option<Place>),
    SocketIo(socket_io::Upgraded),
    Plain { handler: Arc<SocketHandler>, deflate: bool, place: Option<Place> },
}

/// Serves a connection on its shard.
pub(crate) fn serve(shard: &Rc<Shard>, stream: TcpStream, guest: Guest) {
    let shard = shard.clone();
    tokio::task::spawn_local(async move {
        let upgrade: Rc<Cell<Option<Upgrade>>> = Rc::default();
        let abandon: Rc<Notify> = Rc::default();
        let asked = Asked {
            shard: shard.clone(),
            door: guest.door.clone(),
            upgrade: upgrade.clone(),
            abandon: abandon.clone(),
        };
        let peer = guest.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = client_address(peer, request.headers(), &asked.door.proxies);
            request.extensions_mut().insert(ClientAddress { client, peer });
            // hyper keeps the room of this future, 2 KB, for as long as the connection lives.
            Box::pin(answer(asked.clone(), request))
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
            Some(Upgrade::Native(opening, place)) => {
                let guest = guest.sit(place);
                websocket::serve(&shard, stream, parts.read_buf, opening, guest);
            }
            Some(Upgrade::SocketIo(upgraded)) => upgraded.serve(&shard, stream, parts.read_buf, guest),
            Some(Upgrade::Plain { handler, deflate, place }) => {
                let guest = guest.sit(place);
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
    if let Some(io) =
        socket_io::door_at(&asked.door, request.uri().path()).filter(|_| names_one_host(&request))
    {
        let (response, upgraded) = socket_io::answer(&asked.shard, &asked.door, io, request).await;
        asked.upgrade.set(upgraded.map(Upgrade::SocketIo));
        return Ok(response.map(Answer::Whole));
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
        return match native(&door, &request).await {
            Ok((accepted, opening, place)) => {
                upgrade.set(Some(Upgrade::Native(opening, place)));
                switching(accepted)
            }
            Err(refusal) => refusal.into_response(),
        };
    }
    if let Some(handler) = door.sockets.get(path) {
        let accepted = handshake(&door, &request, &[]);
        return match accepted.and_then(|accepted| Ok((accepted, door.place(&request)?))) {
            Ok((accepted, place)) => {
                let (handler, deflate) = (handler.clone(), accepted.deflate);
                upgrade.set(Some(Upgrade::Plain { handler, deflate, place }));
                switching(accepted)
            }
            Err(refusal) => refusal.into_response(),
        };
    }
    if door.tickets_at.as_deref() == Some(path) {
        return ticket_door::answer(&door, &request).await;
    }
    route(&door, request).await
}

/// Decides on a native connection: the handshake first, then who it is, and last whether there is room.
async fn native(
    door: &Arc<Door>,
    request: &Request<Incoming>,
) -> Result<(Accepted, Opening, Option<Place>), Refusal> {
    let accepted = handshake(door, request, &[SUBPROTOCOL])?;
    let device = device(request.uri().query().unwrap_or_default())?;
    let identity = credential::identify_for(door, request.into(), Some(Purpose::Socket)).await?;
    let encoding = if accepted.deflate { Encoding::NativeDeflate } else { Encoding::Native };
    Ok((accepted, Opening { encoding, identity, device, session: None }, door.place(request)?))
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

pub(crate) fn switching(accepted: Accepted) -> Response<Body> {
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
