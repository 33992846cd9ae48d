//! The counters of one rule: a cell for each key, in shards that are locked one by one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use decision::limit::{self, Cell, Moment, Shape, Terms};
use prometheus::IntGauge;

/// The most keys that a rule counts at a time. A key beyond is refused as `limiter_unavailable` until others are forgotten:
/// neither is anybody's count thrown away for it, nor is anything admitted that is not counted.
pub(super) const KEYS_MOST: usize = 1_000_000;
/// So many that threads seldom meet, and that one is swept in some ten microseconds even when all are full.
const SHARDS: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) shape: Shape,
    most: usize,
    /// Two secret hashes of 64 bits, which together name a key.
    hash: [RandomState; 2],
    shards: Box<[Mutex<Shard>]>,
    keys: AtomicUsize,
    /// The same number, as metrics show it.
    gauge: IntGauge,
}

/// The name of a key: it says nothing of whom it is for, and has the same size whatever that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

#[derive(Debug, Default)]
pub(super) struct Shard {
    cells: HashMap<Key, Cell, BuildHasherDefault<Passed>>,
    /// The second in which a lack of room last made it forget.
    swept: Option<u64>,
}

impl Counters {
    /// In how many parts [`Counters::forget_idle`] goes through the shards.
    pub(super) const PARTS: usize = 16;

    pub(super) fn new(shape: Shape, most: usize, gauge: IntGauge) -> Self {
        Self {
            shape,
            most,
            hash: [RandomState::new(), RandomState::new()],
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            keys: AtomicUsize::new(0),
            gauge,
        }
    }

    pub(super) fn key(&self, key: &limit::Key<'_>) -> Key {
        let [one, other] = &self.hash;
        Key([one.hash_one(key), other.hash_one(key)])
    }

    /// The shard that has a key's cell, or is to have it.
    pub(super) fn lock(&self, key: Key) -> Option<MutexGuard<'_, Shard>> {
        let [_, place] = key.0;
        let shard = self.shards.get(place as usize % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The cell of a key in its shard, made if there is none; `None` where there is no room for it.
    pub(super) fn cell<'s>(
        &self,
        shard: &'s mut Shard,
        key: Key,
        now: Moment,
    ) -> Option<&'s mut Cell> {
        if !self.has_room(shard, key, now) {
            return None;
        }
        Some(shard.cells.entry(key).or_insert_with(|| {
            self.keys.fetch_add(1, Ordering::Relaxed);
            self.gauge.inc();
            Cell::new(self.shape.algorithm)
        }))
    }

    fn is_full(&self) -> bool {
        self.keys.load(Ordering::Relaxed) >= self.most
    }

    /// Whether a key is there or may be added. A full rule looks for idle keys of the shard, once a second at most.
    fn has_room(&self, shard: &mut Shard, key: Key, now: Moment) -> bool {
        if !self.is_full() || shard.cells.contains_key(&key) {
            return true;
        }
        let second = Some(now.elapsed / 1_000_000_000);
        if shard.swept != second {
            shard.swept = second;
            self.forget(shard, now);
        }
        !self.is_full()
    }

    fn forget(&self, shard: &mut Shard, now: Moment) {
        let before = shard.cells.len();
        shard.cells.retain(|_, cell| !cell.is_idle(now));
        self.forgotten(before - shard.cells.len());
        // After a flood the room goes back, too.
        if shard.cells.capacity() > 64 && shard.cells.len() < shard.cells.capacity() / 4 {
            shard.cells.shrink_to_fit();
        }
    }

    fn forgotten(&self, keys: usize) {
        self.keys.fetch_sub(keys, Ordering::Relaxed);
        self.gauge.sub(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// How a key stands that is counted elsewhere; `None` where there is no room to ever count it.
    pub(super) fn look(&self, key: Key, terms: Terms, now: Moment) -> Option<Result<(), u64>> {
        let mut shard = self.lock(key)?;
        match shard.cells.get_mut(&key) {
            Some(cell) => Some(cell.look(terms, now)),
            None => self.has_room(&mut shard, key, now).then_some(Ok(())),
        }
    }

    /// Counts what has happened anyway; whether there was room for it.
    pub(super) fn count(&self, key: Key, terms: Terms, now: Moment) -> bool {
        let Some(mut shard) = self.lock(key) else { return false };
        let cell = self.cell(&mut shard, key, now);
        cell.map(|cell| cell.count(terms, now)).is_some()
    }

    /// Gives a place back.
    pub(super) fn release(&self, key: Key) {
        let Some(mut shard) = self.lock(key) else { return };
        if shard.cells.get_mut(&key).is_some_and(Cell::release) {
            shard.cells.remove(&key);
            self.forgotten(1);
        }
    }

    /// Forgets the idle keys of every [`PARTS`](Self::PARTS)th shard.
    pub(super) fn forget_idle(&self, part: usize, now: Moment) {
        for shard in self.shards.iter().skip(part % Self::PARTS).step_by(Self::PARTS) {
            self.forget(&mut shard.lock().unwrap_or_else(PoisonError::into_inner), now);
        }
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        self.forgotten(self.keys.load(Ordering::Relaxed));
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [hash, _] = self.0;
        state.write_u64(hash);
    }
}

/// The hash of what is a hash already.
#[derive(Debug, Default)]
pub(super) struct Passed(u64);

impl Hasher for Passed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// Keys write one number and nothing else.
    fn write(&mut self, _bytes: &[u8]) {}
}

#[cfg(test)]
mod tests;
