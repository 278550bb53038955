//! The web UI: pages for browsers, rendered here where that works and by the browser where it does not.
//!
//! A page is made in three steps, each a file: who looks and at what (`boot`), the bundle's HTML (`rendering`), and the
//! document around it (`template`). Deliberately absent: any knowledge of what a page shows.

mod assets;
mod boot;
mod embedded;
mod encoding;
mod entries;
mod manifest;
mod page;
mod policy;
mod preferences;
mod rendering;
mod template;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
};
use ring::digest::{Context, SHA256};
use veche::{BoxFuture, Clock, Module, Pages, UserId, Visit, web::HttpResponse};
use veche_people::accounts::{Profile, profile};
use veche_store::Store;

use self::{
    assets::{Assets, etag, hex},
    boot::{Boot, Facts, Person, wanted_port},
    manifest::Manifest,
    page::Page,
    preferences::Preferences,
    rendering::Rendering,
    template::{Canonical, Content},
};
pub use self::{
    embedded::File,
    encoding::{Coding, takes},
};

/// Shown where the binary was built without the web UI.
const STUB: &str = include_str!("../../assets/stub.html");
/// The address that has a page for search engines: for guests it is the landing page.
const LANDING: &str = "/";

/// What was built of the web UI.
#[derive(Debug, Clone, Copy)]
pub struct Built {
    /// The browser's files.
    pub files: &'static [File],
    /// Vite's manifest of them; empty where nothing was built.
    pub manifest: &'static str,
    /// The server's bundle.
    pub bundle: &'static str,
}

impl Built {
    /// What this binary was built with.
    pub fn embedded() -> Self {
        Self { files: embedded::FILES, manifest: embedded::MANIFEST, bundle: embedded::BUNDLE }
    }
}

/// What pages have to know of their server.
#[derive(Clone)]
pub struct Surroundings {
    /// The origin that people find the server at, for links; never taken from a request.
    pub origin: Option<String>,
    /// Further origins of the same service, which pages may connect to.
    pub public_origins: Vec<String>,
    /// The names of the mounted applications.
    pub apps: Vec<&'static str>,
    /// Whether it is a demonstration.
    pub demo: bool,
    /// Whether pages may connect to any port of this machine.
    pub any_port_here: bool,
    /// Whether people have accounts here, with pages to sign in.
    pub accounts: bool,
    /// How long a page may take to be rendered here.
    pub render_deadline: Duration,
    /// Where people's names are.
    pub store: Option<Store>,
    /// The server's time.
    pub clock: Clock,
}

/// The pages of a server. Cheap to clone.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    assets: Assets,
    /// `None`: nothing was built.
    manifest: Option<Manifest>,
    rendering: Rendering,
    facts: Facts,
    policy: HeaderValue,
    around: Surroundings,
}

impl Ui {
    /// Starts the renderer. A UI that was not built, or whose bundle does not run, is no reason not to serve.
    pub fn new(built: Built, around: Surroundings) -> Self {
        let manifest = (!built.manifest.is_empty()).then(|| Manifest::parse(built.manifest)).transpose();
        let manifest = manifest.unwrap_or_else(|error| {
            tracing::error!(error, "the web UI's manifest cannot be read");
            None
        });
        let build = hex(&ring::digest::digest(&SHA256, built.manifest.as_bytes()).as_ref()[..6]);
        let facts = Facts { build, apps: around.apps.clone(), demo: around.demo };
        let policy = policy::policy(&around.public_origins, around.any_port_here);
        let (assets, rendering) =
            (Assets::new(built.files, policy.clone()), Rendering::new(built.bundle, around.render_deadline));
        Self(Arc::new(Inner { assets, manifest, rendering, facts, policy, around }))
    }

    /// The browser's files, and what search engines ask for.
    pub fn router(&self) -> Router {
        self.0.assets.router().merge(entries::router(self))
    }

    /// The shell's own pages, and its entries for programs.
    pub fn module(&self) -> Module {
        entries::module(self)
    }

