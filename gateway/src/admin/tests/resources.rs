//! `/v1/resources` and their members.

use super::*;

fn path(id: &str) -> String {
    format!("/v1/resources/{id}?realm=app")
}

fn member(id: &str, subject: &str) -> String {
    format!("/v1/resources/{id}/members/{subject}?realm=app")
}

async fn made(house: &House, id: &str, with: Value) {
    let answer = house.put(&path(id), with).await;
    assert!([200, 201].contains(&answer.status.as_u16()), "{id}: {}", answer.body);
}

#[tokio::test]
async fn a_resource_is_put_read_changed_and_deleted() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    let full = json!({
        "kind": "board", "parent": "org_1", "state": "restricted", "capabilities": ["b", "a"], "plan": "pro",
        "members": { "user_1": "admin" }, "metadata": { "x": 1 },
    });
    let put = house.put(&path("board_1"), full).await;
    let expected = json!({
        "id": "board_1", "kind": "board", "parent": "org_1", "state": "restricted",
        "capabilities": ["a", "b"], "plan": "pro", "members": { "user_1": "admin" },
        "metadata": { "x": 1 }, "version": 1,
    });
    assert_eq!((put.status.as_u16(), &put.body), (201, &expected));
    assert_eq!(house.get(&path("board_1")).await.body, expected);
    let changed = house.patch(&path("board_1"), json!({ "state": "ok", "plan": null })).await;
    assert_eq!((&changed.body["state"], &changed.body["plan"]), (&json!("ok"), &Value::Null));
    assert_eq!(changed.body["capabilities"], json!(["a", "b"]));
    let emptied =
        house.patch(&path("board_1"), json!({ "capabilities": null, "members": null })).await;
    assert_eq!(
        (&emptied.body["capabilities"], &emptied.body["members"]),
        (&json!([]), &Value::Null)
    );
    assert_eq!(house.delete(&path("board_1")).await.status, 204);
    assert_eq!(house.get(&path("board_1")).await.status, 404);
    assert_eq!(house.patch(&path("board_1"), json!({ "plan": "x" })).await.status, 404);
}

#[tokio::test]
async fn a_put_without_members_keeps_them_and_empties_all_else() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org", "plan": "pro", "members": { "user_1": "read" } }))
        .await;
    let put = house.put(&path("org_1"), json!({ "kind": "org" })).await.body;
    assert_eq!((&put["members"], &put["plan"]), (&json!({ "user_1": "read" }), &Value::Null));
    let put = house.put(&path("org_1"), json!({ "kind": "org", "members": {} })).await.body;
    assert_eq!(put["members"], json!({}));
    let put = house.put(&path("org_1"), json!({ "kind": "org", "members": null })).await.body;
    assert_eq!(put["members"], Value::Null);
}

#[tokio::test]
async fn one_member_is_put_changed_and_taken_away() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    let put = house.put(&member("org_1", "user_1"), json!({ "level": "read" })).await;
    assert_eq!((put.status.as_u16(), &put.body["members"]), (201, &json!({ "user_1": "read" })));
    let put = house.put(&member("org_1", "user_1"), json!({ "level": "edit" })).await;
    assert_eq!((put.status.as_u16(), &put.body["members"]), (200, &json!({ "user_1": "edit" })));
    assert_eq!(house.delete(&member("org_1", "user_1")).await.status, 204);
    let shown = house.get(&path("org_1")).await.body;
    assert_eq!(shown["members"], json!({}), "the last one leaves nobody, not everybody");
    assert_eq!(house.delete(&member("org_1", "user_1")).await.status, 404);
    for (body, refused) in [
        (json!({}), "level"),
        (json!({ "level": "owner" }), "level"),
        (json!({ "level": "read", "x": 1 }), "x"),
    ] {
        assert_eq!(house.put(&member("org_1", "user_1"), body).await.refused(), [refused]);
    }
    assert_eq!(house.put(&member("org_9", "user_1"), json!({ "level": "read" })).await.status, 404);
}

