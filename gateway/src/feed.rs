//! The change feed: what the store has changed is applied to everything in this process that holds older facts.
//!
//! With the embedded store this process makes every change itself and applies it here, before the call that made it answers.

use std::sync::Arc;
use std::time::Duration;

use decision::facts::SubjectState;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::facts::{Facts, key_of};
use crate::store::{Change, ChangeKind, What};
use crate::worker::Command;

#[derive(Debug)]
pub struct Feed {
    facts: Arc<Facts>,
    workers: Vec<mpsc::UnboundedSender<Command>>,
}

impl Feed {
    pub fn new(facts: Arc<Facts>, workers: Vec<mpsc::UnboundedSender<Command>>) -> Self {
        Self { facts, workers }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Applies a change. When this ends, no request is decided on older facts, and those under way are told; gives how long
    /// that took.
    pub async fn apply(&self, change: &Change) -> Duration {
        let started = clock::now();
        self.facts.apply(change);
        if may_end_requests(change) {
            self.tell(change).await;
        }
        clock::now().saturating_duration_since(started)
    }

    async fn tell(&self, change: &Change) {
        let (key, change) = (key_of(&change.what), Arc::new(change.clone()));
        let told: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (done, told) = oneshot::channel();
                let change = change.clone();
                worker.send(Command::Tell { key, change, done }).ok().map(|()| told)
            })
            .collect();
        for worker in told {
            // A worker that has ended has no requests under way.
            let _ = worker.await;
        }
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
