//! Contract 10, as far as there are credentials: create, get, list, revoke, delete.

use std::thread;

use serde_json::{Value, json};

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Gateway, Setup, Upstream, one_api, one_api_with};

fn body() -> Value {
    json!({ "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1", "lifetime": "30d" })
}

/// The body with these members instead.
fn with(members: Value) -> Value {
    let mut body = body();
    let Value::Object(members) = members else { panic!("no object") };
    body.as_object_mut().unwrap().extend(members);
    body
}

/// Refused with this status, naming this field, and without a word of a secret that was brought.
#[track_caller]
fn refused(gateway: &Gateway, body: &Value, status: u16, field: &str) {
    let (found, answer) = gateway.admin("POST", "/v1/credentials", body);
    assert_eq!(found, status, "{answer}");
    let text = answer.to_string();
    assert!(text.contains(field), "{text} does not name {field}");
    assert!(body["secret"].as_str().is_none_or(|secret| !text.contains(secret)), "{text}");
}

#[test]
fn a_credential_is_made_with_its_secret_shown_once() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (status, answer) = gateway.admin(
        "POST",
        "/v1/credentials",
        &with(json!({
            "name": "ci", "external_id": "ext_1", "metadata": { "team": "blue" },
        })),
    );
    assert_eq!(status, 201);
    let secret = answer["secret"].as_str().unwrap();
    assert!(secret.starts_with("ak_") && secret.len() == 3 + 43 + 6, "{secret}");
    let credential = &answer["credential"];
    let id = credential["id"].as_str().unwrap();
    assert!(id.starts_with("crd_"));
    for (key, value) in [
        ("api", json!("app")),
        ("scheme", json!("key")),
        ("name", json!("ci")),
        ("external_id", json!("ext_1")),
        ("subject", json!("u_1")),
        ("org", json!("org_1")),
        ("metadata", json!({ "team": "blue" })),
        ("revoked_at", Value::Null),
        ("version", json!(1)),
    ] {
        assert_eq!(credential[key], value, "{key}");
    }
    let (status, shown) = gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null);
    assert_eq!((status, &shown["id"]), (200, &credential["id"]));
    assert!(shown.get("secret").is_none());
}

#[test]
fn without_the_token_there_is_no_answer_but_401() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let wrong = format!("Bearer {ADMIN_TOKEN}x");
    let basic = format!("Basic {ADMIN_TOKEN}");
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("authorization", "Bearer")],
        &[("authorization", &wrong)],
        &[("authorization", &basic)],
        &[("x-api-key", ADMIN_TOKEN)],
    ];
    for fields in cases {
        for path in ["/v1/credentials", "/v1/credentials/crd_x", "/nowhere"] {
            let response = gateway.admin_raw("GET", path, fields, &Value::Null);
            assert_eq!(response.status, 401, "{path} {fields:?}");
            assert!(response.field("www-authenticate").is_some());
        }
    }
}

#[test]
fn without_a_configured_token_there_is_no_admin_api_and_the_start_says_so() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).environment("PORTCULLIS_ADMIN_TOKEN", "").start();
    assert!(!gateway.listens("admin"));
    assert!(gateway.said().contains("admin"), "{}", gateway.said());
    assert_eq!(gateway.get("/", &[]).status, 401);
}

#[test]
fn what_cannot_be_is_422_and_names_the_field() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, "realm: r"));
    for (members, field) in [
        (json!({ "colour": "red" }), "colour"),
        (json!({ "api": "none" }), "api"),
        (json!({ "scheme": "none" }), "scheme"),
        (json!({ "subject": "a,b" }), "subject"),
        (json!({ "subject": "" }), "subject"),
        (json!({ "org": "*" }), "org"),
        (json!({ "lifetime": "30" }), "lifetime"),
        (json!({ "lifetime": "30 d" }), "lifetime"),
        (json!({ "lifetime": "P30D" }), "lifetime"),
        (json!({ "secret": "zz_of-no-scheme" }), "secret"),
        (json!({ "secret": "ak_with,comma" }), "secret"),
        (json!({ "secret": "ak_with space" }), "secret"),
        (json!({ "secret": format!("ak_{}", "a".repeat(4096)) }), "secret"),
        (json!({ "secret": format!("ak_{}", "a".repeat(49)) }), "secret"),
        (json!({ "secret_sha256": "abc" }), "secret_sha256"),
        (json!({ "name": "n".repeat(10_000) }), "name"),
    ] {
        refused(&gateway, &with(members), 422, field);
    }
    for expires_at in [
        json!(1_900_000_000),
        json!(1_900_000_000_000_i64),
        json!("1900000000"),
        json!("2030-01-01"),
        json!("2030-01-01T00:00:00"),
        json!("2020-01-01T00:00:00Z"),
    ] {
        let mut body = with(json!({ "expires_at": expires_at }));
        body.as_object_mut().unwrap().remove("lifetime");
        refused(&gateway, &body, 422, "expires_at");
    }
    let (_, listed) = gateway.admin("GET", "/v1/credentials", &Value::Null);
    assert_eq!(listed["items"], json!([]), "nothing was stored");
}

#[test]
fn a_body_that_is_no_json_object_is_refused_without_harm() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for body in [json!([]), json!("text"), json!(1), json!({})] {
        let (status, answer) = gateway.admin("POST", "/v1/credentials", &body);
        assert!([400, 422].contains(&status), "{answer}");
    }
}

