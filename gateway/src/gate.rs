//! What every request needs of the process: one value, shared by all threads and never changed.

use std::sync::Arc;

use decision::config::snapshot::Bounds;
use decision::secret::Pepper;

use crate::access_log::AccessLog;
use crate::facts::Facts;
use crate::generation::Generations;
use crate::metrics::Metrics;

#[derive(Debug)]
pub struct Gate {
    pub generations: Arc<Generations>,
    pub facts: Arc<Facts>,
    pub pepper: Pepper,
    pub bounds: Bounds,
    /// Requests under way per thread; beyond that `overloaded`.
    pub in_flight: usize,
    pub metrics: Arc<Metrics>,
    pub access_log: Arc<AccessLog>,
    /// The name of this instance.
    pub replica: String,
}
