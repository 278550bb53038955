//! Secrets that a client holds and the database only recognises: a cookie's value, the token of a mailed link.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use veche_kernel::Rejection;

/// Random bytes of a secret: 256 bits, so that nobody guesses one and a plain hash of it is enough.
const BYTES: usize = 32;

/// A secret in the clear. It goes to the client and nowhere else: it is not printed and not stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

/// What is stored of a [`Secret`]: its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; BYTES]);

/// The system has no random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bits")]
pub(crate) struct NoRandomBits;

impl From<NoRandomBits> for Rejection {
    fn from(error: NoRandomBits) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl Secret {
    /// Draws one.
    pub(crate) fn draw() -> Result<Self, NoRandomBits> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomBits)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// What a client brought, where it can be one of ours.
    pub(crate) fn brought(text: &str) -> Option<Self> {
        Fingerprint::of(text).map(|_| Self(text.to_owned()))
    }

    /// As it travels: 43 characters of base64url.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0).expect("what was encoded a moment ago decodes")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Fingerprint {
    /// Of what a client brought; `None` where it can be no secret of ours.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == BYTES)?;
        digest(&SHA256, &bytes).as_ref().try_into().ok().map(Self)
    }

    /// For a column.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_fingerprint_alone() {
        let secret = Secret::draw().expect("random bits");
        assert_eq!(Fingerprint::of(secret.as_str()), Some(secret.fingerprint()));
        assert_ne!(Secret::draw().expect("random bits").fingerprint(), secret.fingerprint());
        assert!(!format!("{secret:?}").contains(secret.as_str()));
    }

    #[test]
    fn what_can_be_no_secret_is_not_hashed() {
        let long = "A".repeat(44);
        for text in ["", "abc", "A%3D", long.as_str(), "ключ"] {
            assert!(Fingerprint::of(text).is_none(), "{text}");
        }
    }
}
