//! Subjects.
use std::collections::BTreeSet;
use std::sync::Arc;

use decision::facts::{Subject, SubjectKind, SubjectState};
use serde_json::Map;
use tokio::task::JoinSet;

use super::{NOW, at, changed, created, credential, id, later};
use crate::store::{ChangeError, ChangeKind, ListError, Position, RecordKind, Store, What, amend};

/// An active user, whom no store has seen.
pub(crate) fn subject(name: &str) -> Subject {
    Subject {
        id: id(name),
        kind: SubjectKind::User,
        state: SubjectState::Active,
        admin: false,
        capabilities: BTreeSet::new(),
        metadata: Map::new(),
        version: 0,
    }
}

fn apis() -> [String; 2] {
    ["app".into(), "other".into()]
}

async fn put(store: &dyn Store, realm: &str, given: Subject) -> Subject {
    changed(store.put_subject(realm, given, &at(NOW)).await.unwrap()).0
}

pub(crate) async fn a_subject_is_put_found_changed_and_deleted(store: Arc<dyn Store>) {
    let nothing = store.subject("app", &id("user_1")).await.unwrap();
    assert!(nothing.value.is_none());
    let mut full = subject("user_1");
    (full.kind, full.admin) = (SubjectKind::Service, true);
    full.capabilities = [id("api"), id("export")].into();
    full.metadata.insert("k".into(), serde_json::json!({ "a": [1, null, "é"] }));
    let (made, creation) = changed(store.put_subject("app", full.clone(), &at(NOW)).await.unwrap());
    assert_eq!(made, Subject { version: 1, ..full.clone() });
    let read = store.subject("app", &id("user_1")).await.unwrap();
    assert_eq!((read.value.as_ref(), read.position), (Some(&made), creation.position));

    let given = Subject { state: SubjectState::Suspended, ..made };
    let (put, update) = changed(store.put_subject("app", given.clone(), &at(NOW)).await.unwrap());
    assert_eq!(put, Subject { version: 2, ..given });
    assert_eq!(store.subject("app", &id("user_1")).await.unwrap().value.as_ref(), Some(&put));

    let delete = store.delete_subject("app", &id("user_1"), None, &apis(), &at(NOW)).await;
    let (deleted, deletion) = changed(delete.unwrap());
    assert_eq!(deleted, put, "a deletion shows the record before it");
    let gone = store.subject("app", &id("user_1")).await.unwrap();
    assert_eq!((gone.value, gone.position), (None, deletion.position));

    assert!(nothing.position < creation.position && creation.position < update.position);
    let kinds = [creation, update, deletion].map(|change| {
        assert_eq!((change.what.kind(), change.what.place()), (RecordKind::Subject, "app"));
        assert_eq!(change.what.id(), &id("user_1"));
        let What::Subject { now, .. } = change.what else { panic!() };
        (change.kind, now.map(|now| now.version))
    });
    assert_eq!(
        kinds,
        [
            (ChangeKind::Created, Some(1)),
            (ChangeKind::Updated, Some(2)),
            (ChangeKind::Deleted, None)
        ]
    );
}

pub(crate) async fn equal_ids_of_two_realms_are_two_subjects(store: Arc<dyn Store>) {
    put(&*store, "a", subject("user_1")).await;
    let admin = Subject { admin: true, ..subject("user_1") };
    put(&*store, "b", admin).await;
    let found = async |realm: &str| {
        store.subject(realm, &id("user_1")).await.unwrap().value.map(|found| found.admin)
    };
    assert_eq!((found("a").await, found("b").await), (Some(false), Some(true)));
    store.delete_subject("a", &id("user_1"), None, &apis(), &at(NOW)).await.unwrap();
    assert_eq!((found("a").await, found("b").await), (None, Some(true)));
}

