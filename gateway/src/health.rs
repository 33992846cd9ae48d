//! The health listener: `/live`, `/ready`, `/metrics`, without authentication.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::clock;
use crate::facts::{Contact, Facts};
use crate::generation::Generations;
use crate::metrics::Metrics;

/// A worker that has not ticked for this long, in milliseconds, hangs.
const LIVE_WITHIN: u64 = 10_000;

/// What the process says of itself.
#[derive(Debug)]
pub struct Health {
    pub metrics: Arc<Metrics>,
    pub facts: Arc<Facts>,
    pub generations: Arc<Generations>,
    /// Per worker, milliseconds of the wall clock at its last tick.
    pub ticked: Vec<Arc<AtomicU64>>,
    /// Listeners are bound, a configuration is loaded, and the store has answered.
    pub ready: AtomicBool,
    pub draining: Arc<AtomicBool>,
    /// `store.when_lapsed`: how long beyond the lease facts are used where no route says otherwise.
    pub serve: Duration,
    pub unready_when_store_lost: bool,
}

pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// 200 while every worker's loop turns. Never a dependency: a restart would not mend that.
async fn live(State(health): State<Arc<Health>>) -> Response {
    let now = u64::try_from(clock::wall().0).unwrap_or(0);
    let hangs =
        |ticked: &Arc<AtomicU64>| now.saturating_sub(ticked.load(Ordering::Relaxed)) > LIVE_WITHIN;
    if health.draining.load(Ordering::Relaxed) || !health.ticked.iter().any(hangs) {
        (StatusCode::OK, axum::Json(json!({ "live": true }))).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({ "live": false }))).into_response()
    }
}

/// 200 once ready, until draining. Trouble with the store is told, and takes no one out of service, unless `store_lost` says so
/// and its silence means refusing.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let draining = health.draining.load(Ordering::Relaxed);
    let contact = health.facts.lease().contact(health.serve);
    let lost = health.unready_when_store_lost && contact == Contact::Lost;
    let ready = health.ready.load(Ordering::Relaxed)
        && health.facts.lease().was_held()
        && !draining
        && !lost;
    let mut degraded = Vec::new();
    if health.metrics.feed.store_up.get() == 0 {
        degraded.push("store_unavailable");
    }
    if contact != Contact::Held {
        degraded.push("lease_lapsed");
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({ "ready": ready, "draining": draining, "degraded": degraded })))
        .into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    health.metrics.cache_entries.set(i64::try_from(health.facts.entries()).unwrap_or(i64::MAX));
    let left = health.facts.lease().left(clock::now());
    health.metrics.feed.lease_remaining.set(left.map_or(f64::INFINITY, |left| left.as_secs_f64()));
    let generation = health.generations.current();
    let upstreams = generation.upstreams.iter();
    let counts = upstreams.map(|upstream| (&*upstream.name, upstream.count()));
    health.metrics.upstreams.set_endpoints(counts);
    match health.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
