//! Changing credentials, and using them.
use std::collections::BTreeMap;
use std::sync::Arc;

use decision::facts::{Credential, Level, Timestamp};
use tokio::task::JoinSet;

use super::{NOW, at, changed, created, credential, digest, id, later, told};
use crate::store::{AuditFilter, ChangeError, ChangeKind, Filter, Position, Store, amend};

fn renamed(version: u64, name: &str) -> Credential {
    Credential { name: Some(name.into()), version, ..credential("crd_1") }
}

async fn head(store: &dyn Store) -> Position {
    store.changes(Position(0), 1).await.unwrap().head
}

pub(crate) async fn an_update_puts_what_was_given_in_the_place_of_what_was_read(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let given = Credential {
        name: Some("deploy".into()),
        ceiling: Some(Level::Edit),
        grants: Some(BTreeMap::from([(id("board_1"), Level::Read)])),
        scopes: Some([id("boards:read")].into()),
        addresses: Some(vec!["10.0.0.0/8".parse().unwrap()]),
        limits: BTreeMap::from([("per-key".into(), 7)]),
        metadata: serde_json::Map::from_iter([("team".into(), "a".into())]),
        disabled: true,
        expires_at: Some(later(1000)),
        ..credential("crd_1")
    };
    let (updated, change) = changed(store.update(given.clone(), &at(later(1))).await.unwrap());
    let expected = Credential { version: 2, ..given };
    assert_eq!(updated, expected);
    assert_eq!(change.kind, ChangeKind::Updated);
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), Some(&expected)));
    assert_eq!(store.get(&id("crd_1")).await.unwrap().as_ref(), Some(&expected));
    let read = store.find("app", &digest(1).into()).await.unwrap();
    assert_eq!((read.value, read.position), (Some(expected), change.position));
}

pub(crate) async fn an_update_leaves_what_is_fixed_at_creation_or_by_a_revocation(
    store: Arc<dyn Store>,
) {
    let mut first = credential("crd_1");
    (first.org, first.external_id) = (Some(id("org_1")), Some(id("ext_1")));
    created(&*store, first.clone(), 1).await;
    let revoke = store.revoke(&id("crd_1"), None, Some("leaked".into()), false, &at(NOW)).await;
    let (revoked, _) = changed(revoke.unwrap());
    let given = Credential {
        api: "other".into(),
        scheme: "session".into(),
        hint: "x".into(),
        external_id: None,
        subject: id("user_2"),
        org: None,
        created_at: Timestamp(0),
        revoked_at: None,
        revoke_reason: None,
        audience: Some("https://x.example".into()),
        client_id: Some(id("client_1")),
        last_used_at: Some(NOW),
        name: Some("new".into()),
        version: 2,
        ..first
    };
    let (updated, _) = changed(store.update(given, &at(NOW)).await.unwrap());
    assert_eq!(updated, Credential { name: Some("new".into()), version: 3, ..revoked });
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(updated));
}

pub(crate) async fn an_update_of_another_version_or_of_nothing_changes_nothing(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    store.update(renamed(1, "first"), &at(NOW)).await.unwrap();
    let before = head(&*store).await;
    for version in [0, 1, 3] {
        let answer = store.update(renamed(version, "second"), &at(NOW)).await;
        assert!(matches!(answer, Err(ChangeError::Conflict)), "{version}: {answer:?}");
    }
    let answer = store.update(credential("crd_9"), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Unknown)), "{answer:?}");
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(renamed(2, "first")));
    assert_eq!(head(&*store).await, before);
}

pub(crate) async fn an_update_to_what_stands_there_keeps_the_version(store: Arc<dyn Store>) {
    created(&*store, renamed(1, "first"), 1).await;
    store.used(&[(id("crd_1"), later(5))]).await.unwrap();
    let before = head(&*store).await;
    let answer = store.update(renamed(1, "first"), &at(NOW)).await.unwrap();
    assert_eq!(answer.record, Credential { last_used_at: Some(later(5)), ..renamed(1, "first") });
    assert_eq!((answer.change, head(&*store).await), (None, before));
}

pub(crate) async fn of_twenty_updates_at_once_of_one_version_exactly_one_is_made(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let mut updates = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        updates.spawn(async move {
            store.update(renamed(1, &format!("name {number}")), &at(NOW)).await
        });
    }
    let answers = updates.join_all().await;
    let made: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(store.get(&id("crd_1")).await.unwrap().as_ref(), Some(&made[0].record));
}

