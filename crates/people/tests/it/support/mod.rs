//! What several behaviours' tests are set up from: accounts on a store of their own, behind a node.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Method, Request, header};
use serde_json::{Value, json};
use veche_kernel::{Builder, Clock, Kernel, Quota, UserId, testing::TestNode, web::Body};
use veche_people::{
    Cost, SessionKey,
    accounts::{Accounts, Quotas, Settings, Site},
    mail::{Mail, MailError, Mailer, Post, Sending},
    web::{SignToken, module},
};
use veche_store::{Options, Store};

/// A cost at which a test does not wait.
pub(crate) const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

pub(crate) const EMAIL: &str = "ann@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A post office that keeps what it takes, or takes nothing.
#[derive(Clone, Default)]
pub(crate) struct Letters {
    taken: Arc<Mutex<Vec<Mail>>>,
    pub(crate) is_closed: Arc<std::sync::atomic::AtomicBool>,
}

impl Letters {
    /// What came since the last look.
    pub(crate) fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailer for Letters {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(async move {
            if self.is_closed.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(MailError::Refused("closed on Sundays".into()));
            }
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
            Ok(())
        })
    }
}

/// Says what it is asked to sign.
struct Readable;

impl SignToken for Readable {
    fn sign(&self, user: &UserId, session: &SessionKey, ttl: Duration, _: u64) -> Option<String> {
        Some(format!("{user}/{session}/{}", ttl.as_secs()))
    }
}

/// Nobody is held back.
pub(crate) fn no_quotas() -> Quotas {
    let off = Quota { count: 0, period_ms: 1, burst: 0 };
    Quotas { by_address: off, by_email: off, letters: off }
}

pub(crate) fn settings() -> Settings {
    let site = Site::parse("https://veche.example").expect("a site");
    Settings { cost: CHEAP, quotas: no_quotas(), ..Settings::new(site) }
}

/// Accounts on a store of their own, behind a node.
pub(crate) struct House {
    pub(crate) node: TestNode,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) post: Post,
    pub(crate) letters: Letters,
    folder: tempfile::TempDir,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: http::HeaderMap,
}

impl Answer {
    /// The cookie that it sets, as a browser would send it.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.headers.get(header::SET_COOKIE).expect("it sets a cookie").to_str().expect("ASCII");
        cookie.split(';').next().expect("it has a value").to_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn field(&self) -> &str {
        self.body["error"]["field"].as_str().unwrap_or_default()
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let clock = Clock::manual();
        let store = Store::open(folder.path(), Options::new(clock.clone())).await.expect("it opens");
        Self::on(Kernel::builder(), store, clock, folder, settings).await
    }

    async fn on(
        builder: Builder,
        store: Store,
        clock: Clock,
        folder: tempfile::TempDir,
        settings: Settings,
    ) -> Self {
        let letters = Letters::default();
        let post = Post::open(store.clone(), Arc::new(letters.clone())).await.expect("it opens");
        let accounts = Accounts::open(store.clone(), post.clone(), settings).await.expect("they open");
        let node = TestNode::start(builder.mount(module(accounts, Arc::new(Readable))));
        Self { node, store, clock, post, letters, folder }
    }

    /// The same store under other settings.
    pub(crate) async fn again(self, settings: Settings) -> Self {
        let Self { store, clock, folder, .. } = self;
        Self::on(Kernel::builder(), store, clock, folder, settings).await
    }

    /// The same store behind another node.
    pub(crate) async fn behind(self, builder: Builder) -> Self {
        let Self { store, clock, folder, .. } = self;
        Self::on(builder, store, clock, folder, settings()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.node.ask_http(request, None).await;
        let body = match answer.body().as_ref() {
            [] => Value::Null,
            json => serde_json::from_slice(json).expect("an answer is JSON"),
        };
        Answer { status: answer.status().as_u16(), body, headers: answer.headers().clone() }
    }

    /// `POST` of JSON, as a program without cookies.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(request(Method::POST, path, "", Some(body))).await
    }

    /// A request under a cookie; what is not `GET` brings JSON.
    pub(crate) async fn under(&self, cookie: &str, method: Method, path: &str, body: Value) -> Answer {
        let body = (method != Method::GET && !body.is_null()).then_some(body);
        self.ask(request(method, path, cookie, body)).await
    }

    pub(crate) async fn me(&self, cookie: &str) -> Answer {
        self.under(cookie, Method::GET, "me", Value::Null).await
    }

    /// What has been sent since the last look.
    pub(crate) async fn mail(&self) -> Vec<Mail> {
        while self.post.deliver_due().await > 0 {}
        self.letters.take()
    }

    /// The one letter that has been sent, and the token of its link if it has one.
    pub(crate) async fn letter(&self) -> (Mail, String) {
        let mut mail = self.mail().await;
        assert_eq!(mail.len(), 1, "{mail:?}");
        let mail = mail.pop().expect("there is one");
        let token = token(&mail);
        (mail, token)
    }

    /// Waits for a letter that is written after the answer.
    pub(crate) async fn later_letter(&self) -> (Mail, String) {
        loop {
            if let Some(mail) = self.mail().await.pop() {
                let token = token(&mail);
                return (mail, token);
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Answer {
        self.post("register", json!({"email": email, "password": password, "name": "Ann"})).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("sign-in", json!({"email": email, "password": password})).await
    }

    /// An account of Ann's; her cookie.
    pub(crate) async fn ann(&self) -> String {
        assert_eq!(self.register(EMAIL, PASSWORD).await.status, 202);
        let (_, token) = self.letter().await;
        let confirmed = self.post("confirm", json!({"token": token, "password": PASSWORD})).await;
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        confirmed.cookie()
    }

    /// How many rows a query counts.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.store.read(async |tx| tx.one(sql, []).await?.get::<i64>(0)).await.expect("it counts")
    }
}

/// The secret in a letter's link.
pub(crate) fn token(mail: &Mail) -> String {
    let text = mail.letter.text();
    let token = text.split("#token=").nth(1).and_then(|rest| rest.split_whitespace().next());
    token.unwrap_or_default().to_owned()
}

pub(crate) fn request(method: Method, path: &str, cookie: &str, body: Option<Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/api/people/{path}"));
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    let request = match body {
        Some(json) => request.header(header::CONTENT_TYPE, "application/json").body(json.to_string().into()),
        None => request.body(Body::empty()),
    };
    request.expect("a request")
}
