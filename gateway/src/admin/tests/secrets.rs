//! `rotate` and `reveal`.

use decision::facts::Timestamp;
use decision::secret::{checksum_holds, has_minted_form};

use super::*;
use crate::admin::instant;
use crate::clock;

const DAY: i64 = 86_400_000;

fn at(value: &Value) -> Timestamp {
    instant::read(value.as_str().unwrap()).unwrap()
}

// --- rotate ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_successor_has_the_same_rights_and_another_secret() {
    let house = House::new();
    let with = json!({
        "name": "ci", "org": "org_1", "ceiling": "edit", "grants": { "b": "read" }, "scopes": ["s"],
        "audience": "https://example.com/", "client_id": "c", "addresses": ["10.0.0.0/8"],
        "metadata": { "a": 1 }, "lifetime": "30d", "external_id": "ext",
    });
    let made = house.create(with).await;
    let old = &made.body["credential"];
    let path = format!("/v1/credentials/{}", text(&old["id"]));
    let answer = house.post(&format!("{path}/rotate"), json!({ "overlap": "24h" })).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let new = &answer.body["credential"];
    for field in [
        "api",
        "scheme",
        "name",
        "subject",
        "org",
        "ceiling",
        "grants",
        "scopes",
        "audience",
        "client_id",
        "addresses",
        "limits",
        "metadata",
        "disabled",
    ] {
        assert_eq!(new[field], old[field], "{field}");
    }
    assert_ne!(new["id"], old["id"]);
    assert_eq!((&new["external_id"], &new["version"]), (&Value::Null, &json!(1)));
    let secret = text(&answer.body["secret"]);
    assert!(has_minted_form("ak_", secret.as_bytes()) && checksum_holds(secret.as_bytes()));
    assert!(house.knows(&secret).await && house.knows(&text(&made.body["secret"])).await);
    assert_eq!(answer.headers[header::LOCATION], format!("/v1/credentials/{}", text(&new["id"])));
    assert_eq!(at(&new["expires_at"]).0 - at(&new["created_at"]).0, 30 * DAY);
    let old = house.get(&path).await.body;
    assert_eq!(at(&old["expires_at"]).0 - at(&new["created_at"]).0, DAY);
    assert_eq!((&old["state"], &old["version"]), (&json!("active"), &json!(2)));
}

#[tokio::test]
async fn the_old_one_ends_with_the_overlap_and_never_later_than_it_would_have() {
    let house = House::new();
    let id = house.created(json!({ "lifetime": "1h" })).await;
    let path = format!("/v1/credentials/{id}");
    let before = house.get(&path).await.body["expires_at"].clone();
    house.post(&format!("{path}/rotate"), json!({ "overlap": "24h" })).await;
    assert_eq!(house.get(&path).await.body["expires_at"], before);
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    let answer = house.post(&format!("{path}/rotate"), json!({ "overlap": "0s" })).await;
    assert_eq!(answer.body["credential"]["expires_at"], Value::Null, "never stays never");
    assert_eq!(house.get(&path).await.body["state"], "expired");
}

#[tokio::test]
async fn a_rotation_may_ask_for_another_lifetime_that_the_scheme_allows() {
    let house = House::new();
    let id = house.created(json!({ "scheme": "terms", "lifetime": "30d" })).await;
    let path = format!("/v1/credentials/{id}/rotate");
    for lifetime in ["31d", "never", "30"] {
        let answer = house.post(&path, json!({ "overlap": "1h", "lifetime": lifetime })).await;
        assert_eq!(answer.refused(), ["lifetime"], "{lifetime}");
    }
    let answer = house.post(&path, json!({ "overlap": "1h", "lifetime": "90d" })).await;
    let new = &answer.body["credential"];
    assert_eq!(at(&new["expires_at"]).0 - at(&new["created_at"]).0, 90 * DAY);
}

#[tokio::test]
async fn a_day_lifetime_neither_grows_nor_shrinks_from_one_to_the_next() {
    let house = House::new();
    for scheme in ["begins", "ends"] {
        let with = json!({ "scheme": scheme, "lifetime": "30d" });
        let made = house.create(with).await.body["credential"].clone();
        let path = format!("/v1/credentials/{}/rotate", text(&made["id"]));
        let answer = house.post(&path, json!({ "overlap": "1h" })).await;
        let new = &answer.body["credential"];
        let day = |value: &Value| at(value).0.div_euclid(DAY);
        assert_eq!(at(&new["expires_at"]).0 % DAY, 0, "{scheme}");
        assert_eq!(
            day(&new["expires_at"]) - day(&new["created_at"]),
            day(&made["expires_at"]) - day(&made["created_at"]),
            "{scheme}"
        );
    }
}

