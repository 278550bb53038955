//! Mail by a service of the operator's own: a signed `POST` for each letter.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use ring::hmac;
use serde::Serialize;
use veche_kernel::Clock;

use super::message::{Mail, MailError, Mailer, Sending};

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that the secret must have at least.
const MIN_SECRET: usize = 32;

/// Posts each letter as JSON to one URL, which takes it by any status from 200 to 299. Redirects are not
/// followed.
///
/// `Veche-Signature: t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 of `<unix seconds>.<body>`; whoever takes
/// letters compares it in constant time, and refuses times more than five minutes away. The body's `id` is
/// the same at each attempt.
pub struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    key: hmac::Key,
    clock: Clock,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    to: To<'a>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    list_unsubscribe: Option<&'a str>,
    written_ms: u64,
}

#[derive(Serialize)]
struct To<'a> {
    email: &'a str,
    name: &'a str,
}

impl Webhook {
    /// The URL (`https://…`, or `http://…` inside of one's own network) and the secret, 32 bytes at least;
    /// `None` where one of them will not do.
    pub fn new(url: &str, secret: &[u8], clock: Clock) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let is_http = matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
        if !is_http || secret.len() < MIN_SECRET {
            return None;
        }
        let connector =
            HttpsConnectorBuilder::new().with_native_roots().ok()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Some(Self { client, url, key: hmac::Key::new(hmac::HMAC_SHA256, secret), clock })
    }

    fn request(&self, mail: &Mail) -> Result<Request<Full<Bytes>>, MailError> {
        let letter = &mail.letter;
        let body = Body {
            id: &mail.id,
            to: To { email: letter.to.email.as_str(), name: &letter.to.name },
            subject: &letter.subject,
            text: &letter.text,
            html: &letter.html,
            list_unsubscribe: letter.unsubscribe.as_deref(),
            written_ms: mail.written_ms,
        };
        let body = serde_json::to_vec(&body).map_err(|error| MailError::Compose(error.to_string()))?;
        Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("veche-signature", sign(&self.key, self.clock.wall_ms() / 1_000, &body))
            .body(Full::new(body.into()))
            .map_err(|error| MailError::Compose(error.to_string()))
    }
}

/// The header's value for a body at this time.
fn sign(key: &hmac::Key, unix: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{unix}.").as_bytes());
    context.update(body);
    format!("t={unix},v1={}", HEXLOWER.encode(context.sign().as_ref()))
}

impl Mailer for Webhook {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(async move {
            let answer = tokio::time::timeout(PATIENCE, self.client.request(self.request(mail)?)).await;
            let answer = answer.map_err(|_| MailError::Timeout(PATIENCE))?;
            let status = answer.map_err(|error| MailError::Refused(error.to_string()))?.status();
            let taken = status.is_success().then_some(());
            taken.ok_or_else(|| MailError::Refused(format!("the webhook answered {status}")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf '%s' '1700000000.{"id":"m1"}' | openssl dgst -sha256 -hmac "$SECRET"`.
    #[test]
    fn the_signature_is_of_the_time_and_the_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of thirty-two bytes, or more");
        let expected = "t=1700000000,v1=65e2d163454917ed4c5017791d30e17f2a65ead51a7efdabae42aaebd0d4f1b2";
        assert_eq!(sign(&key, 1_700_000_000, br#"{"id":"m1"}"#), expected);
    }

    #[test]
    fn a_webhook_is_https_or_http_with_a_secret() {
        let secret = b"a secret of thirty-two bytes, or more".as_slice();
        for (url, secret, expected) in [
            ("https://mail.example/take", secret, true),
            ("http://127.0.0.1:9/take", secret, true),
            ("https://mail.example/take", b"short".as_slice(), false),
            ("ftp://mail.example", secret, false),
            ("/take", secret, false),
        ] {
            assert_eq!(Webhook::new(url, secret, Clock::manual()).is_some(), expected, "{url}");
        }
    }
}
