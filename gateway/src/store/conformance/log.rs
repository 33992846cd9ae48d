//! The change log, and the positions of reads.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{NOW, at, changed, created, credential, digest, id, new, told};
use crate::store::{Change, ChangeKind, Position, Store};

pub(crate) async fn each_change_has_one_entry_and_positions_grow(store: Arc<dyn Store>) {
    let empty = store.changes(Position(0), 10).await.unwrap();
    assert!(empty.items.is_empty() && !empty.trimmed);

    let mut made = Vec::new();
    made.push(created(&*store, credential("crd_1"), 1).await);
    made.push(created(&*store, credential("crd_2"), 2).await);
    made.push(changed(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap()).1);
    made.push(changed(store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap()).1);
    made.push(changed(store.delete(&id("crd_2"), None, &at(NOW)).await.unwrap()).1);
    made.push(created(&*store, credential("crd_3"), 1).await);
    assert!(made.is_sorted_by(|a, b| a.position < b.position));

    let log = store.changes(Position(0), 10).await.unwrap();
    let keys = |changes: &[Change]| -> Vec<_> {
        let key = |change: &Change| (change.position, change.kind, change.what.id().clone());
        changes.iter().map(key).collect()
    };
    assert_eq!(keys(&log.items), keys(&made));
    assert_eq!((log.head, log.trimmed), (made[5].position, false));
    // The log tells of each record as it is now.
    let now = log.items.iter().map(|change| told(change).3.is_some()).collect::<Vec<_>>();
    assert_eq!(now, [false, false, false, false, false, true]);
    let kinds = log.items.iter().map(|change| change.kind.name()).collect::<Vec<_>>();
    assert_eq!(kinds, ["created", "created", "revoked", "deleted", "deleted", "created"]);
}

pub(crate) async fn what_changed_nothing_has_no_entry(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    let (_, last) = changed(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap());
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    assert!(store.revoke(&id("crd_9"), None, None, false, &at(NOW)).await.is_err());
    assert!(store.delete(&id("crd_9"), None, &at(NOW)).await.is_err());
    assert!(store.create(new(credential("crd_2"), 1), &at(NOW)).await.is_err());
    let log = store.changes(Position(0), 10).await.unwrap();
    assert_eq!((log.items.len(), log.head), (2, last.position));
}

pub(crate) async fn changes_come_oldest_first_and_after_the_position_asked_for(
    store: Arc<dyn Store>,
) {
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(created(&*store, credential(&format!("crd_{number}")), number).await);
    }
    let head = made[4].position;
    for start in 0..5 {
        for limit in 1..=6 {
            let log = store.changes(made[start].position, limit).await.unwrap();
            let expected = made.iter().skip(start + 1).take(limit).cloned().collect::<Vec<_>>();
            assert_eq!((log.items, log.head, log.trimmed), (expected, head, false));
        }
    }
}

pub(crate) async fn a_position_that_the_log_never_reached_must_start_anew(store: Arc<dyn Store>) {
    let head = created(&*store, credential("crd_1"), 1).await.position;
    assert!(!store.changes(head, 10).await.unwrap().trimmed);
    for after in [Position(head.0 + 1), Position(u64::MAX)] {
        let log = store.changes(after, 10).await.unwrap();
        assert!(log.trimmed && log.items.is_empty(), "{log:?}");
        assert_eq!(log.head, head);
    }
}

pub(crate) async fn a_read_is_at_least_as_new_as_what_it_shows_and_older_than_what_comes(
    store: Arc<dyn Store>,
) {
    let nothing = store.find("app", &digest(1).into()).await.unwrap();
    let create = created(&*store, credential("crd_1"), 1).await.position;
    let active = store.find("app", &digest(1).into()).await.unwrap();
    let elsewhere = created(&*store, credential("crd_2"), 2).await.position;
    let still = store.find("app", &digest(1).into()).await.unwrap();
    let revoke =
        changed(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap()).1.position;
    let revoked = store.find("app", &digest(1).into()).await.unwrap();
    let delete = changed(store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap()).1.position;
    let gone = store.find("app", &digest(1).into()).await.unwrap();

    assert!(nothing.value.is_none() && nothing.position < create);
    assert!(create <= active.position && active.position < elsewhere);
    assert!(elsewhere <= still.position && still.position < revoke);
    assert!(revoke <= revoked.position && revoked.position < delete);
    assert!(gone.value.is_none() && delete <= gone.position);
}

/// One task changes a credential to and fro while others read it: a read shows exactly what its position says.
pub(crate) async fn reads_beside_changes_never_show_a_change_before_its_position(
    store: Arc<dyn Store>,
) {
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..3 {
        let (store, over) = (Arc::clone(&store), Arc::clone(&over));
        readers.push(tokio::spawn(async move {
            let mut reads = Vec::new();
            while !over.load(Ordering::Relaxed) {
                reads.push(store.find("app", &digest(1).into()).await.unwrap());
            }
            reads
        }));
    }
    for number in 0..10 {
        let name = format!("crd_{number}");
        created(&*store, credential(&name), 1).await;
        store.revoke(&id(&name), None, None, false, &at(NOW)).await.unwrap();
        store.delete(&id(&name), None, &at(NOW)).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let log = store.changes(Position(0), 1000).await.unwrap().items;
    for reader in readers {
        for read in reader.await.unwrap() {
            let last = log.iter().rfind(|change| change.position <= read.position);
            let expected = last.filter(|change| change.kind != ChangeKind::Deleted);
            let found = read.value.as_ref();
            assert_eq!(found.map(|one| &one.id), expected.map(|change| change.what.id()));
            assert_eq!(
                found.is_some_and(|one| one.revoked_at.is_some()),
                expected.is_some_and(|change| change.kind == ChangeKind::Revoked)
            );
        }
    }
}
