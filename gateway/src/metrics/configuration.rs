//! The configuration's own families.

use prometheus::{IntCounter, IntGauge, IntGaugeVec};

use super::Families;
use crate::clock;

#[derive(Debug)]
pub struct ConfigurationMetrics {
    generation: IntGauge,
    info: IntGaugeVec,
    last_success: IntGauge,
    pub reloads: Reloads,
}

/// `config_reloads_total` by its closed set of results.
#[derive(Debug)]
pub struct Reloads {
    pub applied: IntCounter,
    pub unchanged: IntCounter,
    pub invalid: IntCounter,
    pub restart_required: IntCounter,
}

impl ConfigurationMetrics {
    pub(super) fn new(families: &Families<'_>) -> prometheus::Result<Self> {
        let reloads = families.counters(
            "config_reloads_total",
            "Reloads of the configuration by result",
            &["result"],
        )?;
        Ok(Self {
            generation: families
                .gauge("config_generation", "The generation of the configuration in force")?,
            info: families.gauges(
                "config_info",
                "1, labelled with a hash of what was written of the configuration in force",
                &["hash"],
            )?,
            last_success: families.gauge(
                "config_last_reload_success_timestamp_seconds",
                "When the files were last found to be good, at start or by a reload",
            )?,
            reloads: Reloads {
                applied: reloads.with_label_values(&["applied"]),
                unchanged: reloads.with_label_values(&["unchanged"]),
                invalid: reloads.with_label_values(&["invalid"]),
                restart_required: reloads.with_label_values(&["restart_required"]),
            },
        })
    }

    /// This one is in force.
    pub fn in_force(&self, generation: u64, hash: &str) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.info.reset();
        self.info.with_label_values(&[hash]).set(1);
        self.found_good();
    }

    /// What the files say is what is in force.
    pub fn found_good(&self) {
        self.last_success.set(clock::wall().0 / 1000);
    }
}
