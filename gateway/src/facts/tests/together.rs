//! Many threads at once, as in the product: a runtime each, and one for the look-ups.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use decision::facts::Lookup;

use super::staged::close;
use super::*;

/// Facts whose look-ups have a thread of their own.
pub(super) fn with_facts(play: impl FnOnce(&Facts, &Arc<Staged>)) {
    let store = Staged::new();
    let lookups = runtime();
    let facts = Facts::new(
        Arc::clone(&store) as _,
        &settings(),
        LONG,
        lookups.handle().clone(),
        Lease::endless(),
    );
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| lookups.block_on(is_over));
        play(&facts, &store);
        drop(over);
    });
}

async fn look_up(facts: &Facts, number: u64) -> Lookup {
    let (key, now) = (key("app", number), clock::now());
    let known = facts.view(now).credential(&key);
    match known {
        Some(lookup) => lookup,
        None => fetch(facts, "app", number, now).await,
    }
}

#[test]
fn ten_thousand_cold_requests_on_four_threads_cause_one_read() {
    let all_begun = Barrier::new(5);
    let quarter = async |facts: &Facts| {
        let mut requests: Vec<_> = (0..2500).map(|_| Box::pin(look_up(facts, 1))).collect();
        for request in &mut requests {
            begin(request.as_mut()).await;
        }
        all_begun.wait();
        for request in requests {
            assert_eq!(found(request.await).credential, credential("crd_1"));
        }
    };
    with_facts(|facts, store| {
        runtime().block_on(created(&**store, credential("crd_1"), 1));
        close(&store.before);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| runtime().block_on(quarter(facts)));
            }
            all_begun.wait();
            store.before.add_permits(1);
        });
        assert_eq!(store.finds(), 1);
    });
}

#[test]
fn however_requests_fall_around_the_end_of_a_look_up_it_is_the_only_one() {
    let start = Barrier::new(4);
    let ten = async |facts: &Facts, number| {
        start.wait();
        for _ in 0..10 {
            assert!(matches!(look_up(facts, number).await, Lookup::Unknown));
        }
    };
    with_facts(|facts, store| {
        for number in 0..100 {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| runtime().block_on(ten(facts, number)));
                }
            });
            assert_eq!(store.finds() as u64, number + 1);
        }
    });
}

/// A credential's life goes round and round: created, revoked, deleted. A request may see the state that was applied when it
/// came, or any that began before it was answered, and none older.
#[test]
fn no_request_beside_changes_sees_what_was_over_before_it_came() {
    const STATES: u64 = 180;
    let (begun, applied) = (AtomicU64::new(0), AtomicU64::new(0));
    let requests = async |facts: &Facts| {
        let mut oldest = 0;
        while oldest < STATES {
            oldest = applied.load(Ordering::SeqCst);
            let lookup = look_up(facts, 1).await;
            let newest = begun.load(Ordering::SeqCst);
            if let Some(seen) = seen(&lookup, newest) {
                assert!((oldest..=newest).contains(&seen), "{oldest} {newest} {lookup:?}");
            }
        }
    };
    let changes = async |facts: &Facts, store: &Staged| {
        for state in 1..=STATES {
            begun.store(state, Ordering::SeqCst);
            facts.apply(&change_to(store, state).await);
            applied.store(state, Ordering::SeqCst);
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

async fn change_to(store: &Staged, state: u64) -> Change {
    let name = format!("crd_{}", state.div_ceil(3));
    match state % 3 {
        1 => created(store, credential(&name), 1).await,
        2 => changed(store.revoke(&id(&name), None, None, false, &at(NOW)).await.unwrap()).1,
        _ => changed(store.delete(&id(&name), None, &at(NOW)).await.unwrap()).1,
    }
}

/// The number of the state that a request saw: the newest one, of those begun, that looks so. `None`: it was overtaken too
/// often to see any.
fn seen(lookup: &Lookup, newest: u64) -> Option<u64> {
    match lookup {
        Lookup::Found(fact) => {
            let round: u64 =
                fact.credential.id.as_str().strip_prefix("crd_").unwrap().parse().unwrap();
            Some(3 * (round - 1) + if fact.credential.revoked_at.is_some() { 2 } else { 1 })
        }
        Lookup::Unknown => Some(newest - newest % 3),
        Lookup::Unavailable => None,
    }
}
