//! Tokens: who a client is, as a JWT says it.
//!
//! The doors verify with a [`Verifier`]; `veche token` signs with it. HS256 only, and the algorithm belongs to
//! the key: what a token's header says is compared with it and never obeyed. Deliberately absent: a clock (the
//! caller passes the wall time), keys named by a token (`jku`, `jwk`, `x5u`, `x5c`), and any leeway.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use veche_kernel::Authenticate;

/// Bytes that a secret must have at least.
pub const MIN_SECRET_BYTES: usize = 32;

/// Bytes that a token may have; a longer one is refused before anything is decoded.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// Nesting that a token's `meta` may have, as any JSON of a client.
const MAX_META_DEPTH: usize = 32;

/// How the ids of guests begin; no token may name one.
const GUEST_PREFIX: &str = "guest:";

/// The secret is shorter than [`MIN_SECRET_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret has {bytes} bytes; HS256 needs at least {MIN_SECRET_BYTES}")]
pub struct SecretTooShort {
    /// How many bytes it has.
    pub bytes: usize,
}

/// What a verified token says of its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user's id (`sub`): 1 to 128 bytes without control characters.
    pub user: String,
    /// When the token ends (`exp`), in ms since the Unix epoch.
    pub expires_ms: u64,
    /// What the members of a channel may see of the user (`meta`), as raw JSON.
    pub meta: Option<String>,
    /// The token's own id (`jti`), for revocation.
    pub token_id: Option<String>,
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
    /// Its header names another algorithm than the key's, or `none`.
    #[error("the token's algorithm is not HS256")]
    Algorithm,
    /// Its header has a member that would let the token choose how it is verified.
    #[error("the token's header has `{0}`, which is not accepted")]
    Header(&'static str),
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
    /// `sub` is missing, empty, longer than 128 bytes, has control characters or `*`, or names a guest.
    #[error("the token's `sub` is no user id")]
    Subject,
    /// `iss` is not the one expected.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// `aud` does not have the one expected.
    #[error("the token is for another audience")]
    Audience,
}

impl TokenError {
    /// A word for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Header(_) => "header",
            Self::Signature => "signature",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
        }
    }
}

