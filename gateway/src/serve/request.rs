//! One request as it came, and its promise of exactly one record.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use decision::forwarded;
use decision::outcome::Outcome;
use http::HeaderValue;

use super::Journal;
use crate::accept::Origin;
use crate::accept::head::Head;
use crate::clock;
use crate::forward::Ended;
use crate::forward::client::Client;
use crate::gate::Gate;
use crate::generation::Generation;
use crate::record::Record;
use crate::request_id;
use crate::roster::Seat;

/// One request of a connection or a stream. It leaves a record even if its task ends before it was served to its end.
pub struct Request<'r> {
    pub gate: &'r Gate,
    pub origin: &'r Origin,
    pub head: &'r Head<'r>,
    pub seat: &'r Seat,
    /// When the head was whole.
    pub started: Instant,
    recorded: AtomicBool,
}

/// Shows no head: a credential may be in it.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("origin", self.origin).finish_non_exhaustive()
    }
}

impl<'r> Request<'r> {
    pub const fn new(
        gate: &'r Gate,
        origin: &'r Origin,
        head: &'r Head<'r>,
        seat: &'r Seat,
        started: Instant,
    ) -> Self {
        Self { gate, origin, head, seat, started, recorded: AtomicBool::new(false) }
    }

    /// The record of this request, as far as it does not depend on what became of it.
    pub(super) fn record(
        &self,
        journal: &'r Journal,
        request_id: &'r HeaderValue,
        client: &Client,
    ) -> Record<'r> {
        Record {
            head: Some(self.head),
            client_ip: forwarded::client_ip(&self.head.view(self.origin)),
            decision: journal.decision,
            limit: journal.limited.limit(),
            shadowed: journal.shadowed,
            bytes: client.bytes(),
            ..Record::new(self.origin, request_id, self.started, journal.wall)
        }
    }

    /// It is no request of anybody's, and leaves no record.
    pub(super) fn leave_no_record(&self) {
        self.recorded.store(true, Ordering::Relaxed);
    }

    /// Writes the one record. To be called once.
    pub(super) fn write(&self, record: &Record<'_>, generation: &Generation) {
        self.recorded.store(true, Ordering::Relaxed);
        record.write(self.gate, generation);
    }
}

impl Drop for Request<'_> {
    /// Its task has panicked, or the drain's time was up before anybody could tell it.
    fn drop(&mut self) {
        if self.recorded.load(Ordering::Relaxed) {
            return;
        }
        let (outcome, ended, why) = if std::thread::panicking() {
            (Outcome::Internal, Ended::Complete, "the request's task has panicked")
        } else {
            (Outcome::Draining, Ended::Drained, "the request's task was given up")
        };
        let wall = clock::wall();
        let request_id = request_id::of(None, None, wall);
        let record = Record {
            outcome,
            ended,
            why,
            status: outcome.status(),
            head: Some(self.head),
            ..Record::new(self.origin, &request_id, self.started, wall)
        };
        self.write(&record, &self.gate.generations.current());
    }
}

#[cfg(test)]
mod tests;
