//! Who is under way on this thread, so that what ends a credential, or a drain, can end it.
//!
//! Each worker thread has a table of its own, touched by nobody else: taking a seat costs no lock and no shared cache line.
//! A change reaches a thread as a message ([`crate::worker`]); that it cannot slip between a decision and the seat rests on
//! one rule: **a request checks its facts and takes its seat in the same poll.** Then either the change was applied to the
//! fence before the check, which refuses the request, or the message is handled after the seat was taken, and finds it.
//!
//! A seat keeps what its request was let in on. News of one of those records is judged by it, and so is the clock.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use decision::facts::{FactKey, Timestamp};
use decision::outcome::Outcome;
use decision::standing::Standing;
use slab::Slab;

use crate::clock;
use crate::store::Position;

mod tidings;

pub use tidings::{Basis, Record, Tidings, basis, begin_anew, tell};

thread_local! {
    static TABLE: RefCell<Slab<Entry>> = const { RefCell::new(Slab::new()) };
    static CONNECTIONS: Cell<usize> = const { Cell::new(0) };
    static LEAVING: Cell<Leaving> = const { Cell::new(Leaving::Stays) };
}

/// How far the process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    Stays,
    /// It is known, and clients are asked to go; whoever comes is still served.
    Announced,
    /// Nobody is let in any more. Connections without a request may stay until then: one may be on its way.
    Draining(Instant),
}

#[derive(Debug, Default)]
struct Entry {
    tenure: Option<Tenure>,
    busy: bool,
    cut: Option<Outcome>,
    waker: Option<Waker>,
}

/// What a request was let in on, and until when.
#[derive(Debug)]
struct Tenure {
    standing: Standing,
    /// Changes up to these are in the records that it was let in on: of its credential, its subject and its organisation. `None`:
    /// positions have begun anew since, and whatever is told is later.
    known: [Option<Position>; 3],
    ends_at: Option<Instant>,
}

/// A place in this thread's table, for the life of a connection (HTTP/1) or a stream (HTTP/2).
#[derive(Debug)]
pub struct Seat(usize);

impl Seat {
    #[expect(clippy::new_without_default, reason = "taking a seat has an effect")]
    pub fn new() -> Self {
        Self(TABLE.with_borrow_mut(|table| table.insert(Entry::default())))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        TABLE.with_borrow_mut(|table| table.get_mut(self.0).map(act))
    }

    /// A request is under way here from now on; no credential is behind it yet.
    pub fn occupy(&self) {
        self.with(|entry| {
            entry.busy = true;
            entry.cut = None;
        });
    }

    /// What ends this standing ends this request too. To be called in the poll that checked the facts; `known` is the
    /// position up to which changes to a record are in there.
    pub fn bind(&self, standing: Standing, known: impl Fn(&FactKey) -> Position) {
        let known = [
            Some(known(standing.credential())),
            Some(known(standing.subject())),
            standing.org().map(known),
        ];
        let ends_at = standing.expires_at().map(|at| instant_of(at, clock::now()));
        self.with(|entry| entry.tenure = Some(Tenure { standing, known, ends_at }));
    }

    /// When the request here ends of itself, as [`Outcome::CredentialExpired`]; not after `now`: it has ended.
    pub fn ends_at(&self, now: Instant) -> Option<Instant> {
        self.with(|entry| entry.tenure.as_mut()?.ends_at(now)).flatten()
    }

    /// Whether the request here has ended of itself.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.ends_at(now).is_some_and(|at| at <= now)
    }

    /// The request is over.
    pub fn vacate(&self) {
        self.with(|entry| {
            entry.tenure = None;
            entry.cut = None;
            entry.busy = false;
        });
    }

    /// Ready when the request here is to end, with the outcome that a new one would get.
    pub fn poll_cut(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.with(|entry| match entry.cut {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                entry.listen(cx);
                Poll::Pending
            }
        })
        .unwrap_or(Poll::Pending)
    }

    /// How far the process is on its way out; who sits here is woken when it gets further.
    pub fn leaving(&self, cx: &Context<'_>) -> Leaving {
        self.with(|entry| entry.listen(cx));
        LEAVING.get()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.vacate();
        TABLE.with_borrow_mut(|table| {
            table.try_remove(self.0);
        });
    }
}

