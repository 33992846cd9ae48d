//! Instants as people and programs write them: RFC 3339. Read with any zone, written in UTC with milliseconds; the machine's
//! own zone plays no part.

use decision::facts::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::log;

/// The last millisecond of the year 9999: RFC 3339 can write no later instant.
pub(crate) const LAST: Timestamp = Timestamp(253_402_300_799_999);

/// The instant that `text` names, to the millisecond (what is finer is dropped); `None` when it is not RFC 3339 with a zone,
/// before 1970, or after [`LAST`].
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    // The parser takes any separator; "2030-01-01 00:00:00Z" is common and yet not the one documented form.
    if !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return None;
    }
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let milliseconds = i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?;
    (0..=LAST.0).contains(&milliseconds).then_some(Timestamp(milliseconds))
}

/// `2030-01-01T00:00:00.000Z`. What lies outside the years that can be written is shown as the nearest that can.
pub(crate) fn write(instant: Timestamp) -> String {
    log::time_text(instant.0.clamp(0, LAST.0))
}

#[cfg(test)]
mod tests;
