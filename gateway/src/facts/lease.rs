//! The lease: how long facts may be used without hearing of the store that others change, too.
//!
//! It runs **from before the question** whose answer showed that every change is applied here; and whether it still does is
//! asked at each use, of a clock that is read then. So whoever was stopped for a while wakes up with a lease that has lapsed.
//!
//! What a route allows beyond the lease (`serve`) counts only as far as the register of the store knows it: others wait for
//! this process exactly as long as it has said there. So more of it takes effect once it was reported, and less of it before.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::fence::Cell;
use crate::clock;

/// What a request may rest on at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Every change that was acknowledged longer ago than the lease lasts is applied.
    Held,
    /// The lease has lapsed, and the route allows records that are known here for some time yet.
    Serving,
    /// Nobody can say.
    Lost,
}

/// The lease on a number line, in nanoseconds. Generic as the fence is, for the same reason.
pub struct Terms<C = AtomicU64> {
    /// The first instant at which it has lapsed.
    until: C,
    /// The most `serve` that the register knows of.
    serve: C,
}

/// What never lapses.
const ENDLESS: u64 = u64::MAX;

impl<C: Cell> Terms<C> {
    /// One that is not held yet.
    pub fn unheld() -> Self {
        Self { until: C::new(0), serve: C::new(0) }
    }

    /// Of facts that nobody else changes.
    pub fn endless() -> Self {
        Self { until: C::new(ENDLESS), serve: C::new(0) }
    }

    pub fn is_endless(&self) -> bool {
        self.until.load() == ENDLESS
    }

    /// What may be rested on at `now`, where `serve` is allowed. To be asked **after** the facts were taken and **before** the
    /// fence is asked whether their moment holds: who renews the lease has applied what it stands for before.
    pub fn contact(&self, now: u64, serve: u64) -> Contact {
        let until = self.until.load();
        if now < until {
            return Contact::Held;
        }
        let serve = serve.min(self.serve.load());
        if now < until.saturating_add(serve) { Contact::Serving } else { Contact::Lost }
    }

    /// Everything up to the head that was asked for at `asked` is applied, and the register knows of this `serve`.
    pub fn renew(&self, asked: u64, length: u64, serve: u64) {
        // An endless one is no number of nanoseconds.
        self.until.raise(asked.saturating_add(length).min(ENDLESS - 1));
        self.serve.store(serve);
    }

    /// No more than this `serve` from now on. To be called before so little is reported, by who also renews.
    pub fn shorten(&self, serve: u64) {
        if serve < self.serve.load() {
            self.serve.store(serve);
        }
    }

    /// The first instant at which it has lapsed; 0: it never was held.
    pub fn until(&self) -> u64 {
        self.until.load()
    }
}

/// See the module.
pub struct Lease {
    origin: Instant,
    terms: Terms,
}

impl Lease {
    /// Of facts that nobody else changes.
    pub fn endless() -> Self {
        Self { origin: clock::now(), terms: Terms::endless() }
    }

    /// One that is not held yet. No instant that it is asked about may be before `origin`.
    pub fn of_a_shared_store(origin: Instant) -> Self {
        Self { origin, terms: Terms::unheld() }
    }

    /// Whether nobody else changes facts.
    pub fn is_endless(&self) -> bool {
        self.terms.is_endless()
    }

    /// What may be rested on now, where `serve` is allowed.
    pub fn contact(&self, serve: Duration) -> Contact {
        if self.terms.is_endless() { Contact::Held } else { self.contact_at(clock::now(), serve) }
    }

    pub fn contact_at(&self, now: Instant, serve: Duration) -> Contact {
        self.terms.contact(self.line(now), nanoseconds(serve))
    }

    /// See [`Terms::renew`].
    pub fn renew(&self, asked: Instant, length: Duration, serve: Duration) {
        self.terms.renew(self.line(asked), nanoseconds(length), nanoseconds(serve));
    }

    /// See [`Terms::shorten`].
    pub fn shorten(&self, serve: Duration) {
        self.terms.shorten(nanoseconds(serve));
    }

    /// Whether it was ever held.
    pub fn was_held(&self) -> bool {
        self.terms.until() > 0
    }

    /// `None`: it never lapses.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let until = Some(self.terms.until()).filter(|until| *until != ENDLESS)?;
        Some(Duration::from_nanos(until.saturating_sub(self.line(now))))
    }

    /// It has lapsed, and what a route allows beyond it has just begun.
    #[cfg(test)]
    pub(super) fn lapse(&self) {
        Cell::store(&self.terms.until, self.line(clock::now()));
    }

    fn line(&self, instant: Instant) -> u64 {
        nanoseconds(instant.saturating_duration_since(self.origin))
    }
}

impl<C> fmt::Debug for Terms<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms").finish_non_exhaustive()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("left", &self.left(clock::now())).finish_non_exhaustive()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(ENDLESS - 1)
}

#[cfg(test)]
mod tests;
