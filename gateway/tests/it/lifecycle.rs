//! Contract 3, 4 and 9: from the admin call's answer on, every request is judged by it.

#![expect(clippy::disallowed_methods, reason = "expiry is compared with the wall clock")]

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::{
    Gateway, H2, PATIENCE, Setup, Upstream, instant_after, one_api, one_api_with, request,
};

fn forever(subject: &str) -> Value {
    json!({ "api": "app", "scheme": "key", "subject": subject, "lifetime": "never" })
}

#[test]
fn the_request_after_the_answer_to_a_revocation_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    let mut h2 = H2::connect(gateway.address("public"));
    for round in 0..20 {
        let (id, secret) = gateway.create(&forever("u_1"));
        let bytes = request("GET", "/", &[("x-api-key", &secret)], "");
        assert_eq!(client.send(&bytes).response().status, 200);
        assert_eq!(h2.get("/", &[("x-api-key", &secret)]).status, 200, "cached");
        let wait = ["", "?wait=none", "?wait=all"][round % 3];
        let (status, answer) =
            gateway.admin("POST", &format!("/v1/credentials/{id}/revoke{wait}"), &json!({}));
        assert_eq!(status, 200, "{answer}");
        let response = client.send(&bytes).response();
        assert_eq!(
            (response.status, response.code().as_str()),
            (401, "credential_invalid"),
            "round {round}"
        );
        assert_eq!(h2.get("/", &[("x-api-key", &secret)]).status, 401);
        assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_revoked");
    }
}

#[test]
fn the_request_after_the_answer_to_a_deletion_is_unknown() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (id, secret) = gateway.create(&forever("u_1"));
    assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    assert_eq!(gateway.admin("DELETE", &format!("/v1/credentials/{id}"), &Value::Null).0, 204);
    let response = gateway.get("/", &[("x-api-key", &secret)]);
    assert_eq!(response.status, 401);
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_unknown");
}

#[test]
fn a_credential_is_good_from_the_answer_to_its_creation_even_if_it_was_unknown_a_moment_ago() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).store("cache: { negative_ttl: 60s }").start();
    let mut client = gateway.connect();
    for round in 0..50 {
        let secret = format!("ak_brought-along-{round}");
        let bytes = request("GET", "/", &[("x-api-key", &secret)], "");
        assert_eq!(client.send(&bytes).response().status, 401);
        assert_eq!(client.send(&bytes).response().status, 401);
        let mut body = forever("u_1");
        body["secret"] = json!(secret);
        gateway.create(&body);
        assert_eq!(client.send(&bytes).response().status, 200, "round {round}");
    }
}

#[test]
fn a_secret_may_be_brought_again_after_its_deletion_but_not_after_its_revocation() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut body = forever("u_1");
    body["secret"] = json!("ak_brought-along");
    let ask = || gateway.get("/", &[("x-api-key", "ak_brought-along")]).status;
    let (id, _) = gateway.create(&body);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    assert_eq!(gateway.admin("POST", "/v1/credentials", &body).0, 409);
    assert_eq!(ask(), 401);
    assert_eq!(gateway.admin("DELETE", &format!("/v1/credentials/{id}"), &Value::Null).0, 204);
    gateway.create(&body);
    assert_eq!(ask(), 200);
}

#[test]
fn expiry_holds_to_the_millisecond_with_a_warm_cache() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (expires, text) = instant_after(Duration::from_secs(3));
    let (_, secret) = gateway.create(&json!({
        "api": "app", "scheme": "key", "subject": "u_1",
        "expires_at": text,
    }));
    let bytes = request("GET", "/", &[("x-api-key", &secret)], "");
    let mut client = gateway.connect();
    let (mut good, mut refused) = (0, 0);
    while refused < 50 {
        let before = SystemTime::now();
        let response = client.send(&bytes).response();
        let after = SystemTime::now();
        match response.status {
            200 => {
                assert!(before < expires, "admitted {:?} late", before.duration_since(expires));
                good += 1;
            }
            401 => {
                assert!(after >= expires, "refused {:?} early", expires.duration_since(after));
                assert_eq!(response.code(), "credential_invalid");
                refused += 1;
            }
            other => panic!("{other}: {}", response.text()),
        }
    }
    assert!(good > 0, "the machine was too slow to ask once in three seconds");
    let id = client.send(&bytes).response().request_id();
    assert_eq!(gateway.line(&id)["outcome"], "credential_expired");
}