#[test]
fn an_instant_with_an_offset_is_answered_in_utc() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut body = with(json!({ "expires_at": "2099-01-01T08:00:00+08:00" }));
    body.as_object_mut().unwrap().remove("lifetime");
    let (status, answer) = gateway.admin("POST", "/v1/credentials", &body);
    assert_eq!(status, 201, "{answer}");
    let expires = answer["credential"]["expires_at"].as_str().unwrap();
    assert!(expires.starts_with("2099-01-01T00:00:00") && expires.ends_with('Z'), "{expires}");
}

#[test]
fn a_secret_or_external_id_that_the_api_already_has_is_409_and_shows_neither_it_nor_whose() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    gateway.create(&with(
        json!({ "secret": "ak_brought", "external_id": "ext_1", "subject": "u_first" }),
    ));
    for members in [json!({ "secret": "ak_brought" }), json!({ "external_id": "ext_1" })] {
        let (status, answer) = gateway.admin("POST", "/v1/credentials", &with(members));
        assert_eq!(status, 409, "{answer}");
        let text = answer.to_string();
        assert!(!text.contains("ak_brought") && !text.contains("u_first"), "{text}");
    }
}

#[test]
fn lists_are_newest_first_paged_and_filtered() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut made: Vec<_> = (0..7)
        .map(|n| {
            gateway
                .create(&with(
                    json!({ "subject": format!("u_{}", n % 2), "org": format!("org_{n}") }),
                ))
                .0
        })
        .collect();
    let revoke = format!("/v1/credentials/{}/revoke", made[3]);
    assert_eq!(gateway.admin("POST", &revoke, &Value::Null).0, 200);
    made.reverse();
    let ids = |path: &str| {
        let (status, page) = gateway.admin("GET", path, &Value::Null);
        assert_eq!(status, 200, "{page}");
        let ids: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, page["next"].as_str().map(str::to_owned))
    };
    let (mut seen, mut next) = ids("/v1/credentials?limit=3");
    while let Some(cursor) = next {
        let (more, after) = ids(&format!("/v1/credentials?limit=3&cursor={cursor}"));
        assert!(!more.is_empty() && more.len() <= 3);
        seen.extend(more);
        next = after;
    }
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(seen), sorted(made.clone()), "each once");
    assert_eq!(ids("/v1/credentials?subject=u_1").0.len(), 3);
    assert_eq!(ids("/v1/credentials?org=org_5").0, [made[1].clone()]);
    assert_eq!(ids("/v1/credentials?state=revoked").0, [made[3].clone()]);
    assert_eq!(ids("/v1/credentials?state=active&api=app&scheme=key").0.len(), 6);
    assert_eq!(ids("/v1/credentials?state=expired").0, Vec::<String>::new());
    for wrong in ["limit=0", "limit=1001", "limit=x", "state=odd", "colour=red", "cursor=nonsense"]
    {
        let (status, answer) =
            gateway.admin("GET", &format!("/v1/credentials?{wrong}"), &Value::Null);
        assert!([400, 422].contains(&status), "{wrong}: {answer}");
    }
}

#[test]
fn revoking_is_idempotent_keeps_the_first_reason_and_lists_this_replica() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).server("replica: edge-1").start();
    let (id, _) = gateway.create(&body());
    let path = format!("/v1/credentials/{id}/revoke?wait=all&timeout=5s");
    let (status, first) = gateway.admin("POST", &path, &json!({ "reason": "lost" }));
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["propagation"]["complete"], true);
    assert_eq!(first["propagation"]["replicas"][0]["replica"], "edge-1");
    assert_eq!(first["propagation"]["replicas"][0]["state"], "applied");
    assert!(first["credential"]["revoked_at"].is_string());
    let (status, again) = gateway.admin("POST", &path, &json!({ "reason": "other" }));
    assert_eq!(status, 200);
    for key in ["revoked_at", "revoke_reason", "version"] {
        assert_eq!(again["credential"][key], first["credential"][key], "{key}");
    }
}

#[test]
fn what_is_not_there_is_404() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for (method, path) in [
        ("GET", "/v1/credentials/crd_none"),
        ("DELETE", "/v1/credentials/crd_none"),
        ("POST", "/v1/credentials/crd_none/revoke"),
        ("GET", "/v1/nothing"),
    ] {
        assert_eq!(gateway.admin(method, path, &Value::Null).0, 404, "{method} {path}");
    }
    assert_eq!(gateway.admin("PUT", "/v1/credentials", &Value::Null).0, 405);
}

#[test]
fn fifty_at_once_are_fifty_different_ones() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut secrets: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..50).map(|_| scope.spawn(|| gateway.create(&body()).1)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    secrets.sort();
    secrets.dedup();
    assert_eq!(secrets.len(), 50);
    assert_eq!(gateway.get("/", &[("x-api-key", &secrets[49])]).status, 200);
}

#[test]
fn an_allowed_lifetime_is_enforced_where_the_scheme_names_some() {
    let upstream = Upstream::echo();
    let yaml = one_api(&upstream).replace(
        "[{ name: key, prefix: ak_ }]",
        "[{ name: key, prefix: ak_, issue: { lifetimes: [30d, 90d] } }]",
    );
    let gateway = Gateway::start(yaml);
    assert_eq!(gateway.admin("POST", "/v1/credentials", &body()).0, 201);
    refused(&gateway, &with(json!({ "lifetime": "31d" })), 422, "lifetime");
    refused(&gateway, &with(json!({ "lifetime": "never" })), 422, "lifetime");
    let mut without = body();
    without.as_object_mut().unwrap().remove("lifetime");
    refused(&gateway, &without, 422, "lifetime");
    let mut dated = without;
    dated["expires_at"] = json!("2099-01-01T00:00:00Z");
    refused(&gateway, &dated, 422, "expires_at");
}
