//! `telemetry`: what is written down.

use std::time::Duration;

use super::field::{Fields, values};
use super::form::{DAY, duration, number, share, word};
use super::snapshot::{LogLevel, LogPolicy};

/// The log policy, and how many routes have a metric label of their own.
pub(super) fn telemetry(telemetry: &mut Fields<'_>) -> (LogPolicy, usize) {
    let log = telemetry.block("log", log);
    let routes =
        telemetry.block("metrics", |metrics| metrics.value_or("routes", &number(0..=100_000), 500));
    (log, routes)
}

fn log(log: &mut Fields<'_>) -> LogPolicy {
    let levels = word(&[
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
    ]);
    let level = log.value_or("level", &levels, LogLevel::Info);
    log.block("access", |access| {
        let kept = word(&[("refused", "refused"), ("5xx", "5xx"), ("slow", "slow")]);
        let always = access.list("always", &kept).map(|list| values(list).collect::<Vec<_>>());
        let always = |kind| always.as_ref().is_none_or(|always| always.contains(&kind));
        let (always_refused, always_5xx, always_slow) =
            (always("refused"), always("5xx"), always("slow"));
        let sample = access.value_or("sample", &share(), 1.0);
        let slow = access.value_or("slow", &duration(Duration::ZERO..=DAY), Duration::from_secs(1));
        LogPolicy { level, sample, always_refused, always_5xx, always_slow, slow }
    })
}