    async fn respond(&self, visit: Visit) -> HttpResponse {
        let refused = visit.outcome.as_ref().err().map(veche::Rejection::http_status);
        let Some(manifest) = &self.0.manifest else {
            let status = refused.unwrap_or(StatusCode::OK);
            return Page::new(status, STUB.to_owned(), None).answer(&visit.headers, &self.0.policy);
        };
        let (preferences, person) = self.look(&visit).await;
        let boot = self.boot(&visit, &preferences, person);
        let json = boot.to_json();
        let is_public = boot.user.is_none() && visit.uri.path() == LANDING && boot.error.is_none();
        let origin = self.0.around.origin.as_deref().filter(|_| is_public);
        let canonical = origin.map(|origin| Canonical { origin, path: visit.uri.path() });
        let key = key(&visit, refused, &json);
        let rendered = self.0.rendering.page(key, &json, |rendered| {
            let needed = manifest.needed(rendered.chunk.as_deref());
            let content = Content { head: &rendered.head, body: &rendered.body };
            let html = template::page(&boot, &json, &needed, canonical, content);
            let own = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::OK);
            Page::new(refused.unwrap_or(own), html, Some(etag(&key)))
        });
        let mut response = match rendered.await {
            Some(page) => page.answer(&visit.headers, &self.0.policy),
            None => {
                let needed = manifest.needed(None);
                let html = template::page(&boot, &json, &needed, canonical, Content::default());
                let status = refused.unwrap_or(StatusCode::OK);
                Page::new(status, html, None).answer(&visit.headers, &self.0.policy)
            }
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// What the browser likes, and who looks. A signed-in user's own language counts more than the browser's.
    async fn look(&self, visit: &Visit) -> (Preferences, Option<Person>) {
        let mut preferences = Preferences::read(&visit.headers);
        let Some(caller) = &visit.caller else { return (preferences, None) };
        let user = caller.identity.user.clone();
        let name = match self.profile(&user).await {
            Some(profile) => {
                preferences.language = profile.language;
                profile.name
            }
            // Of another service's tokens nothing but the id is known.
            None => user.to_string(),
        };
        (preferences, Some(Person { id: user.to_string(), name }))
    }

    async fn profile(&self, user: &UserId) -> Option<Profile> {
        let store = self.0.around.store.as_ref()?;
        let found = store.read(async |tx| profile(tx, user).await).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "a page does not know its reader's name");
            None
        })
    }

    fn boot<'a>(
        &'a self,
        visit: &'a Visit,
        preferences: &'a Preferences,
        person: Option<Person>,
    ) -> Boot<'a> {
        let now_ms = self.0.around.clock.wall_ms();
        let boot = Boot::new(&visit.uri, preferences, person, &self.0.facts, &visit.outcome, now_ms);
        Boot { ws_port: wanted_port(&visit.uri).filter(|port| self.0.around.allows_port(*port)), ..boot }
    }
}

impl Surroundings {
    /// Whether a page may connect to this port of its own host.
    fn allows_port(&self, port: u16) -> bool {
        let host = |origin: &str| {
            let (_, authority) = origin.split_once("://")?;
            Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned())
        };
        let own = self.origin.as_deref().and_then(host);
        let suffix = format!(":{port}");
        let is_listed = |origin: &String| origin.ends_with(&suffix) && host(origin) == own;
        self.any_port_here || (own.is_some() && self.public_origins.iter().any(is_listed))
    }
}

impl Pages for Ui {
    fn answer(&self, visit: Visit) -> BoxFuture<HttpResponse> {
        let ui = self.clone();
        Box::pin(async move { ui.respond(visit).await })
    }
}

/// The digest of all that a page depends on. Who looks is in it by itself, not only by what the boot tells of them.
fn key(visit: &Visit, refused: Option<StatusCode>, boot: &str) -> [u8; 32] {
    let viewer = match (&visit.caller, visit.shared) {
        (_, true) => "shared",
        (None, false) => "guest",
        (Some(caller), false) => caller.identity.user.as_str(),
    };
    let status = refused.map_or(0, |status| status.as_u16());
    let mut context = Context::new(&SHA256);
    context.update(&[u8::from(visit.shared), u8::from(visit.caller.is_some())]);
    // Its length comes first, so that no boot can pass for the rest of a longer name.
    context.update(&(viewer.len() as u64).to_le_bytes());
    context.update(viewer.as_bytes());
    context.update(&status.to_le_bytes());
    context.update(boot.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}
