//! What every request needs of the process: one value, shared by all threads and never changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use decision::config::snapshot::Bounds;
use decision::secret::Peppers;

use crate::access_log::AccessLog;
use crate::crowd::Crowd;
use crate::facts::Facts;
use crate::generation::Generations;
use crate::metrics::Metrics;
use crate::uses::Uses;

#[derive(Debug)]
pub struct Gate {
    pub generations: Arc<Generations>,
    pub facts: Arc<Facts>,
    pub peppers: Peppers,
    pub uses: Uses,
    pub bounds: Bounds,
    /// Requests under way in the process, and how many may be; beyond that `overloaded`.
    pub under_way: AtomicUsize,
    pub in_flight: usize,
    pub crowd: Arc<Crowd>,
    /// The process has been told to leave.
    pub draining: Arc<AtomicBool>,
    pub metrics: Arc<Metrics>,
    pub access_log: Arc<AccessLog>,
    /// The name of this instance.
    pub replica: String,
}

/// Counts a request while it is under way.
#[derive(Debug)]
pub struct UnderWay<'g>(&'g Gate);

impl Gate {
    /// `None`: as many as may be are under way.
    pub fn admit(&self) -> Option<UnderWay<'_>> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let counted = UnderWay(self);
        (before < self.in_flight).then_some(counted)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
