//! `PATCH /v1/credentials/{id}`.

use super::*;

/// A credential with something in every field that a change can touch.
async fn full(house: &House) -> String {
    let with = json!({
        "name": "ci", "ceiling": "edit", "grants": { "board_1": "admin" }, "scopes": ["boards:read"],
        "addresses": ["10.0.0.0/8"], "metadata": { "a": 1 }, "expires_at": "2090-01-01T00:00:00Z",
        "audience": "https://example.com/mcp", "client_id": "client_1",
    });
    format!("/v1/credentials/{}", house.created(with).await)
}

#[tokio::test]
async fn a_change_touches_the_fields_that_are_given_and_no_other() {
    let house = House::new();
    let path = full(&house).await;
    let mut expected = house.get(&path).await.body;
    for (given, becomes) in [
        (json!({ "disabled": true }), json!({ "disabled": true, "state": "disabled" })),
        (json!({ "name": "other" }), json!({ "name": "other" })),
        (json!({ "metadata": {} }), json!({ "metadata": {} })),
        (json!({ "ceiling": "read" }), json!({ "ceiling": "read" })),
        (json!({ "grants": { "b": "read" } }), json!({ "grants": { "b": "read" } })),
        (json!({ "limits": { "per-key": 7 } }), json!({ "limits": { "per-key": 7 } })),
        (json!({ "scopes": ["x", "a", "x"] }), json!({ "scopes": ["a", "x"] })),
        (json!({ "addresses": ["192.0.2.7"] }), json!({ "addresses": ["192.0.2.7/32"] })),
        (
            json!({ "expires_at": "2080-01-01T08:00:00+08:00" }),
            json!({ "expires_at": "2080-01-01T00:00:00.000Z" }),
        ),
    ] {
        let answer = house.patch(&path, given.clone()).await;
        assert_eq!(answer.status, 200, "{given}: {}", answer.body);
        let fields = expected.as_object_mut().unwrap();
        fields.extend(becomes.as_object().unwrap().clone());
        let version = fields["version"].as_u64().unwrap() + 1;
        fields.insert("version".to_owned(), version.into());
        assert_eq!(answer.body, expected, "{given}");
        assert_eq!(house.get(&path).await.body, expected);
    }
}

#[tokio::test]
async fn a_change_of_nothing_leaves_the_version() {
    let house = House::new();
    let path = full(&house).await;
    for given in
        [json!({}), json!({ "name": "ci" }), json!({ "expires_at": "2090-01-01T00:00:00Z" })]
    {
        let answer = house.patch(&path, given).await;
        assert_eq!((answer.status.as_u16(), &answer.body["version"]), (200, &json!(1)));
    }
}

#[tokio::test]
async fn null_empties_a_field() {
    let house = House::new();
    let path = full(&house).await;
    house.patch(&path, json!({ "disabled": true })).await;
    let names = ["name", "ceiling", "scopes", "addresses", "metadata", "limits", "disabled"];
    let nulls = names.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    let answer = house.patch(&path, Value::Object(nulls)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for name in ["name", "ceiling", "scopes", "addresses"] {
        assert_eq!(answer.body[name], Value::Null, "{name}");
    }
    assert_eq!(answer.body["metadata"], json!({}));
    assert_eq!(answer.body["limits"], json!({}));
    assert_eq!(
        (&answer.body["disabled"], &answer.body["state"]),
        (&json!(false), &json!("active"))
    );
}

#[tokio::test]
async fn an_end_comes_nearer_and_never_goes_away() {
    let house = House::new();
    let path = full(&house).await;
    for expires_at in [json!("2090-01-01T00:00:00.001Z"), json!(null)] {
        let answer = house.patch(&path, json!({ "expires_at": expires_at })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "expiry_later"), "{expires_at}");
    }
    let past = house.patch(&path, json!({ "expires_at": "2001-01-01T00:00:00Z" })).await;
    assert_eq!(past.refused(), ["expires_at"]);
    let never = format!("/v1/credentials/{}", house.created(json!({})).await);
    assert_eq!(house.patch(&never, json!({ "expires_at": null })).await.body["version"], 1);
    let ends = house.patch(&never, json!({ "expires_at": "2090-01-01T00:00:00Z" })).await;
    assert_eq!(ends.body["expires_at"], "2090-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn grants_do_not_become_everything_nor_everything_grants() {
    let house = House::new();
    let some = full(&house).await;
    let all = format!("/v1/credentials/{}", house.created(json!({})).await);
    for (path, grants) in [(&some, json!(null)), (&all, json!({})), (&all, json!({ "b": "read" }))]
    {
        let answer = house.patch(path, json!({ "name": "x", "grants": grants })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "grants_mode"), "{grants}");
        assert_ne!(house.get(path).await.body["name"], "x");
    }
    assert_eq!(house.patch(&some, json!({ "grants": {} })).await.body["grants"], json!({}));
    assert_eq!(house.patch(&all, json!({ "grants": null })).await.body["grants"], Value::Null);
}

