//! Look-ups of credentials.

use prometheus::IntCounter;

use super::families::Families;

/// `credential_lookups_total` by its closed set of results.
#[derive(Debug)]
pub struct Lookups {
    pub hit: IntCounter,
    pub negative_hit: IntCounter,
    pub miss: IntCounter,
    pub unavailable: IntCounter,
}

impl Lookups {
    pub(super) fn new(families: &Families<'_>) -> prometheus::Result<Self> {
        let lookups = families.counters(
            "credential_lookups_total",
            "Look-ups of credentials by result",
            &["result"],
        )?;
        Ok(Self {
            hit: lookups.with_label_values(&["hit"]),
            negative_hit: lookups.with_label_values(&["negative_hit"]),
            miss: lookups.with_label_values(&["miss"]),
            unavailable: lookups.with_label_values(&["unavailable"]),
        })
    }
}
