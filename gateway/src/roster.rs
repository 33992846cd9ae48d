//! Who is under way on this thread, so that a revocation or a drain can end it.
//!
//! Each worker thread has a table of its own, touched by nobody else: taking a seat costs no lock and no shared cache line.
//! A change reaches a thread as a message ([`crate::worker`]); that it cannot slip between a decision and the seat rests on
//! one rule: **a request checks its facts and takes its seat in the same poll.** Then either the change was applied to the
//! fence before the check, which refuses the request, or the message is handled after the seat was taken, and finds it.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

use decision::facts::FactKey;
use decision::outcome::Outcome;
use slab::Slab;

thread_local! {
    static TABLE: RefCell<Slab<Entry>> = const { RefCell::new(Slab::new()) };
    static CONNECTIONS: Cell<usize> = const { Cell::new(0) };
    static DRAINING: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug, Default)]
struct Entry {
    key: Option<FactKey>,
    busy: bool,
    cut: Option<Outcome>,
    waker: Option<Waker>,
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

    /// What ends the credential `key` ends this request too. To be called in the poll that checked the facts.
    pub fn bind(&self, key: FactKey) {
        self.with(|entry| entry.key = Some(key));
    }

    /// The request is over.
    pub fn vacate(&self) {
        self.with(|entry| {
            entry.key = None;
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

    /// Ready when the process is leaving: an idle connection then closes.
    pub fn poll_draining(&self, cx: &mut Context<'_>) -> Poll<()> {
        if is_draining() {
            return Poll::Ready(());
        }
        self.with(|entry| entry.listen(cx));
        Poll::Pending
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
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

/// Ends the requests under way that `key` admitted.
pub fn cut_credential(key: &FactKey, outcome: Outcome) {
    TABLE.with_borrow_mut(|table| {
        for (_, entry) in
            table.iter_mut().filter(|(_, entry)| entry.busy && entry.key.as_ref() == Some(key))
        {
            entry.end(outcome);
        }
    });
}

/// From now on answers say `close` and idle connections leave.
pub fn start_draining() {
    DRAINING.set(true);
    TABLE.with_borrow_mut(|table| {
        for waker in table.iter_mut().filter_map(|(_, entry)| entry.waker.as_ref()) {
            waker.wake_by_ref();
        }
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

pub fn is_draining() -> bool {
    DRAINING.get()
}

/// Counts a connection of this thread while it lives.
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

/// Connections of this thread.
pub fn connections() -> usize {
    CONNECTIONS.get()
}
