//! What the server says of itself.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use tower::ServiceExt as _;
use veche_server::{
    health::{Figures, Readiness, Vitals, router},
    metrics,
};

struct Node {
    readiness: Readiness,
    alive: bool,
}

impl Vitals for Node {
    fn clients(&self) -> u64 {
        3
    }

    fn figures(&self) -> Figures {
        Figures { uptime_ms: 4, channels: 5, sessions: 2, messages_in: 6, messages_out: 7 }
    }

    fn readiness(&self) -> Readiness {
        self.readiness
    }

    fn is_alive(&self, _: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(ready(self.alive))
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

/// Asks a router.
pub(crate) fn ask(router: Router, path: &str) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without I/O").block_on(async {
        let request = Request::get(path).body(Body::empty()).expect("a path");
        let (parts, body) = router.oneshot(request).await.expect("infallible").into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("it is in memory");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        Answer { status: parts.status, headers: parts.headers, body }
    })
}

fn node(readiness: Readiness) -> Router {
    router(Arc::new(Node { readiness, alive: true }), None)
}

#[test]
fn health_is_exactly_what_was_promised() {
    let answer = ask(node(Readiness::Ready), "/health");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body, r#"{"status":"ok","websocket":"active","clients":3}"#);
}

#[test]
fn full_health_adds_the_main_metrics() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        r#"{{"status":"ok","websocket":"active","clients":3,"metrics":{{"version":"{version}","uptime_ms":4,"draining":true,"channels":5,"sessions":2,"messages_in":6,"messages_out":7}}}}"#
    );
    assert_eq!(ask(node(Readiness::Draining), "/health?full=1").body, expected);
    assert!(!ask(node(Readiness::Ready), "/health?full=0").body.contains("metrics"));
}

#[test]
fn ready_says_no_while_starting_and_draining() {
    let check = |readiness, status: StatusCode, body: &str, retry_after: Option<&str>| {
        let answer = ask(node(readiness), "/readyz");
        let retry = answer.headers.get("retry-after").map(|value| value.to_str().expect("ASCII"));
        assert_eq!((answer.status, answer.body.as_str(), retry), (status, body, retry_after));
    };
    check(Readiness::Ready, StatusCode::OK, "ready", None);
    check(Readiness::Starting, StatusCode::SERVICE_UNAVAILABLE, "starting", Some("1"));
    check(Readiness::Draining, StatusCode::SERVICE_UNAVAILABLE, "draining", Some("1"));
}

#[test]
fn live_says_no_when_a_shard_hangs() {
    let answer = ask(node(Readiness::Draining), "/livez");
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "ok"));
    let hung = router(Arc::new(Node { readiness: Readiness::Ready, alive: false }), None);
    let answer = ask(hung, "/livez");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "a shard does not answer")
    );
}

#[test]
fn metrics_are_prometheus_text_where_they_are_given() {
    assert_eq!(ask(node(Readiness::Ready), "/metrics").status, StatusCode::NOT_FOUND);
    let handle = metrics::install().expect("nobody else installed a recorder");
    ::metrics::counter!("veche_test_total", "reason" => "a \"quote\"").increment(2);
    ::metrics::counter!("veche_test_total", "reason" => "other").increment(3);
    ::metrics::histogram!("veche_test_seconds").record(0.003);
    let node = Arc::new(Node { readiness: Readiness::Ready, alive: true });
    let answer = ask(router(node, Some(handle.clone())), "/metrics");
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(answer.body.contains(r#"veche_test_total{reason="a \"quote\""} 2"#), "{}", answer.body);
    assert_eq!(metrics::total(&handle, "veche_test_total"), 5, "of all reasons");
    assert_eq!(metrics::total(&handle, "veche_test"), 0, "the name is whole");
    assert!(answer.body.contains(r#"veche_test_seconds_bucket{le="0.005"} 1"#), "{}", answer.body);
}
