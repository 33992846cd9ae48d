//! Contract 2: routes of one path that ask for different fields.

use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Upstream, one_api_with, request};

const VERSIONS: &str = "routes:
  - { path: /x, name: plain, auth: none }
  - { path: /x, name: two, auth: none, match: { headers: { X-Version: '2' } } }
  - { path: /x, name: beta, auth: none, match: { headers: { x-version: '2', x-beta: 'on' } } }
  - { path: /only, name: only, auth: none, methods: [GET], match: { headers: { x-version: '2' } } }
  - { path: /**, name: rest, auth: none }";

fn route(gateway: &Gateway, target: &str, fields: &[(&str, &str)]) -> String {
    let response = gateway.get(target, fields);
    gateway.line(&response.request_id())["route"].as_str().unwrap().to_owned()
}

#[test]
fn among_equal_paths_and_methods_the_route_that_asks_for_more_headers_wins() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, VERSIONS));
    for (fields, name) in [
        (&[][..], "plain"),
        (&[("x-version", "2")], "two"),
        (&[("X-VERSION", "2")], "two"),
        (&[("x-version", "2"), ("X-Beta", "on")], "beta"),
        (&[("x-beta", "on")], "plain"),
        (&[("x-version", "2"), ("x-beta", "ON")], "two"),
    ] {
        assert_eq!(route(&gateway, "/x", fields), name, "{fields:?}");
    }
    let mut h2 = H2::connect(gateway.address("public"));
    let head = h2_request("GET", "/x", &[("x-version", "2")]);
    let response = h2.request(head, "", None).unwrap();
    assert_eq!(gateway.line(&response.request_id())["route"], "two");
}

#[test]
fn values_are_exact_and_a_header_on_two_lines_has_none() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, VERSIONS));
    for fields in [
        &[("x-version", "22")][..],
        &[("x-version", "2,3")],
        &[("x-version", "")],
        &[("x-version", "2"), ("x-version", "2")],
        &[("x-version", "2"), ("x-version", "3")],
        &[("x-version2", "2")],
    ] {
        assert_eq!(route(&gateway, "/x", fields), "plain", "{fields:?}");
    }
}

#[test]
fn a_request_that_fits_no_match_of_its_path_has_no_route_and_falls_back_to_no_other() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, VERSIONS));
    let response = gateway.get("/only", &[]);
    assert_eq!((response.status, response.code().as_str()), (404, "route_unknown"));
    assert_eq!(gateway.get("/only", &[("x-version", "2")]).status, 200);
    let refused = gateway.send(request("POST", "/only", &[], ""));
    assert_eq!((refused.status, refused.field("allow")), (405, Some("GET, HEAD")));
}
