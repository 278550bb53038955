//! Bodies of requests and responses: whole, or a stream of pieces.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt,
    stream::{BoxStream, Stream},
};
use http::StatusCode;
use sync_wrapper::SyncWrapper;
use veche_protocol::code::ErrorCode;

use crate::reply::Rejection;

/// Why a body did not come to its end.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// A body: bytes at hand, or pieces that come one after the other.
///
/// ```
/// use veche_kernel::web::Body;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let body = Body::from("four");
/// assert_eq!(body.collect(4).await.unwrap(), "four");
/// assert_eq!(Body::from("five!").collect(4).await.unwrap_err().code().as_str(), "too_large");
/// # }
/// ```
#[derive(Default)]
pub struct Body(Inner);

#[derive(Default)]
enum Inner {
    #[default]
    Empty,
    Whole(Bytes),
    /// In a wrapper that lets a handler hold its request across an await.
    Pieces(SyncWrapper<Pieces>),
}

type Pieces = BoxStream<'static, Result<Bytes, BodyError>>;

impl Body {
    /// No bytes.
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// Pieces as they come.
    pub fn stream<S, E>(pieces: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BodyError>,
    {
        let pieces = pieces.map(|piece| piece.map_err(Into::into)).boxed();
        Self(Inner::Pieces(SyncWrapper::new(pieces)))
    }

    /// How many bytes there are, where that is known without reading.
    pub fn len(&self) -> Option<usize> {
        match &self.0 {
            Inner::Empty => Some(0),
            Inner::Whole(bytes) => Some(bytes.len()),
            Inner::Pieces(_) => None,
        }
    }

    /// Whether there are certainly no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The bytes, where they are all at hand; else the body comes back.
    pub fn into_bytes(self) -> Result<Bytes, Self> {
        match self.0 {
            Inner::Empty => Ok(Bytes::new()),
            Inner::Whole(bytes) => Ok(bytes),
            pieces @ Inner::Pieces(_) => Err(Self(pieces)),
        }
    }

    /// The next piece; `None` at the end. A body that its sender or its deadline cut off is a rejection.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Rejection> {
        self.next().await.transpose().map_err(rejection)
    }

    /// All of it, where that is `most` bytes or fewer; else `too_large`.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, Rejection> {
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        let fits = |length| if length > most { Err(too_large(most)) } else { Ok(()) };
        fits(first.len())?;
        let Some(second) = self.piece().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(piece) = next {
            fits(whole.len().saturating_add(piece.len()))?;
            whole.extend_from_slice(&piece);
            next = self.piece().await?;
        }
        Ok(whole.freeze())
    }

    /// The same body, which ends with a [`Rejection`] after `most` bytes, or when `deadline` is over first.
    pub(crate) fn bounded(self, most: usize, deadline: impl Future<Output = ()> + Send + 'static) -> Self {
        match self.0 {
            Inner::Pieces(pieces) => {
                let pieces = pieces.into_inner();
                Self::stream(Bounded { pieces, left: most, most, deadline: Box::pin(deadline) })
            }
            Inner::Whole(bytes) if bytes.len() > most => {
                Self::stream(futures_util::stream::iter([Err(too_large(most))]))
            }
            whole => Self(whole),
        }
    }
}

/// A rejection that a body carried, or else the sender's fault.
fn rejection(error: BodyError) -> Rejection {
    match error.downcast::<Rejection>() {
        Ok(rejection) => *rejection,
        Err(_) => Rejection::new(ErrorCode::BadRequest, "the body does not come to its end"),
    }
}

pub(crate) fn too_large(most: usize) -> Rejection {
    Rejection::new(ErrorCode::TooLarge, format!("the body may have {most} bytes"))
}

impl Stream for Body {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Inner::Pieces(pieces) => pieces.get_mut().as_mut().poll_next(context),
        }
    }
}

struct Bounded {
    pieces: Pieces,
    left: usize,
    most: usize,
    deadline: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Stream for Bounded {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.pieces.as_mut().poll_next(context) {
            Poll::Ready(Some(Ok(piece))) => match self.left.checked_sub(piece.len()) {
                Some(left) => {
                    self.left = left;
                    Poll::Ready(Some(Ok(piece)))
                }
                None => Poll::Ready(Some(Err(too_large(self.most).into()))),
            },
            Poll::Ready(other) => Poll::Ready(other),
            Poll::Pending => self.deadline.as_mut().poll(context).map(|()| {
                let late = Rejection::new(ErrorCode::Timeout, "the body did not come in time");
                Some(Err(late.status(StatusCode::REQUEST_TIMEOUT).into()))
            }),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Whole(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the bytes: a body may hold a password.
        match self.len() {
            Some(length) => write!(f, "Body({length} bytes)"),
            None => f.write_str("Body(stream)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: &'static [&'static str]) -> Body {
        Body::stream(futures_util::stream::iter(
            pieces.iter().map(|piece| Ok::<_, BodyError>(Bytes::from_static(piece.as_bytes()))),
        ))
    }

    fn check(body: Body, most: usize, expected: Result<&str, &str>) {
        let found = futures_util::FutureExt::now_or_never(body.collect(most)).expect("it waits for nobody");
        let found = found.map_err(|rejection| rejection.code().as_str().to_owned());
        assert_eq!(found, expected.map(|text| Bytes::from(text.to_owned())).map_err(str::to_owned));
    }

    #[test]
    fn a_body_is_collected_up_to_its_bound() {
        // Red: `fits` that looks at the last piece alone.
        check(Body::empty(), 0, Ok(""));
        check(pieces(&[]), 0, Ok(""));
        check(pieces(&["ab", "", "c"]), 3, Ok("abc"));
        check(pieces(&["ab", "c"]), 2, Err("too_large"));
        check(Body::from("abc"), 2, Err("too_large"));
    }

    #[test]
    fn a_bounded_body_ends_at_its_bound_and_at_its_deadline() {
        // Red: `Bounded` that forgets what came before, or that does not ask its deadline.
        check(pieces(&["ab", "c"]).bounded(3, std::future::pending()), 9, Ok("abc"));
        check(pieces(&["ab", "c"]).bounded(2, std::future::pending()), 9, Err("too_large"));
        check(Body::from("abc").bounded(2, std::future::pending()), 9, Err("too_large"));
        let endless = || Body::stream(futures_util::stream::pending::<Result<Bytes, BodyError>>());
        check(endless().bounded(2, std::future::ready(())), 9, Err("timeout"));
    }

    #[test]
    fn a_body_that_breaks_off_is_a_bad_request() {
        let cut = Body::stream(futures_util::stream::iter([Ok("ab".into()), Err("gone")]));
        check(cut, 9, Err("bad_request"));
    }
}
