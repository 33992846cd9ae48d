//! What may be used while the store is out of contact (contract, section 9).

use std::sync::atomic::Ordering;

use decision::facts::{Credential, Lookup, Timestamp};

use super::*;
use crate::facts::View;
use crate::store::{ChangeKind, PROBE, Position, What};

const SERVE: Duration = Duration::from_hours(1);
const DENY: Duration = Duration::ZERO;

/// Plays a scene whose lease is held, with a cache that keeps nothing for any time.
fn play_leased(scene: impl AsyncFnOnce(Scene)) {
    let settings = CacheSettings { ttl: Duration::ZERO, ..settings() };
    runtime().block_on(async {
        let (store, now) = (Staged::new(), clock::now());
        let lease = Lease::of_a_shared_store(now);
        lease.renew(now, SERVE, SERVE);
        let handle = tokio::runtime::Handle::current();
        let facts = Facts::new(Arc::clone(&store) as _, &settings, LONG, handle, lease);
        scene(Scene { facts, store, now }).await;
    });
}

impl Scene {
    fn serving(&self, serve: Duration) -> View<'_> {
        let mut view = self.facts.view(clock::now());
        view.serve(serve);
        view
    }

    /// What a route finds that serves for so long, without asking the store.
    fn seen(&self, number: u64, serve: Duration) -> Option<Lookup> {
        self.serving(serve).credential(&key("app", number))
    }

    async fn expire(&self, name: &str) -> Change {
        let found = self.store.get(&id(name)).await.unwrap().unwrap();
        let expired = Credential { expires_at: Some(Timestamp(1)), ..found };
        changed(self.store.update(expired, &at(NOW)).await.unwrap()).1
    }
}

async fn ask(view: &mut View<'_>, number: u64) {
    let key = key("app", number);
    let wanted = Wanted::Credential { key, digests: digest(number).into() };
    view.fetch("app", REALM, wanted, clock::now()).await;
}

#[test]
fn out_of_contact_what_is_known_is_used_for_as_long_as_the_route_says_whatever_its_age() {
    play_leased(async |scene| {
        scene.create("crd_1", 1).await;
        found(scene.fetch(1).await);
        assert!(scene.seen(1, SERVE).is_none(), "in contact its time is up");
        scene.facts.lease().lapse();
        let view = scene.serving(SERVE);
        assert_eq!(found(view.credential(&key("app", 1)).unwrap()).credential, credential("crd_1"));
        assert!(view.is_stale());
        assert!(matches!(scene.seen(1, DENY), Some(Lookup::Unavailable)));
        assert!(!scene.serving(DENY).is_stale());
    });
}

/// It changes something all the time: what was not asked for since would be known no more.
#[test]
fn what_the_probe_changes_makes_no_other_fact_old() {
    play_leased(async |scene| {
        let last = scene.create("crd_1", 1).await.position;
        found(scene.fetch(1).await);
        scene.facts.lease().lapse();
        for number in 0..10_000 {
            let (id, digest) = (id(&format!("probe_{number}")), digest(number));
            let what = What::Credential { api: PROBE.into(), id, digest, now: None };
            let position = Position(last.0 + 1 + number);
            scene.facts.apply(&Change { position, kind: ChangeKind::Revoked, what });
        }
        assert!(matches!(scene.seen(1, SERVE), Some(Lookup::Found(_))));
    });
}

#[test]
fn that_a_credential_is_unknown_is_used_within_the_lease_alone() {
    play_leased(async |scene| {
        assert!(matches!(scene.fetch(1).await, Lookup::Unknown));
        assert!(matches!(scene.seen(1, SERVE), Some(Lookup::Unknown)));
        scene.facts.lease().lapse();
        assert!(scene.seen(1, SERVE).is_none());
        let mut view = scene.serving(SERVE);
        ask(&mut view, 1).await;
        assert!(matches!(view.credential(&key("app", 1)), Some(Lookup::Unavailable)));
    });
}

