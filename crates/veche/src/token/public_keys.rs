//! Public keys from a file: PEM, a JWK or a set of them.

use std::fmt;

use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use super::{der, error::KeysError, jwk, key::Key};

/// Keys of one source.
const MOST: usize = 32;

/// Public keys of whoever issues tokens.
///
/// ```
/// use veche::PublicKeys;
///
/// let keys = PublicKeys::read(br#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
/// ]}"#)?;
/// assert_eq!(keys.len(), 1);
/// # Ok::<(), veche::KeysError>(())
/// ```
#[derive(Clone)]
pub struct PublicKeys(pub(super) Vec<Key>);

impl PublicKeys {
    /// Reads a JWK, a JWK set, or PEM with one or more `PUBLIC KEY`. Keys of a set that are for other purposes
    /// are passed over; at least one must be of use.
    pub fn read(text: &[u8]) -> Result<Self, KeysError> {
        let is_json = text.trim_ascii_start().first() == Some(&b'{');
        let keys = if is_json { jwk::read(text)? } else { from_pem(text)? };
        match keys.len() {
            0 => Err(KeysError::Unusable),
            1..=MOST => Ok(Self(keys)),
            _ => Err(KeysError::TooMany(MOST)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: keys without one are an error.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|key| (key.algorithm(), key.name.as_deref()));
        f.debug_list().entries(names).finish()
    }
}

fn from_pem(text: &[u8]) -> Result<Vec<Key>, KeysError> {
    let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
    if has(b"PRIVATE KEY-----") {
        return Err(KeysError::Private);
    }
    let mut keys = Vec::new();
    for part in SubjectPublicKeyInfoDer::pem_slice_iter(text) {
        let part = part.map_err(|error| KeysError::Malformed(format!("{error:?}")))?;
        keys.extend(der::public_key(&part));
    }
    if keys.is_empty() && !has(b"-----BEGIN PUBLIC KEY-----") {
        return Err(KeysError::Malformed("there is no PUBLIC KEY in it".to_owned()));
    }
    Ok(keys)
}
