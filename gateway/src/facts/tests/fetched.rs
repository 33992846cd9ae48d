//! What becomes of a look-up while things happen beside it.

use std::pin::pin;
use std::sync::atomic::Ordering;

use decision::facts::Lookup;

use super::staged::close;
use super::*;
use crate::facts::flight::MOST;
use crate::facts::line::AT_ONCE;
use crate::facts::records::READS;

#[test]
fn a_change_that_overtakes_a_look_up_is_in_its_answer() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.after);
        let mut fetch = pin!(scene.fetch(1));
        begin(fetch.as_mut()).await;
        scene.store.answered(1).await;
        // The store has answered "active", and the answer is on its way.
        scene.facts.apply(&scene.revoke("crd_1").await);
        scene.store.after.add_permits(2);
        assert_eq!(found(fetch.await).credential.revoked_at, Some(NOW));
        assert_eq!(scene.store.finds(), 2);
        assert_eq!(found(scene.cached(1).unwrap()).credential.revoked_at, Some(NOW));
    });
}

/// Nobody can say whether what the store has answered by then is of the log that is followed from now on.
#[test]
fn an_epoch_that_overtakes_a_look_up_makes_its_answer_old() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.after);
        let mut fetch = pin!(scene.fetch(1));
        begin(fetch.as_mut()).await;
        scene.store.answered(1).await;
        drop(scene.revoke("crd_1").await);
        scene.facts.new_epoch();
        scene.store.after.add_permits(2);
        assert_eq!(found(fetch.await).credential.revoked_at, Some(NOW));
        assert_eq!(scene.store.finds(), 2);
        assert_eq!(found(scene.cached(1).unwrap()).credential.revoked_at, Some(NOW));
    });
}

#[test]
fn whoever_joins_an_old_look_up_after_a_change_does_not_get_the_old_answer() {
    play(&settings(), LONG, async |scene| {
        close(&scene.store.after);
        let mut first = pin!(scene.fetch(1));
        begin(first.as_mut()).await;
        scene.store.answered(1).await;
        scene.facts.apply(&scene.create("crd_1", 1).await);
        let mut second = pin!(scene.fetch(1));
        begin(second.as_mut()).await;
        scene.store.after.add_permits(2);
        assert_eq!(found(second.await).credential, credential("crd_1"));
        assert_eq!(found(first.await).credential, credential("crd_1"));
        assert_eq!(scene.store.finds(), 2, "both waited for the same second look-up");
    });
}

#[test]
fn a_look_up_that_is_overtaken_again_and_again_gives_up() {
    play(&settings(), LONG, async |scene| {
        close(&scene.store.after);
        let mut fetch = pin!(scene.fetch(1));
        for read in 1..=READS {
            begin(fetch.as_mut()).await;
            scene.store.answered(read).await;
            scene.facts.apply(&scene.create("crd_1", 1).await);
            scene.facts.apply(&scene.delete("crd_1").await);
            scene.store.after.add_permits(1);
            if read < READS {
                // The stale answer lands, and the next look-up begins.
                tokio::select! { biased;
                    lookup = &mut fetch => panic!("{lookup:?} was older than a change"),
                    () = async { while scene.store.finds() == read { tokio::task::yield_now().await; } } => {}
                }
            }
        }
        assert!(matches!(fetch.await, Lookup::Unavailable));
        assert_eq!(scene.store.finds(), READS);
        assert!(scene.cached(1).is_none());
    });
}

#[test]
fn a_store_that_is_silent_is_unavailable_in_time_and_nothing_is_remembered() {
    play(&settings(), Duration::from_millis(20), async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.before);
        assert!(matches!(scene.fetch(1).await, Lookup::Unavailable));
        assert!(matches!(scene.fetch(2).await, Lookup::Unavailable));
        assert!(scene.cached(1).is_none() && scene.cached(2).is_none());
    });
}

#[test]
fn a_silent_store_gets_its_place_back_when_it_answers_again() {
    play(&settings(), Duration::from_secs(2), async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.before);
        let mut silent: Vec<_> =
            (0..MOST as u64).map(|number| Box::pin(scene.fetch(number))).collect();
        for fetch in &mut silent {
            begin(fetch.as_mut()).await;
        }
        for fetch in silent {
            assert!(matches!(fetch.await, Lookup::Unavailable));
        }
        assert_eq!(scene.store.finds(), AT_ONCE);
        while scene.facts.0.credentials.under_way() > 0 {
            tokio::task::yield_now().await;
        }
        scene.store.before.add_permits(1);
        // It was silent for so many that it is left alone for a moment.
        let answer = loop {
            match scene.fetch(1).await {
                Lookup::Unavailable => tokio::task::yield_now().await,
                answer => break answer,
            }
        };
        assert_eq!(found(answer).credential, credential("crd_1"));
    });
}

