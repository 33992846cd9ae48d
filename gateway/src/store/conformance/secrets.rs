//! Secrets that are replaced, revealed, or known under another pepper than before.
use std::sync::Arc;

use decision::facts::Credential;
use decision::secret::{Digests, Sealed};
use tokio::task::JoinSet;

use super::{NOW, at, changed, created, credential, digest, id, later, new, told};
use crate::store::{
    Action, AuditFilter, ChangeError, ChangeKind, Filter, New, Position, Rotated, Store,
};

/// A secret that is known by `current` from now on, and may have been by the others.
fn digests(current: u64, previous: &[u64]) -> Digests {
    let previous = previous.iter().map(|number| digest(*number)).collect();
    Digests { current: digest(current), previous }
}

/// Whether it is the refusal that was expected.
type Expected = fn(&ChangeError) -> bool;

/// The old one, as it is to be from the rotation on.
fn ending(version: u64, after: i64) -> Credential {
    Credential { expires_at: Some(later(after)), version, ..credential("crd_1") }
}

pub(crate) async fn a_rotation_ends_the_old_one_and_adds_its_successor(store: Arc<dyn Store>) {
    let before = created(&*store, credential("crd_1"), 1).await.position;
    let rotated = store.rotate(ending(1, 50), new(credential("crd_2"), 2), &at(NOW)).await;
    let Rotated { old, successor } = rotated.unwrap();
    let ((old, first), (successor, second)) = (changed(old), changed(successor));
    assert_eq!((&old, &successor), (&ending(2, 50), &credential("crd_2")));
    assert_eq!((first.kind, second.kind), (ChangeKind::Updated, ChangeKind::Created));
    assert_eq!(told(&first), ("app", &id("crd_1"), digest(1), Some(&old)));
    assert_eq!(told(&second), ("app", &id("crd_2"), digest(2), Some(&successor)));
    assert!(before < first.position && first.position < second.position);
    let log = store.changes(before, 10).await.unwrap();
    assert_eq!((log.items, log.head), (vec![first, second.clone()], second.position));
    for (number, expected) in [(1, old), (2, successor)] {
        let found = store.find("app", &digest(number).into()).await.unwrap();
        assert_eq!(found.value, Some(expected));
    }
}

pub(crate) async fn a_rotation_of_one_that_ends_earlier_leaves_it_as_it_is(store: Arc<dyn Store>) {
    created(&*store, ending(1, 50), 1).await;
    let rotated = store.rotate(ending(1, 50), new(credential("crd_2"), 2), &at(NOW)).await;
    let Rotated { old, successor } = rotated.unwrap();
    assert_eq!((old.record, old.change), (ending(1, 50), None));
    changed(successor);
    let filter = AuditFilter { action: Some(Action::Rotate), ..AuditFilter::default() };
    assert_eq!(store.audit(&filter, None, 10).await.unwrap().items.len(), 2);
}

pub(crate) async fn a_rotation_that_is_refused_changes_neither(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let mut other = credential("crd_3");
    other.external_id = Some(id("ext_1"));
    created(&*store, other.clone(), 3).await;
    let head = store.changes(Position(0), 1).await.unwrap().head;
    let audit = store.audit(&AuditFilter::default(), None, 10).await.unwrap().items;

    let twin = Credential { id: id("crd_2"), ..other };
    let unknown = Credential { id: id("crd_9"), ..ending(1, 50) };
    let refusals: [(Credential, New, Expected); 5] = [
        (ending(2, 50), new(credential("crd_2"), 2), |e| matches!(e, ChangeError::Conflict)),
        (unknown, new(credential("crd_2"), 2), |e| matches!(e, ChangeError::Unknown)),
        (ending(1, 50), new(credential("crd_2"), 3), |e| matches!(e, ChangeError::SecretTaken)),
        (ending(1, 50), new(credential("crd_3"), 2), |e| matches!(e, ChangeError::IdTaken)),
        (ending(1, 50), new(twin, 2), |e| matches!(e, ChangeError::ExternalIdTaken)),
    ];
    for (old, successor, expected) in refusals {
        let error = store.rotate(old, successor, &at(NOW)).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
    }
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(credential("crd_1")));
    assert_eq!(store.get(&id("crd_2")).await.unwrap(), None);
    assert_eq!(store.changes(Position(0), 1).await.unwrap().head, head);
    assert_eq!(store.audit(&AuditFilter::default(), None, 10).await.unwrap().items, audit);
}

pub(crate) async fn of_ten_rotations_at_once_of_one_version_exactly_one_is_made(
    store: Arc<dyn Store>,
) {
    created(&*store, credential("crd_1"), 1).await;
    let mut rotations = JoinSet::new();
    for number in 2..12 {
        let store = Arc::clone(&store);
        rotations.spawn(async move {
            let successor = new(credential(&format!("crd_{number}")), number);
            store.rotate(ending(1, 50), successor, &at(NOW)).await
        });
    }
    let answers = rotations.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(store.list(&Filter::default(), None, 100, NOW).await.unwrap().items.len(), 2);
}

