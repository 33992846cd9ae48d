//! Subjects and resources beside credentials, and several facts of one request.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use decision::facts::{
    Lookup, Resource, ResourceState, Subject, SubjectKind, SubjectState, realm_mask,
};

use super::staged::close;
use super::together::with_facts;
use super::*;
use crate::facts::View;

fn subject_key(realm: &str, name: &str) -> FactKey {
    FactKey::subject(&realm_mask(realm), &id(name))
}

fn resource_key(realm: &str, name: &str) -> FactKey {
    FactKey::resource(&realm_mask(realm), &id(name))
}

/// The subject `name` at a version; 0: one that is new.
fn subject(name: &str, version: u64) -> Subject {
    Subject {
        id: id(name),
        kind: SubjectKind::User,
        state: SubjectState::Active,
        admin: version % 2 == 1,
        capabilities: BTreeSet::new(),
        metadata: serde_json::Map::new(),
        version,
    }
}

fn resource(name: &str, version: u64) -> Resource {
    let state = if version.is_multiple_of(2) { ResourceState::Ok } else { ResourceState::Locked };
    Resource {
        id: id(name),
        kind: "org".into(),
        parent: None,
        state,
        capabilities: BTreeSet::new(),
        plan: None,
        members: None,
        metadata: serde_json::Map::new(),
        version,
    }
}

async fn put_subject(store: &Staged, realm: &str, subject: Subject) -> Change {
    changed(store.put_subject(realm, subject, &at(NOW)).await.unwrap()).1
}

async fn put_resource(store: &Staged, realm: &str, resource: Resource) -> Change {
    changed(store.put_resource(realm, resource, &[], &at(NOW)).await.unwrap()).1
}

async fn find_subject(view: &mut View<'_>, realm: &str, name: &str) -> Lookup<Subject> {
    let key = subject_key(realm, name);
    loop {
        if let Some(lookup) = view.subject(&key) {
            return lookup;
        }
        view.fetch("app", realm, Wanted::Subject { key, id: id(name) }, clock::now()).await;
    }
}

async fn find_resource(view: &mut View<'_>, realm: &str, name: &str) -> Lookup<Resource> {
    let key = resource_key(realm, name);
    loop {
        if let Some(lookup) = view.resource(&key) {
            return lookup;
        }
        view.fetch("app", realm, Wanted::Resource { key, id: id(name) }, clock::now()).await;
    }
}

fn record<T: std::fmt::Debug>(lookup: Lookup<T>) -> Arc<T> {
    match lookup {
        Lookup::Found(record) => record,
        other => panic!("expected a record: {other:?}"),
    }
}

#[test]
fn a_subject_and_a_resource_are_asked_for_once_and_seen_at_once_when_they_change() {
    play(&settings(), LONG, async |scene| {
        let view = || scene.facts.view(scene.now);
        scene.facts.apply(&put_subject(&scene.store, REALM, subject("a", 0)).await);
        scene.facts.apply(&put_resource(&scene.store, REALM, resource("a", 0)).await);
        for version in 1..5 {
            for _ in 0..2 {
                assert_eq!(record(find_subject(&mut view(), REALM, "a").await).version, version);
                assert_eq!(record(find_resource(&mut view(), REALM, "a").await).version, version);
            }
            assert_eq!(scene.store.finds() as u64, 2 * version);
            let changed = put_subject(&scene.store, REALM, subject("a", version)).await;
            scene.facts.apply(&changed);
            let changed = put_resource(&scene.store, REALM, resource("a", version)).await;
            scene.facts.apply(&changed);
        }
        let deleted = scene.store.delete_subject(REALM, &id("a"), None, &[], &at(NOW)).await;
        scene.facts.apply(&changed(deleted.unwrap()).1);
        let deleted = scene.store.delete_resource(REALM, &id("a"), None, &[], &at(NOW)).await;
        scene.facts.apply(&changed(deleted.unwrap()).1);
        assert!(matches!(find_subject(&mut view(), REALM, "a").await, Lookup::Unknown));
        assert!(matches!(find_resource(&mut view(), REALM, "a").await, Lookup::Unknown));
    });
}

