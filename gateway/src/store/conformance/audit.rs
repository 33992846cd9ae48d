//! The audit log.
use std::sync::Arc;

use decision::facts::{Credential, Resource, Subject};

use super::resources::resource;
use super::subjects::subject;
use super::{NOW, at, created, credential, id, later, new};
use crate::store::{Action, AuditEntry, AuditFilter, Author, ListError, RecordKind, Store};

async fn entries(store: &dyn Store, filter: AuditFilter) -> Vec<AuditEntry> {
    store.audit(&filter, None, 100).await.unwrap().items
}

fn entry(action: Action, kind: RecordKind, place: &str, name: &str, version: u64) -> AuditEntry {
    let (place, id) = (place.into(), id(name));
    AuditEntry { author: at(NOW), action, kind, place, id, version, fields: vec![], other: None }
}

pub(crate) async fn each_change_says_who_made_it_to_what_and_which_fields(store: Arc<dyn Store>) {
    let author = Author { name: "ops".into(), request: "req_7".into(), now: later(7) };
    created(&*store, credential("crd_1"), 1).await;
    let update = Credential { name: Some("x".into()), disabled: true, ..credential("crd_1") };
    store.update(update.clone(), &author).await.unwrap();
    let ending = Credential { expires_at: Some(later(9)), version: 2, ..update };
    store.rotate(ending, new(credential("crd_2"), 2), &at(NOW)).await.unwrap();
    store.revoke(&id("crd_1"), None, Some("hunter2".into()), false, &at(NOW)).await.unwrap();
    store.delete(&id("crd_1"), None, &at(NOW)).await.unwrap();

    let made = store.put_subject("realm", subject("user_1"), &at(NOW)).await.unwrap().record;
    store.put_subject("realm", Subject { admin: true, ..made }, &at(NOW)).await.unwrap();
    store.delete_subject("realm", &id("user_1"), None, &[], &at(NOW)).await.unwrap();
    let made = store.put_resource("realm", resource("org_1", None), &[], &at(NOW)).await.unwrap();
    let given = Resource { plan: Some("pro".into()), kind: "team".into(), ..made.record };
    store.put_resource("realm", given, &[], &at(NOW)).await.unwrap();

    let crd = |action, name, version| entry(action, RecordKind::Credential, "app", name, version);
    let sub = |action, version| entry(action, RecordKind::Subject, "realm", "user_1", version);
    let res = |action, version| entry(action, RecordKind::Resource, "realm", "org_1", version);
    let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let expected = [
        AuditEntry { fields: fields(&["kind", "plan"]), ..res(Action::Update, 2) },
        res(Action::Create, 1),
        sub(Action::Delete, 2),
        AuditEntry { fields: fields(&["admin"]), ..sub(Action::Update, 2) },
        sub(Action::Create, 1),
        crd(Action::Delete, "crd_1", 4),
        crd(Action::Revoke, "crd_1", 4),
        AuditEntry { other: Some(id("crd_1")), ..crd(Action::Rotate, "crd_2", 1) },
        AuditEntry {
            fields: fields(&["expires_at"]),
            other: Some(id("crd_2")),
            ..crd(Action::Rotate, "crd_1", 3)
        },
        AuditEntry {
            author,
            fields: fields(&["disabled", "name"]),
            ..crd(Action::Update, "crd_1", 2)
        },
        crd(Action::Create, "crd_1", 1),
    ];
    let found = entries(&*store, AuditFilter::default()).await;
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("hunter2"), "what stood in a field is not told");
}

pub(crate) async fn what_changed_nothing_is_not_in_the_audit_log(store: Arc<dyn Store>) {
    created(&*store, credential("crd_1"), 1).await;
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    assert!(store.delete(&id("crd_9"), None, &at(NOW)).await.is_err());
    assert!(store.create(new(credential("crd_2"), 1), &at(NOW)).await.is_err());
    let unchanged = store.get(&id("crd_1")).await.unwrap().unwrap();
    store.update(unchanged, &at(NOW)).await.unwrap();
    assert_eq!(entries(&*store, AuditFilter::default()).await.len(), 2);
}

pub(crate) async fn each_audit_filter_shows_its_own_and_all_together_restrict(
    store: Arc<dyn Store>,
) {
    let by = |name: &str, time| Author { name: name.into(), ..at(later(time)) };
    for (number, author) in [(1, by("a", 10)), (2, by("b", 20)), (3, by("a", 30))] {
        let one = credential(&format!("crd_{number}"));
        store.create(new(one, number), &author).await.unwrap();
    }
    store.delete(&id("crd_1"), None, &by("b", 40)).await.unwrap();
    let mut elsewhere = credential("crd_4");
    elsewhere.api = "other".into();
    store.create(new(elsewhere, 4), &by("c", 50)).await.unwrap();
    store.put_resource("app", resource("crd_1", None), &[], &by("c", 60)).await.unwrap();

    let none = AuditFilter::default;
    for (filter, expected) in [
        (none(), vec![60, 50, 40, 30, 20, 10]),
        (AuditFilter { author: Some("a".into()), ..none() }, vec![30, 10]),
        (AuditFilter { author: Some("a%".into()), ..none() }, vec![]),
        (AuditFilter { action: Some(Action::Delete), ..none() }, vec![40]),
        (AuditFilter { kind: Some(RecordKind::Resource), ..none() }, vec![60]),
        (AuditFilter { place: Some("other".into()), ..none() }, vec![50]),
        (AuditFilter { id: Some(id("crd_1")), ..none() }, vec![60, 40, 10]),
        (AuditFilter { from: Some(later(30)), ..none() }, vec![60, 50, 40, 30]),
        (AuditFilter { until: Some(later(30)), ..none() }, vec![20, 10]),
        (
            AuditFilter {
                author: Some("b".into()),
                action: Some(Action::Delete),
                kind: Some(RecordKind::Credential),
                place: Some("app".into()),
                id: Some(id("crd_1")),
                from: Some(later(40)),
                until: Some(later(41)),
            },
            vec![40],
        ),
    ] {
        let found = entries(&*store, filter.clone()).await;
        let times: Vec<_> = found.iter().map(|entry| entry.author.now.0 - NOW.0).collect();
        assert_eq!(times, expected, "{filter:?}");
    }
}

pub(crate) async fn the_audit_log_comes_in_pages_newest_first(store: Arc<dyn Store>) {
    for number in 0..7 {
        created(&*store, credential(&format!("crd_{number}")), number).await;
    }
    let all = entries(&*store, AuditFilter::default()).await;
    for size in 1..=8 {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let filter = AuditFilter::default();
            let page = store.audit(&filter, cursor.as_deref(), size).await.unwrap();
            assert!(page.items.len() == size || page.next.is_none());
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "pages of {size}");
    }
    for cursor in ["", "x", "1 ", "99999999999999999999"] {
        let answer = store.audit(&AuditFilter::default(), Some(cursor), 10).await;
        assert!(matches!(answer, Err(ListError::CursorInvalid)), "{cursor:?}: {answer:?}");
    }
}
