//! A token's header: what it says of its signature, all of which is only compared.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{claims::object, error::TokenError, key::Algorithm};

/// What a token says of its signature.
pub(super) struct Signed {
    pub(super) algorithm: Algorithm,
    /// The key's name.
    pub(super) key: Option<String>,
}

/// The members of a header that decide. Others (`typ`, …) change nothing and are passed over.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
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

/// Reads a header. One that would choose how it is verified is refused.
pub(super) fn read(json: &[u8]) -> Result<Signed, TokenError> {
    let header: Header = object(json)?;
    let algorithm = Algorithm::parse(&header.alg).ok_or(TokenError::Algorithm)?;
    let refused = [
        ("jku", header.jku),
        ("jwk", header.jwk),
        ("x5u", header.x5u),
        ("x5c", header.x5c),
        ("crit", header.crit),
    ];
    if let Some((name, _)) = refused.iter().find(|(_, found)| *found) {
        return Err(TokenError::Header(name));
    }
    Ok(Signed { algorithm, key: header.kid })
}

/// True for a member that is there, whatever its value (`null` too).
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
