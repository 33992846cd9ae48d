//! Contract 10: the configuration over the admin API.

use serde_json::{Value, json};

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Client, Gateway, Response, Setup, Upstream, one_api, request};

/// `POST /v1/config/check` with this body.
fn check(gateway: &Gateway, yaml: &str) -> Value {
    let response = post(gateway, yaml, &format!("Bearer {ADMIN_TOKEN}"));
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn post(gateway: &Gateway, yaml: &str, authorization: &str) -> Response {
    let fields = [
        ("authorization", authorization),
        ("connection", "close"),
        ("content-type", "application/yaml"),
    ];
    let bytes = request("POST", "/v1/config/check", &fields, yaml);
    Client::connect(gateway.address("admin")).send(bytes).response()
}

fn text(gateway: &Gateway) -> String {
    std::fs::read_to_string(gateway.config()).unwrap()
}

#[test]
fn what_is_in_force_is_shown_as_it_was_written_and_no_secret_with_it() {
    let upstream = Upstream::echo();
    let literal = "a-literal-pepper-that-stands-in-the-file";
    let gateway = Setup::new(one_api(&upstream))
        .store(&format!("pepper: {literal}"))
        .server("replica: \"${REPLICA}\"")
        .environment("REPLICA", "left-or-right")
        .start();
    let (status, shown) = gateway.admin("GET", "/v1/config", &Value::Null);
    assert_eq!(status, 200);
    let configuration = &shown["configuration"];
    assert_eq!(configuration["server"]["admin"]["token"], "${PORTCULLIS_ADMIN_TOKEN:-}");
    assert_eq!(configuration["server"]["replica"], "${REPLICA}");
    assert_eq!(configuration["store"]["pepper"], "***");
    assert_eq!(configuration["apis"][0]["schemes"][0]["prefix"], "ak_");
    assert_eq!((&shown["generation"], shown["hash"].as_str().unwrap().len()), (&json!(1), 16));
    assert!(shown["source"].as_str().unwrap().ends_with("portcullis.yaml"));
    let shown = shown.to_string();
    for secret in [ADMIN_TOKEN, literal, "left-or-right"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_configuration_that_is_sent_is_judged_by_this_gateway_and_changes_nothing() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let good = text(&gateway);
    let same = check(&gateway, &good);
    assert_eq!(
        (&same["valid"], &same["changed"], &same["generation"]),
        (&json!(true), &json!(false), &json!(1))
    );
    let other = check(&gateway, &good.replace("ak_", "bk_"));
    assert_eq!((&other["valid"], &other["changed"]), (&json!(true), &json!(true)));
    let bad = check(
        &gateway,
        &good.replace("prefix: ak_", "prfix: ak_").replace("upstream: app", "upstream: ap"),
    );
    assert_eq!(bad["valid"], false);
    let problems = bad["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{bad}");
    assert_eq!(problems[0]["path"], "apis[0].upstream");
    assert!(problems[0]["source"].as_str().unwrap().ends_with("body"), "{bad}");
    assert!(
        problems[0]["line"].as_u64().unwrap() > 1 && problems[0]["column"].as_u64().unwrap() > 1
    );
    let restart = check(&gateway, &good.replace("path: portcullis.db", "path: other.db"));
    assert_eq!((&restart["valid"], &restart["problems"]), (&json!(false), &json!([])));
    assert_eq!(restart["restart_required"][0]["path"], "store.path");
    let missing = check(&gateway, &good.replace("ak_", "\"${NOT_SET_THERE}\""));
    assert!(
        missing["problems"][0]["message"].as_str().unwrap().contains("NOT_SET_THERE"),
        "{missing}"
    );
    assert_eq!(gateway.reloads("invalid") + gateway.reloads("applied"), 0);
    assert_eq!(gateway.metrics().count("config_generation", &[]), 1);
}

#[test]
fn without_a_body_the_files_are_checked_that_a_reload_would_read() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).server("threads: 2").start();
    assert_eq!(check(&gateway, "")["changed"], false);
    gateway.replace("threads: 2", "threads: 1");
    assert_eq!(check(&gateway, "")["restart_required"][0]["path"], "server.threads");
    gateway.rewrite(|text| text.replace("threads: 1", "threads: 2").replace("ak_", "bk_"));
    let checked = check(&gateway, "");
    // Where the machine was slow, whoever watches the files has been faster, and they are what is in force.
    let changed = checked["generation"] == 1;
    assert_eq!((&checked["valid"], &checked["changed"]), (&json!(true), &json!(changed)));
}

