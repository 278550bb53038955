//! Keys that signatures are verified with, each with the one algorithm that it is for.

use ring::{hmac, signature};

use super::error::SecretTooShort;

/// Bytes that a secret must have at least.
pub const MIN_SECRET_BYTES: usize = 32;

/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1_024;

/// How a token is signed. The word in a token's header has to be exactly this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == word)
    }
}

/// A key, and the name that tokens call it by (`kid`).
#[derive(Clone)]
pub(super) struct Key {
    pub(super) name: Option<Box<str>>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Secret(hmac::Key),
    Rsa {
        modulus: Box<[u8]>,
        exponent: Box<[u8]>,
    },
    /// A point of P-256, uncompressed.
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

impl Key {
    pub(super) fn secret(secret: &[u8]) -> Result<Self, SecretTooShort> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretTooShort { bytes: secret.len() });
        }
        let material = Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(Self { name: None, material })
    }

    /// `None` for a key that is too short to be trusted, or too long to be verified with in passing.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let is_good = MODULUS.contains(&modulus.len())
            && (modulus.len() > *MODULUS.start() || modulus.first().is_some_and(|first| first >> 7 == 1))
            && is_odd(modulus)
            && is_odd(exponent)
            && exponent.len() <= 4
            && exponent != [1];
        let material = || Material::Rsa { modulus: modulus.into(), exponent: exponent.into() };
        is_good.then(|| Self { name: None, material: material() })
    }

    /// A point, with the byte 4 before its coordinates.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let point: [u8; 65] = point.try_into().ok()?;
        (point[0] == 4).then_some(Self { name: None, material: Material::P256(point) })
    }

    pub(super) fn ed25519(point: &[u8]) -> Option<Self> {
        Some(Self { name: None, material: Material::Ed25519(point.try_into().ok()?) })
    }

    pub(super) fn named(mut self, name: Option<String>) -> Self {
        self.name = name.map(Into::into);
        self
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Secret(_) => Algorithm::Hs256,
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::P256(_) => Algorithm::Es256,
            Material::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether a token that names its key so, or not at all, may be signed with this one: one without a name
    /// may be any.
    pub(super) fn may_be(&self, name: Option<&str>) -> bool {
        name.is_none() || self.name.is_none() || self.name.as_deref() == name
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let by = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let verdict = match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature),
            Material::Rsa { modulus, exponent } => {
                let key = signature::RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Material::P256(point) => by(&signature::ECDSA_P256_SHA256_FIXED, point),
            Material::Ed25519(point) => by(&signature::ED25519, point),
        };
        verdict.is_ok()
    }

    /// The signature of a secret; public keys have none.
    pub(super) fn sign(&self, message: &[u8]) -> Option<hmac::Tag> {
        match &self.material {
            Material::Secret(key) => Some(hmac::sign(key, message)),
            _ => None,
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
