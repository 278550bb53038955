//! The verifier: its keys, and the way from a token to whom it stands for.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use veche_kernel::{Authenticate, BoxFuture, Identity};

use super::{
    claims::{Claims, Expected, NewToken, object},
    error::{SecretTooShort, TokenError},
    header::{self, Signed},
    key::{Algorithm, Key},
    public_keys::PublicKeys,
    remote::RemoteKeys,
};

/// Bytes that a token may have; a longer one is refused before anything is decoded.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// Verifies tokens with its keys, and signs them with its secret.
///
/// ```
/// use std::time::Duration;
/// use veche::{TokenError, Verifier};
///
/// let verifier = Verifier::hs256(b"a secret of thirty-two bytes, or more")?;
/// let token = verifier.sign("ann", Duration::from_secs(60), 1_000).expect("`ann` is a user id");
/// assert_eq!(verifier.verify(&token, 2_000).expect("it is fresh").user.as_str(), "ann");
/// assert_eq!(verifier.verify(&token, 61_000), Err(TokenError::Expired));
/// # Ok::<(), veche::SecretTooShort>(())
/// ```
#[derive(Clone, Default)]
pub struct Verifier {
    /// Secrets, the one that signs first, then public keys.
    keys: Vec<Key>,
    remote: Option<Arc<RemoteKeys>>,
    expected: Expected,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.len())
            .field("remote", &self.remote)
            .field("expected", &self.expected)
            .finish()
    }
}

impl Verifier {
    /// A verifier without a key, which accepts nothing before it is given one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A verifier of HS256 tokens with this secret.
    pub fn hs256(secret: &[u8]) -> Result<Self, SecretTooShort> {
        Self::new().secret(secret)
    }

    /// Accepts tokens signed with this secret too. The first secret is the one that signs.
    pub fn secret(mut self, secret: &[u8]) -> Result<Self, SecretTooShort> {
        self.keys.push(Key::secret(secret)?);
        Ok(self)
    }

    /// Accepts tokens signed with these keys too: RS256, ES256 and EdDSA.
    #[must_use]
    pub fn public_keys(mut self, keys: PublicKeys) -> Self {
        self.keys.extend(keys.0);
        self
    }

    /// Accepts tokens signed with the keys of a URL too.
    #[must_use]
    pub fn remote_keys(mut self, keys: RemoteKeys) -> Self {
        self.remote = Some(Arc::new(keys));
        self
    }

    /// Demands this `iss`; tokens signed here have it.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.expected.issuer = Some(issuer.into());
        self
    }

    /// Demands this `aud`, alone or in a list; tokens signed here have it.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.expected.audience = Some(audience.into());
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
        let signed = header::read(&decode(header)?)?;
        self.check_signature(&signed, message.as_bytes(), &decode(signature)?)?;
        let claims = decode(claims)?;
        object::<Claims<'_>>(&claims)?.identity(&self.expected, now_wall_ms)
    }

    /// A token of this user that ends `ttl` after the wall time given.
    pub fn sign(&self, user: &str, ttl: Duration, now_wall_ms: u64) -> Result<String, TokenError> {
        self.issue(&NewToken::of(user, ttl), now_wall_ms)
    }

    /// A token that begins at the wall time given, with the issuer and the audience that this verifier demands.
    pub fn issue(&self, token: &NewToken<'_>, now_wall_ms: u64) -> Result<String, TokenError> {
        let secret = self.keys.first().filter(|key| key.algorithm() == Algorithm::Hs256);
        let secret = secret.ok_or(TokenError::NoSecret)?;
        let claims = token.claims(&self.expected, now_wall_ms)?;
        let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = secret.sign(token.as_bytes()).ok_or(TokenError::NoSecret)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Whether one of the keys that the token may be signed with has signed it.
    fn check_signature(&self, signed: &Signed, message: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        let remote = self.remote.as_ref().map(|remote| remote.keys()).unwrap_or_default();
        let is_of_algorithm = |key: &&Key| key.algorithm() == signed.algorithm;
        let keys: Vec<&Key> = self.keys.iter().chain(remote.iter()).filter(is_of_algorithm).collect();
        let name = signed.key.as_deref();
        let meant: Vec<_> = keys.iter().filter(|key| key.may_be(name)).collect();
        if meant.iter().any(|key| key.verifies(message, signature)) {
            return Ok(());
        }
        // A new key has a new name, or is the first.
        let is_new = meant.is_empty() || (name.is_some() && meant.iter().all(|key| key.name.is_none()));
        let may_come = self.remote.is_some() && signed.algorithm != Algorithm::Hs256 && is_new;
        Err(match (may_come, keys.is_empty(), meant.is_empty()) {
            (true, ..) | (false, false, true) => TokenError::UnknownKey,
            (false, true, _) => TokenError::Algorithm,
            (false, false, false) => TokenError::Signature,
        })
    }
}

impl Authenticate for Verifier {
    fn authenticate(&self, token: &str, wall_ms: u64) -> Result<Identity, &'static str> {
        self.verify(token, wall_ms).map_err(TokenError::reason)
    }

    fn look_again(&self, why: &'static str) -> BoxFuture<bool> {
        match &self.remote {
            Some(remote) if why == TokenError::UnknownKey.reason() => remote.look_again(),
            _ => Box::pin(std::future::ready(false)),
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}
