//! Contract 2 and 6, `cors`: preflights, and what every answer says to other origins.

use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Response, Setup, Upstream, one_api_with, request};

const CORS: &str = "cors: { origins: ['https://app.example', 'http://localhost:3000'], methods: [GET, PUT], headers: [x-api-key], expose: [x-total], credentials: true, max_age: 10m }
routes:
  - { path: /open, auth: none }
  - { path: /said, respond: { status: 200, body: hi } }
  - { path: /moved, redirect: { path: /open } }
  - { path: /get, methods: [GET] }
  - { path: /** }";

const ORIGIN: &str = "https://app.example";

fn preflight(target: &str, origin: &str) -> Vec<u8> {
    let fields = [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
    request("OPTIONS", target, &fields, "")
}

/// The fields of this family that an answer has, each with its one value.
fn said(response: &Response) -> Vec<(String, String)> {
    let ours = |name: &str| name.starts_with("access-control-");
    let mut said: Vec<_> = response
        .fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .filter(|(name, _)| ours(name))
        .collect();
    said.sort();
    said
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What an answer to an allowed origin says.
fn allowed() -> Vec<(String, String)> {
    pairs(&[
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", ORIGIN),
        ("access-control-expose-headers", "x-total"),
    ])
}

#[test]
fn a_preflight_is_answered_without_a_credential_and_without_the_upstream() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, CORS));
    for target in ["/x", "/get", "/open", "/said", "/none/at/all"] {
        let response = gateway.send(preflight(target, ORIGIN));
        assert_eq!((response.status, response.body.len()), (204, 0), "{target}");
        let expected = pairs(&[
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "x-api-key"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-allow-origin", ORIGIN),
            ("access-control-max-age", "600"),
        ]);
        assert_eq!(said(&response), expected, "{target}");
        assert!(response.field("vary").unwrap().contains("Origin"));
        let line = gateway.line(&response.request_id());
        assert_eq!((&line["outcome"], &line["route"]), (&"answered".into(), &"-".into()));
        assert_eq!((&line["api"], &line["status"]), (&"app".into(), &204.into()));
    }
    let labels = [("api", "app"), ("outcome", "answered")];
    assert!((gateway.metrics().sum("requests_total", &labels) - 5.0).abs() < f64::EPSILON);
    assert_eq!(upstream.connections(), 0);
    let mut h2 = H2::connect(gateway.address("public"));
    let fields = [("origin", ORIGIN), ("access-control-request-method", "PUT")];
    assert_eq!(h2.request(h2_request("OPTIONS", "/x", &fields), "", None).unwrap().status, 204);
}

#[test]
fn a_preflight_of_another_origin_allows_nothing() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, CORS));
    for origin in
        ["https://evil.example", "https://app.example.evil.example", "null", "http://app.example"]
    {
        let response = gateway.send(preflight("/x", origin));
        assert_eq!((response.status, said(&response).len()), (204, 0), "{origin}");
    }
}

#[test]
fn options_that_are_no_preflight_go_the_usual_way() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, CORS));
    let plain = gateway.send(request("OPTIONS", "/x", &[("origin", ORIGIN)], ""));
    assert_eq!(plain.code(), "credential_missing");
    assert_eq!(gateway.send(request("OPTIONS", "/open", &[], "")).echo().method(), "OPTIONS");
    // Without `cors` the upstream answers preflights.
    let gateway = Gateway::start(one_api_with(&upstream, "routes: [{ path: /**, auth: none }]"));
    assert_eq!(gateway.send(preflight("/x", ORIGIN)).echo().method(), "OPTIONS");
}

#[test]
fn a_preflight_comes_after_the_host_and_the_paths_meaning_and_before_the_addresses_and_the_path() {
    let upstream = Upstream::echo();
    let lines = format!("hosts: [app.test]\naddresses: {{ deny: [127.0.0.0/8] }}\n{CORS}");
    let gateway = Gateway::start(one_api_with(&upstream, &lines));
    assert_eq!(gateway.send(preflight("/none", ORIGIN)).status, 204);
    assert_eq!(gateway.get("/open", &[]).code(), "address_denied");
    let elsewhere =
        [("host", "b.test"), ("Origin", ORIGIN), ("Access-Control-Request-Method", "GET")];
    assert_eq!(gateway.send(request("OPTIONS", "/x", &elsewhere, "")).code(), "host_unknown");
    assert_eq!(gateway.send(preflight("/a/../b", ORIGIN)).code(), "request_malformed");
}

#[test]
fn an_upstreams_own_fields_are_replaced_each_by_exactly_one() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\naccess-control-allow-origin: x\r\nAccess-Control-Allow-Credentials: false\r\nAccess-Control-Expose-Headers: x-theirs\r\nAccess-Control-Allow-Private-Network: true\r\nVary: Accept\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = Gateway::start(one_api_with(&upstream, CORS));
    let over_h2 = H2::connect(gateway.address("public")).get("/open", &[("origin", ORIGIN)]);
    for response in [gateway.get("/open", &[("Origin", ORIGIN)]), over_h2] {
        assert_eq!(said(&response), allowed());
        assert_eq!(response.all("vary"), ["Accept", "Origin"]);
    }
    // Nobody, or somebody else, asks: nothing is allowed, and a cache is told why.
    for fields in [&[][..], &[("origin", "https://evil.example")]] {
        let response = gateway.get("/open", fields);
        assert_eq!(said(&response), []);
        assert_eq!(response.all("vary"), ["Accept", "Origin"]);
    }
    // Without `cors` they pass untouched.
    let gateway = Gateway::start(one_api_with(&upstream, "routes: [{ path: /**, auth: none }]"));
    let response = gateway.get("/", &[("origin", ORIGIN)]);
    assert_eq!(response.all("access-control-allow-origin"), ["*", "x"]);
    assert_eq!(response.all("vary"), ["Accept"]);
}

#[test]
fn refusals_and_answers_of_the_gateway_say_it_too() {
    let upstream = Upstream::scripted(|connection| {
        connection.head();
    });
    let gateway = Gateway::start(one_api_with(&upstream, CORS));
    let secret = gateway.mint("u_1", "org_1");
    for (method, target, status) in [
        ("GET", "/x", 401),
        ("PUT", "/get", 405),
        ("GET", "/a/../b", 400),
        ("GET", "/said", 200),
        ("GET", "/moved", 301),
    ] {
        let response = gateway.send(request(method, target, &[("Origin", ORIGIN)], ""));
        assert_eq!((response.status, said(&response)), (status, allowed()), "{target}");
        assert_eq!(response.all("vary"), ["Origin"], "{target}");
    }
    let fields = [("Origin", ORIGIN), ("x-api-key", &secret)];
    let broken = gateway.get("/x", &fields);
    assert_eq!((broken.status, said(&broken)), (502, allowed()));
}

#[test]
fn any_origin_is_a_star_without_credentials_and_its_combination_with_them_does_not_start() {
    let upstream = Upstream::echo();
    let lines = "cors: { origins: ['*'] }\nroutes: [{ path: /**, auth: none }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let response = gateway.get("/", &[("origin", "https://any.example")]);
    assert_eq!(response.all("access-control-allow-origin"), ["*"]);
    assert_eq!(response.field("access-control-allow-credentials"), None);
    let exposed = "retry-after, ratelimit, ratelimit-policy, x-request-id";
    assert_eq!(response.field("access-control-expose-headers"), Some(exposed));
    let fields = [
        ("Origin", "https://any.example"),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "x-a, x-b"),
    ];
    let response = gateway.send(request("OPTIONS", "/", &fields, ""));
    assert_eq!(response.field("access-control-allow-methods"), Some("PATCH"));
    assert_eq!(response.field("access-control-allow-headers"), Some("x-a, x-b"));
    let both = lines.replace("['*']", "['*'], credentials: true");
    let (status, said) = Setup::new(one_api_with(&upstream, &both)).fails_to_start();
    assert!(!status.success() && said.contains("name the origins"), "{said}");
}
