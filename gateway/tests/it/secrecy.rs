//! Contract 9.5: a secret is never readable.

use serde_json::{Value, json};

use crate::support::gateway::{ADMIN_TOKEN, PEPPER};
use crate::support::{Gateway, Setup, Upstream, one_api, one_api_with, request};

#[test]
fn no_secret_that_was_sent_appears_in_logs_metrics_or_admin_answers() {
    let upstream = Upstream::echo();
    let lines = "schemes: [{ name: key, prefix: ak_, from: [bearer, \"header:x-api-key\", \"cookie:sid\", \"query:k\"] }]";
    let yaml =
        one_api_with(&upstream, lines).replace("    schemes: [{ name: key, prefix: ak_ }]\n", "");
    let gateway = Setup::new(yaml + "telemetry: { log: { level: debug } }\n").start();
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (id, secret) = gateway.create(&body);
    let brought = "ak_imported-secret-of-thirty";
    let mut imported = body.clone();
    imported["secret"] = json!(brought);
    let (status, answer) = gateway.admin("POST", "/v1/credentials", &imported);
    assert_eq!(status, 201, "{answer}");
    let unknown = "ak_unknown-secret-of-someone";
    let mistyped = format!("{secret}x");
    let secrets = [secret.as_str(), brought, unknown, &mistyped];
    let mut ids = Vec::new();
    for sent in secrets {
        let (bearer, cookie) = (format!("Bearer {sent}"), format!("sid={sent}"));
        ids.push(gateway.get("/", &[("authorization", &bearer)]).request_id());
        ids.push(gateway.get("/", &[("x-api-key", sent)]).request_id());
        ids.push(gateway.get("/", &[("cookie", &cookie)]).request_id());
        ids.push(gateway.get(&format!("/?k={sent}"), &[]).request_id());
        let both = gateway.get(&format!("/?k={sent}"), &[("x-api-key", "ak_another-one")]);
        assert!(!both.text().contains(sent));
        ids.push(both.request_id());
        let malformed = request("GET", "/", &[("x-api-key", sent), ("bad_name", sent)], "");
        ids.push(gateway.send(malformed).request_id());
    }
    let answers = [
        gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null).1,
        gateway.admin("GET", "/v1/credentials", &Value::Null).1,
        gateway.admin("POST", "/v1/credentials", &imported).1,
        gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).1,
    ];
    for id in &ids {
        gateway.line(id);
    }
    let mut places: Vec<_> = answers.iter().map(Value::to_string).collect();
    places.extend([gateway.said(), gateway.metrics().0, gateway.health("/ready").text()]);
    for place in places {
        for secret in secrets.into_iter().chain([ADMIN_TOKEN, PEPPER]) {
            assert!(!place.contains(secret), "{secret} in {place}");
        }
    }
}

#[test]
fn no_secret_lies_in_the_store() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (_, secret) = gateway.create(&body);
    assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    let folder = gateway.stop();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for needle in [secret.as_bytes(), PEPPER.as_bytes()] {
            assert!(crate::support::http1::find(&bytes, needle).is_none(), "{}", path.display());
        }
    }
}

#[test]
fn the_hint_is_the_prefix_and_the_last_four_characters() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (id, secret) = gateway.create(&body);
    let hint =
        gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null).1["hint"].clone();
    let hint = hint.as_str().unwrap();
    assert!(
        hint.starts_with("ak_") && secret.ends_with(hint.get(hint.len() - 4..).unwrap()),
        "{hint}"
    );
    assert!(hint.len() < 16, "{hint}");
    let mut short = body;
    short["secret"] = json!("ak_short-one");
    let (_, answer) = gateway.admin("POST", "/v1/credentials", &short);
    let hint = answer["credential"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.starts_with("ak_") && !hint.contains("one"), "{hint}");
}
