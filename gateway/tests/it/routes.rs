//! Contract 2, choosing: the host chooses the api, the path and the method the route.

use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Response, Upstream, one_api_with, request};

/// Public apis whose upstreams say their names.
fn named(hosts: &[(&str, &str)]) -> Gateway {
    let (mut upstreams, mut apis) = (Vec::new(), Vec::new());
    for (name, hosts) in hosts {
        let upstream = Upstream::answering(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
            name.len()
        ));
        upstreams.push(format!("  {name}: [{}]\n", upstream.address()));
        let route = "{ path: /**, auth: none }";
        apis.push(format!(
            "  - {{ name: {name}, hosts: [{hosts}], upstream: {name}, routes: [{route}] }}\n"
        ));
    }
    Gateway::start(format!("upstreams:\n{}apis:\n{}", upstreams.concat(), apis.concat()))
}

fn at(gateway: &Gateway, host: &str) -> String {
    let response = gateway.get("/", &[("host", host)]);
    if response.status == 200 { response.text() } else { response.code() }
}

#[test]
fn the_exact_host_comes_before_the_longest_wildcard_before_any() {
    let gateway = named(&[
        ("exact", "api.example"),
        ("wide", "\"*.example\""),
        ("narrow", "\"*.b.example\""),
        ("any", "\"*\""),
    ]);
    for (host, api) in [
        ("api.example", "exact"),
        ("x.example", "wide"),
        ("x.y.example", "wide"),
        ("x.b.example", "narrow"),
        ("b.example", "wide"),
        ("example", "any"),
        ("notexample", "any"),
        ("127.0.0.1", "any"),
        ("[::1]:8080", "any"),
    ] {
        assert_eq!(at(&gateway, host), api, "{host}");
    }
}

#[test]
fn hosts_are_compared_without_port_case_and_final_dot() {
    let gateway =
        named(&[("named", "Api.Example, \"[::1]\""), ("wide", "\"*.Wild\""), ("any", "\"*\"")]);
    for host in ["api.example", "API.EXAMPLE", "api.example.", "api.example:8080", "Api.Example.:1"]
    {
        assert_eq!(at(&gateway, host), "named", "{host}");
    }
    for host in ["[::1]", "[::1]:8080"] {
        assert_eq!(at(&gateway, host), "named", "{host}");
    }
    for host in ["a.b.wild", "A.WILD.:80"] {
        assert_eq!(at(&gateway, host), "wide", "{host}");
    }
}

#[test]
fn a_host_that_no_api_has_is_unknown() {
    let gateway = named(&[("one", "one.test")]);
    let response = gateway.get("/", &[("host", "two.test")]);
    assert_eq!((response.status, response.code().as_str()), (404, "host_unknown"));
    let line = gateway.line(&response.request_id());
    assert_eq!((&line["api"], &line["route"]), (&"-".into(), &"-".into()));
    assert_eq!(H2::connect(gateway.address("public")).get("/", &[]).status, 404);
}

#[test]
fn an_api_that_lacks_the_path_never_falls_back_to_another() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: [{}] }}\napis:\n  \
         - {{ name: strict, hosts: [a.test], upstream: app, schemes: [{{ name: key, prefix: ak_ }}], routes: [{{ path: /x }}] }}\n  \
         - {{ name: open, upstream: app, routes: [{{ path: /**, auth: none }}] }}\n",
        upstream.address()
    ));
    assert_eq!(gateway.get("/y", &[("host", "a.test")]).code(), "route_unknown");
    assert_eq!(gateway.get("/y", &[("host", "A.TEST.:80")]).code(), "route_unknown");
    assert_eq!(gateway.get("/y", &[("host", "b.test")]).status, 200);
}

#[test]
fn a_literal_comes_before_a_parameter_before_the_rest_from_the_left() {
    let upstream = Upstream::echo();
    let routes = ["/a/b/c", "/a/{x}/c", "/a/{x}/{y}", "/a/**", "/{x}/b/c", "/**"];
    let lines = routes.map(|path| format!("  - {{ path: \"{path}\", auth: none }}\n")).concat();
    let gateway = Gateway::start(one_api_with(&upstream, &format!("routes:\n{lines}")));
    for (target, route) in [
        ("/a/b/c", "/a/b/c"),
        ("/a/z/c", "/a/{x}/c"),
        ("/a/b/d", "/a/{x}/{y}"),
        ("/a/b", "/a/**"),
        ("/a/b/c/d", "/a/**"),
        ("/z/b/c", "/{x}/b/c"),
        ("/z/b", "/**"),
        ("/", "/**"),
    ] {
        let response = gateway.get(target, &[]);
        assert_eq!(gateway.line(&response.request_id())["route"], route, "{target}");
    }
}

const BY_METHOD: &str = "routes:
  - { path: /x, methods: [GET], auth: none, name: read }
  - { path: /x, methods: [POST], auth: none, name: write }
  - { path: /post, methods: [POST], auth: none }";

#[test]
fn another_method_is_405_and_allow_joins_those_of_the_path() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, BY_METHOD));
    let allowed = |response: &Response| {
        assert_eq!((response.status, response.code().as_str()), (405, "method_not_allowed"));
        let allow = response.field("allow").unwrap().to_owned();
        let mut methods: Vec<_> = allow.split(',').map(|method| method.trim().to_owned()).collect();
        methods.sort();
        methods
    };
    let delete = gateway.send(request("DELETE", "/x", &[], ""));
    let methods = allowed(&delete);
    assert!(
        methods.contains(&"GET".to_owned()) && methods.contains(&"POST".to_owned()),
        "{methods:?}"
    );
    assert_eq!(allowed(&gateway.send(request("GET", "/post", &[], ""))), ["POST"]);
    let mut h2 = H2::connect(gateway.address("public"));
    let over_h2 = h2.request(h2_request("DELETE", "/x", &[]), "", None).unwrap();
    assert_eq!(allowed(&over_h2), methods);
    assert_eq!(gateway.send(request("get", "/x", &[], "")).status, 405, "methods have a case");
}

#[test]
fn where_get_is_named_head_is_held_as_get() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, BY_METHOD));
    let response = gateway.connect().send(request("HEAD", "/x", &[], "")).response_to_head();
    assert_eq!(response.status, 200);
    assert_eq!(upstream.requests()[0].method, "HEAD");
    let refused = gateway.connect().send(request("HEAD", "/post", &[], "")).response_to_head();
    assert_eq!(refused.status, 405);
}

#[test]
fn an_api_without_routes_has_one_that_authenticates_all() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ""));
    for target in ["/", "/a", "/a/b/"] {
        assert_eq!(gateway.get(target, &[]).code(), "credential_missing");
    }
}

#[test]
fn connect_opens_no_tunnel() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ""));
    let mut responses = vec![
        gateway.send("CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n"),
        gateway.send("CONNECT app.test:443 HTTP/1.1\r\n\r\n"),
        gateway.send(request("TRACE", "/", &[], "")),
    ];
    let mut h2 = H2::connect(gateway.address("public"));
    responses.push(h2.request(h2_request("TRACE", "/", &[]), "", None).unwrap());
    let connect = http::Request::builder().method("CONNECT").uri("app.test:443").body(()).unwrap();
    responses.push(h2.request(connect, "", None).unwrap());
    for response in &responses {
        assert_eq!((response.status, response.code().as_str()), (405, "method_not_allowed"));
        assert!(response.field("allow").unwrap().contains("GET"), "{response:?}");
    }
    assert_eq!(upstream.connections(), 0);
    gateway.all_ended_as(5, "method_not_allowed", "complete");
}
