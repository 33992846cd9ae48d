//! The standing probe: how long a revocation takes to reach this replica is measured all the time, and not only when somebody
//! revokes something.
//!
//! Every few seconds a credential that nobody knows is made, looked up as a request would, and revoked. Then this process hears
//! of that as of anybody else's change, by the feed alone, and until it has, a request would still be let in.

use std::sync::Arc;
use std::time::Duration;

use decision::facts::{Credential, FactKey, Timestamp, Wanted, api_mask};
use decision::name::Id;
use decision::secret::{Digests, Peppers};
use prometheus::Histogram;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::clock;
use crate::facts::View;
use crate::feed::Feed;
use crate::generation::Generations;
use crate::store::{Author, New, PROBE, Store};

/// Between two revocations, on the average.
const EVERY: Duration = Duration::from_secs(3);
/// How long the store may take for each change.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two looks at whether the credential is still good: what is measured is no finer.
const LOOK: Duration = Duration::from_millis(1);
/// What has not come after so long is counted as having taken that long.
const LONGEST: Duration = Duration::from_mins(1);
/// How long a credential lasts that nobody could revoke: 10 minutes, in milliseconds.
const LASTS: i64 = 10 * 60 * 1000;
/// The name under which the gateway itself acts.
const AUTHOR: &str = "gateway";

/// See the module.
#[derive(Debug)]
pub struct Probe {
    /// Nobody hears of these calls: nobody has asked for what they do.
    pub store: Arc<dyn Store>,
    pub feed: Arc<Feed>,
    pub generations: Arc<Generations>,
    pub peppers: Peppers,
    /// Seconds.
    pub took: Histogram,
}

impl Probe {
    /// Measures for as long as it is polled.
    pub async fn run(self) {
        loop {
            // Replicas that were started together do not probe together.
            sleep(EVERY.mul_f64(0.5 + fastrand::f64())).await;
            if let Some(took) = self.measure().await {
                self.took.observe(took.as_secs_f64());
            }
        }
    }

    /// How long one revocation took. `None`: it could not be made, or its credential was not good before.
    async fn measure(&self) -> Option<Duration> {
        let facts = self.feed.facts();
        let store = &self.store;
        // Twice as many random bits as anybody could guess.
        let secret = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
        let digests = self.peppers.digests(secret.as_flattened());
        let now = clock::wall();
        let author = Author { name: AUTHOR.into(), request: Uuid::now_v7().to_string(), now };
        let credential = canary(now)?;
        let id = credential.id.clone();
        let new = New { credential, digests: digests.clone(), sealed: None };
        timeout(ANSWER, store.create(new, &author)).await.ok()?.ok()?;

        let mut view = facts.view(clock::now());
        view.serve(self.generations.current().snapshot.longest_serve);
        let key = look_up(&mut view, digests).await;
        let was_good = view.would_use(&key);
        timeout(ANSWER, store.revoke(&id, None, None, true, &author)).await.ok()?.ok()?;
        let revoked = clock::now();
        let took = || clock::now().saturating_duration_since(revoked);
        while view.would_use(&key) && took() < LONGEST {
            sleep(LOOK).await;
        }
        was_good.then(took)
    }
}

/// Asks for the credential as a request would that nobody has preceded.
async fn look_up(view: &mut View<'_>, digests: Digests) -> FactKey {
    let key = FactKey::new(&api_mask(PROBE), &digests.current);
    view.fetch(PROBE, PROBE, Wanted::Credential { key, digests }, clock::now()).await;
    key
}

/// A credential that no request can show, of an api that is not served. `None` never: the ids are ids.
fn canary(now: Timestamp) -> Option<Credential> {
    Some(Credential {
        id: Id::new(&format!("probe_{}", Uuid::now_v7().simple()))?,
        api: PROBE.into(),
        scheme: PROBE.into(),
        name: None,
        hint: String::new(),
        external_id: None,
        subject: Id::new("probe")?,
        org: None,
        created_at: now,
        expires_at: Some(Timestamp(now.0.saturating_add(LASTS))),
        revoked_at: None,
        revoke_reason: None,
        disabled: false,
        ceiling: None,
        grants: None,
        scopes: None,
        audience: None,
        client_id: None,
        addresses: None,
        limits: std::collections::BTreeMap::new(),
        metadata: serde_json::Map::new(),
        last_used_at: None,
        version: 1,
    })
}

#[cfg(test)]
mod tests;
