//! Contract 7: what limits count, for whom, and what the client is told.

use serde_json::json;

use crate::support::{Gate, Gateway, Response, Setup, Upstream, one_api_with, open_api, request};

/// An api with these limits and a route `/**`; `keys` are further keys of the api.
pub(crate) fn limited(upstream: &Upstream, limits: &str, keys: &str) -> Gateway {
    Gateway::start(one_api_with(upstream, &format!("limits: {{ {limits} }}\n{keys}")))
}

pub(crate) fn get(gateway: &Gateway, path: &str, key: &str) -> Response {
    gateway.get(path, &[("x-api-key", key)])
}

#[track_caller]
pub(crate) fn statuses<const N: usize>(ask: impl Fn() -> Response) -> [u16; N] {
    std::array::from_fn(|_| ask().status)
}

/// What a response's RateLimit fields say of each rule, one field after the other, without when: that is in the last seconds
/// of an hour at the earliest.
pub(crate) fn stands(response: &Response) -> Vec<String> {
    let without = |item: &str| {
        let Some((item, reset)) = item.split_once(";t=") else { return item.to_owned() };
        assert!(reset.parse::<u64>().unwrap() > 3500, "{item};t={reset}");
        item.to_owned()
    };
    let fields = response.all("ratelimit");
    fields.iter().flat_map(|field| field.split(", ")).map(without).collect()
}

/// The day by which counters of the calendar go: at its end, or its month's, they begin anew.
pub(crate) fn today() -> time::Date {
    time::OffsetDateTime::now_utc().date()
}

pub(crate) fn refused(response: &Response, outcome: &str) {
    assert_eq!((response.status, response.code().as_str()), (429, outcome));
}

