//! The cached facts: credentials, and, in a cache of their own, keys that the store does not know. Both behind the fence.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::config::snapshot::CacheSettings;
use decision::facts::{Fact, FactKey, Lookup};

use super::fence::{Epoch, Fence, KeyHasher, Stamp};
use crate::store::Position;

/// Each change makes one in so many cached facts old: 32 KiB of marks, which stay in a core's own cache.
const STRIPES: usize = 4096;

/// What the store has said of one key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `None`: that there is no such credential.
    pub(super) fact: Option<Arc<Fact>>,
    pub(super) stamp: Stamp,
    /// When whoever asked the store began to.
    pub(super) asked_at: Instant,
}

impl Entry {
    pub(super) fn into_lookup(self) -> Lookup {
        self.fact.map_or(Lookup::Unknown, Lookup::Found)
    }
}

#[derive(Debug)]
pub(super) struct Cache {
    fence: Fence,
    known: Shelf,
    /// Apart, so that a flood of guesses drives out no credential.
    unknown: Shelf,
}

#[derive(Debug)]
struct Shelf {
    entries: moka::sync::Cache<FactKey, Entry, BuildHasherDefault<KeyHasher>>,
    ttl: Duration,
}

impl Shelf {
    fn new(capacity: u64, ttl: Duration) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .build_with_hasher(BuildHasherDefault::default());
        Self { entries, ttl }
    }

    fn get(&self, key: &FactKey, now: Instant) -> Option<Entry> {
        self.entries
            .get(key)
            .filter(|entry| now.saturating_duration_since(entry.asked_at) < self.ttl)
    }
}

impl Cache {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        Self {
            fence: Fence::new(STRIPES),
            known: Shelf::new(settings.capacity, settings.ttl),
            unknown: Shelf::new(settings.negative_capacity, settings.negative_ttl),
        }
    }

    /// To be asked before the store is: part of the stamp of what it answers.
    pub(super) fn epoch(&self) -> Epoch {
        self.fence.epoch()
    }

    pub(super) fn get(&self, key: &FactKey, now: Instant) -> Option<Entry> {
        let current = |entry: &Entry| self.is_current(key, entry);
        let known = self.known.get(key, now).filter(current);
        known.or_else(|| self.unknown.get(key, now).filter(current))
    }

    pub(super) fn is_current(&self, key: &FactKey, entry: &Entry) -> bool {
        self.fence.is_current(key, entry.stamp)
    }

    pub(super) fn insert(&self, key: FactKey, entry: Entry) {
        let place = if entry.fact.is_some() { &self.known } else { &self.unknown };
        place.entries.insert(key, entry);
    }

    /// The fence is what counts; taking the old entries out only makes room.
    pub(super) fn apply(&self, key: &FactKey, position: Position) {
        self.fence.apply(key, position);
        self.known.entries.invalidate(key);
        self.unknown.entries.invalidate(key);
    }

    pub(super) fn entries(&self) -> u64 {
        self.known.entries.entry_count()
    }

    /// Counts what was inserted and evicts what is too much: moka does both a little later.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.known.entries.run_pending_tasks();
        self.unknown.entries.run_pending_tasks();
    }
}