#[tokio::test]
async fn what_else_a_record_has_is_409_and_what_it_has_not_422() {
    let house = House::new();
    let path = full(&house).await;
    for field in [
        "id",
        "api",
        "scheme",
        "hint",
        "external_id",
        "subject",
        "org",
        "created_at",
        "revoked_at",
        "revoke_reason",
        "audience",
        "client_id",
        "last_used_at",
        "version",
        "state",
    ] {
        for value in [json!("x"), json!(null)] {
            let answer = house.patch(&path, json!({ field: value, "name": "x" })).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (409, "field_fixed"), "{field}");
            assert_eq!(answer.body["errors"][0]["field"], field);
        }
    }
    assert_eq!(house.patch(&path, json!({ "nmae": "x", "id": "y" })).await.refused(), ["nmae"]);
    assert_eq!(house.get(&path).await.body["version"], 1);
}

#[tokio::test]
async fn a_revoked_credential_does_not_come_back() {
    let house = House::new();
    let path = full(&house).await;
    house.post(&format!("{path}/revoke"), json!({})).await;
    for field in ["revoked_at", "state"] {
        assert_eq!(house.patch(&path, json!({ field: null })).await.status, 409, "{field}");
    }
    let renamed = house.patch(&path, json!({ "name": "old", "disabled": false })).await;
    assert_eq!((renamed.status.as_u16(), &renamed.body["state"]), (200, &json!("revoked")));
}

#[tokio::test]
async fn each_field_out_of_range_is_refused_by_its_name_and_changes_nothing() {
    let house = House::new();
    let path = full(&house).await;
    for (field, values) in [
        ("name", vec![json!(""), json!(7), json!("a\nb"), json!("x".repeat(201))]),
        ("disabled", vec![json!("true"), json!(1)]),
        ("ceiling", vec![json!("write"), json!(""), json!("READ"), json!(1)]),
        (
            "grants",
            vec![
                json!([]),
                json!({ "a,b": "read" }),
                json!({ "a=b": "read" }),
                json!({ "*": "read" }),
                json!({ "b": "write" }),
                json!({ "b": null }),
                json!("*"),
            ],
        ),
        (
            "scopes",
            vec![
                json!("a"),
                json!([1]),
                json!(["a b"]),
                json!(["a,b"]),
                json!(["*"]),
                json!([""]),
                json!(["é"]),
                json!({}),
            ],
        ),
        (
            "addresses",
            vec![
                json!([]),
                json!("10.0.0.0/8"),
                json!(["10.0.0.0/33"]),
                json!(["host"]),
                json!([null]),
                json!(["10.0.0"]),
            ],
        ),
        (
            "limits",
            vec![
                json!({ "nope": 1 }),
                json!([]),
                json!({ "per-key": 0 }),
                json!({ "per-key": 1.5 }),
                json!({ "per-key": "9" }),
                json!({ "per-key": 1_000_000_000_001_u64 }),
                json!({ "per-key": 1, "": 1 }),
            ],
        ),
        ("metadata", vec![json!([]), json!("x"), json!({ "x": "y".repeat(4096) })]),
        (
            "expires_at",
            vec![json!(1_900_000_000), json!("2080-01-01"), json!("2080-01-01T00:00:00")],
        ),
    ] {
        for value in values {
            let answer = house.patch(&path, json!({ field: value, "client": null })).await;
            let mut refused = answer.refused();
            refused.sort();
            let mut both = ["client", field];
            both.sort_unstable();
            assert_eq!(refused, both, "{field} {value}");
        }
    }
    assert_eq!(house.get(&path).await.body["version"], 1);
}

#[tokio::test]
async fn changes_at_the_same_time_lose_nothing() {
    let house = House::new();
    let path = full(&house).await;
    let grants = |n: usize| format!("{path}/grants/b{n}");
    let puts = (0..20).map(|n| {
        let path = grants(n);
        let house = &house;
        async move { house.put(&path, json!({ "level": "read" })).await.status.as_u16() }
    });
    let statuses = futures_util::future::join_all(puts).await;
    assert_eq!(statuses, [201; 20]);
    let shown = house.get(&path).await.body;
    assert_eq!(shown["grants"].as_object().unwrap().len(), 21);
    assert_eq!(shown["version"], 21);
}

#[tokio::test]
async fn a_credential_that_is_none_cannot_be_changed() {
    let house = House::new();
    for id in ["crd_none", "a%2Cb", "%FF"] {
        let answer = house.patch(&format!("/v1/credentials/{id}"), json!({ "name": "x" })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"), "{id}");
    }
}
