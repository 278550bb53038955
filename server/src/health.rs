//! What a load balancer, an orchestrator and Prometheus ask: `/health`, `/livez`, `/readyz`, `/metrics`.
//!
//! The live figures come through [`Vitals`], so that this module knows no kernel.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};

/// How long the shards have to answer `/livez`. An orchestrator's own timeout is seldom shorter than 1 s, and an
/// answer that says what is wrong is worth more than none.
const SHARDS_ANSWER: Duration = Duration::from_millis(800);

/// After how many seconds to ask `/readyz` again.
const RETRY_AFTER_S: &str = "1";

/// The state of the node, as seen from outside.
pub trait Vitals: Send + Sync + 'static {
    /// Clients that are connected.
    fn clients(&self) -> u64;
    /// The figures of this moment.
    fn figures(&self) -> Figures;
    /// May new clients come?
    fn readiness(&self) -> Readiness;
    /// Does every shard take a turn within this time?
    fn is_alive(&self, within: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

/// The figures of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Time since the start, in ms.
    pub uptime_ms: u64,
    /// Channels that somebody is interested in.
    pub channels: u64,
    /// Sessions that are open.
    pub sessions: u64,
    /// Messages taken from clients since the start.
    pub messages_in: u64,
    /// Publications given to subscribers since the start.
    pub messages_out: u64,
}

/// May new clients come?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// The listeners are not open yet.
    Starting,
    /// Yes.
    Ready,
    /// The server is stopping.
    Draining,
}

/// The routes. `/metrics` is one of them only where a handle is given.
pub fn router(vitals: Arc<dyn Vitals>, metrics: Option<PrometheusHandle>) -> Router {
    let router = Router::new()
        .route("/health", get(health))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(vitals);
    match metrics {
        Some(handle) => router.merge(Router::new().route("/metrics", get(exposition)).with_state(handle)),
        None => router,
    }
}

#[derive(Deserialize)]
struct HealthQuery {
    full: Option<String>,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    websocket: &'static str,
    clients: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<MainMetrics>,
}

#[derive(Serialize)]
struct MainMetrics {
    version: &'static str,
    uptime_ms: u64,
    draining: bool,
    channels: u64,
    sessions: u64,
    messages_in: u64,
    messages_out: u64,
}

/// The process answers, so it is `ok`; whether it wants traffic is `/readyz`'s to say.
async fn health(State(vitals): State<Arc<dyn Vitals>>, Query(query): Query<HealthQuery>) -> Response {
    let full = matches!(query.full.as_deref(), Some("1" | "true" | ""));
    let metrics = full.then(|| main_metrics(&*vitals));
    let health = Health { status: "ok", websocket: "active", clients: vitals.clients(), metrics };
    ([(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

fn main_metrics(vitals: &dyn Vitals) -> MainMetrics {
    let figures = vitals.figures();
    MainMetrics {
        version: env!("CARGO_PKG_VERSION"),
        uptime_ms: figures.uptime_ms,
        draining: vitals.readiness() == Readiness::Draining,
        channels: figures.channels,
        sessions: figures.sessions,
        messages_in: figures.messages_in,
        messages_out: figures.messages_out,
    }
}

async fn live(State(vitals): State<Arc<dyn Vitals>>) -> Response {
    if vitals.is_alive(SHARDS_ANSWER).await {
        word(StatusCode::OK, "ok")
    } else {
        word(StatusCode::SERVICE_UNAVAILABLE, "a shard does not answer")
    }
}

async fn ready(State(vitals): State<Arc<dyn Vitals>>) -> Response {
    let refusal = match vitals.readiness() {
        Readiness::Ready => return word(StatusCode::OK, "ready"),
        Readiness::Starting => "starting",
        Readiness::Draining => "draining",
    };
    ([(header::RETRY_AFTER, RETRY_AFTER_S)], word(StatusCode::SERVICE_UNAVAILABLE, refusal)).into_response()
}

async fn exposition(State(handle): State<PrometheusHandle>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], handle.render()).into_response()
}

fn word(status: StatusCode, word: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], word).into_response()
}
