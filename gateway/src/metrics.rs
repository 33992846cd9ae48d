//! Prometheus metrics: every family, and the handles that a request touches, resolved before it comes.
//!
//! Labels are bounded: apis and routes by the configuration, outcomes by their catalogue, statuses by HTTP. Never a
//! credential, a subject, an organisation or a path.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use decision::outcome::Outcome;
use prometheus::core::Collector as _;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder as _, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

mod configuration;
mod families;
mod feed;
mod lookups;
mod meters;
mod upstream;

pub use configuration::ConfigurationMetrics;
use families::{Families, Made, SECONDS};
pub use families::{Family, Kind};
pub use feed::FeedMetrics;
pub use lookups::Lookups;
pub use meters::{ApiMeter, At, Meters, RouteMeter, UnderWay};
pub use upstream::{Attempt, UpstreamMeter, UpstreamMetrics};

/// The label of an api or a route before it is known.
pub const UNKNOWN: &str = "-";
/// The shared label of routes beyond `telemetry.metrics.routes`.
const OTHER: &str = "other";
/// Buckets of calls to a store, in seconds.
const STORE_SECONDS: [f64; 13] =
    [50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 1.0];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Made,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    decision_duration: HistogramVec,
    in_flight: IntGaugeVec,
    authentications: IntCounterVec,
    shadow_refusals: IntCounterVec,
    streams_ended: IntCounterVec,
    bytes: IntCounterVec,
    pub lookups: Lookups,
    pub cache_entries: IntGauge,
    pub store_duration: HistogramVec,
    pub store_records_forged: IntCounter,
    pub feed: FeedMetrics,
    degraded: IntCounterVec,
    limit_decisions: IntCounterVec,
    limit_keys: IntGaugeVec,
    pub upstreams: UpstreamMetrics,
    pub connections: IntGaugeVec,
    connections_refused: IntCounterVec,
    pub draining: IntGauge,
    pub configuration: ConfigurationMetrics,
    pub log_lines_dropped: IntCounter,
}

thread_local! {
    static COUNTERS: RefCell<Counters> = RefCell::default();
}

/// The series of `requests_total` that a thread has touched in one generation.
#[derive(Default)]
struct Counters {
    generation: u64,
    counters: HashMap<(At, Outcome, u16), IntCounter>,
}

