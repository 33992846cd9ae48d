//! Creating and finding.
use std::collections::BTreeSet;
use std::sync::Arc;

use decision::facts::{Level, Timestamp};
use tokio::task::JoinSet;

use super::{NOW, at, created, credential, digest, id, new, told};
use crate::store::{ChangeError, ChangeKind, Filter, Position, Store};

pub(crate) async fn what_was_created_is_found_by_its_secret_and_got_by_its_id(
    store: Arc<dyn Store>,
) {
    let made = store.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    assert_eq!(made.record, credential("crd_1"));
    let change = made.change.unwrap();
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), Some(&credential("crd_1"))));
    assert_eq!(change.kind, ChangeKind::Created);

    assert_eq!(
        store.find("app", &digest(1).into()).await.unwrap().value,
        Some(credential("crd_1"))
    );
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(credential("crd_1")));
}

pub(crate) async fn an_unknown_secret_and_an_unknown_id_are_none(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    assert_eq!(store.find("app", &digest(2).into()).await.unwrap().value, None);
    assert_eq!(store.find("other", &digest(1).into()).await.unwrap().value, None);
    assert_eq!(store.get(&id("crd_2")).await.unwrap(), None);
}

pub(crate) async fn a_secret_is_taken_once_in_one_api_and_free_in_another(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let again = store.create(new(credential("crd_2"), 1), &at(NOW)).await;
    assert!(matches!(again, Err(ChangeError::SecretTaken)), "{again:?}");

    let mut elsewhere = credential("crd_3");
    elsewhere.api = "other".into();
    created(&*store, elsewhere.clone(), 1).await;
    assert_eq!(
        store.find("app", &digest(1).into()).await.unwrap().value,
        Some(credential("crd_1"))
    );
    assert_eq!(store.find("other", &digest(1).into()).await.unwrap().value, Some(elsewhere));
}

pub(crate) async fn a_revoked_secret_stays_taken_and_a_deleted_one_is_free(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    let again = store.create(new(credential("crd_2"), 1), &at(NOW)).await;
    assert!(matches!(again, Err(ChangeError::SecretTaken)), "{again:?}");

    store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap();
    created(&*store, credential("crd_2"), 1).await;
    assert_eq!(
        store.find("app", &digest(1).into()).await.unwrap().value,
        Some(credential("crd_2"))
    );
}

pub(crate) async fn an_external_id_is_taken_once_in_one_api_revoked_too(store: Arc<dyn Store>) {
    let with = |name: &str, api: &str| {
        let mut credential = credential(name);
        (credential.external_id, credential.api) = (Some(id("ext:1")), api.into());
        credential
    };
    created(&*store, with("crd_1", "app"), 1).await;
    created(&*store, with("crd_2", "other"), 2).await;
    created(&*store, credential("crd_3"), 3).await;
    created(&*store, credential("crd_4"), 4).await;
    for _ in 0..2 {
        let again = store.create(new(with("crd_5", "app"), 5), &at(NOW)).await;
        assert!(matches!(again, Err(ChangeError::ExternalIdTaken)), "{again:?}");
        store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    }
    store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap();
    created(&*store, with("crd_5", "app"), 5).await;
}

pub(crate) async fn an_id_is_taken_once(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let again = store.create(new(credential("crd_1"), 2), &at(NOW)).await;
    assert!(matches!(again, Err(ChangeError::IdTaken)), "{again:?}");
}

pub(crate) async fn a_refused_create_changes_nothing(store: Arc<dyn Store>) {
    let mut first = credential("crd_1");
    first.external_id = Some(id("ext:1"));
    let head = created(&*store, first.clone(), 1).await.position;
    let mut second = credential("crd_2");
    second.external_id = Some(id("ext:1"));
    assert!(store.create(new(second.clone(), 1), &at(NOW)).await.is_err());
    assert!(store.create(new(second, 2), &at(NOW)).await.is_err());
    assert!(store.create(new(credential("crd_1"), 3), &at(NOW)).await.is_err());

    for number in 2..=3 {
        assert_eq!(store.find("app", &digest(number).into()).await.unwrap().value, None);
    }
    let page = store.list(&Filter::default(), None, 100, NOW).await.unwrap();
    assert_eq!(page.items, [first]);
    assert_eq!(store.changes(Position(0), 100).await.unwrap().head, head);
}

pub(crate) async fn every_field_of_a_record_comes_back_as_it_was_given(store: Arc<dyn Store>) {
    let mut full = credential("crd_1");
    full.name = Some("deploy \"bot\" \\ \u{1b}[31m 🦀\u{2028}".into());
    full.external_id = Some(id("a'b--%_"));
    full.org = Some(id("org_1"));
    full.created_at = Timestamp(-1);
    full.expires_at = Some(Timestamp(253_402_300_799_999));
    full.metadata
        .insert("k\u{0}".into(), serde_json::json!({ "a": [1.5, null, "é", u64::MAX, i64::MIN] }));
    (full.revoked_at, full.revoke_reason) = (Some(NOW), Some("leaked".into()));
    (full.disabled, full.ceiling) = (true, Some(Level::Edit));
    full.grants = Some([(id("board_1"), Level::Read), (id("*x"), Level::Admin)].into());
    full.scopes = Some(BTreeSet::new());
    full.audience = Some("https://x.example/mcp".into());
    full.client_id = Some(id("client_1"));
    full.addresses = Some(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    full.limits.insert("per-key".into(), u64::MAX);
    full.last_used_at = Some(Timestamp(7));
    created(&*store, full.clone(), 1).await;
    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value.as_ref(), Some(&full));
    assert_eq!(store.get(&full.id).await.unwrap().as_ref(), Some(&full));
    assert_eq!(store.list(&Filter::default(), None, 1, NOW).await.unwrap().items, [full]);
}

pub(crate) async fn of_fifty_at_once_with_one_secret_exactly_one_wins(store: Arc<dyn Store>) {
    let mut creates = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        creates.spawn(async move {
            store.create(new(credential(&format!("crd_{number}")), 1), &at(NOW)).await
        });
    }
    let answers = creates.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(ChangeError::SecretTaken))));
    let page = store.list(&Filter::default(), None, 100, NOW).await.unwrap();
    let winner = store.find("app", &digest(1).into()).await.unwrap().value.unwrap();
    assert_eq!(page.items, [winner]);
}

pub(crate) async fn fifty_at_once_with_secrets_of_their_own_all_win(store: Arc<dyn Store>) {
    let mut creates = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        creates.spawn(async move {
            let credential = credential(&format!("crd_{number}"));
            store.create(new(credential, number), &at(NOW)).await.unwrap().change.unwrap().position
        });
    }
    let mut positions = creates.join_all().await;
    positions.sort();
    positions.dedup();
    assert_eq!(positions.len(), 50, "each change has a position of its own");
    assert_eq!(store.list(&Filter::default(), None, 100, NOW).await.unwrap().items.len(), 50);
}
