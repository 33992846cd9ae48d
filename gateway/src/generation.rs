//! A generation: one compiled configuration with what hangs on it, read once per request and swapped whole.

use std::sync::Arc;

use arc_swap::ArcSwap;
use decision::config::snapshot::Snapshot;

use crate::limits::Limits;
use crate::metrics::{Meters, Metrics};
use crate::upstream::Upstream;

#[derive(Debug)]
pub struct Generation {
    /// 1 at start, one more with each swap.
    pub number: u64,
    pub snapshot: Snapshot,
    /// Live upstreams, in the order of [`Snapshot::upstreams`].
    pub upstreams: Vec<Arc<Upstream>>,
    pub limits: Limits,
    /// Metric handles, resolved.
    pub meters: Meters,
}

impl Generation {
    pub fn new(number: u64, snapshot: Snapshot, metrics: &Metrics) -> Self {
        let upstreams = snapshot.upstreams.iter().map(Upstream::new).collect();
        let limits = Limits::new(&snapshot, None, metrics);
        let meters = metrics.meters(&snapshot, number);
        Self { number, snapshot, upstreams, limits, meters }
    }
}

/// The generation in force.
#[derive(Debug)]
pub struct Generations(ArcSwap<Generation>);

impl Generations {
    pub fn new(first: Generation) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    pub fn current(&self) -> Arc<Generation> {
        self.0.load_full()
    }
}
