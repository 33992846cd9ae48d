//! The change feed: what the store has changed is applied to everything in this process that holds older facts.
//!
//! With the embedded store this process makes every change itself and applies it here, before the call that made it answers. A
//! store that several replicas share has a log, too, and the [`Follower`] applies what it says.

use std::sync::Arc;
use std::time::Duration;

use decision::facts::SubjectState;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock;
use crate::facts::{Facts, key_of};
use crate::roster::{Basis, Tidings};
use crate::store::{Change, ChangeKind, What};
use crate::worker::Command;

mod anew;
mod ear;
mod follower;
mod history;
mod pace;

pub use follower::{Follower, Identity};

#[derive(Debug)]
pub struct Feed {
    facts: Arc<Facts>,
    workers: Vec<mpsc::UnboundedSender<Command>>,
    /// A change was applied that this process has made: the log has more than was followed.
    changed: Notify,
}

impl Feed {
    pub fn new(facts: Arc<Facts>, workers: Vec<mpsc::UnboundedSender<Command>>) -> Self {
        Self { facts, workers, changed: Notify::new() }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Applies a change that this process has made. When this ends, no request is decided on older facts, and those under way
    /// are told; gives how long that took.
    pub async fn apply(&self, change: &Change) -> Duration {
        let started = clock::now();
        self.apply_all(std::iter::once(change)).await;
        self.changed.notify_one();
        clock::now().saturating_duration_since(started)
    }

    /// Applies changes, in their order.
    async fn apply_all(&self, changes: impl Iterator<Item = &Change> + Clone) {
        // First all of them to the facts: that does not wait.
        changes.clone().for_each(|change| self.facts.apply(change));
        let told = changes.filter(|change| may_end_requests(change));
        self.tell(told.map(|change| Tidings::of(key_of(&change.what), change)).collect()).await;
    }

    /// Tells the requests under way.
    async fn tell(&self, tidings: Arc<[Tidings]>) {
        if tidings.is_empty() {
            return;
        }
        // A worker that has ended has no requests under way.
        drop(self.ask(|done| Command::Tell { tidings: tidings.clone(), done }).await);
    }

    /// Positions begin anew; gives what the requests under way rest on.
    async fn begin_anew(&self) -> Basis {
        self.facts.new_epoch();
        let told = self.ask(|basis| Command::BeginAnew { basis }).await;
        told.into_iter().fold(Basis::default(), Basis::and)
    }

    /// Asks every worker, and gives their answers.
    async fn ask<T>(&self, command: impl Fn(oneshot::Sender<T>) -> Command) -> Vec<T> {
        let asked: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (answer, answered) = oneshot::channel();
                worker.send(command(answer)).ok().map(|()| answered)
            })
            .collect();
        let mut answers = Vec::with_capacity(asked.len());
        for answered in asked {
            answers.extend(answered.await);
        }
        answers
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
