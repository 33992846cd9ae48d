//! What is known to one request: what this process has cached, and what was fetched for it.

use std::time::Instant;

use decision::facts::{Fact, FactKey, Known, Lookup, Resource, Subject, Wanted};

use super::Journal;
use crate::clock;
use crate::gate::Gate;

/// See the module.
pub(super) struct Here<'g> {
    gate: &'g Gate,
    /// The usual answer takes no look at the clock: the request is as young as its head.
    now: Instant,
    /// Good in the poll that has brought it, in which the question is asked again.
    fetched: Option<(FactKey, Lookup)>,
}

impl<'g> Here<'g> {
    pub(super) fn new(gate: &'g Gate, now: Instant) -> Self {
        Self { gate, now, fetched: None }
    }

    /// Asks the store for what a step wants, in this api.
    pub(super) async fn fetch(&mut self, api: &str, wanted: Wanted, journal: &mut Journal) {
        // Of subjects and resources the store has no records yet, so none is ever wanted.
        let Wanted::Credential { key, digest } = wanted else { return };
        let asked = clock::now();
        let fetched = self.gate.facts.fetch(api, key, digest, self.now).await;
        journal.waited += clock::now().saturating_duration_since(asked);
        let counts = &self.gate.metrics.lookups;
        match fetched {
            Lookup::Unavailable => counts.unavailable.inc(),
            Lookup::Found(_) | Lookup::Unknown => counts.miss.inc(),
        }
        self.fetched = Some((key, fetched));
    }
}

impl Known for Here<'_> {
    fn credential(&self, key: &FactKey) -> Option<Lookup<Fact>> {
        if let Some((fetched, lookup)) = &self.fetched
            && fetched == key
        {
            return Some(lookup.clone());
        }
        let known = self.gate.facts.cached(key, self.now)?;
        match known {
            Lookup::Unknown => self.gate.metrics.lookups.negative_hit.inc(),
            Lookup::Found(_) | Lookup::Unavailable => self.gate.metrics.lookups.hit.inc(),
        }
        Some(known)
    }

    fn subject(&self, _key: &FactKey) -> Option<Lookup<Subject>> {
        Some(Lookup::Unknown)
    }

    fn resource(&self, _key: &FactKey) -> Option<Lookup<Resource>> {
        Some(Lookup::Unknown)
    }
}
