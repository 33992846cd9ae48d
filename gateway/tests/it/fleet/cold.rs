//! Credentials that are not in the cache: how often the store is asked.

use std::thread;

use h2::client::ResponseFuture;

use super::*;
use crate::support::H2;
use crate::support::h2c::h2_request;

/// Redis is to know the script of a look-up before it is slow: it is sent twice where it does not.
#[track_caller]
fn acquaint(gateway: &Gateway) {
    eventually("a look-up is answered", || {
        gateway.get("/", &[("x-api-key", "ak_of-nobody")]).status == 401
    });
}

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
    acquaint(gateway);
    let (before, monitor) = (find(gateway), redis.monitor());
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
    // The probe looks up its own; and what it changes makes the few old that share its stripe.
    let probes = gateway.metrics().count("revocation_propagation_seconds_count", &[]) + 1;
    let asked = find(gateway) - before;
    assert!((1..=1 + probes).contains(&asked), "{asked} look-ups, {probes} of the probe");
    let reads = monitor.reads_of("app").len() as u64;
    assert!((1..=1 + probes).contains(&reads), "Redis has read it {reads} times");
}

/// What stands in line costs Redis nothing before its turn.
#[test]
fn of_many_unknown_credentials_at_once_64_are_looked_up_at_a_time_and_each_once() {
    const WAY: Duration = Duration::from_millis(100);
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &["lease: 20s", "timeout: 15s"]);
    let (gateway, proxy) = (&fleet.gateways[0], &fleet.proxies[0]);
    let mut connections: Vec<_> = (0..5).map(|_| H2::connect(gateway.address("public"))).collect();
    acquaint(gateway);
    let monitor = redis.monitor();
    proxy.delay(WAY);
    let mut waiting: Vec<(usize, ResponseFuture)> = Vec::new();
    for (number, connection) in connections.iter_mut().enumerate() {
        for guess in 0..100 {
            let secret = format!("ak_guess-{number}-{guess}-aaaaaaaaaaaaaaaaaaaaaaaaaa");
            let head = h2_request("GET", "/", &[("x-api-key", &secret)]);
            waiting.push((number, connection.start(head, true).unwrap().0));
        }
    }
    for (number, response) in waiting {
        assert_eq!(connections[number].finish(response).unwrap().status, 401);
    }
    proxy.open();
    let reads = monitor.reads_of("app");
    // What the probe changes makes the few old that share its stripe.
    let probes = gateway.metrics().count("revocation_propagation_seconds_count", &[]) + 1;
    let fewest = 500..=500 + usize::try_from(probes).unwrap();
    assert!(fewest.contains(&reads.len()), "{} reads of 500 credentials", reads.len());
    // Each begins once one of the 64 before it has been answered: the way back, and the way there.
    let round_trip = u64::try_from(2 * WAY.as_micros()).unwrap();
    for pair in reads.windows(65) {
        assert!(pair[64] - pair[0] >= round_trip, "more than 64 within {WAY:?} and back");
    }
}

#[test]
fn a_flood_of_unknown_credentials_costs_known_ones_nothing() {
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &CALM);
    let gateway = &fleet.gateways[0];
    let known: Vec<_> = (0..50).map(|_| fleet.warm()).collect();
    let (before, monitor) = (gateway.metrics(), redis.monitor());
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
    assert!(hit + asked / 100 >= asked, "{hit} hits of {asked}");
    // Each guess is another one: none costs more than one look-up.
    let missed = hits("miss") - missed;
    assert!(missed <= 10_000 + (asked - hit), "{missed} look-ups");
    let reads = monitor.reads_of("app").len() as u64;
    assert!(reads <= 10_000 + (asked - hit), "{reads} reads in Redis");
}
