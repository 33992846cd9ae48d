//! What a fleet says of itself.

use std::process::Command;

use super::*;
use crate::support::gateway::ADMIN_TOKEN;
use crate::support::redis::Reply;

fn names(items: &Value) -> Vec<String> {
    let items = items.as_array().unwrap();
    items.iter().map(|item| item["replica"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_live_replica_is_named_and_what_it_has_applied() {
    let (_redis, fleet) = fleet(3);
    let key = fleet.warm();
    let (status, answer) = fleet.revoke(1, &key, "?wait=all&timeout=20s");
    assert_eq!(status, 200, "{answer}");
    let replicas = &answer["propagation"]["replicas"];
    assert_eq!(names(replicas), ["gw-1", "gw-2", "gw-3"]);
    for replica in replicas.as_array().unwrap() {
        assert_eq!(replica["state"], "applied");
        assert!(replica["applied_ms"].is_u64());
    }
    let (status, answer) = fleet.gateways[2].admin("GET", "/v1/replicas", &Value::Null);
    assert_eq!((status, names(&answer["items"])), (200, names(replicas)));
    for item in answer["items"].as_array().unwrap() {
        assert_eq!(item["version"], env!("CARGO_PKG_VERSION"));
        assert!(item["position"].as_u64().unwrap() > 0);
        assert!(item["lease_ms"].as_u64().unwrap() <= LEASE.as_millis().try_into().unwrap());
        assert_eq!(item["generation"], 1);
    }
}

#[test]
fn a_replica_that_was_stopped_in_order_is_waited_for_no_more() {
    let (_redis, mut fleet) = fleet(2);
    let key = fleet.warm();
    drop(fleet.gateways.remove(1).stop());
    let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=10ms");
    // It need not have been applied within 10 ms: that nobody else is waited for is what counts.
    assert!(matches!(status, 200 | 202), "{answer}");
    assert_eq!(names(&answer["propagation"]["replicas"]), ["gw-1"]);
    let (_, answer) = fleet.gateways[0].admin("GET", "/v1/replicas", &Value::Null);
    assert_eq!(names(&answer["items"]), ["gw-1"]);
}

/// Its bound is the lease and the longest `serve` in force there.
#[test]
fn a_replica_that_was_killed_is_waited_for_until_its_bound_has_passed() {
    let (_redis, mut fleet) = fleet(2);
    let key = fleet.warm();
    let mut killed = fleet.gateways.remove(1);
    killed.signal("KILL");
    killed.wait_exit();
    let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=100ms");
    assert_eq!((status, &answer["propagation"]["complete"]), (202, &json!(false)), "{answer}");
    assert_eq!(answer["propagation"]["replicas"][1]["state"], "pending");
    let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=20s");
    assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["propagation"]["replicas"][1]["state"], "lapsed");
    assert_eq!(answer["propagation"]["replicas"][1]["applied_ms"], Value::Null);
}

/// The events of one gateway, as they come.
struct Events(Client, String);

impl Events {
    #[track_caller]
    fn of(gateway: &Gateway) -> Self {
        let mut client = Client::connect(gateway.address("admin"));
        let token = format!("Bearer {ADMIN_TOKEN}");
        client.send(request("GET", "/v1/events", &[("authorization", &token)], ""));
        assert!(client.head().starts_with(b"HTTP/1.1 200"));
        Self(client, String::new())
    }

    /// Everything up to this.
    #[track_caller]
    fn until(&mut self, text: &str) -> &str {
        while !self.1.contains(text) {
            let bytes = self.0.some();
            assert!(!bytes.is_empty(), "the events end before {text}: {}", self.1);
            self.1.push_str(&String::from_utf8(bytes).unwrap());
        }
        &self.1
    }
}

#[test]
fn what_one_replica_changes_another_tells_its_followers_at_once() {
    let redis = Redis::start();
    let fleet = Fleet::with(2, redis.address(), &CALM);
    let mut events = Events::of(&fleet.gateways[1]);
    let began = Instant::now();
    let key = fleet.create();
    events.until(&key.id);
    // Who only looks from time to time does so every 15 s.
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
}

#[test]
fn the_probe_measures_all_the_time_and_is_seen_nowhere_else() {
    let (redis, fleet) = fleet(2);
    let gateway = &fleet.gateways[0];
    let mut events = Events::of(gateway);
    let key = fleet.create();
    let count = "revocation_propagation_seconds_count";
    for gateway in &fleet.gateways {
        eventually("the probe has measured", || gateway.metrics().sum(count, &[]) > 1.5);
    }
    let ids = |path: &str| -> Vec<String> {
        let (status, answer) = gateway.admin("GET", path, &Value::Null);
        assert_eq!(status, 200, "{answer}");
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    for path in ["credentials", "credentials?state=active", "audit", "audit?kind=credential"] {
        assert_eq!(ids(&format!("/v1/{path}")), std::slice::from_ref(&key.id), "{path}");
    }
    for filter in ["state=revoked", "api=(probe)", "scheme=(probe)", "subject=probe"] {
        assert!(ids(&format!("/v1/credentials?{filter}")).is_empty(), "{filter}");
    }
    for filter in ["author=gateway", "action=revoke", "place=(probe)"] {
        assert!(ids(&format!("/v1/audit?{filter}")).is_empty(), "{filter}");
    }
    assert_eq!(fleet.revoke(0, &key, "").0, 200);
    let told = events.until("credential.revoked");
    assert!(told.contains(&key.id) && !told.contains("probe"), "{told}");
    let metrics = gateway.metrics();
    assert!(!metrics.0.contains("(probe)"), "{}", metrics.0);
    for (operation, calls) in [("create", 1), ("revoke", 1)] {
        let labels = [("operation", operation)];
        assert_eq!(metrics.count("store_duration_seconds_count", &labels), calls, "{operation}");
    }
    let said = gateway.said();
    assert!(!said.contains("probe"), "{said}");
    // A day of what is remembered of the deleted would be tens of thousands.
    assert_eq!(redis.command(&["KEYS", "*deleted*"]), Reply::List(Vec::new()));
}

#[test]
fn a_revocation_from_a_shell_waits_for_every_replica_and_names_each() {
    let redis = Redis::start();
    let fleet = Fleet::with(2, redis.address(), &CALM);
    let key = fleet.warm();
    let admin = format!("http://{}", fleet.gateways[1].address("admin"));
    let revoked = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["credential", "revoke", &key.id])
        .env_clear()
        .envs([("PORTCULLIS_ADMIN", admin.as_str()), ("PORTCULLIS_ADMIN_TOKEN", ADMIN_TOKEN)])
        .output()
        .unwrap();
    for gateway in &fleet.gateways {
        assert_eq!(ask(gateway, "/", &key), 401);
    }
    let said = String::from_utf8(revoked.stderr).unwrap();
    assert_eq!((revoked.status.code(), said.as_str()), (Some(0), "gw-1: applied\ngw-2: applied\n"));
}

#[test]
fn each_start_of_a_replica_is_an_instance_of_its_own() {
    let (redis, mut fleet) = fleet(1);
    let killed = fleet.gateways.remove(0);
    killed.signal("KILL");
    let again = Fleet::of(1, redis.address());
    let (status, answer) = again.gateways[0].admin("GET", "/v1/replicas", &Value::Null);
    assert_eq!((status, names(&answer["items"])), (200, vec!["gw-1".into(), "gw-1".into()]));
    drop(killed);
}
