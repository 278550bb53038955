//! Requests under way: a server that stops waits until they are answered, bodies and all.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::door::Door;

/// A request that the routes answer, counted until this goes.
pub(crate) struct Answering {
    door: Arc<Door>,
}

/// An answer's body, with which its request ends.
struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl Answering {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        door.request_begins();
        Self { door }
    }

    /// The same body, with whose end the request is over.
    pub(crate) fn until_end_of(self, body: Body) -> Body {
        Body::new(AnswerBody { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.door.request_ends();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
