//! Periods of the calendar, UTC.

use super::cell::Standing;
use super::rule::Period;
use crate::facts::Timestamp;

/// What was counted in one period.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    period: Period,
    /// The first millisecond after the period that is counted.
    end: i64,
    count: u64,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Calendar {
    pub(super) const fn new(period: Period) -> Self {
        Self { period, end: i64::MIN, count: 0 }
    }

    pub(super) fn look(&mut self, max: u64, now: Timestamp) -> Result<(), u64> {
        if now.0 >= self.end {
            self.count = 0;
            self.end = end(self.period, now.0);
        } else if self.end.saturating_sub(now.0) > 2 * self.longest() {
            // The clock was a whole period ahead, or more, and has been set right: what was counted stays, and the period
            // is today's. One that is set back by less goes on with the period that had begun.
            self.end = end(self.period, now.0);
        }
        if self.count < max { Ok(()) } else { Err(self.wait(now)) }
    }

    /// Seconds until the period has ended.
    fn wait(&self, now: Timestamp) -> u64 {
        let milliseconds = self.end.saturating_sub(now.0).max(0).cast_unsigned();
        milliseconds.div_ceil(1000).max(1)
    }

    /// No period of its kind is longer, in milliseconds.
    const fn longest(&self) -> i64 {
        match self.period {
            Period::Minute => MINUTE,
            Period::Hour => HOUR,
            Period::Day => DAY,
            Period::Month => 31 * DAY,
        }
    }

    pub(super) fn charge(&mut self) {
        self.count += 1;
    }

    pub(super) fn standing(&self, max: u64, now: Timestamp) -> Standing {
        Standing { remaining: max.saturating_sub(self.count), reset: Some(self.wait(now)) }
    }

    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        now.0 >= self.end
    }
}

/// The first millisecond after the period that `now` is in.
pub(super) fn end(period: Period, now: i64) -> i64 {
    let after = |length: i64| (now.div_euclid(length) + 1).saturating_mul(length);
    match period {
        Period::Minute => after(MINUTE),
        Period::Hour => after(HOUR),
        Period::Day => after(DAY),
        Period::Month => {
            let (year, month) = month_of(now.div_euclid(DAY));
            let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            first_day(year, month) * DAY
        }
    }
}

/// Year and month (1 to 12) of the day that is `days` after 1970-01-01. Years begin in March here, so that a leap day is
/// the last of its year, and eras of 400 years are all alike.
const fn month_of(days: i64) -> (i64, i64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153; // 0 = March
    let in_next_year = month >= 10;
    let year = era * 400 + year + in_next_year as i64;
    (year, if in_next_year { month - 9 } else { month + 3 })
}

/// Days from 1970-01-01 to the first of a month.
const fn first_day(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = (month + 9) % 12; // 0 = March
    let day = (153 * month + 2) / 5 + 365 * year + year / 4 - year / 100;
    era * 146_097 + day - 719_468
}

#[cfg(test)]
mod tests;
