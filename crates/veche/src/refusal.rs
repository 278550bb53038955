//! Why a request gets no further, as its answer says it.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use metrics::counter;

/// An answer in place of what was asked for.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    field: Option<&'static str>,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, field: None, header: None }
    }

    pub(crate) fn with(mut self, header: Option<(HeaderName, &'static str)>) -> Self {
        self.header = header;
        self
    }

    /// What of the request is wrong.
    pub(crate) fn field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// Whether it is no fault of the request's, and may be otherwise in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        counter!("veche_http_refused_total", "status" => self.status.as_str().to_owned()).increment(1);
        let mut error = serde_json::json!({ "code": self.code, "message": self.message });
        if let Some(field) = self.field {
            error["field"] = field.into();
        }
        let mut response = Response::new(Body::from(serde_json::json!({ "error": error }).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
