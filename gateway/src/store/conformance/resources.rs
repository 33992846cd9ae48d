//! Resources: what lies below what, and who may be below whom.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use decision::facts::{Level, Resource, ResourceState};
use serde_json::Map;
use tokio::task::JoinSet;

use super::{NOW, at, changed, created, credential, id};
use crate::store::{
    ChangeError, ChangeKind, Changed, ListError, Position, RecordKind, ResourceFilter, Store, What,
    amend,
};

/// A resource that no store has seen.
pub(crate) fn resource(name: &str, parent: Option<&str>) -> Resource {
    Resource {
        id: id(name),
        kind: if parent.is_none() { "org" } else { "board" }.into(),
        parent: parent.map(id),
        state: ResourceState::Ok,
        capabilities: BTreeSet::new(),
        plan: None,
        members: None,
        metadata: Map::new(),
        version: 0,
    }
}

fn apis() -> [String; 1] {
    ["app".into()]
}

async fn try_put(store: &dyn Store, given: Resource) -> Result<Changed<Resource>, ChangeError> {
    store.put_resource("app", given, &apis(), &at(NOW)).await
}

async fn put(store: &dyn Store, name: &str, parent: Option<&str>) -> Resource {
    changed(try_put(store, resource(name, parent)).await.unwrap()).0
}

async fn delete(store: &dyn Store, name: &str) -> Result<Changed<Resource>, ChangeError> {
    store.delete_resource("app", &id(name), None, &apis(), &at(NOW)).await
}

/// `name` below another parent than before.
async fn moved(
    store: &dyn Store,
    name: &str,
    parent: Option<&str>,
) -> Result<Changed<Resource>, ChangeError> {
    let found = store.resource("app", &id(name)).await.unwrap().value.unwrap();
    try_put(store, Resource { parent: parent.map(id), ..found }).await
}

/// From `first` as an organisation down to `last`: `n1`, `n2` below it, and so on.
async fn chain(store: &dyn Store, letter: &str, steps: usize) {
    put(store, &format!("{letter}0"), None).await;
    for step in 1..=steps {
        let parent = format!("{letter}{}", step - 1);
        put(store, &format!("{letter}{step}"), Some(&parent)).await;
    }
}