pub(crate) async fn twenty_parts_changed_at_once_are_all_there(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let mut changes = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        changes.spawn(async move {
            let grant = id(&format!("board_{number}"));
            let edit = |record: &mut Credential| {
                record.grants.get_or_insert_default().insert(grant.clone(), Level::Read);
                Ok::<_, ChangeError>(())
            };
            amend::credential(&*store, &id("crd_1"), None, &at(NOW), edit).await.unwrap()
        });
    }
    changes.join_all().await;
    let all = store.get(&id("crd_1")).await.unwrap().unwrap();
    assert_eq!((all.grants.unwrap().len(), all.version), (20, 21));
}

pub(crate) async fn a_part_is_changed_only_at_the_version_asked_for(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let amend = async |name: &str, version| {
        let edit = |record: &mut Credential| {
            record.name = Some("x".into());
            Ok::<_, ChangeError>(())
        };
        amend::credential(&*store, &id(name), version, &at(NOW), edit).await
    };
    assert!(matches!(amend("crd_1", Some(2)).await, Err(ChangeError::Conflict)));
    assert!(matches!(amend("crd_9", Some(1)).await, Err(ChangeError::Unknown)));
    assert_eq!(amend("crd_1", Some(1)).await.unwrap().record, renamed(2, "x"));
    assert!(matches!(amend("crd_1", Some(1)).await, Err(ChangeError::Conflict)));
}

pub(crate) async fn a_revoke_and_a_delete_of_another_version_change_nothing(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    for version in [0, 2] {
        let revoke = store.revoke(&id("crd_1"), Some(version), None, false, &at(NOW)).await;
        assert!(matches!(revoke, Err(ChangeError::Conflict)), "{revoke:?}");
        let delete = store.delete(&id("crd_1"), Some(version), &at(NOW)).await;
        assert!(matches!(delete, Err(ChangeError::Conflict)), "{delete:?}");
    }
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(credential("crd_1")));
    changed(store.revoke(&id("crd_1"), Some(1), None, false, &at(NOW)).await.unwrap());
    changed(store.delete(&id("crd_1"), Some(2), &at(NOW)).await.unwrap());
    // What is remembered of it is at the version that it had.
    let again = store.revoke(&id("crd_1"), Some(1), None, false, &at(NOW)).await;
    assert!(matches!(again, Err(ChangeError::Conflict)), "{again:?}");
    assert!(store.revoke(&id("crd_1"), Some(2), None, false, &at(NOW)).await.is_ok());
}

pub(crate) async fn a_use_is_seen_everywhere_and_is_no_change(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    created(&*store, credential("crd_2"), 2).await;
    let before = head(&*store).await;
    let uses = [(id("crd_1"), later(7)), (id("crd_9"), later(7)), (id("crd_2"), later(3))];
    store.used(&uses).await.unwrap();
    store.used(&[]).await.unwrap();
    let used = |name: &str, time| Credential { last_used_at: Some(time), ..credential(name) };
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(used("crd_1", later(7))));
    let found = store.find("app", &digest(2).into()).await.unwrap();
    assert_eq!((found.value, found.position), (Some(used("crd_2", later(3))), before));
    let page = store.list(&Filter::default(), None, 10, NOW).await.unwrap();
    assert_eq!(page.items, [used("crd_2", later(3)), used("crd_1", later(7))]);
    assert_eq!(head(&*store).await, before);
    assert_eq!(store.audit(&AuditFilter::default(), None, 10).await.unwrap().items.len(), 2);
}

pub(crate) async fn the_time_of_the_last_use_never_moves_back_and_outlives_changes(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    for (time, expected) in [(5, 5), (3, 5), (9, 9)] {
        store.used(&[(id("crd_1"), later(time))]).await.unwrap();
        let found = store.get(&id("crd_1")).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, Some(later(expected)));
    }
    let (updated, _) = changed(store.update(renamed(1, "x"), &at(NOW)).await.unwrap());
    assert_eq!(updated, Credential { last_used_at: Some(later(9)), ..renamed(2, "x") });
    let revoke = store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    assert_eq!(changed(revoke).0.last_used_at, Some(later(9)));
    assert_eq!(store.get(&id("crd_1")).await.unwrap().unwrap().last_used_at, Some(later(9)));
}
