//! Contract 2: routes that answer by themselves.

use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Setup, Upstream, one_api_with, request};

fn answering(lines: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    (upstream, gateway)
}

const MAINTENANCE: &str = "routes:
  - { path: /down, name: down, respond: { status: 503, body: 'back soon', retry_after: 2m, headers: { x-why: moving } } }
  - { path: /json, respond: { status: 200, body: '{}', headers: { content-type: application/json } } }
  - { path: /empty, respond: { status: 204 } }
  - { path: /gone, respond: { status: 410 } }
  - { path: /keyed/** }";

#[test]
fn a_route_may_respond_with_a_status_a_body_fields_and_retry_after() {
    let (upstream, gateway) = answering(MAINTENANCE);
    let response = gateway.get("/down", &[]);
    assert_eq!((response.status, response.text().as_str()), (503, "back soon"));
    assert_eq!(response.field("retry-after"), Some("120"));
    assert_eq!(response.field("x-why"), Some("moving"));
    assert_eq!(response.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.field("content-length"), Some("9"));
    let json = gateway.get("/json", &[]);
    assert_eq!((json.text().as_str(), json.all("content-type")), ("{}", vec!["application/json"]));
    let empty = gateway.get("/empty", &[]);
    assert_eq!((empty.status, empty.field("content-length")), (204, None));
    let gone = gateway.get("/gone", &[]);
    assert_eq!(
        (gone.status, gone.text().as_str(), gone.field("content-length")),
        (410, "", Some("0"))
    );
    let over_h2 = H2::connect(gateway.address("public")).get("/down", &[]);
    assert_eq!((over_h2.status, over_h2.text().as_str()), (503, "back soon"));
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn an_answer_of_a_route_is_answered_and_counted_and_logged_once() {
    let (_upstream, gateway) = answering(MAINTENANCE);
    let response = gateway.get("/down", &[]);
    let line = gateway.line(&response.request_id());
    assert_eq!((&line["outcome"], &line["status"]), (&"answered".into(), &503.into()));
    assert_eq!((&line["route"], &line["api"]), (&"down".into(), &"app".into()));
    assert_eq!((&line["stage"], &line["ended"]), (&"route".into(), &"complete".into()));
    assert_eq!(line["bytes_out"], 9);
    let labels = [("outcome", "answered"), ("status", "503"), ("route", "down"), ("blame", "none")];
    let count = gateway.metrics().sum("requests_total", &labels);
    assert!((count - 1.0).abs() < f64::EPSILON, "{count}");
}

#[test]
fn a_route_that_answers_by_itself_asks_for_no_credential_whatever_one_sends() {
    let (_upstream, gateway) = answering(MAINTENANCE);
    for fields in [
        &[("x-api-key", "ak_nonsense")][..],
        &[("authorization", "Bearer")],
        &[("x-api-key", "a"), ("authorization", "Bearer b")],
    ] {
        assert_eq!(gateway.get("/gone", fields).status, 410, "{fields:?}");
    }
    assert_eq!(gateway.get("/keyed/x", &[]).status, 401);
}

#[test]
fn head_gets_the_length_and_no_body() {
    let (_upstream, gateway) = answering(MAINTENANCE);
    let mut client = gateway.connect();
    let response = client.send(request("HEAD", "/down", &[], "")).response_to_head();
    assert_eq!((response.status, response.field("content-length")), (503, Some("9")));
    assert!(client.is_usable());
    let mut h2 = H2::connect(gateway.address("public"));
    let response = h2.request(h2_request("HEAD", "/down", &[]), "", None).unwrap();
    assert_eq!((response.status, response.body.len()), (503, 0));
}

#[test]
fn a_body_that_nobody_reads_leaves_the_connection_usable_if_it_is_small() {
    let (_upstream, gateway) = answering(MAINTENANCE);
    let mut client = gateway.connect();
    for body in ["", "hello"] {
        let response = client.send(request("POST", "/down", &[], body)).response();
        assert_eq!((response.status, response.field("connection")), (503, None));
    }
    assert!(client.is_usable());
    let large = "x".repeat(70_000);
    let response = client.send(request("POST", "/down", &[], &large)).response();
    assert_eq!((response.status, response.field("connection")), (503, Some("close")));
    client.finish();
    client.closed();
    // 100-continue asks whether to send at all: nobody says so, and the connection ends.
    let fields = [("expect", "100-continue"), ("content-length", "5")];
    let mut client = gateway.connect();
    let response = client.send(request("POST", "/down", &fields, "")).response();
    assert_eq!((response.status, response.field("connection")), (503, Some("close")));
}

#[test]
fn a_declared_body_over_the_limit_of_such_a_route_is_413() {
    let (_upstream, gateway) =
        answering("routes: [{ path: /x, respond: { status: 200 }, body_limit: 10B }]");
    assert_eq!(gateway.send(request("POST", "/x", &[], "0123456789")).status, 200);
    let refused = gateway.send(request("POST", "/x", &[], "0123456789a"));
    assert_eq!((refused.status, refused.code().as_str()), (413, "body_too_large"));
}

#[test]
fn a_redirect_names_the_place_to_ask_at() {
    let (upstream, gateway) = answering(
        "routes:
  - { path: /secure/**, redirect: { scheme: https } }
  - { path: /moved, redirect: { host: new.example, status: 302 } }
  - { path: /old/**, redirect: { path: /new, status: 308 } }
  - { path: /all, redirect: { scheme: https, host: 'new.example:8443', path: '/there?a=1', status: 307 } }",
    );
    for (target, status, location) in [
        ("/secure/%7Ea/b?q=%2f", 301, "https://app.test/secure/~a/b?q=%2f"),
        ("/secure", 301, "https://app.test/secure"),
        ("/moved?x", 302, "http://new.example/moved?x"),
        ("/old/thing?x=<1>", 308, "/new?x=<1>"),
        ("/all?dropped", 307, "https://new.example:8443/there?a=1"),
    ] {
        let response = gateway.get(target, &[]);
        assert_eq!((response.status, response.field("location")), (status, Some(location)));
        assert_eq!((response.text().as_str(), response.field("content-length")), ("", Some("0")));
        let line = gateway.line(&response.request_id());
        assert_eq!((&line["outcome"], &line["status"]), (&"answered".into(), &status.into()));
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_redirect_to_another_scheme_leaves_the_port_and_one_to_the_same_keeps_it() {
    let (_upstream, gateway) = answering(
        "routes:
  - { path: /a, redirect: { scheme: https } }
  - { path: /b, redirect: { scheme: http, path: /c } }",
    );
    let location = |target: &str| {
        let response = gateway.get(target, &[("host", "app.test:8080")]);
        response.field("location").unwrap().to_owned()
    };
    assert_eq!(location("/a"), "https://app.test/a");
    assert_eq!(location("/b"), "http://app.test:8080/c");
}

#[test]
fn a_redirect_believes_a_trusted_proxy_about_the_url_and_nobody_else() {
    let lines = "routes: [{ path: /a, redirect: { host: new.example } }, { path: /b, redirect: { scheme: https } }]";
    for trusted in [true, false] {
        let upstream = Upstream::echo();
        let mut setup = Setup::new(one_api_with(&upstream, lines));
        if trusted {
            setup = setup.listener("trusted_proxies: [127.0.0.0/8]");
        }
        let gateway = setup.start();
        let fields = [("x-forwarded-proto", "https"), ("x-forwarded-host", "shop.test:444")];
        let location =
            |target: &str| gateway.get(target, &fields).field("location").unwrap().to_owned();
        let expected = if trusted {
            ("https://new.example/a", "https://shop.test:444/b")
        } else {
            ("http://new.example/a", "https://app.test/b")
        };
        assert_eq!((location("/a").as_str(), location("/b").as_str()), expected);
    }
}