#[tokio::test]
async fn parents_form_no_circle_and_no_long_line() {
    let house = House::new();
    made(&house, "r0", json!({ "kind": "org" })).await;
    for n in 1..=8 {
        let parent = format!("r{}", n - 1);
        made(&house, &format!("r{n}"), json!({ "kind": "x", "parent": parent })).await;
    }
    for (id, parent) in [("r9", "r8"), ("r0", "r0"), ("r0", "r8"), ("r3", "r5"), ("new", "nowhere")]
    {
        let answer = house.put(&path(id), json!({ "kind": "x", "parent": parent })).await;
        assert_eq!(answer.refused(), ["parent"], "{id} under {parent}");
    }
    made(&house, "above", json!({ "kind": "org" })).await;
    let deeper = house.patch(&path("r0"), json!({ "parent": "above" })).await;
    assert_eq!(deeper.refused(), ["parent"], "what lies below would lie too deep");
    assert_eq!(house.get(&path("r0")).await.body["version"], 1);
}

#[tokio::test]
async fn resources_are_listed_by_parent_and_kind_and_in_pages() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    made(&house, "org_2", json!({ "kind": "org" })).await;
    for (id, parent, kind) in [
        ("b", "org_1", "board"),
        ("a", "org_1", "board"),
        ("c", "org_2", "board"),
        ("w", "org_1", "workspace"),
    ] {
        made(&house, id, json!({ "kind": kind, "parent": parent })).await;
    }
    for (query, expected) in [
        ("", vec!["a", "b", "c", "org_1", "org_2", "w"]),
        ("&parent=org_1", vec!["a", "b", "w"]),
        ("&kind=board", vec!["a", "b", "c"]),
        ("&parent=org_1&kind=board", vec!["a", "b"]),
        ("&parent=nowhere", vec![]),
    ] {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer =
                house.get(&format!("/v1/resources?realm=app&limit=2{query}{cursor}")).await.body;
            ids.extend(answer["items"].as_array().unwrap().iter().map(|item| text(&item["id"])));
            let Some(next) = answer["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn each_field_of_a_resource_out_of_range_is_refused_by_its_name() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    assert_eq!(house.put(&path("org_1"), json!({})).await.refused(), ["kind"]);
    for (field, values) in [
        ("kind", vec![json!(""), json!(null), json!("a b"), json!(1)]),
        ("parent", vec![json!("a,b"), json!(1), json!("")]),
        ("state", vec![json!("closed"), json!(0)]),
        ("capabilities", vec![json!("api"), json!(["a;b"])]),
        ("plan", vec![json!(""), json!("a b"), json!(1)]),
        ("members", vec![json!([]), json!({ "a,b": "read" }), json!({ "u": "owner" })]),
        ("metadata", vec![json!(1)]),
        ("owner", vec![json!("x")]),
    ] {
        for value in values {
            let mut whole = json!({ "kind": "org" });
            whole[field] = value.clone();
            for answer in [
                house.put(&path("org_1"), whole).await,
                house.patch(&path("org_1"), json!({ field: value })).await,
            ] {
                assert_eq!(answer.refused(), [field], "{value}");
            }
        }
    }
    assert_eq!(house.get(&path("org_1")).await.body["version"], 1);
}

#[tokio::test]
async fn an_org_that_an_unrevoked_credential_names_is_not_deleted() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    let id = house.created(json!({ "org": "org_1" })).await;
    let answer = house.delete(&path("org_1")).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "in_use"));
    house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await;
    assert_eq!(house.delete(&path("org_1")).await.status, 204);
}

#[tokio::test]
async fn a_resource_lives_in_its_realm() {
    let house = House::new();
    made(&house, "org_1", json!({ "kind": "org" })).await;
    assert_eq!(house.get("/v1/resources/org_1?realm=other").await.status, 404);
    let below = json!({ "kind": "x", "parent": "org_1" });
    let answer = house.put("/v1/resources/x?realm=other", below).await;
    assert_eq!(answer.refused(), ["parent"]);
}

#[tokio::test]
async fn an_organisation_that_credentials_name_is_not_deleted_by_way_of_a_parent() {
    let house = House::new();
    made(&house, "r1", json!({ "kind": "org" })).await;
    made(&house, "org9", json!({ "kind": "org" })).await;
    let id = house.created(json!({ "org": "org9" })).await;
    for answer in [
        house.patch(&path("org9"), json!({ "parent": "r1" })).await,
        house.put(&path("org9"), json!({ "kind": "board", "parent": "r1" })).await,
        house.delete(&path("org9")).await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "in_use"), "{}", answer.body);
    }
    assert_eq!(house.get(&path("org9")).await.body["version"], 1);
    house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await;
    assert_eq!(house.patch(&path("org9"), json!({ "parent": "r1" })).await.status, 200);
    assert_eq!(house.delete(&path("org9")).await.status, 204);
}