pub(crate) async fn a_resource_is_put_found_changed_and_deleted(store: Arc<dyn Store>) {
    put(&*store, "org_1", None).await;
    let mut full = resource("board_1", Some("org_1"));
    (full.state, full.plan) = (ResourceState::Restricted, Some("pro".into()));
    full.capabilities = [id("api")].into();
    full.members = Some(BTreeMap::from([(id("user_1"), Level::Admin)]));
    full.metadata.insert("k".into(), serde_json::json!(["é", null]));
    let (made, creation) = changed(try_put(&*store, full.clone()).await.unwrap());
    assert_eq!(made, Resource { version: 1, ..full });
    let read = store.resource("app", &id("board_1")).await.unwrap();
    assert_eq!((read.value.as_ref(), read.position), (Some(&made), creation.position));

    // To nobody is not the same as to whom the resource above says.
    let given = Resource { members: Some(BTreeMap::new()), ..made };
    let (nobody, update) = changed(try_put(&*store, given).await.unwrap());
    let read = store.resource("app", &id("board_1")).await.unwrap();
    assert_eq!(read.value.as_ref(), Some(&nobody));
    assert_eq!(nobody.members, Some(BTreeMap::new()));

    let (deleted, deletion) = changed(delete(&*store, "board_1").await.unwrap());
    assert_eq!(deleted, nobody, "a deletion shows the record before it");
    let gone = store.resource("app", &id("board_1")).await.unwrap();
    assert_eq!((gone.value, gone.position), (None, deletion.position));
    assert!(matches!(delete(&*store, "board_1").await, Err(ChangeError::Unknown)));

    let kinds = [creation, update, deletion].map(|change| {
        assert_eq!((change.what.kind(), change.what.place()), (RecordKind::Resource, "app"));
        assert_eq!(change.what.id(), &id("board_1"));
        let What::Resource { now, .. } = change.what else { panic!() };
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

pub(crate) async fn a_resource_is_put_only_at_the_version_that_was_read(store: Arc<dyn Store>) {
    let made = put(&*store, "org_1", None).await;
    for version in [0, 2] {
        let given = Resource { state: ResourceState::Locked, version, ..made.clone() };
        let answer = try_put(&*store, given).await;
        assert!(matches!(answer, Err(ChangeError::Conflict)), "{answer:?}");
    }
    let answer = store.delete_resource("app", &id("org_1"), Some(2), &apis(), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Conflict)), "{answer:?}");
    let answer = try_put(&*store, Resource { version: 1, ..resource("org_2", None) }).await;
    assert!(matches!(answer, Err(ChangeError::Conflict)), "{answer:?}");
    let again = try_put(&*store, made.clone()).await.unwrap();
    assert_eq!((again.record, again.change), (made, None), "what is equal changes nothing");
    assert_eq!(store.changes(Position(0), 10).await.unwrap().items.len(), 1);
}

pub(crate) async fn a_parent_must_have_a_record_in_the_same_realm(store: Arc<dyn Store>) {
    store.put_resource("other", resource("org_1", None), &[], &at(NOW)).await.unwrap();
    let answer = try_put(&*store, resource("board_1", Some("org_1"))).await;
    assert!(matches!(answer, Err(ChangeError::ParentUnknown)), "{answer:?}");
    put(&*store, "org_1", None).await;
    put(&*store, "board_1", Some("org_1")).await;
    let answer = moved(&*store, "board_1", Some("org_2")).await;
    assert!(matches!(answer, Err(ChangeError::ParentUnknown)), "{answer:?}");
}

pub(crate) async fn no_resource_comes_to_lie_below_itself(store: Arc<dyn Store>) {
    let answer = try_put(&*store, resource("a", Some("a"))).await;
    assert!(matches!(answer, Err(ChangeError::ParentCircle)), "{answer:?}");
    chain(&*store, "a", 8).await;
    for below in ["a0", "a1", "a4", "a8"] {
        let answer = moved(&*store, "a0", Some(below)).await;
        assert!(matches!(answer, Err(ChangeError::ParentCircle)), "{below}: {answer:?}");
    }
    // Nor by way of one that is not there.
    changed(delete(&*store, "a0").await.unwrap());
    let answer = try_put(&*store, resource("a0", Some("a3"))).await;
    assert!(matches!(answer, Err(ChangeError::ParentCircle)), "{answer:?}");
    // While it is away the others may come to lie so that its return would close a circle.
    chain(&*store, "b", 2).await;
    changed(delete(&*store, "b1").await.unwrap());
    changed(moved(&*store, "b0", Some("b2")).await.unwrap());
    for parent in ["b0", "b2"] {
        let answer = try_put(&*store, resource("b1", Some(parent))).await;
        assert!(matches!(answer, Err(ChangeError::ParentCircle)), "{parent}: {answer:?}");
    }
    put(&*store, "b1", None).await;
}

pub(crate) async fn nothing_lies_more_than_eight_steps_deep(store: Arc<dyn Store>) {
    chain(&*store, "a", Resource::STEPS_MAX).await;
    let answer = try_put(&*store, resource("a9", Some("a8"))).await;
    assert!(matches!(answer, Err(ChangeError::TooDeep)), "{answer:?}");
    assert!(store.resource("app", &id("a9")).await.unwrap().value.is_none());

    // Nor does what lies below a resource that moves.
    chain(&*store, "b", 3).await;
    put(&*store, "b3x", Some("b2")).await;
    for (parent, deep) in [("a5", true), ("a4", false)] {
        let answer = moved(&*store, "b0", Some(parent)).await;
        assert_eq!(matches!(answer, Err(ChangeError::TooDeep)), deep, "{parent}: {answer:?}");
    }
    let answer = try_put(&*store, resource("b4", Some("b3"))).await;
    assert!(matches!(answer, Err(ChangeError::TooDeep)), "{answer:?}");
    // A way up is always free, and what stays in its place may change.
    changed(moved(&*store, "a1", None).await.unwrap());
    put(&*store, "b4", Some("b3")).await;
    let deepest = store.resource("app", &id("b4")).await.unwrap().value.unwrap();
    let given = Resource { state: ResourceState::Locked, ..deepest };
    changed(try_put(&*store, given).await.unwrap());
}

pub(crate) async fn a_resource_that_comes_back_counts_what_was_left_below_it(
    store: Arc<dyn Store>,
) {
    chain(&*store, "a", 8).await;
    changed(delete(&*store, "a3").await.unwrap());
    assert!(store.resource("app", &id("a4")).await.unwrap().value.is_some(), "it stays");
    chain(&*store, "b", 3).await;
    let answer = try_put(&*store, resource("a3", Some("b3"))).await;
    assert!(matches!(answer, Err(ChangeError::TooDeep)), "{answer:?}");
    put(&*store, "a3", Some("b2")).await;
}

pub(crate) async fn an_organisation_that_an_unrevoked_credential_names_is_not_deleted(
    store: Arc<dyn Store>,
) {
    put(&*store, "org_1", None).await;
    put(&*store, "board_1", Some("org_1")).await;
    let mut of_org = credential("crd_1");
    of_org.org = Some(id("org_1"));
    created(&*store, of_org, 1).await;
    let mut of_board = credential("crd_2");
    of_board.org = Some(id("board_1"));
    created(&*store, of_board, 2).await;
    let mut elsewhere = credential("crd_3");
    (elsewhere.org, elsewhere.api) = (Some(id("org_1")), "elsewhere".into());
    created(&*store, elsewhere, 3).await;

    for (name, credential) in [("board_1", "crd_2"), ("org_1", "crd_1")] {
        let answer = delete(&*store, name).await;
        assert!(
            matches!(answer, Err(ChangeError::InUse)),
            "{name}, whatever its parent: {answer:?}"
        );
        store.revoke(&id(credential), None, None, false, &at(NOW)).await.unwrap();
        changed(delete(&*store, name).await.unwrap());
    }
}

pub(crate) async fn an_organisation_that_an_unrevoked_credential_names_gets_no_parent(
    store: Arc<dyn Store>,
) {
    put(&*store, "above", None).await;
    put(&*store, "beside", None).await;
    put(&*store, "org_1", None).await;
    for (number, name) in [(1, "org_1"), (2, "org_2")] {
        let mut of_org = credential(&format!("crd_{number}"));
        of_org.org = Some(id(name));
        created(&*store, of_org, number).await;
    }
    let answer = moved(&*store, "org_1", Some("above")).await;
    assert!(matches!(answer, Err(ChangeError::InUse)), "{answer:?}");
    let answer = try_put(&*store, resource("org_2", Some("above"))).await;
    assert!(matches!(answer, Err(ChangeError::InUse)), "one that has no record yet: {answer:?}");
    assert!(store.resource("app", &id("org_2")).await.unwrap().value.is_none());
    for number in [1, 2] {
        store.revoke(&id(&format!("crd_{number}")), None, None, false, &at(NOW)).await.unwrap();
    }
    changed(moved(&*store, "org_1", Some("above")).await.unwrap());
    put(&*store, "org_2", Some("above")).await;
    // What has one may change it.
    let mut of_part = credential("crd_3");
    of_part.org = Some(id("org_1"));
    created(&*store, of_part, 3).await;
    changed(moved(&*store, "org_1", Some("beside")).await.unwrap());
    changed(moved(&*store, "org_1", None).await.unwrap());
}

pub(crate) async fn resources_are_listed_by_id_of_a_parent_or_a_kind(store: Arc<dyn Store>) {
    chain(&*store, "a", 1).await;
    for name in ["d", "b", "c"] {
        put(&*store, name, Some("a0")).await;
    }
    let workspace = Resource { kind: "workspace".into(), ..resource("e", Some("a0")) };
    try_put(&*store, workspace).await.unwrap();
    put(&*store, "f", Some("a1")).await;
    store.put_resource("other", resource("a0", None), &[], &at(NOW)).await.unwrap();
    let parent = |name| ResourceFilter { parent: Some(id(name)), ..ResourceFilter::default() };
    let kind = |kind: &str| ResourceFilter { kind: Some(kind.into()), ..ResourceFilter::default() };
    let both = ResourceFilter { kind: Some("board".into()), ..parent("a0") };
    for (filter, expected) in [
        (ResourceFilter::default(), vec!["a0", "a1", "b", "c", "d", "e", "f"]),
        (parent("a0"), vec!["a1", "b", "c", "d", "e"]),
        (parent("f"), vec![]),
        (kind("org"), vec!["a0"]),
        (kind("boar%"), vec![]),
        (both, vec!["a1", "b", "c", "d"]),
    ] {
        for size in 1..=8 {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.resources("app", &filter, cursor.as_deref(), size).await.unwrap();
                assert!(page.items.len() == size || page.next.is_none());
                seen.extend(page.items.into_iter().map(|one| one.id.to_string()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{filter:?} in pages of {size}");
        }
    }
    let answer = store.resources("app", &ResourceFilter::default(), Some("a b"), 10).await;
    assert!(matches!(answer, Err(ListError::CursorInvalid)), "{answer:?}");
}

pub(crate) async fn twenty_members_named_at_once_are_all_there(store: Arc<dyn Store>) {
    put(&*store, "org_1", None).await;
    let mut changes = JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&store);
        changes.spawn(async move {
            let member = id(&format!("user_{number}"));
            let edit = |found: Option<Resource>| {
                let mut record = found.ok_or(ChangeError::Unknown)?;
                record.members.get_or_insert_default().insert(member.clone(), Level::Edit);
                Ok::<_, ChangeError>(record)
            };
            let realm = amend::Realm { name: "app", apis: &apis() };
            amend::resource(&*store, realm, &id("org_1"), None, &at(NOW), edit).await.unwrap()
        });
    }
    changes.join_all().await;
    let all = store.resource("app", &id("org_1")).await.unwrap().value.unwrap();
    assert_eq!((all.members.unwrap().len(), all.version), (20, 21));
}

pub(crate) async fn of_two_moves_at_once_into_each_other_one_is_made(store: Arc<dyn Store>) {
    for round in 0..10 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        put(&*store, &a, None).await;
        put(&*store, &b, None).await;
        let (first, second) =
            tokio::join!(moved(&*store, &a, Some(&b)), moved(&*store, &b, Some(&a)));
        assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1);
    }
}
