//! Contract 2 and 4, `addresses`: where clients may come from, and who can say where that is.

use crate::support::{Gateway, Setup, Upstream, one_api_with, request};

const LISTS: &str = "addresses: { allow: [127.0.0.0/8, 203.0.113.0/24], deny: [203.0.113.66] }
routes:
  - { path: /open, auth: none }
  - { path: /office, auth: none, methods: [GET], addresses: { allow: [198.51.100.0/24, 203.0.113.7] } }
  - { path: /keyed }";

fn trusting(upstream: &Upstream) -> Gateway {
    Setup::new(one_api_with(upstream, LISTS)).listener("trusted_proxies: [127.0.0.0/8]").start()
}

#[test]
fn a_client_from_elsewhere_is_address_denied() {
    let upstream = Upstream::echo();
    let gateway = trusting(&upstream);
    for (client, target, status) in [
        ("203.0.113.7", "/open", 200),
        ("203.0.113.66", "/open", 403),
        ("192.0.2.1", "/open", 403),
        ("2001:db8::1", "/open", 403),
        ("203.0.113.7", "/office", 200),
        ("203.0.113.8", "/office", 403),
        ("198.51.100.1", "/office", 403),
        ("203.0.113.66", "/keyed", 403),
        ("203.0.113.7", "/keyed", 401),
    ] {
        let response = gateway.get(target, &[("x-forwarded-for", client)]);
        assert_eq!(response.status, status, "{client} {target}");
        if status == 403 {
            assert_eq!(response.code(), "address_denied");
            let line = gateway.line(&response.request_id());
            assert_eq!(
                (&line["outcome"], &line["stage"]),
                (&"address_denied".into(), &"route".into())
            );
            assert_eq!(line["client_ip"], client);
        }
    }
}

#[test]
fn the_apis_addresses_come_before_the_path_and_the_routes_before_method_and_body() {
    let upstream = Upstream::echo();
    let gateway = trusting(&upstream);
    let ask = |client: &str, method: &str, target: &str| {
        let large = "x".repeat(10);
        gateway.send(request(method, target, &[("x-forwarded-for", client)], &large)).code()
    };
    assert_eq!(ask("192.0.2.1", "GET", "/none"), "address_denied");
    assert_eq!(ask("203.0.113.8", "GET", "/none"), "route_unknown");
    assert_eq!(ask("203.0.113.8", "POST", "/office"), "address_denied");
    assert_eq!(ask("203.0.113.7", "POST", "/office"), "method_not_allowed");
    assert_eq!(ask("192.0.2.1", "GET", "/a/../b"), "request_malformed");
}

#[test]
fn an_untrusted_peer_cannot_say_where_it_comes_from() {
    let upstream = Upstream::echo();
    let lines = LISTS.replace("127.0.0.0/8, ", "");
    let gateway = Gateway::start(one_api_with(&upstream, &lines));
    for name in ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"] {
        let value = if name == "Forwarded" { "for=203.0.113.7" } else { "203.0.113.7" };
        assert_eq!(gateway.get("/open", &[(name, value)]).code(), "address_denied", "{name}");
    }
    // What a client says in front of a trusted proxy does not count either.
    let gateway = Setup::new(one_api_with(&upstream, &lines))
        .listener("trusted_proxies: [127.0.0.0/8]")
        .start();
    let ask = |list: &str| gateway.get("/open", &[("x-forwarded-for", list)]).status;
    assert_eq!(ask("203.0.113.7, 192.0.2.1"), 403);
    assert_eq!(ask("192.0.2.1, 203.0.113.7"), 200);
    assert_eq!(ask("203.0.113.7, nonsense"), 403);
    assert_eq!(upstream.requests().len(), 1);
}
