//! The door's requests: they come to whichever shard accepted the connection, and go to the one that has the session.

use std::{rc::Rc, sync::Arc};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{net::TcpStream, sync::oneshot};
use veche_kernel::{Identity, Shard};
use veche_protocol::{
    engine_io::{Kind, Query, Refusal, Revision, Route, Transport, payload::Format},
    ws::upgrade::{self, Accepted, Offer},
};

use super::{
    driver::{self, Arrived},
    engine::{Engine, Visitor},
    engines,
    outlet::{Outlet, PollReply, Polling},
    response::{compress, refused, replied, status, text},
    settings::SocketIo,
    sid::Sid,
};
use crate::{
    addresses::Place,
    bare::Bare,
    credential,
    cross_origin::{preflight, share},
    door::{Door, Guest},
    http as handshake,
    refusal::Refusal as Refused,
    tickets::Purpose,
};

/// Methods and headers that a page of an allowed origin may use.
const ALLOWED_METHODS: &str = "GET,POST";
const ALLOWED_HEADERS: &str = "authorization,content-type";

/// What becomes of a socket after its handshake.
pub(crate) enum Upgraded {
    /// A session begins on it.
    Begin {
        io: Arc<SocketIo>,
        visitor: Box<Visitor>,
        revision: Revision,
        deflate: bool,
        place: Option<Place>,
    },
    /// It is on probation for a session, if it is welcome there.
    Probe { sid: Sid, is_welcome: bool, place: Option<Place> },
}

impl Upgraded {
    /// Goes on with the socket.
    pub(crate) fn serve(self, shard: &Rc<Shard>, bare: Bare, early: Bytes, guest: Guest) {
        match self {
            Self::Begin { io, visitor, revision, deflate, place } => {
                let guest = guest.sit(place);
                driver::begin(shard, Arrived { bare, early, guest }, &io, *visitor, revision, deflate);
            }
            Self::Probe { sid, is_welcome, place } => {
                let guest = guest.sit(place);
                let Ok((stream, head)) = bare.into_parts() else { return };
                let door = guest.door.clone();
                door.kernel.on_shard(usize::from(sid.shard), move |_| {
                    let Ok(stream) = TcpStream::from_std(stream) else { return };
                    let bare = Bare::new(stream, head);
                    match engines::find(sid) {
                        Some(engine) => driver::probe(engine, Arrived { bare, early, guest }, is_welcome),
                        // It has ended meanwhile.
                        None => bare.answer(),
                    }
                });
            }
        }
    }
}

/// Which door a path is of: with its last slash or without.
pub(crate) fn door_at<'a>(door: &'a Door, path: &str) -> Option<&'a Arc<SocketIo>> {
    let is_it = |io: &&Arc<SocketIo>| io.path == path || io.path.strip_suffix('/') == Some(path);
    door.socket_io.iter().find(is_it)
}

/// Answers a request at the door's path, or says what becomes of its socket, where that is a WebSocket's.
pub(crate) async fn answer(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    io: &Arc<SocketIo>,
    request: Request<Incoming>,
) -> Result<(Accepted, Upgraded), Response<Body>> {
    let headers = request.headers().clone();
    if !door.origins.allow_reading(&headers) {
        return Err(refused(Refusal::Forbidden));
    }
    let mut response = match preflight(&request, ALLOWED_METHODS, ALLOWED_HEADERS) {
        Some(mut permission) => {
            // Applications read headers of their own in the handshake: what the page asks for, it may send.
            if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                permission.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
            }
            permission
        }
        None => match decide(shard, door, io, request).await {
            Ok(Answer::Upgraded(accepted, upgraded)) => return Ok((accepted, upgraded)),
            Ok(Answer::Whole(response)) => response,
            Err(response) => *response,
        },
    };
    let fields = response.headers_mut();
    if door.origins.is_any() {
        fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        share(&headers, fields);
    }
    if headers.contains_key(header::ORIGIN) && !door.origins.is_any() {
        fields.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    Err(response)
}

enum Answer {
    Whole(Response<Body>),
    Upgraded(Accepted, Upgraded),
}

type Answered = Result<Answer, Box<Response<Body>>>;