pub(crate) async fn a_subject_is_put_only_at_the_version_that_was_read(store: Arc<dyn Store>) {
    let conflict = async |given: Subject| {
        let answer = store.put_subject("app", given, &at(NOW)).await;
        assert!(matches!(answer, Err(ChangeError::Conflict)), "{answer:?}");
    };
    conflict(Subject { version: 1, ..subject("user_1") }).await;
    let made = put(&*store, "app", subject("user_1")).await;
    conflict(Subject { admin: true, ..subject("user_1") }).await;
    conflict(Subject { admin: true, version: 2, ..subject("user_1") }).await;
    let answer = store.delete_subject("app", &id("user_1"), Some(2), &apis(), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Conflict)), "{answer:?}");
    let again = store.put_subject("app", made.clone(), &at(NOW)).await.unwrap();
    assert_eq!((again.record, again.change), (made, None), "what is equal changes nothing");
    assert_eq!(store.changes(Position(0), 10).await.unwrap().items.len(), 1);
    changed(store.delete_subject("app", &id("user_1"), Some(1), &apis(), &at(NOW)).await.unwrap());
    let answer = store.delete_subject("app", &id("user_1"), None, &apis(), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Unknown)), "{answer:?}");
}

pub(crate) async fn a_subject_that_an_unrevoked_credential_names_is_not_deleted(
    store: Arc<dyn Store>,
) {
    put(&*store, "app", subject("user_1")).await;
    let mut expired = credential("crd_1");
    (expired.api, expired.expires_at) = ("other".into(), Some(NOW));
    created(&*store, expired, 1).await;
    let delete = async |apis: &[String]| {
        store.delete_subject("app", &id("user_1"), None, apis, &at(later(1))).await
    };
    let answer = delete(&apis()).await;
    assert!(matches!(answer, Err(ChangeError::InUse)), "{answer:?}");
    assert!(store.subject("app", &id("user_1")).await.unwrap().value.is_some());
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    changed(delete(&apis()).await.unwrap());

    // Of an api of another realm, with a subject of the same name.
    put(&*store, "app", subject("user_1")).await;
    let mut elsewhere = credential("crd_2");
    elsewhere.api = "elsewhere".into();
    created(&*store, elsewhere, 2).await;
    changed(delete(&apis()).await.unwrap());
}

pub(crate) async fn subjects_are_listed_by_id_in_pages_of_their_realm(store: Arc<dyn Store>) {
    let names = ["b", "a:1", "Z", "a", "c"];
    for name in names {
        put(&*store, "app", subject(name)).await;
    }
    put(&*store, "other", subject("aa")).await;
    for size in 1..=6 {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.subjects("app", None, cursor.as_deref(), size).await.unwrap();
            assert!(page.items.len() == size || page.next.is_none());
            seen.extend(page.items.into_iter().map(|one| one.id.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["Z", "a", "a:1", "b", "c"], "pages of {size}");
    }
    assert!(store.subjects("none", None, None, 10).await.unwrap().items.is_empty());
    for cursor in ["", "a b", "*", "é"] {
        let answer = store.subjects("app", None, Some(cursor), 10).await;
        assert!(matches!(answer, Err(ListError::CursorInvalid)), "{cursor:?}: {answer:?}");
    }
}

pub(crate) async fn subjects_of_one_kind_come_in_pages_that_are_full(store: Arc<dyn Store>) {
    for number in 0..12 {
        let kind = if number % 4 == 3 { SubjectKind::Service } else { SubjectKind::User };
        put(&*store, "app", Subject { kind, ..subject(&format!("s{number:02}")) }).await;
    }
    for (kind, expected) in [
        (SubjectKind::Service, vec!["s03", "s07", "s11"]),
        (SubjectKind::User, vec!["s00", "s01", "s02", "s04", "s05", "s06", "s08", "s09", "s10"]),
    ] {
        for size in [1, 2, 3, 10] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.subjects("app", Some(kind), cursor.as_deref(), size).await;
                let page = page.unwrap();
                assert!(page.items.len() == size || page.next.is_none());
                seen.extend(page.items.into_iter().map(|one| one.id.to_string()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{kind:?} in pages of {size}");
        }
    }
}

pub(crate) async fn twenty_changes_of_one_subject_at_once_lose_nothing(store: Arc<dyn Store>) {
    let mut changes = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        changes.spawn(async move {
            let capability = id(&format!("capability_{number}"));
            let edit = |found: Option<Subject>| {
                let mut record = found.unwrap_or_else(|| subject("user_1"));
                record.capabilities.insert(capability.clone());
                Ok::<_, ChangeError>(record)
            };
            amend::subject(&*store, "app", &id("user_1"), None, &at(NOW), edit).await.unwrap()
        });
    }
    changes.join_all().await;
    let all = store.subject("app", &id("user_1")).await.unwrap().value.unwrap();
    assert_eq!((all.capabilities.len(), all.version), (20, 20));
}
