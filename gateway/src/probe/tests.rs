use std::sync::Mutex;

use async_trait::async_trait;
use decision::config::snapshot::CacheSettings;
use decision::secret::Pepper;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::*;
use crate::admin::house::{House, compiled};
use crate::facts::{Facts, Lease};
use crate::generation::Generation;
use crate::metrics::Metrics;
use crate::store::hooked::{Hook, Hooked};
use crate::store::{Change, ChangeKind, Position};

/// Notes which calls came, and when a revocation was answered.
#[derive(Default)]
struct Watch {
    calls: Mutex<Vec<&'static str>>,
    revoked: Notify,
}

#[async_trait]
impl Hook for Watch {
    async fn after(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
        if call == "revoke" {
            self.revoked.notify_one();
        }
    }
}

struct Scene {
    house: House,
    store: Arc<Hooked<Watch>>,
    feed: Arc<Feed>,
    probe: Probe,
}

fn scene(lease: Lease) -> Scene {
    let house = House::new();
    let store = Arc::new(Hooked { store: Arc::clone(&house.store), hook: Watch::default() });
    let settings = CacheSettings {
        // Nothing is kept: what the probe has seen it remembers itself.
        capacity: 0,
        ttl: Duration::from_mins(1),
        negative_capacity: 0,
        negative_ttl: Duration::from_secs(1),
    };
    let timeout = Duration::from_secs(10);
    let facts = Facts::new(Arc::clone(&store) as _, &settings, timeout, Handle::current(), lease);
    let feed = Arc::new(Feed::new(Arc::new(facts), Vec::new()));
    let metrics = Metrics::new().unwrap();
    let compiled = compiled(
        "upstreams: { app: [\"127.0.0.1:9\"] }\n\
         apis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]\n",
    );
    let generation = Generation::first(compiled.configuration.snapshot, compiled.written, &metrics);
    let probe = Probe {
        store: Arc::clone(&store) as _,
        feed: Arc::clone(&feed),
        generations: Arc::new(Generations::new(generation)),
        peppers: Pepper::new(&SecretString::from("p".repeat(32))).unwrap().into(),
        took: metrics.feed.revocation.clone(),
    };
    Scene { house, store, feed, probe }
}

impl Scene {
    async fn changes(&self) -> Vec<Change> {
        self.house.store.changes(Position(0), 100).await.unwrap().items
    }
}

#[tokio::test]
async fn it_measures_from_the_answer_until_the_change_was_heard_of() {
    let scene = scene(Lease::endless());
    let heard = async {
        scene.store.hook.revoked.notified().await;
        // That it waits for this is what the test is about: the time must count.
        sleep(Duration::from_millis(50)).await;
        let changes = scene.changes().await;
        let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
        assert_eq!(kinds, [ChangeKind::Created, ChangeKind::Revoked]);
        assert!(changes.iter().all(|change| change.what.place() == PROBE));
        scene.feed.apply(&changes[1]).await;
    };
    let (took, ()) = tokio::join!(scene.probe.measure(), heard);
    assert!(took.unwrap() >= Duration::from_millis(40), "{took:?}");
    let calls = scene.store.hook.calls.lock().unwrap().clone();
    assert_eq!(calls, ["create", "find", "revoke"]);
}

#[tokio::test]
async fn a_replica_that_lets_nobody_in_measures_nothing_and_leaves_nothing_behind() {
    let scene = scene(Lease::of_a_shared_store(clock::now()));
    assert_eq!(scene.probe.measure().await, None);
    let last = scene.changes().await.pop().unwrap();
    assert_eq!(last.kind, ChangeKind::Revoked);
    assert!(scene.house.store.get(last.what.id()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_probe_leaves_behind_that_was_cut_off_ends_by_itself() {
    let now = clock::wall();
    let credential = canary(now).unwrap();
    assert_eq!(credential.expires_at, Some(Timestamp(now.0 + LASTS)));
    assert_eq!((credential.api.as_str(), credential.scheme.as_str()), (PROBE, PROBE));
}
