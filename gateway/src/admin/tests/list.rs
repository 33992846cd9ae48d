//! `GET /v1/credentials` and `GET /v1/credentials/{id}`.

use super::*;

async fn names(house: &House, query: &str) -> Vec<String> {
    let answer = house.get(&format!("/v1/credentials?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
}

#[tokio::test]
async fn a_list_is_newest_first_and_each_filter_narrows_it() {
    let house = House::new();
    house.created(json!({ "name": "a", "org": "org_1", "external_id": "ext:a" })).await;
    house.created(json!({ "name": "b", "scheme": "live", "subject": "user_2" })).await;
    house.created(json!({ "name": "c", "api": "other", "subject": "user_2" })).await;
    for (query, expected) in [
        ("", vec!["c", "b", "a"]),
        ("api=app", vec!["b", "a"]),
        ("scheme=live", vec!["b"]),
        ("subject=user_2", vec!["c", "b"]),
        ("subject=user_2&api=other", vec!["c"]),
        ("org=org_1", vec!["a"]),
        ("external_id=ext%3Aa", vec!["a"]),
        ("api=gone", vec![]),
        ("subject=nobody", vec![]),
    ] {
        assert_eq!(names(&house, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_state_is_that_of_now() {
    let house = House::new();
    house.created(json!({ "name": "lives" })).await;
    let id = house.created(json!({ "name": "ended" })).await;
    house.post(&format!("/v1/credentials/{id}/revoke"), json!({})).await;
    assert_eq!(names(&house, "state=active").await, ["lives"]);
    assert_eq!(names(&house, "state=revoked").await, ["ended"]);
    assert_eq!(names(&house, "state=expired").await, [""; 0]);
    assert_eq!(names(&house, "state=disabled").await, [""; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    let house = House::new();
    for number in 0..7 {
        house.created(json!({ "name": format!("n{number}") })).await;
    }
    let (mut seen, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let page = house.get(&format!("/v1/credentials?{query}")).await.body;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| text(&item["name"])));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=3&cursor={next}");
    }
    assert_eq!(seen, ["n6", "n5", "n4", "n3", "n2", "n1", "n0"]);
}

#[tokio::test]
async fn a_parameter_that_is_unknown_or_has_a_bad_value_is_422_and_named() {
    let house = House::new();
    for (query, refused) in [
        ("limit=0", vec!["limit"]),
        ("limit=1001", vec!["limit"]),
        ("limit=-1", vec!["limit"]),
        ("limit=ten", vec!["limit"]),
        ("limit=", vec!["limit"]),
        ("state=gone", vec!["state"]),
        ("subject=a%2Cb", vec!["subject"]),
        ("org=&api=&scheme=&cursor=", vec!["api", "scheme", "org", "cursor"]),
        ("external_id=%FF", vec!["external_id"]),
        ("cursor=nonsense", vec!["cursor"]),
        ("api=app&api=other", vec!["api"]),
        ("page=2&limit=0&sort=name", vec!["limit", "page", "sort"]),
    ] {
        assert_eq!(
            house.get(&format!("/v1/credentials?{query}")).await.refused(),
            refused,
            "{query}"
        );
    }
    assert_eq!(house.get("/v1/credentials?limit=1000").await.status, 200);
    let id = house.created(json!({})).await;
    assert_eq!(house.get(&format!("/v1/credentials/{id}?fields=all")).await.refused(), ["fields"]);
}

#[tokio::test]
async fn an_id_that_names_nothing_is_404() {
    let house = House::new();
    for id in ["crd_nothing", "a%2Cb", "%FF", "%00", &"x".repeat(500)] {
        for (method, path) in [
            (Method::GET, format!("/v1/credentials/{id}")),
            (Method::DELETE, format!("/v1/credentials/{id}")),
            (Method::POST, format!("/v1/credentials/{id}/revoke")),
        ] {
            let answer = house.call(method, &path, None).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"), "{path}");
        }
    }
}