#[tokio::test]
async fn what_has_ended_is_not_rotated() {
    let house = House::new();
    let revoked = house.created(json!({})).await;
    house.post(&format!("/v1/credentials/{revoked}/revoke"), json!({})).await;
    let expired = house.created(json!({})).await;
    let rotate = |id: &str| format!("/v1/credentials/{id}/rotate");
    house.post(&rotate(&expired), json!({ "overlap": "0s" })).await;
    for id in [revoked, expired] {
        let answer = house.post(&rotate(&id), json!({ "overlap": "1h" })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "credential_ended"));
    }
    assert_eq!(house.post(&rotate("crd_none"), json!({ "overlap": "1h" })).await.status, 404);
}

#[tokio::test]
async fn a_rotation_that_is_badly_asked_for_makes_nothing() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}/rotate");
    for (body, refused) in [
        (json!({}), "overlap"),
        (json!({ "overlap": 3600 }), "overlap"),
        (json!({ "overlap": "-1h" }), "overlap"),
        (json!({ "overlap": "1h", "expires_at": "2090-01-01T00:00:00Z" }), "expires_at"),
    ] {
        assert_eq!(house.post(&path, body).await.refused(), [refused]);
    }
    assert_eq!(house.get("/v1/credentials").await.body["items"].as_array().unwrap().len(), 1);
}

// --- reveal ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_revealable_secret_is_shown_again_to_its_owner_and_the_audit_says_so() {
    let house = House::new();
    let made = house.create(json!({ "scheme": "shown" })).await;
    let brought = json!({ "scheme": "shown", "secret": "sh_of-another-system-123" });
    let brought = house.create(brought).await;
    for (made, secret) in
        [(&made, text(&made.body["secret"])), (&brought, "sh_of-another-system-123".to_owned())]
    {
        let path = format!("/v1/credentials/{}/reveal", text(&made.body["credential"]["id"]));
        let answer = house.call(Method::POST, &path, None).await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({ "secret": secret })));
        let answer = house.post(&path, json!({ "subject": "user_1" })).await;
        assert_eq!(answer.body["secret"], secret);
    }
    let audit = house.get("/v1/audit?action=reveal").await.body;
    let behalf: Vec<_> = audit["items"].as_array().unwrap().iter().map(|e| &e["other"]).collect();
    assert_eq!(behalf, [&json!("user_1"), &json!(null), &json!("user_1"), &json!(null)]);
}

#[tokio::test]
async fn a_secret_is_not_shown_on_behalf_of_another() {
    let house = House::new();
    let id = house.created(json!({ "scheme": "shown" })).await;
    let path = format!("/v1/credentials/{id}/reveal");
    let answer = house.post(&path, json!({ "subject": "user_2" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "not_owner"));
    assert_eq!(house.post(&path, json!({ "subject": "a,b" })).await.refused(), ["subject"]);
    assert_eq!(house.get("/v1/audit?action=reveal").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_revoked_secret_is_not_shown_again() {
    let house = House::new();
    let id = house.created(json!({ "scheme": "shown" })).await;
    assert_eq!(house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await.status, 200);
    let answer = house.post(&format!("/v1/credentials/{id}/reveal"), json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "credential_ended"));
    assert_eq!(house.get("/v1/audit?action=reveal").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_secret_of_which_there_is_no_copy_is_409() {
    let house = House::new();
    let other = house.created(json!({})).await;
    let digest = "ab".repeat(32);
    let digested = house.created(json!({ "scheme": "shown", "secret_sha256": digest })).await;
    for id in [other, digested] {
        let answer = house.post(&format!("/v1/credentials/{id}/reveal"), json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "not_revealable"));
    }
    assert_eq!(house.post("/v1/credentials/crd_none/reveal", json!({})).await.status, 404);
}

#[tokio::test]
async fn a_successor_of_a_revealable_one_is_revealable() {
    let house = House::new();
    let id = house.created(json!({ "scheme": "shown" })).await;
    let path = format!("/v1/credentials/{id}/rotate");
    let made = house.post(&path, json!({ "overlap": "1h" })).await.body;
    let path = format!("/v1/credentials/{}/reveal", text(&made["credential"]["id"]));
    assert_eq!(house.post(&path, json!({})).await.body["secret"], made["secret"]);
    assert!(clock::wall() >= at(&made["credential"]["created_at"]));
}
