//! What goes wrong while the store is in use.
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;

use decision::facts::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Embedded, Folder, wait};
use crate::store::conformance::resources::resource;
use crate::store::conformance::{NOW, at, created, credential, digest, id, new, polled};
use crate::store::embedded::lane::QUEUE;
use crate::store::{
    AuditFilter, ChangeError, Filter, Keep, ListError, Position, RepeatKey, ResourceFilter,
    Store as _, Unavailable,
};

/// Every call, as far as it must tell the same.
async fn failures(store: &Embedded) -> Vec<Unavailable> {
    let keep = Keep { api: "app".into(), scheme: "key".into(), keep: 0 };
    vec![
        store.find("app", &digest(1).into()).await.map(drop).unwrap_err(),
        store.get(&id("crd_1")).await.map(drop).unwrap_err(),
        match store.list(&Filter::default(), None, 10, NOW).await {
            Err(ListError::Unavailable(unavailable)) => unavailable,
            other => panic!("{other:?}"),
        },
        unavailable(store.create(new(credential("crd_2"), 2), &at(NOW)).await),
        unavailable(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await),
        unavailable(store.delete(&id("crd_1"), None, &at(NOW)).await),
        store.changes(Position(0), 10).await.map(drop).unwrap_err(),
        unavailable(store.update(credential("crd_1"), &at(NOW)).await),
        unavailable(store.rotate(credential("crd_1"), new(credential("crd_2"), 2), &at(NOW)).await),
        unavailable(store.reveal(&id("crd_1"), None, &at(NOW)).await),
        store.used(&[(id("crd_1"), NOW)]).await.unwrap_err(),
        store.forget_ended(&[keep], &at(Timestamp(i64::MAX))).await.map(drop).unwrap_err(),
    ]
}

/// As [`failures`], of the calls that need other tables.
async fn failures_of_realms(store: &Embedded) -> Vec<Unavailable> {
    let (org, key) = (resource("org_1", None), RepeatKey { author: "a".into(), key: "k".into() });
    let of_list = |answer: Result<(), ListError>| match answer {
        Err(ListError::Unavailable(unavailable)) => unavailable,
        other => panic!("{other:?}"),
    };
    vec![
        store.subject("app", &id("user_1")).await.map(drop).unwrap_err(),
        store.resource("app", &id("org_1")).await.map(drop).unwrap_err(),
        of_list(store.subjects("app", None, None, 10).await.map(drop)),
        of_list(store.resources("app", &ResourceFilter::default(), None, 10).await.map(drop)),
        of_list(store.audit(&AuditFilter::default(), None, 10).await.map(drop)),
        unavailable(store.put_resource("app", org, &[], &at(NOW)).await),
        unavailable(store.delete_resource("app", &id("org_1"), None, &[], &at(NOW)).await),
        unavailable(store.delete_subject("app", &id("user_1"), None, &[], &at(NOW)).await),
        store.begin(&key, [1; 32], NOW).await.map(drop).unwrap_err(),
        store.finish(&key, None, NOW).await.unwrap_err(),
    ]
}

fn unavailable<T: Debug>(answer: Result<T, ChangeError>) -> Unavailable {
    match answer {
        Err(ChangeError::Unavailable(unavailable)) => unavailable,
        other => panic!("{other:?}"),
    }
}

fn in_use() -> (Folder, Embedded) {
    let folder = Folder::new();
    let store = folder.open();
    wait(created(&store, credential("crd_1"), 1));
    (folder, store)
}

fn log_of(folder: &Folder) -> PathBuf {
    folder.0.path().join("portcullis.db-wal")
}

#[test]
fn a_file_that_was_removed_replaced_or_overwritten_makes_every_call_unavailable() {
    type Deed = fn(&Folder);
    let sabotage: [(&str, Deed); 6] = [
        ("No such file", |folder| fs::remove_file(folder.path()).unwrap()),
        ("No such file", |folder| fs::remove_file(log_of(folder)).unwrap()),
        ("has been replaced", |folder| {
            let copy = folder.0.path().join("copy");
            fs::copy(folder.path(), &copy).unwrap();
            fs::rename(copy, folder.path()).unwrap();
        }),
        ("overwritten", |folder| fs::write(folder.path(), "").unwrap()),
        ("overwritten", |folder| fs::write(folder.path(), "garbage".repeat(10_000)).unwrap()),
        ("No such file", |folder| {
            fs::rename(folder.0.path(), folder.0.path().with_extension("moved")).unwrap();
        }),
    ];
    for (reason, act) in sabotage {
        let (folder, store) = in_use();
        act(&folder);
        for failure in wait(failures(&store)).into_iter().chain(wait(failures_of_realms(&store))) {
            assert!(failure.reason.contains(reason), "{failure}");
        }
        drop(store);
        drop(fs::remove_dir_all(folder.0.path().with_extension("moved")));
    }
}

