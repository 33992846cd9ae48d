//! `/v1/subjects`.

use super::*;

const PATH: &str = "/v1/subjects/user_1?realm=app";

#[tokio::test]
async fn a_subject_is_put_read_changed_and_deleted() {
    let house = House::new();
    let put = house.put(PATH, json!({})).await;
    let blank = json!({
        "id": "user_1", "kind": "user", "state": "active", "admin": false, "capabilities": [],
        "metadata": {}, "version": 1,
    });
    assert_eq!((put.status.as_u16(), &put.body), (201, &blank));
    assert_eq!(house.get(PATH).await.body, blank);
    let full = json!({
        "kind": "service", "state": "suspended", "admin": true, "capabilities": ["b", "a"], "metadata": { "x": 1 },
    });
    let put = house.put(PATH, full).await;
    let expected = json!({
        "id": "user_1", "kind": "service", "state": "suspended", "admin": true,
        "capabilities": ["a", "b"], "metadata": { "x": 1 }, "version": 2,
    });
    assert_eq!((put.status.as_u16(), &put.body), (200, &expected));
    assert_eq!(put.headers[header::ETAG], "\"2\"");
    let changed = house.patch(PATH, json!({ "state": "inactive", "metadata": null })).await;
    assert_eq!(changed.body["state"], "inactive");
    assert_eq!((&changed.body["metadata"], &changed.body["admin"]), (&json!({}), &json!(true)));
    let put = house.put(PATH, json!({ "admin": null })).await;
    assert_eq!(put.body["kind"], "user", "what a PUT does not give is as in a new record");
    assert_eq!(house.delete(PATH).await.status, 204);
    for answer in [house.get(PATH).await, house.delete(PATH).await] {
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"));
    }
    assert_eq!(house.patch(PATH, json!({ "admin": true })).await.status, 404);
}

#[tokio::test]
async fn a_subject_lives_in_its_realm() {
    let house = House::new();
    house.put(PATH, json!({ "admin": true })).await;
    let other = "/v1/subjects/user_1?realm=other";
    assert_eq!(house.get(other).await.status, 404);
    assert_eq!(house.put(other, json!({ "kind": "service" })).await.status, 201);
    assert_eq!(house.get(PATH).await.body["kind"], "user");
}

#[tokio::test]
async fn a_realm_must_be_one_that_is_configured_and_named_where_there_are_two() {
    let house = House::new();
    for query in ["", "?realm=", "?realm=beside", "?realm=a&realm=app", "?realm=app&x=1"] {
        for path in ["/v1/subjects", "/v1/resources", "/v1/subjects/u", "/v1/resources/r"] {
            let refused = house.get(&format!("{path}{query}")).await.refused();
            let expected = if query.ends_with("x=1") { "x" } else { "realm" };
            assert!(refused.iter().all(|field| field == expected), "{path}{query} {refused:?}");
        }
    }
    let one = House::of(
        "upstreams: { app: [\"127.0.0.1:9\"] }\napis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]\n",
    );
    assert_eq!(one.put("/v1/subjects/u", json!({})).await.status, 201);
    assert_eq!(one.get("/v1/subjects/u?realm=app").await.status, 200);
}

#[tokio::test]
async fn subjects_are_listed_by_id_and_in_pages() {
    let house = House::new();
    for (id, kind) in [("c", "user"), ("a", "service"), ("b", "user")] {
        house.put(&format!("/v1/subjects/{id}?realm=app"), json!({ "kind": kind })).await;
    }
    let ids = |answer: &Value| -> Vec<String> {
        answer["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
    };
    let all = house.get("/v1/subjects?realm=app").await.body;
    assert_eq!((ids(&all), &all["next"]), (vec!["a".into(), "b".into(), "c".into()], &Value::Null));
    assert_eq!(ids(&house.get("/v1/subjects?realm=app&kind=user").await.body), ["b", "c"]);
    assert_eq!(ids(&house.get("/v1/subjects?realm=other").await.body), [""; 0]);
    let first = house.get("/v1/subjects?realm=app&limit=2").await.body;
    assert_eq!(ids(&first), ["a", "b"]);
    let next = text(&first["next"]);
    let rest = house.get(&format!("/v1/subjects?realm=app&limit=2&cursor={next}")).await.body;
    assert_eq!((ids(&rest), &rest["next"]), (vec!["c".into()], &Value::Null));
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=", "cursor=%FF%FE", "kind=robot"] {
        let answer = house.get(&format!("/v1/subjects?realm=app&{query}")).await;
        assert_eq!(answer.refused(), [query.split('=').next().unwrap()], "{query}");
    }
}

