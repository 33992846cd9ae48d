//! The sliding window: a log of when requests were admitted, as short as it can be.

use std::collections::VecDeque;

use super::cell::{Standing, seconds_until};
use super::rule::Window;

/// Above a `max` of this many, admissions are logged at the end of a step, of which a window has [`STEPS`].
const EXACT: u64 = 1000;
const STEPS: u64 = 1000;

/// Admissions that still count, each at its nanosecond or at the end of its step: so a log has a thousand entries and one.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Window,
    /// The latest reading of the clock that anyone has looked with: time does not go back.
    latest: u64,
    /// The admissions of all entries.
    count: u64,
    log: VecDeque<Entry>,
}

/// Admissions at one time, later than those of the entry before. There are many entries: they are kept small.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The halves of a number of nanoseconds.
    at: [u32; 2],
    count: u32,
}

impl Entry {
    const fn new(at: u64) -> Self {
        Self { at: [(at >> 32) as u32, at as u32], count: 1 }
    }

    const fn at(self) -> u64 {
        let [high, low] = self.at;
        (high as u64) << 32 | low as u64
    }
}

impl Sliding {
    pub(super) const fn new(window: Window) -> Self {
        Self { window, latest: 0, count: 0, log: VecDeque::new() }
    }

    /// When an entry has left the window.
    const fn end(&self, entry: Entry) -> u64 {
        entry.at().saturating_add(self.window.nanoseconds())
    }

    /// Forgets what has left the window.
    fn forget(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        while let Some(&entry) = self.log.front()
            && self.end(entry) <= self.latest
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
        seconds_until(last.map_or(now, |&entry| self.end(entry)), now)
    }

    pub(super) fn charge(&mut self, max: u64, now: u64) {
        let mut at = self.latest.max(now);
        if max > EXACT {
            at = at.next_multiple_of(self.window.nanoseconds() / STEPS);
        }
        self.count += 1;
        match self.log.back_mut() {
            // A step ends later than what is logged exactly after it.
            Some(last) if at <= last.at() && last.count < u32::MAX => last.count += 1,
            _ => self.log.push_back(Entry::new(at)),
        }
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
        let leaving = self.count.saturating_sub(max) + u64::from(self.count >= max);
        let reset = (self.count > 0).then(|| self.wait(leaving.max(1), now));
        Standing { remaining: max.saturating_sub(self.count), reset }
    }

    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.log.back().is_none_or(|&last| self.end(last) <= self.latest.max(now))
    }
}

#[cfg(test)]
mod tests;
