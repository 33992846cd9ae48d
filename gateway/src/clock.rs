//! The only caller of the clocks.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use decision::facts::Timestamp;

/// The monotonic clock: for durations and deadlines.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    Instant::now()
}

/// Milliseconds of the monotonic clock since the first call: for what threads tell each other of their time.
pub fn ticks() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let since = now().saturating_duration_since(*FIRST.get_or_init(now));
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock, UTC: for expiry and for people.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