#[test]
fn a_database_that_somebody_else_has_broken_is_unavailable_and_never_unknown() {
    let (folder, store) = in_use();
    let outside = Connection::open(folder.path()).unwrap();
    outside
        .execute_batch(
            "ALTER TABLE credential RENAME TO gone; ALTER TABLE change RENAME TO gone_too",
        )
        .unwrap();
    for failure in wait(failures(&store)) {
        assert!(failure.reason.contains("no such table"), "{failure}");
    }
    outside
        .execute_batch(
            "ALTER TABLE gone RENAME TO credential; ALTER TABLE gone_too RENAME TO change",
        )
        .unwrap();
    assert!(wait(store.find("app", &digest(1).into())).unwrap().value.is_some());
}

#[test]
fn a_record_that_does_not_parse_is_unavailable_and_its_content_is_not_told() {
    let (folder, store) = in_use();
    wait(created(&store, credential("crd_2"), 2));
    Connection::open(folder.path())
        .unwrap()
        .execute("UPDATE credential SET record = '{\"id\":\"not, an id\"}' WHERE id = 'crd_1'", [])
        .unwrap();
    wait(async {
        let failure = store.find("app", &digest(1).into()).await.map(drop).unwrap_err();
        assert!(failure.reason.starts_with("a record is broken (Data error"), "{failure}");
        assert!(!failure.reason.contains("an id"), "{failure}");
        assert!(store.get(&id("crd_1")).await.is_err());
        assert!(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.is_err());
        assert!(
            store.find("app", &digest(2).into()).await.unwrap().value.is_some(),
            "the others go on"
        );
    });
}

#[test]
fn a_lock_held_outside_stops_changes_and_no_look_up() {
    let (folder, store) = in_use();
    let outside = Connection::open(folder.path()).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    wait(async {
        assert!(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.is_err());
        assert_eq!(
            store.find("app", &digest(1).into()).await.unwrap().value,
            Some(credential("crd_1"))
        );
        outside.execute_batch("ROLLBACK").unwrap();
        assert!(
            store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap().change.is_some()
        );
    });
}

#[test]
fn a_full_queue_is_unavailable_at_once_and_only_that_of_the_busy_thread() {
    let (_folder, store) = in_use();
    let (begun, has_begun) = oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let busy = store.lookups.call(move |_| {
        begun.send(()).unwrap();
        released.recv().map_err(|_| Unavailable { reason: "released".into() })
    });
    wait(async {
        let mut busy = pin!(busy);
        assert!(polled(busy.as_mut()).await.is_pending());
        has_begun.await.unwrap();
        let digest = digest(1).into();
        let mut queued = Vec::new();
        let refused = loop {
            let mut call = store.find("app", &digest);
            match polled(call.as_mut()).await {
                Poll::Pending => queued.push(call),
                Poll::Ready(answer) => break answer.map(drop).unwrap_err(),
            }
        };
        assert_eq!((queued.len(), refused.reason.as_str()), (QUEUE, "too many calls are waiting"));
        assert!(store.get(&id("crd_1")).await.unwrap().is_some());
        drop(release);
        assert_eq!(busy.await.unwrap_err().reason, "released");
        for call in queued {
            assert!(call.await.unwrap().value.is_some());
        }
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_not_done() {
    let (_folder, store) = in_use();
    let (release, released) = mpsc::channel::<()>();
    let busy = store
        .changes
        .call(move |_| released.recv().map_err(|_| Unavailable { reason: "released".into() }));
    wait(async {
        let mut busy = pin!(busy);
        assert!(polled(busy.as_mut()).await.is_pending());
        let author = at(NOW);
        let mut left = store.create(new(credential("crd_2"), 2), &author);
        assert!(polled(left.as_mut()).await.is_pending());
        drop(left);
        drop(release);
        assert!(busy.await.is_err());
        created(&store, credential("crd_3"), 3).await;
        assert!(store.get(&id("crd_2")).await.unwrap().is_none());
    });
}

/// SQLite's own bound on a database's size fails as a full disk does.
#[test]
fn a_full_disk_makes_changes_unavailable_and_leaves_none_half_made() {
    let (_folder, store) = in_use();
    let room_for = |pages: u32| {
        wait(store.changes.call(move |connection| -> Result<(), Unavailable> {
            let set = format!("PRAGMA max_page_count = {pages}");
            Ok(connection.query_row(&set, [], |_| Ok(()))?)
        }))
    };
    room_for(1).unwrap();
    wait(async {
        let mut number = 2;
        let failure = loop {
            match store.create(new(credential(&format!("crd_{number}")), number), &at(NOW)).await {
                Ok(_) => number += 1,
                Err(ChangeError::Unavailable(failure)) => break failure,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert!(failure.reason.contains("full"), "{failure}");
        assert!(store.find("app", &digest(number).into()).await.unwrap().value.is_none());
        assert_eq!(store.changes(Position(0), 1000).await.unwrap().items.len() as u64, number - 1);
    });
    room_for(100_000).unwrap();
    wait(created(&store, credential("crd_new"), 1_000_000));
}

#[test]
fn a_thread_that_has_ended_is_unavailable() {
    let (_folder, store) = in_use();
    wait(async {
        let died = store.reads.call(|_| -> Result<(), Unavailable> { panic!("a fault of ours") });
        assert_eq!(died.await.unwrap_err().reason, "the store's thread has ended");
        assert!(store.get(&id("crd_1")).await.is_err());
        assert!(store.find("app", &digest(1).into()).await.is_ok(), "the others go on");
    });
}