async fn decide(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    io: &Arc<SocketIo>,
    request: Request<Incoming>,
) -> Answered {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let query = Query::parse(&query);
    let is_websocket = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let route = query
        .route(&io.engine, request.method(), is_websocket)
        .map_err(|refusal| Box::new(refused(refusal)))?;
    match route {
        Route::Open { revision, transport, takes_binary } => {
            open(shard, door, io, &request, revision, transport, takes_binary).await
        }
        Route::Session { sid, revision, kind } => {
            let sid = Sid::parse(sid).filter(|sid| usize::from(sid.shard) < door.kernel.shards());
            let sid = sid.ok_or_else(|| Box::new(refused(Refusal::UnknownSid)))?;
            match kind {
                Some(Kind::Poll) => {
                    let mut response = poll(door, sid, revision).await;
                    compress(request.headers(), &mut response).await;
                    Ok(Answer::Whole(response))
                }
                Some(Kind::Post) => Ok(Answer::Whole(post(door, sid, revision, request).await)),
                Some(Kind::Upgrade) => probe(door, sid, revision, &request).await,
                None => {
                    let known = engines::with(door, sid, |engine| engine.is_some()).await.unwrap_or_default();
                    let refusal = if known { Refusal::BadRequest } else { Refusal::UnknownSid };
                    Ok(Answer::Whole(refused(refusal)))
                }
            }
        }
    }
}

/// A session is to begin.
async fn open(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    io: &Arc<SocketIo>,
    request: &Request<Incoming>,
    revision: Revision,
    transport: Transport,
    takes_binary: bool,
) -> Answered {
    let into = |refusal: Refused| Box::new(refusal.into_response());
    if door.is_stopping() || door.kernel.is_draining() {
        return Err(into(handshake::stopping()));
    }
    let accepted = match transport {
        Transport::Polling => None,
        Transport::WebSocket => Some(accept(request, true)?),
    };
    let identity =
        credential::identify_for(door, request.into(), Some(Purpose::Socket)).await.map_err(into)?;
    let place = door.place(request).map_err(into)?;
    if let Some(accepted) = accepted {
        let visitor = Box::new(visitor(io, request, identity, None)?);
        let deflate = accepted.deflate;
        let begin = Upgraded::Begin { io: io.clone(), visitor, revision, deflate, place };
        return Ok(Answer::Upgraded(accepted, begin));
    }
    // A session that polls outlives its connections: it has a place of its own.
    let place = match place {
        Some(place) => Some(place),
        None => Some(door.place_of(credential::address(request.into())).map_err(into)?),
    };
    let visitor = visitor(io, request, identity, place)?;
    let (answer, answered) = oneshot::channel();
    let outlet = Outlet::Polling(Box::new(Polling::new(takes_binary)));
    let begun = Engine::begin(shard, door, io, visitor, revision, outlet, false);
    let Some(engine) = begun else { return Err(into(handshake::stopping())) };
    engine.poll(Some(revision), answer);
    let mut response = replied(answered.await.ok());
    if let Some(name) = &io.cookie
        && let Ok(cookie) =
            HeaderValue::try_from(format!("{name}={}; Path=/; HttpOnly; SameSite=Lax", engine.sid))
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(Answer::Whole(response))
}

fn visitor(
    io: &SocketIo,
    request: &Request<Incoming>,
    identity: Option<Identity>,
    place: Option<Place>,
) -> Result<Visitor, Box<Response<Body>>> {
    let query = request.uri().query().unwrap_or_default();
    let device = handshake::device(query).map_err(|refusal| Box::new(refusal.into_response()))?;
    let shown = io.keeps_handshakes().then(|| (query.into(), without_secrets(request.headers())));
    let address = credential::address(request.into());
    Ok(Visitor::new(identity, device, address, shown, place))
}

/// What applications see of a request's head: no credential.
fn without_secrets(headers: &HeaderMap) -> HeaderMap {
    let mut shown = headers.clone();
    shown.remove(header::AUTHORIZATION);
    shown.remove(header::COOKIE);
    shown
}

