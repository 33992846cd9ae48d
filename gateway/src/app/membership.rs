//! This process as one of the replicas that share a store.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::clock;
use crate::facts::Lease;
use crate::feed::{Feed, Follower, Identity};
use crate::generation::Generations;
use crate::metrics::Metrics;
use crate::store::SharedLog;

/// See the module.
#[derive(Debug)]
pub struct Membership {
    pub log: Arc<dyn SharedLog>,
    /// The name of this start of the process in the register.
    pub instance: String,
    /// Follows the log, and reports.
    pub following: JoinHandle<()>,
}

/// What facts are used by: where nobody else changes them, they are always new.
pub(super) fn lease(shared: bool) -> Lease {
    if shared { Lease::of_a_shared_store(clock::now()) } else { Lease::endless() }
}

impl Membership {
    /// Begins to follow `log`, as `replica`.
    pub(super) fn begin(
        log: Arc<dyn SharedLog>,
        (feed, generations): (&Arc<Feed>, &Arc<Generations>),
        metrics: &Metrics,
        (replica, lease): (&str, Duration),
        control: &Runtime,
    ) -> Self {
        let instance = Uuid::now_v7().to_string();
        let follower = Follower {
            log: log.clone(),
            feed: feed.clone(),
            generations: generations.clone(),
            metrics: metrics.feed.clone(),
            identity: Identity { instance: instance.clone(), replica: replica.to_owned() },
            lease,
        };
        Self { log, instance, following: control.spawn(follower.run()) }
    }
}
