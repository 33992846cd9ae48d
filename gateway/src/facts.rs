//! What this process knows of credentials: facts are cached, never decisions.
//!
//! [`Facts::cached`] is the hot path. What is not there is fetched once for all who ask (`flight`) from the authority, the
//! store. Whether a fact may still be used is decided at each use, by the [`fence`]: not by taking entries out of a map.

use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::config::snapshot::CacheSettings;
use decision::facts::{Fact, FactKey, Lookup, api_mask};
use decision::secret::Digest;
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::cache::{Cache, Entry};
use self::fence::Stamp;
use self::flight::{Flights, Landing};
use crate::store::{Change, Store, What};

mod cache;
pub mod fence;
mod flight;

/// How often one request asks anew because a change overtook the answer.
const READS: usize = 3;

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    cache: Cache,
    flights: Arc<Flights<Entry>>,
    timeout: Duration,
    runtime: Handle,
}

impl Facts {
    /// `timeout` bounds all that one request asks the store. `runtime`, with its timer, carries the look-ups: a request
    /// that goes away leaves them running for the others.
    pub fn new(
        store: Arc<dyn Store>,
        settings: &CacheSettings,
        timeout: Duration,
        runtime: Handle,
    ) -> Self {
        let (cache, flights) = (Cache::new(settings), Arc::default());
        Self(Arc::new(Inner { store, cache, flights, timeout, runtime }))
    }

    /// No I/O, no lock shared by all requests. `None`: not known here, ask [`Self::fetch`]. Never [`Lookup::Unavailable`].
    pub fn cached(&self, key: &FactKey, now: Instant) -> Option<Lookup> {
        self.0.cache.get(key, now).map(Entry::into_lookup)
    }

    /// Asks the store. However many ask for one key, the store is asked once; never more than `flight::MOST` times at
    /// once. What it could not say is not remembered.
    ///
    /// The answer was current in the poll that returned it: it is older than no change that had been applied by then. `now`
    /// is when the request began to ask, and `digest` in `api` is what `key` names.
    pub async fn fetch(&self, api: &str, key: FactKey, digest: Digest, now: Instant) -> Lookup {
        let current = async {
            for _ in 0..READS {
                let Some(entry) = self.read(api, key, digest, now).await else { break };
                if self.0.cache.is_current(&key, &entry) {
                    return entry.into_lookup();
                }
            }
            Lookup::Unavailable
        };
        timeout(self.0.timeout, current).await.unwrap_or(Lookup::Unavailable)
    }

    /// Waits for the flight of `key`, a new one if none is under way. `None`: nobody can say.
    async fn read(&self, api: &str, key: FactKey, digest: Digest, now: Instant) -> Option<Entry> {
        // Asked again where no second flight can begin meanwhile: one may have landed since the caller looked.
        let known = || self.0.cache.get(&key, now);
        let start = |landing| {
            let look_up = Arc::clone(&self.0).look_up(api.to_owned(), key, digest, now, landing);
            drop(self.0.runtime.spawn(look_up));
        };
        Flights::board(&self.0.flights, key, known, start)?.landed().await
    }

    /// What the store has changed holds here from now on: once this has returned, no request is decided on older facts.
    pub fn apply(&self, change: &Change) {
        if let What::Credential { api, digest, .. } = &change.what {
            self.0.cache.apply(&FactKey::new(&api_mask(api), digest), change.position);
        }
    }

    /// Credentials in the cache, about.
    pub fn entries(&self) -> u64 {
        self.0.cache.entries()
    }
}

impl Inner {
    async fn look_up(
        self: Arc<Self>,
        api: String,
        key: FactKey,
        digest: Digest,
        now: Instant,
        landing: Landing<Entry>,
    ) {
        let epoch = self.cache.epoch();
        // An answer that does not come is none: dropping the landing says so to all who wait for it.
        if let Ok(Ok(read)) = timeout(self.timeout, self.store.find(&api, &digest.into())).await {
            let fact = read.value.map(|credential| Arc::new(Fact::new(credential)));
            let stamp = Stamp { epoch, position: read.position };
            let entry = Entry { fact, stamp, asked_at: now };
            self.cache.insert(key, entry.clone());
            landing.land(entry);
        }
    }
}

#[cfg(test)]
mod tests;
