//! What a request is answered with, and how a refusal looks there.

use http::{HeaderValue, StatusCode, header};
use metrics::counter;
use serde::Serialize;
use veche_protocol::code::ErrorCode;

use super::Body;
use crate::reply::Rejection;

/// A response as it leaves.
pub type HttpResponse = http::Response<Body>;

/// A response, or why there is none.
pub type HttpOutcome = Result<HttpResponse, Rejection>;

/// A value that is answered as JSON, with 200.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

/// What a handler of an HTTP entry may return.
#[diagnostic::on_unimplemented(
    message = "a handler of an HTTP entry cannot return `{Self}`",
    note = "return `()`, `Json<T>`, `HttpResponse`, or a `Result` of one of them and `E: Into<Rejection>`"
)]
pub trait IntoHttp {
    /// The response as it leaves.
    fn into_http(self) -> HttpOutcome;
}

impl IntoHttp for HttpResponse {
    fn into_http(self) -> HttpOutcome {
        Ok(self)
    }
}

impl IntoHttp for () {
    fn into_http(self) -> HttpOutcome {
        let mut response = HttpResponse::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }
}

impl<T: Serialize> IntoHttp for Json<T> {
    fn into_http(self) -> HttpOutcome {
        match serde_json::to_vec(&self.0) {
            Ok(json) => Ok(json_response(StatusCode::OK, json)),
            Err(error) => {
                tracing::error!(%error, "a response does not serialise");
                Err(Rejection::new(ErrorCode::Internal, "the response does not serialise"))
            }
        }
    }
}

impl<T: IntoHttp, E: Into<Rejection>> IntoHttp for Result<T, E> {
    fn into_http(self) -> HttpOutcome {
        self.map_err(Into::into)?.into_http()
    }
}

/// JSON that no cache keeps and no browser takes for anything else.
pub fn json_response(status: StatusCode, json: impl Into<Body>) -> HttpResponse {
    let mut response = HttpResponse::new(json.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Rejection {
    /// The error as JSON: `{"code","message","field"?,"retry_after_ms"?}`, the body of `error` everywhere.
    pub fn as_json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({ "code": self.code().as_str(), "message": self.message() });
        if let Some(field) = self.wrong_field() {
            error["field"] = field.into();
        }
        if let Some(ms) = self.retry_after() {
            error["retry_after_ms"] = ms.into();
        }
        error
    }

    /// The same as a response, counted by its status.
    pub fn into_response(self) -> HttpResponse {
        let error = self.as_json();
        self.respond_with(&error)
    }

    /// A response with the rejection's status and headers, and an error that may say more than it does.
    pub fn respond_with(&self, error: &serde_json::Value) -> HttpResponse {
        let status = self.http_status();
        counter!("veche_http_refused_total", "status" => status.as_str().to_owned()).increment(1);
        let body = serde_json::json!({ "error": error }).to_string();
        let mut response = json_response(status, body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code().retryable() {
            let seconds = self.retry_after().map_or(1, |ms| ms.div_ceil(1_000).max(1));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The status of a code that brings none of its own.
pub(crate) const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        // A module's own word: it understood, and says no.
        _ => StatusCode::FORBIDDEN,
    }
}