#[test]
fn that_there_is_no_such_subject_or_resource_is_kept_as_long_as_any_fact_and_ends_with_its_creation()
 {
    let (ttl, negative_ttl) = (Duration::from_secs(10), Duration::from_secs(2));
    let settings = CacheSettings { ttl, negative_ttl, negative_capacity: 0, ..settings() };
    play(&settings, LONG, async |scene| {
        let later = scene.now + ttl.saturating_sub(Duration::from_nanos(1));
        for when in [scene.now, later] {
            let mut view = scene.facts.view(when);
            assert!(matches!(find_subject(&mut view, REALM, "a").await, Lookup::Unknown));
            assert!(matches!(find_resource(&mut view, REALM, "a").await, Lookup::Unknown));
            assert_eq!(scene.store.finds(), 2);
        }
        assert!(scene.facts.view(scene.now + ttl).subject(&subject_key(REALM, "a")).is_none());
        assert!(scene.facts.view(scene.now + ttl).resource(&resource_key(REALM, "a")).is_none());
        scene.facts.apply(&put_subject(&scene.store, REALM, subject("a", 0)).await);
        scene.facts.apply(&put_resource(&scene.store, REALM, resource("a", 0)).await);
        let mut view = scene.facts.view(scene.now);
        assert_eq!(record(find_subject(&mut view, REALM, "a").await).version, 1);
        assert_eq!(record(find_resource(&mut view, REALM, "a").await).version, 1);
    });
}

#[test]
fn equal_ids_in_two_realms_are_two_facts() {
    play(&settings(), LONG, async |scene| {
        put_subject(&scene.store, "here", subject("a", 0)).await;
        put_resource(&scene.store, "there", resource("a", 0)).await;
        for _ in 0..2 {
            let mut view = scene.facts.view(scene.now);
            assert_eq!(record(find_subject(&mut view, "here", "a").await).version, 1);
            assert!(matches!(find_subject(&mut view, "there", "a").await, Lookup::Unknown));
            assert!(matches!(find_resource(&mut view, "here", "a").await, Lookup::Unknown));
            assert_eq!(record(find_resource(&mut view, "there", "a").await).version, 1);
        }
    });
}

#[test]
fn the_records_of_each_kind_are_bounded() {
    let settings = CacheSettings { capacity: 10, ..settings() };
    play(&settings, LONG, async |scene| {
        for number in 0..500 {
            let name = format!("n_{number}");
            let mut view = scene.facts.view(scene.now);
            assert!(matches!(find_subject(&mut view, REALM, &name).await, Lookup::Unknown));
            assert!(matches!(find_resource(&mut view, REALM, &name).await, Lookup::Unknown));
        }
        let inner = &scene.facts.0;
        inner.subjects.cache.settle();
        inner.resources.cache.settle();
        assert_eq!((inner.subjects.cache.entries(), inner.resources.cache.entries()), (10, 10));
    });
}

#[test]
fn what_a_request_has_fetched_it_knows_though_no_cache_has_room_for_it() {
    let settings = CacheSettings { capacity: 0, negative_capacity: 0, ..settings() };
    play(&settings, LONG, async |scene| {
        scene.create("crd_1", 1).await;
        put_subject(&scene.store, REALM, subject("a", 0)).await;
        let mut view = scene.facts.view(scene.now);
        view.fetch(
            "app",
            REALM,
            Wanted::Credential { key: key("app", 1), digests: digest(1).into() },
            clock::now(),
        )
        .await;
        assert_eq!(record(find_subject(&mut view, REALM, "a").await).version, 1);
        assert!(matches!(find_resource(&mut view, REALM, "a").await, Lookup::Unknown));
        assert_eq!(found(view.credential(&key("app", 1)).unwrap()).credential, credential("crd_1"));
        assert!(matches!(view.resource(&resource_key(REALM, "a")), Some(Lookup::Unknown)));
        assert_eq!(scene.store.finds(), 3);
    });
}

#[test]
fn what_a_request_has_fetched_is_asked_for_again_once_it_is_old() {
    play(&settings(), LONG, async |scene| {
        put_subject(&scene.store, REALM, subject("a", 0)).await;
        let mut view = scene.facts.view(scene.now);
        assert_eq!(record(find_subject(&mut view, REALM, "a").await).version, 1);
        assert!(view.holds());
        scene.facts.apply(&put_subject(&scene.store, REALM, subject("a", 1)).await);
        assert!(!view.holds(), "it has to be decided anew");
        assert_eq!(record(find_subject(&mut view, REALM, "a").await).version, 2);
        assert!(view.holds());
    });
}

