//! The order within the stage route, and whose address counts.

use super::*;
use crate::route::{Methods, Pattern, RouteTable};

#[test]
fn a_path_without_a_meaning_is_refused_before_the_host_is_looked_for() {
    let only = snapshot(vec![(&["api.example"], api("a", vec![route("/**")]))]);
    let mut request = Request::get("/v1/../x");
    assert_eq!(outcome(&only, &request), Outcome::RequestMalformed);
    request.host = "other.example".to_owned();
    assert_eq!(outcome(&only, &request), Outcome::RequestMalformed);
    request.target = "/v1/x".to_owned();
    assert_eq!(outcome(&only, &request), Outcome::HostUnknown);
}

#[test]
fn the_apis_addresses_come_before_the_path_and_the_routes_before_the_method() {
    let denying =
        |block: &str| Some(Addresses { allow: Vec::new(), deny: vec![block.parse().unwrap()] });
    let of_method = |name: &str, addresses| (name.to_owned(), addresses);
    let mut table = RouteTable::default();
    for (path, (method, addresses)) in [
        ("/one", of_method("GET", denying("192.0.2.1/32"))),
        ("/two", of_method("GET", denying("192.0.2.1/32"))),
        ("/two", of_method("POST", None)),
    ] {
        let methods = Methods::named([method]).unwrap();
        let route = Route { addresses, ..route(path) };
        table.insert(&Pattern::parse(path).unwrap(), methods, route).unwrap();
    }
    let by_route = |api| Api { routes: table, ..api };
    let snapshot = snapshot(vec![
        (&["api.example"], by_route(api("a", Vec::new()))),
        (&["closed"], Api { addresses: denying("192.0.2.0/24"), ..api("b", vec![route("/x")]) }),
    ]);
    let ask = |host: &str, method: &str, target: &str| {
        let (host, method) = (host.to_owned(), method.to_owned());
        outcome(&snapshot, &Request { method, host, ..with_key(target) })
    };
    for (host, method, target, expected) in [
        ("closed", "GET", "/x", Outcome::AddressDenied),
        ("closed", "GET", "/none", Outcome::AddressDenied),
        ("closed", "GET", "/x/../y", Outcome::RequestMalformed),
        ("api.example", "GET", "/none", Outcome::RouteUnknown),
        ("api.example", "GET", "/one", Outcome::AddressDenied),
        ("api.example", "PUT", "/one", Outcome::AddressDenied),
        ("api.example", "GET", "/two", Outcome::AddressDenied),
        ("api.example", "POST", "/two", Outcome::Forwarded),
        ("api.example", "PUT", "/two", Outcome::MethodNotAllowed),
    ] {
        assert_eq!(ask(host, method, target), expected, "{host} {method} {target}");
    }
    let mut elsewhere = Request { host: "closed".to_owned(), ..Request::get("/x") };
    elsewhere.peer = "198.51.100.1".parse().unwrap();
    assert_eq!(outcome(&snapshot, &elsewhere), Outcome::CredentialMissing);
}

#[test]
fn the_address_that_counts_is_the_clients_and_only_a_trusted_peer_can_name_it() {
    let addresses = Addresses { allow: vec!["203.0.113.0/24".parse().unwrap()], deny: Vec::new() };
    let api = Api { addresses: Some(addresses), ..api("a", vec![route("/**")]) };
    let snapshot = snapshot(vec![(&["*"], api)]);
    let spoofed = with_key("/").field("X-Forwarded-For", "203.0.113.7");
    assert_eq!(outcome(&snapshot, &spoofed), Outcome::AddressDenied);
    for name in ["X-Real-IP", "Forwarded", "True-Client-IP"] {
        let spoofed = with_key("/").field(name, "203.0.113.7").trusting("192.0.2.0/24");
        assert_eq!(outcome(&snapshot, &spoofed), Outcome::AddressDenied, "{name}");
    }
    assert_eq!(outcome(&snapshot, &spoofed.trusting("192.0.2.0/24")), Outcome::Forwarded);
    let appended = with_key("/").field("X-Forwarded-For", "203.0.113.7, 198.51.100.1");
    assert_eq!(outcome(&snapshot, &appended.trusting("192.0.2.0/24")), Outcome::AddressDenied);
}
