//! Browsers are answered by pages where nothing else answers, with what the module tells to whoever asks.

use std::{sync::Arc, time::Duration};

use veche::{
    BoxFuture, Module, Pages, Rejection, Server, Verifier, Visit,
    axum::{Router, routing::get},
    web::{HttpResponse, PageRequest},
};

use crate::support::{
    SECRET, address,
    raw::{Response, ask},
    start_with, users,
};

/// Writes what it is told.
struct Plain;

impl Pages for Plain {
    fn answer(&self, visit: Visit) -> BoxFuture<HttpResponse> {
        let data = match &visit.outcome {
            Ok(json) => json.as_deref().unwrap_or("null").to_owned(),
            Err(rejection) => rejection.code().as_str().to_owned(),
        };
        let caller = visit.caller.map_or_else(|| "nobody".to_owned(), |it| it.identity.user.to_string());
        let text = format!("{} {caller} shared={} {data}", visit.uri, visit.shared);
        Box::pin(async move { HttpResponse::new(text.into()) })
    }
}

async fn viewer(request: PageRequest) -> Result<String, Rejection> {
    let caller = request.caller().map(|caller| caller.identity.user.to_string());
    let headers = ["authorization", "cookie"].map(|name| request.headers().contains_key(name));
    Ok(format!("{caller:?} {headers:?}"))
}

fn server() -> Server {
    let module = Module::new("m")
        .page("/mine", viewer)
        .page("/ours", viewer)
        .shared()
        .page("/own", async |request: PageRequest| -> Result<String, Rejection> {
            Ok(request.user()?.to_string())
        });
    let routes = Router::new().route("/other", get(async || "a route"));
    start_with(users().mount(module), |listen| listen.routes(routes).pages(Arc::new(Plain)))
}

async fn fetch(server: &Server, line: &str, headers: &str) -> Response {
    let request = format!("{line} HTTP/1.1\r\nHost: veche.example\r\n{headers}\r\n");
    ask(address(server), request).await.expect("an answer")
}

#[tokio::test]
async fn a_page_is_made_of_what_the_module_tells() {
    // Red: `answer` that looks for pages before the routes, or that forgets the outcome's code.
    let server = server();
    let check = async |line: &str, headers: &str, expected: &str| {
        let found = fetch(&server, line, headers).await;
        assert_eq!(String::from_utf8_lossy(&found.body), expected, "{line} {headers}");
    };
    check("GET /mine?a=%20", "", r#"/mine?a=%20 nobody shared=false "None [false, false]""#).await;
    check("GET /own", "Accept: text/html\r\n", "/own nobody shared=false unauthorized").await;
    check("GET /nothing", "Accept: text/html\r\n", "/nothing nobody shared=false not_found").await;
    check("GET /other", "Accept: text/html\r\n", "a route").await;
    check("GET /mine", "Accept: application/json\r\n", "").await;
    let api = fetch(&server, "GET /api/nothing", "Accept: text/html\r\n").await;
    assert_eq!((api.status, api.header("content-type")), (404, Some("application/json")));
}

#[tokio::test]
async fn a_shared_page_is_made_without_a_look_at_who_asks() {
    // Red: `boot` that leaves the caller or a header in; `answer` that identifies all the same.
    let server = server();
    let verifier = Verifier::hs256(SECRET).expect("the secret is long enough");
    let wall_ms = server.kernel().clock().wall_ms();
    let token = verifier.sign("ann", Duration::from_hours(1), wall_ms).expect("a token");
    let headers = format!("Authorization: Bearer {token}\r\nCookie: a=b\r\n");
    let body = async |path: &str| {
        let found = fetch(&server, &format!("GET {path}"), &headers).await;
        String::from_utf8_lossy(&found.body).into_owned()
    };
    assert_eq!(body("/mine").await, r#"/mine ann shared=false "Some(\"ann\") [true, true]""#);
    assert_eq!(body("/ours").await, r#"/ours nobody shared=true "None [false, false]""#);
    let data = body("/api/page?path=/ours").await;
    assert_eq!(data, r#""None [false, false]""#, "the same data as in the page");
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_any_page_is_made() {
    let found = fetch(&server(), "GET /mine", "Authorization: Bearer x.y.z\r\n").await;
    assert_eq!(found.status, 401);
    assert!(found.body.starts_with(br#"{"error":{"code":"unauthorized""#));
}
