use decision::facts::CredentialState;
use serde_json::json;

use super::*;
use crate::admin::house::House;

const DAY: i64 = 24 * 60 * 60 * 1000;

#[test]
fn it_looks_as_often_as_the_shortest_keep_within_bounds() {
    for (keep, expected) in [("1s", OFTEN), ("30s", Duration::from_secs(30)), ("90d", RARELY)] {
        let snapshot = snapshot(keep);
        assert_eq!(pause(&snapshot), expected, "{keep}");
    }
}

fn snapshot(keep: &str) -> Snapshot {
    let scheme = format!("{{ name: key, prefix: ak_, issue: {{ keep: {keep} }} }}");
    crate::admin::house::compiled(&format!(
        "upstreams: {{ app: [\"127.0.0.1:9\"] }}\napis: [{{ name: app, upstream: app, schemes: [{scheme}] }}]\n"
    ))
    .configuration
    .snapshot
}

#[tokio::test]
async fn what_ended_is_forgotten_once_it_was_kept_long_enough_and_nothing_else_is() {
    let house = House::new();
    let lives = house.created(json!({ "name": "lives" })).await;
    let ended = house.created(json!({ "name": "ended" })).await;
    house.post(&format!("/v1/credentials/{ended}/revoke"), json!({})).await;
    let feed = house.feed();
    let snapshot = snapshot("30d");
    let forget_at = async |days: i64| {
        let now = Timestamp(clock::wall().0 + days * DAY);
        forget(&*house.store, &feed, &snapshot, now).await.unwrap();
        house.get(&format!("/v1/credentials/{ended}")).await.status.as_u16()
    };
    assert_eq!(forget_at(29).await, 200);
    assert_eq!(forget_at(31).await, 404);
    let shown = house.get(&format!("/v1/credentials/{lives}")).await.body;
    assert_eq!(shown["state"], CredentialState::Active.name());
    let audit = house.get("/v1/audit?action=forget").await.body;
    assert_eq!(
        (&audit["items"][0]["id"], &audit["items"][0]["author"]),
        (&json!(ended), &json!("gateway"))
    );
}
