//! Contract 9.1 in a fleet: several gateways that share a real Redis, with networks between them that fail.
#![expect(
    clippy::disallowed_methods,
    reason = "how late somebody is still admitted is measured by the clock"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::{Client, Gateway, Setup, Upstream, eventually, one_api_with, request};

mod answers;
mod cold;
mod epoch;
mod failover;
mod faults;
mod hammer;
mod lapsed;
mod reached;
mod restarts;
mod revoking;
mod under_way;

/// What the tests wait beyond the lease: nobody is admitted any more.
const BEYOND: Duration = Duration::from_millis(500);
const LEASE: Duration = Duration::from_secs(2);
/// Keys of `store` for a fleet to which nothing happens that it has to notice soon, so that a slow machine is no fault.
const CALM: [&str; 2] = ["lease: 20s", "timeout: 10s"];
/// How soon everything is well again once the fault is gone.
const RECOVERY: Duration = Duration::from_secs(3);
/// The route `/serve/**` allows known credentials that much longer.
const SERVE: Duration = Duration::from_secs(3);

/// Gateways, each with a proxy of its own before the one Redis.
struct Fleet {
    gateways: Vec<Gateway>,
    proxies: Vec<Proxy>,
    /// Kept: what they call.
    upstream: Upstream,
}

/// A credential.
#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
}

impl Fleet {
    /// So many gateways whose facts may not be used beyond the lease.
    fn of(count: usize, redis: SocketAddr) -> Self {
        Self::with(count, redis, &[])
    }

    /// With these keys of `store`, which the house's own give way to.
    fn with(count: usize, redis: SocketAddr, store: &[&str]) -> Self {
        let upstream = Upstream::echo();
        let routes = format!(
            "routes:\n  - {{ path: /**, upgrade: [websocket] }}\n  \
             - {{ path: /scoped, scopes: {{ GET: [nobody] }} }}\n  \
             - {{ path: /serve/**, failure: {{ store: {{ serve: {}s }} }} }}\n",
            SERVE.as_secs()
        );
        let apis = one_api_with(&upstream, &routes);
        let proxies: Vec<_> = (0..count).map(|_| Proxy::to(redis)).collect();
        let gateways = proxies.iter().enumerate().map(|(number, proxy)| {
            let url = format!("url: redis://{}/0", proxy.address());
            setup(&apis, number, &url, store).start()
        });
        let gateways = gateways.collect();
        let fleet = Self { gateways, proxies, upstream };
        fleet.wait_until_ready();
        fleet
    }

    /// Of any upstream and routes, and a URL that needs no proxy.
    fn at(count: usize, url: &str, upstream: Upstream, routes: &str, store: &[&str]) -> Self {
        let apis = one_api_with(&upstream, routes);
        let url = format!("url: \"{url}\"");
        let gateways = (0..count).map(|number| setup(&apis, number, &url, store).start());
        let fleet = Self { gateways: gateways.collect(), proxies: Vec::new(), upstream };
        fleet.wait_until_ready();
        fleet
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        for gateway in &self.gateways {
            eventually("a gateway is ready", || gateway.health("/ready").status == 200);
        }
    }

    /// A new credential, good for ever.
    #[track_caller]
    fn create(&self) -> Key {
        self.try_create().expect("a credential can be made")
    }

    /// `None`: the store is not available.
    #[track_caller]
    fn try_create(&self) -> Option<Key> {
        let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
        let (status, answer) = self.gateways[0].admin("POST", "/v1/credentials", &body);
        assert!(matches!(status, 201 | 503), "{answer}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (status == 201)
            .then(|| Key { id: text(&answer["credential"]["id"]), secret: text(&answer["secret"]) })
    }

    /// As soon as the store is available.
    #[track_caller]
    fn create_eventually(&self) -> Key {
        let mut key = None;
        eventually("a credential can be made", || {
            key = self.try_create();
            key.is_some()
        });
        key.unwrap()
    }

    /// A new credential that every gateway has admitted.
    #[track_caller]
    fn warm(&self) -> Key {
        let key = self.create_eventually();
        for gateway in &self.gateways {
            eventually("the credential is admitted", || ask(gateway, "/", &key) == 200);
        }
        key
    }

    /// Revokes through one gateway: the status and the answer.
    #[track_caller]
    fn revoke(&self, gateway: usize, key: &Key, query: &str) -> (u16, Value) {
        let path = format!("/v1/credentials/{}/revoke{query}", key.id);
        self.gateways[gateway].admin("POST", &path, &Value::Null)
    }

    /// Everybody is in contact: a change is applied everywhere.
    #[track_caller]
    fn recovers_within(&self, bound: Duration) {
        let began = Instant::now();
        let key = self.create_eventually();
        for gateway in &self.gateways {
            eventually("a gateway has recovered", || ask(gateway, "/", &key) == 200);
        }
        let (status, answer) = self.revoke(0, &key, "?wait=all&timeout=10s");
        assert_eq!(status, 200, "{answer}");
        assert!(began.elapsed() < bound, "it took {:?}", began.elapsed());
    }
}

fn setup(apis: &str, number: usize, url: &str, store: &[&str]) -> Setup {
    let key = |line: &str| line.split(':').next().unwrap().to_owned();
    let lease = format!("lease: {}s", LEASE.as_secs());
    let own = ["kind: redis", url, &lease, "when_lapsed: deny", "timeout: 500ms"];
    let given = |line: &&&str| !store.iter().any(|given| key(given) == key(line));
    let setup = Setup::new(apis).server(&format!("replica: gw-{}", number + 1));
    own.iter().filter(given).chain(store).fold(setup, |setup, line| setup.store(line))
}

/// The status of one request on a connection of its own.
#[track_caller]
fn ask(gateway: &Gateway, target: &str, key: &Key) -> u16 {
    gateway.get(target, &[("x-api-key", &key.secret)]).status
}

/// Of many on one connection.
#[track_caller]
fn ask_on(client: &mut Client, target: &str, secret: &str) -> u16 {
    client.send(request("GET", target, &[("x-api-key", secret)], "")).response().status
}

/// A Redis that forgets, and gateways that share it.
fn fleet(count: usize) -> (Redis, Fleet) {
    let redis = Redis::start();
    let fleet = Fleet::of(count, redis.address());
    (redis, fleet)
}
