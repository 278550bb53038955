//! What a handler of an HTTP entry sees of a request.

use std::{
    fmt,
    net::IpAddr,
    ops::{Deref, DerefMut},
    str::FromStr,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use serde::de::DeserializeOwned;
use veche_protocol::code::ErrorCode;

use super::{Body, json};
use crate::{identity::Identity, kernel::Kernel, publication::UserId, reply::Rejection};

/// How a caller showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// By the header `Authorization`.
    Bearer,
    /// By the session cookie, from a page whose origin is allowed.
    Cookie,
}

/// Who calls, when somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// How they showed it.
    pub by: Credential,
}

/// What a door knows of whoever sends a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The address that the request came from.
    pub peer: IpAddr,
    /// Who it is; `None` for a guest.
    pub caller: Option<Caller>,
}

/// Everything of a request but its body. A [`Request`] dereferences to it.
pub struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) parameters: Vec<(Box<str>, Box<str>)>,
    pub(super) visitor: Visitor,
    pub(super) kernel: Kernel,
}

/// A request with a body of this kind.
pub struct Request<B> {
    pub(super) head: Head,
    pub(super) body: B,
}

/// A raw request, with its body still to be read.
///
/// ```
/// use http::Method;
/// use serde::Deserialize;
/// use veche_kernel::{Module, Rejection, web::{HttpRequest, Json}};
///
/// #[derive(Deserialize)]
/// struct SignIn { email: String }
///
/// let module: Module = Module::new("people")
///     .http(Method::POST, "/api/people/sign-in", async |request: HttpRequest| -> Result<Json<String>, Rejection> {
///         let SignIn { email } = request.json(4 << 10).await?;
///         Ok(Json(email))
///     });
/// ```
pub type HttpRequest = Request<Body>;

/// A browser's wish to see a page, at the page's own path.
pub type PageRequest = Request<()>;

impl Head {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query as they were sent.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The headers. Credentials stand in them: they belong into no log.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What stands in the place of `{name}` in the entry's path, percent-decoded. What does not read as a
    /// `T` names nothing and is answered `not_found`.
    pub fn parameter<T: FromStr>(&self, name: &str) -> Result<T, Rejection> {
        let found = self.parameters.iter().find(|(known, _)| &**known == name);
        found.and_then(|(_, value)| value.parse().ok()).ok_or_else(|| {
            Rejection::new(ErrorCode::NotFound, "there is no such thing").field(name.to_owned())
        })
    }

    /// The first value of a field of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        let mut fields = form_urlencoded::parse(query.as_bytes());
        fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The address that the request came from.
    pub fn peer(&self) -> IpAddr {
        self.visitor.peer
    }

    /// Who calls, and how they showed it; `None` for a guest.
    pub fn caller(&self) -> Option<&Caller> {
        self.visitor.caller.as_ref()
    }

    /// The signed-in user; a guest is answered `unauthorized`.
    pub fn user(&self) -> Result<&UserId, Rejection> {
        self.caller().map(|caller| &caller.identity.user).ok_or_else(Rejection::unauthorized)
    }

    /// The node, to publish or to look at it.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }
}

impl Request<Body> {
    /// The body, to be read in pieces.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The body, while the head stays in use.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.body)
    }

    /// The body as JSON of at most so many bytes. It has to come as `application/json`, which no page of
    /// another origin can send unasked; a field that is wrong is named.
    pub async fn json<T: DeserializeOwned>(mut self, most: usize) -> Result<T, Rejection> {
        self.take_json(most).await
    }

    /// The same, while the head stays in use.
    pub async fn take_json<T: DeserializeOwned>(&mut self, most: usize) -> Result<T, Rejection> {
        json::read_json(&self.take_json_text(most).await?)
    }

    /// The same before it is read, for [`read_json`](super::read_json).
    pub async fn take_json_text(&mut self, most: usize) -> Result<Bytes, Rejection> {
        if !self.is_json() {
            let message = "the body has to be JSON, with Content-Type: application/json";
            let wrong = Rejection::new(ErrorCode::BadRequest, message).field("content-type");
            return Err(wrong.status(http::StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        self.take_body().collect(most).await
    }

    fn is_json(&self) -> bool {
        let mut types = self.headers.get_all(header::CONTENT_TYPE).iter();
        let (Some(kind), None) = (types.next(), types.next()) else { return false };
        let kind = kind.to_str().unwrap_or_default();
        let essence = kind.split_once(';').map_or(kind, |(essence, _)| essence);
        essence.trim().eq_ignore_ascii_case("application/json")
    }
}

impl<B> Deref for Request<B> {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl<B> DerefMut for Request<B> {
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No query, no headers: credentials may stand there.
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for Request<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}
