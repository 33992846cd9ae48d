//! Contract 11: what each family counts.

use std::fs;

use serde_json::json;

use crate::support::upstream::Connection;
use crate::support::{Gateway, Setup, Upstream, one_api, one_api_with, request};

#[test]
fn durations_are_counted_once_for_each_request_by_api_and_route() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /a, name: first, auth: none }, { path: /b }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    for (target, times, status) in [("/a", 3, 200), ("/b", 2, 401), ("/c", 4, 404)] {
        for _ in 0..times {
            assert_eq!(gateway.get(target, &[]).status, status);
        }
    }
    gateway.send("GET / HTTP/1.1\r\nbad name: 1\r\n\r\n");
    gateway.lines(10);
    let metrics = gateway.metrics();
    let requests = |api, route| {
        let labels = [("api", api), ("route", route)];
        let count = metrics.count("request_duration_seconds_count", &labels);
        let seconds = metrics.sum("request_duration_seconds_sum", &labels);
        assert!(seconds >= 0.0 && (count == 0) == (seconds <= 0.0), "{route}: {seconds}");
        count
    };
    assert_eq!(
        [("app", "first"), ("app", "/b"), ("app", "-"), ("-", "-")].map(|(a, r)| requests(a, r)),
        [3, 2, 4, 1]
    );
    let decisions = |api| metrics.count("decision_duration_seconds_count", &[("api", api)]);
    assert_eq!((decisions("app"), decisions("-")), (9, 1));
    // No request is in a bucket above the infinite one, and none is lost between them.
    let labels = [("api", "app"), ("route", "first"), ("le", "+Inf")];
    assert_eq!(metrics.count("request_duration_seconds_bucket", &labels), 3);
}

#[test]
fn credentials_that_are_judged_are_counted_by_scheme_and_outcome() {
    let upstream = Upstream::echo();
    let yaml = one_api(&upstream).replace("ak_ }]", "ak_ }, { name: other, prefix: ok_ }]");
    let gateway = Gateway::start(yaml);
    let body = json!({ "api": "app", "scheme": "other", "subject": "u_1", "lifetime": "never" });
    let (id, other) = gateway.create(&body);
    let key = gateway.mint("u_1", "org_1");
    let ask = |secret: &str| gateway.get("/", &[("x-api-key", secret)]).status;
    assert_eq!([ask(&key), ask(&key), ask(&other)], [200, 200, 200]);
    assert_eq!([ask("ak_unknown"), ask("ak_unknown"), ask("ok_unknown")], [401, 401, 401]);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    assert_eq!(ask(&other), 401);
    assert_eq!(gateway.get("/", &[]).status, 401);
    gateway.lines(8);
    let metrics = gateway.metrics();
    let judged = |(scheme, outcome)| {
        let labels = [("api", "app"), ("scheme", scheme), ("outcome", outcome)];
        metrics.count("authentications_total", &labels)
    };
    let all = [
        ("key", "accepted"),
        ("other", "accepted"),
        ("key", "credential_unknown"),
        ("other", "credential_unknown"),
        ("other", "credential_revoked"),
    ];
    assert_eq!(all.map(judged), [2, 1, 2, 1, 1]);
    let outcomes = ["credential_missing"]
        .map(|outcome| metrics.count("authentications_total", &[("outcome", outcome)]));
    assert_eq!(outcomes, [0], "nothing was judged where there was nothing");
}

/// Begins an answer, and then does what the path says.
fn breaking() -> Upstream {
    Upstream::scripted(|connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun");
        if request.target != "/breaks" {
            connection.closed();
        }
    })
}

