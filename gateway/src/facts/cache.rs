//! The cached records of one kind, behind the fence. A credential that the store does not know is remembered apart.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::facts::{FactKey, Lookup};

use super::fence::{Epoch, Fence, Stamp};
use super::hasher::Seed;

/// What the store has said of one key.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// `None`: that there is no such record.
    pub(super) record: Option<Arc<T>>,
    pub(super) stamp: Stamp,
    /// When whoever asked the store began to.
    pub(super) asked_at: Instant,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { record: self.record.clone(), stamp: self.stamp, asked_at: self.asked_at }
    }
}

impl<T> Entry<T> {
    pub(super) fn into_lookup(self) -> Lookup<T> {
        self.record.map_or(Lookup::Unknown, Lookup::Found)
    }
}

/// See the module.
pub(super) struct Cache<T> {
    fence: Arc<Fence>,
    known: Shelf<T>,
    /// That there is no such record, where that is kept apart.
    unknown: Option<Shelf<T>>,
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("fence", &self.fence).finish_non_exhaustive()
    }
}

/// Entries, at most so many, each for so long.
pub(super) struct Shelf<T> {
    entries: moka::sync::Cache<FactKey, Entry<T>, Seed>,
    ttl: Duration,
}

impl<T: Send + Sync + 'static> Shelf<T> {
    pub(super) fn new(capacity: u64, ttl: Duration) -> Self {
        let entries =
            moka::sync::Cache::builder().max_capacity(capacity).build_with_hasher(Seed::default());
        Self { entries, ttl }
    }

    fn get(&self, key: &FactKey, now: Instant) -> Option<Entry<T>> {
        self.entries
            .get(key)
            .filter(|entry| now.saturating_duration_since(entry.asked_at) < self.ttl)
    }
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// What is known and was not changed since, however long ago it was asked for; that there is no such record not, where that
    /// is kept apart.
    pub(super) fn get_of_any_age(&self, key: &FactKey) -> Option<Entry<T>> {
        self.known.entries.get(key).filter(|entry| self.is_current(key, entry))
    }

    /// Whether the entry says that there is no such record, where that is more than a record like any other.
    pub(super) fn is_unknown(&self, entry: &Entry<T>) -> bool {
        entry.record.is_none() && self.unknown.is_some()
    }

    /// `unknown` is where it is remembered that there is no such record; `None`: like any other fact.
    pub(super) const fn new(fence: Arc<Fence>, known: Shelf<T>, unknown: Option<Shelf<T>>) -> Self {
        Self { fence, known, unknown }
    }

    /// To be asked before the store is: part of the stamp of what it answers.
    pub(super) fn epoch(&self) -> Epoch {
        self.fence.epoch()
    }

    /// When the time of what [`Self::get`] gave is up, if it is one that the store has.
    pub(super) fn until(&self, entry: &Entry<T>) -> Option<Instant> {
        (entry.record.is_some() || self.unknown.is_none())
            .then_some(entry.asked_at + self.known.ttl)
    }

    /// What is known and still to be used. No I/O, no lock shared by all.
    pub(super) fn get(&self, key: &FactKey, now: Instant) -> Option<Entry<T>> {
        let current = |entry: &Entry<T>| self.is_current(key, entry);
        let known = self.known.get(key, now).filter(current);
        known.or_else(|| self.unknown.as_ref()?.get(key, now).filter(current))
    }

    pub(super) fn is_current(&self, key: &FactKey, entry: &Entry<T>) -> bool {
        self.fence.is_current(key, entry.stamp)
    }

    pub(super) fn insert(&self, key: FactKey, entry: Entry<T>) {
        let apart = self.unknown.as_ref().filter(|_| entry.record.is_none());
        apart.unwrap_or(&self.known).entries.insert(key, entry);
    }

    /// Takes out what a change has made old. The fence is what counts; this only makes room.
    pub(super) fn forget(&self, key: &FactKey) {
        self.known.entries.invalidate(key);
        if let Some(unknown) = &self.unknown {
            unknown.entries.invalidate(key);
        }
    }

    /// Records that are known, about; that there is none does not count where it is kept apart. A cache that nobody uses any
    /// more would never come to count what was put in last, so that is done first.
    pub(super) fn entries(&self) -> u64 {
        self.known.entries.run_pending_tasks();
        self.known.entries.entry_count()
    }

    /// Counts what was inserted and evicts what is too much: moka does both a little later.
    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.known.entries.run_pending_tasks();
        if let Some(unknown) = &self.unknown {
            unknown.entries.run_pending_tasks();
        }
    }
}
