//! Contract 7, `when: refused`: guesses are held back before they cost a look-up, and nobody else is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Gateway, Response, Setup, Upstream, instant_after, one_api_with, request, until,
};

const RULES: &str = "limits: { failures: { per: ip, max: 3, window: 1h, when: refused } }";

/// Behind a proxy, so that a test can come from where it likes.
fn guarded(upstream: &Upstream, keys: &str) -> Gateway {
    let yaml = one_api_with(upstream, &format!("{RULES}\n{keys}"));
    Setup::new(yaml).listener("trusted_proxies: [127.0.0.0/8]").start()
}

fn from(gateway: &Gateway, ip: &str, key: &str) -> Response {
    gateway.get("/", &[("x-forwarded-for", ip), ("x-api-key", key)])
}

fn held_back(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (429, "failures_exceeded"));
    let wait: u64 = response.field("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(response.all("ratelimit"), Vec::<&str>::new());
}

#[test]
fn over_the_limit_whatever_is_not_cached_as_live_is_held_back_good_or_bad() {
    let upstream = Upstream::echo();
    let gateway = guarded(&upstream, "");
    let (cached, fresh) = (gateway.mint("u_1", "org_1"), gateway.mint("u_2", "org_1"));
    assert_eq!(from(&gateway, "192.0.2.1", &cached).status, 200);
    for n in 0..3 {
        assert_eq!(from(&gateway, "192.0.2.1", &format!("ak_guess_{n}")).status, 401);
    }
    held_back(&from(&gateway, "192.0.2.1", "ak_another_guess"));
    // One that is cached as unknown costs no look-up, and is not cached as live.
    held_back(&from(&gateway, "192.0.2.1", "ak_guess_0"));
    held_back(&from(&gateway, "192.0.2.1", &fresh));
    assert_eq!(from(&gateway, "192.0.2.1", &cached).status, 200);
    assert_eq!(from(&gateway, "192.0.2.2", &fresh).status, 200);
    // Now it is cached, and never held back again.
    assert_eq!(from(&gateway, "192.0.2.1", &fresh).status, 200);
    let metrics = gateway.metrics();
    let decided = |decision| {
        let labels = [("limit", "failures"), ("decision", decision)];
        metrics.sum("limit_decisions_total", &labels) as i64
    };
    assert_eq!((decided("counted"), decided("refused")), (3, 3));
}

#[test]
fn what_was_held_back_was_not_looked_up_and_is_logged_with_its_limit() {
    let upstream = Upstream::echo();
    let gateway = guarded(&upstream, "");
    (0..3).for_each(|n| drop(from(&gateway, "192.0.2.1", &format!("ak_guess_{n}"))));
    let looked_up = || gateway.metrics().sum("credential_lookups_total", &[("result", "miss")]);
    let before = looked_up();
    for n in 0..5 {
        let response = from(&gateway, "192.0.2.1", &format!("ak_other_{n}"));
        held_back(&response);
        let line = gateway.line(&response.request_id());
        assert_eq!(
            (&line["limit"], &line["outcome"]),
            (&json!("failures"), &json!("failures_exceeded"))
        );
    }
    assert!((looked_up() - before).abs() < 0.5);
}

