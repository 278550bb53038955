//! What a call is answered with.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use veche_protocol::{client::Refusal, code::ErrorCode, server::Failure};

use crate::web::status_of;

/// Why a call, a rule or a frame was refused: it reaches the client as an `error` frame.
///
/// ```
/// use veche_kernel::{ErrorCode, Rejection};
///
/// let full = Rejection::new(ErrorCode::App("list_full"), "the list holds 100 cards").field("list");
/// assert_eq!(full.code(), ErrorCode::App("list_full"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    code: ErrorCode,
    message: Cow<'static, str>,
    field: Option<Cow<'static, str>>,
    retry_after_ms: Option<u64>,
    status: Option<StatusCode>,
}

impl Rejection {
    /// A rejection with its word and a sentence for people.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), field: None, retry_after_ms: None, status: None }
    }

    /// The rules do not allow it. Says nothing of whether the thing exists.
    pub fn forbidden() -> Self {
        Self::new(ErrorCode::Forbidden, "the rules do not allow this")
    }

    /// Nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::new(ErrorCode::Unauthorized, "sign in first")
    }

    /// It cannot be done now and may be tried again.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// A rate limit fired.
    pub(crate) fn rate_limited(retry_after_ms: u64) -> Self {
        let mut it = Self::new(ErrorCode::RateLimited, "too many frames of this kind");
        it.retry_after_ms = Some(retry_after_ms);
        it
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when to try again, in ms.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// Answers an HTTP request with this status, where the one of the code does not say it well.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The word.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field that is wrong.
    pub fn wrong_field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// When to try again, in ms.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// The status of an HTTP response that tells of it.
    pub fn http_status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| status_of(self.code))
    }

    pub(crate) fn as_failure(&self) -> Failure<'_> {
        Failure {
            code: self.code,
            message: &self.message,
            field: self.field.as_deref(),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl From<Refusal<'_>> for Rejection {
    fn from(refusal: Refusal<'_>) -> Self {
        Self {
            code: refusal.code,
            message: refusal.message,
            field: refusal.field.map(Cow::Borrowed),
            retry_after_ms: None,
            status: None,
        }
    }
}

/// A reply's raw JSON, if it has any, or the rejection.
pub type Outcome = Result<Option<Box<str>>, Rejection>;

/// What a handler may return: `()`, or a `Result` of anything that serialises.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "return `()` or `Result<T, E>` with `T: serde::Serialize` and `E: Into<Rejection>`"
)]
pub trait IntoReply {
    /// The reply as it goes to the client.
    fn into_reply(self) -> Outcome;
}

impl IntoReply for () {
    fn into_reply(self) -> Outcome {
        Ok(None)
    }
}

impl<T: Serialize, E: Into<Rejection>> IntoReply for Result<T, E> {
    fn into_reply(self) -> Outcome {
        let value = self.map_err(Into::into)?;
        match serde_json::to_string(&value) {
            Ok(json) if json == "null" => Ok(None),
            Ok(json) => Ok(Some(json.into())),
            Err(error) => {
                tracing::error!(%error, "a reply does not serialise");
                Err(Rejection::new(ErrorCode::Internal, "the reply does not serialise"))
            }
        }
    }
}
