//! A worker that hangs hears of nothing, and lets nobody in: the others go on, and what it was not told of is not reported.

use super::*;

const LEASE: Duration = Duration::from_millis(600);

/// Waits for longer than the lease lasts, and for what is then.
async fn beyond_the_lease(scene: &Scene) {
    let end = clock::now() + 3 * LEASE;
    scene.until(|_| clock::now() >= end).await;
    let reports = scene.world.state().reports.len();
    scene.until(|scene| scene.world.state().reports.len() > reports + 1).await;
}

#[test]
fn while_a_worker_hangs_the_others_decide_on_new_facts_and_what_it_was_not_told_is_not_reported() {
    play(LEASE, async |scene| {
        scene.until(|scene| scene.world.state().listeners() == 1).await;
        scene.until_reported().await;
        assert_eq!(scene.request(0).await, Some(1));
        scene.hangs.store(true, Ordering::Relaxed);
        let told = scene.world.state().head();
        for _ in 0..3 {
            let version = {
                let mut state = scene.world.state();
                state.change(0);
                state.version(0)
            };
            scene.until(|scene| scene.cached(0).is_none()).await;
            beyond_the_lease(scene).await;
            assert_eq!(scene.request(0).await, Some(version));
            assert_eq!(scene.world.state().reports.last().unwrap().applied, told);
        }
        scene.hangs.store(false, Ordering::Relaxed);
        scene.until_reported().await;
    });
}

#[test]
fn an_epoch_that_begins_while_a_worker_hangs_is_reported_once_it_has_heard() {
    play(LEASE, async |scene| {
        scene.until_reported().await;
        scene.hangs.store(true, Ordering::Relaxed);
        {
            let mut state = scene.world.state();
            state.deaf = true;
            state.change(0);
            state.trim();
            state.deaf = false;
        }
        beyond_the_lease(scene).await;
        assert_eq!(scene.request(0).await, Some(2));
        assert_eq!(scene.world.state().reports.last().unwrap().applied.position, Position(0));
        scene.hangs.store(false, Ordering::Relaxed);
        scene.until_reported().await;
    });
}
