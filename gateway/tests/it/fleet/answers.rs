//! What a fleet says of itself.

use super::*;

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

#[test]
fn the_probe_measures_all_the_time_and_is_seen_nowhere_else() {
    let (_redis, fleet) = fleet(2);
    let key = fleet.create();
    let count = "revocation_propagation_seconds_count";
    for gateway in &fleet.gateways {
        eventually("the probe has measured", || gateway.metrics().sum(count, &[]) > 1.5);
    }
    let gateway = &fleet.gateways[0];
    let ids = |path: &str| -> Vec<String> {
        let (status, answer) = gateway.admin("GET", path, &Value::Null);
        assert_eq!(status, 200, "{answer}");
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("/v1/credentials"), std::slice::from_ref(&key.id));
    assert_eq!(ids("/v1/audit"), std::slice::from_ref(&key.id));
    let said = gateway.said();
    assert!(!said.contains("probe"), "{said}");
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