#[test]
fn a_use_is_on_record_soon_and_is_no_change_and_a_refused_one_is_no_use() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api_with(
        &upstream,
        "routes: [{ path: /a, scopes: { GET: [x] } }, { path: /b }]",
    ))
    .start();
    let show = |id: &str| gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null).1;
    let mut refused = forever("u_2");
    refused["scopes"] = json!([]);
    let (unused, secret) = gateway.create(&refused);
    assert_eq!(gateway.get("/a", &[("x-api-key", &secret)]).status, 403);
    let (used, secret) = gateway.create(&forever("u_1"));
    assert_eq!(show(&used)["last_used_at"], Value::Null);
    assert_eq!(gateway.get("/b", &[("x-api-key", &secret)]).status, 200);
    let began = Instant::now();
    while show(&used)["last_used_at"].is_null() {
        assert!(began.elapsed() < PATIENCE, "the use was never told");
    }
    assert_eq!(show(&used)["version"], 1);
    assert_eq!(show(&unused)["last_used_at"], Value::Null);
}

#[test]
fn credentials_and_their_ends_survive_a_restart() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (_, live) = gateway.create(&forever("u_live"));
    let (id, revoked) = gateway.create(&forever("u_revoked"));
    assert_eq!(
        gateway
            .admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({"reason": "lost"}))
            .0,
        200
    );
    let folder = gateway.stop();
    let gateway = Setup::new(one_api(&upstream)).start_in(folder);
    assert_eq!(
        gateway.get("/", &[("x-api-key", &live)]).echo().field("x-subject-id").as_deref(),
        Some("u_live")
    );
    let response = gateway.get("/", &[("x-api-key", &revoked)]);
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_revoked");
    assert_eq!(
        gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null).1["revoke_reason"],
        "lost"
    );
}

#[test]
fn an_acknowledged_revocation_survives_a_kill() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::start(one_api(&upstream));
    let (id, secret) = gateway.create(&forever("u_1"));
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    gateway.signal("KILL");
    gateway.wait_exit();
    let gateway = Setup::new(one_api(&upstream)).start_in(gateway.into_folder());
    assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 401);
}

#[test]
fn digests_brought_along_open_for_the_secrets_they_are_of() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let digest = ring::digest::digest(&ring::digest::SHA256, b"ak_kept-as-a-digest");
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut body = forever("u_1");
    body["secret_sha256"] = json!(hex);
    let (status, answer) = gateway.admin("POST", "/v1/credentials", &body);
    assert_eq!(status, 201, "{answer}");
    let response = gateway.get("/", &[("x-api-key", "ak_kept-as-a-digest")]);
    assert_eq!(response.echo().field("x-subject-id").as_deref(), Some("u_1"));
    assert_eq!(gateway.get("/", &[("x-api-key", &format!("ak_{hex}"))]).status, 401);
}

#[test]
fn a_revocation_ends_a_request_that_waits_for_its_upstream() {
    let upstream = Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    });
    let gateway = Gateway::start(one_api(&upstream));
    let (id, secret) = gateway.create(&forever("u_1"));
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[("x-api-key", &secret)], ""));
    upstream.wait_for_requests(1);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    let response = client.response();
    assert_eq!((response.status, response.code().as_str()), (401, "credential_invalid"));
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_revoked");
    upstream.wait_for_ends(1);
}
