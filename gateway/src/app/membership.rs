//! This process as one of the replicas that share a store.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use super::opening::Shared;
use crate::admin::Fleet;
use crate::clock;
use crate::facts::Lease;
use crate::feed::{Feed, Follower, Identity};
use crate::gate::Gate;
use crate::log;
use crate::probe::Probe;
use crate::store::SharedLog;

/// How long leaving may take: whoever cannot say so is taken to have left once his bound has passed.
const LEAVE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Membership {
    pub log: Arc<dyn SharedLog>,
    /// The name of this start of the process in the register.
    pub instance: String,
    /// Follows the log, and reports.
    following: JoinHandle<()>,
    /// Measures how long a revocation takes to get here.
    probing: JoinHandle<()>,
}

/// What facts are used by: where nobody else changes them, they are always new.
pub(super) fn lease(shared: bool) -> Lease {
    if shared { Lease::of_a_shared_store(clock::now()) } else { Lease::endless() }
}

impl Membership {
    /// Begins to follow the log, as the replica whose gate this is.
    pub(super) fn begin(
        Shared { log, probed }: Shared,
        feed: &Arc<Feed>,
        gate: &Gate,
        lease: Duration,
        control: &Runtime,
    ) -> Self {
        let Gate { generations, peppers, metrics, replica, .. } = gate;
        let instance = Uuid::now_v7().to_string();
        let follower = Follower {
            log: log.clone(),
            feed: feed.clone(),
            generations: generations.clone(),
            metrics: metrics.feed.clone(),
            identity: Identity { instance: instance.clone(), replica: replica.clone() },
            lease,
        };
        let probe = Probe {
            store: probed,
            feed: feed.clone(),
            generations: generations.clone(),
            peppers: peppers.clone(),
            took: metrics.feed.revocation.clone(),
        };
        let (following, probing) = (control.spawn(follower.run()), control.spawn(probe.run()));
        Self { log, instance, following, probing }
    }

    /// As the admin API asks for them all.
    pub(super) fn fleet(&self) -> Fleet {
        Fleet::new(self.log.clone(), self.instance.clone())
    }

    /// Says that this process admits nobody any more, so that nobody waits for it.
    pub(super) async fn leave(self) {
        let Self { log, instance, following, probing } = self;
        probing.abort();
        // Whoever still reported after this would be there again.
        following.abort();
        drop(following.await);
        match timeout(LEAVE, log.leave(&instance)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => did_not_leave(&error.reason),
            Err(_) => did_not_leave("the store took too long"),
        }
    }
}

fn did_not_leave(why: &str) {
    log::warn("the other replicas do not know that this one has left", |line| {
        line.field("error", why);
    });
}
