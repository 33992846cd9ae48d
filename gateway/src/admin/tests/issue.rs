//! What schemes ask of the credentials that are made for them.

use decision::facts::Timestamp;

use super::*;
use crate::admin::instant;
use crate::clock;

const DAY: i64 = 86_400_000;

fn at(value: &Value) -> Timestamp {
    instant::read(value.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_credential_carries_everything_it_may_be_given() {
    let house = House::new();
    let given = json!({
        "ceiling": "edit", "grants": { "board_1": "admin", "board_2": "read" }, "scopes": ["b", "a"],
        "audience": "HTTPS://Example.com:443/a/../mcp", "client_id": "client_1",
        "addresses": ["10.1.2.3/8", "2001:db8::1"],
    });
    let answer = house.create(given).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let credential = &answer.body["credential"];
    for (field, value) in [
        ("ceiling", json!("edit")),
        ("grants", json!({ "board_1": "admin", "board_2": "read" })),
        ("scopes", json!(["a", "b"])),
        ("audience", json!("https://example.com/mcp")),
        ("client_id", json!("client_1")),
        ("addresses", json!(["10.0.0.0/8", "2001:db8::1/128"])),
        ("limits", json!({})),
        ("disabled", json!(false)),
        ("last_used_at", json!(null)),
    ] {
        assert_eq!(credential[field], value, "{field}");
    }
}

#[tokio::test]
async fn each_field_out_of_range_is_refused_by_its_name() {
    let house = House::new();
    for (field, values) in [
        ("ceiling", vec![json!("write"), json!("")]),
        ("grants", vec![json!({ "a,b": "read" }), json!({ "b": "owner" }), json!(["b"])]),
        ("scopes", vec![json!(["a b"]), json!("a"), json!(["*"])]),
        ("audience", vec![json!(""), json!("a b"), json!("é"), json!("x".repeat(2049)), json!([])]),
        ("client_id", vec![json!("a,b"), json!(""), json!("*")]),
        ("addresses", vec![json!([]), json!(["10.0.0.0/40"]), json!(["localhost"])]),
        ("limits", vec![json!({ "nope": 5 }), json!(5)]),
    ] {
        for value in values {
            let answer = house.create(json!({ field: value })).await;
            assert_eq!(answer.refused(), [field], "{value}");
        }
    }
    assert_eq!(house.get("/v1/credentials").await.body["items"], json!([]));
}

#[tokio::test]
async fn grants_that_render_over_4_kib_are_refused() {
    let house = House::new();
    // 128 bytes, `=read` and `,`: 31 of them make 4,153 bytes, 30 make 4,019.
    let grants = |count: usize| {
        let ids = (0..count).map(|n| (format!("{n:0128}"), json!("read")));
        json!({ "grants": ids.collect::<serde_json::Map<_, _>>() })
    };
    let path = format!("/v1/credentials/{}", house.created(grants(30)).await);
    assert_eq!(house.create(grants(31)).await.refused(), ["grants"]);
    assert_eq!(house.patch(&path, grants(31)).await.refused(), ["grants"]);
    let long = format!("{path}/grants/{}", "x".repeat(128));
    assert_eq!(house.put(&long, json!({ "level": "read" })).await.refused(), ["level"]);
    assert_eq!(
        house.put(&format!("{path}/grants/x"), json!({ "level": "read" })).await.status,
        201
    );
}

#[tokio::test]
async fn a_scheme_may_require_an_org_or_an_audience() {
    let house = House::new();
    for (scheme, field, value) in
        [("owned", "org", "org_1"), ("tied", "audience", "https://example.com/")]
    {
        assert_eq!(house.create(json!({ "scheme": scheme })).await.refused(), [field]);
        let null = house.create(json!({ "scheme": scheme, field: null })).await;
        assert_eq!(null.refused(), [field]);
        house.created(json!({ "scheme": scheme, field: value })).await;
    }
}

#[tokio::test]
async fn a_scheme_for_members_only_takes_those_that_the_org_names() {
    let house = House::new();
    let club = |org: &str| json!({ "scheme": "club", "org": org });
    assert_eq!(house.create(json!({ "scheme": "club" })).await.refused(), ["org"]);
    let org = |id: &str, members: Value| {
        let path = format!("/v1/resources/{id}?realm=app");
        let house = &house;
        async move { house.put(&path, json!({ "kind": "org", "members": members })).await }
    };
    org("org_1", json!({ "user_1": "read" })).await;
    org("org_2", json!({ "user_2": "read" })).await;
    org("org_3", json!({})).await;
    org("org_4", Value::Null).await;
    let board = json!({ "kind": "board", "parent": "org_1", "members": { "user_1": "read" } });
    house.put("/v1/resources/board_1?realm=app", board).await;
    house.created(club("org_1")).await;
    for without in ["org_2", "org_3", "org_4", "org_5", "board_1"] {
        assert_eq!(house.create(club(without)).await.refused(), ["subject"], "{without}");
    }
}

#[tokio::test]
async fn a_lifetime_of_a_day_scheme_ends_with_a_day() {
    let house = House::new();
    for (scheme, days) in [("begins", 0), ("ends", 1)] {
        let answer = house.create(json!({ "scheme": scheme, "lifetime": "30d" })).await;
        let credential = &answer.body["credential"];
        let created = at(&credential["created_at"]).0;
        let midnight = created + 30 * DAY - (created + 30 * DAY) % DAY;
        assert_eq!(at(&credential["expires_at"]).0, midnight + days * DAY, "{scheme}");
    }
    let today = house.create(json!({ "scheme": "begins", "lifetime": "1s" })).await;
    assert_eq!(today.refused(), ["lifetime"]);
    let ends = house.create(json!({ "scheme": "ends", "lifetime": "1s" })).await;
    let now = clock::wall().0;
    let end = at(&ends.body["credential"]["expires_at"]).0;
    assert!(end > now && end <= now + DAY + 1000 && end % DAY == 0);
}

#[tokio::test]
async fn a_day_to_expire_on_needs_a_day_expiry_and_an_instant_is_taken_as_given() {
    let house = House::new();
    for (scheme, expires_at) in
        [("begins", "2089-12-31T00:00:00.000Z"), ("ends", "2090-01-01T00:00:00.000Z")]
    {
        let answer = house.create(json!({ "scheme": scheme, "expires_on": "2089-12-31" })).await;
        assert_eq!(answer.body["credential"]["expires_at"], expires_at, "{}", answer.body);
        let given = json!({ "scheme": scheme, "expires_at": "2089-12-31T12:34:56.789Z" });
        let answer = house.create(given).await;
        assert_eq!(answer.body["credential"]["expires_at"], "2089-12-31T12:34:56.789Z");
    }
    assert_eq!(house.create(json!({ "expires_on": "2089-12-31" })).await.refused(), ["expires_on"]);
    for day in [
        json!("2001-01-01"),
        json!("2089-13-01"),
        json!("2089-02-30"),
        json!("2089-1-1"),
        json!("89-12-31"),
        json!(20_891_231),
        json!("2089-12-31T00:00:00Z"),
        json!("9999-12-31"),
    ] {
        let answer = house.create(json!({ "scheme": "ends", "expires_on": day })).await;
        assert_eq!(answer.refused(), ["expires_on"], "{day}");
    }
    let three = json!({
        "scheme": "ends", "expires_on": "2089-12-31", "lifetime": "30d", "expires_at": "2089-12-31T00:00:00Z",
    });
    assert_eq!(house.create(three).await.refused(), ["expires_on", "expires_at"]);
}

#[tokio::test]
async fn an_imported_lifetime_counts_from_its_creation_also_to_a_day() {
    let house = House::new();
    let began = clock::wall().0 - 10 * DAY;
    let created_at = instant::write(Timestamp(began));
    let given = json!({
        "scheme": "ends", "secret": "en_of-somewhere-else-12345", "lifetime": "30d", "created_at": created_at,
    });
    let answer = house.create(given).await;
    let end = at(&answer.body["credential"]["expires_at"]).0;
    assert_eq!(end, began + 30 * DAY - (began + 30 * DAY) % DAY + DAY);
}
