//! The lease: held while everything that the store has is applied here, and not for longer.

use super::*;

/// Short enough to wait for its end, long enough for a busy machine.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn a_store_that_falls_silent_ends_the_lease_and_one_that_answers_again_renews_it() {
    play(SHORT, async |scene| {
        assert_eq!(scene.request(0).await, Some(1));
        scene.world.state().silent = true;
        scene.until(|scene| scene.contact() == Contact::Lost).await;
        assert_eq!(scene.request(0).await, None);
        assert_eq!(scene.request(1).await, None);
        scene.until(|scene| scene.metrics.feed.store_up.get() == 0).await;
        scene.world.state().silent = false;
        scene.until(|scene| scene.contact() == Contact::Held).await;
        scene.until(|scene| scene.metrics.feed.store_up.get() == 1).await;
        assert_eq!((scene.request(0).await, scene.request(1).await), (Some(1), Some(1)));
    });
}

#[test]
fn a_lease_is_not_renewed_while_a_change_that_is_known_of_is_not_applied() {
    play(SHORT, async |scene| {
        assert_eq!(scene.request(0).await, Some(1));
        {
            let mut state = scene.world.state();
            (state.unreadable, state.deaf) = (true, true);
            state.change(0);
        }
        scene.until(|scene| scene.contact() == Contact::Lost).await;
        scene.until(|scene| scene.metrics.feed.lag.get() > 0.0).await;
        assert_eq!(scene.request(0).await, None);
        scene.world.state().unreadable = false;
        scene.until(|scene| scene.contact() == Contact::Held).await;
        assert_eq!(scene.request(0).await, Some(2));
        scene.until(|scene| scene.metrics.feed.lag.get() < 0.0001).await;
    });
}

#[test]
fn it_is_renewed_for_as_long_as_reports_are_answered_whoever_hears() {
    play(SHORT, async |scene| {
        scene.world.state().deaf = true;
        let end = clock::now() + 3 * SHORT;
        let reports = scene.world.state().reports.len();
        scene.until(|_| clock::now() >= end).await;
        scene.until(|scene| scene.contact() == Contact::Held).await;
        assert!(scene.world.state().reports.len() > reports);
    });
}

#[test]
fn it_runs_from_before_the_report_and_not_from_its_answer() {
    const LONG: Duration = Duration::from_mins(1);
    play(LONG, async |scene| {
        scene.until_reported().await;
        let until = || {
            let now = clock::now();
            now + scene.facts.lease().left(now).unwrap()
        };
        let (before, begun) = (until(), scene.world.state().reporting);
        scene.world.state().silent = true;
        scene.feed.changed.notify_one();
        scene.until(|scene| scene.world.state().reporting > begun).await;
        let sent = clock::now();
        // It takes a while, and is in time.
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.world.state().silent = false;
        scene.until(|_| until() > before).await;
        assert!(until() <= sent + LONG);
    });
}

#[test]
fn a_longer_serve_takes_effect_once_it_was_reported_and_a_shorter_one_before() {
    play(Duration::from_mins(1), async |scene| {
        let serve = |text: &str| {
            let text = format!("store: {{ when_lapsed: {text} }}\n{CONFIGURATION}");
            let compiled = compiled(&text);
            let current = scene.generations.current();
            current.next(compiled.configuration.snapshot, compiled.written, &scene.metrics)
        };
        let now = clock::now();
        let serving = |seconds: u64| {
            let lapsed = now + Duration::from_secs(90 + seconds);
            scene.facts.lease().contact_at(lapsed, Duration::from_hours(1)) == Contact::Serving
        };
        let until_generation = async |number| {
            scene.world.state().change(3);
            let reported = |scene: &Scene| {
                scene.world.state().reports.last().is_some_and(|it| it.generation == number)
            };
            scene.until(reported).await;
            scene.until_reported().await;
        };
        assert!(!serving(600));
        scene.generations.swap(serve("{ serve: 1h }"));
        assert!(!serving(600), "nobody knows of it yet");
        until_generation(2).await;
        scene.until(|_| serving(600)).await;
        scene.until_reported().await;
        let begun = {
            let mut state = scene.world.state();
            state.silent = true;
            state.reporting
        };
        scene.generations.swap(serve("deny"));
        scene.feed.changed.notify_one();
        scene.until(|scene| scene.world.state().reporting > begun).await;
        assert!(!serving(0), "nobody has answered yet");
        scene.world.state().silent = false;
        until_generation(3).await;
        assert!(!serving(0));
        let state = scene.world.state();
        let bounds = |generation| {
            let of = state.reports.iter().filter(move |report| report.generation == generation);
            of.map(|report| report.bound.saturating_sub(report.lease)).collect::<Vec<_>>()
        };
        assert!(bounds(2).iter().all(|serve| *serve == Duration::from_hours(1)));
        assert!(bounds(3).iter().all(|serve| *serve == Duration::ZERO));
    });
}
