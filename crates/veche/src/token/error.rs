//! Why a token is refused, and why a key is.

use super::key::MIN_SECRET_BYTES;

/// The secret is shorter than [`MIN_SECRET_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret has {bytes} bytes; HS256 needs at least {MIN_SECRET_BYTES}")]
pub struct SecretTooShort {
    /// How many bytes it has.
    pub bytes: usize,
}

/// Why public keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// It is neither a JWK, nor a set of them, nor PEM.
    #[error("expected a JWK, a JWK set, or PEM with PUBLIC KEY: {0}")]
    Malformed(String),
    /// A private key has no business here.
    #[error("it holds a private key: give the server the public one alone")]
    Private,
    /// None of the keys verifies RS256, ES256 or EdDSA.
    #[error("there is no key for RS256 (2048 bits or more), ES256 (P-256) or EdDSA (Ed25519) in it")]
    Unusable,
    /// There are more than can be.
    #[error("there are more than {0} keys in it")]
    TooMany(usize),
    /// The URL would be read in the clear by others.
    #[error("{0:?} is no https URL, and no http URL of this machine")]
    Url(String),
    /// Nobody could be trusted by it.
    #[error("expected PEM with the CERTIFICATE of an authority")]
    Authorities,
    /// The server of the keys does not answer as it should.
    #[error("the keys' server: {0}")]
    Fetch(String),
    /// The thread that reads them does not start.
    #[error("cannot start reading keys: {0}")]
    Start(String),
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It has more than 8 KiB.
    #[error("the token is longer than 8 KiB")]
    TooLarge,
    /// It is not three parts of base64url with JSON inside, or a claim has another type than the standard's.
    #[error("the token is malformed")]
    Malformed,
    /// Its header names another algorithm than that of any key, or `none`.
    #[error("the token's algorithm is not that of any key here")]
    Algorithm,
    /// Its header has a member that would let the token choose how it is verified.
    #[error("the token's header has `{0}`, which is not accepted")]
    Header(&'static str),
    /// It is signed with a key that is not known here (`kid`).
    #[error("the token's key is not known here")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// It has no `exp`.
    #[error("the token has no `exp`")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `sub` is missing, empty, longer than 128 bytes, has control characters or `*`, is not in NFC, or
    /// names a guest.
    #[error("the token's `sub` is no user id")]
    Subject,
    /// `iss` is not the one expected.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// `aud` does not have the one expected.
    #[error("the token is for another audience")]
    Audience,
    /// `channels` is no table of patterns with lists of rights, or has more than 64 of them.
    #[error("the token's `channels` is no table of patterns and rights")]
    Channels,
    /// There is no secret to sign with.
    #[error("there is no secret to sign tokens with")]
    NoSecret,
}

impl TokenError {
    /// A word for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Header(_) => "header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Channels => "channels",
            Self::NoSecret => "no_secret",
        }
    }
}
