//! What is measured of the feed of changes, and of what rests on it.

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::families::{Families, SECONDS};

/// The handles of whoever follows the store's log.
#[derive(Clone, Debug)]
pub struct FeedMetrics {
    /// Seconds.
    pub lag: Gauge,
    pub gaps: IntCounter,
    pub store_up: IntGauge,
    /// Seconds. To be set before it is shown.
    pub lease_remaining: Gauge,
    /// Seconds.
    pub revocation: Histogram,
}

impl FeedMetrics {
    pub(super) fn new(families: &Families<'_>) -> prometheus::Result<Self> {
        Ok(Self {
            lag: families.measure(
                "feed_lag_seconds",
                "How long changes have been known of that are not applied here",
            )?,
            gaps: families.counter(
                "feed_gaps_total",
                "Changes that were not heard of as they were made, and were found in the log",
            )?,
            store_up: families
                .gauge("store_up", "1 while the last call to the store was answered")?,
            lease_remaining: families.measure(
                "feed_lease_remaining_seconds",
                "How long facts may be used without hearing of the store; infinite where nobody else changes them",
            )?,
            revocation: families.histogram(
                "revocation_propagation_seconds",
                "From the store's answer to a revocation until this replica, by what it hears alone, refuses the credential; of credentials that it makes and revokes for this every few seconds",
                &SECONDS,
            )?,
        })
    }
}
