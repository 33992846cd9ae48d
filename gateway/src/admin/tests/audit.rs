//! `GET /v1/audit` and `GET /v1/replicas`.

use super::*;

async fn entries(house: &House, query: &str) -> Vec<Value> {
    let answer = house.get(&format!("/v1/audit?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_change_says_who_made_it_and_which_fields_it_touched() {
    let house = House::new();
    let made = house.create(json!({ "name": "ci" })).await;
    let id = text(&made.body["credential"]["id"]);
    let path = format!("/v1/credentials/{id}");
    house.patch(&path, json!({ "name": "x", "metadata": { "a": "hidden" } })).await;
    house.patch(&path, json!({ "name": "x" })).await;
    house.post(&format!("{path}/revoke"), json!({})).await;
    let deleted = house.delete(&path).await;
    let all = entries(&house, &format!("id={id}")).await;
    let actions: Vec<_> = all.iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions, ["delete", "revoke", "update", "create"], "newest first");
    assert_eq!(all[2]["fields"], json!(["metadata", "name"]));
    for entry in &all {
        assert_eq!(
            (&entry["author"], &entry["kind"], &entry["place"]),
            (&json!("admin"), &json!("credential"), &json!("app"))
        );
        assert!(!entry.to_string().contains("hidden"));
    }
    assert_eq!(all[0]["request_id"], deleted.headers["x-request-id"].to_str().unwrap());
    assert_eq!(all[3]["request_id"], made.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn the_audit_is_narrowed_by_each_filter_and_comes_in_pages() {
    let house = House::new();
    let first = house.created(json!({})).await;
    house.put("/v1/subjects/user_2?realm=app", json!({})).await;
    house.put("/v1/resources/org_1?realm=other", json!({ "kind": "org" })).await;
    house.delete("/v1/subjects/user_2?realm=app").await;
    for (query, count) in [
        ("", 4),
        ("kind=subject", 2),
        ("kind=resource", 1),
        ("action=delete", 1),
        ("place=other", 1),
        ("author=admin", 4),
        ("author=someone", 0),
        ("from=2001-01-01T00:00:00Z", 4),
        ("from=2090-01-01T00:00:00Z", 0),
        ("until=2001-01-01T00:00:00Z", 0),
        ("kind=subject&action=create", 1),
    ] {
        assert_eq!(entries(&house, query).await.len(), count, "{query}");
    }
    assert_eq!(entries(&house, &format!("id={first}")).await.len(), 1);
    let page = house.get("/v1/audit?limit=3").await.body;
    let cursor = text(&page["next"]);
    assert_eq!(entries(&house, &format!("limit=3&cursor={cursor}")).await.len(), 1);
    for query in
        ["kind=org", "action=look", "from=today", "until=1", "limit=0", "cursor=x", "who=me"]
    {
        let field = query.split('=').next().unwrap();
        assert_eq!(house.get(&format!("/v1/audit?{query}")).await.refused(), [field], "{query}");
    }
}

#[tokio::test]
async fn this_replica_is_listed_with_its_position() {
    let house = House::new();
    let position = async || {
        let answer = house.get("/v1/replicas").await.body;
        assert_eq!(answer["items"].as_array().unwrap().len(), 1);
        let here = answer["items"][0].clone();
        let fields: Vec<_> = here.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["generation", "lag_ms", "lease_ms", "position", "replica", "version"]);
        assert_eq!((&here["replica"], &here["generation"]), (&json!("gw-1"), &json!(1)));
        here["position"].as_u64().unwrap()
    };
    let before = position().await;
    house.created(json!({})).await;
    assert!(position().await > before);
}
