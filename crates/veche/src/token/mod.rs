//! Tokens: who a client is, as a JWT says it.
//!
//! The doors verify with a [`Verifier`]; `veche token` signs with it. An algorithm belongs to its key: what a
//! token's header says is compared with it and never obeyed. Deliberately absent: a clock (the caller passes the
//! wall time), keys named by a token (`jku`, `jwk`, `x5u`, `x5c`), and any leeway.

mod claims;
mod der;
mod error;
mod header;
mod jwk;
mod key;
mod public_keys;
mod remote;
mod verifier;

pub use claims::NewToken;
pub use error::{KeysError, SecretTooShort, TokenError};
pub use key::MIN_SECRET_BYTES;
pub use public_keys::PublicKeys;
pub use remote::RemoteKeys;
pub use verifier::Verifier;
