//! One grant of a credential.

use super::*;

#[tokio::test]
async fn one_grant_is_put_changed_and_taken_away() {
    let house = House::new();
    let id = house.created(json!({ "grants": {} })).await;
    let path = format!("/v1/credentials/{id}");
    let grant = format!("{path}/grants/board_1");
    let put = house.put(&grant, json!({ "level": "read" })).await;
    assert_eq!((put.status.as_u16(), &put.body["grants"]), (201, &json!({ "board_1": "read" })));
    let put = house.put(&grant, json!({ "level": "admin" })).await;
    assert_eq!((put.status.as_u16(), &put.body["grants"]), (200, &json!({ "board_1": "admin" })));
    assert_eq!(
        (&put.body["version"], &put.headers[header::ETAG]),
        (&json!(3), &"\"3\"".parse().unwrap())
    );
    let again = house.put(&grant, json!({ "level": "admin" })).await;
    assert_eq!((again.status.as_u16(), &again.body["version"]), (200, &json!(3)));
    let taken = house.delete(&format!("{grant}?wait=all")).await;
    assert_eq!(
        (taken.status.as_u16(), &taken.body["propagation"]["complete"]),
        (200, &json!(true))
    );
    assert_eq!(house.get(&path).await.body["grants"], json!({}));
    assert_eq!(house.delete(&grant).await.status, 404);
    house.put(&grant, json!({ "level": "edit" })).await;
    assert_eq!(house.delete(&grant).await.status, 204);
}

#[tokio::test]
async fn a_credential_for_every_resource_has_no_grants_to_manage() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let grant = format!("/v1/credentials/{id}/grants/board_1");
    for answer in [house.put(&grant, json!({ "level": "read" })).await, house.delete(&grant).await]
    {
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "grants_mode"));
    }
}

#[tokio::test]
async fn a_grant_that_is_badly_asked_for_is_refused() {
    let house = House::new();
    let id = house.created(json!({ "grants": {} })).await;
    let path = format!("/v1/credentials/{id}/grants");
    for (body, refused) in [
        (json!({}), vec!["level"]),
        (json!({ "level": null }), vec!["level"]),
        (json!({ "level": "write" }), vec!["level"]),
        (json!({ "level": "read", "resource": "x" }), vec!["resource"]),
    ] {
        assert_eq!(house.put(&format!("{path}/board_1"), body).await.refused(), refused);
    }
    let none = house.put("/v1/credentials/crd_none/grants/b", json!({ "level": "read" })).await;
    assert_eq!(none.status, 404);
    assert_eq!(house.get(&format!("/v1/credentials/{id}")).await.body["version"], 1);
}

#[tokio::test]
async fn an_id_with_a_slash_is_named_by_its_escape() {
    let house = House::new();
    let id = house.created(json!({ "grants": {} })).await;
    let path = format!("/v1/credentials/{id}/grants/path%3A%2Fboard");
    let put = house.put(&path, json!({ "level": "read" })).await;
    assert_eq!(put.body["grants"], json!({ "path:/board": "read" }), "{}", put.body);
}
