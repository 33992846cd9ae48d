//! The fence between changes and older facts.
//!
//! Every fact carries a stamp: the log position it was read at. Every change raises the mark of its key's stripe to the
//! change's position. A fact is current only while its stamp is not below the mark, and that is compared **at each use**:
//! so a look-up that began before a change and ends after it may install what it read wherever it likes, and
//! nobody will use it. A stripe is shared by many keys; a change to one costs the others a look-up, no more.
//!
//! Facts that were current one after the other need not have been current together: between two uses a change to the first
//! and then one to the second may be applied. So who decides on several asks for a [`Moment`] before the first use, and after
//! the last whether it [holds](Fence::holds).
//!
//! This file knows no cache and no socket. [`Fence`] is generic over its atomics so that the model checker runs this very type.

use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use decision::facts::FactKey;

use crate::store::Position;

/// An era of the log. When a log cannot be followed any further (trimmed, moved backwards, another server), a new one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u64);

/// How new a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The epoch in force **before** the store was asked.
    pub epoch: Epoch,
    /// Of the read.
    pub position: Position,
}

/// A moment between changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(u64);

/// See the module.
pub struct Fence<C = AtomicU64> {
    epoch: C,
    /// How many changes and new epochs have been applied.
    applied: C,
    /// As many as a power of two.
    marks: Box<[C]>,
}

impl<C: Cell> Fence<C> {
    /// `stripes` is rounded up to a power of two.
    pub fn new(stripes: usize) -> Self {
        let marks =
            std::iter::repeat_with(|| C::new(0)).take(stripes.next_power_of_two()).collect();
        Self { epoch: C::new(0), applied: C::new(0), marks }
    }

    /// To be asked before the store is.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load())
    }

    /// Makes every fact about `key` that was read before `position` old. Positions may come in any order.
    pub fn apply(&self, key: &FactKey, position: Position) {
        if let Some(mark) = self.mark(key) {
            mark.raise(position.0);
        }
        // Afterwards: whoever still took the older fact began his moment before this.
        self.applied.count();
    }

    /// Whether no change has been applied since that a fact about `key` with this stamp might lack.
    pub fn is_current(&self, key: &FactKey, stamp: Stamp) -> bool {
        // First the mark, then the epoch: see `new_epoch`.
        self.mark(key).is_some_and(|mark| stamp.position.0 >= mark.load())
            && stamp.epoch == self.epoch()
    }

    /// Makes every fact old, whatever its stamp; and forgets the marks, so that a log that begins anew at lower positions
    /// can be followed. To be called by who also calls [`Self::apply`], not beside it.
    pub fn new_epoch(&self) {
        // Whoever sees a mark that was forgotten here sees the new epoch, too.
        self.epoch.raise(self.epoch.load() + 1);
        for mark in &self.marks {
            mark.store(0);
        }
        self.applied.count();
    }

    /// To be asked before the first of several facts is used.
    pub fn moment(&self) -> Moment {
        Moment(self.applied.load())
    }

    /// Whether no change has been applied since: the facts that were current since then were so together.
    pub fn holds(&self, moment: Moment) -> bool {
        self.moment() == moment
    }

    /// `None` never: the mask keeps within the length.
    fn mark(&self, key: &FactKey) -> Option<&C> {
        let hash = BuildHasherDefault::<KeyHasher>::default().hash_one(key);
        self.marks.get(hash as usize & (self.marks.len() - 1))
    }
}

impl<C> fmt::Debug for Fence<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").field("stripes", &self.marks.len()).finish_non_exhaustive()
    }
}

/// A number that threads share, sequentially consistent: the model checker knows no weaker order, so no weaker one is used.
pub trait Cell {
    fn new(value: u64) -> Self;
    fn load(&self) -> u64;
    fn store(&self, value: u64);
    /// To `value`, if it is lower.
    fn raise(&self, value: u64);
    /// One more.
    fn count(&self);
}

impl Cell for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn load(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }

    fn store(&self, value: u64) {
        self.store(value, Ordering::SeqCst);
    }

    fn raise(&self, value: u64) {
        self.fetch_max(value, Ordering::SeqCst);
    }

    fn count(&self) {
        self.fetch_add(1, Ordering::SeqCst);
    }
}

/// A [`FactKey`] is its own hash: it is a digest. Whoever could choose where one falls would gain look-ups after changes.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    /// A [`FactKey`] does not come this way; whatever does falls badly, not wrongly.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests;
