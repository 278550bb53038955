//! Public keys: which tokens they verify, where they come from, and what they are never taken for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use veche::{KeysError, PublicKeys, TokenError, Verifier};

const NOW_MS: u64 = 1_800_000_000_000;

/// Made for these tests, and of no use elsewhere.
const RSA: &[u8] = include_bytes!("fixtures/rsa.der");
const RSA_PEM: &str = include_str!("fixtures/rsa.pem");

/// Somebody who issues tokens.
pub(crate) enum Issuer {
    Rs256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    pub(crate) fn all() -> [Self; 3] {
        [Self::rs256(), Self::es256(), Self::ed_dsa()]
    }

    fn rs256() -> Self {
        Self::Rs256(Box::new(RsaKeyPair::from_der(RSA).expect("a key")))
    }

    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("random bits");
        Self::Es256(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a key"))
    }

    fn ed_dsa() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("random bits");
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Rs256(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": text(&public.n), "e": text(&public.e)})
            }
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
            Self::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("it signs");
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message).expect("it signs").as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token of `ann` for a minute, with this header.
    fn token_with(&self, header: &Value) -> String {
        let claims = json!({"sub": "ann", "exp": NOW_MS / 1_000 + 60});
        self.signed(header, &claims)
    }

    pub(crate) fn signed(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", text(&signature))
    }

    pub(crate) fn header(&self, kid: Option<&str>) -> Value {
        let mut header = json!({"alg": self.algorithm()});
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        header
    }

    fn token(&self) -> String {
        self.token_with(&self.header(None))
    }
}

fn set(keys: &[Value]) -> PublicKeys {
    PublicKeys::read(json!({ "keys": keys }).to_string().as_bytes()).expect("keys of use")
}

fn named(issuer: &Issuer, name: &str) -> Value {
    let mut key = issuer.jwk();
    key["kid"] = name.into();
    key
}

fn check(verifier: &Verifier, token: &str, expected: Result<(), TokenError>) {
    assert_eq!(verifier.verify(token, NOW_MS).map(|_| ()), expected, "{token}");
}

#[test]
fn each_algorithm_verifies_with_its_own_key_alone() {
    // Red: `Key::verifies` that says yes; `is_of_algorithm` that says yes.
    let issuers = Issuer::all();
    let all: Vec<_> = issuers.iter().map(Issuer::jwk).collect();
    let everything = Verifier::new().public_keys(set(&all));
    for issuer in &issuers {
        let token = issuer.token();
        check(&everything, &token, Ok(()));
        let mut forged = token.clone().into_bytes();
        let dot = token.find('.').expect("a token") + 2;
        forged[dot] ^= 1;
        let forged = String::from_utf8(forged).expect("ASCII");
        check(&everything, &forged, Err(TokenError::Signature));
        for other in &issuers {
            let verifier = Verifier::new().public_keys(set(&[other.jwk()]));
            let expected = if std::ptr::eq(issuer, other) { Ok(()) } else { Err(TokenError::Algorithm) };
            check(&verifier, &token, expected);
            check(
                &everything,
                &issuer.token_with(&other.header(None)),
                match expected {
                    Ok(()) => Ok(()),
                    Err(_) => Err(TokenError::Signature),
                },
            );
        }
    }
    check(&Verifier::new(), &issuers[0].token(), Err(TokenError::Algorithm));
}

#[test]
fn the_examples_of_the_standards_verify() {
    // RFC 7515, A.2 and A.3, and RFC 8037, A.4: everything holds but `sub`, or that the payload is no JSON.
    // Red: `Key::rsa` with the exponent's place taken by the modulus; `Key::p256` of swapped coordinates.
    let claims =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
             T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB\
             dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
             GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let rsa = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
               uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB\
               _eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq\
               Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let point = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let edwards = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let keys = [
        json!({"kty": "RSA", "n": n, "e": "AQAB"}),
        json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
    ];
    let verifier = Verifier::new().public_keys(set(&keys));
    let at = |token: &str| verifier.verify(token, 1_300_819_379_999).map(|_| ());
    assert_eq!(at(&format!("eyJhbGciOiJSUzI1NiJ9.{claims}.{rsa}")), Err(TokenError::Subject));
    assert_eq!(at(&format!("eyJhbGciOiJFUzI1NiJ9.{claims}.{point}")), Err(TokenError::Subject));
    let plain = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert_eq!(at(&format!("eyJhbGciOiJFZERTQSJ9.{plain}.{edwards}")), Err(TokenError::Malformed));
    assert_eq!(at(&format!("eyJhbGciOiJFZERTQSJ9.{claims}.{edwards}")), Err(TokenError::Signature));
}

#[test]
fn a_public_key_is_no_secret() {
    // Red: `is_of_algorithm` that says yes, with a key that signs by its bytes.
    let verifier = Verifier::new().public_keys(PublicKeys::read(RSA_PEM.as_bytes()).expect("a key"));
    let both = verifier.clone().secret(&[7; 32]).expect("it is long enough");
    for secret in [RSA_PEM.as_bytes(), RSA_PEM.trim().as_bytes(), RSA] {
        let forger = Verifier::hs256(secret).expect("it is long enough");
        let forged = forger.sign("ann", std::time::Duration::from_mins(1), NOW_MS).expect("a user id");
        check(&verifier, &forged, Err(TokenError::Algorithm));
        check(&both, &forged, Err(TokenError::Signature));
    }
    check(&verifier, &Issuer::rs256().token(), Ok(()));
    check(&both, &Issuer::rs256().token(), Ok(()));
}

