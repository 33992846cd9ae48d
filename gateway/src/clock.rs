//! The only caller of the clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use decision::facts::Timestamp;

/// The monotonic clock: for durations and deadlines.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, UTC: for expiry and for people.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
