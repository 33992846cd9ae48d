//! Contract 2, `shadow`: stages that are evaluated and recorded but do not refuse.

use serde_json::{Value, json};

use crate::support::{Gate, Gateway, Upstream, one_api_with, request};

/// Routes by which of their stages are in shadow. A board needs `edit`.
const ROUTES: &str = "routes:
  - { path: \"/both/{board}\", resource: board, level: { \"*\": edit }, shadow: [limit, authorize] }
  - { path: \"/limit/{board}\", resource: board, level: { \"*\": edit }, shadow: [limit] }
  - { path: \"/authorize/{board}\", resource: board, level: { \"*\": edit }, shadow: [authorize] }
  - { path: \"/none/{board}\", resource: board, level: { \"*\": edit } }
limits: { per-key: { max: 1, window: 1h } }
identity: { headers: { x-org-id: org, x-user-id: subject, x-level: level } }";

fn gateway(upstream: &Upstream) -> Gateway {
    let gateway = Gateway::start(one_api_with(upstream, ROUTES));
    assert_eq!(gateway.admin("PUT", "/v1/resources/org_1", &json!({ "kind": "org" })).0, 201);
    let board = json!({ "kind": "board", "parent": "org_1" });
    assert_eq!(gateway.admin("PUT", "/v1/resources/b_1", &board).0, 201);
    gateway
}

/// A key that may read boards, and edit none.
fn reader(gateway: &Gateway) -> String {
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1", "ceiling": "read" });
    gateway.create(&body).1
}

fn counted(gateway: &Gateway, route: &str, outcome: &str) -> u64 {
    let labels = [("api", "app"), ("route", route), ("outcome", outcome)];
    gateway.metrics().count("shadow_refusals_total", &labels)
}

/// Status, outcome, `shadow` and `limit` of one request.
fn ask(gateway: &Gateway, path: &str, key: &str) -> (u16, [Value; 3]) {
    let response = gateway.get(path, &[("x-api-key", key)]);
    let line = gateway.line(&response.request_id());
    (response.status, ["outcome", "shadow", "limit"].map(|name| line[name].clone()))
}

#[test]
fn a_limit_in_shadow_admits_what_it_would_refuse_and_says_so() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = gateway.mint("u_1", "org_1");
    let [forwarded, exceeded] = ["forwarded", "rate_exceeded"].map(|outcome| json!(outcome));
    let rule = json!("per-key");
    assert_eq!(
        ask(&gateway, "/limit/b_1", &key),
        (200, [forwarded.clone(), json!(null), json!(null)])
    );
    for _ in 0..3 {
        let over = ask(&gateway, "/limit/b_1", &key);
        assert_eq!(over, (200, [forwarded.clone(), exceeded.clone(), rule.clone()]));
    }
    // Elsewhere the same rule refuses: it counted what it would have admitted.
    assert_eq!(ask(&gateway, "/authorize/b_1", &key), (429, [exceeded, json!(null), rule]));
    assert_eq!(counted(&gateway, "/limit/{board}", "rate_exceeded"), 3);
}

#[test]
fn a_limit_in_shadow_leaves_the_stages_after_it_in_force() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = reader(&gateway);
    let refused = json!("level_insufficient");
    assert_eq!(
        ask(&gateway, "/limit/b_1", &key),
        (403, [refused.clone(), json!(null), json!(null)])
    );
    let over = (403, [refused, json!("rate_exceeded"), json!("per-key")]);
    assert_eq!(ask(&gateway, "/limit/b_1", &key), over);
}

#[test]
fn authorize_in_shadow_admits_what_it_would_refuse_and_tells_the_upstream_no_level() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let (reader, writer) = (reader(&gateway), gateway.mint("u_2", "org_1"));
    let refused = ask(&gateway, "/authorize/b_1", &reader);
    assert_eq!(refused, (200, [json!("forwarded"), json!("level_insufficient"), json!(null)]));
    let passed = ask(&gateway, "/authorize/b_1", &writer);
    assert_eq!(passed, (200, [json!("forwarded"), json!(null), json!(null)]));
    let [first, second] = &upstream.requests()[..] else { panic!("two were forwarded") };
    assert_eq!((first.all("x-user-id"), first.all("x-org-id")), (vec!["u_1"], vec!["org_1"]));
    assert_eq!(first.all("x-level"), Vec::<&str>::new());
    assert_eq!(second.all("x-level"), ["admin"]);
}

#[test]
fn both_stages_in_shadow_are_both_recorded() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = reader(&gateway);
    ask(&gateway, "/both/b_1", &key);
    let second = ask(&gateway, "/both/b_1", &key);
    let both = json!("rate_exceeded,level_insufficient");
    assert_eq!(second, (200, [json!("forwarded"), both, json!("per-key")]));
    for (outcome, count) in [("rate_exceeded", 1), ("level_insufficient", 2)] {
        assert_eq!(counted(&gateway, "/both/{board}", outcome), count);
    }
}

#[test]
fn who_is_asking_is_never_in_shadow() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    assert_eq!(ask(&gateway, "/both/b_1", "ak_unknown").1[0], "credential_unknown");
    let key = reader(&gateway);
    let suspended = json!({ "kind": "user", "state": "suspended" });
    assert_eq!(gateway.admin("PUT", "/v1/subjects/u_1", &suspended).0, 201);
    assert_eq!(ask(&gateway, "/both/b_1", &key).1[0], "subject_suspended");
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_state_that_is_only_observed_ends_no_request_under_way() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let gateway = gateway(&upstream);
    let key = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    client.send(request("GET", "/authorize/b_1", &[("x-api-key", &key)], ""));
    upstream.wait_for_requests(1);
    let locked = json!({ "kind": "org", "state": "locked" });
    assert_eq!(gateway.admin("PUT", "/v1/resources/org_1", &locked).0, 200);
    gate.open();
    assert_eq!(client.response().status, 204);
}

#[test]
fn explain_tells_what_a_stage_in_shadow_would_have_said() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = reader(&gateway);
    ask(&gateway, "/both/b_1", &key);
    let asked = json!({
        "method": "GET", "url": "http://app.test/both/b_1", "headers": { "x-api-key": key },
    });
    let (_, explained) = gateway.admin("POST", "/v1/explain", &asked);
    assert_eq!((&explained["allowed"], &explained["outcome"]), (&json!(true), &json!("forwarded")));
    let stage = |name: &str| {
        let stages = explained["stages"].as_array().unwrap().iter();
        stages.clone().find(|stage| stage["stage"] == name).unwrap()["outcome"].clone()
    };
    assert_eq!(stage("limit"), "rate_exceeded");
    assert_eq!(stage("authorize"), "level_insufficient");
    assert_eq!(stage("authenticate"), "passed");
}