/// Verifies tokens with one key, and signs them.
///
/// ```
/// use std::time::Duration;
/// use veche::{TokenError, Verifier};
///
/// let verifier = Verifier::hs256(b"a secret of thirty-two bytes, or more")?;
/// let token = verifier.sign("ann", Duration::from_secs(60), 1_000).expect("`ann` is a user id");
/// assert_eq!(verifier.verify(&token, 2_000).expect("it is fresh").user, "ann");
/// assert_eq!(verifier.verify(&token, 61_000), Err(TokenError::Expired));
/// # Ok::<(), veche::SecretTooShort>(())
/// ```
#[derive(Clone)]
pub struct Verifier {
    key: hmac::Key,
    issuer: Option<String>,
    audience: Option<String>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier of HS256 tokens with this secret.
    pub fn hs256(secret: &[u8]) -> Result<Self, SecretTooShort> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretTooShort { bytes: secret.len() });
        }
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), issuer: None, audience: None })
    }

    /// Demands this `iss`; tokens signed here have it.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Demands this `aud`, alone or in a list; tokens signed here have it.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Who the bearer of the token is, at the wall time given in ms since the Unix epoch.
    ///
    /// Nothing of the claims is read before the signature holds.
    pub fn verify(&self, token: &str, now_wall_ms: u64) -> Result<Identity, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        check_header(&decode(header)?)?;
        hmac::verify(&self.key, message.as_bytes(), &decode(signature)?)
            .map_err(|_| TokenError::Signature)?;
        let claims = decode(claims)?;
        self.identity(object(&claims)?, now_wall_ms)
    }

    /// A token for this user that ends `ttl` after the wall time given, with the issuer and the audience that
    /// this verifier demands. Its times are whole seconds, rounded down.
    pub fn sign(&self, sub: &str, ttl: Duration, now_wall_ms: u64) -> Result<String, TokenError> {
        check_subject(sub)?;
        let now = now_wall_ms / 1_000;
        let claims = NewClaims {
            sub,
            iat: now,
            exp: now.saturating_add(ttl.as_secs()),
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        let claims = serde_json::to_vec(&claims).expect("strings and integers are always JSON");
        let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = hmac::sign(&self.key, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn identity(&self, claims: Claims<'_>, now_wall_ms: u64) -> Result<Identity, TokenError> {
        let expires_ms = claims.exp.ok_or(TokenError::NoExpiry)?.ms;
        if now_wall_ms >= expires_ms {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| now_wall_ms < nbf.ms) {
            return Err(TokenError::NotYetValid);
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        if let Some(audience) = &self.audience
            && !claims.aud.is_some_and(|aud| aud.0.contains(audience))
        {
            return Err(TokenError::Audience);
        }
        let user = claims.sub.ok_or(TokenError::Subject)?;
        check_subject(&user)?;
        let meta = claims.meta.map(RawValue::get).filter(|meta| *meta != "null");
        if meta.is_some_and(|meta| depth(meta) > MAX_META_DEPTH) {
            return Err(TokenError::Malformed);
        }
        Ok(Identity { user, expires_ms, meta: meta.map(str::to_owned), token_id: claims.jti })
    }
}

impl Authenticate for Verifier {
    fn authenticate(&self, token: &str, wall_ms: u64) -> Result<veche_kernel::Identity, &'static str> {
        let identity = self.verify(token, wall_ms).map_err(TokenError::reason)?;
        let user = identity.user.as_str().into();
        Ok(veche_kernel::Identity { expires_ms: identity.expires_ms, ..veche_kernel::Identity::of(user) })
    }
}

/// The members of a header that decide. Others (`typ`, `kid`, …) change nothing and are passed over.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// The claims that are read. A claim given twice is refused by the parser, so that no two readers of one token
/// can disagree.
#[derive(Deserialize)]
struct Claims<'a> {
    sub: Option<String>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iss: Option<String>,
    aud: Option<Audiences>,
    jti: Option<String>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct NewClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Seconds since the Unix epoch, whole or with a fraction (RFC 7519, 2), as ms.
struct NumericDate {
    ms: u64,
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        if let Some(seconds) = number.as_u64() {
            return Ok(Self { ms: seconds.saturating_mul(1_000) });
        }
        match number.as_f64() {
            // The cast saturates: what lies beyond u64 is for ever, what lies before 1970 has passed.
            #[expect(clippy::cast_sign_loss, reason = "a negative time saturates to 0, which has passed")]
            Some(seconds) => Ok(Self { ms: (seconds * 1_000.0) as u64 }),
            None => Err(serde::de::Error::custom("no time")),
        }
    }
}

/// `aud`: one string or a list of them (RFC 7519, 4.1.3).
struct Audiences(Vec<String>);

impl<'de> Deserialize<'de> for Audiences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Audiences;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Audiences, E> {
                Ok(Audiences(vec![text.to_owned()]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Audiences, A::Error> {
                let mut audiences = Vec::new();
                while let Some(audience) = list.next_element()? {
                    audiences.push(audience);
                }
                Ok(Audiences(audiences))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

fn check_header(header: &[u8]) -> Result<(), TokenError> {
    let header: Header = object(header)?;
    if header.alg != "HS256" {
        return Err(TokenError::Algorithm);
    }
    let refused = [
        ("jku", header.jku),
        ("jwk", header.jwk),
        ("x5u", header.x5u),
        ("x5c", header.x5c),
        ("crit", header.crit),
    ];
    refused.iter().find(|(_, found)| *found).map_or(Ok(()), |(name, _)| Err(TokenError::Header(name)))
}

/// The id becomes the channel `user:{id}`, so it obeys the rules of a channel's name.
fn check_subject(sub: &str) -> Result<(), TokenError> {
    let forbidden = |c: char| c.is_control() || c == '*';
    if sub.is_empty() || sub.len() > 128 || sub.starts_with(GUEST_PREFIX) || sub.contains(forbidden) {
        return Err(TokenError::Subject);
    }
    Ok(())
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// Reads a JSON object. serde's derived structs would take a list of the values too.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, TokenError> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(TokenError::Malformed);
    }
    serde_json::from_slice(json).map_err(|_| TokenError::Malformed)
}

/// True for a member that is there, whatever its value (`null` too).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// How deep a valid JSON text nests.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
