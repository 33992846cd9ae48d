//! What is counted of upstreams.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::families::{Families, SECONDS};

#[derive(Debug)]
pub struct UpstreamMetrics {
    duration: HistogramVec,
    attempts: IntCounterVec,
    endpoints: IntGaugeVec,
    ejections: IntCounterVec,
}

/// What became of one try to get an answer from an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A final head came, whatever its status.
    Answered,
    /// No connection could be made in time.
    Connect,
    /// The pooled connection was closed already; a new one is made.
    Stale,
    /// Connected, and then no answer in time.
    Timeout,
    /// Connected, and then closed without an answer, or with one that is none.
    Invalid,
    /// Given up for what the upstream has nothing to do with: the client went, the credential ended, the process leaves.
    Abandoned,
}

impl Attempt {
    const ALL: [Self; 6] =
        [Self::Answered, Self::Connect, Self::Stale, Self::Timeout, Self::Invalid, Self::Abandoned];

    const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Connect => "connect",
            Self::Stale => "stale",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The handles of one upstream.
#[derive(Debug)]
pub struct UpstreamMeter {
    duration: Histogram,
    attempts: [(Attempt, IntCounter); 6],
    ejections: IntCounter,
}

impl UpstreamMeter {
    pub fn count(&self, attempt: Attempt) {
        if let Some((_, counter)) = self.attempts.iter().find(|(known, _)| *known == attempt) {
            counter.inc();
        }
    }

    /// An endpoint is left out for a while.
    pub fn eject(&self) {
        self.ejections.inc();
    }

    /// An answer's head came after `took`.
    pub fn observe(&self, took: Duration) {
        self.duration.observe(took.as_secs_f64());
    }
}

impl UpstreamMetrics {
    pub(super) fn new(families: &Families<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            duration: families.histograms(
                "upstream_duration_seconds",
                "From the decision to the upstream's final head, failed attempts included",
                &["upstream"],
                &SECONDS,
            )?,
            attempts: families.counters(
                "upstream_attempts_total",
                "Tries to get an answer, by result: answered, connect (no connection), stale (a pooled connection was closed), timeout, invalid (closed without an answer, or none that is valid), abandoned (given up for another reason)",
                &["upstream", "result"],
            )?,
            endpoints: families.gauges(
                "upstream_endpoints",
                "Endpoints by state: healthy (requests are sent to it), ejected (left out for a while; but one that is the only one, or of which all others are ejected or have failed the request, too, is sent to all the same)",
                &["upstream", "state"],
            )?,
            ejections: families.counters(
                "upstream_ejections_total",
                "Endpoints that were left out for a while, because one request after another failed there",
                &["upstream"],
            )?,
        })
    }

    pub(super) fn meter(&self, upstream: &str) -> UpstreamMeter {
        let counter =
            |attempt: Attempt| self.attempts.with_label_values(&[upstream, attempt.name()]);
        UpstreamMeter {
            duration: self.duration.with_label_values(&[upstream]),
            attempts: Attempt::ALL.map(|attempt| (attempt, counter(attempt))),
            ejections: self.ejections.with_label_values(&[upstream]),
        }
    }

    /// How many endpoints each upstream has now, and how many of them are left out; upstreams that are not named have none any
    /// more.
    pub fn set_endpoints<'u>(&self, counts: impl Iterator<Item = (&'u str, (usize, usize))>) {
        self.endpoints.reset();
        for (upstream, (all, ejected)) in counts {
            for (state, count) in [("healthy", all.saturating_sub(ejected)), ("ejected", ejected)] {
                let gauge = self.endpoints.with_label_values(&[upstream, state]);
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
}