#[test]
fn a_credential_has_a_counter_of_its_own_and_is_told_how_it_stands() {
    let upstream = Upstream::echo();
    let gateway = limited(&upstream, "per-key: { max: 2, window: 1h }", "");
    let (one, other) = (gateway.mint("u_1", "org_1"), gateway.mint("u_1", "org_1"));
    let first = get(&gateway, "/", &one);
    assert_eq!(first.status, 200);
    assert_eq!(first.all("ratelimit-policy"), [r#""per-key";q=2;w=3600"#]);
    assert_eq!(stands(&first), [r#""per-key";r=1"#]);
    assert_eq!(stands(&get(&gateway, "/", &one)), [r#""per-key";r=0"#]);
    let over = get(&gateway, "/", &one);
    refused(&over, "rate_exceeded");
    let wait = over.field("retry-after").unwrap();
    assert!((3500..=3600).contains(&wait.parse().unwrap()), "{wait}");
    assert_eq!(over.all("ratelimit-policy"), [r#""per-key";q=2;w=3600"#]);
    assert_eq!(over.all("ratelimit"), [format!(r#""per-key";r=0;t={wait}"#)]);
    assert_eq!(over.all("x-ratelimit-limit"), Vec::<&str>::new());
    assert_eq!(get(&gateway, "/", &other).status, 200);
    assert_eq!(upstream.requests().len(), 3);
    let line = gateway.line(&over.request_id());
    assert_eq!((&line["limit"], &line["stage"]), (&json!("per-key"), &json!("limit")));
    assert_eq!(gateway.line(&first.request_id())["limit"], json!(null));
}

#[test]
fn every_algorithm_refuses_with_its_own_outcome_and_shows_its_window_or_none() {
    let upstream = Upstream::echo();
    for (rule, outcome, policy) in [
        ("max: 1, window: 1h", "rate_exceeded", r#""a";q=1;w=3600"#),
        ("max: 1, window: 1h, algorithm: gcra", "rate_exceeded", r#""a";q=1;w=3600"#),
        ("max: 1, window: day, algorithm: calendar", "quota_exceeded", r#""a";q=1;w=86400"#),
        ("max: 1, window: month, algorithm: calendar", "quota_exceeded", r#""a";q=1"#),
    ] {
        let gateway = limited(&upstream, &format!("a: {{ {rule} }}"), "");
        let key = gateway.mint("u_1", "org_1");
        let day = today();
        assert_eq!(get(&gateway, "/", &key).status, 200);
        let over = get(&gateway, "/", &key);
        if over.status == 200 && day != today() {
            continue;
        }
        refused(&over, outcome);
        assert_eq!(over.all("ratelimit-policy"), [policy]);
        let wait = over.field("retry-after").unwrap();
        assert_eq!(over.all("ratelimit"), [format!(r#""a";r=0;t={wait}"#)]);
    }
}

#[test]
fn limits_count_per_subject_org_ip_api_and_route() {
    let upstream = Upstream::echo();
    // Of each rule: whether another request than the first is counted with it, by key and path.
    let others = [
        ("other key", 1, "/a"),
        ("other subject", 2, "/a"),
        ("other org", 3, "/a"),
        ("other route", 0, "/b"),
    ];
    for (per, counted) in [
        ("credential", [false, false, false, true]),
        ("subject", [true, false, true, true]),
        ("org", [true, true, false, true]),
        ("ip", [true, true, true, true]),
        ("api", [true, true, true, true]),
        ("[credential, route]", [false, false, false, false]),
        ("[subject, org]", [true, false, false, true]),
    ] {
        let keys = "routes: [{ path: /a }, { path: /b }]";
        let rule = format!("a: {{ per: {per}, max: 1, window: 1h }}");
        let gateway = limited(&upstream, &rule, keys);
        let secrets = [("u_1", "org_1"), ("u_1", "org_1"), ("u_2", "org_1"), ("u_1", "org_2")]
            .map(|(subject, org)| gateway.mint(subject, org));
        assert_eq!(get(&gateway, "/a", &secrets[0]).status, 200);
        for ((what, key, path), counted) in others.iter().zip(counted) {
            let status = if counted { 429 } else { 200 };
            assert_eq!(get(&gateway, path, &secrets[*key]).status, status, "per {per}: {what}");
        }
    }
}

#[test]
fn a_rule_whose_per_a_request_lacks_does_not_apply_to_it() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "key: { max: 1, window: 1h }, org: { per: org, max: 1, window: 1h }",
        "routes: [{ path: /open, auth: none }, { path: /perhaps, auth: optional }]",
    );
    for path in ["/open", "/perhaps"] {
        for _ in 0..3 {
            let response = gateway.get(path, &[]);
            assert_eq!(response.status, 200);
            assert_eq!(response.all("ratelimit"), Vec::<&str>::new());
        }
    }
}

#[test]
fn guests_are_counted_by_their_address_and_those_with_a_credential_are_not() {
    let upstream = Upstream::echo();
    let keys = "limits: { guests: { per: ip, max: 1, window: 1h, algorithm: gcra, when: anonymous }, members: { per: ip, max: 2, window: 1h, when: authenticated } }\n\
                routes: [{ path: /**, auth: optional }]";
    let gateway = Setup::new(one_api_with(&upstream, keys))
        .listener("trusted_proxies: [127.0.0.0/8]")
        .start();
    let key = gateway.mint("u_1", "org_1");
    let from = |ip: &str| gateway.get("/", &[("x-forwarded-for", ip)]).status;
    assert_eq!((from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.2")), (200, 429, 200));
    // A subscriber of IPv6 has a /64, and may call from any address of it.
    assert_eq!(from("2001:db8:0:1::1"), 200);
    assert_eq!(from("2001:db8:0:1:ffff::1"), 429);
    assert_eq!(from("2001:db8:0:2::1"), 200);
    let member = || gateway.get("/", &[("x-forwarded-for", "192.0.2.1"), ("x-api-key", &key)]);
    assert_eq!(statuses(member), [200, 200, 429]);
    assert_eq!(member().all("ratelimit-policy"), [r#""members";q=2;w=3600"#]);
}

#[test]
fn default_limits_apply_on_every_route_and_a_routes_own_in_addition() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "all: { max: 100, window: 1h }, some: { max: 1, window: 1h }",
        "routes: [{ path: /a, limits: [some] }, { path: /b }]",
    );
    let key = gateway.mint("u_1", "org_1");
    let b = get(&gateway, "/b", &key);
    assert_eq!(b.all("ratelimit-policy"), [r#""all";q=100;w=3600"#]);
    let a = get(&gateway, "/a", &key);
    assert_eq!(a.all("ratelimit-policy"), [r#""all";q=100;w=3600, "some";q=1;w=3600"#]);
    assert_eq!(get(&gateway, "/a", &key).status, 429);
    assert_eq!(get(&gateway, "/b", &key).status, 200);
}

#[test]
fn there_is_one_counter_per_key_and_rule_whichever_routes_name_it() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "a: { max: 2, window: 1h }",
        "routes: [{ path: /a, limits: [a] }, { path: /b, limits: [a] }]",
    );
    let key = gateway.mint("u_1", "org_1");
    assert_eq!(get(&gateway, "/a", &key).status, 200);
    assert_eq!(get(&gateway, "/b", &key).status, 200);
    assert_eq!((get(&gateway, "/a", &key).status, get(&gateway, "/b", &key).status), (429, 429));
}

#[test]
fn a_request_that_one_rule_refuses_is_charged_by_none() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "wide: { max: 10, window: 1h }, burst: { max: 10, window: 1h, algorithm: gcra, burst: 2 }, month: { per: org, max: 10, window: month, algorithm: calendar }",
        "",
    );
    let key = gateway.mint("u_1", "org_1");
    let last: Vec<_> = (0..6).map(|_| get(&gateway, "/", &key)).collect();
    let statuses: Vec<_> = last.iter().map(|response| response.status).collect();
    assert_eq!(statuses, [200, 200, 429, 429, 429, 429]);
    let shown = last[5].field("ratelimit").unwrap();
    let left: Vec<_> = shown.split(", ").map(|item| item.split(";t=").next().unwrap()).collect();
    assert_eq!(left, [r#""wide";r=8"#, r#""burst";r=0"#, r#""month";r=8"#]);
    let wait: u64 = last[5].field("retry-after").unwrap().parse().unwrap();
    assert!((340..=360).contains(&wait), "{wait}");
    assert_eq!(gateway.line(&last[5].request_id())["limit"], json!("burst"));
}

#[test]
fn an_override_is_another_max_and_keeps_what_was_counted() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "per-key: { max: 2, window: 1h }",
        "plans: { free: { per-key: 1 }, pro: { per-key: 4 } }",
    );
    let org = |plan| json!({ "kind": "org", "state": "ok", "plan": plan });
    assert_eq!(gateway.admin("PUT", "/v1/resources/org_1", &org("pro")).0, 201);
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1", "lifetime": "never" });
    let (id, key) = gateway.create(&body);
    let ask = || get(&gateway, "/", &key);
    let first = ask();
    assert_eq!(first.field("ratelimit-policy"), Some(r#""per-key";q=4;w=3600"#));
    assert_eq!(stands(&first), [r#""per-key";r=3"#]);
    // The plan changes: what was counted stays.
    assert_eq!(gateway.admin("PUT", "/v1/resources/org_1", &org("free")).0, 200);
    let over = ask();
    refused(&over, "rate_exceeded");
    assert_eq!(over.field("ratelimit-policy"), Some(r#""per-key";q=1;w=3600"#));
    // A credential's own wins over its plan's.
    let path = format!("/v1/credentials/{id}");
    let own = |max: u64| json!({ "limits": { "per-key": max } });
    assert_eq!(gateway.admin("PATCH", &path, &own(3)).0, 200);
    assert_eq!(statuses(ask), [200, 200, 429]);
    assert_eq!(gateway.admin("PATCH", &path, &own(2)).0, 200);
    let over = ask();
    assert_eq!((over.status, stands(&over)), (429, vec![r#""per-key";r=0"#.to_owned()]));
    assert_eq!(gateway.admin("PATCH", &path, &json!({ "limits": null })).0, 200);
    assert_eq!(ask().field("ratelimit-policy"), Some(r#""per-key";q=1;w=3600"#));
    // A plan without an override, and one that nobody knows, leave the rule's own.
    assert_eq!(gateway.admin("PUT", "/v1/resources/org_1", &org("other")).0, 200);
    assert_eq!(ask().field("ratelimit-policy"), Some(r#""per-key";q=2;w=3600"#));
}

#[test]
fn an_override_of_a_limit_that_the_api_does_not_have_is_refused() {
    let upstream = Upstream::echo();
    let limits = "per-key: { max: 2, window: 1h }, \
                  guests: { per: ip, max: 2, window: 1h, when: anonymous }, \
                  failures: { per: ip, max: 2, window: 1h, when: refused }";
    let gateway = limited(&upstream, limits, "");
    let create = |limits: serde_json::Value| {
        let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never", "limits": limits });
        gateway.admin("POST", "/v1/credentials", &body).0
    };
    assert_eq!(create(json!({ "per-kye": 5 })), 422);
    assert_eq!(create(json!({ "per-key": 0 })), 422);
    assert_eq!(create(json!({ "per-key": 5 })), 201);
    for of_nobody in ["guests", "failures"] {
        assert_eq!(create(json!({ of_nobody: 5 })), 422, "no credential is counted by it");
    }
    let (id, _) = gateway
        .create(&json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" }));
    let change = json!({ "limits": { "failures": 5 } });
    assert_eq!(gateway.admin("PATCH", &format!("/v1/credentials/{id}"), &change).0, 422);
}

#[test]
fn a_rule_that_comes_to_count_failures_starts_anew() {
    let upstream = Upstream::echo();
    let gateway = limited(&upstream, "a: { per: ip, max: 2, window: 1h }", "");
    let key = gateway.mint("u_1", "org_1");
    assert_eq!(statuses(|| get(&gateway, "/", &key)), [200, 200, 429]);
    gateway.replace("window: 1h }", "window: 1h, when: refused }");
    gateway.reloaded();
    assert_eq!(statuses(|| get(&gateway, "/", &gateway.mint("u_1", "org_1"))), [200, 200]);
}

#[test]
fn a_place_is_held_until_the_tunnel_ends() {
    let gate = Gate::default();
    let script = gate.clone();
    let upstream = Upstream::scripted(move |connection| {
        while let Some(request) = connection.head() {
            if request.field("upgrade").is_none() {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            connection.write(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            );
            script.wait();
            return;
        }
    });
    let keys = open_api(&upstream, "upgrade: [websocket]")
        + "    limits: { streams: { per: ip, max: 1, algorithm: concurrency } }\n";
    let gateway = Gateway::start(keys);
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut client = gateway.connect();
    let switched = client.send(request("GET", "/", &upgrade, "")).response();
    assert_eq!(switched.status, 101);
    assert_eq!(
        switched.field("ratelimit-policy"),
        Some(r#""streams";q=1;qu="concurrent-requests""#)
    );
    assert_eq!(switched.field("ratelimit"), Some(r#""streams";r=0"#));
    let over = gateway.get("/", &[]);
    refused(&over, "rate_exceeded");
    assert_eq!(
        (over.field("retry-after"), over.field("ratelimit")),
        (Some("1"), Some(r#""streams";r=0"#))
    );
    gate.open();
    drop(client);
    gateway.line(&switched.request_id());
    assert_eq!(gateway.get("/", &[]).status, 200);
}
