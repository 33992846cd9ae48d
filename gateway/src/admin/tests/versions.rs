//! `ETag` and `If-Match`.

use super::*;

async fn send(house: &House, method: Method, path: &str, version: &str, body: Value) -> u16 {
    let request = request(method, path)
        .header(header::IF_MATCH, version)
        .header(header::CONTENT_TYPE, "application/json");
    let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
    house.send(request.body(body).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn a_change_of_another_version_is_412_and_changes_nothing() {
    let house = House::new();
    let id = house.created(json!({ "grants": { "g": "read" }, "scheme": "shown" })).await;
    let credential = format!("/v1/credentials/{id}");
    let (subject, resource) = ("/v1/subjects/u?realm=app", "/v1/resources/r?realm=app");
    house.put(subject, json!({})).await;
    house.put(resource, json!({ "kind": "org", "members": { "m": "read" } })).await;
    let member = "/v1/resources/r/members/u?realm=app";
    let calls = [
        (Method::PATCH, credential.clone(), json!({ "name": "x" })),
        (Method::PUT, format!("{credential}/grants/b"), json!({ "level": "read" })),
        (Method::DELETE, format!("{credential}/grants/g"), Value::Null),
        (Method::POST, format!("{credential}/rotate"), json!({ "overlap": "1h" })),
        (Method::POST, format!("{credential}/reveal"), json!({})),
        (Method::POST, format!("{credential}/revoke"), json!({})),
        (Method::DELETE, credential.clone(), Value::Null),
        (Method::PUT, subject.to_owned(), json!({ "admin": true })),
        (Method::PATCH, subject.to_owned(), json!({ "admin": true })),
        (Method::DELETE, subject.to_owned(), Value::Null),
        (Method::PUT, resource.to_owned(), json!({ "kind": "x" })),
        (Method::PATCH, resource.to_owned(), json!({ "kind": "x" })),
        (Method::PUT, member.to_owned(), json!({ "level": "read" })),
        (Method::DELETE, "/v1/resources/r/members/m?realm=app".to_owned(), Value::Null),
        (Method::DELETE, resource.to_owned(), Value::Null),
    ];
    for version in ["2", "\"2\"", "0", "99999999999999999999"] {
        for (method, path, body) in &calls {
            let status = send(&house, method.clone(), path, version, body.clone()).await;
            assert_eq!(status, 412, "{method} {path} {version}");
        }
    }
    for path in [&*credential, subject, resource] {
        let answer = house.get(path).await;
        assert_eq!(
            (&answer.body["version"], &answer.headers[header::ETAG]),
            (&json!(1), &"\"1\"".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_grant_and_a_member_are_taken_away_at_the_version_that_is_named() {
    let house = House::new();
    let id = house.created(json!({ "grants": { "g": "read" } })).await;
    let (credential, resource) = (format!("/v1/credentials/{id}"), "/v1/resources/r?realm=app");
    house.put(resource, json!({ "kind": "org", "members": { "m": "read" } })).await;
    let member = "/v1/resources/r/members/m?realm=app";
    assert_eq!(send(&house, Method::DELETE, member, "1", Value::Null).await, 204);
    let grant = format!("{credential}/grants/g");
    assert_eq!(send(&house, Method::DELETE, &grant, "\"1\"", Value::Null).await, 204);
    assert_eq!(house.get(resource).await.body["members"], json!({}));
    assert_eq!(house.get(&credential).await.body["grants"], json!({}));
}

#[tokio::test]
async fn what_is_no_version_is_400() {
    let house = House::new();
    let path = format!("/v1/credentials/{}", house.created(json!({})).await);
    for version in ["*", "W/\"1\"", "\"1\", \"2\"", "+1", "x", "\"\"", "", "\"1"] {
        let status = send(&house, Method::PATCH, &path, version, json!({ "name": "x" })).await;
        assert_eq!(status, 400, "{version}");
    }
    assert_eq!(house.get(&path).await.body["version"], 1);
}

#[tokio::test]
async fn a_change_of_the_version_it_names_is_made() {
    let house = House::new();
    let path = format!("/v1/credentials/{}", house.created(json!({})).await);
    assert_eq!(send(&house, Method::PATCH, &path, "1", json!({ "name": "a" })).await, 200);
    assert_eq!(send(&house, Method::PATCH, &path, "\"2\"", json!({ "name": "b" })).await, 200);
    assert_eq!(send(&house, Method::PATCH, &path, "2", json!({ "name": "c" })).await, 412);
    assert_eq!(house.get(&path).await.body["name"], "b");
    assert_eq!(send(&house, Method::DELETE, &path, "3", Value::Null).await, 204);
}

#[tokio::test]
async fn a_put_of_a_version_makes_no_new_record() {
    let house = House::new();
    for (path, body) in [
        ("/v1/subjects/u?realm=app", json!({})),
        ("/v1/resources/r?realm=app", json!({ "kind": "org" })),
    ] {
        assert_eq!(send(&house, Method::PUT, path, "1", body).await, 412);
        assert_eq!(house.get(path).await.status, 404);
    }
}
