//! Pages over real sockets, with a bundle of a few lines in place of the UI's.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use veche::{
    Clock, Kernel, Listen, Module, Origins, Rejection, Server, Verifier, axum::http::StatusCode,
    web::PageRequest,
};
use veche_server::ui::{Built, File, Surroundings, Ui};

const SECRET: &[u8] = b"a secret of thirty-two bytes, or more";
/// Shows its boot; does what its path says.
const BUNDLE: &str = r"
globalThis.__ssr = (json) => {
  const boot = JSON.parse(json);
  const path = boot.url.split('?')[0];
  if (path === '/throws') throw new Error('the bundle went off');
  if (path === '/endless') for (;;);
  const data = JSON.stringify(boot.data).replaceAll('<', '&lt;');
  const body = `<p>${boot.user?.name ?? 'guest'} ${data} ${boot.error?.code ?? ''}</p>`;
  const status = path === '/gone' ? 410 : 200;
  return [JSON.stringify({ route: path, status, chunk: 'src/desk/pages.ts', head: '<title>T</title>' }), body];
};
";
const MANIFEST: &str = r#"{
  "src/entry-client.ts": {"file": "assets/entry-1.js", "css": ["assets/entry-1.css"]},
  "src/desk/pages.ts": {"file": "assets/desk-1.js", "css": ["assets/desk-1.css"]}
}"#;
static FILES: &[File] = &[
    File { path: "/assets/entry-1.js", kind: "text/javascript", plain: b"1", gzip: None, brotli: None },
    File { path: "/offline.html", kind: "text/html", plain: b"<p>", gzip: None, brotli: None },
    File { path: "/sw.js", kind: "text/javascript", plain: b"22", gzip: Some(b"gz"), brotli: Some(b"br") },
];

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The boot in the page.
    fn boot(&self) -> Value {
        let (_, rest) =
            self.body.split_once(r#"<script type="application/json" id="boot">"#).expect("a boot");
        serde_json::from_str(rest.split_once("</script>").expect("its end").0).expect("JSON")
    }
}

/// A server with these pages.
pub(crate) struct Pages {
    server: Server,
}

impl Pages {
    fn start() -> Self {
        Self::start_with(|around| around)
    }

    pub(crate) fn start_with(change: impl FnOnce(Surroundings) -> Surroundings) -> Self {
        let around = Surroundings {
            origin: Some("https://veche.example".to_owned()),
            public_origins: Vec::new(),
            apps: vec!["desk"],
            demo: true,
            any_port_here: true,
            accounts: true,
            // What does not end is waited for, all else is there long before.
            render_deadline: Duration::from_secs(2),
            store: None,
            clock: Clock::real(),
        };
        let ui = Ui::new(Built { files: FILES, manifest: MANIFEST, bundle: BUNDLE }, change(around));
        let verifier = Verifier::hs256(SECRET).expect("it is long enough");
        let builder = Kernel::builder().clock(Clock::real()).authenticator(std::sync::Arc::new(verifier));
        let kernel = builder.mount(module()).mount(ui.module()).build().expect("it fits together");
        let listen = Listen::on("127.0.0.1:0").routes(ui.router()).pages(std::sync::Arc::new(ui));
        let listen = listen.origins(Origins::default().loopback(true));
        Self { server: Server::start(kernel, listen).expect("a free port") }
    }

    /// Asks, with further header lines.
    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
    }

    fn send(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.server.addresses()[0]).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("it answers");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn as_user(&self, user: &str) -> String {
        let verifier = Verifier::hs256(SECRET).expect("it is long enough");
        let wall_ms = self.server.kernel().clock().wall_ms();
        let token = verifier.sign(user, Duration::from_hours(1), wall_ms).expect("a token");
        format!("Authorization: Bearer {token}\r\n")
    }
}

fn module() -> Module {
    let mine = async |request: PageRequest| -> Result<String, Rejection> {
        Ok(format!("canary-of-{}", request.user()?))
    };
    Module::new("m")
        .page("/desk", mine)
        .page("/desk/{board}", async |request: PageRequest| -> Result<String, Rejection> {
            request.parameter("board")
        })
        .page("/ours", async |_: PageRequest| -> Result<u8, Rejection> { Ok(7) })
        .shared()
        .page("/throws", async |_: PageRequest| -> Result<(), Rejection> { Ok(()) })
        .page("/endless", async |_: PageRequest| -> Result<(), Rejection> { Ok(()) })
        .page("/gone", async |_: PageRequest| -> Result<(), Rejection> { Ok(()) })
        .page("/forbidden", async |_: PageRequest| -> Result<(), Rejection> { Err(Rejection::forbidden()) })
        .page("/down", async |_: PageRequest| -> Result<(), Rejection> { Err(Rejection::unavailable("x")) })
}

