//! Contract 2, `server.bounds`: how many connections there may be, in all and of one address.

use crate::support::{Client, Gateway, Setup, Upstream, one_api_with, request};

fn bounded(upstream: &Upstream, bounds: &str, listener: &str) -> Gateway {
    let lines = "routes: [{ path: /**, auth: none }]";
    let setup =
        Setup::new(one_api_with(upstream, lines)).server(&format!("bounds: {{ {bounds} }}"));
    if listener.is_empty() { setup.start() } else { setup.listener(listener).start() }
}

/// A connection that is certainly accepted, because it was answered.
fn guest(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 200);
    client
}

fn refused(gateway: &Gateway, reason: &str) -> f64 {
    let labels = [("listener", "public"), ("reason", reason)];
    gateway.metrics().sum("connections_refused_total", &labels)
}

/// Connections beyond the bound are closed at once; when one leaves, there is room again.
fn holds(gateway: &Gateway, reason: &str) {
    let first = guest(gateway);
    let _second = guest(gateway);
    let mut beyond = gateway.connect();
    beyond.closed();
    assert!((refused(gateway, reason) - 1.0).abs() < f64::EPSILON);
    drop(first);
    // Its end is seen by the gateway soon, and by nobody else at all: so it is asked until there is room.
    let again = (0..100_000).find_map(|_| {
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], "")).try_response()
    });
    assert_eq!(again.unwrap().status, 200);
}

#[test]
fn connections_beyond_the_bound_are_closed_and_counted() {
    let upstream = Upstream::echo();
    holds(&bounded(&upstream, "connections: 2", ""), "connections");
}

#[test]
fn connections_of_one_address_beyond_the_bound_are_closed_and_counted() {
    let upstream = Upstream::echo();
    holds(&bounded(&upstream, "per_address: 2", ""), "per_address");
}

#[test]
fn trusted_proxies_are_not_counted_by_address() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "per_address: 2", "trusted_proxies: [127.0.0.1]");
    let _guests: Vec<_> = (0..5).map(|_| guest(&gateway)).collect();
    assert!(refused(&gateway, "per_address").abs() < f64::EPSILON);
    let gateway = bounded(&upstream, "connections: 2", "trusted_proxies: [127.0.0.1]");
    holds(&gateway, "connections");
}
