//! The change feed: what the store has changed is applied to everything in this process that holds older facts.
//!
//! With the embedded store this process makes every change itself and applies it here, before the call that made it answers.

use std::sync::Arc;
use std::time::Duration;

use decision::facts::{FactKey, api_mask};
use decision::outcome::Outcome;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::facts::Facts;
use crate::store::{Change, What};
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

    /// Applies a change. When this ends, no request is decided on older facts, and those under way are told; gives how long
    /// that took.
    pub async fn apply(&self, change: &Change) -> Duration {
        let started = clock::now();
        self.facts.apply(change);
        if let What::Credential { api, digest, now, .. } = &change.what {
            let outcome = match now {
                None => Some(Outcome::CredentialUnknown),
                Some(now) => now.revoked_at.map(|_| Outcome::CredentialRevoked),
            };
            if let Some(outcome) = outcome {
                self.cut(FactKey::new(&api_mask(api), digest), outcome).await;
            }
        }
        clock::now().saturating_duration_since(started)
    }

    async fn cut(&self, key: FactKey, outcome: Outcome) {
        let told: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (done, told) = oneshot::channel();
                worker.send(Command::Cut { key, outcome, done }).ok().map(|()| told)
            })
            .collect();
        for worker in told {
            // A worker that has ended has no requests under way.
            let _ = worker.await;
        }
    }
}