#[test]
fn answers_that_were_cut_are_counted_by_their_cause() {
    let upstream = breaking();
    let lines = "routes: [{ path: /late, idle: 200ms }, { path: /** }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (id, secret) = gateway.create(&body);
    let begin = |target: &str| {
        let mut client = gateway.connect();
        client.send(request("GET", target, &[("x-api-key", &secret)], ""));
        client.head();
        client.exactly(5);
        client
    };
    for target in ["/breaks", "/breaks", "/late"] {
        assert_eq!(begin(target).rest(), b"");
    }
    begin("/gone").reset();
    gateway.lines(4);
    let mut revoked = begin("/revoked");
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    assert_eq!(revoked.rest(), b"");
    gateway.lines(5);
    let metrics = gateway.metrics();
    let ended = |cause| metrics.count("streams_ended_total", &[("api", "app"), ("cause", cause)]);
    let causes = ["upstream_closed", "timeout", "client_gone", "revoked", "complete", "drained"];
    assert_eq!(causes.map(ended), [2, 1, 1, 1, 0, 0]);
}

#[test]
fn bytes_of_content_are_counted_in_both_directions() {
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n{}",
        "x".repeat(700)
    ));
    let gateway = Gateway::start(one_api_with(&upstream, "routes: [{ path: /**, auth: none }]"));
    let mut client = gateway.connect();
    for length in [0, 1000, 3] {
        let body = "y".repeat(length);
        assert_eq!(client.send(request("POST", "/", &[], &body)).response().body.len(), 700);
    }
    let chunked = [("Transfer-Encoding", "chunked")];
    client.send(request("POST", "/", &chunked, "5\r\nhello\r\n0\r\n\r\n")).response();
    gateway.lines(4);
    let metrics = gateway.metrics();
    let bytes =
        |direction| metrics.count("bytes_total", &[("api", "app"), ("direction", direction)]);
    assert_eq!((bytes("in"), bytes("out")), (1008, 2800));
}

#[test]
fn cached_credentials_are_counted() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    assert_eq!(gateway.metrics().count("credential_cache_entries", &[]), 0);
    for subject in ["u_1", "u_2", "u_1"] {
        let secret = gateway.mint(subject, "org_1");
        assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    }
    assert_eq!(gateway.metrics().count("credential_cache_entries", &[]), 3);
}

#[test]
fn calls_of_the_store_are_counted_by_what_came_of_them() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).store("cache: { negative_ttl: 60s }").start();
    let called = |operation, result| {
        let labels = [("operation", operation), ("result", result)];
        gateway.metrics().count("store_duration_seconds_count", &labels)
    };
    let secrets = ["u_1", "u_2"].map(|subject| gateway.mint(subject, "org_1"));
    assert_eq!(called("create", "ok"), 2);
    for secret in secrets.iter().chain(&secrets) {
        assert_eq!(gateway.get("/", &[("x-api-key", secret)]).status, 200);
    }
    assert_eq!(gateway.get("/", &[("x-api-key", "ak_unknown")]).status, 401);
    assert_eq!(called("find", "ok"), 3, "what is cached is not asked for again");
    assert_eq!(gateway.metrics().count("store_up", &[]), 1);
    fs::remove_file(gateway.folder().join("portcullis.db")).unwrap();
    assert_eq!(gateway.get("/", &[("x-api-key", "ak_another")]).status, 503);
    assert_eq!((called("find", "ok"), called("find", "unavailable")), (3, 1));
    assert_eq!(gateway.metrics().count("store_up", &[]), 0);
}

#[test]
fn routes_beyond_those_that_are_told_apart_share_a_label() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /a, auth: none }, { path: /b, auth: none }, { path: /c }]";
    let yaml = one_api_with(&upstream, lines) + "telemetry: { metrics: { routes: 1 } }\n";
    let gateway = Gateway::start(yaml);
    for (target, times) in [("/a", 1), ("/b", 2), ("/c", 3), ("/d", 4)] {
        (0..times).for_each(|_| drop(gateway.get(target, &[])));
    }
    let lines = gateway.lines(10);
    assert!(lines.iter().any(|line| line["route"] == "/c"), "the log tells them apart");
    let metrics = gateway.metrics();
    for family in ["requests_total", "request_duration_seconds_count"] {
        let counted = |route| metrics.count(family, &[("api", "app"), ("route", route)]);
        assert_eq!(["/a", "other", "-"].map(counted), [1, 5, 4], "{family}");
        assert_eq!(metrics.count(family, &[]), 10);
    }
}
