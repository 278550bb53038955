//! What an HTTP request asks of a server of Engine.IO.

use http::{Method, StatusCode};

use super::{Config, Revision};

/// How packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Packets come by POST and leave as the answer to a GET that waits for them.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in the query, and in `upgrades`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Polling, Self::WebSocket].into_iter().find(|it| it.as_str() == name)
    }
}

/// The request is refused: answer [`status`](Self::status) with [`body`](Self::body), as
/// `application/json`.
///
/// The reference answers a refused WebSocket handshake always with 400 and the bare message. No client can
/// see either; here all refusals are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// 0: `transport` is missing, unknown, or not served.
    #[error("Transport unknown")]
    UnknownTransport,
    /// 1: no such session, or not any more.
    #[error("Session ID unknown")]
    UnknownSid,
    /// 2: a session begins with a GET.
    #[error("Bad handshake method")]
    BadHandshakeMethod,
    /// 3: the request contradicts its session.
    #[error("Bad request")]
    BadRequest,
    /// 4: the server does not want this client.
    #[error("Forbidden")]
    Forbidden,
    /// 5: `EIO` is not 4, nor 3 where that is served.
    #[error("Unsupported protocol version")]
    UnsupportedVersion,
}

impl Refusal {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::UnknownTransport,
        Self::UnknownSid,
        Self::BadHandshakeMethod,
        Self::BadRequest,
        Self::Forbidden,
        Self::UnsupportedVersion,
    ];

    /// The number in the body.
    pub const fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSid => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }

    /// 403 for [`Forbidden`](Self::Forbidden), else 400.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The body of the answer.
    pub const fn body(self) -> &'static str {
        match self {
            Self::UnknownTransport => r#"{"code":0,"message":"Transport unknown"}"#,
            Self::UnknownSid => r#"{"code":1,"message":"Session ID unknown"}"#,
            Self::BadHandshakeMethod => r#"{"code":2,"message":"Bad handshake method"}"#,
            Self::BadRequest => r#"{"code":3,"message":"Bad request"}"#,
            Self::Forbidden => r#"{"code":4,"message":"Forbidden"}"#,
            Self::UnsupportedVersion => r#"{"code":5,"message":"Unsupported protocol version"}"#,
        }
    }

    /// The body with a message of the application's, for [`Forbidden`](Self::Forbidden).
    pub fn body_with(self, message: &str) -> String {
        let mut body = format!("{{\"code\":{},\"message\":", self.code());
        crate::json::push_str(&mut body, message);
        body.push('}');
        body
    }
}

/// The fields of a query that Engine.IO knows, as they stand there.
///
/// Percent codes are left as they are: no client writes these with any. Where a name comes twice the last
/// one counts, as in the reference. The rest of the query is the application's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<'q> {
    /// `EIO`: the revision.
    pub eio: Option<&'q str>,
    /// `transport`.
    pub transport: Option<&'q str>,
    /// `sid`: the session, where there is one already.
    pub sid: Option<&'q str>,
    /// `b64`: a client of the third revision takes no binary bodies.
    pub b64: bool,
    /// `j`: the answer is to be a script. Only clients of the third revision ask for it, where they know
    /// neither CORS nor a WebSocket.
    pub jsonp: Option<&'q str>,
}

/// What a request wants of a session that there is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wait for packets: [`Session::on_poll`](super::Session::on_poll).
    Poll,
    /// Bring packets: [`Session::on_post`](super::Session::on_post).
    Post,
    /// Move to a WebSocket: [`Session::on_upgrade`](super::Session::on_upgrade).
    Upgrade,
}

/// What a request wants, if it is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'q> {
    /// A session is to begin.
    Open {
        /// What the client speaks.
        revision: Revision,
        /// What it begins with.
        transport: Transport,
        /// Whether polling answers of the third revision may be binary.
        takes_binary: bool,
    },
    /// A request for a session.
    Session {
        /// Which one. A session that there is not is [`Refusal::UnknownSid`].
        sid: &'q str,
        /// What the client says that it speaks; `None` is neither. The session compares.
        revision: Option<Revision>,
        /// What it wants. `None` is nothing that a session does: [`Refusal::BadRequest`], if there is such a
        /// session.
        kind: Option<Kind>,
    },
}

impl<'q> Query<'q> {
    /// Reads a query, without its `?`.
    pub fn parse(query: &'q str) -> Self {
        let mut found = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "EIO" => found.eio = Some(value),
                "transport" => found.transport = Some(value),
                "sid" => found.sid = Some(value),
                "b64" => found.b64 = !value.is_empty(),
                "j" => found.jsonp = Some(value),
                _ => {}
            }
        }
        found
    }

    /// What a request with this query wants. `websocket` says that it is a WebSocket's handshake, which is
    /// judged by itself (see [`upgrade`](crate::ws::upgrade)).
    ///
    /// The checks come in the reference's order, so that a request with two faults is refused for the same
    /// one.
    ///
    /// ```
    /// use http::Method;
    /// use veche_protocol::engine_io::{Config, Query, Refusal};
    ///
    /// let config = Config::default();
    /// let route = |method, query| Query::parse(query).route(&config, &method, false);
    /// assert!(route(Method::GET, "EIO=4&transport=polling").is_ok());
    /// assert_eq!(route(Method::GET, "EIO=4&transport=tcp"), Err(Refusal::UnknownTransport));
    /// assert_eq!(route(Method::POST, "EIO=4&transport=polling"), Err(Refusal::BadHandshakeMethod));
    /// ```
    pub fn route(&self, config: &Config, method: &Method, websocket: bool) -> Result<Route<'q>, Refusal> {
        let transport = self.transport.and_then(Transport::parse).filter(|it| config.allows(*it));
        let transport = transport.ok_or(Refusal::UnknownTransport)?;
        let revision = config.revision(self.eio);
        if let Some(sid) = self.sid.filter(|sid| !sid.is_empty()) {
            return Ok(Route::Session { sid, revision, kind: kind(method, transport, websocket) });
        }
        if method != Method::GET {
            return Err(Refusal::BadHandshakeMethod);
        }
        // A WebSocket's transport comes by its handshake, and nothing else does.
        if websocket != (transport == Transport::WebSocket) {
            return Err(Refusal::BadRequest);
        }
        let revision = revision.ok_or(Refusal::UnsupportedVersion)?;
        Ok(Route::Open { revision, transport, takes_binary: !self.b64 })
    }
}

fn kind(method: &Method, transport: Transport, websocket: bool) -> Option<Kind> {
    match (transport, websocket) {
        (Transport::WebSocket, true) => Some(Kind::Upgrade),
        (Transport::Polling, false) if method == Method::GET => Some(Kind::Poll),
        (Transport::Polling, false) if method == Method::POST => Some(Kind::Post),
        _ => None,
    }
}