#[test]
fn a_revocation_and_an_expiry_that_are_known_stay_what_they_are() {
    play_leased(async |scene| {
        for (number, name) in [(1, "crd_1"), (2, "crd_2"), (3, "crd_3")] {
            scene.create(name, number).await;
        }
        scene.revoke("crd_1").await;
        scene.expire("crd_2").await;
        for number in 1..4 {
            found(scene.fetch(number).await);
        }
        scene.facts.lease().lapse();
        let asked = scene.store.finds();
        for serve in [SERVE, DENY] {
            assert!(found(scene.seen(1, serve).unwrap()).credential.revoked_at.is_some());
            assert!(found(scene.seen(2, serve).unwrap()).credential.expires_at.is_some());
        }
        assert!(matches!(scene.seen(3, DENY), Some(Lookup::Unavailable)));
        assert_eq!(scene.store.finds(), asked);
    });
}

#[test]
fn a_change_that_is_known_is_heeded_out_of_contact_too() {
    play_leased(async |scene| {
        scene.create("crd_1", 1).await;
        found(scene.fetch(1).await);
        scene.facts.apply(&scene.revoke("crd_1").await);
        scene.facts.lease().lapse();
        assert!(scene.seen(1, SERVE).is_none());
        let mut view = scene.serving(SERVE);
        ask(&mut view, 1).await;
        let fact = found(view.credential(&key("app", 1)).unwrap());
        assert!(fact.credential.revoked_at.is_some(), "the store has answered");
    });
}

#[test]
fn what_nobody_can_say_anew_is_used_while_the_lease_is_held() {
    play_leased(async |scene| {
        scene.create("crd_1", 1).await;
        found(scene.fetch(1).await);
        scene.store.failing.store(true, Ordering::SeqCst);
        let mut view = scene.serving(DENY);
        assert!(view.credential(&key("app", 1)).is_none());
        ask(&mut view, 1).await;
        assert_eq!(found(view.credential(&key("app", 1)).unwrap()).credential, credential("crd_1"));
        assert!(view.holds() && !view.is_stale());
        ask(&mut view, 2).await;
        assert!(matches!(view.credential(&key("app", 2)), Some(Lookup::Unavailable)));
    });
}

#[test]
fn what_was_told_before_the_lease_lapsed_does_not_hold_after_it_fetched_or_cached() {
    for serve in [DENY, SERVE] {
        play_leased(async |scene| {
            scene.create("crd_1", 1).await;
            let mut view = scene.serving(serve);
            ask(&mut view, 1).await;
            found(view.credential(&key("app", 1)).unwrap());
            assert!(view.holds());
            scene.facts.lease().lapse();
            assert!(!view.holds());
            let again = view.credential(&key("app", 1)).unwrap();
            assert_eq!(matches!(again, Lookup::Unavailable), serve == DENY);
            assert_eq!(view.is_stale(), serve == SERVE);
            assert!(view.holds());
            // Back in contact, it is decided anew again.
            if serve == SERVE {
                scene.facts.lease().renew(clock::now(), SERVE, SERVE);
                assert!(!view.holds());
            }
        });
    }
}

#[test]
fn before_the_lease_is_first_held_nobody_can_say() {
    runtime().block_on(async {
        let (store, now) = (Staged::new(), clock::now());
        let (handle, lease) = (tokio::runtime::Handle::current(), Lease::of_a_shared_store(now));
        let facts = Facts::new(Arc::clone(&store) as _, &settings(), LONG, handle, lease);
        let scene = Scene { facts, store, now };
        scene.create("crd_1", 1).await;
        for serve in [DENY, SERVE] {
            assert!(matches!(scene.seen(1, serve), Some(Lookup::Unavailable)));
        }
    });
}

#[test]
fn out_of_contact_no_look_up_reaches_the_store() {
    play_leased(async |scene| {
        scene.create("crd_1", 1).await;
        scene.facts.set_out_of_contact(true);
        assert!(matches!(scene.fetch(1).await, Lookup::Unavailable));
        assert_eq!(scene.store.finds(), 0);
        scene.facts.set_out_of_contact(false);
        found(scene.fetch(1).await);
    });
}