#[test]
fn every_401_counts_but_credential_missing_and_nothing_else_does() {
    let upstream = Upstream::echo();
    let gateway = guarded(&upstream, "");
    let (revoked_id, revoked) = gateway
        .create(&json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" }));
    let path = format!("/v1/credentials/{revoked_id}/revoke");
    assert_eq!(gateway.admin("POST", &path, &json!({})).0, 200);
    let anywhere = |ip: &str, fields: &[(&str, &str)]| {
        gateway.get("/", &[&[("x-forwarded-for", ip)], fields].concat())
    };
    // Not these: missing (401), ambiguous (400), a path that is malformed (400).
    for _ in 0..5 {
        assert_eq!(anywhere("192.0.2.1", &[]).status, 401);
        assert_eq!(anywhere("192.0.2.1", &[("x-api-key", "a"), ("x-api-key", "b")]).status, 400);
        assert_eq!(gateway.get("/a//b", &[("x-forwarded-for", "192.0.2.1")]).status, 400);
    }
    assert_eq!(from(&gateway, "192.0.2.1", "ak_guess_0").status, 401);
    // But these: malformed, a wrong checksum, revoked.
    let minted = gateway.mint("u_2", "org_1");
    let (kept, last) = minted.split_at(minted.len() - 1);
    let mistyped = format!("{kept}{}", if last == "0" { "1" } else { "0" });
    for (ip, fields) in [
        ("192.0.2.3", ("authorization", "Bearer a b")),
        ("192.0.2.4", ("x-api-key", mistyped.as_str())),
        ("192.0.2.5", ("x-api-key", revoked.as_str())),
    ] {
        for _ in 0..3 {
            assert_eq!(anywhere(ip, &[fields]).status, 401, "{fields:?}");
        }
        held_back(&from(&gateway, ip, "ak_guess"));
    }
    // What is malformed or mistyped never reaches that point, and its 401 goes on.
    assert_eq!(anywhere("192.0.2.3", &[("authorization", "Bearer a b")]).status, 401);
    held_back(&anywhere("192.0.2.5", &[("x-api-key", &revoked)]));
}

#[test]
fn addresses_of_one_subscriber_fail_together() {
    let upstream = Upstream::echo();
    let gateway = guarded(&upstream, "");
    for n in 0..3 {
        let ip = format!("2001:db8:0:1::{n}");
        assert_eq!(from(&gateway, &ip, &format!("ak_guess_{n}")).status, 401);
    }
    held_back(&from(&gateway, "2001:db8:0:1:ffff::9", "ak_guess_9"));
    assert_eq!(from(&gateway, "2001:db8:0:2::1", "ak_guess_9").status, 401);
}

#[test]
fn a_dialect_that_speaks_another_status_changes_nothing_of_what_counts() {
    let upstream = Upstream::echo();
    let gateway = guarded(
        &upstream,
        "errors: { content_type: application/json, body: { code: $code }, outcomes: { credential_unknown: { status: 404, code: nope }, credential_missing: { status: 401 } } }",
    );
    for n in 0..3 {
        assert_eq!(from(&gateway, "192.0.2.1", &format!("ak_guess_{n}")).status, 404);
    }
    assert_eq!(from(&gateway, "192.0.2.1", "ak_guess").status, 429);
}

#[test]
fn failures_per_api_are_counted_from_everywhere() {
    let upstream = Upstream::echo();
    let yaml = one_api_with(
        &upstream,
        "limits: { failures: { per: api, max: 2, window: 1h, when: refused } }",
    );
    let gateway = Setup::new(yaml).listener("trusted_proxies: [127.0.0.0/8]").start();
    assert_eq!(from(&gateway, "192.0.2.1", "ak_guess_1").status, 401);
    assert_eq!(from(&gateway, "192.0.2.2", "ak_guess_2").status, 401);
    held_back(&from(&gateway, "192.0.2.3", "ak_guess_3"));
}

#[test]
fn a_401_of_a_credential_that_is_known_counts_too() {
    let upstream = Upstream::echo();
    let keys = "routes: [{ path: /keys, accept: [key] }, { path: /mcp, audience: \"https://a.example/mcp\" }, { path: /** }]";
    let yaml = one_api_with(&upstream, &format!("{RULES}\n{keys}"))
        .replace("prefix: ak_ }]", "prefix: ak_ }, { name: other, prefix: ok_ }]");
    let gateway = Setup::new(yaml).listener("trusted_proxies: [127.0.0.0/8]").start();
    let create = |fields: &Value| {
        let mut body =
            json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        gateway.create(&body)
    };
    let ask = |ip: &str, path: &str, key: &str| {
        gateway.get(path, &[("x-forwarded-for", ip), ("x-api-key", key)])
    };
    let (id, disabled) = create(&json!({}));
    let change = json!({ "disabled": true });
    assert_eq!(gateway.admin("PATCH", &format!("/v1/credentials/{id}"), &change).0, 200);
    let (_, at) = instant_after(Duration::from_secs(2));
    let (_, expired) = create(&json!({ "lifetime": null, "expires_at": at }));
    until(|| ask("192.0.2.99", "/", &expired).status != 200);
    let (_, other) = create(&json!({ "scheme": "other" }));
    let (_, elsewhere) = create(&json!({ "audience": "https://a.example/another" }));
    for (ip, path, key, outcome) in [
        ("192.0.2.1", "/", &disabled, "credential_disabled"),
        ("192.0.2.2", "/", &expired, "credential_expired"),
        ("192.0.2.3", "/keys", &other, "scheme_not_accepted"),
        ("192.0.2.4", "/mcp", &elsewhere, "audience_mismatch"),
    ] {
        for _ in 0..3 {
            let response = ask(ip, path, key);
            assert_eq!(response.status, 401, "{outcome}");
            assert_eq!(gateway.line(&response.request_id())["outcome"], outcome);
        }
        held_back(&from(&gateway, ip, "ak_guess"));
    }
}

#[test]
fn a_401_that_ends_a_request_under_way_counts_too() {
    let upstream = Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    });
    let gateway = guarded(&upstream, "");
    for n in 1..=3 {
        let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
        let (id, secret) = gateway.create(&body);
        let fields = [("x-forwarded-for", "192.0.2.1"), ("x-api-key", secret.as_str())];
        let mut client = gateway.connect();
        client.send(request("GET", "/", &fields, ""));
        upstream.wait_for_requests(n);
        let path = format!("/v1/credentials/{id}/revoke");
        assert_eq!(gateway.admin("POST", &path, &json!({})).0, 200);
        assert_eq!(client.response().status, 401);
    }
    held_back(&from(&gateway, "192.0.2.1", "ak_guess"));
    assert_eq!(from(&gateway, "192.0.2.2", "ak_guess").status, 401);
}

/// The process stands still while they come, so that all of them are there before the first look-up is answered.
#[test]
fn a_look_up_that_was_under_way_when_the_limit_was_reached_still_finishes() {
    const GUESSES: usize = 20;
    let upstream = Upstream::echo();
    let yaml = one_api_with(&upstream, RULES);
    let gateway = Setup::new(yaml).server("threads: 1").start();
    let mut clients: Vec<_> = (0..GUESSES).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 401, "missing");
    }
    gateway.signal("STOP");
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(request("GET", "/", &[("x-api-key", &format!("ak_guess_{n}"))], ""));
    }
    gateway.signal("CONT");
    let answers: Vec<_> = clients.iter_mut().map(|client| client.response()).collect();
    let finished = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((3..=GUESSES).contains(&finished), "{finished}");
    answers.iter().filter(|answer| answer.status != 401).for_each(held_back);
    gateway.lines(2 * GUESSES);
    let metrics = gateway.metrics();
    // Whatever was looked up has heard so, and it was counted though the limit was reached before.
    let looked_up = metrics.count("credential_lookups_total", &[("result", "miss")]);
    let counted =
        metrics.count("limit_decisions_total", &[("limit", "failures"), ("decision", "counted")]);
    assert_eq!((looked_up, counted), (finished as u64, finished as u64));
    held_back(&gateway.get("/", &[("x-api-key", "ak_late")]));
}