#[test]
fn a_large_configuration_is_checked_whether_or_not_it_comes_with_a_key() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let large = format!("{}\n# {}", text(&gateway), "x".repeat(1 << 20));
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    for _ in 0..2 {
        let fields = [
            ("authorization", authorization.as_str()),
            ("connection", "close"),
            ("content-type", "application/yaml"),
            ("idempotency-key", "k"),
        ];
        let bytes = request("POST", "/v1/config/check", &fields, &large);
        let response = Client::connect(gateway.address("admin")).send(bytes).response();
        assert_eq!((response.status, &response.json()["valid"]), (200, &json!(true)));
        assert!(response.json().get("replayed").is_none());
    }
}

#[test]
fn nothing_that_is_sent_is_overlooked() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for (method, path, body, field) in [
        ("GET", "/v1/config?x=1", Value::Null, "x"),
        ("POST", "/v1/config/check?x=1", Value::Null, "x"),
        ("POST", "/v1/config/reload?wait=all&nonsense=1", Value::Null, "nonsense"),
        ("POST", "/v1/config/reload?wait=some", Value::Null, "wait"),
        ("POST", "/v1/config/reload", json!({ "unknown": 1 }), "unknown"),
    ] {
        let (status, answer) = gateway.admin(method, path, &body);
        assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!(field)), "{path}");
    }
    assert_eq!(gateway.reloads("applied"), 0);
    for (path, waited) in
        [("/v1/config/reload", false), ("/v1/config/reload?wait=all&timeout=5s", true)]
    {
        let (status, answer) = gateway.admin("POST", path, &Value::Null);
        assert_eq!((status, answer.get("propagation").is_some()), (200, waited), "{answer}");
        if waited {
            assert_eq!(answer["propagation"]["complete"], true, "{answer}");
            assert_eq!(answer["propagation"]["replicas"][0]["state"], "applied");
        }
    }
}

#[test]
fn nobody_without_the_token_sees_or_changes_anything() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for (method, path) in
        [("GET", "/v1/config"), ("POST", "/v1/config/check"), ("POST", "/v1/config/reload")]
    {
        for fields in [&[][..], &[("authorization", "Bearer wrong-token-0123456789")]] {
            let response = gateway.admin_raw(method, path, fields, &Value::Null);
            assert_eq!(response.status, 401, "{method} {path}");
            assert!(!response.text().contains("upstream"), "{}", response.text());
        }
    }
}

#[test]
fn bodies_that_are_no_configuration_are_answered_and_cost_little() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for body in
        ["\u{0}", "- a", "a: &x [*x]", "{}", "[[[[[[[[", "upstreams: { app: [${file:/dev/zero}] }"]
    {
        assert_eq!(check(&gateway, body)["valid"], false, "{body}");
    }
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let large = format!("# {}", "x".repeat(5 << 20));
    assert_eq!(check(&gateway, &large)["valid"], false);
    let too_large = "x".repeat((16 << 20) + 1);
    let response = post(&gateway, &too_large, &authorization);
    assert_eq!((response.status, response.code().as_str()), (413, "body_too_large"));
    for (kind, body) in [
        ("application/vnd.portcullis.files+json", "{\"files\": 1}"),
        ("application/vnd.portcullis.files+json", "nonsense"),
    ] {
        let fields = [
            ("authorization", authorization.as_str()),
            ("connection", "close"),
            ("content-type", kind),
        ];
        let bytes = request("POST", "/v1/config/check", &fields, body);
        assert_eq!(Client::connect(gateway.address("admin")).send(bytes).response().status, 400);
    }
    let problem = check(&gateway, "upstreams: { app: [\"${file:/etc/passwd}\"] }").to_string();
    assert!(!problem.contains("root:"), "{problem}");
}
