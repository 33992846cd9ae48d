//! The change log of a store that several replicas share, as a replica follows it, and the register of those replicas.
//!
//! With the embedded store one process makes all changes and applies them itself: there is nothing to follow.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use decision::facts::Timestamp;

use super::{Change, Position, Unavailable};

/// A place in one history of the log. A failover may lose the last changes, and others then take their positions: so a
/// position alone does not say which history it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    pub position: Position,
    /// Drawn at random with the change that made the position. Two histories that differ there or before have different ones.
    pub link: u64,
}

/// A change with its predecessor's mark: whoever has applied exactly `before` and then applies this misses nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub before: Mark,
    pub mark: Mark,
    pub change: Change,
}

/// Entries after a mark.
#[derive(Clone, Debug)]
pub enum Followed {
    /// Oldest first; as many as were asked for, or up to `head`.
    Entries { items: Vec<Told>, head: Mark },
    /// The log does not lead from that mark on: it was trimmed, moved backwards, or is another one. Everything known is to be
    /// taken for old; what is read from now on is not before `head`.
    Broken { head: Mark },
}

/// What a replica says of itself. Each start of a process is an instance of its own; `replica` is only its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub instance: String,
    pub replica: String,
    /// Among the reports of its instance: what is said later has a higher one.
    pub number: u64,
    /// Of the program.
    pub version: String,
    /// Everything up to here is applied, and requests under way have been told.
    pub applied: Mark,
    pub lease: Duration,
    /// How long after a report it may still use what it knew then: the lease and the longest `serve` in force there.
    pub bound: Duration,
    /// Of its configuration.
    pub generation: u64,
}

/// An instance as the register has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    pub report: Report,
    /// By the store's clock.
    pub reported_at: Timestamp,
}

/// The register at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// By the store's clock.
    pub now: Timestamp,
    pub head: Mark,
    /// By replica name, then instance. Those whose bound has passed are among them for a minute longer.
    pub replicas: Vec<Registered>,
}

impl Registered {
    /// Whether it may still use, at `now` by the store's clock, what it knew at its last report.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let bound = i64::try_from(self.report.bound.as_millis()).unwrap_or(i64::MAX);
        now.0 <= self.reported_at.0.saturating_add(bound)
    }
}

/// See the module. Every call ends within the store's own bounds.
#[async_trait]
pub trait SharedLog: fmt::Debug + Send + Sync + 'static {
    /// Enters what a replica says of itself, and gives the newest mark: one atomic step, and a write, so that a server that
    /// takes no writes any more renews nobody's lease. One that comes after a later one of its instance, from a connection that
    /// was given up, is not entered and has no answer: others would wait for what was said then.
    async fn report(&self, report: &Report) -> Result<Mark, Unavailable>;

    /// Takes an instance out of the register. To be called when it admits nobody any more.
    async fn leave(&self, instance: &str) -> Result<(), Unavailable>;

    /// At most `limit` entries after `after`, which were applied in that history.
    async fn follow(&self, after: Mark, limit: usize) -> Result<Followed, Unavailable>;

    /// A connection of its own on which changes are told as they are made.
    async fn listen(&self) -> Result<Box<dyn Listener>, Unavailable>;

    async fn register(&self) -> Result<Register, Unavailable>;
}

/// Tells changes as they are made: fast, and sometimes not at all. [`SharedLog::follow`] has what is missed.
#[async_trait]
pub trait Listener: Send {
    /// The next change. Fails when the connection is lost or has not answered a ping in time; then it is of no more use. May be
    /// dropped while it waits: nothing is lost by that.
    async fn next(&mut self) -> Result<Told, Unavailable>;
}
