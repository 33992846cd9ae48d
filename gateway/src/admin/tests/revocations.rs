//! `POST /v1/revocations`, and what a revocation leaves.

use super::*;

async fn states(house: &House) -> Vec<(String, String)> {
    let all = house.get("/v1/credentials").await.body;
    let state = |item: &Value| (text(&item["name"]), text(&item["state"]));
    let mut states: Vec<_> = all["items"].as_array().unwrap().iter().map(state).collect();
    states.sort();
    states
}

/// The names of those that a revocation ended, of five that are there.
async fn ended_by(asked: Value) -> Vec<String> {
    let house = House::new();
    for (name, with) in [
        ("a", json!({ "subject": "user_1", "client_id": "c_1", "external_id": "ext" })),
        ("b", json!({ "subject": "user_1", "scheme": "live", "secret": "ak_live_of-another-1" })),
        ("c", json!({ "subject": "user_2", "client_id": "c_1" })),
        ("d", json!({ "subject": "user_1", "api": "beside", "client_id": "c_1" })),
        (
            "e",
            json!({ "subject": "user_1", "secret": "ak_older", "created_at": "2020-01-01T00:00:00Z" }),
        ),
    ] {
        let mut with = with;
        with["name"] = json!(name);
        house.created(with).await;
    }
    let answer = house.post("/v1/revocations?wait=all", asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["propagation"]["complete"], true);
    let ended = states(&house).await.into_iter().filter(|(_, state)| state == "revoked");
    let ended: Vec<String> = ended.map(|(name, _)| name).collect();
    assert_eq!(answer.body["revoked"], ended.len());
    ended
}

#[tokio::test]
async fn a_revocation_ends_all_that_match_in_its_api_and_no_other() {
    for (asked, ended) in [
        (json!({ "subject": "user_1" }), vec!["a", "b", "e"]),
        (json!({ "subject": "user_1", "scheme": "key" }), vec!["a", "e"]),
        (json!({ "client_id": "c_1" }), vec!["a", "c"]),
        (json!({ "external_id": "ext" }), vec!["a"]),
        (json!({ "secret": "ak_live_of-another-1" }), vec!["b"]),
        (json!({ "secret": "ak_live_of-another-1", "scheme": "key" }), vec![]),
        (json!({ "secret": "ak_nobody-has-this" }), vec![]),
        (json!({ "subject": "user_1", "issued_before": "2021-01-01T00:00:00Z" }), vec!["e"]),
        (json!({ "subject": "user_1", "issued_before": "2019-01-01T00:00:00Z" }), vec![]),
        (json!({ "subject": "user_3" }), vec![]),
    ] {
        let mut whole = asked.clone();
        whole["api"] = json!("app");
        assert_eq!(ended_by(whole).await, ended, "{asked}");
    }
}

#[tokio::test]
async fn a_revocation_of_many_pages_ends_them_all_and_says_so_once() {
    let house = House::new();
    for _ in 0..230 {
        house.created(json!({})).await;
    }
    let asked = json!({ "api": "app", "subject": "user_1" });
    assert_eq!(house.post("/v1/revocations", asked.clone()).await.body["revoked"], 230);
    assert_eq!(house.post("/v1/revocations", asked).await.body["revoked"], 0);
}

#[tokio::test]
async fn a_revocation_that_is_badly_asked_for_revokes_nothing() {
    let house = House::new();
    house.created(json!({ "name": "lives" })).await;
    for (asked, refused) in [
        (json!({ "subject": "user_1" }), vec!["api"]),
        (json!({ "api": "app" }), vec!["subject"]),
        (json!({ "api": "nope", "subject": "user_1" }), vec!["api"]),
        (json!({ "api": "app", "scheme": "nope", "subject": "user_1" }), vec!["scheme"]),
        (json!({ "api": "app", "subject": "a,b" }), vec!["subject"]),
        (json!({ "api": "app", "subject": "user_1", "client_id": "c" }), vec!["client_id"]),
        (
            json!({ "api": "app", "subject": "user_1", "issued_before": "now" }),
            vec!["issued_before"],
        ),
        (json!({ "api": "app", "secret": "a b" }), vec!["secret"]),
        (json!({ "api": "app", "session": "s_1" }), vec!["subject", "session"]),
    ] {
        let answer = house.post("/v1/revocations", asked.clone()).await;
        assert_eq!(answer.refused(), refused, "{asked}");
    }
    assert_eq!(states(&house).await, [("lives".to_owned(), "active".to_owned())]);
}

#[tokio::test]
async fn a_scheme_may_forget_what_is_revoked() {
    let house = House::new();
    let made = house.create(json!({ "scheme": "gone" })).await.body;
    let path = format!("/v1/credentials/{}", text(&made["credential"]["id"]));
    let answer = house.post(&format!("{path}/revoke"), json!({ "reason": "lost" })).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["credential"]["state"]),
        (200, &json!("revoked"))
    );
    assert_eq!(house.get(&path).await.status, 404);
    assert!(!house.knows(&text(&made["secret"])).await);
    assert_eq!(house.post(&format!("{path}/revoke"), json!({})).await.status, 200);
}
