//! `issue.keep`: credentials that ended long enough ago are forgotten.

use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::Snapshot;
use decision::facts::Timestamp;
use uuid::Uuid;

use crate::clock;
use crate::feed::Feed;
use crate::generation::Generations;
use crate::store::{Author, FORGOTTEN_MAX, Keep, PROBE, Store, Unavailable};

/// The longest time between two looks for what can be forgotten.
const RARELY: Duration = Duration::from_mins(10);
/// The shortest.
const OFTEN: Duration = Duration::from_secs(1);
/// The name under which the gateway itself acts.
const AUTHOR: &str = "gateway";

/// Forgets as long as it is polled.
pub async fn run(store: Arc<dyn Store>, feed: Arc<Feed>, generations: Arc<Generations>) {
    loop {
        tokio::time::sleep(pause(&generations.current().snapshot)).await;
        // Who cannot forget now tries again the next time; the store has said why.
        drop(forget(&*store, &feed, &generations.current().snapshot, clock::wall()).await);
    }
}

/// As often as the scheme asks for that keeps the least, within bounds.
fn pause(snapshot: &Snapshot) -> Duration {
    let schemes = snapshot.apis.iter().flat_map(|api| &api.schemes);
    let shortest = schemes.map(|scheme| scheme.issue.keep).min();
    shortest.unwrap_or(RARELY).clamp(OFTEN, RARELY)
}

/// Forgets all that ended before `now` longer ago than its scheme keeps it.
async fn forget(
    store: &dyn Store,
    feed: &Feed,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let keeps = keeps(snapshot);
    let request = Uuid::now_v7().to_string();
    let author = Author { name: AUTHOR.to_owned(), request, now };
    loop {
        let forgotten = store.forget_ended(&keeps, &author).await?;
        for change in forgotten.iter().filter_map(|changed| changed.change.as_ref()) {
            feed.apply(change).await;
        }
        if forgotten.len() < FORGOTTEN_MAX {
            return Ok(());
        }
    }
}

fn keeps(snapshot: &Snapshot) -> Vec<Keep> {
    let schemes = snapshot.apis.iter().flat_map(|api| api.schemes.iter().map(move |s| (api, s)));
    let keep = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    // Of a probe that did not come to its end.
    let probes = Keep { api: PROBE.to_owned(), scheme: PROBE.to_owned(), keep: 0 };
    schemes
        .map(|(api, scheme)| Keep {
            api: api.name.to_string(),
            scheme: scheme.name.to_string(),
            keep: keep(scheme.issue.keep),
        })
        .chain([probes])
        .collect()
}

#[cfg(test)]
mod tests;
