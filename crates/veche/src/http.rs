//! A connection's HTTP: the doors' handshakes are served on the shard, all else by the routes on the
//! handlers' runtime. After a handshake, or for a stream of events, hyper and its buffers go, and the bare socket
//! goes on.

use std::{convert::Infallible, future::poll_fn, rc::Rc, sync::Arc, task::Poll};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use metrics::counter;
use tokio::net::TcpStream;
use veche_kernel::{Encoding, Opening, Shard};
use veche_protocol::ws::upgrade::{self, Accepted, Offer};

use crate::{
    addresses::Place,
    answering::Answering,
    bare::Bare,
    credential,
    door::{Door, Guest},
    handover::{Handover, Lent},
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

/// What becomes of a socket, which is answered by this head.
struct Upgrade {
    head: Vec<u8>,
    to: To,
}

enum To {
    Native(Opening, Option<Place>),
    SocketIo(socket_io::Upgraded),
    Plain { handler: Arc<SocketHandler>, deflate: bool, place: Option<Place> },
    Events(Box<sse::Opened>),
}

/// Serves a connection on its shard.
pub(crate) fn serve(shard: &Rc<Shard>, stream: TcpStream, guest: Guest) {
    let shard = shard.clone();
    tokio::task::spawn_local(async move {
        let handover: Rc<Handover<Upgrade>> = Rc::default();
        let asked = Asked { shard: shard.clone(), door: guest.door.clone(), handover: handover.clone() };
        let peer = guest.peer;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = client_address(peer, request.headers(), &asked.door.proxies);
            request.extensions_mut().insert(ClientAddress { client, peer });
            // hyper keeps the room of this future, 2 KB, for as long as the connection lives.
            Box::pin(answer(asked.clone(), request))
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(guest.door.handshake)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(Lent::new(stream, handover.clone()), service);
        let served = poll_fn(|context| match connection.poll_without_shutdown(context) {
            Poll::Pending if handover.is_due() => Poll::Ready(Ok(())),
            served => served,
        });
        if let Err(error) = served.await {
            return refused(&error);
        }
        let parts = connection.into_parts();
        if let Some(Upgrade { head, to }) = handover.take() {
            let socket = Bare::new(parts.io.into_inner(), head);
            to.serve(&shard, socket, parts.read_buf, guest);
        }
    });
}

impl To {
    /// Goes on with the socket. `early` is what the client has sent behind its request.
    fn serve(self, shard: &Rc<Shard>, socket: Bare, early: Bytes, guest: Guest) {
        match self {
            Self::Native(opening, place) => {
                websocket::serve(shard, socket, early, opening, guest.sit(place));
            }
            Self::SocketIo(upgraded) => upgraded.serve(shard, socket, early, guest),
            Self::Plain { handler, deflate, place } => {
                socket::serve(socket, early, &handler, deflate, guest.sit(place));
            }
            Self::Events(opened) => opened.serve(socket, guest),
        }
    }
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
    handover: Rc<Handover<Upgrade>>,
}

async fn answer(asked: Asked, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let handover = asked.handover.clone();
    match decide(asked, request).await {
        Ok(upgrade) => handover.instead_of_answer(upgrade).await,
        Err(response) => Ok(response),
    }
}

/// What becomes of the socket, or what the request is answered with.
async fn decide(asked: Asked, request: Request<Incoming>) -> Result<Upgrade, Response<Body>> {
    let Asked { shard, door, .. } = asked;
    if !names_one_host(&request) {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "a request names one host");
        return Err(refusal.into_response());
    }
    let path = request.uri().path();
    if door.events.as_deref() == Some(path) {
        let (head, opened) = sse::answer(&shard, &door, &request).await?;
        return Ok(Upgrade { head, to: To::Events(opened) });
    }
    if let Some(io) = socket_io::door_at(&door, path) {
        let (accepted, upgraded) = socket_io::answer(&shard, &door, io, request).await?;
        return Ok(Upgrade { head: switching(&accepted), to: To::SocketIo(upgraded) });
    }
    if door.websocket.as_deref() == Some(path) {
        let (accepted, opening, place) = native(&door, &request).await.map_err(Refusal::into_response)?;
        return Ok(Upgrade { head: switching(&accepted), to: To::Native(opening, place) });
    }
    if let Some(handler) = door.sockets.get(path) {
        let accepted = handshake(&door, &request, &[]);
        let accepted = accepted.and_then(|accepted| Ok((accepted, door.place(&request)?)));
        let (accepted, place) = accepted.map_err(Refusal::into_response)?;
        let (head, deflate) = (switching(&accepted), accepted.deflate);
        return Ok(Upgrade { head, to: To::Plain { handler: handler.clone(), deflate, place } });
    }
    if door.tickets_at.as_deref() == Some(path) {
        return Err(ticket_door::answer(&door, &request).await);
    }
    Err(route(&door, request).await)
}

fn names_one_host(request: &Request<Incoming>) -> bool {
    request.headers().get_all(header::HOST).iter().count() == 1
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

/// The head of the answer to a WebSocket's handshake.
fn switching(accepted: &Accepted) -> Vec<u8> {
    let mut head = String::with_capacity(256);
    head.push_str("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n");
    let fields = [
        ("sec-websocket-accept", Some(&*accepted.accept)),
        ("sec-websocket-protocol", accepted.subprotocol),
        ("sec-websocket-extensions", accepted.extensions),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    head.push_str("\r\n");
    head.into()
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
