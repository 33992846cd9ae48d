use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use decision::config::snapshot::{Address, RedisServers, RedisSettings};
use decision::secret::{Pepper, Peppers};
use secrecy::SecretString;

use super::{OpenError, Redis};
use crate::store::conformance::{Fixture, conformance};

mod acknowledging;
mod encrypted;
mod finding;
mod following;
mod forging;
mod opening;
mod parted;
mod probing;
mod registering;
mod rotating;
mod server;

use self::server::Server;

conformance!(empty);

async fn empty() -> Fixture {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    Fixture { store: Arc::new(redis), keep: Box::new(server) }
}

/// How often a record was not ours.
type Alarms = Arc<AtomicUsize>;

fn count(alarms: &Alarms) -> usize {
    alarms.load(Ordering::Relaxed)
}

async fn try_open(settings: &RedisSettings, peppers: &Peppers) -> Result<Redis, OpenError> {
    Redis::open(settings, peppers, || {}).await
}

async fn open(settings: &RedisSettings) -> Redis {
    try_open(settings, &peppers("first")).await.unwrap()
}

async fn watched(settings: &RedisSettings) -> (Redis, Alarms) {
    let alarms = Alarms::default();
    let counted = Arc::clone(&alarms);
    let forged = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    (Redis::open(settings, &peppers("first"), forged).await.unwrap(), alarms)
}

fn pepper(name: &str) -> Pepper {
    Pepper::new(&SecretString::from(format!("{name:.<32}"))).unwrap()
}

fn peppers(name: &str) -> Peppers {
    pepper(name).into()
}

fn local(port: u16) -> Address {
    Address { host: "127.0.0.1".into(), port }
}

fn at(servers: RedisServers) -> RedisSettings {
    RedisSettings { servers, ..RedisSettings::plain(local(1)) }
}

/// Asks again and again until it is so, for ten seconds.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within ten seconds");
}
