//! Tokens that are accepted, and every way to be refused.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    signature,
};
use ring::hmac;
use serde_json::{Value, json};
use veche::{Grants, Identity, NewToken, Right, Rights, SecretTooShort, TokenError, TokenId, Verifier};

const SECRET: &[u8] = b"a secret of the tests, 32 bytes or more";
const NOW_MS: u64 = 1_800_000_000_500;
const NOW: u64 = NOW_MS / 1_000;

const MINUTE: Duration = Duration::from_mins(1);

fn ann() -> NewToken<'static> {
    NewToken::of("ann", MINUTE)
}

fn verifier() -> Verifier {
    Verifier::hs256(SECRET).expect("the secret is long enough")
}

fn signed(algorithm: hmac::Algorithm, secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token(claims: &Value) -> String {
    token_with(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

fn token_with(header: &str, claims: &str) -> String {
    signed(hmac::HMAC_SHA256, SECRET, header, claims)
}

fn good() -> Value {
    json!({"sub": "ann", "exp": NOW + 60})
}

fn refusal(token: &str) -> TokenError {
    verifier().verify(token, NOW_MS).expect_err("the token is bad")
}

#[test]
fn a_good_token_tells_who_and_until_when() {
    let claims = json!({"sub": "ann", "exp": NOW + 60, "nbf": NOW, "iat": NOW - 1, "jti": "t-1",
        "meta": {"name": "Анна"}});
    let expected = Identity {
        expires_ms: (NOW + 60) * 1_000,
        issued_ms: (NOW - 1) * 1_000,
        meta: Some(r#"{"name":"Анна"}"#.into()),
        token: TokenId::parse("t-1"),
        ..Identity::of("ann".into())
    };
    assert_eq!(verifier().verify(&token(&claims), NOW_MS), Ok(expected));
}

#[test]
fn the_example_of_rfc_7515_verifies() {
    // RFC 7515, A.1: the key's bytes, and a token whose claims have `exp` 1300819380 and no `sub`.
    let key = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .expect("the RFC's key");
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let verifier = Verifier::hs256(&key).expect("64 bytes");
    assert_eq!(verifier.verify(token, 1_300_819_380_000), Err(TokenError::Expired));
    assert_eq!(verifier.verify(token, 1_300_819_379_999), Err(TokenError::Subject), "all else holds");
}

#[test]
fn a_short_secret_is_refused() {
    assert_eq!(Verifier::hs256(&[7; 31]).err(), Some(SecretTooShort { bytes: 31 }));
    assert!(Verifier::hs256(&[7; 32]).is_ok());
}

#[test]
fn claims_that_do_not_hold_are_refused() {
    let check = |change: Value, expected: TokenError| {
        let mut claims = good();
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        assert_eq!(refusal(&token(&claims)), expected, "{change}");
    };
    check(json!({"exp": NOW}), TokenError::Expired);
    check(json!({"exp": NOW as f64 + 0.5}), TokenError::Expired);
    check(json!({"exp": 0}), TokenError::Expired);
    check(json!({"exp": -1}), TokenError::Expired);
    check(json!({"exp": null}), TokenError::NoExpiry);
    check(json!({"exp": (NOW + 60).to_string()}), TokenError::Malformed);
    check(json!({"nbf": NOW + 1}), TokenError::NotYetValid);
    check(json!({"nbf": "soon"}), TokenError::Malformed);
    check(json!({"sub": null}), TokenError::Subject);
    check(json!({"sub": ""}), TokenError::Subject);
    check(json!({"sub": "a".repeat(129)}), TokenError::Subject);
    check(json!({"sub": "ann\n"}), TokenError::Subject);
    check(json!({"sub": "*"}), TokenError::Subject);
    check(json!({"sub": "guest:7"}), TokenError::Subject);
    // Red: `check_subject` that looks for control characters alone.
    check(json!({"sub": "rene\u{301}"}), TokenError::Subject);
    check(json!({"sub": "ann\u{2028}"}), TokenError::Subject);
    check(json!({"sub": 7}), TokenError::Malformed);
    check(json!({"meta": nested(33)}), TokenError::Malformed);
    check(json!({"meta": "x".repeat(1_023)}), TokenError::Malformed);
    check(json!({"iat": "now"}), TokenError::Malformed);
    check(json!({"jti": ""}), TokenError::Malformed);
    check(json!({"jti": "x".repeat(129)}), TokenError::Malformed);
    check(json!({"jti": "a\nb"}), TokenError::Malformed);
    check(json!({"jti": 7}), TokenError::Malformed);
}

#[test]
fn the_ends_of_what_is_allowed_are_accepted() {
    let check = |change: Value| {
        let mut claims = good();
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        assert!(verifier().verify(&token(&claims), NOW_MS).is_ok(), "{change}");
    };
    check(json!({"exp": NOW + 1}));
    check(json!({"exp": NOW as f64 + 0.75}));
    check(json!({"exp": u64::MAX}));
    check(json!({"nbf": NOW}));
    check(json!({"sub": "a".repeat(128)}));
    check(json!({"meta": nested(32)}));
    check(json!({"meta": {"text": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"["}}));
    check(json!({"meta": null}));
    check(json!({"aud": ["whoever"], "iss": "whoever"}));
}

#[test]
fn channels_are_granted_by_patterns() {
    // Red: `Claims::identity` without the grants.
    let mut claims = good();
    claims["channels"] = json!({"news:*": ["subscribe", "history"], "chat:42": ["publish"], "old": []});
    let rights = |rights: &[Right]| rights.iter().copied().collect::<Rights>();
    let expected = Grants::new([
        ("chat:42", rights(&[Right::Publish])),
        ("news:*", rights(&[Right::Subscribe, Right::History])),
        ("old", rights(&[])),
    ]);
    let identity = verifier().verify(&token(&claims), NOW_MS).expect("it is good");
    assert_eq!(identity.grants.as_deref(), expected.as_ref().ok());
    for none in [json!({}), json!(null)] {
        claims["channels"] = none;
        assert_eq!(verifier().verify(&token(&claims), NOW_MS).expect("it is good").grants, None);
    }
}

#[test]
fn malformed_grants_refuse_the_token() {
    // Red: `grants` that passes over what it cannot read.
    let check = |channels: &str| {
        let claims = format!(r#"{{"sub":"ann","exp":{},"channels":{channels}}}"#, NOW + 60);
        assert_eq!(refusal(&token_with(r#"{"alg":"HS256"}"#, &claims)), TokenError::Channels, "{channels}");
    };
    check(r#"["news:*"]"#);
    check(r#""*""#);
    check(r#"{"news:*":"subscribe"}"#);
    check(r#"{"news:*":["Subscribe"]}"#);
    check(r#"{"news:*":["admin"]}"#);
    check(r#"{"news:*":[1]}"#);
    check(r#"{"news:*:x":["publish"]}"#);
    check(r#"{"*news":["publish"]}"#);
    check(r#"{"":["publish"]}"#);
    check(r#"{"a\u0000":["publish"]}"#);
    check(r#"{"news:1":["publish"],"news:1":["subscribe"]}"#);
    check(&format!(r#"{{"{}*":["publish"]}}"#, "x".repeat(255)));
    let many: Vec<String> = (0..65).map(|at| format!(r#""room:{at}":["publish"]"#)).collect();
    check(&format!("{{{}}}", many.join(",")));
}

#[test]
fn what_is_signed_with_grants_grants_them() {
    // Red: `NewToken::claims` without `channels`.
    let token = ann().id("laptop").grant("news:*", [Right::Subscribe]).grant("news:*", [Right::History]);
    let token = verifier().issue(&token, NOW_MS).expect("it is good");
    let identity = verifier().verify(&token, NOW_MS).expect("it is good");
    assert_eq!((identity.token, identity.issued_ms), (TokenId::parse("laptop"), NOW * 1_000));
    let grants = identity.grants.expect("there are some");
    assert!(grants.allow(Right::History, "news:1") && !grants.allow(Right::Publish, "news:1"));
    assert_eq!(verifier().issue(&ann().grant("a*b", [Right::History]), NOW_MS), Err(TokenError::Channels));
    assert_eq!(verifier().issue(&ann().id(""), NOW_MS), Err(TokenError::Malformed));
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn an_expected_issuer_and_audience_must_be_there() {
    let verifier = verifier().issuer("us").audience("veche");
    let check = |claims: Value, expected: Option<TokenError>| {
        assert_eq!(verifier.verify(&token(&claims), NOW_MS).err(), expected, "{claims}");
    };
    let exp = NOW + 60;
    check(json!({"sub": "ann", "exp": exp, "iss": "us", "aud": "veche"}), None);
    check(json!({"sub": "ann", "exp": exp, "iss": "us", "aud": ["other", "veche"]}), None);
    check(json!({"sub": "ann", "exp": exp, "aud": "veche"}), Some(TokenError::Issuer));
    check(json!({"sub": "ann", "exp": exp, "iss": "US", "aud": "veche"}), Some(TokenError::Issuer));
    check(json!({"sub": "ann", "exp": exp, "iss": "us"}), Some(TokenError::Audience));
    check(json!({"sub": "ann", "exp": exp, "iss": "us", "aud": []}), Some(TokenError::Audience));
    check(json!({"sub": "ann", "exp": exp, "iss": "us", "aud": "veche2"}), Some(TokenError::Audience));
    check(json!({"sub": "ann", "exp": exp, "iss": ["us"], "aud": "veche"}), Some(TokenError::Malformed));
}

#[test]
fn a_header_never_chooses_how_it_is_verified() {
    let check = |header: &str, expected: TokenError| {
        assert_eq!(refusal(&token_with(header, &good().to_string())), expected, "{header}");
    };
    check(r#"{"alg":"none"}"#, TokenError::Algorithm);
    check(r#"{"alg":"NONE"}"#, TokenError::Algorithm);
    check(r#"{"alg":"hs256"}"#, TokenError::Algorithm);
    check(r#"{"alg":"HS384"}"#, TokenError::Algorithm);
    check(r#"{"alg":"RS256"}"#, TokenError::Algorithm);
    check(r#"{"alg":""}"#, TokenError::Algorithm);
    check(r#"{"typ":"JWT"}"#, TokenError::Malformed);
    check(r#"{"alg":"HS256","alg":"HS256"}"#, TokenError::Malformed);
    check(r#"["HS256"]"#, TokenError::Malformed);
    check(r#"{"alg":"HS256","jku":"https://evil.example/keys"}"#, TokenError::Header("jku"));
    check(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#, TokenError::Header("jwk"));
    check(r#"{"alg":"HS256","x5u":"https://evil.example/"}"#, TokenError::Header("x5u"));
    check(r#"{"alg":"HS256","x5c":[]}"#, TokenError::Header("x5c"));
    check(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, TokenError::Header("crit"));
    check(r#"{"alg":"HS256","jku":null}"#, TokenError::Header("jku"));
}

#[test]
fn the_same_secret_with_another_algorithm_is_refused() {
    let claims = good().to_string();
    let honest = signed(hmac::HMAC_SHA512, SECRET, r#"{"alg":"HS512"}"#, &claims);
    assert_eq!(refusal(&honest), TokenError::Algorithm);
    let lying = signed(hmac::HMAC_SHA512, SECRET, r#"{"alg":"HS256"}"#, &claims);
    assert_eq!(refusal(&lying), TokenError::Signature);
}

#[test]
fn forged_and_broken_tokens_are_refused() {
    let good = token(&good());
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims, signature) = (parts[0], parts[1], parts[2]);
    let forged = URL_SAFE_NO_PAD.encode(json!({"sub": "root", "exp": NOW + 60}).to_string());
    let check = |token: String, expected: TokenError| assert_eq!(refusal(&token), expected, "{token}");
    check(format!("{header}.{forged}.{signature}"), TokenError::Signature);
    check(format!("{header}.{claims}."), TokenError::Signature);
    check(format!("{header}.{claims}"), TokenError::Malformed);
    check(format!("{header}.{claims}.{signature}="), TokenError::Malformed);
    check(format!("{header}.{claims}.{signature}.{signature}"), TokenError::Signature);
    check(format!(" {good}"), TokenError::Malformed);
    check(format!("Bearer {good}"), TokenError::Malformed);
    check(String::new(), TokenError::Malformed);
    check("..".into(), TokenError::Malformed);
    check("é.é.é".into(), TokenError::Malformed);
    check("a".repeat((8 << 10) + 1), TokenError::TooLarge);
    check(token_with(r#"{"alg":"HS256"}"#, "[]"), TokenError::Malformed);
    let list = format!(r#"["ann",{},null,null,null,null,null]"#, NOW + 60);
    check(token_with(r#"{"alg":"HS256"}"#, &list), TokenError::Malformed);
    check(
        token_with(r#"{"alg":"HS256"}"#, &format!(r#"{{"sub":"ann","sub":"root","exp":{}}}"#, NOW + 60)),
        TokenError::Malformed,
    );
    let other = signed(hmac::HMAC_SHA256, &[9; 32], r#"{"alg":"HS256"}"#, &self::good().to_string());
    check(other, TokenError::Signature);
}

#[test]
fn every_cut_of_a_good_token_is_refused() {
    let good = token(&good());
    for end in 0..good.len() {
        assert!(verifier().verify(&good[..end], NOW_MS).is_err(), "cut at {end}");
    }
    assert!(verifier().verify(&good, NOW_MS).is_ok());
}

#[test]
fn every_flipped_bit_of_a_good_token_is_refused() {
    let good = token(&good()).into_bytes();
    for place in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[place / 8] ^= 1 << (place % 8);
        let Ok(bad) = String::from_utf8(bad) else { continue };
        assert!(verifier().verify(&bad, NOW_MS).is_err(), "bit {place}");
    }
}

#[test]
fn what_is_signed_here_verifies_here_until_it_ends() {
    let verifier = verifier().issuer("us").audience("veche");
    let token = verifier.issue(&ann(), NOW_MS).expect("a user id");
    let ends_ms = (NOW + 60) * 1_000;
    assert_eq!(verifier.verify(&token, ends_ms - 1).map(|who| who.expires_ms), Ok(ends_ms));
    assert_eq!(verifier.verify(&token, ends_ms), Err(TokenError::Expired));
    assert_eq!(verifier.issue(&NewToken::of("guest:1", MINUTE), NOW_MS), Err(TokenError::Subject));
}

#[test]
fn jsonwebtoken_reads_what_is_signed_here() {
    install_ring();
    let token = verifier().issuer("us").audience("veche").issue(&ann(), NOW_MS);
    let mut rules = Validation::new(Algorithm::HS256);
    rules.validate_exp = false; // It reads the system's clock.
    rules.set_issuer(&["us"]);
    rules.set_audience(&["veche"]);
    let key = DecodingKey::from_secret(SECRET);
    let claims =
        jsonwebtoken::decode::<Value>(token.expect("a user id"), &key, &rules).expect("it verifies").claims;
    assert_eq!(claims, json!({"sub": "ann", "iat": NOW, "exp": NOW + 60, "iss": "us", "aud": "veche"}));
}

#[test]
fn what_jsonwebtoken_signs_verifies_here() {
    install_ring();
    let header = jsonwebtoken::Header::new(Algorithm::HS256);
    let sign = |secret: &[u8]| {
        jsonwebtoken::encode(&header, &good(), &EncodingKey::from_secret(secret)).expect("it signs")
    };
    assert_eq!(verifier().verify(&sign(SECRET), NOW_MS).map(|who| who.user), Ok("ann".into()));
    assert_eq!(verifier().verify(&sign(&[9; 32]), NOW_MS), Err(TokenError::Signature));
}

/// jsonwebtoken comes without cryptography; its own choices bring advisories or a C build.
fn install_ring() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |_, key| Ok(Box::new(Hs256::new(key.as_bytes()))),
        verifier_factory: |_, key| Ok(Box::new(Hs256::new(key.try_get_as_bytes()?))),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // A second test in this process finds it installed, which is what it wants.
    let _ = PROVIDER.install_default();
}

struct Hs256(hmac::Key);

impl Hs256 {
    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
