//! Who has applied a change, by what the register says from time to time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::view::ReplicaReport;
use crate::store::{Position, Register};

/// The replicas that were live when the register was first looked at. Whoever comes later knows nothing from before.
#[derive(Debug)]
pub(super) struct Roll {
    /// Of the change.
    position: Position,
    /// By instance.
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    replica: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Applied {
        /// From the change until that was seen.
        took: Duration,
    },
    /// Its bound has passed: it uses nothing of what it knew.
    Lapsed,
    Pending,
}

impl Roll {
    /// Of all that are live by `register`; as if nobody had applied the change yet.
    pub(super) fn of(register: &Register, position: Position) -> Self {
        let live = register.replicas.iter().filter(|one| one.is_live(register.now));
        let entries = live.map(|one| {
            let entry = Entry { replica: one.report.replica.clone(), state: State::Pending };
            (one.report.instance.clone(), entry)
        });
        Self { position, entries: entries.collect() }
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Enters what `register` says, so long after the change. What was applied stays so, and whoever's bound has passed must
    /// apply the change before it uses anything again.
    pub(super) fn enter(&mut self, register: &Register, took: Duration) {
        self.entries.retain(|instance, entry| {
            if entry.state != State::Pending {
                return true;
            }
            // Whoever is not registered any more has left in order, and admits nobody.
            let found = register.replicas.iter().find(|one| one.report.instance == *instance);
            let Some(found) = found else { return false };
            if found.report.applied.position >= self.position {
                entry.state = State::Applied { took };
            } else if !found.is_live(register.now) {
                entry.state = State::Lapsed;
            }
            true
        });
    }

    pub(super) fn is_complete(&self) -> bool {
        self.entries.values().all(|entry| entry.state != State::Pending)
    }

    pub(super) fn names(&self, instance: &str) -> bool {
        self.entries.contains_key(instance)
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = ReplicaReport> {
        self.entries.values().map(|Entry { replica, state }| {
            let (applied, word) = match state {
                State::Applied { took } => (Some(*took), "applied"),
                State::Lapsed => (None, "lapsed"),
                State::Pending => (None, "pending"),
            };
            ReplicaReport {
                replica: replica.clone(),
                applied_ms: applied.map(|took| took.as_millis() as u64),
                state: word.into(),
            }
        })
    }
}

#[cfg(test)]
mod tests;
