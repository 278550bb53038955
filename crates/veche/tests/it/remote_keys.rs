//! Keys from a URL: how they are read, changed, and kept while the URL fails.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use veche::{Kernel, KeysError, RemoteKeys, TokenError, Verifier};

use crate::{
    keys::Issuer,
    support::{until, within},
};

const DAY: Duration = Duration::from_hours(24);

/// A server of keys.
struct KeyServer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::<AtomicUsize>::default());
        let (says, counts) = (answer.clone(), asked.clone());
        // It ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head);
                counts.fetch_add(1, Ordering::SeqCst);
                let answer = says.lock().expect("no panic").clone();
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, answer, asked }
    }

    fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    fn says(&self, answer: String) {
        *self.answer.lock().expect("no panic") = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A node that verifies by these keys.
    fn node(&self, refresh: Duration) -> Kernel {
        let keys = RemoteKeys::start(&self.url(), refresh).expect("it is this machine");
        let verifier = Verifier::new().remote_keys(keys);
        Kernel::builder().shards(1).authenticator(Arc::new(verifier)).build().expect("the node is sound")
    }
}

fn ok(body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn set(keys: &[(&Issuer, &str)]) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(issuer, name)| {
            let mut key = issuer.jwk();
            key["kid"] = (*name).into();
            key
        })
        .collect();
    ok(&json!({ "keys": keys }))
}

async fn verdict(node: &Kernel, issuer: &Issuer, name: &str) -> Result<(), &'static str> {
    let claims = json!({"sub": "ann", "exp": node.clock().wall_ms() / 1_000 + 60});
    let token = issuer.signed(&issuer.header(Some(name)), &claims);
    within(node.verify(&token)).await.map(|_| ())
}

#[tokio::test]
async fn keys_are_read_at_once_and_when_one_is_unknown() {
    // Red: `verify` without `look_again`; `look_again` without `PAUSE`.
    let (old, new, strange) = (Issuer::es256(), Issuer::es256(), Issuer::es256());
    let server = KeyServer::start(set(&[(&old, "old")]));
    let node = server.node(DAY);
    assert_eq!(verdict(&node, &old, "old").await, Ok(()), "the first token waits for the first reading");
    assert_eq!(server.asked(), 1);
    server.says(set(&[(&old, "old"), (&new, "new")]));
    // The first reading was a moment ago: not again so soon.
    assert_eq!(verdict(&node, &new, "new").await, Err("unknown_key"));
    for _ in 0..20 {
        assert_eq!(verdict(&node, &strange, "strange").await, Err("unknown_key"));
    }
    assert_eq!(verdict(&node, &strange, "old").await, Err("signature"));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn keys_change_with_their_url_and_stay_while_it_fails() {
    // Red: `read` that forgets on an error; that follows a redirect; `fetch` without `BYTES`; `refresh` of a day.
    let (old, new) = (Issuer::es256(), Issuer::es256());
    let server = KeyServer::start(set(&[(&old, "old")]));
    let node = server.node(Duration::from_millis(5));
    assert_eq!(verdict(&node, &old, "old").await, Ok(()));
    let other = KeyServer::start(set(&[(&new, "new")]));
    let huge = ok(&json!({"keys": [new.jwk()], "x": "x".repeat(300 << 10)}));
    for failure in [
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        format!(
            "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            other.url()
        ),
        ok(&json!({"keys": []})),
        ok(&json!("keys")),
        huge,
        "nonsense".to_owned(),
        String::new(),
    ] {
        let before = server.asked();
        server.says(failure.clone());
        until(|| server.asked() >= before + 3).await;
        assert_eq!(verdict(&node, &old, "old").await, Ok(()), "{failure:.40}");
    }
    assert_eq!(other.asked(), 0, "a redirect is not followed");
    server.says(set(&[(&new, "new")]));
    let rotated = async {
        while verdict(&node, &new, "new").await.is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(rotated).await;
    assert_eq!(verdict(&node, &old, "old").await, Err("unknown_key"), "what the URL no longer says has gone");
}

#[tokio::test]
async fn a_url_that_is_not_there_lets_others_in_all_the_same() {
    // Red: `check_signature` that asks the URL's keys alone.
    let nowhere = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let keys = RemoteKeys::start(&format!("http://{nowhere}/"), DAY).expect("it is this machine");
    let verifier = Verifier::hs256(&[7; 32]).expect("it is long enough").remote_keys(keys);
    let token = verifier.sign("ann", Duration::from_mins(1), 0).expect("a user id");
    assert!(verifier.verify(&token, 1).is_ok());
    let issuer = Issuer::es256();
    let foreign = issuer.signed(&issuer.header(None), &json!({"sub": "ann", "exp": 60}));
    assert_eq!(verifier.verify(&foreign, 1), Err(TokenError::UnknownKey));
}

/// Answers every connection over TLS, in the name of `localhost`, for the authority of the tests.
fn tls_server(answer: String) -> SocketAddr {
    let certificate = CertificateDer::from(include_bytes!("fixtures/localhost.der").to_vec());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("fixtures/localhost-key.der").to_vec());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key.into()));
    let config = Arc::new(config.expect("a key and its certificate"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
            let mut stream = stream;
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            let mut head = [0; 4_096];
            if tls.read(&mut head).is_ok() {
                let _ = tls.write_all(answer.as_bytes());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    address
}

#[tokio::test]
async fn an_https_server_is_known_by_its_authority() {
    // Red: `start_trusting` that begins with Mozilla's authorities; `start` that trusts everybody.
    let issuer = Issuer::es256();
    let port = tls_server(set(&[(&issuer, "one")])).port();
    let authority = include_bytes!("fixtures/authority.pem");
    let verdict = async |keys: RemoteKeys| {
        let verifier = Verifier::new().remote_keys(keys);
        let node = Kernel::builder().shards(1).authenticator(Arc::new(verifier)).build();
        verdict(&node.expect("the node is sound"), &issuer, "one").await
    };
    let (good, other) = (format!("https://localhost:{port}/"), format!("https://127.0.0.1:{port}/"));
    let start = |url: &str| RemoteKeys::start_trusting(url, DAY, authority).expect("an authority");
    assert_eq!(verdict(start(&good)).await, Ok(()));
    assert_eq!(verdict(start(&other)).await, Err("unknown_key"), "the certificate is of another name");
    let stranger = RemoteKeys::start(&good, DAY).expect("it is https");
    assert_eq!(verdict(stranger).await, Err("unknown_key"), "Mozilla does not know it");
    for none in ["", "-----BEGIN CERTIFICATE-----", include_str!("fixtures/rsa.pem")] {
        let refused = RemoteKeys::start_trusting(&good, DAY, none.as_bytes()).map(|_| ());
        assert_eq!(refused, Err(KeysError::Authorities));
    }
}

#[test]
fn keys_are_not_read_in_the_clear() {
    // Red: `start` without `is_private`.
    let refused = RemoteKeys::start("http://id.example/keys", DAY).map(|_| ());
    assert_eq!(refused, Err(KeysError::Url("http://id.example/keys".to_owned())));
}
