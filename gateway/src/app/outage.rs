//! Calls that the store does not answer, in few lines: each of the requests of a second may have made one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines; and how long all calls must have been answered for the outage to be over.
const APART: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Whether there is one. Calls that are answered look at nothing else as long as there is none.
    is_on: AtomicBool,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    told_at: Instant,
    failed_at: Instant,
    /// Calls without an answer, in all and since the last line.
    unanswered: u64,
    untold: u64,
}

impl Outage {
    /// A call was not answered. `Some`: it is to be told, with how many more there were since the last line.
    pub(super) fn unanswered(&self, now: Instant) -> Option<u64> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = &mut *current else {
            *current = Some(Current { told_at: now, failed_at: now, unanswered: 1, untold: 0 });
            self.is_on.store(true, Ordering::Relaxed);
            return Some(0);
        };
        current.failed_at = now;
        current.unanswered += 1;
        if now.saturating_duration_since(current.told_at) < APART {
            current.untold += 1;
            return None;
        }
        current.told_at = now;
        Some(std::mem::take(&mut current.untold))
    }

    /// A call was answered. `Some`: the outage is over, and that is to be told, with how many calls were not answered.
    pub(super) fn answered(&self, now: Instant) -> Option<u64> {
        if !self.is_on.load(Ordering::Relaxed) {
            return None;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |one: &mut Current| now.saturating_duration_since(one.failed_at) >= APART;
        let over = current.take_if(is_over)?;
        self.is_on.store(false, Ordering::Relaxed);
        Some(over.unanswered)
    }
}

#[cfg(test)]
mod tests;
