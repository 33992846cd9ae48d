//! Revoking and deleting.
use std::sync::Arc;

use decision::facts::Timestamp;
use tokio::task::JoinSet;

use super::{NOW, at, changed, created, credential, digest, id, later, told};
use crate::store::{ChangeError, ChangeKind, DELETED_FOR, Filter, Store};

pub(crate) async fn a_revoked_credential_is_still_found_and_says_so(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let reason = Some("leaked".to_owned());
    let answer =
        store.revoke(&id("crd_1"), None, reason.clone(), false, &at(later(5))).await.unwrap();
    let (revoked, change) = changed(answer);
    let mut expected = credential("crd_1");
    (expected.revoked_at, expected.revoke_reason, expected.version) = (Some(later(5)), reason, 2);
    assert_eq!(revoked, expected);
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), Some(&expected)));
    assert_eq!(change.kind, ChangeKind::Revoked);

    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value.as_ref(), Some(&expected));
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(expected));
}

pub(crate) async fn revoking_again_changes_nothing_and_keeps_the_first_reason(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let first =
        store.revoke(&id("crd_1"), None, Some("first".into()), false, &at(later(1))).await.unwrap();
    let (first, _) = changed(first);
    let second = store
        .revoke(&id("crd_1"), None, Some("second".into()), false, &at(later(2)))
        .await
        .unwrap();
    assert_eq!(second.record, first);
    assert_eq!(second.change, None);
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(first));
}

pub(crate) async fn of_twenty_revokes_at_once_exactly_one_changes(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let mut revokes = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        revokes.spawn(async move {
            let reason = Some(format!("reason {number}"));
            store.revoke(&id("crd_1"), None, reason, false, &at(later(number))).await.unwrap()
        });
    }
    let answers = revokes.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.change.is_some()).count(), 1);
    let kept = store.get(&id("crd_1")).await.unwrap().unwrap();
    assert!(answers.iter().all(|answer| answer.record == kept));
}

pub(crate) async fn a_deleted_credential_is_forgotten(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let (deleted, change) = changed(store.delete(&id("crd_1"), None, &at(later(1))).await.unwrap());
    assert_eq!(deleted, credential("crd_1"), "a deletion shows the record before it");
    assert_eq!(told(&change), ("app", &id("crd_1"), digest(1), None));
    assert_eq!(change.kind, ChangeKind::Deleted);

    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value, None);
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), None);
    assert!(store.list(&Filter::default(), None, 10, NOW).await.unwrap().items.is_empty());
    let again = store.delete(&id("crd_1"), None, &at(later(2))).await;
    assert!(matches!(again, Err(ChangeError::Unknown)), "{again:?}");
}

pub(crate) async fn what_is_not_there_can_be_neither_revoked_nor_deleted(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let revoke = store.revoke(&id("crd_2"), None, None, false, &at(NOW)).await;
    assert!(matches!(revoke, Err(ChangeError::Unknown)), "{revoke:?}");
    let delete = store.delete(&id("crd_2"), None, &at(NOW)).await;
    assert!(matches!(delete, Err(ChangeError::Unknown)), "{delete:?}");
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(credential("crd_1")));
}

pub(crate) async fn a_revoke_after_a_deletion_is_no_error_for_a_day(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let deletion = later(1);
    store.delete(&id("crd_1"), None, &at(deletion)).await.unwrap();
    let last = Timestamp(deletion.0 + DELETED_FOR - 1);
    for now in [deletion, last] {
        let answer =
            store.revoke(&id("crd_1"), None, Some("late".into()), false, &at(now)).await.unwrap();
        assert_eq!(answer.record.revoked_at, Some(deletion));
        assert_eq!(answer.change, None);
    }
    let over = Timestamp(last.0 + 1);
    let answer = store.revoke(&id("crd_1"), None, None, false, &at(over)).await;
    assert!(matches!(answer, Err(ChangeError::Unknown)), "{answer:?}");
    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value, None);
}

pub(crate) async fn a_revoke_after_a_revoke_and_a_deletion_answers_as_the_first_did(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let first =
        store.revoke(&id("crd_1"), None, Some("first".into()), false, &at(later(1))).await.unwrap();
    let (first, _) = changed(first);
    store.delete(&id("crd_1"), None, &at(later(2))).await.unwrap();
    let again =
        store.revoke(&id("crd_1"), None, Some("again".into()), false, &at(later(3))).await.unwrap();
    assert_eq!((again.record, again.change), (first, None));
}

pub(crate) async fn the_version_grows_by_one_with_each_change(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    assert_eq!(store.get(&id("crd_1")).await.unwrap().unwrap().version, 1);
    for _ in 0..2 {
        store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
        assert_eq!(store.get(&id("crd_1")).await.unwrap().unwrap().version, 2);
    }
}
