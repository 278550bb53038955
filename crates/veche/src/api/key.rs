//! A server's key: `vk_<id>_<secret>`. Only a digest of the secret is kept.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::ConstantTimeEq;

use super::{Right, Scope};

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Digits of an id.
const ID_DIGITS: usize = 16;
/// What every key begins with, so that one is recognised where it should not be.
const MARK: &str = "vk_";
/// The most scopes of one key.
const SCOPES_MAX: usize = 64;
/// The most bytes of a key's name.
const NAME_MAX: usize = 128;

/// A key's public name: 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

/// A key as its keeper knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its public name.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made, ms since 1970.
    pub created_ms: u64,
    /// When it ends, ms since 1970; 0 = never.
    #[serde(default)]
    pub expires_ms: u64,
    /// SHA-256 of the secret.
    digest: Digest,
}

/// A whole key, as its owner gets it once.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    id: KeyId,
    secret: [u8; SECRET_BYTES],
}

#[derive(Clone, PartialEq, Eq)]
struct Digest([u8; 32]);

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is none.
    #[error("a key's name has 1 to {NAME_MAX} bytes of printable text")]
    Name,
    /// It could do nothing, or too many things.
    #[error("a key has 1 to {SCOPES_MAX} scopes")]
    Scopes,
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl Key {
    /// A new key and its text. `expires_ms` 0 = never.
    ///
    /// ```
    /// use veche::api::{Key, Right};
    ///
    /// let (key, text) = Key::issue("back end", vec!["publish:news:*".parse()?], 0, 0)?;
    /// assert!(text.to_string().starts_with("vk_") && key.opens(&text));
    /// assert!(key.allows(Right::Publish, Some("news:today")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issue(
        name: &str,
        scopes: Vec<Scope>,
        created_ms: u64,
        expires_ms: u64,
    ) -> Result<(Self, KeyText), KeyError> {
        veche_protocol::name::check_event(name).map_err(|_| KeyError::Name)?;
        if scopes.is_empty() || scopes.len() > SCOPES_MAX {
            return Err(KeyError::Scopes);
        }
        let no_random = |error: getrandom::Error| KeyError::Random(error.to_string());
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(no_random)?;
        let id = KeyId(format!("{:016x}", getrandom::u64().map_err(no_random)?).into());
        let digest = Digest::of(&secret);
        let key = Self { id: id.clone(), name: name.to_owned(), scopes, created_ms, expires_ms, digest };
        Ok((key, KeyText { id, secret }))
    }

    /// Whether this text is the key's.
    pub fn opens(&self, text: &KeyText) -> bool {
        self.id == text.id && bool::from(self.digest.0.ct_eq(&Digest::of(&text.secret).0))
    }

    /// Whether it has ended.
    pub const fn is_over(&self, wall_ms: u64) -> bool {
        self.expires_ms != 0 && self.expires_ms <= wall_ms
    }

    /// Whether one of its scopes allows this.
    pub fn allows(&self, right: Right, channel: Option<&str>) -> bool {
        self.scopes.iter().any(|scope| scope.allows(right, channel))
    }

    /// Whether it may do all that a key with these scopes may.
    pub fn covers(&self, scopes: &[Scope]) -> bool {
        scopes.iter().all(|wanted| self.scopes.iter().any(|held| held.covers(wanted)))
    }
}

impl KeyText {
    /// Whose text it says it is.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }
}

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Digest {
    fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret).as_ref());
        Self(bytes)
    }
}

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no key")]
pub struct NoKey;

impl FromStr for KeyId {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let is_id = text.len() == ID_DIGITS && text.bytes().all(is_digit);
        if is_id { Ok(Self(text.into())) } else { Err(NoKey) }
    }
}

impl FromStr for KeyText {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let (id, secret) = text.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).ok_or(NoKey)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| NoKey)?;
        Ok(Self { id: id.parse()?, secret: secret.try_into().map_err(|_| NoKey)? })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}_{}", self.id, URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}_[hidden]", self.id)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        Ok(Self(bytes.try_into().map_err(|_| de::Error::custom("a digest has 32 bytes"))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_by_its_own_text_alone() {
        // Red: `opens` that compares ids; a `Digest::of` of nothing.
        let issue = || Key::issue("a", vec!["info".parse().expect("a scope")], 1, 0).expect("a key");
        let ((key, text), (other, another)) = (issue(), issue());
        assert!(key.opens(&text) && !key.opens(&another) && !other.opens(&text));
        let forged = KeyText { id: key.id.clone(), secret: another.secret };
        assert!(!key.opens(&forged));
        assert_eq!(text.to_string().parse(), Ok(text.clone()));
        assert!(!format!("{text:?} {key:?}").contains(&URL_SAFE_NO_PAD.encode(text.secret)));
        let stored = serde_json::to_string(&key).expect("it serialises");
        assert!(!stored.contains(&URL_SAFE_NO_PAD.encode(text.secret)));
        assert!(serde_json::from_str::<Key>(&stored).expect("it reads back").opens(&text));
    }

    #[test]
    fn what_is_no_key_is_not_read() {
        let secret = "A".repeat(43);
        let good = format!("vk_0123456789abcdef_{secret}");
        assert!(good.parse::<KeyText>().is_ok());
        for text in [
            String::new(),
            "vk_".to_owned(),
            good[3..].to_owned(),
            good.to_uppercase(),
            format!("{good}A"),
            format!("{good}="),
            format!("vk_0123456789abcde_{secret}"),
            format!("vk_0123456789abcdeF_{secret}"),
            format!("vk_0123456789abcdef_{}", &secret[1..]),
        ] {
            assert!(text.parse::<KeyText>().is_err(), "{text}");
        }
    }
}
