//! The sliding window: a log of when requests were admitted, as short as it can be.

use std::collections::VecDeque;

use super::cell::{Standing, seconds_until};
use super::rule::Window;

/// A window has this many ticks; an admission is logged at the next one, so that it counts too long by less than a
/// millionth of the window.
const TICKS: u64 = 1_000_000;
/// Above a `max` of this many, admissions are logged at the next step, of which a window has [`STEPS`].
const EXACT: u64 = 1000;
const STEPS: u64 = 1000;
const TICKS_OF_STEP: u64 = TICKS / STEPS;

/// Admissions that still count. In both ways of logging there is at most one entry per admission, tick and step, so that a
/// log has no more than a thousand and one entries.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Window,
    /// The tick from which the log counts.
    start: u64,
    /// The latest tick at which anyone has looked: time does not go back.
    latest: u64,
    /// The admissions of all entries.
    count: u64,
    log: VecDeque<Entry>,
}

/// Admissions at one tick, later than those of the entry before.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Ticks since [`Sliding::start`].
    at: u32,
    count: u32,
}

impl Sliding {
    pub(super) const fn new(window: Window) -> Self {
        Self { window, start: 0, latest: 0, count: 0, log: VecDeque::new() }
    }

    /// Nanoseconds.
    const fn tick(&self) -> u64 {
        self.window.nanoseconds() / TICKS
    }

    /// Forgets what has left the window.
    fn forget(&mut self, now: u64) {
        self.latest = self.latest.max(now / self.tick());
        while let Some(entry) = self.log.front()
            && self.start + u64::from(entry.at) + TICKS <= self.latest
        {
            self.count -= u64::from(entry.count);
            self.log.pop_front();
        }
    }

    pub(super) fn look(&mut self, max: u64, now: u64) -> Result<(), u64> {
        self.forget(now);
        if self.count < max { Ok(()) } else { Err(self.wait(self.count - max + 1, now)) }
    }

    /// Seconds until `leaving` admissions, of those that count, have left the window.
    fn wait(&self, leaving: u64, now: u64) -> u64 {
        let mut left = 0;
        let last = self.log.iter().find(|entry| {
            left += u64::from(entry.count);
            left >= leaving
        });
        let at = last.map_or(0, |entry| self.start + u64::from(entry.at) + TICKS);
        seconds_until(at.saturating_mul(self.tick()), now)
    }

    pub(super) fn charge(&mut self, max: u64, now: u64) {
        let mut at = now.div_ceil(self.tick()).max(self.latest);
        if max > EXACT {
            at = at.next_multiple_of(TICKS_OF_STEP);
        }
        self.count += 1;
        if self.log.is_empty() {
            self.start = at;
        }
        let at = self.offset(at);
        match self.log.back_mut() {
            // Two replicas of the clock may disagree by a little, and a step ends later than it is logged.
            Some(last) if at <= last.at && last.count < u32::MAX => last.count += 1,
            _ => self.log.push_back(Entry { at, count: 1 }),
        }
    }

    /// `tick` as entries have it. A log that was never empty for more than four thousand windows begins anew with what is
    /// left of it.
    fn offset(&mut self, tick: u64) -> u32 {
        if let Ok(offset) = u32::try_from(tick.saturating_sub(self.start)) {
            return offset;
        }
        let first = self.log.front().map_or(0, |entry| entry.at);
        self.log.iter_mut().for_each(|entry| entry.at -= first);
        self.start += u64::from(first);
        u32::try_from(tick.saturating_sub(self.start)).unwrap_or(u32::MAX)
    }

    pub(super) fn count(&mut self, max: u64, now: u64) {
        self.forget(now);
        self.charge(max, now);
        while self.count > max
            && let Some(first) = self.log.front_mut()
        {
            self.count -= 1;
            first.count -= 1;
            if first.count == 0 {
                self.log.pop_front();
            }
        }
    }

    pub(super) fn standing(&self, max: u64, now: u64) -> Standing {
        let remaining = max.saturating_sub(self.count);
        let leaving = self.count.saturating_sub(max) + 1;
        let reset = (self.count > 0).then(|| match remaining {
            0 => self.wait(leaving.min(self.count), now),
            _ => self.wait(1, now),
        });
        Standing { remaining, reset }
    }

    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.log.back().is_none_or(|last| {
            self.start + u64::from(last.at) + TICKS <= self.latest.max(now / self.tick())
        })
    }
}

#[cfg(test)]
mod tests;
