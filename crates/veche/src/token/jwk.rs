//! Keys as JSON (RFC 7517, 7518, 8037): one, or a set of them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::{
    error::KeysError,
    key::{Algorithm, Key},
};

/// The members that decide. What a key has beside them changes nothing.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// A private key.
    d: Option<String>,
}

/// The keys of a set that tokens can be verified with; a set may hold others, for other purposes.
pub(super) fn read(json: &[u8]) -> Result<Vec<Key>, KeysError> {
    let malformed = |error: serde_json::Error| KeysError::Malformed(error.to_string());
    let value: Value = serde_json::from_slice(json).map_err(malformed)?;
    let all = match value {
        Value::Object(mut set) => match set.remove("keys") {
            Some(Value::Array(keys)) => keys,
            Some(_) => return Err(KeysError::Malformed("`keys` is no list".to_owned())),
            None => vec![Value::Object(set)],
        },
        _ => return Err(KeysError::Malformed("it is no JSON object".to_owned())),
    };
    let mut usable = Vec::new();
    for key in all {
        // A key of a kind that does not concern us may have members of any type.
        let Ok(key) = serde_json::from_value::<Jwk>(key) else { continue };
        if key.d.is_some() {
            return Err(KeysError::Private);
        }
        usable.extend(key.key());
    }
    Ok(usable)
}

impl Jwk {
    fn key(self) -> Option<Key> {
        let verifies = |operations: &Vec<String>| operations.iter().any(|operation| operation == "verify");
        let is_for_signatures = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(verifies);
        let bytes = |field: &Option<String>| URL_SAFE_NO_PAD.decode(field.as_deref()?).ok();
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Key::rsa(&bytes(&self.n)?, &bytes(&self.e)?)?,
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                Key::p256(&[&[4], x.as_slice(), &y].concat()).filter(|_| x.len() == y.len())?
            }
            ("OKP", Some("Ed25519")) => Key::ed25519(&bytes(&self.x)?)?,
            // A secret (`oct`) among public keys would let whoever reads them sign.
            _ => return None,
        };
        let is_the_algorithm = |word: &str| Algorithm::parse(word) == Some(key.algorithm());
        let fits = is_for_signatures && self.alg.as_deref().is_none_or(is_the_algorithm);
        fits.then(|| key.named(self.kid))
    }
}
