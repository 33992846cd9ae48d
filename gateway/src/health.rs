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
use crate::store::{Position, Store};

/// A worker that has not ticked for this long, in milliseconds, hangs.
const LIVE_WITHIN: u64 = 10_000;
/// How long a store that was lost has to answer.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// What the process says of itself.
#[derive(Debug)]
pub struct Health {
    pub metrics: Arc<Metrics>,
    pub facts: Arc<Facts>,
    pub generations: Arc<Generations>,
    /// Per worker, [`clock::ticks`] at its last tick.
    pub ticked: Vec<Arc<AtomicU64>>,
    /// Listeners are bound, a configuration is loaded, and the store has answered.
    pub ready: AtomicBool,
    pub draining: Arc<AtomicBool>,
    pub store: Arc<dyn Store>,
    /// `store.when_lapsed`: how long beyond the lease facts are used where no route says otherwise.
    pub serve: Duration,
    /// `server.health.store_lost: unready`
    pub unready_when_store_lost: bool,
}

pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// 200 while every worker's loop turns. Never a dependency: a restart would not mend that. While draining it is 200: workers
/// end, and their loops with them.
async fn live(State(health): State<Arc<Health>>) -> Response {
    let now = clock::ticks();
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
    let lease = health.facts.lease();
    let silent = store_is_silent(&health).await;
    let contact = lease.contact(health.serve);
    // Where nobody else changes facts, those that are known here never lapse: what is refused is the rest.
    let refusing = contact == Contact::Lost || lease.is_endless() && silent;
    let ready = health.ready.load(Ordering::Relaxed)
        && lease.was_held()
        && !draining
        && !(refusing && health.unready_when_store_lost);
    let mut degraded = Vec::new();
    if silent {
        degraded.push("store_unavailable");
    }
    if contact != Contact::Held {
        degraded.push("lease_lapsed");
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(json!({ "ready": ready, "draining": draining, "degraded": degraded })))
        .into_response()
}

/// Whether the store did not answer when it was asked last. Who gets no requests asks it nothing, so it is asked here.
async fn store_is_silent(health: &Health) -> bool {
    let silent = || health.metrics.feed.store_up.get() == 0;
    if silent() {
        let asked = health.store.changes(Position(0), 1);
        // Its answer, or that there is none, is in `store_up`.
        let _in_time = tokio::time::timeout(ASK_WITHIN, asked).await;
    }
    silent()
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