impl Entry {
    fn listen(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.cut = Some(outcome);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// A record has changed.
    fn hear(&mut self, tidings: &Tidings, now: Timestamp) {
        let Some(tenure) = &mut self.tenure else { return };
        match tenure.hear(tidings, now) {
            Heard::Nothing => {}
            Heard::GoesOn => self.wake(),
            Heard::Ends(outcome) => self.end(outcome),
        }
    }
}

/// What news means for a request.
enum Heard {
    /// It was let in on another record, or on a later state of this one.
    Nothing,
    /// Perhaps until another instant.
    GoesOn,
    Ends(Outcome),
}

impl Tenure {
    fn hear(&mut self, tidings: &Tidings, now: Timestamp) -> Heard {
        let Self { standing, known: [credential, subject, org], ends_at } = self;
        let (is_own, known) = match &tidings.record {
            Record::Credential(id, _) => (*id == standing.fact().credential.id, credential),
            Record::Subject(key, _) => (key == standing.subject(), subject),
            Record::Resource(key, _) => (Some(key) == standing.org(), org),
        };
        let position = Some(tidings.position);
        if !is_own || position <= *known {
            return Heard::Nothing;
        }
        *known = position;
        match standing.judge(tidings.news(), now) {
            Some(outcome) => Heard::Ends(outcome),
            None => {
                *ends_at = standing.expires_at().map(|at| instant_of(at, clock::now()));
                Heard::GoesOn
            }
        }
    }

    /// The wall clock may have been set back meanwhile: it has the last word.
    fn ends_at(&mut self, now: Instant) -> Option<Instant> {
        if self.ends_at.is_some_and(|at| at <= now) {
            self.ends_at = self.standing.expires_at().map(|at| instant_of(at, now));
        }
        self.ends_at
    }
}

/// When the wall clock will show `at`, if nobody sets it. `now` is this instant.
fn instant_of(at: Timestamp, now: Instant) -> Instant {
    let left = at.0.saturating_sub(clock::wall().0);
    now + Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// Wakes those whose credential has expired: a wall clock that was set forward, or a machine that has slept, has let none of
/// their timers run out.
pub fn look_at_the_clock() {
    let (wall, now) = (clock::wall(), clock::now());
    TABLE.with_borrow_mut(|table| {
        for (_, entry) in table.iter_mut() {
            let Some(tenure) = &mut entry.tenure else { continue };
            if tenure.standing.expires_at().is_some_and(|at| at <= wall) {
                tenure.ends_at = Some(now);
                entry.wake();
            }
        }
    });
}

/// From now on answers say `close`.
pub fn announce_leaving() {
    leave(Leaving::Announced);
}

/// From now on idle connections leave, too: each after its next answer, or at `idle_until`.
pub fn start_draining(idle_until: Instant) {
    leave(Leaving::Draining(idle_until));
}

fn leave(how: Leaving) {
    LEAVING.set(how);
    TABLE.with_borrow_mut(|table| {
        table.iter().for_each(|(_, entry)| entry.wake());
    });
}

/// The time is up: ends everything under way.
pub fn cut_all() {
    TABLE.with_borrow_mut(|table| {
        for (_, entry) in table.iter_mut().filter(|(_, entry)| entry.busy) {
            entry.end(Outcome::Draining);
        }
    });
}

/// Whether clients are to be told to go.
pub fn is_leaving() -> bool {
    LEAVING.get() != Leaving::Stays
}

/// Whether nobody is let in any more.
pub fn is_draining() -> bool {
    matches!(LEAVING.get(), Leaving::Draining(_))
}

/// Counts a connection of this thread, or what may still bring one, while it lives.
#[derive(Debug)]
pub struct Connected(());

impl Connected {
    #[expect(clippy::new_without_default, reason = "counting has an effect")]
    pub fn new() -> Self {
        CONNECTIONS.set(CONNECTIONS.get() + 1);
        Self(())
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        CONNECTIONS.set(CONNECTIONS.get().saturating_sub(1));
    }
}

/// Connections of this thread, and listeners that may still bring some.
pub fn connections() -> usize {
    CONNECTIONS.get()
}

#[cfg(test)]
pub(crate) mod tests;