#[test]
fn the_time_of_the_store_is_one_for_all_that_a_request_asks() {
    play(&settings(), LONG, async |scene| {
        let mut view = scene.facts.view(scene.now);
        let (subject, resource) = (subject_key(REALM, "a"), resource_key(REALM, "a"));
        let long_ago = clock::now().checked_sub(2 * LONG).unwrap();
        let wanted = Wanted::Subject { key: subject, id: id("a") };
        view.fetch("app", REALM, wanted, long_ago).await;
        let wanted = Wanted::Resource { key: resource, id: id("a") };
        view.fetch("app", REALM, wanted, clock::now()).await;
        assert!(matches!(view.subject(&subject), Some(Lookup::Unavailable)));
        assert!(matches!(view.resource(&resource), Some(Lookup::Unavailable)));
        // Nobody else's time was up.
        let mut other = scene.facts.view(scene.now);
        assert!(matches!(find_subject(&mut other, REALM, "a").await, Lookup::Unknown));
    });
}

#[test]
fn a_silent_store_is_unavailable_for_every_kind_and_nothing_is_remembered() {
    play(&settings(), Duration::from_millis(20), async |scene| {
        close(&scene.store.before);
        let view = || scene.facts.view(scene.now);
        assert!(matches!(find_subject(&mut view(), REALM, "a").await, Lookup::Unavailable));
        assert!(matches!(find_resource(&mut view(), REALM, "a").await, Lookup::Unavailable));
        assert!(view().subject(&subject_key(REALM, "a")).is_none());
        assert!(view().resource(&resource_key(REALM, "a")).is_none());
    });
}

#[test]
fn a_request_that_changes_overtake_without_end_is_told_that_nobody_can_say() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        scene.fetch(1).await;
        let mut view = scene.facts.view(scene.now);
        for moment in 0..1000 {
            let told = view.credential(&key("app", 1)).unwrap();
            scene.facts.apply(&put_subject(&scene.store, REALM, subject("a", moment)).await);
            if view.holds() {
                assert!(matches!(told, Lookup::Unavailable), "{told:?} was of an earlier moment");
                return;
            }
            assert!(matches!(told, Lookup::Found(_)));
        }
        panic!("without end");
    });
}

/// What a request does that needs both: with each that it had to wait for it begins anew.
async fn find_both(facts: &Facts) -> (Lookup<Subject>, Lookup<Resource>) {
    let mut view = facts.view(clock::now());
    loop {
        let Some(subject) = view.subject(&subject_key(REALM, "a")) else {
            find_subject(&mut view, REALM, "a").await;
            continue;
        };
        let Some(resource) = view.resource(&resource_key(REALM, "a")) else {
            find_resource(&mut view, REALM, "a").await;
            continue;
        };
        if view.holds() {
            return (subject, resource);
        }
    }
}

/// A subject is changed, then a resource, then the subject again: whoever sees both sees the subject at the resource's
/// version or one further, and nothing older than what was applied when he came.
#[test]
fn no_request_beside_changes_sees_two_records_as_they_never_were_together() {
    const VERSIONS: u64 = 150;
    let applied = AtomicU64::new(0);
    let requests = async |facts: &Facts| {
        let mut oldest = 0;
        while oldest < VERSIONS {
            oldest = applied.load(Ordering::SeqCst);
            if let (Lookup::Found(subject), Lookup::Found(resource)) = find_both(facts).await {
                let (subject, resource) = (subject.version, resource.version);
                assert!(resource >= oldest, "{resource} when {oldest} was applied");
                assert!(subject == resource || subject == resource + 1, "{subject} {resource}");
            }
        }
    };
    let changes = async |facts: &Facts, store: &Staged| {
        for version in 0..VERSIONS {
            facts.apply(&put_subject(store, REALM, subject("a", version)).await);
            facts.apply(&put_resource(store, REALM, resource("a", version)).await);
            applied.store(version + 1, Ordering::SeqCst);
        }
    };
    with_facts(|facts, store| {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| runtime().block_on(requests(facts)));
            }
            runtime().block_on(changes(facts, store));
        });
    });
}
