//! What is known to one request, and how it came to be known.

use std::cell::Cell;
use std::time::{Duration, Instant};

use decision::config::snapshot::Api;
use decision::facts::{Fact, FactKey, Known, Lookup, Resource, Subject, Wanted};

use super::Journal;
use crate::clock;
use crate::facts::View;
use crate::gate::Gate;
use crate::store::Position;

/// See the module.
pub(super) struct Here<'g> {
    gate: &'g Gate,
    view: View<'g>,
    /// Its credential is in `credential_lookups_total`, where it is counted once.
    counted: Cell<bool>,
}

impl<'g> Here<'g> {
    /// The usual answer takes no look at the clock: the request is as young as its head, that came at `now`.
    /// Out of contact with the store what is known is used for `serve` beyond the lease.
    pub(super) fn new(gate: &'g Gate, now: Instant, serve: Duration) -> Self {
        let mut view = gate.facts.view(now);
        view.serve(serve);
        Self { gate, view, counted: Cell::new(false) }
    }

    /// See [`View::is_stale`].
    pub(super) fn is_stale(&self) -> bool {
        self.view.is_stale()
    }

    /// See [`View::holds`].
    pub(super) fn holds(&mut self) -> bool {
        self.view.holds()
    }

    /// See [`View::position`].
    pub(super) fn position(&self, key: &FactKey) -> Position {
        self.view.position(key)
    }

    /// Asks the store for what a step wants.
    pub(super) async fn fetch(&mut self, api: &Api, wanted: Wanted, journal: &mut Journal) {
        let credential = match &wanted {
            Wanted::Credential { key, .. } => Some(*key),
            Wanted::Subject { .. } | Wanted::Resource { .. } => None,
        };
        let asked = clock::now();
        self.view.fetch(&api.name, &api.realm, wanted, asked).await;
        journal.waited += clock::now().saturating_duration_since(asked);
        if let Some(key) = credential
            && !self.counted.replace(true)
        {
            let counts = &self.gate.metrics.lookups;
            match self.view.credential(&key) {
                Some(Lookup::Unavailable) => counts.unavailable.inc(),
                _ => counts.miss.inc(),
            }
        }
    }
}

impl Known for Here<'_> {
    fn credential(&self, key: &FactKey) -> Option<Lookup<Fact>> {
        let known = self.view.credential(key)?;
        if !self.counted.replace(true) {
            let counts = &self.gate.metrics.lookups;
            match known {
                Lookup::Unknown => counts.negative_hit.inc(),
                Lookup::Found(_) | Lookup::Unavailable => counts.hit.inc(),
            }
        }
        Some(known)
    }

    fn subject(&self, key: &FactKey) -> Option<Lookup<Subject>> {
        self.view.subject(key)
    }

    fn resource(&self, key: &FactKey) -> Option<Lookup<Resource>> {
        self.view.resource(key)
    }
}