#[test]
fn a_token_that_names_its_key_is_that_keys() {
    // Red: `Key::may_be` that says yes.
    let (one, two, nameless) = (Issuer::es256(), Issuer::es256(), Issuer::es256());
    let verifier =
        Verifier::new().public_keys(set(&[named(&one, "one"), named(&two, "two"), nameless.jwk()]));
    let with = |issuer: &Issuer, name: &str| issuer.token_with(&issuer.header(Some(name)));
    check(&verifier, &with(&one, "one"), Ok(()));
    check(&verifier, &one.token(), Ok(()));
    check(&verifier, &with(&one, "two"), Err(TokenError::Signature));
    check(&verifier, &with(&nameless, "one"), Ok(()));
    let named_only = Verifier::new().public_keys(set(&[named(&one, "one")]));
    for name in ["", "One", "one ", "../one", "../../../../dev/null", "one\u{0}", "' OR 1=1 --", "*"] {
        check(&named_only, &with(&one, name), Err(TokenError::UnknownKey));
    }
    for name in [json!(1), json!(["one"]), json!({"one": 1})] {
        let mut header = one.header(None);
        header["kid"] = name;
        check(&named_only, &one.token_with(&header), Err(TokenError::Malformed));
    }
    let huge = with(&one, &"k".repeat(10_000));
    check(&named_only, &huge, Err(TokenError::TooLarge));
}

#[test]
fn keys_are_read_from_pem() {
    // Red: `der::public_key` without one of its arms.
    let read = |text: &str| PublicKeys::read(text.as_bytes()).map(|keys| keys.len());
    assert_eq!(read(RSA_PEM), Ok(1));
    assert_eq!(read(include_str!("fixtures/p256.pem")), Ok(1));
    assert_eq!(read(include_str!("fixtures/ed25519.pem")), Ok(1));
    assert_eq!(read(&[RSA_PEM, include_str!("fixtures/p256.pem")].concat()), Ok(2));
    assert_eq!(read(include_str!("fixtures/rsa1024.pem")), Err(KeysError::Unusable));
    assert_eq!(read(include_str!("fixtures/p384.pem")), Err(KeysError::Unusable));
    assert_eq!(read(&RSA_PEM.replace("PUBLIC", "PRIVATE")), Err(KeysError::Private));
    for broken in ["", "key", &RSA_PEM.replace("PUBLIC KEY", "CERTIFICATE"), &RSA_PEM.replace("MII", "!!!")] {
        assert!(matches!(read(broken), Err(KeysError::Malformed(_))), "{broken}");
    }
    let body = RSA_PEM.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    for end in (4..body.len()).step_by(4) {
        let cut = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", &body[..end]);
        assert!(read(&cut).is_err() || end == body.len(), "cut at {end}");
    }
}

#[test]
fn keys_for_other_purposes_are_passed_over() {
    // Red: `Jwk::key` without `fits`; with `oct` for a secret; `read` without the look at `d`.
    let read =
        |key: Value| PublicKeys::read(json!({"keys": [key]}).to_string().as_bytes()).map(|keys| keys.len());
    let with = |member: &str, value: Value| {
        let mut key = Issuer::es256().jwk();
        key[member] = value;
        key
    };
    assert_eq!(read(with("use", json!("sig"))), Ok(1));
    assert_eq!(read(with("alg", json!("ES256"))), Ok(1));
    assert_eq!(read(with("key_ops", json!(["verify"]))), Ok(1));
    assert_eq!(read(with("x5c", json!(["…"]))), Ok(1));
    for other in [
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("alg", json!("ES384")),
        with("alg", json!("none")),
        with("crv", json!("P-384")),
        with("x", json!("AA")),
        with("y", json!("not base64url!")),
        with("kty", json!("oct")),
        with("kty", json!(7)),
        json!({"kty": "oct", "k": text(&[7; 32]), "alg": "HS256"}),
        json!({"kty": "RSA", "n": text(&[255; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": text(&[255; 2_000]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": text(&[255; 256]), "e": "AQ"}),
        json!({"kty": "RSA", "n": text(&[254; 256]), "e": "AQAB"}),
    ] {
        assert_eq!(read(other.clone()), Err(KeysError::Unusable), "{other}");
    }
    assert_eq!(read(with("d", json!("AA"))), Err(KeysError::Private));
    let many: Vec<_> = (0..33).map(|_| Issuer::es256().jwk()).collect();
    let many = PublicKeys::read(json!({"keys": many}).to_string().as_bytes()).map(|keys| keys.len());
    assert_eq!(many, Err(KeysError::TooMany(32)));
    for broken in ["{", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "{}"] {
        assert!(PublicKeys::read(broken.as_bytes()).is_err(), "{broken}");
    }
}
