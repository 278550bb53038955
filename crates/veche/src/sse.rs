//! The door of server-sent events: `GET <path>?channel=…&channel=…`, server to client, with a replay by
//! `Last-Event-ID`.
//!
//! A stream is a session of the shard that serves its connection, like a WebSocket's, but one that only
//! listens. The request is decided on completely before the answer begins: whoever gets a 200 is subscribed
//! to every channel. hyper keeps the socket and asks the [`stream`] for bytes as it takes them.

mod asked;
mod stream;

use std::{hash::BuildHasher, rc::Rc, sync::Arc};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::Notify;
use veche_kernel::{
    ChannelName, CloseCode, Encoding, ErrorCode, Identity, Opening, Position, Rejection, Shard,
};

use self::asked::Asked;
use crate::{
    credential,
    cross_origin::{preflight, share},
    door::Door,
    http as handshake,
    mounted::to_axum,
    refusal::Refusal,
    tickets::Purpose,
};

pub(crate) use self::stream::EventsBody;

/// Methods and headers that a page of an allowed origin may use.
const ALLOWED_METHODS: &str = "GET";
const ALLOWED_HEADERS: &str = "authorization, last-event-id";

/// What the door answers with.
pub(crate) enum Answer {
    /// Something short.
    Whole(Response<Body>),
    /// A stream.
    Stream(Response<EventsBody>),
}

/// Answers a request at the door's path. `abandon` is told when the connection must go, because it does
/// not take the stream's end.
pub(crate) async fn answer(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    request: &Request<Incoming>,
    abandon: Rc<Notify>,
) -> Answer {
    let headers = request.headers();
    if !door.origins.allow_reading(headers) {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "forbidden", "this origin is not allowed");
        return Answer::Whole(refusal.into_response());
    }
    match decide(shard, door, request, abandon).await {
        Ok(body) => {
            let mut response = Response::new(body);
            let fields = response.headers_mut();
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
            // What follows a stream on its connection would wait for its end.
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
            share(headers, fields);
            Answer::Stream(response)
        }
        Err(mut response) => {
            share(headers, response.headers_mut());
            Answer::Whole(response)
        }
    }
}

async fn decide(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    request: &Request<Incoming>,
    abandon: Rc<Notify>,
) -> Result<EventsBody, Response<Body>> {
    if request.method() != Method::GET {
        return Err(other_method(request));
    }
    if door.is_stopping() || door.kernel.is_draining() {
        return Err(handshake::stopping().into_response());
    }
    let query = request.uri().query().unwrap_or_default();
    let asked = Asked::read(query, request.headers());
    let names = asked.as_ref().ok().map(Asked::names);
    let purpose = names.as_deref().map(Purpose::Events);
    let identity =
        credential::identify_for(door, request.into(), purpose).await.map_err(Refusal::into_response)?;
    let device = handshake::device(query).map_err(Refusal::into_response)?;
    let asked = asked
        .map_err(|why| refuse(&Rejection::new(ErrorCode::BadRequest, why.message), Some(why.field), None))?;
    if identity.is_none() && !door.kernel.serves_guests() {
        return Err(credential::missing().into_response());
    }
    let channels = match asked {
        Asked::Channels(channels) => channels,
        Asked::Own(since) => vec![own(shard, identity.as_ref(), device.as_deref(), since).await?],
    };
    let place = door.place(request).map_err(Refusal::into_response)?;
    let opening = Opening { encoding: Encoding::Sse, identity, device, session: None };
    let body = EventsBody::open(shard, opening, channels.clone(), retry_ms(), abandon).sit(place);
    if let Some(code) = body.closing() {
        return Err(refuse_session(code));
    }
    subscribe(shard, &body, &channels).await?;
    body.begin();
    Ok(body)
}

/// The caller's personal channel, and from where: what the client has, or else what its device has
/// acknowledged. Whoever comes back with a position has everything up to there.
async fn own(
    shard: &Rc<Shard>,
    identity: Option<&Identity>,
    device: Option<&str>,
    since: Option<Position>,
) -> Result<(ChannelName, Option<Position>), Response<Body>> {
    let Some(Identity { user, .. }) = identity else {
        return Err(credential::missing().into_response());
    };
    let Some(channel) = shard.personal_channel(user) else {
        let message = "this server keeps no personal channels: name the channels, ?channel=…&channel=…";
        return Err(refuse(&Rejection::new(ErrorCode::NotFound, message), Some("channel"), None));
    };
    let place = match since {
        Some(since) => shard.personal_ack(user, device, since).await.map(|()| Some(since)),
        None => shard.personal_place(user, device).await,
    };
    match place {
        Ok(since) => Ok((channel, since)),
        Err(rejection) => Err(refuse(&rejection, None, Some(&channel))),
    }
}

async fn subscribe(
    shard: &Rc<Shard>,
    body: &EventsBody,
    channels: &[(ChannelName, Option<Position>)],
) -> Result<(), Response<Body>> {
    for (channel, since) in channels {
        let joined = shard.listen(&body.link(), channel, *since).await;
        joined.map_err(|rejection| refuse(&rejection, Some("channel"), Some(channel)))?;
        if let Some(code) = body.closing() {
            return Err(refuse_session(code));
        }
    }
    Ok(())
}

/// A browser asks before a page of another origin may send a token; all else is no way to use this door.
fn other_method(request: &Request<Incoming>) -> Response<Body> {
    preflight(request, ALLOWED_METHODS, ALLOWED_HEADERS).unwrap_or_else(|| {
        let message = "events are read by GET";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "bad_request", message);
        refusal.with(Some((header::ALLOW, "GET, OPTIONS"))).into_response()
    })
}

/// Clients that were cut off together come back apart: 2 to 4 s.
fn retry_ms() -> u64 {
    2_000 + std::hash::RandomState::new().hash_one(()) % 2_001
}

fn refuse_session(code: CloseCode) -> Response<Body> {
    let rejection = match code {
        CloseCode::TooManyConnections => {
            Rejection::new(ErrorCode::RateLimited, "this user has too many connections")
        }
        CloseCode::TokenExpired | CloseCode::InvalidToken => {
            Rejection::new(ErrorCode::Unauthorized, "the token has expired")
        }
        _ => Rejection::unavailable("the server ended the session").retry_after_ms(1_000),
    };
    refuse(&rejection, None, None)
}

fn refuse(rejection: &Rejection, field: Option<&str>, channel: Option<&str>) -> Response<Body> {
    let mut error = rejection.as_json();
    if let Some(field) = field {
        error["field"] = field.into();
    }
    if let Some(channel) = channel {
        error["channel"] = channel.into();
    }
    rejection.respond_with(&error).map(to_axum)
}
