use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use decision::config::snapshot::CacheSettings;
use decision::facts::{FactKey, Known as _, Lookup, Wanted, api_mask};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::world::World;
use super::*;
use crate::admin::house::compiled;
use crate::facts::{Contact, Lease};
use crate::generation::{Generation, Generations};
use crate::metrics::Metrics;
use crate::store::Position;
use crate::store::conformance::digest;

mod epochs;
mod following;
mod hanging;
mod leases;
mod random;
mod world;

/// Long enough for everything that is to happen.
const SOON: Duration = Duration::from_secs(20);
const CONFIGURATION: &str = "upstreams: { app: [\"127.0.0.1:9\"] }\n\
    apis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]\n";

/// A replica that follows the log of a world, and serves on this thread.
struct Scene {
    world: Arc<World>,
    facts: Arc<Facts>,
    feed: Arc<Feed>,
    metrics: Metrics,
    generations: Arc<Generations>,
    /// Whether the worker does.
    hangs: Arc<AtomicBool>,
    following: JoinHandle<()>,
    serving: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.following.abort();
        self.serving.abort();
    }
}

/// Plays a scene; its lease lasts so long.
fn play(lease: Duration, scene: impl AsyncFnOnce(&Scene)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let it = Scene::new(lease);
        it.until(|scene| scene.contact() == Contact::Held).await;
        scene(&it).await;
    });
}

impl Scene {
    fn new(lease: Duration) -> Self {
        let world = World::new();
        let settings = CacheSettings {
            capacity: 100,
            ttl: Duration::from_hours(1),
            negative_capacity: 100,
            negative_ttl: Duration::from_hours(1),
        };
        let facts = Arc::new(Facts::new(
            Arc::clone(&world) as _,
            &settings,
            Duration::from_millis(200),
            tokio::runtime::Handle::current(),
            Lease::of_a_shared_store(clock::now()),
        ));
        let (worker, inbox) = mpsc::unbounded_channel();
        let feed = Arc::new(Feed::new(Arc::clone(&facts), vec![worker]));
        let metrics = Metrics::new().unwrap();
        let compiled = compiled(CONFIGURATION);
        let first = Generation::first(compiled.configuration.snapshot, compiled.written, &metrics);
        let generations = Arc::new(Generations::new(first));
        let follower = Follower {
            log: Arc::clone(&world) as _,
            feed: Arc::clone(&feed),
            generations: Arc::clone(&generations),
            metrics: metrics.feed.clone(),
            identity: Identity { instance: "instance".into(), replica: "gw-1".into() },
            lease,
        };
        let hangs = Arc::new(AtomicBool::new(false));
        Self {
            world,
            facts,
            feed,
            metrics,
            generations,
            following: tokio::spawn(follower.run()),
            serving: tokio::spawn(serve(inbox, Arc::clone(&hangs))),
            hangs,
        }
    }

    /// Waits until it is so.
    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let end = clock::now() + SOON;
        while !is_so(self) {
            assert!(clock::now() < end, "it did not come to pass");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn contact(&self) -> Contact {
        self.facts.lease().contact(Duration::ZERO)
    }

    /// The version that the cache has of a credential, if it may be used.
    fn cached(&self, number: u64) -> Option<u64> {
        version(self.facts.view(clock::now()).credential(&key(number))?)
    }

    /// The version that a request decides on; `None`: nobody can say.
    async fn request(&self, number: u64) -> Option<u64> {
        let mut view = self.facts.view(clock::now());
        loop {
            let known = view.credential(&key(number));
            match known {
                Some(lookup) if view.holds() => return version(lookup),
                Some(_) => {}
                None => {
                    let wanted =
                        Wanted::Credential { key: key(number), digests: digest(number).into() };
                    view.fetch("app", "app", wanted, clock::now()).await;
                }
            }
        }
    }

    /// Everything that the store has is applied here, and reported.
    async fn until_reported(&self) {
        self.until(|scene| {
            let state = scene.world.state();
            state.reports.last().is_some_and(|report| report.applied == state.head())
        })
        .await;
    }
}

fn key(number: u64) -> FactKey {
    FactKey::new(&api_mask("app"), &digest(number))
}

fn version(lookup: Lookup) -> Option<u64> {
    match lookup {
        Lookup::Found(fact) => Some(fact.credential.version),
        Lookup::Unavailable => None,
        Lookup::Unknown => panic!("a credential that there is was said to be unknown"),
    }
}

/// What a worker does that hears of changes.
async fn serve(mut inbox: mpsc::UnboundedReceiver<Command>, hangs: Arc<AtomicBool>) {
    while let Some(command) = inbox.recv().await {
        while hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        match command {
            Command::Tell { tidings, done } => {
                crate::roster::tell(&tidings);
                let _ = done.send(());
            }
            Command::BeginAnew { basis } => drop(basis.send(crate::roster::begin_anew())),
            Command::Basis { basis } => drop(basis.send(crate::roster::basis())),
            Command::Leave | Command::Drain { .. } | Command::CutAll => {}
        }
    }
}
