//! The generic cell rate algorithm: governor's, over a store that is one value, so that we can look before we charge.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::cell::{Standing, seconds_until};
use super::rule::{Terms, Window};

/// In how many nanoseconds a burst may be replenished at most: a hundred years, so that no sum of times overflows.
pub(crate) const BURST_MOST: u64 = 100 * 365 * 86_400 * 1_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct Gcra {
    window: Window,
    /// The theoretical arrival time; `None`: nothing has arrived.
    tat: Option<u64>,
}

/// A quota in nanoseconds.
#[derive(Clone, Copy)]
struct Rate {
    /// Between two cells.
    period: u64,
    /// Cells at once, at least 1.
    burst: u32,
}

impl Gcra {
    pub(super) const fn new(window: Window) -> Self {
        Self { window, tat: None }
    }

    /// A period is rounded up: never more than `max` a window.
    fn rate(&self, terms: Terms) -> Rate {
        let period = self.window.nanoseconds().div_ceil(terms.max).max(1);
        let burst = terms.burst.map_or(terms.max, u64::from);
        let burst = burst.min(BURST_MOST / period).max(1);
        Rate { period, burst: u32::try_from(burst).unwrap_or(u32::MAX) }
    }

    /// The arrival time after a request now, or when one may come.
    fn test(&self, rate: Rate, now: u64) -> Result<Option<u64>, u64> {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        // A period of 0 is the one that is refused.
        let Some(quota) = Quota::with_period(Duration::from_nanos(rate.period)) else {
            return Err(now.saturating_add(1));
        };
        // The limiter takes its first reading for the beginning of time, and we count from there, too.
        let (store, clock) = (Store::new(self.tat), Reading(std::cell::Cell::new(0)));
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
            RateLimiter::new(quota.allow_burst(burst), store, clock);
        limiter.clock().0.set(now);
        match limiter.check() {
            Ok(()) => Ok(limiter.into_state_store().0.get()),
            Err(until) => Err(until.earliest_possible().as_u64()),
        }
    }

    pub(super) fn look(&self, terms: Terms, now: u64) -> Result<(), u64> {
        let tested = self.test(self.rate(terms), now);
        tested.map(drop).map_err(|earliest| seconds_until(earliest, now))
    }

    pub(super) fn charge(&mut self, terms: Terms, now: u64) {
        if let Ok(tat) = self.test(self.rate(terms), now) {
            self.tat = tat;
        }
    }

    pub(super) fn count(&mut self, terms: Terms, now: u64) {
        let rate = self.rate(terms);
        let full = now + rate.period * u64::from(rate.burst);
        let next = self.tat.map_or(now, |tat| tat.max(now)) + rate.period;
        self.tat = Some(next.min(full));
    }

    pub(super) fn standing(&self, terms: Terms, now: u64) -> Standing {
        let Rate { period, burst } = self.rate(terms);
        let whole = period * u64::from(burst);
        let owed = self.tat.map_or(0, |tat| tat.saturating_sub(now));
        let remaining = whole.saturating_sub(owed) / period;
        // There is one more when what is owed leaves room for it.
        let reset = (remaining < u64::from(burst))
            .then(|| seconds_until(now + owed + (remaining + 1) * period, now + whole));
        Standing { remaining, reset }
    }

    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.tat.is_none_or(|tat| tat <= now)
    }
}

/// The store of one limiter for one question.
struct Store(std::cell::Cell<Option<u64>>);

impl Store {
    const fn new(tat: Option<u64>) -> Self {
        Self(std::cell::Cell::new(tat))
    }
}

impl StateStore for Store {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (allowed, tat) = decide(self.0.get().map(Nanos::from))?;
        self.0.set(Some(tat.as_u64()));
        Ok(allowed)
    }
}

/// A clock that was read already.
struct Reading(std::cell::Cell<u64>);

impl Clock for Reading {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

#[cfg(test)]
mod tests;
