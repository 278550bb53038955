//! A token's claims: what is read of them, and what is written.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::MapAccess};
use serde_json::value::RawValue;
use veche_kernel::{Grants, Identity, Right, Rights, TokenId};
use veche_protocol::name::check_channel;

use super::error::TokenError;

/// Nesting that a token's `meta` may have, as any JSON of a client.
const MAX_META_DEPTH: usize = 32;

/// Bytes of `meta`, as of a frame `presence`.
const MAX_META_BYTES: usize = 1 << 10;

/// How the ids of guests begin; no token may name one.
const GUEST_PREFIX: &str = "guest:";

/// The claims that are read. A claim given twice is refused by the parser, so that no two readers of one token
/// can disagree.
#[derive(Deserialize)]
pub(super) struct Claims<'a> {
    sub: Option<String>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    iss: Option<String>,
    aud: Option<Audiences>,
    jti: Option<String>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
}

/// What the claims must be beside true.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
}

impl Claims<'_> {
    /// Whose claims they are, if they hold at this time.
    pub(super) fn identity(self, expected: &Expected, now_wall_ms: u64) -> Result<Identity, TokenError> {
        let expires_ms = self.exp.ok_or(TokenError::NoExpiry)?.ms;
        if now_wall_ms >= expires_ms {
            return Err(TokenError::Expired);
        }
        if self.nbf.is_some_and(|nbf| now_wall_ms < nbf.ms) {
            return Err(TokenError::NotYetValid);
        }
        if expected.issuer.is_some() && self.iss != expected.issuer {
            return Err(TokenError::Issuer);
        }
        if let Some(audience) = &expected.audience
            && !self.aud.is_some_and(|aud| aud.0.contains(audience))
        {
            return Err(TokenError::Audience);
        }
        let user = self.sub.ok_or(TokenError::Subject)?;
        check_subject(&user)?;
        let meta = self.meta.map(RawValue::get).filter(|meta| *meta != "null");
        if meta.is_some_and(|meta| meta.len() > MAX_META_BYTES || depth(meta) > MAX_META_DEPTH) {
            return Err(TokenError::Malformed);
        }
        let token = self.jti.map(|id| TokenId::parse(&id).ok_or(TokenError::Malformed)).transpose()?;
        let grants = self.channels.filter(|channels| channels.get() != "null").map(grants).transpose()?;
        Ok(Identity {
            expires_ms,
            issued_ms: self.iat.map_or(0, |iat| iat.ms),
            token,
            grants: grants.filter(|grants| !grants.is_empty()).map(Arc::new),
            meta: meta.map(Into::into),
            ..Identity::of(user.as_str().into())
        })
    }
}

/// Reads `{"news:*": ["subscribe", "history"], "chat:42": ["publish"]}`.
fn grants(json: &RawValue) -> Result<Grants, TokenError> {
    let Patterns(patterns) = serde_json::from_str(json.get()).map_err(|_| TokenError::Channels)?;
    let patterns = patterns.iter().map(|(pattern, rights)| (pattern.as_str(), *rights));
    Grants::new(patterns).map_err(|_| TokenError::Channels)
}

struct Patterns(Vec<(String, Rights)>);

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Patterns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of patterns, each with a list of rights")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Patterns, A::Error> {
                let error = <A::Error as serde::de::Error>::custom::<&str>;
                let mut patterns: Vec<(String, Rights)> = Vec::new();
                while let Some((pattern, words)) = table.next_entry::<String, Vec<String>>()? {
                    if patterns.iter().any(|(known, _)| *known == pattern) {
                        return Err(error("a pattern stands twice"));
                    }
                    let rights: Option<Rights> = words.iter().map(|word| Right::parse(word)).collect();
                    patterns.push((pattern, rights.ok_or_else(|| error("no right"))?));
                }
                Ok(Patterns(patterns))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// What a token is to say, beside what its signer demands of every token.
///
/// ```
/// use std::time::Duration;
/// use veche::{NewToken, Right};
///
/// let token = NewToken::of("ann", Duration::from_secs(60))
///     .id("laptop-7")
///     .grant("news:*", [Right::Subscribe, Right::History]);
/// # let _ = token;
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is signed before `Verifier::issue`"]
pub struct NewToken<'a> {
    pub(super) user: &'a str,
    pub(super) ttl: Duration,
    id: Option<&'a str>,
    grants: BTreeMap<&'a str, Vec<&'static str>>,
}

impl<'a> NewToken<'a> {
    /// A token of this user that lasts so long.
    pub fn of(user: &'a str, ttl: Duration) -> Self {
        Self { user, ttl, id: None, grants: BTreeMap::new() }
    }

    /// Its own name, by which it can be revoked: 1 to 128 bytes without control characters.
    pub fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// What it adds to the rules in channels of this pattern: a channel's name, or the beginning of one and `*`.
    pub fn grant(mut self, pattern: &'a str, rights: impl IntoIterator<Item = Right>) -> Self {
        self.grants.entry(pattern).or_default().extend(rights.into_iter().map(Right::as_str));
        self
    }

    /// The claims as JSON, if a verifier would take them. Times are whole seconds, rounded down.
    pub(super) fn claims(&self, expected: &Expected, now_wall_ms: u64) -> Result<Vec<u8>, TokenError> {
        check_subject(self.user)?;
        if self.id.is_some_and(|id| TokenId::parse(id).is_none()) {
            return Err(TokenError::Malformed);
        }
        let patterns = self.grants.keys().map(|pattern| (*pattern, Rights::default()));
        Grants::new(patterns).map_err(|_| TokenError::Channels)?;
        let now = now_wall_ms / 1_000;
        let claims = NewClaims {
            sub: self.user,
            iat: now,
            exp: now.saturating_add(self.ttl.as_secs()),
            iss: expected.issuer.as_deref(),
            aud: expected.audience.as_deref(),
            jti: self.id,
            channels: &self.grants,
        };
        Ok(serde_json::to_vec(&claims).expect("strings and integers are always JSON"))
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    channels: &'a BTreeMap<&'a str, Vec<&'static str>>,
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

/// The id becomes the channel `user:{id}`, so it obeys the rules of a channel's name.
fn check_subject(sub: &str) -> Result<(), TokenError> {
    // Of what no channel can be named there is no personal channel, and back ends cannot name such a user.
    if sub.len() > 128 || sub.starts_with(GUEST_PREFIX) || check_channel(sub).is_err() {
        return Err(TokenError::Subject);
    }
    Ok(())
}

/// Reads a JSON object. serde's derived structs would take a list of the values too.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, TokenError> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(TokenError::Malformed);
    }
    serde_json::from_slice(json).map_err(|_| TokenError::Malformed)
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
