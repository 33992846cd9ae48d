//! Credentials that are not in the cache: how often the store is asked.

use std::thread;

use h2::client::ResponseFuture;

use super::*;
use crate::support::H2;
use crate::support::h2c::h2_request;

/// Look-ups of credentials so far.
fn find(gateway: &Gateway) -> u64 {
    gateway.metrics().count("store_duration_seconds_count", &[("operation", "find")])
}

#[test]
fn ten_thousand_requests_at_once_for_one_cold_credential_ask_the_store_once() {
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &["lease: 20s", "timeout: 15s"]);
    let (gateway, proxy) = (&fleet.gateways[0], &fleet.proxies[0]);
    let (_, secret) = gateway.create(&json!({
        "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never", "scopes": [],
    }));
    let mut connections: Vec<_> =
        (0..100).map(|_| H2::connect(gateway.address("public"))).collect();
    let before = find(gateway);
    // Slow enough that many come while the first is still being looked up.
    proxy.delay(Duration::from_millis(150));
    let field = [("x-api-key", secret.as_str())];
    let mut waiting: Vec<(usize, ResponseFuture)> = Vec::new();
    for (number, connection) in connections.iter_mut().enumerate() {
        for _ in 0..100 {
            let asked = connection.start(h2_request("GET", "/scoped", &field), true).unwrap();
            waiting.push((number, asked.0));
        }
    }
    for (number, response) in waiting {
        let response = connections[number].finish(response).unwrap();
        // It was found, and has not the scope: so no upstream is needed for so many.
        assert_eq!((response.status, response.code().as_str()), (403, "scope_insufficient"));
    }
    proxy.open();
    // The probe looks up its own.
    let probes = gateway.metrics().count("revocation_propagation_seconds_count", &[]) + 1;
    let asked = find(gateway) - before;
    assert!((1..=1 + probes).contains(&asked), "{asked} look-ups, {probes} of the probe");
}

#[test]
fn a_flood_of_unknown_credentials_costs_known_ones_nothing() {
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &CALM);
    let gateway = &fleet.gateways[0];
    let known: Vec<_> = (0..50).map(|_| fleet.warm()).collect();
    let before = gateway.metrics();
    let hits = |labels| gateway.metrics().count("credential_lookups_total", &[("result", labels)]);
    let missed = hits("miss");
    let address = gateway.address("public");
    let flood: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                for number in 0..2500 {
                    let secret = format!("ak_guess-{thread}-{number}-aaaaaaaaaaaaaaaaaaaaaaaaaa");
                    let status = ask_on(&mut client, "/", &secret);
                    assert!(matches!(status, 401 | 503), "{status}");
                }
            })
        })
        .collect();
    let mut client = gateway.connect();
    let mut asked = 0_u64;
    while !flood.iter().all(thread::JoinHandle::is_finished) {
        for key in &known {
            assert_eq!(ask_on(&mut client, "/", &key.secret), 200);
            asked += 1;
        }
    }
    flood.into_iter().for_each(|thread| thread.join().unwrap());
    let hit = hits("hit") - before.count("credential_lookups_total", &[("result", "hit")]);
    // A change makes those old that share its stripe: the probe makes some.
    assert!(hit + asked / 100 >= asked, "{hit} hits of {asked}");
    // Each guess is another one: none costs more than one look-up.
    let missed = hits("miss") - missed;
    assert!(missed <= 10_000 + (asked - hit), "{missed} look-ups");
}