impl Metrics {
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("portcullis".to_owned()), None)?;
        let families = Families::new(&registry);
        let build = families.gauges(
            "build_info",
            "1, labelled with what was built",
            &["version", "commit", "pingora"],
        )?;
        let built =
            [env!("CARGO_PKG_VERSION"), env!("PORTCULLIS_COMMIT"), env!("PORTCULLIS_PINGORA")];
        build.with_label_values(&built).set(1);
        Ok(Self {
            requests: families.counters(
                "requests_total",
                "Requests by what became of them",
                &["api", "route", "outcome", "blame", "status"],
            )?,
            request_duration: families.histograms(
                "request_duration_seconds",
                "From the end of the request's head to the end of the answer",
                &["api", "route"],
                &SECONDS,
            )?,
            decision_duration: families.histograms(
                "decision_duration_seconds",
                "Of the decision, without the wait for facts",
                &["api"],
                &[250e-9, 500e-9, 1e-6, 2.5e-6, 5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 1e-3, 10e-3],
            )?,
            in_flight: families.gauges("requests_in_flight", "Requests that are being forwarded", &["api"])?,
            authentications: families.counters(
                "authentications_total",
                "Credentials that were judged, by scheme and outcome",
                &["api", "scheme", "outcome"],
            )?,
            shadow_refusals: families.counters(
                "shadow_refusals_total",
                "Refusals of stages in `shadow`: requests went on that would not have",
                &["api", "route", "outcome"],
            )?,
            streams_ended: families.counters(
                "streams_ended_total",
                "Answers that had begun and did not end complete, by cause",
                &["api", "cause"],
            )?,
            bytes: families.counters(
                "bytes_total",
                "Bytes of content by direction",
                &["api", "direction"],
            )?,
            lookups: Lookups::new(&families)?,
            cache_entries: families
                .gauge("credential_cache_entries", "Credentials whose facts are cached")?,
            store_duration: families.histograms(
                "store_duration_seconds",
                "Of calls to the store",
                &["operation", "result"],
                &STORE_SECONDS,
            )?,
            store_records_forged: families.counter(
                "store_records_forged_total",
                "Records of the store that were not written by this deployment",
            )?,
            feed: FeedMetrics::new(&families)?,
            degraded: families.counters(
                "degraded_requests_total",
                "Requests that were served as well as could be, by what was missing",
                &["api", "cause"],
            )?,
            limit_decisions: families.counters(
                "limit_decisions_total",
                "What limits decided: admitted, refused, counted (a failure, of `when: refused`), unavailable (no room for another key)",
                &["api", "limit", "decision"],
            )?,
            limit_keys: families.gauges(
                "limit_keys",
                "Keys that a limit counts at present",
                &["api", "limit"],
            )?,
            upstreams: UpstreamMetrics::new(&families)?,
            connections: families.gauges(
                "connections",
                "Open connections of clients",
                &["listener"],
            )?,
            connections_refused: families.counters(
                "connections_refused_total",
                "Connections that were closed at once, by the bound",
                &["listener", "reason"],
            )?,
            draining: families.gauge("draining", "1 from the signal to leave on")?,
            configuration: ConfigurationMetrics::new(&families)?,
            log_lines_dropped: families
                .counter("log_lines_dropped_total", "Access log lines that found no taker")?,
            families: families.into_made(),
            registry,
        })
    }

    /// Every family that there is, whether anything was counted in it or not.
    pub fn families(&self) -> &[Family] {
        &self.families.list
    }

    /// Names and meanings of what every process shows.
    pub fn of_the_process() -> Vec<(String, String)> {
        let families = ProcessCollector::for_self().collect();
        let named = |family: &prometheus::proto::MetricFamily| {
            (family.name().to_owned(), family.help().to_owned())
        };
        let mut named: Vec<_> = families.iter().map(named).collect();
        named.sort();
        named
    }

    /// Counts a request. Handles are kept per thread, so that a busy one is found without a lock.
    pub fn count(&self, meters: &Meters, at: &At, outcome: Outcome, status: u16) {
        COUNTERS.with_borrow_mut(|known| {
            if known.generation != meters.generation {
                *known = Counters { generation: meters.generation, ..Counters::default() };
            }
            let counter = known.counters.entry((*at, outcome, status)).or_insert_with(|| {
                let api = meters.api(at.api);
                let labels =
                    [&api.name, api.route_label(at.route), outcome.name(), outcome.blame().name()];
                let [api, route, outcome, blame] = labels;
                self.requests.with_label_values(&[
                    api,
                    route,
                    outcome,
                    blame,
                    status_label(status).as_str(),
                ])
            });
            counter.inc();
        });
    }

    pub fn limit_decisions(&self, api: &str, limit: &str, decision: &str) -> IntCounter {
        self.limit_decisions.with_label_values(&[api, limit, decision])
    }

    pub fn limit_keys(&self, api: &str, limit: &str) -> IntGauge {
        self.limit_keys.with_label_values(&[api, limit])
    }

    /// Counts a credential that was refused.
    pub fn count_refused_credential(&self, api: &str, scheme: &str, outcome: Outcome) {
        self.authentications.with_label_values(&[api, scheme, outcome.name()]).inc();
    }

    /// Counts what a stage in shadow would have refused a request with.
    pub fn count_shadowed(&self, meters: &Meters, at: &At, outcome: Outcome) {
        let api = meters.api(at.api);
        let labels = [&api.name, api.route_label(at.route), outcome.name()];
        self.shadow_refusals.with_label_values(&labels).inc();
    }

    pub fn count_refused_connection(&self, listener: &str, reason: &str) {
        self.connections_refused.with_label_values(&[listener, reason]).inc();
    }

    pub fn count_cut(&self, api: &str, cause: &str) {
        self.streams_ended.with_label_values(&[api, cause]).inc();
    }

    pub fn observe_store(&self, operation: &str, answered: bool, took: Duration) {
        let result = if answered { "ok" } else { "unavailable" };
        self.store_duration.with_label_values(&[operation, result]).observe(took.as_secs_f64());
        self.feed.store_up.set(i64::from(answered));
    }

    /// All families in the Prometheus text format. Those of the process have the names that every process has.
    pub fn render(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut families = self.registry.gather();
        families.extend(ProcessCollector::for_self().collect());
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}

fn status_label(status: u16) -> String {
    status.to_string()
}
