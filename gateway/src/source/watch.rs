//! Notices that the files of a configuration have changed, by asking the system for each of them, ten times a second.
//!
//! Why not by being told: docs/decisions/0004-watching.md.

use std::time::{Duration, Instant};

use super::reading::{Reading, State};

/// How often to look.
pub const POLL: Duration = Duration::from_millis(100);
/// How long files must be left alone before they are read: who writes in two steps is not read between them.
pub const QUIET: Duration = Duration::from_millis(250);
/// Some file systems tell times to two seconds only: a change right after a reading shows in the content alone.
pub const COARSE: Duration = Duration::from_secs(2);

/// Looks after the files of one reading.
#[derive(Debug)]
pub struct Watch {
    reading: Reading,
    last: Vec<State>,
    /// When the files are to be compared with the reading.
    due: Option<Instant>,
}

impl Watch {
    pub fn new(reading: Reading, now: Instant) -> Self {
        let last = reading.states_then();
        Self { reading, last, due: Some(now + COARSE) }
    }

    /// From now on after the files of `reading`.
    pub fn follow(&mut self, reading: Reading, now: Instant) {
        *self = Self::new(reading, now);
    }

    pub const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Looks once. True when it is time to read anew: something holds something else, and has been left alone for a while.
    pub fn look(&mut self, now: Instant) -> bool {
        let states = self.reading.states_now();
        if states != self.last {
            self.last = states;
            self.due = Some(now + QUIET);
        }
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.due = None;
        !self.reading.holds()
    }
}

#[cfg(test)]
mod tests;
