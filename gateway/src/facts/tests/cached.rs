//! What is used without asking the store, and until when.

use decision::facts::Lookup;

use super::*;

#[test]
fn what_was_fetched_is_used_without_asking_the_store_again() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        assert!(scene.cached(1).is_none());
        let fetched = found(scene.fetch(1).await);
        assert_eq!(fetched.credential, credential("crd_1"));
        let cached = found(scene.cached(1).unwrap());
        assert!(Arc::ptr_eq(&fetched, &cached));
        assert_eq!(scene.store.finds(), 1);
    });
}

#[test]
fn that_there_is_no_such_credential_is_remembered() {
    play(&settings(), LONG, async |scene| {
        assert!(matches!(scene.fetch(1).await, Lookup::Unknown));
        assert!(matches!(scene.cached(1), Some(Lookup::Unknown)));
        assert_eq!(scene.store.finds(), 1);
    });
}

#[test]
fn a_fact_is_used_for_its_time_to_live_and_not_a_nanosecond_longer() {
    let (ttl, negative_ttl) = (Duration::from_secs(10), Duration::from_secs(2));
    let settings = CacheSettings { ttl, negative_ttl, ..settings() };
    play(&settings, LONG, async |scene| {
        scene.create("crd_1", 1).await;
        scene.fetch(1).await;
        scene.fetch(2).await;
        let tick = Duration::from_nanos(1);
        for (number, ttl) in [(1, ttl), (2, negative_ttl)] {
            let cached = |age| scene.facts.view(scene.now + age).credential(&key("app", number));
            assert!(cached(ttl.saturating_sub(tick)).is_some());
            assert!(cached(ttl).is_none());
        }
        // A request that began before the answer came uses it all the same.
        let earlier = scene.now.checked_sub(tick).unwrap();
        assert!(scene.facts.view(earlier).credential(&key("app", 1)).is_some());
    });
}

#[test]
fn a_revocation_and_a_deletion_are_seen_at_once_though_the_cache_is_warm() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        assert!(found(scene.look_up(1).await).credential.revoked_at.is_none());
        scene.facts.apply(&scene.revoke("crd_1").await);
        assert_eq!(found(scene.look_up(1).await).credential.revoked_at, Some(NOW));
        assert_eq!(
            found(scene.cached(1).unwrap()).credential.revoked_at,
            Some(NOW),
            "cached, as a revoked one"
        );
        scene.facts.apply(&scene.delete("crd_1").await);
        assert!(matches!(scene.look_up(1).await, Lookup::Unknown));
    });
}

#[test]
fn a_credential_that_was_refused_works_as_soon_as_it_is_created() {
    play(&settings(), LONG, async |scene| {
        for (name, number) in [("crd_1", 1), ("crd_2", 2)] {
            assert!(matches!(scene.look_up(number).await, Lookup::Unknown));
            assert!(matches!(scene.look_up(number).await, Lookup::Unknown));
            scene.facts.apply(&scene.create(name, number).await);
            assert_eq!(found(scene.look_up(number).await).credential, credential(name));
        }
    });
}

#[test]
fn equal_secrets_in_two_apis_are_two_facts() {
    play(&settings(), LONG, async |scene| {
        let mut other = credential("crd_2");
        other.api = "other".into();
        scene.create("crd_1", 1).await;
        created(&*scene.store, other.clone(), 1).await;
        let elsewhere = || fetch(&scene.facts, "other", 1, scene.now);
        assert_eq!(found(scene.fetch(1).await).credential, credential("crd_1"));
        assert_eq!(found(elsewhere().await).credential, other);

        scene.facts.apply(&scene.delete("crd_1").await);
        assert!(matches!(scene.look_up(1).await, Lookup::Unknown));
        assert_eq!(found(elsewhere().await).credential, other);
    });
}

#[test]
fn a_flood_of_guesses_drives_out_no_credential_and_the_memory_for_them_is_bounded() {
    play(&settings(), LONG, async |scene| {
        for number in 0..10 {
            scene.create(&format!("crd_{number}"), number).await;
            scene.fetch(number).await;
        }
        for number in 1000..3000 {
            assert!(matches!(scene.look_up(number).await, Lookup::Unknown));
        }
        assert!((0..10).all(|number| scene.cached(number).is_some()));
        scene.facts.0.credentials.cache.settle();
        assert_eq!(scene.facts.entries(), 10);
        assert!((1000..3000).filter(|number| scene.cached(*number).is_some()).count() <= 100);
    });
}
