//! Contract 10 on the real thing: what a change of a record does to the requests that come after it.

use serde_json::{Value, json};

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Client, Gateway, Setup, Upstream, one_api, request};

fn status(gateway: &Gateway, secret: &str) -> u16 {
    gateway.get("/", &[("x-api-key", secret)]).status
}

fn path(id: &str, action: &str) -> String {
    format!("/v1/credentials/{id}{action}")
}

fn order() -> Value {
    json!({ "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1" })
}

#[test]
fn a_successor_is_good_at_once_and_the_old_one_until_the_overlap_ends() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (id, old) = gateway.create(&order());
    let rotate = |id: &str, overlap: &str| -> (String, String) {
        let (status, made) =
            gateway.admin("POST", &path(id, "/rotate"), &json!({ "overlap": overlap }));
        assert_eq!(status, 201, "{made}");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        (word(&made["credential"]["id"]), word(&made["secret"]))
    };
    let (second_id, second) = rotate(&id, "1h");
    assert_eq!((status(&gateway, &old), status(&gateway, &second)), (200, 200));
    let (_, third) = rotate(&second_id, "0s");
    assert_eq!(status(&gateway, &old), 200);
    assert_eq!((status(&gateway, &second), status(&gateway, &third)), (401, 200));
}

#[test]
fn a_disabled_credential_is_refused_until_it_is_enabled() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (id, secret) = gateway.create(&order());
    for (disabled, expected) in [(true, 401), (false, 200), (true, 401)] {
        let change = json!({ "disabled": disabled });
        assert_eq!(gateway.admin("PATCH", &path(&id, ""), &change).0, 200);
        assert_eq!(status(&gateway, &secret), expected, "{disabled}");
    }
}

#[test]
fn a_revealed_secret_opens_also_after_a_restart_and_lies_nowhere_in_the_store() {
    let upstream = Upstream::echo();
    let scheme = "schemes: [{ name: key, prefix: ak_, issue: { revealable: true } }]";
    let yaml = one_api(&upstream).replace("schemes: [{ name: key, prefix: ak_ }]", scheme);
    let setup = || {
        Setup::new(yaml.clone()).store("sealing_key: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
    };
    let gateway = setup().start();
    let (id, secret) = gateway.create(&order());
    let folder = gateway.stop();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(crate::support::http1::find(&bytes, secret.as_bytes()).is_none());
    }
    let gateway = setup().start_in(folder);
    let (answered, revealed) = gateway.admin("POST", &path(&id, "/reveal"), &json!({}));
    assert_eq!((answered, revealed["secret"].as_str()), (200, Some(secret.as_str())));
    assert_eq!(status(&gateway, &secret), 200);
}

#[test]
fn a_revocation_of_a_subject_ends_all_its_credentials_and_nobody_elses() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mine: Vec<String> = (0..3).map(|_| gateway.create(&order()).1).collect();
    let other = gateway.mint("u_2", "org_1");
    let asked = json!({ "api": "app", "subject": "u_1" });
    let (answered, revoked) = gateway.admin("POST", "/v1/revocations?wait=all", &asked);
    assert_eq!((answered, &revoked["revoked"]), (200, &json!(3)));
    for secret in &mine {
        assert_eq!(status(&gateway, secret), 401);
    }
    assert_eq!(status(&gateway, &other), 200);
    let (answered, _) =
        gateway.admin("POST", "/v1/revocations", &json!({ "api": "app", "secret": other }));
    assert_eq!((answered, status(&gateway, &other)), (200, 401));
}

#[test]
fn what_explain_says_is_what_happens() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (id, secret) = gateway.create(&order());
    let explain = |key: &str| -> Value {
        let asked = json!({ "method": "GET", "url": "http://localhost/x", "headers": { "x-api-key": key } });
        let (status, explained) = gateway.admin("POST", "/v1/explain", &asked);
        assert_eq!(status, 200, "{explained}");
        explained
    };
    let before = explain(&secret);
    assert_eq!(before["allowed"], true, "{before}");
    let answer = gateway.get("/x", &[("x-api-key", &secret)]);
    let echoed = String::from_utf8_lossy(&answer.body).into_owned();
    for name in ["x-org-id", "x-subject-id", "x-credential-id"] {
        let value = before["identity"][name].as_str().unwrap();
        let field = format!("[\"{name}\",\"{value}\"]");
        assert!(echoed.contains(&field), "{field} in {echoed}");
    }
    gateway.admin("POST", &path(&id, "/revoke"), &json!({}));
    for key in [secret.as_str(), "ak_nobody-has-this-one"] {
        let answer = gateway.get("/x", &[("x-api-key", key)]);
        let line = gateway.line(&answer.request_id());
        let explained = explain(key);
        assert_eq!(explained["outcome"], line["outcome"]);
        assert_eq!(explained["status"], answer.status);
    }
}

#[test]
fn events_come_over_the_wire_as_they_are_made() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let mut client = Client::connect(gateway.address("admin"));
    client.send(request("GET", "/v1/events", &[("authorization", &authorization)], ""));
    let head = String::from_utf8(client.head()).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("text/event-stream"), "{head}");
    let (id, _) = gateway.create(&order());
    let mut read = String::new();
    while !read.contains(&id) {
        read.push_str(&String::from_utf8(client.some()).unwrap());
    }
    assert!(read.contains("event: credential.created"), "{read}");
}
