//! What is measured of the feed of changes, and of what rests on it.

use prometheus::{Gauge, IntCounter, IntGauge};

use super::families::Families;

/// The handles of whoever follows the store's log.
#[derive(Clone, Debug)]
pub struct FeedMetrics {
    /// Seconds.
    pub lag: Gauge,
    pub gaps: IntCounter,
    pub store_up: IntGauge,
    /// Seconds. To be set before it is shown.
    pub lease_remaining: Gauge,
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
        })
    }
}