fn accept(request: &Request<Incoming>, deflate: bool) -> Result<Accepted, Box<Response<Body>>> {
    let offer = Offer { subprotocols: &[], deflate };
    upgrade::decide(request.method(), request.version(), request.headers(), &offer).map_err(|refused| {
        let refusal = Refused::new(refused.status, "bad_request", refused.reason).with(refused.header);
        Box::new(refusal.into_response())
    })
}

async fn poll(door: &Arc<Door>, sid: Sid, revision: Option<Revision>) -> Response<Body> {
    let (answer, answered) = oneshot::channel();
    door.kernel.on_shard(usize::from(sid.shard), move |_| match engines::find(sid) {
        Some(engine) => engine.poll(revision, answer),
        None => _ = answer.send(PollReply::Refused(Refusal::UnknownSid)),
    });
    // A client that breaks off drops this future, and its session hears of it.
    let mut left = Left { door, sid, is_armed: true };
    let reply = answered.await.ok();
    left.is_armed = false;
    replied(reply)
}

struct Left<'d> {
    door: &'d Arc<Door>,
    sid: Sid,
    is_armed: bool,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            let sid = self.sid;
            self.door.kernel.on_shard(usize::from(sid.shard), move |_| {
                if let Some(engine) = engines::find(sid) {
                    engine.poll_gone();
                }
            });
        }
    }
}

async fn post(
    door: &Arc<Door>,
    sid: Sid,
    revision: Option<Revision>,
    request: Request<Incoming>,
) -> Response<Body> {
    let began = engines::with(door, sid, move |engine| match engine {
        Some(engine) => engine.post(revision).map(|()| (engine.revision(), engine.io.engine.max_payload)),
        None => Err(Refusal::UnknownSid),
    });
    let (revision, most) = match began.await {
        Some(Ok(known)) => known,
        Some(Err(refusal)) => return refused(refusal),
        None => return refused(Refusal::UnknownSid),
    };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok().map(str::to_owned));
    let format = Format::of_request(revision, kind.as_deref());
    let body = read(request.into_body(), most).await;
    let (format, body) = match (format, body) {
        (Some(format), Ok(body)) => (format, body),
        (_, failed) => {
            let end = veche_protocol::engine_io::End::TransportError;
            engines::with(door, sid, move |engine| engine.map(|engine| engine.fail(end))).await;
            return match failed {
                Err(TooLarge) => status(StatusCode::PAYLOAD_TOO_LARGE),
                Ok(_) => refused(Refusal::BadRequest),
            };
        }
    };
    let (answer, answered) = oneshot::channel();
    door.kernel.on_shard(usize::from(sid.shard), move |_| {
        let Some(engine) = engines::find(sid) else { return };
        tokio::task::spawn_local(async move {
            engine.posted(format, &body).await;
            // Whoever posted may have left.
            let _ = answer.send(engine.post_end());
        });
    });
    match answered.await {
        Ok(Ok(())) => text("ok".into()),
        Ok(Err(refusal)) => refused(refusal),
        Err(_) => refused(Refusal::UnknownSid),
    }
}

/// The body has more bytes than allowed, or does not come.
struct TooLarge;

async fn read(mut body: Incoming, most: usize) -> Result<Bytes, TooLarge> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(TooLarge) };
        if let Some(data) = frame.data_ref() {
            if read.len() + data.len() > most {
                return Err(TooLarge);
            }
            read.extend_from_slice(data);
        }
    }
    Ok(read.freeze())
}

/// A WebSocket's handshake that names a session.
async fn probe(
    door: &Arc<Door>,
    sid: Sid,
    revision: Option<Revision>,
    request: &Request<Incoming>,
) -> Answered {
    let accepted = accept(request, false)?;
    let place = door.place(request).map_err(|refusal| Box::new(refusal.into_response()))?;
    let welcome = engines::with(door, sid, move |engine| match engine {
        Some(engine) => engine.upgrade(revision),
        None => Err(Refusal::UnknownSid),
    });
    match welcome.await.unwrap_or(Err(Refusal::UnknownSid)) {
        Ok(is_welcome) => Ok(Answer::Upgraded(accepted, Upgraded::Probe { sid, is_welcome, place })),
        Err(refusal) => Err(Box::new(refused(refusal))),
    }
}
