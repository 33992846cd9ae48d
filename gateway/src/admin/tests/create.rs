//! `POST /v1/credentials`, but for imports.

use std::collections::HashSet;
use std::sync::Arc;

use decision::secret::{checksum_holds, has_minted_form};

use super::*;
use crate::admin::instant;
use crate::clock;

#[tokio::test]
async fn a_create_answers_the_whole_record_and_the_secret_this_once() {
    let house = House::new();
    let before = clock::wall();
    let answer = house
        .create(json!({ "name": "ci 🏠", "org": "org_1", "external_id": "ext:1", "lifetime": "30d", "metadata": {"a": [1]} }))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let secret = text(&answer.body["secret"]);
    assert!(has_minted_form("ak_", secret.as_bytes()) && checksum_holds(secret.as_bytes()));
    let credential = &answer.body["credential"];
    let id = text(&credential["id"]);
    let last: String = secret.chars().skip(secret.len() - 4).collect();
    let hint = format!("ak_{last}");
    assert_eq!(answer.headers[header::LOCATION], format!("/v1/credentials/{id}"));
    assert!(id.strip_prefix("crd_").unwrap().len() >= 20);
    let created_at = instant::read(credential["created_at"].as_str().unwrap()).unwrap();
    assert!(before <= created_at && created_at <= clock::wall());
    let expires_at = instant::read(credential["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(expires_at.0 - created_at.0, 30 * 86_400_000);
    let expected = json!({
        "id": id, "api": "app", "scheme": "key", "name": "ci 🏠", "hint": hint,
        "external_id": "ext:1", "subject": "user_1", "org": "org_1", "state": "active",
        "created_at": credential["created_at"], "expires_at": credential["expires_at"],
        "revoked_at": null, "revoke_reason": null, "disabled": false, "ceiling": null, "grants": null,
        "scopes": null, "audience": null, "client_id": null, "addresses": null, "limits": {},
        "metadata": {"a": [1]}, "last_used_at": null, "version": 1,
    });
    assert_eq!(*credential, expected);
    assert!(answer.body.get("propagation").is_none());
    assert!(house.knows(&secret).await);
    let shown = house.get(&format!("/v1/credentials/{id}")).await.body;
    assert_eq!(shown, expected);
    assert!(!shown.to_string().contains(&secret));
}

#[tokio::test]
async fn what_is_not_given_is_null_and_a_credential_without_a_lifetime_never_ends() {
    let house = House::new();
    let credential =
        &house.create(json!({ "name": null, "lifetime": null })).await.body["credential"];
    for field in ["name", "external_id", "org", "expires_at", "revoked_at", "revoke_reason"] {
        assert_eq!(credential[field], Value::Null, "{field}");
    }
    assert_eq!(credential["metadata"], json!({}));
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_in_one_answer_and_nothing_is_stored() {
    let house = House::new();
    let body = json!({
        "scheme": 7, "subject": "a,b", "org": "*", "name": "a\nb", "lifetime": "30", "external_id": "", "metadata": [],
        "secret": "a b", "secret_sha256": "xyz", "created_at": "yesterday", "expires_on": "x", "ceiling": "write",
        "grants": [], "scopes": {}, "audience": "", "client_id": "*", "addresses": [], "limits": [],
        "color": "red", "revoked_at": null,
    });
    let answer = house.post("/v1/credentials", body).await;
    let mut refused = answer.refused();
    refused.sort();
    let all = [
        "addresses",
        "api",
        "audience",
        "ceiling",
        "client_id",
        "color",
        "created_at",
        "expires_on",
        "expires_on",
        "external_id",
        "grants",
        "lifetime",
        "limits",
        "metadata",
        "name",
        "org",
        "revoked_at",
        "scheme",
        "scopes",
        "secret",
        "secret_sha256",
        "secret_sha256",
        "subject",
    ];
    assert_eq!(refused, all);
    assert_eq!(house.get("/v1/credentials").await.body["items"], json!([]));
}

#[tokio::test]
async fn an_api_or_a_scheme_that_is_not_configured_is_refused() {
    let house = House::new();
    assert_eq!(house.create(json!({ "api": "nope" })).await.refused(), ["api"]);
    assert_eq!(house.create(json!({ "scheme": "nope" })).await.refused(), ["scheme"]);
    assert_eq!(
        house.create(json!({ "api": "other", "scheme": "live" })).await.refused(),
        ["scheme"]
    );
}

#[tokio::test]
async fn an_id_that_could_read_as_two_is_refused() {
    let house = House::new();
    for id in ["", "*", "a,b", "a=b", "a;b", "a\"b", "a b", "a\nb", "ü", &"x".repeat(129)] {
        for field in ["subject", "org", "external_id"] {
            assert_eq!(house.create(json!({ field: id })).await.refused(), [field], "{id}");
        }
    }
}

#[tokio::test]
async fn an_expiry_has_one_form_and_others_are_refused() {
    let house = House::new();
    let instants = [
        json!(1_900_000_000),
        json!(1_900_000_000_000_u64),
        json!("1900000000"),
        json!("2090-01-01"),
        json!("2090-01-01T00:00:00"),
        json!("2090-01-01 00:00:00Z"),
        json!("2001-01-01T00:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!(true),
    ];
    for expires_at in instants {
        let answer = house.create(json!({ "expires_at": expires_at })).await;
        assert_eq!(answer.refused(), ["expires_at"], "{expires_at}");
    }
    for lifetime in ["30", "30 d", "P30D", "0s", "", "-1d", "9999999d"] {
        assert_eq!(
            house.create(json!({ "lifetime": lifetime })).await.refused(),
            ["lifetime"],
            "{lifetime}"
        );
    }
    assert_eq!(house.get("/v1/credentials").await.body["items"], json!([]));
}

#[tokio::test]
async fn an_expiry_means_the_same_instant_in_every_zone() {
    let house = House::new();
    for (given, shown) in [
        ("2090-01-01T08:00:00+08:00", "2090-01-01T00:00:00.000Z"),
        ("2089-12-31T19:00:00.5-05:00", "2090-01-01T00:00:00.500Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
    ] {
        let answer = house.create(json!({ "expires_at": given })).await;
        assert_eq!(answer.body["credential"]["expires_at"], shown);
    }
    let both =
        house.create(json!({ "expires_at": "2090-01-01T00:00:00Z", "lifetime": "30d" })).await;
    assert_eq!(both.refused(), ["expires_at"]);
}

#[tokio::test]
async fn a_scheme_gives_no_other_lifetime_than_those_it_allows() {
    let house = House::new();
    for (scheme, with, refused) in [
        ("terms", json!({ "lifetime": "30d" }), None),
        ("terms", json!({ "lifetime": "720h" }), None),
        ("terms", json!({ "lifetime": "31d" }), Some("lifetime")),
        ("terms", json!({ "lifetime": "never" }), Some("lifetime")),
        ("terms", json!({}), Some("lifetime")),
        ("terms", json!({ "expires_at": "2090-01-01T00:00:00Z" }), Some("expires_at")),
        ("dated", json!({ "expires_at": "2090-01-01T00:00:00Z" }), None),
        ("dated", json!({}), None),
        ("dated", json!({ "lifetime": "never" }), None),
        ("dated", json!({ "lifetime": "30d" }), Some("lifetime")),
    ] {
        let mut order = with.clone();
        order["scheme"] = json!(scheme);
        let answer = house.create(order).await;
        match refused {
            None => assert_eq!(answer.status, 201, "{scheme} {with}: {}", answer.body),
            Some(field) => assert_eq!(answer.refused(), [field], "{scheme} {with}"),
        }
    }
    let answer = house.create(json!({ "scheme": "terms" })).await;
    assert!(answer.body["detail"].as_str().unwrap().contains("30d, 90d"), "{}", answer.body);
}

#[tokio::test]
async fn a_name_need_not_be_unique_and_a_bad_one_is_422() {
    let house = House::new();
    for _ in 0..2 {
        house.created(json!({ "name": "same" })).await;
    }
    for name in ["", "a\u{1b}[31m", "a\r\nb", &"x".repeat(10_000)] {
        assert_eq!(house.create(json!({ "name": name })).await.refused(), ["name"]);
    }
    let hostile = json!({ "name": "\" \\ \u{2028} \u{202e}", "metadata": {"\u{0}": "\u{1b}"} });
    let answer = house.create(hostile.clone()).await;
    assert_eq!(answer.body["credential"]["name"], hostile["name"]);
    assert_eq!(answer.body["credential"]["metadata"], hostile["metadata"]);
}

#[tokio::test]
async fn an_external_id_is_taken_within_its_api_also_by_a_revoked_credential() {
    let house = House::new();
    let id = house.created(json!({ "external_id": "ext" })).await;
    house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await;
    let again = house.create(json!({ "external_id": "ext", "subject": "user_2" })).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "external_id_taken"));
    assert!(!again.body.to_string().contains("user_1") && !again.body.to_string().contains(&id));
    let elsewhere = json!({ "api": "other", "scheme": "key", "external_id": "ext" });
    house.created(elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creates_at_the_same_time_all_succeed_and_differ() {
    let house = Arc::new(House::new());
    let creates: Vec<_> = (0..50)
        .map(|number| {
            let house = Arc::clone(&house);
            tokio::spawn(async move { house.create(json!({ "name": format!("n{number}") })).await })
        })
        .collect();
    let (mut ids, mut secrets) = (HashSet::new(), HashSet::new());
    for create in creates {
        let answer = create.await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        ids.insert(text(&answer.body["credential"]["id"]));
        secrets.insert(text(&answer.body["secret"]));
    }
    assert_eq!((ids.len(), secrets.len()), (50, 50));
}

#[tokio::test]
async fn a_create_that_waits_tells_where_it_is_applied() {
    let house = House::new();
    let answer = house.post("/v1/credentials?wait=all&timeout=5s", order(json!({}))).await;
    assert_eq!(answer.status, 201);
    let propagation = &answer.body["propagation"];
    assert_eq!(propagation["complete"], true);
    assert_eq!(propagation["replicas"][0]["replica"], "gw-1");
    assert_eq!(propagation["replicas"][0]["state"], "applied");
    assert!(propagation["replicas"][0]["applied_ms"].is_u64());
}

#[tokio::test]
async fn a_name_that_is_given_twice_is_refused_however_deep_it_stands() {
    let house = House::new();
    let refused = async |path: &str, body: &str| {
        let request = request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        house.send(request.body(body.to_owned().into()).unwrap()).await.refused()
    };
    for (field, value) in [
        ("grants", r#"{ "board_1": "read", "board_1": "admin" }"#),
        ("limits", r#"{ "per-key": 1, "per-key": 1000 }"#),
        ("metadata", r#"{ "a": [{ "b": { "c": 1, "d": 2, "c": 1 } }] }"#),
    ] {
        let body = format!(
            r#"{{ "api": "app", "scheme": "key", "subject": "user_1", "{field}": {value} }}"#
        );
        assert_eq!(refused("/v1/credentials", &body).await, [field], "{body}");
    }
    let body = r#"{ "method": "GET", "url": "/x", "headers": { "x-a": "1", "x-a": "2" } }"#;
    assert_eq!(refused("/v1/explain", body).await, ["headers"]);
    let path = "/v1/resources/org_1?realm=app";
    let body = r#"{ "kind": "org", "members": { "user_1": "read", "user_1": "admin" } }"#;
    let request = request(Method::PUT, path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into());
    assert_eq!(house.send(request.unwrap()).await.refused(), ["members"]);
    assert_eq!(house.get(path).await.status, 404);
}

#[tokio::test]
async fn metadata_is_kept_to_the_digit_or_refused() {
    let house = House::new();
    let post = async |number: &str| {
        let body = format!(
            r#"{{ "api": "app", "scheme": "key", "subject": "user_1", "metadata": {{ "n": [{number}] }} }}"#
        );
        let request = request(Method::POST, "/v1/credentials")
            .header(header::CONTENT_TYPE, "application/json");
        house.send(request.body(body.into()).unwrap()).await
    };
    for kept in ["0", "-9223372036854775808", "18446744073709551615", "0.1", "-1.5e-7", "1e15"] {
        let answer = post(kept).await;
        let number = answer.body["credential"]["metadata"]["n"][0].clone();
        assert_eq!(number, serde_json::from_str::<Value>(kept).unwrap(), "{}", answer.body);
    }
    for beyond in
        ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "1e300"]
    {
        assert_eq!(post(beyond).await.refused(), ["metadata"], "{beyond}");
    }
    assert_eq!(post("1e999").await.status, 400);
}
