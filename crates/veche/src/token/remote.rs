//! Keys from a URL: read again and again, so that whoever issues tokens may change them.
//!
//! One thread reads; it ends with the last handle. While the URL fails the keys that are known stay. A token
//! signed with an unknown key makes it read at once, but not more often than every 30 s.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use http::Uri;
use metrics::counter;
use tokio::sync::watch;
use ureq::{
    Agent,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};
use veche_kernel::BoxFuture;

use super::{error::KeysError, key::Key, public_keys::PublicKeys};

/// Bytes of an answer.
const BYTES: u64 = 256 << 10;
/// How long one reading may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time between two readings that unknown keys ask for, and before another try after a failure.
const PAUSE: Duration = Duration::from_secs(30);

/// Public keys that are read from a URL, a JWK set by convention.
///
/// ```no_run
/// use std::time::Duration;
/// use veche::{RemoteKeys, Verifier};
///
/// # fn main() -> Result<(), veche::KeysError> {
/// let keys = RemoteKeys::start("https://auth.example.com/.well-known/jwks.json", Duration::from_secs(600))?;
/// let verifier = Verifier::new().remote_keys(keys).issuer("https://auth.example.com");
/// # drop(verifier);
/// # Ok(())
/// # }
/// ```
pub struct RemoteKeys {
    shared: Arc<Shared>,
    ask: mpsc::Sender<()>,
}

struct Shared {
    url: String,
    state: Mutex<State>,
    /// How many readings are done.
    done: watch::Sender<u64>,
}

struct State {
    keys: Arc<[Key]>,
    /// A reading is under way, or about to be.
    reading: bool,
    /// When the last one began.
    began: Option<Instant>,
}

impl RemoteKeys {
    /// Begins to read the keys of this URL, at once and then every `refresh`: over https with an authority that
    /// Mozilla trusts, or over http from this machine. Redirects are not followed.
    pub fn start(url: &str, refresh: Duration) -> Result<Self, KeysError> {
        Self::begin(url, refresh, RootCerts::WebPki)
    }

    /// The same, with these authorities alone: PEM with one or more `CERTIFICATE`.
    pub fn start_trusting(url: &str, refresh: Duration, authorities: &[u8]) -> Result<Self, KeysError> {
        let found = parse_pem(authorities).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let roots: Vec<_> = found.collect();
        if roots.is_empty() {
            return Err(KeysError::Authorities);
        }
        Self::begin(url, refresh, RootCerts::from(roots))
    }

    fn begin(url: &str, refresh: Duration, roots: RootCerts) -> Result<Self, KeysError> {
        if !is_private(url) {
            return Err(KeysError::Url(url.to_owned()));
        }
        let agent = agent(url, roots);
        let state = State { keys: Arc::default(), reading: true, began: None };
        let shared =
            Arc::new(Shared { url: url.to_owned(), state: Mutex::new(state), done: watch::Sender::new(0) });
        let (ask, asked) = mpsc::channel();
        let reader = shared.clone();
        thread::Builder::new()
            .name("veche-keys".to_owned())
            .spawn(move || reader.read_for_ever(&agent, &asked, refresh))
            .map_err(|error| KeysError::Start(error.to_string()))?;
        Ok(Self { shared, ask })
    }

    pub(super) fn keys(&self) -> Arc<[Key]> {
        self.shared.state().keys.clone()
    }

    /// Waits for the reading that is under way, or for one that this begins, if the last was long enough ago.
    pub(super) fn look_again(&self) -> BoxFuture<bool> {
        let mut done = self.shared.done.subscribe();
        {
            let mut state = self.shared.state();
            if !state.reading {
                if state.began.is_some_and(|began| began.elapsed() < PAUSE) {
                    return Box::pin(std::future::ready(false));
                }
                state.reading = true;
                // The thread lives as long as this does.
                let _ = self.ask.send(());
            }
        }
        Box::pin(
            async move { tokio::time::timeout(PATIENCE, done.changed()).await.is_ok_and(|it| it.is_ok()) },
        )
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_for_ever(&self, agent: &Agent, asked: &mpsc::Receiver<()>, refresh: Duration) {
        loop {
            let pause = if self.read(agent) { refresh } else { refresh.min(PAUSE) };
            match asked.recv_timeout(pause) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => self.state().reading = true,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether it was read.
    fn read(&self, agent: &Agent) -> bool {
        self.state().began = Some(Instant::now());
        let read = fetch(agent, &self.url);
        let outcome = if read.is_ok() { "ok" } else { "failed" };
        counter!("veche_key_readings_total", "outcome" => outcome).increment(1);
        {
            let mut state = self.state();
            state.reading = false;
            if let Ok(keys) = &read {
                state.keys = keys.0.as_slice().into();
            }
        }
        self.done.send_modify(|count| *count += 1);
        match read {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, url = self.url, "failed to read the keys of tokens; those known stay");
                false
            }
        }
    }
}

fn fetch(agent: &Agent, url: &str) -> Result<PublicKeys, KeysError> {
    let failed = |error: ureq::Error| KeysError::Fetch(error.to_string());
    let mut response = agent.get(url).call().map_err(failed)?;
    if response.status() != 200 {
        return Err(KeysError::Fetch(format!("it answered {}", response.status())));
    }
    let body = response.body_mut().with_config().limit(BYTES).read_to_vec().map_err(failed)?;
    PublicKeys::read(&body)
}

fn agent(url: &str, roots: RootCerts) -> Agent {
    Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .https_only(url.starts_with("https://"))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .user_agent("veche")
        .accept("application/jwk-set+json, application/json")
        .build()
        .into()
}

/// Whether nobody on the way can put keys of their own in place of the issuer's.
fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_loopback,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        // Red: `is_private` that takes every http.
        let check = |url: &str, expected: bool| assert_eq!(is_private(url), expected, "{url}");
        check("https://id.example/keys", true);
        check("http://localhost:8080/keys", true);
        check("http://127.0.0.2/keys", true);
        check("http://[::1]:8080/keys", true);
        check("http://id.example/keys", false);
        check("http://localhost.example/keys", false);
        check("http://localhost@id.example/keys", false);
        check("file:///etc/keys", false);
        check("id.example/keys", false);
        check("https:///keys", false);
        check("", false);
    }
}
