//! `POST /v1/explain`.

use super::*;

const CONFIGURATION: &str = r#"
upstreams: { app: ["127.0.0.1:9"] }
apis:
  - name: app
    hosts: [app.test]
    upstream: app
    schemes:
      - { name: key, prefix: ak_ }
      - { name: cookie, prefix: ck_, from: ["cookie:sid"] }
      - { name: query, prefix: qk_, from: ["query:k"] }
      - { name: any, from: ["header:x-token"] }
    routes:
      - { path: /public/**, auth: none }
      - { path: "/boards/{board}/**", resource: board, level: { GET: read, "*": edit }, rewrite: { strip_prefix: /boards, add_prefix: /v2 } }
      - { path: /**, scopes: { GET: ["s:read"] } }
"#;

async fn house() -> House {
    let house = House::of(CONFIGURATION);
    house
        .put("/v1/resources/org_1", json!({ "kind": "org", "members": { "user_1": "edit" } }))
        .await;
    house.put("/v1/resources/b_1", json!({ "kind": "board", "parent": "org_1" })).await;
    house
}

async fn explain(house: &House, asked: Value) -> Value {
    let answer = house.post("/v1/explain", asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Each stage's outcome, in order.
fn stages(explained: &Value) -> Vec<String> {
    let stages = explained["stages"].as_array().unwrap();
    stages.iter().map(|stage| text(&stage["outcome"])).collect()
}

#[tokio::test]
async fn a_request_that_would_be_forwarded_passes_every_stage_and_shows_what_the_upstream_is_told()
{
    let house = house().await;
    let made = house.create(json!({ "org": "org_1", "scopes": ["s:read"] })).await.body;
    let (id, secret) = (text(&made["credential"]["id"]), text(&made["secret"]));
    let asked = json!({
        "method": "GET", "url": "https://app.test/boards/b_1/x%2dy?token=other",
        "headers": { "x-api-key": secret, "x-org-id": "org_forged" },
    });
    let explained = explain(&house, asked).await;
    assert_eq!(stages(&explained), ["passed"; 6]);
    for (field, value) in [
        ("allowed", json!(true)),
        ("outcome", json!("forwarded")),
        ("status", Value::Null),
        ("api", json!("app")),
        ("route", json!("/boards/{board}/**")),
        ("upstream", json!("app")),
        ("path", json!("/v2/b_1/x-y")),
        ("scheme", json!("key")),
        ("credential", json!(id)),
        ("subject", json!("user_1")),
        ("org", json!("org_1")),
        ("resource", json!("b_1")),
        ("level", json!("edit")),
        ("replica", json!("gw-1")),
        ("generation", json!(1)),
    ] {
        assert_eq!(explained[field], value, "{field}");
    }
    for (name, value) in
        [("x-org-id", "org_1"), ("x-level", "edit"), ("x-scopes", "s:read"), ("x-grants", "*")]
    {
        assert_eq!(explained["identity"][name], value, "{explained}");
    }
    assert!(!explained.to_string().contains(&secret) && !explained.to_string().contains("token"));
}

#[tokio::test]
async fn the_stage_that_refuses_says_why_and_later_ones_are_not_reached() {
    let house = house().await;
    let reader = json!({ "org": "org_1", "ceiling": "read" });
    let reader = house.create(reader).await.body;
    let key = |body: &Value| json!({ "x-api-key": text(&body["secret"]) });
    let revoked = house.create(json!({})).await.body;
    let path = format!("/v1/credentials/{}/revoke", text(&revoked["credential"]["id"]));
    house.post(&path, json!({})).await;
    for (method, url, headers, reached, outcome) in [
        ("GET", "http://app.test/a/../b", json!({}), 0, "request_malformed"),
        ("GET", "http://app.test/a#b", json!({}), 0, "request_malformed"),
        ("GET", "/a", json!({}), 0, "request_malformed"),
        ("GET", "http://app.test/", json!({ "transfer-encoding": "gzip" }), 0, "request_malformed"),
        ("GET", "http://other.test/", json!({}), 1, "host_unknown"),
        ("GET", "http://app.test/", json!({}), 2, "credential_missing"),
        (
            "GET",
            "http://app.test/",
            json!({ "authorization": "Bearer a b" }),
            2,
            "credential_malformed",
        ),
        ("GET", "http://app.test/", json!({ "x-api-key": "ak_nobody" }), 3, "credential_unknown"),
        ("GET", "http://app.test/", key(&revoked), 3, "credential_revoked"),
        ("GET", "http://app.test/boards/b_2/x", key(&reader), 5, "resource_unknown"),
        ("POST", "http://app.test/boards/b_1/x", key(&reader), 5, "level_insufficient"),
    ] {
        let asked = json!({ "method": method, "url": url, "headers": headers });
        let explained = explain(&house, asked).await;
        let stages = stages(&explained);
        assert_eq!(explained["outcome"], outcome, "{url}: {explained}");
        for (position, stage) in stages.iter().enumerate() {
            let expected = match position.cmp(&reached) {
                std::cmp::Ordering::Less => "passed",
                std::cmp::Ordering::Equal => outcome,
                std::cmp::Ordering::Greater => "not_reached",
            };
            assert_eq!(stage, expected, "{url} {position}");
        }
        assert!(explained["stages"][reached]["detail"].is_string());
        assert_eq!((&explained["allowed"], &explained["identity"]), (&json!(false), &json!({})));
    }
    let asked =
        json!({ "method": "POST", "url": "http://app.test/boards/b_1/x", "headers": key(&reader) });
    let explained = explain(&house, asked).await;
    assert_eq!(explained["stages"][5]["needed"], "edit");
    assert_eq!(explained["status"], 403);
}

#[tokio::test]
async fn a_credential_may_be_named_instead_of_presented_wherever_its_scheme_sits() {
    let house = house().await;
    for scheme in ["key", "cookie", "query", "any"] {
        let id = house.created(json!({ "scheme": scheme, "scopes": ["s:read"] })).await;
        for url in ["http://app.test/x", "http://app.test/x?a=b"] {
            let asked = json!({ "method": "GET", "url": url, "credential": id });
            let explained = explain(&house, asked).await;
            assert_eq!(
                (&explained["allowed"], &explained["credential"]),
                (&json!(true), &json!(id)),
                "{explained}"
            );
            assert_eq!(explained["facts"][0]["cache"], "not_asked");
        }
        house.patch(&format!("/v1/credentials/{id}"), json!({ "disabled": true })).await;
        let asked = json!({ "method": "GET", "url": "http://app.test/x", "credential": id });
        assert_eq!(explain(&house, asked).await["outcome"], "credential_disabled");
    }
    let asked = json!({ "method": "GET", "url": "http://app.test/x", "credential": "crd_none" });
    assert_eq!(house.post("/v1/explain", asked).await.refused(), ["credential"]);
}

#[tokio::test]
async fn what_the_decision_rests_on_is_listed_with_where_it_was_found() {
    let house = house().await;
    let made = house.create(json!({ "org": "org_1" })).await.body;
    let asked = json!({
        "method": "GET", "url": "http://app.test/boards/b_1", "headers": { "x-api-key": made["secret"] },
    });
    let found = |explained: &Value| -> Vec<(String, String, String, Value)> {
        let facts = explained["facts"].as_array().unwrap().iter();
        let fact = |fact: &Value| {
            let word = |field: &str| text(&fact[field]);
            (word("kind"), word("id"), word("cache"), fact["version"].clone())
        };
        facts.map(fact).collect()
    };
    let credential = text(&made["credential"]["id"]);
    let all = |cache: &str| -> Vec<(String, String, String, Value)> {
        let fact = |kind: &str, id: &str, version: Value| {
            (kind.to_owned(), id.to_owned(), cache.to_owned(), version)
        };
        vec![
            fact("credential", &credential, json!(1)),
            fact("subject", "user_1", json!(null)),
            fact("resource", "org_1", json!(1)),
            fact("resource", "b_1", json!(1)),
        ]
    };
    let first = explain(&house, asked.clone()).await;
    assert_eq!(found(&first), all("miss"), "{first}");
    let second = explain(&house, asked).await;
    let mut cached = all("hit");
    // That there is no record is all that is remembered of one.
    let mut shown = second["facts"].clone();
    shown[1]["id"] = json!("user_1");
    let second = json!({ "facts": shown });
    cached[1].3 = json!(null);
    assert_eq!(found(&second), cached, "{second}");
}

#[tokio::test]
async fn a_question_that_is_badly_asked_is_refused_by_its_fields() {
    let house = house().await;
    let good = json!({ "method": "GET", "url": "http://app.test/" });
    for (field, values) in [
        ("method", vec![json!(null), json!(""), json!("G T"), json!(1)]),
        (
            "url",
            vec![
                json!(null),
                json!(""),
                json!("ftp://a/"),
                json!("app.test/"),
                json!("http://a/ b"),
                json!("/é"),
            ],
        ),
        (
            "headers",
            vec![
                json!([]),
                json!({ "a b": "x" }),
                json!({ "a": "x\r\ny: z" }),
                json!({ "a": 1 }),
                json!({ "": "x" }),
            ],
        ),
        ("credential", vec![json!("a,b"), json!(1)]),
        ("body", vec![json!("x")]),
    ] {
        for value in values {
            let mut asked = good.clone();
            asked[field] = value.clone();
            assert_eq!(house.post("/v1/explain", asked).await.refused(), [field], "{value}");
        }
    }
}
