//! The door of server-sent events: `GET <path>?channel=…&channel=…`, server to client, with a replay by
//! `Last-Event-ID`.
//!
//! A stream is a session of the shard that serves its connection, like a WebSocket's, but one that only
//! listens. The request is decided on completely before the answer begins: whoever gets a 200 is subscribed
//! to every channel. Then the socket is taken back from hyper, whose two buffers would be most of what a stream costs.

mod asked;
mod driver;
mod stream;

use std::{hash::BuildHasher, rc::Rc, sync::Arc, time::SystemTime};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use veche_kernel::{
    ChannelName, CloseCode, Encoding, ErrorCode, Identity, Link, Opening, Position, Rejection, Shard,
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

pub(crate) use self::driver::Opened;

/// Methods and headers that a page of an allowed origin may use.
const ALLOWED_METHODS: &str = "GET";
const ALLOWED_HEADERS: &str = "authorization, last-event-id";

/// Answers a request at the door's path: by a stream, which goes on past HTTP, or by something short.
pub(crate) async fn answer(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    request: &Request<Incoming>,
) -> Result<(Vec<u8>, Box<Opened>), Response<Body>> {
    let headers = request.headers();
    if !door.origins.allow_reading(headers) {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "forbidden", "this origin is not allowed");
        return Err(refusal.into_response());
    }
    match decide(shard, door, request).await {
        Ok(opened) => {
            let mut fields = HeaderMap::new();
            share(headers, &mut fields);
            Ok((head(request.version(), &fields), Box::new(opened)))
        }
        Err(mut response) => {
            share(headers, response.headers_mut());
            Err(response)
        }
    }
}

/// The head of the answer, with these fields more.
fn head(version: Version, fields: &HeaderMap) -> Vec<u8> {
    let (version, framing) = match version {
        Version::HTTP_11 => ("1.1", "transfer-encoding: chunked\r\n"),
        _ => ("1.0", ""),
    };
    let date = httpdate::fmt_http_date(SystemTime::now());
    // What follows a stream on its connection would wait for its end.
    let mut head = format!(
        "HTTP/{version} 200 OK\r\n{framing}connection: close\r\ndate: {date}\r\ncontent-type: text/event-stream\r\n\
         cache-control: no-store\r\nx-accel-buffering: no\r\n"
    )
    .into_bytes();
    for (name, value) in fields {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    head
}

async fn decide(
    shard: &Rc<Shard>,
    door: &Arc<Door>,
    request: &Request<Incoming>,
) -> Result<Opened, Response<Body>> {
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
    let opened = Opened::new(shard, opening, channels.clone(), retry_ms(), request.version(), place);
    if let Some(code) = opened.link().closing() {
        return Err(refuse_session(code));
    }
    subscribe(shard, &opened.link(), &channels).await?;
    Ok(opened)
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
    link: &Rc<Link>,
    channels: &[(ChannelName, Option<Position>)],
) -> Result<(), Response<Body>> {
    for (channel, since) in channels {
        let joined = shard.listen(link, channel, *since).await;
        joined.map_err(|rejection| refuse(&rejection, Some("channel"), Some(channel)))?;
        if let Some(code) = link.closing() {
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
