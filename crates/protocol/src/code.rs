//! The words and numbers that say why: error codes in frames, close codes of connections.

use std::fmt;

/// The word of an `error` frame. An application may bring words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The frame is malformed, or a field of it is.
    BadRequest,
    /// Nobody is signed in on this connection.
    Unauthorized,
    /// The rules do not allow it, whether or not the channel exists.
    Forbidden,
    /// No such thing; also an event without a handler.
    NotFound,
    /// It contradicts the present state.
    Conflict,
    /// A field, a batch or a body is over its limit.
    TooLarge,
    /// A rate limit fired; `retry_after_ms` says when to come back.
    RateLimited,
    /// It cannot be done now and may be tried again.
    Unavailable,
    /// The handler did not answer before its deadline.
    Timeout,
    /// The server failed.
    Internal,
    /// An application's own word.
    App(&'static str),
}

impl ErrorCode {
    /// The protocol's own codes, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::RateLimited,
        Self::Unavailable,
        Self::Timeout,
        Self::Internal,
    ];

    /// The word as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::App(word) => word,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Timeout)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the server ends a connection. The number's range is the client's reconnect policy:
/// 3000–3499 and 4000–4499 reconnect, 3500–3999 and 4500–4999 do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1000: the client asked for it.
    Normal,
    /// 1002: the peer broke RFC 6455.
    Protocol,
    /// 1003: a binary message, which the native protocol does not have.
    Unsupported,
    /// 1007: a text message that is not UTF-8, or a broken compressed message.
    InvalidData,
    /// 1009: a message over `limits.frame_bytes`.
    TooLarge,
    /// 3000: the server stops.
    Shutdown,
    /// 3001: the server drains; another will serve.
    Drain,
    /// 3005: the token expired.
    TokenExpired,
    /// 3008: the client does not read fast enough.
    SlowConsumer,
    /// 3010: no sign of life after a ping.
    HeartbeatLost,
    /// 3500: no valid token, or one of another user.
    InvalidToken,
    /// 3501: too many malformed or rate-limited frames.
    Flood,
    /// 3503: an operator or the application ended it.
    Kicked,
    /// 3504: the user has too many connections.
    TooManyConnections,
}

impl CloseCode {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Normal,
        Self::Protocol,
        Self::Unsupported,
        Self::InvalidData,
        Self::TooLarge,
        Self::Shutdown,
        Self::Drain,
        Self::TokenExpired,
        Self::SlowConsumer,
        Self::HeartbeatLost,
        Self::InvalidToken,
        Self::Flood,
        Self::Kicked,
        Self::TooManyConnections,
    ];

    /// The number as it stands in the close frame.
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Protocol => 1002,
            Self::Unsupported => 1003,
            Self::InvalidData => 1007,
            Self::TooLarge => 1009,
            Self::Shutdown => 3000,
            Self::Drain => 3001,
            Self::TokenExpired => 3005,
            Self::SlowConsumer => 3008,
            Self::HeartbeatLost => 3010,
            Self::InvalidToken => 3500,
            Self::Flood => 3501,
            Self::Kicked => 3503,
            Self::TooManyConnections => 3504,
        }
    }

    /// A short reason for people and for metrics: lower case, words joined by `_`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Protocol => "protocol_error",
            Self::Unsupported => "unsupported_data",
            Self::InvalidData => "invalid_data",
            Self::TooLarge => "too_large",
            Self::Shutdown => "shutdown",
            Self::Drain => "drain",
            Self::TokenExpired => "token_expired",
            Self::SlowConsumer => "slow_consumer",
            Self::HeartbeatLost => "heartbeat_lost",
            Self::InvalidToken => "invalid_token",
            Self::Flood => "flood",
            Self::Kicked => "kicked",
            Self::TooManyConnections => "too_many_connections",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CloseCode, ErrorCode};

    /// A new variant does not compile before it has its place here, and then in `ALL`.
    #[test]
    fn the_lists_name_every_code() {
        for (index, code) in ErrorCode::ALL.into_iter().enumerate() {
            let place = match code {
                ErrorCode::BadRequest => 0,
                ErrorCode::Unauthorized => 1,
                ErrorCode::Forbidden => 2,
                ErrorCode::NotFound => 3,
                ErrorCode::Conflict => 4,
                ErrorCode::TooLarge => 5,
                ErrorCode::RateLimited => 6,
                ErrorCode::Unavailable => 7,
                ErrorCode::Timeout => 8,
                ErrorCode::Internal => 9,
                ErrorCode::App(_) => usize::MAX,
            };
            assert_eq!(place, index, "{code}");
        }
        for (index, code) in CloseCode::ALL.into_iter().enumerate() {
            let place = match code {
                CloseCode::Normal => 0,
                CloseCode::Protocol => 1,
                CloseCode::Unsupported => 2,
                CloseCode::InvalidData => 3,
                CloseCode::TooLarge => 4,
                CloseCode::Shutdown => 5,
                CloseCode::Drain => 6,
                CloseCode::TokenExpired => 7,
                CloseCode::SlowConsumer => 8,
                CloseCode::HeartbeatLost => 9,
                CloseCode::InvalidToken => 10,
                CloseCode::Flood => 11,
                CloseCode::Kicked => 12,
                CloseCode::TooManyConnections => 13,
            };
            assert_eq!(place, index, "{}", code.reason());
        }
    }
}
