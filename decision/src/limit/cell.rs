//! One counter, of whichever algorithm.

use super::calendar::Calendar;
use super::gcra::Gcra;
use super::rule::{Algorithm, Terms};
use super::sliding::Sliding;
use crate::facts::Timestamp;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Of the monotonic clock: nanoseconds since any instant that stays the same.
    pub elapsed: u64,
    pub wall: Timestamp,
}

/// How a counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many requests it would admit now.
    pub remaining: u64,
    /// In how many seconds, at least 1, it would admit more than that. `None`: it never would, or cannot know.
    pub reset: Option<u64>,
}

/// What one counter of one rule has counted.
#[derive(Clone, Debug)]
pub struct Cell(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Sliding(Sliding),
    Gcra(Gcra),
    Calendar(Calendar),
    /// The places that are held.
    Concurrency(u64),
}

/// A place is free when another's request ends, and nobody knows when that is.
const TRY_AGAIN: u64 = 1;

impl Cell {
    /// One that has counted nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sliding(window) => Kind::Sliding(Sliding::new(window)),
            Algorithm::Gcra(window) => Kind::Gcra(Gcra::new(window)),
            Algorithm::Calendar(period) => Kind::Calendar(Calendar::new(period)),
            Algorithm::Concurrency => Kind::Concurrency(0),
        })
    }

    /// Whether a request may be charged now; else when, in seconds, at least 1.
    pub fn look(&mut self, terms: Terms, now: Moment) -> Result<(), u64> {
        match &mut self.0 {
            Kind::Sliding(sliding) => sliding.look(terms.max, now.elapsed),
            Kind::Gcra(gcra) => gcra.look(terms, now.elapsed),
            Kind::Calendar(calendar) => calendar.look(terms.max, now.wall),
            Kind::Concurrency(held) if *held < terms.max => Ok(()),
            Kind::Concurrency(_) => Err(TRY_AGAIN),
        }
    }

    /// Charges a request that was just [looked](Self::look) at.
    pub fn charge(&mut self, terms: Terms, now: Moment) {
        match &mut self.0 {
            Kind::Sliding(sliding) => sliding.charge(terms.max, now.elapsed),
            Kind::Gcra(gcra) => gcra.charge(terms, now.elapsed),
            Kind::Calendar(calendar) => calendar.charge(),
            Kind::Concurrency(held) => *held += 1,
        }
    }

    /// Counts what has happened anyway. More than `max` leave no more trace than `max`.
    pub fn count(&mut self, terms: Terms, now: Moment) {
        match &mut self.0 {
            Kind::Sliding(sliding) => sliding.count(terms.max, now.elapsed),
            Kind::Gcra(gcra) => gcra.count(terms, now.elapsed),
            Kind::Calendar(_) | Kind::Concurrency(_) => {
                if self.look(terms, now).is_ok() {
                    self.charge(terms, now);
                }
            }
        }
    }

    /// Gives back a place that was charged; whether it was the last, so that the cell is idle.
    pub fn release(&mut self) -> bool {
        let Kind::Concurrency(held) = &mut self.0 else { return false };
        *held = held.saturating_sub(1);
        *held == 0
    }

    /// To be asked after [`look`](Self::look).
    pub fn standing(&self, terms: Terms, now: Moment) -> Standing {
        match &self.0 {
            Kind::Sliding(sliding) => sliding.standing(terms.max, now.elapsed),
            Kind::Gcra(gcra) => gcra.standing(terms, now.elapsed),
            Kind::Calendar(calendar) => calendar.standing(terms.max, now.wall),
            Kind::Concurrency(held) => {
                Standing { remaining: terms.max.saturating_sub(*held), reset: None }
            }
        }
    }

    /// Whether a new one would do the same from now on, whatever the terms.
    pub fn is_idle(&self, now: Moment) -> bool {
        match &self.0 {
            Kind::Sliding(sliding) => sliding.is_idle(now.elapsed),
            Kind::Gcra(gcra) => gcra.is_idle(now.elapsed),
            Kind::Calendar(calendar) => calendar.is_idle(now.wall),
            Kind::Concurrency(held) => *held == 0,
        }
    }
}

/// From `now` to `then`, in nanoseconds of one clock: whole seconds that suffice, at least 1.
pub(super) fn seconds_until(then: u64, now: u64) -> u64 {
    then.saturating_sub(now).div_ceil(1_000_000_000).max(1)
}
