//! What a failure of the store is to a client: when to come back, and nothing of what is inside.

use veche_kernel::{ErrorCode, Rejection};
use veche_store::{Error, ErrorKind};

/// The rejection; what only an operator can mend is logged.
pub(crate) fn rejection(error: &Error) -> Rejection {
    match error.kind() {
        ErrorKind::Unavailable => {
            Rejection::unavailable("the database does not answer").retry_after_ms(1_000)
        }
        ErrorKind::Full => Rejection::unavailable("the server's disk is full").retry_after_ms(60_000),
        _ => {
            tracing::error!(%error, "a call failed");
            Rejection::new(ErrorCode::Internal, "the server failed")
        }
    }
}