#[test]
fn a_page_is_rendered_with_its_files_and_its_boot() {
    let pages = Pages::start();
    let page = pages.get("/desk/b1?card=2", "Accept: text/html\r\nAccept-Language: ru\r\n");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for part in [
        r#"<html lang="ru" class="theme-system density-comfortable">"#,
        r#"<link rel="stylesheet" href="/assets/desk-1.css">"#,
        r#"<link rel="modulepreload" href="/assets/desk-1.js">"#,
        "<title>T</title>",
        r#"<div id="app"><p>guest "b1" </p></div>"#,
        r#"<script type="module" src="/assets/entry-1.js"></script>"#,
    ] {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    let boot = page.boot();
    assert_eq!((&boot["url"], &boot["data"]), (&"/desk/b1?card=2".into(), &"b1".into()));
    assert_eq!(page.header("cache-control"), Some("private, no-cache"));
    assert_eq!(page.header("vary"), Some("Cookie, Accept-Language, Accept-Encoding"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("ws://localhost:*"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.body.matches("<script").count(), 2, "no script but the data and the entry");
}

#[test]
fn the_loaders_refusal_is_the_status_and_the_page_is_made_all_the_same() {
    let pages = Pages::start();
    for (path, status, code) in [
        ("/desk", 401, "unauthorized"),
        ("/forbidden", 403, "forbidden"),
        ("/down", 503, "unavailable"),
        ("/nothing/here", 404, "not_found"),
        ("/gone", 410, ""),
    ] {
        let page = pages.get(path, "");
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.contains(&format!("null {code}</p>")), "{path}: {}", page.body);
        assert_eq!(page.boot()["error"]["code"].as_str().unwrap_or_default(), code);
    }
    assert_eq!(pages.get("/down", "").header("retry-after"), Some("1"));
}

#[test]
fn a_bundle_that_fails_leaves_the_page_to_the_browser() {
    // Red: `respond` that answers 500, or that keeps the empty page.
    let pages = Pages::start();
    for path in ["/throws", "/endless"] {
        let page = pages.get(path, "");
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains(r#"<div id="app"></div>"#) && page.body.contains("noindex"), "{path}");
        assert_eq!((page.header("etag"), page.boot()["url"].as_str()), (None, Some(path)));
    }
    let next = pages.get("/desk/again", "");
    assert!(next.body.contains("again"), "the next page is rendered");
}

#[test]
fn two_users_at_one_address_never_see_each_others_page() {
    // Red: `key` without the viewer and without the boot.
    let pages = Pages::start();
    let (ann, bob) = (pages.as_user("ann"), pages.as_user("bob"));
    for _ in 0..3 {
        for (headers, own, other) in [(&ann, "ann", "bob"), (&bob, "bob", "ann")] {
            let page = pages.get("/desk", headers);
            assert!(page.body.contains(&format!("canary-of-{own}")), "{}", page.body);
            assert!(!page.body.contains(other), "{}", page.body);
        }
        let guest = pages.get("/desk", "");
        assert!(guest.status == 401 && !guest.body.contains("canary"), "{}", guest.body);
    }
    let tags = [&ann, &bob].map(|headers| pages.get("/desk", headers).header("etag").map(str::to_owned));
    assert_ne!(tags[0], tags[1]);
    let tag = tags[0].as_deref().expect("a tag");
    assert_eq!(pages.get("/desk", &format!("{bob}If-None-Match: {tag}\r\n")).status, 200);
}

#[test]
fn a_shared_page_is_one_for_all_and_knows_nobody() {
    let pages = Pages::start();
    let seen = [pages.as_user("ann"), pages.as_user("bob"), String::new()].map(|headers| {
        let page = pages.get("/ours", &headers);
        assert_eq!(page.boot()["user"], Value::Null);
        page.header("etag").map(str::to_owned)
    });
    assert!(seen[0].is_some() && seen.iter().all(|tag| *tag == seen[0]), "{seen:?}");
}

#[test]
fn a_page_that_did_not_change_is_not_sent_again() {
    let pages = Pages::start();
    // The boot's minute may end between two requests, once.
    let is_known = |_: &u8| {
        let tag = pages.get("/desk/b", "").header("etag").map(str::to_owned).expect("a tag");
        let again = pages.get("/desk/b", &format!("If-None-Match: {tag}\r\n"));
        again.status == 304 && again.body.is_empty()
    };
    assert!((0..2).any(|time| is_known(&time)));
    assert_eq!(pages.get("/desk/c", "If-None-Match: W/\"0\"\r\n").status, 200);
}

#[test]
fn a_single_applications_home_is_the_sites_for_whoever_is_signed_in() {
    let pages = Pages::start();
    let ann = pages.as_user("ann");
    assert_eq!(pages.get("/", &ann).boot()["data"], "canary-of-ann");
    let data = pages.get("/api/page?path=/", &ann);
    assert_eq!(
        (data.status, data.body.as_str()),
        (200, r#""canary-of-ann""#),
        "the same data as in the page"
    );
    let landing = pages.get("/", "");
    assert_eq!((landing.status, &landing.boot()["data"]), (200, &Value::Null));
    let several = Pages::start_with(|around| Surroundings { apps: vec!["desk", "watch"], ..around });
    assert_eq!(several.get("/", &ann).boot()["data"], Value::Null);
}

#[test]
fn what_a_request_brings_stays_what_it_is() {
    let pages = Pages::start();
    let page = pages.get("/desk/%3C%2Fscript%3E%22'?x='%22%3Cscript%3E", "");
    assert_eq!((page.status, page.body.matches("<script").count()), (200, 2), "{}", page.body);
    assert_eq!(page.boot()["data"], "</script>\"'");
    assert_eq!(pages.get("/desk/b?x=</script>", "").status, 400, "no address has such characters");
    let hostile = "Cookie: veche_theme=\"><script>; veche_locale=<x>; veche_tz=../../etc; veche_density=\r\n";
    let page = pages.get("/", hostile);
    assert!(page.body.contains(r#"<html lang="en" class="theme-system density-comfortable">"#));
    // Links come from the configuration, whatever name the server was asked by.
    let request = "GET / HTTP/1.1\r\nHost: evil.example\"><script>\r\nConnection: close\r\n\r\n";
    let strange = pages.send(request);
    assert!(!strange.body.contains("evil.example"), "{}", strange.body);
    let landing = pages.send("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(
        landing.body.contains(r#"<link rel="canonical" href="https://veche.example/">"#),
        "{}",
        landing.body
    );
    assert!(!landing.body.contains("evil.example"));
    let split = pages.get("/desk/a%0d%0aSet-Cookie:%20x=1", "");
    assert!(split.status == 404 && split.header("set-cookie").is_none(), "no text has a line's end");
}

#[test]
fn another_port_is_named_only_where_it_is_allowed() {
    let demo = Pages::start();
    for (query, expected) in [
        ("?port=3001", Value::from(3001)),
        ("?port=99999", Value::Null),
        ("?port=0", Value::Null),
        ("?port=80%20", Value::Null),
    ] {
        assert_eq!(demo.get(&format!("/{query}"), "").boot()["wsPort"], expected, "{query}");
    }
    let listed = Pages::start_with(|around| Surroundings {
        any_port_here: false,
        public_origins: vec!["https://veche.example:8443".to_owned(), "https://other.example:9".to_owned()],
        ..around
    });
    for (query, expected) in
        [("?port=8443", Value::from(8443)), ("?port=3001", Value::Null), ("?port=9", Value::Null)]
    {
        assert_eq!(listed.get(&format!("/{query}"), "").boot()["wsPort"], expected, "{query}");
    }
    let policy = listed.get("/", "");
    let policy = policy.header("content-security-policy").expect("a policy");
    assert!(policy.contains(" wss://veche.example:8443 ") && !policy.contains("localhost"), "{policy}");
}

#[test]
fn a_developers_vite_is_told_the_whole_boot() {
    let demo = Pages::start();
    let told: Value =
        serde_json::from_str(&demo.get("/api/boot?path=/desk", &demo.as_user("ann")).body).expect("JSON");
    assert_eq!((&told["data"], &told["user"]["id"]), (&"canary-of-ann".into(), &"ann".into()));
    assert_eq!(demo.get("/api/boot?path=x", "").status, 400);
    let shared = demo.get("/api/boot?path=/ours", &demo.as_user("ann"));
    assert!(shared.body.contains(r#""user":null"#), "{}", shared.body);
    let other = Pages::start_with(|around| Surroundings { any_port_here: false, ..around });
    assert_eq!(other.get("/api/boot?path=/desk", "").status, 404);
}