#[tokio::test]
async fn each_field_of_a_subject_out_of_range_is_refused_by_its_name() {
    let house = House::new();
    house.put(PATH, json!({})).await;
    for (field, values) in [
        ("kind", vec![json!("robot"), json!(1), json!("")]),
        ("state", vec![json!("deleted"), json!(true)]),
        ("admin", vec![json!("yes"), json!(0)]),
        ("capabilities", vec![json!("api"), json!(["a b"]), json!([null]), json!({})]),
        ("metadata", vec![json!([]), json!({ "x": "y".repeat(4096) })]),
        ("id", vec![json!("user_2")]),
        ("version", vec![json!(1)]),
        ("email", vec![json!("a@example.com")]),
    ] {
        for value in values {
            for answer in [
                house.put(PATH, json!({ field: value })).await,
                house.patch(PATH, json!({ field: value })).await,
            ] {
                assert_eq!(answer.refused(), [field], "{value}");
            }
        }
    }
    assert_eq!(house.get(PATH).await.body["version"], 1);
}

#[tokio::test]
async fn a_subject_that_an_unrevoked_credential_names_is_not_deleted() {
    let house = House::new();
    house.put(PATH, json!({})).await;
    let id = house.created(json!({ "api": "beside" })).await;
    let elsewhere = house.created(json!({ "api": "other" })).await;
    let answer = house.delete(PATH).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "in_use"));
    house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await;
    assert_eq!(house.delete(PATH).await.status, 204);
    assert_eq!(house.get(&format!("/v1/credentials/{elsewhere}")).await.body["state"], "active");
}

#[tokio::test]
async fn a_change_of_a_subject_that_waits_tells_where_it_is_applied() {
    let house = House::new();
    for answer in [
        house.put(&format!("{PATH}&wait=all"), json!({})).await,
        house.patch(&format!("{PATH}&wait=all&timeout=1s"), json!({ "admin": true })).await,
        house.delete(&format!("{PATH}&wait=all")).await,
    ] {
        assert_eq!(answer.body["propagation"]["complete"], true, "{}", answer.body);
    }
    assert_eq!(house.put(&format!("{PATH}&wait=maybe"), json!({})).await.refused(), ["wait"]);
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_by_a_put_and_unknown_to_all_else() {
    let house = House::new();
    let credential = house.created(json!({ "grants": {} })).await;
    assert_eq!(
        house.put("/v1/resources/org_1?realm=app", json!({ "kind": "org" })).await.status,
        201
    );
    let long = "x".repeat(129);
    for id in ["a%2Cb", "a=b", "a%3Db", "*", "%FF", "%22", "a%3Bb", "a%20b", "%C3%A9", &long] {
        for (path, field, body) in [
            (format!("/v1/subjects/{id}?realm=app"), "id", json!({})),
            (format!("/v1/resources/{id}?realm=app"), "id", json!({ "kind": "org" })),
            (
                format!("/v1/resources/org_1/members/{id}?realm=app"),
                "subject",
                json!({ "level": "read" }),
            ),
            (
                format!("/v1/credentials/{credential}/grants/{id}"),
                "resource",
                json!({ "level": "read" }),
            ),
        ] {
            assert_eq!(house.put(&path, body).await.refused(), [field], "{path}");
            assert_eq!(house.delete(&path).await.status, 404, "{path}");
            if field == "id" {
                assert_eq!(house.get(&path).await.status, 404, "{path}");
                assert_eq!(house.patch(&path, json!({})).await.status, 404, "{path}");
            }
        }
        // Of what is not written there is no more to say than that it is unknown.
        let level = json!({ "level": "read" });
        let member = format!("/v1/resources/{id}/members/user_1?realm=app");
        assert_eq!(house.put(&member, level.clone()).await.status, 404, "{member}");
        let grant = format!("/v1/credentials/{id}/grants/board_1");
        assert_eq!(house.put(&grant, level).await.status, 404, "{grant}");
    }
}
