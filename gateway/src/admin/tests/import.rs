//! `POST /v1/credentials` with a secret that another system made.

use decision::secret::mint;
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret as _;

use super::*;

fn sha256(secret: &str) -> String {
    let hex = |byte: &u8| format!("{byte:02x}");
    digest(&SHA256, secret.as_bytes()).as_ref().iter().map(hex).collect::<Vec<_>>().concat()
}

/// A secret of the minted form.
fn minted(prefix: &str) -> String {
    mint(prefix, |bytes| bytes.fill(7)).expose_secret().to_owned()
}

#[tokio::test]
async fn a_secret_that_is_brought_is_known_from_then_on_and_not_shown() {
    let house = House::new();
    for secret in
        ["ak_x", "ak_0123456789abcdefghij", &format!("ak_{}", "~".repeat(4093)), &minted("ak_")]
    {
        let answer = house.create(json!({ "secret": secret })).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        assert_eq!(answer.body["secret"], Value::Null);
        assert!(house.knows(secret).await);
    }
    let brought = house.create(json!({ "secret": "ak_abcdefghijklmnopq" })).await;
    assert_eq!(brought.body["credential"]["hint"], "ak_nopq");
    let short = house.create(json!({ "secret": "ak_abcdefghijklmnop" })).await;
    assert_eq!(short.body["credential"]["hint"], "ak_");
}

#[tokio::test]
async fn a_digest_that_is_brought_is_known_by_its_secret() {
    let house = House::new();
    let answer = house
        .create(json!({ "secret_sha256": sha256("ak_brought_from_afar").to_uppercase() }))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(
        (&answer.body["secret"], &answer.body["credential"]["hint"]),
        (&Value::Null, &json!("ak_"))
    );
    assert!(house.knows("ak_brought_from_afar").await);
}

#[tokio::test]
async fn a_secret_that_its_scheme_would_not_recognise_is_422() {
    let house = House::new();
    let refused = [
        ("key", "xx_other_prefix"),
        ("key", "AK_other_case"),
        ("key", "ak_live_of_the_longer_prefix"),
        ("live", "ak_of_the_shorter_prefix"),
        ("any", "ck no"),
        ("cookie", "ck_a;b"),
    ];
    for (scheme, secret) in refused {
        let answer = house.create(json!({ "scheme": scheme, "secret": secret })).await;
        assert_eq!(answer.refused(), ["secret"], "{scheme} {secret}");
        assert!(!answer.body.to_string().contains(secret), "{}", answer.body);
        assert!(!house.knows(secret).await);
    }
    // Where the catch-all reads, no prefix takes it.
    for (scheme, secret) in
        [("live", "ak_live_x"), ("any", "whatever"), ("any", "ak_in_x-token"), ("cookie", "ck_a")]
    {
        assert_eq!(
            house.create(json!({ "scheme": scheme, "secret": secret })).await.status,
            201,
            "{scheme} {secret}"
        );
    }
}

#[tokio::test]
async fn a_minted_form_with_a_wrong_checksum_is_422_where_the_scheme_checks() {
    let house = House::new();
    let broken = |prefix| {
        let mut secret = minted(prefix);
        let last = if secret.ends_with('0') { '1' } else { '0' };
        secret.pop();
        secret.push(last);
        secret
    };
    assert_eq!(house.create(json!({ "secret": broken("ak_") })).await.refused(), ["secret"]);
    for (scheme, secret) in
        [("foreign", broken("fo_")), ("any", broken("")), ("key", minted("ak_"))]
    {
        assert_eq!(
            house.create(json!({ "scheme": scheme, "secret": secret })).await.status,
            201,
            "{scheme}"
        );
    }
}

#[tokio::test]
async fn a_secret_has_a_form_and_its_digest_too() {
    let house = House::new();
    for secret in ["", "ak_a,b", "ak_a b", "ak_\n", "ak_ü", &format!("ak_{}", "x".repeat(4094))] {
        assert_eq!(house.create(json!({ "secret": secret })).await.refused(), ["secret"]);
    }
    for digest in ["", "abc", &"g".repeat(64), &"a".repeat(63)] {
        assert_eq!(
            house.create(json!({ "secret_sha256": digest })).await.refused(),
            ["secret_sha256"]
        );
    }
    let both = house.create(json!({ "secret": "ak_x", "secret_sha256": sha256("ak_x") })).await;
    assert_eq!(both.refused(), ["secret_sha256"]);
}

#[tokio::test]
async fn a_secret_that_is_there_already_is_409_and_tells_nothing_of_it() {
    let house = House::new();
    let secret = "ak_brought_0123456789";
    let id = house.created(json!({ "secret": secret, "name": "first" })).await;
    for with in [
        json!({ "secret": secret }),
        json!({ "secret_sha256": sha256(secret), "subject": "user_2" }),
    ] {
        let again = house.create(with).await;
        assert_eq!((again.status.as_u16(), again.code()), (409, "secret_taken"));
        let said = again.body.to_string();
        assert!(["6789", "user_1", "first", &id].iter().all(|part| !said.contains(part)), "{said}");
    }
    house.created(json!({ "api": "other", "secret": secret })).await;
    let path = format!("/v1/credentials/{id}");
    house.post(&format!("{path}/revoke"), json!({})).await;
    assert_eq!(house.create(json!({ "secret": secret })).await.status, 409);
    house.call(Method::DELETE, &path, None).await;
    house.created(json!({ "secret": secret })).await;
}

#[tokio::test]
async fn a_lifetime_counts_from_when_the_import_was_made() {
    let house = House::new();
    let made = "2020-02-01T00:00:00+01:00";
    let answer =
        house.create(json!({ "secret": "ak_old", "created_at": made, "lifetime": "36500d" })).await;
    let credential = &answer.body["credential"];
    assert_eq!(credential["created_at"], "2020-01-31T23:00:00.000Z");
    assert_eq!(credential["expires_at"], "2120-01-07T23:00:00.000Z");
    let over =
        house.create(json!({ "secret": "ak_over", "created_at": made, "lifetime": "30d" })).await;
    assert_eq!(over.refused(), ["lifetime"]);
    let ahead =
        house.create(json!({ "secret": "ak_ahead", "created_at": "2090-01-01T00:00:00Z" })).await;
    assert_eq!(ahead.refused(), ["created_at"]);
    let minted = house.create(json!({ "created_at": made })).await;
    assert_eq!(minted.refused(), ["created_at"]);
}
