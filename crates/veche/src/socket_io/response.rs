//! What the door's requests are answered with.

use std::io::Write as _;

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;
use veche_protocol::engine_io::Refusal;

use super::outlet::PollReply;

/// Answers from this length on are compressed for who takes it.
const COMPRESS_FROM: usize = 1_024;

pub(super) fn replied(reply: Option<PollReply>) -> Response<Body> {
    match reply {
        Some(PollReply::Packets { content_type, body }) => {
            let mut response = text(body.into());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            response
        }
        Some(PollReply::Refused(refusal)) => refused(refusal),
        None => refused(Refusal::UnknownSid),
    }
}

/// Compresses a long answer for who takes it so.
pub(super) async fn compress(asked: &HeaderMap, response: &mut Response<Body>) {
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    let takes = takes.is_some_and(|it| {
        it.split(',').any(|coding| coding.split(';').next().is_some_and(|it| it.trim() == "gzip"))
    });
    if !takes || response.status() != StatusCode::OK {
        return;
    }
    // It is whole: nothing is waited for.
    let Ok(body) =
        std::mem::take(response.body_mut()).collect().await.map(http_body_util::Collected::to_bytes)
    else {
        return;
    };
    if body.len() < COMPRESS_FROM {
        *response.body_mut() = Body::from(body);
        return;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
    match compressed {
        Ok(compressed) => {
            *response.body_mut() = Body::from(compressed);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Err(_) => *response.body_mut() = Body::from(body),
    }
}

pub(super) fn text(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let mut response = status(refusal.status());
    *response.body_mut() = Body::from(refusal.body());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
