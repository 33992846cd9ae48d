//! Look-ups stand in line for the store, and leave it alone while it is silent.
//!
//! A store that is slow is treated as one that is down: whoever would wait for nothing is told so at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock;

/// Look-ups that the store is asked at once.
pub(super) const AT_ONCE: usize = 64;
/// So many look-ups, one after the other, that were not answered in time: the store is silent.
pub(super) const SILENCES: u32 = 16;
/// How long it is then left alone, but for one look-up after each pause.
const PAUSE: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    places: Semaphore,
    /// Whoever follows the store's log has no answer from it.
    out_of_contact: AtomicBool,
    silence: Mutex<Silence>,
}

#[derive(Debug, Default)]
struct Silence {
    unanswered: u32,
    until: Option<Instant>,
}

/// A look-up whose turn it is. Dropped without an answer, it was none.
#[derive(Debug)]
pub(super) struct Turn<'l> {
    line: &'l Line,
    answered: bool,
    _place: SemaphorePermit<'l>,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            places: Semaphore::new(AT_ONCE),
            out_of_contact: AtomicBool::new(false),
            silence: Mutex::default(),
        }
    }

    /// The next turn. `None`: the store is silent.
    pub(super) async fn turn(&self) -> Option<Turn<'_>> {
        // Who would stand in line for nothing does not.
        if self.is_closed(clock::now()) {
            return None;
        }
        let place = self.places.acquire().await.ok()?;
        let admitted = self.admits(clock::now());
        admitted.then_some(Turn { line: self, answered: false, _place: place })
    }

    pub(super) fn set_out_of_contact(&self, out: bool) {
        self.out_of_contact.store(out, Ordering::Relaxed);
    }

    fn is_closed(&self, now: Instant) -> bool {
        self.out_of_contact.load(Ordering::Relaxed)
            || self.silence().until.is_some_and(|until| now < until)
    }

    fn admits(&self, now: Instant) -> bool {
        if self.is_closed(now) {
            return false;
        }
        let mut silence = self.silence();
        if silence.until.is_some() {
            // One tries. The others wait for what comes of it.
            silence.until = Some(now + PAUSE);
        }
        true
    }

    fn silence(&self) -> MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The store has said something, be it that it cannot tell.
    pub(super) fn answered(mut self) {
        self.answered = true;
        *self.line.silence() = Silence::default();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let mut silence = self.line.silence();
        silence.unanswered = silence.unanswered.saturating_add(1);
        if silence.unanswered >= SILENCES {
            silence.until = Some(clock::now() + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests;
