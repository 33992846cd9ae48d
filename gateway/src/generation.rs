//! A generation: one compiled configuration with what hangs on it, read once per request and swapped whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use decision::config::Written;
use decision::config::snapshot::Snapshot;

use crate::limits::Limits;
use crate::metrics::{Meters, Metrics};
use crate::upstream::Upstream;

#[derive(Debug)]
pub struct Generation {
    /// 1 at start, one more with each swap.
    pub number: u64,
    pub written: Written,
    pub snapshot: Snapshot,
    /// Live upstreams, in the order of [`Snapshot::upstreams`].
    pub upstreams: Vec<Arc<Upstream>>,
    pub limits: Limits,
    /// Metric handles, resolved.
    pub meters: Meters,
}

impl Generation {
    pub fn first(snapshot: Snapshot, written: Written, metrics: &Metrics) -> Self {
        let upstreams = snapshot.upstreams.iter().map(|spec| Upstream::new(spec, None)).collect();
        let limits = Limits::new(&snapshot, None, metrics);
        let meters = metrics.meters(&snapshot, 1);
        Self { number: 1, written, snapshot, upstreams, limits, meters }
    }

    /// The one after this. What lives goes on under the same name: endpoints, their connections and their counts. It is to be
    /// put in force: upstreams of this one leave their names to those of the next.
    #[must_use]
    pub fn next(&self, snapshot: Snapshot, written: Written, metrics: &Metrics) -> Self {
        let number = self.number + 1;
        let known: HashMap<&str, &Arc<Upstream>> =
            self.upstreams.iter().map(|upstream| (&*upstream.name, upstream)).collect();
        let upstreams = snapshot.upstreams.iter();
        let upstreams = upstreams
            .map(|spec| Upstream::new(spec, known.get(&*spec.name).map(|known| &***known)))
            .collect();
        let limits = Limits::new(&snapshot, Some(&self.limits), metrics);
        let meters = metrics.meters(&snapshot, number);
        Self { number, written, snapshot, upstreams, limits, meters }
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

    /// Puts `next` in force. Requests under way finish on the generation that they began on; endpoints that `next` does not
    /// have keep no connection.
    pub fn swap(&self, next: Generation) {
        let next = Arc::new(next);
        let before = self.0.swap(next.clone());
        let kept: HashSet<u64> =
            next.upstreams.iter().flat_map(|kept| kept.endpoint_ids()).collect();
        for upstream in &before.upstreams {
            upstream.leave(&kept);
        }
    }
}
