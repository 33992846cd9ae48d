//! Endpoints that fail one request after another are left out for a while.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::{Endpoint, Upstream};
use crate::clock;

/// How an endpoint has done of late.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Failures since it last did well.
    failures: AtomicU32,
    /// Milliseconds until which it is left out; 0 = it is not.
    out_until: AtomicU64,
}

impl Standing {
    pub(super) fn is_out(&self) -> bool {
        let until = self.out_until.load(Ordering::Relaxed);
        until != 0 && now() < until
    }
}

/// Milliseconds since some instant of this process; at least 1.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(clock::now);
    let since = clock::now().saturating_duration_since(*start);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

impl Upstream {
    /// Notes how `endpoint` has served a request. Whether it is left out from here on.
    pub fn note(&self, endpoint: &Endpoint, good: bool) -> bool {
        let Some(outlier) = self.outlier else { return false };
        let Standing { failures, out_until } = &endpoint.standing;
        if good {
            failures.store(0, Ordering::Relaxed);
            return false;
        }
        let count = failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if count < outlier.consecutive_failures {
            return false;
        }
        failures.store(0, Ordering::Relaxed);
        let span = u64::try_from(outlier.eject_for.as_millis()).unwrap_or(u64::MAX);
        out_until.store(now().saturating_add(span), Ordering::Relaxed);
        true
    }
}
