//! The change feed: what the store has changed is applied to everything in this process that holds older facts.
//!
//! With the embedded store this process makes every change itself and applies it here, before the call that made it answers. A
//! store that several replicas share has a log, too, and the [`Follower`] applies what it says.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use decision::facts::SubjectState;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::clock;
use crate::facts::{Facts, key_of};
use crate::roster::{Basis, Tidings};
use crate::store::{Change, ChangeKind, PROBE, What};
use crate::worker::Command;

mod anew;
mod ear;
mod follower;
mod history;
mod pace;

pub use follower::{Follower, Identity};

/// What goes on whoever waits for it.
type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[derive(Debug)]
pub struct Feed {
    facts: Arc<Facts>,
    workers: Vec<mpsc::UnboundedSender<Command>>,
    /// A change was applied that this process has made: the log has more than was followed.
    changed: Notify,
    /// Moves on with what is applied, and counts the times that the log did not lead on.
    applied: watch::Sender<u64>,
}

impl Feed {
    pub fn new(facts: Arc<Facts>, workers: Vec<mpsc::UnboundedSender<Command>>) -> Self {
        Self { facts, workers, changed: Notify::new(), applied: watch::Sender::new(0) }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Moves on with every change that is applied, whoever has made it, but for those of the probe's. Holds another number once
    /// the log did not lead on, and nobody can say what was changed.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// The log does not lead on: nobody can say what was changed.
    pub(crate) fn has_lost_track(&self) {
        self.applied.send_modify(|breaks| *breaks += 1);
    }

    /// Applies a change that this process has made. When this ends, no request is decided on older facts, and those under way
    /// are told; gives how long that took.
    pub async fn apply(&self, change: &Change) -> Duration {
        let started = clock::now();
        self.apply_all(std::iter::once(change)).await;
        self.changed.notify_one();
        clock::now().saturating_duration_since(started)
    }

    /// Applies changes, in their order, to the facts. What this gives ends when those under way are told.
    fn apply_all<'c>(&self, changes: impl Iterator<Item = &'c Change> + Clone) -> Running<()> {
        // First all of them to the facts: that does not wait.
        changes.clone().for_each(|change| self.facts.apply(change));
        if changes.clone().any(|change| change.what.place() != PROBE) {
            self.applied.send_modify(|_| {});
        }
        let told = changes.filter(|change| may_end_requests(change));
        self.tell(&told.map(|change| Tidings::of(key_of(&change.what), change)).collect())
    }

    /// Tells the requests under way.
    fn tell(&self, tidings: &Arc<[Tidings]>) -> Running<()> {
        if tidings.is_empty() {
            return Box::pin(std::future::ready(()));
        }
        let told = self.ask(|done| Command::Tell { tidings: Arc::clone(tidings), done });
        // A worker that has ended has no requests under way.
        Box::pin(async move { drop(told.await) })
    }

    /// Positions begin anew; gives what the requests under way rest on.
    fn begin_anew(&self) -> Running<Basis> {
        self.facts.new_epoch();
        self.joined(|basis| Command::BeginAnew { basis })
    }

    /// What the requests under way rest on.
    fn basis(&self) -> Running<Basis> {
        self.joined(|basis| Command::Basis { basis })
    }

    fn joined(&self, command: impl Fn(oneshot::Sender<Basis>) -> Command) -> Running<Basis> {
        let told = self.ask(command);
        Box::pin(async move { told.await.into_iter().fold(Basis::default(), Basis::and) })
    }

    /// Asks every worker, at once; gives their answers.
    fn ask<T: Send + 'static>(
        &self,
        command: impl Fn(oneshot::Sender<T>) -> Command,
    ) -> Running<Vec<T>> {
        let asked: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (answer, answered) = oneshot::channel();
                worker.send(command(answer)).ok().map(|()| answered)
            })
            .collect();
        Box::pin(async move {
            let mut answers = Vec::with_capacity(asked.len());
            for answered in asked {
                answers.extend(answered.await);
            }
            answers
        })
    }
}

/// Whether anybody under way could have to hear of it: whoever brings in a thousand credentials wakes nobody.
fn may_end_requests(change: &Change) -> bool {
    match &change.what {
        What::Credential { .. } => {
            !matches!(change.kind, ChangeKind::Created | ChangeKind::Rekeyed)
        }
        What::Subject { now, .. } => {
            now.as_ref().is_some_and(|subject| subject.state != SubjectState::Active)
        }
        What::Resource { .. } => true,
    }
}

#[cfg(test)]
mod tests;