pub(crate) async fn a_sealed_copy_is_given_and_the_audit_log_says_to_whom(store: Arc<dyn Store>) {
    let copy = Sealed::from_bytes((0..=255).collect());
    let sealed = New { sealed: Some(copy.clone()), ..new(credential("crd_1"), 1) };
    store.create(sealed, &at(NOW)).await.unwrap();
    created(&*store, credential("crd_2"), 2).await;
    let before = store.changes(Position(0), 1).await.unwrap().head;

    let revealed = store.reveal(&id("crd_1"), Some(&id("user_1")), &at(later(5))).await;
    assert_eq!(revealed.unwrap(), Some(copy.clone()));
    assert_eq!(store.reveal(&id("crd_1"), None, &at(later(6))).await.unwrap(), Some(copy));
    assert_eq!(store.reveal(&id("crd_2"), None, &at(NOW)).await.unwrap(), None);
    let unknown = store.reveal(&id("crd_9"), None, &at(NOW)).await;
    assert!(matches!(unknown, Err(ChangeError::Unknown)), "{unknown:?}");

    let filter = AuditFilter { action: Some(Action::Reveal), ..AuditFilter::default() };
    let entries = store.audit(&filter, None, 10).await.unwrap().items;
    let entries: Vec<_> =
        entries.iter().map(|entry| (&entry.author, &entry.id, entry.other.as_ref())).collect();
    let (first, second) = (at(later(5)), at(later(6)));
    let owner = id("user_1");
    assert_eq!(entries, [(&second, &id("crd_1"), None), (&first, &id("crd_1"), Some(&owner))]);
    // It is no change.
    assert_eq!(store.changes(Position(0), 1).await.unwrap().head, before);
    assert_eq!(store.get(&id("crd_1")).await.unwrap(), Some(credential("crd_1")));
}

pub(crate) async fn a_sealed_copy_outlives_changes_and_goes_with_its_credential(
    store: Arc<dyn Store>,
) {
    let copy = Sealed::from_bytes(vec![1, 2, 3]);
    let sealed = New { sealed: Some(copy.clone()), ..new(credential("crd_1"), 1) };
    store.create(sealed, &at(NOW)).await.unwrap();
    store.update(ending(1, 50), &at(NOW)).await.unwrap();
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    assert_eq!(store.reveal(&id("crd_1"), None, &at(NOW)).await.unwrap(), Some(copy));
    store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap();
    assert!(store.reveal(&id("crd_1"), None, &at(NOW)).await.is_err());
}

pub(crate) async fn what_was_kept_under_a_previous_digest_is_kept_under_the_current_from_then_on(
    store: Arc<dyn Store>,
) {
    let before = created(&*store, credential("crd_1"), 1).await.position;
    assert_eq!(store.find("app", &digests(11, &[])).await.unwrap().value, None);
    let read = store.find("app", &digests(11, &[21, 1])).await.unwrap();
    assert_eq!(read.value, Some(credential("crd_1")), "the record and its version stay");
    assert!(read.position > before);

    let log = store.changes(before, 10).await.unwrap();
    assert_eq!(log.head, read.position);
    let expected = credential("crd_1");
    let entries: Vec<_> = log.items.iter().map(|change| (change.kind, told(change))).collect();
    let entry =
        |number| (ChangeKind::Rekeyed, ("app", &expected.id, digest(number), Some(&expected)));
    assert_eq!(entries, [entry(1), entry(11)]);

    assert_eq!(store.find("app", &digest(11).into()).await.unwrap().value, Some(expected));
    assert_eq!(store.find("app", &digest(1).into()).await.unwrap().value, None);
    let again = store.find("app", &digests(11, &[21, 1])).await.unwrap();
    assert_eq!(again.position, read.position, "it is done once");
    let (_, change) =
        changed(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap());
    assert_eq!(told(&change).2, digest(11));
}

pub(crate) async fn a_previous_digest_counts_in_its_own_api_alone(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    assert_eq!(store.find("other", &digests(11, &[1])).await.unwrap().value, None);
    assert_eq!(
        store.find("app", &digest(1).into()).await.unwrap().value,
        Some(credential("crd_1"))
    );
}

pub(crate) async fn the_current_digest_comes_before_a_previous_one(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let head = created(&*store, credential("crd_2"), 2).await.position;
    let read = store.find("app", &digests(1, &[2])).await.unwrap();
    assert_eq!((read.value, read.position), (Some(credential("crd_1")), head));
}

pub(crate) async fn a_secret_is_taken_under_a_previous_digest_too(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let again = New { digests: digests(11, &[1]), ..new(credential("crd_2"), 0) };
    let again = store.create(again, &at(NOW)).await;
    assert!(matches!(again, Err(ChangeError::SecretTaken)), "{again:?}");
    let fresh = New { digests: digests(12, &[2]), ..new(credential("crd_2"), 0) };
    store.create(fresh, &at(NOW)).await.unwrap();
    let found = store.find("app", &digest(12).into()).await.unwrap();
    assert_eq!(found.value, Some(credential("crd_2")));
}

pub(crate) async fn of_twenty_who_come_with_a_previous_digest_all_find_it_and_it_moves_once(
    store: Arc<dyn Store>,
) {
    let before = created(&*store, credential("crd_1"), 1).await.position;
    let mut finds = JoinSet::new();
    for _ in 0..20 {
        let store = Arc::clone(&store);
        finds.spawn(async move { store.find("app", &digests(11, &[1])).await.unwrap() });
    }
    for read in finds.join_all().await {
        assert_eq!(read.value, Some(credential("crd_1")));
        assert!(read.position > before);
    }
    assert_eq!(store.changes(before, 100).await.unwrap().items.len(), 2);
}
