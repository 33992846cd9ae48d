use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::config::snapshot::CacheSettings;
use decision::facts::{Fact, FactKey, Known as _, Lookup, Wanted, api_mask};
use tokio::runtime::{Builder, Runtime};

use self::staged::Staged;
use super::{Facts, Lease};
use crate::clock;
use crate::store::conformance::{NOW, at, changed, created, credential, digest, id, polled};
use crate::store::{Change, Store as _};

mod cached;
mod fetched;
mod kinds;
mod lapsed;
mod staged;
mod together;

/// Long enough for everything that is to succeed.
const LONG: Duration = Duration::from_mins(1);

const REALM: &str = "realm";

fn settings() -> CacheSettings {
    CacheSettings { capacity: 1000, ttl: LONG, negative_capacity: 100, negative_ttl: LONG }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Facts over a store that the test can hold up, on one runtime.
struct Scene {
    facts: Facts,
    store: Arc<Staged>,
    /// When every request comes, unless it says otherwise.
    now: Instant,
}

/// Plays a scene, with these settings and this timeout.
fn play(settings: &CacheSettings, timeout: Duration, scene: impl AsyncFnOnce(Scene)) {
    runtime().block_on(async {
        let store = Staged::new();
        let facts = Facts::new(
            Arc::clone(&store) as _,
            settings,
            timeout,
            tokio::runtime::Handle::current(),
            Lease::endless(),
        );
        scene(Scene { facts, store, now: clock::now() }).await;
    });
}

fn key(api: &str, number: u64) -> FactKey {
    FactKey::new(&api_mask(api), &digest(number))
}

impl Scene {
    async fn create(&self, name: &str, number: u64) -> Change {
        created(&*self.store, credential(name), number).await
    }

    async fn revoke(&self, name: &str) -> Change {
        changed(self.store.revoke(&id(name), None, None, false, &at(NOW)).await.unwrap()).1
    }

    async fn delete(&self, name: &str) -> Change {
        changed(self.store.delete(&id(name), None, &at(NOW)).await.unwrap()).1
    }

    fn cached(&self, number: u64) -> Option<Lookup> {
        self.facts.view(self.now).credential(&key("app", number))
    }

    async fn fetch(&self, number: u64) -> Lookup {
        fetch(&self.facts, "app", number, self.now).await
    }

    /// What a request does.
    async fn look_up(&self, number: u64) -> Lookup {
        match self.cached(number) {
            Some(lookup) => lookup,
            None => self.fetch(number).await,
        }
    }
}

/// What a request finds that has found nothing in the cache.
async fn fetch(facts: &Facts, api: &str, number: u64, now: Instant) -> Lookup {
    let (mut view, key) = (facts.view(now), key(api, number));
    loop {
        let wanted = Wanted::Credential { key, digests: digest(number).into() };
        view.fetch(api, REALM, wanted, clock::now()).await;
        if let Some(lookup) = view.credential(&key) {
            return lookup;
        }
    }
}

fn found(lookup: Lookup) -> Arc<Fact> {
    match lookup {
        Lookup::Found(fact) => fact,
        other => panic!("expected a credential: {other:?}"),
    }
}

/// Begins what a future is to do first.
async fn begin<F: Future>(future: Pin<&mut F>) {
    assert!(polled(future).await.is_pending(), "it ended before it was to");
}