#[test]
fn what_the_store_could_not_say_is_not_remembered() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        scene.store.failing.store(true, Ordering::SeqCst);
        for number in [1, 2, 1] {
            assert!(matches!(scene.look_up(number).await, Lookup::Unavailable));
            assert!(scene.cached(number).is_none());
        }
        scene.store.failing.store(false, Ordering::SeqCst);
        assert_eq!(found(scene.look_up(1).await).credential, credential("crd_1"));
    });
}

#[test]
fn a_failing_store_leaves_what_is_cached_in_use() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        scene.look_up(1).await;
        scene.store.failing.store(true, Ordering::SeqCst);
        assert_eq!(found(scene.look_up(1).await).credential, credential("crd_1"));
    });
}

#[test]
fn a_request_that_goes_away_leaves_its_look_up_to_the_others() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.before);
        let mut second = pin!(scene.fetch(1));
        {
            let mut first = pin!(scene.fetch(1));
            begin(first.as_mut()).await;
            begin(second.as_mut()).await;
        }
        scene.store.before.add_permits(1);
        assert_eq!(found(second.await).credential, credential("crd_1"));
        assert_eq!(scene.store.finds(), 1);
    });
}

#[test]
fn a_look_up_that_everybody_has_left_is_still_remembered() {
    play(&settings(), LONG, async |scene| {
        scene.create("crd_1", 1).await;
        close(&scene.store.after);
        {
            let mut only = pin!(scene.fetch(1));
            begin(only.as_mut()).await;
        }
        scene.store.answered(1).await;
        scene.store.after.add_permits(1);
        assert_eq!(found(scene.fetch(1).await).credential, credential("crd_1"));
        assert_eq!(scene.store.finds(), 1);
    });
}

#[test]
fn look_ups_under_way_are_bounded_and_those_beyond_are_told_at_once() {
    play(&settings(), LONG, async |scene| {
        close(&scene.store.before);
        let mut waiting: Vec<_> =
            (0..MOST as u64).map(|number| Box::pin(scene.fetch(number))).collect();
        for fetch in &mut waiting {
            begin(fetch.as_mut()).await;
        }
        for number in 0..1000 {
            assert!(matches!(scene.fetch(MOST as u64 + number).await, Lookup::Unavailable));
        }
        // Whoever asks for a key that is being looked up still waits with the others.
        let mut joined = Box::pin(scene.fetch(0));
        begin(joined.as_mut()).await;
        waiting.push(joined);
        scene.store.before.add_permits(MOST);
        for fetch in waiting {
            assert!(matches!(fetch.await, Lookup::Unknown));
        }
        assert_eq!(scene.store.finds(), MOST);
        scene.store.before.add_permits(1);
        assert!(matches!(scene.fetch(u64::MAX).await, Lookup::Unknown), "there is room again");
    });
}

#[test]
fn when_everything_is_asked_anew_look_ups_wait_in_line_and_nobody_is_turned_away() {
    const ALL: u64 = 4000;
    play(&settings(), LONG, async |scene| {
        for _ in 0..2 {
            let mut waiting: Vec<_> =
                (0..ALL).map(|number| Box::pin(scene.fetch(number))).collect();
            for fetch in &mut waiting {
                begin(fetch.as_mut()).await;
            }
            for fetch in waiting {
                assert!(matches!(fetch.await, Lookup::Unknown));
            }
            scene.facts.new_epoch();
        }
        assert_eq!(scene.store.finds() as u64, 2 * ALL);
        assert!(scene.store.most_at_once() <= AT_ONCE, "{}", scene.store.most_at_once());
    });
}

#[test]
fn without_the_runtime_of_the_look_ups_nobody_can_say() {
    let gone = runtime();
    let handle = gone.handle().clone();
    drop(gone);
    runtime().block_on(async {
        let facts = Facts::new(Staged::new() as _, &settings(), LONG, handle, Lease::endless());
        for _ in 0..2 {
            let lookup = fetch(&facts, "app", 1, clock::now()).await;
            assert!(matches!(lookup, Lookup::Unavailable));
        }
    });
}
