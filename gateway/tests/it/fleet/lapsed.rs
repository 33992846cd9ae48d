//! Out of contact with the store: contract 9, sentence by sentence.

use super::*;
use crate::support::{Response, instant_after};

const ROUTES: &str = "routes:
  - { path: /open, auth: none }
  - { path: /maybe, auth: optional }
  - { path: /deny/**, failure: { store: deny } }
  - { path: /serve/**, failure: { store: { serve: 60s } } }
  - { path: /** }";

/// What is kept by age is old at once; what is unknown would stay so for longer than any test lasts.
const CACHE: &str = "cache: { ttl: 1ms, negative_ttl: 1h }";

/// One gateway that can be cut off, and what it says then.
struct Alone {
    _redis: Redis,
    fleet: Fleet,
}

impl Alone {
    fn start(store: &[&str], server: &[&str]) -> Self {
        let redis = Redis::start();
        let (proxy, upstream) = (Proxy::to(redis.address()), Upstream::echo());
        let url = format!("url: redis://{}/0", proxy.address());
        let setup = setup(&one_api_with(&upstream, ROUTES), 0, &url, store);
        let setup = server.iter().fold(setup, |setup, line| setup.server(line));
        let fleet = Fleet { gateways: vec![setup.start()], proxies: vec![proxy], upstream };
        fleet.wait_until_ready();
        Self { _redis: redis, fleet }
    }

    fn gateway(&self) -> &Gateway {
        &self.fleet.gateways[0]
    }

    fn get(&self, target: &str, secret: &str) -> Response {
        self.gateway().get(target, &[("x-api-key", secret)])
    }

    fn cut_off(&self) {
        self.fleet.proxies[0].shut();
    }

    /// Its lease has lapsed.
    #[track_caller]
    fn lapses(&self, known: &Key) {
        eventually("the lease has lapsed", || ask(self.gateway(), "/deny/x", known) == 503);
    }

    fn degraded(&self) -> Value {
        let response = self.gateway().health("/ready");
        response.json()["degraded"].clone()
    }
}

#[track_caller]
fn cannot_tell(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (503, "store_unavailable"));
    assert!(response.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(response.field("www-authenticate"), None);
}

#[test]
fn a_cached_fact_is_used_for_the_lease_whatever_its_age_and_then_it_is_503() {
    let it = Alone::start(&[CACHE], &[]);
    let key = it.fleet.warm();
    it.cut_off();
    let cut = Instant::now();
    let mut admitted = Vec::new();
    eventually("the lease has lapsed", || {
        let (sent, response) = (cut.elapsed(), it.get("/", &key.secret));
        if response.status == 200 {
            admitted.push(sent);
            return false;
        }
        cannot_tell(&response);
        true
    });
    let last = admitted.last().expect("it is used though its time in the cache is up");
    assert!(*last > Duration::from_millis(1) && *last <= LEASE + BEYOND, "{last:?}");
    // The other routes say for themselves.
    cannot_tell(&it.get("/deny/x", &key.secret));
    assert_eq!(it.get("/serve/x", &key.secret).status, 200);
    it.fleet.proxies[0].open();
    it.fleet.recovers_within(RECOVERY);
    assert_eq!(it.get("/", &key.secret).status, 200);
}

#[test]
fn with_serve_it_is_used_that_much_longer_but_where_a_route_denies_it() {
    let it = Alone::start(&[CACHE, "when_lapsed: { serve: 4s }"], &[]);
    let (key, gateway) = (it.fleet.warm(), it.gateway());
    assert_eq!(it.degraded(), json!([]));
    let stale = || gateway.metrics().sum("degraded_requests_total", &[("cause", "stale_facts")]);
    it.cut_off();
    let cut = Instant::now();
    it.lapses(&key);
    let before = stale();
    assert_eq!(it.get("/", &key.secret).status, 200);
    assert!(stale() > before + 0.5);
    assert!(it.degraded().as_array().unwrap().contains(&json!("lease_lapsed")));
    assert_eq!(gateway.health("/ready").status, 200);
    let mut last = Duration::ZERO;
    eventually("it is served no longer", || {
        let (sent, response) = (cut.elapsed(), it.get("/", &key.secret));
        if response.status == 200 {
            last = sent;
            return false;
        }
        cannot_tell(&response);
        true
    });
    assert!(last > LEASE && last <= LEASE + Duration::from_secs(4) + BEYOND, "{last:?}");
    assert_eq!(it.get("/serve/x", &key.secret).status, 200, "its own is longer");
}

#[test]
fn that_a_credential_is_unknown_is_said_within_the_lease_and_cannot_be_told_after_it() {
    let it = Alone::start(&[CACHE], &[]);
    let (key, nobody) = (it.fleet.warm(), "ak_nobody_has_this_one");
    assert_eq!(it.get("/serve/x", nobody).status, 401);
    let hits =
        || it.gateway().metrics().sum("credential_lookups_total", &[("result", "negative_hit")]);
    let before = hits();
    it.cut_off();
    eventually("the lease has lapsed", || match it.get("/serve/x", nobody) {
        response if response.status == 401 => false,
        response => {
            cannot_tell(&response);
            true
        }
    });
    assert!(hits() > before + 0.5, "it was said out of contact, too");
    assert_eq!(it.get("/serve/x", &key.secret).status, 200, "what is known is served");
    cannot_tell(&it.get("/serve/x", "ak_another_that_nobody_has"));
}

#[test]
fn a_revocation_and_an_expiry_that_are_known_stay_401_for_as_long_as_it_lasts() {
    let it = Alone::start(&[CACHE], &[]);
    let (key, revoked) = (it.fleet.warm(), it.fleet.warm());
    assert_eq!(it.fleet.revoke(0, &revoked, "").0, 200);
    let (_, at) = instant_after(Duration::from_secs(4));
    let order = json!({ "api": "app", "scheme": "key", "subject": "u_1", "expires_at": at });
    let (_, expiring) = it.gateway().create(&order);
    assert_eq!((it.get("/", &expiring).status, it.get("/", &revoked.secret).status), (200, 401));
    it.cut_off();
    it.lapses(&key);
    // It expires while nobody can tell anything else of it.
    eventually("it has expired", || it.get("/", &expiring).status == 401);
    for target in ["/", "/deny/x", "/serve/x"] {
        for secret in [&expiring, &revoked.secret] {
            let response = it.get(target, secret);
            assert_eq!((response.status, response.code().as_str()), (401, "credential_invalid"));
        }
    }
    cannot_tell(&it.get("/", &key.secret));
}

#[test]
fn routes_that_ask_for_nobody_go_on_and_so_does_what_the_head_alone_decides() {
    let it = Alone::start(&[CACHE], &[]);
    let key = it.fleet.warm();
    it.cut_off();
    it.lapses(&key);
    for target in ["/open", "/maybe"] {
        assert_eq!(it.gateway().get(target, &[]).status, 200);
    }
    cannot_tell(&it.get("/maybe", &key.secret));
    assert_eq!(it.gateway().get("/", &[]).code(), "credential_missing");
    assert_eq!(it.gateway().health("/live").status, 200);
}

#[test]
fn with_store_lost_unready_it_is_unready_once_its_silence_means_refusing_and_no_sooner() {
    let health = "health: { address: \"127.0.0.1:0\", store_lost: unready }";
    let it = Alone::start(&[CACHE, "when_lapsed: { serve: 3s }"], &[health]);
    let key = it.fleet.warm();
    it.cut_off();
    eventually("it is not ready", || {
        let ready = it.gateway().health("/ready").status == 200;
        let served = ask(it.gateway(), "/", &key) == 200;
        assert!(ready || !served, "it still serves");
        !ready
    });
    cannot_tell(&it.get("/", &key.secret));
    assert_eq!(it.gateway().health("/live").status, 200);
    it.fleet.proxies[0].open();
    eventually("it is ready again", || it.gateway().health("/ready").status == 200);
}
