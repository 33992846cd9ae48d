//! Changes are applied as they are made, or as the log has them.

use super::*;

const LONG: Duration = Duration::from_mins(1);

#[test]
fn what_is_heard_of_is_applied_without_a_look_into_the_log() {
    play(LONG, async |scene| {
        scene.until(|scene| scene.world.state().listeners() == 1).await;
        for version in 1..5 {
            assert_eq!(scene.request(0).await, Some(version));
            scene.world.state().change(0);
            scene.until(|scene| scene.cached(0).is_none()).await;
        }
        scene.until_reported().await;
        assert_eq!(scene.world.state().follows, 0);
        assert_eq!(scene.metrics.feed.gaps.get(), 0);
    });
}

#[test]
fn a_change_that_was_not_heard_of_shows_with_the_next_and_is_found_in_the_log() {
    play(LONG, async |scene| {
        scene.until(|scene| scene.world.state().listeners() == 1).await;
        assert_eq!((scene.request(0).await, scene.request(1).await), (Some(1), Some(1)));
        {
            let mut state = scene.world.state();
            state.deaf = true;
            state.change(0);
            state.deaf = false;
            state.change(1);
        }
        scene.until(|scene| scene.cached(0).is_none() && scene.cached(1).is_none()).await;
        assert_eq!(scene.metrics.feed.gaps.get(), 1);
        assert_eq!((scene.request(0).await, scene.request(1).await), (Some(2), Some(3)));
        scene.until_reported().await;
    });
}

#[test]
fn changes_that_nobody_is_told_of_show_in_the_head_that_a_report_brings_back() {
    play(Duration::from_secs(2), async |scene| {
        scene.world.state().deaf = true;
        for version in 1..4 {
            assert_eq!(scene.request(0).await, Some(version));
            scene.world.state().change(0);
            scene.until(|scene| scene.cached(0).is_none()).await;
        }
        scene.until_reported().await;
    });
}

#[test]
fn a_connection_that_is_lost_is_made_anew_and_hears_again() {
    play(LONG, async |scene| {
        for version in 1..4 {
            scene.until(|scene| scene.world.state().listeners() == 1).await;
            assert_eq!(scene.request(0).await, Some(version));
            {
                let mut state = scene.world.state();
                state.cut();
                state.change(0);
            }
            // The new connection makes it report, and the head shows what is missing.
            scene.until(|scene| scene.cached(0).is_none()).await;
        }
    });
}

#[test]
fn what_this_replica_has_changed_itself_is_applied_at_once_and_is_no_news_from_the_log() {
    play(LONG, async |scene| {
        scene.until(|scene| scene.world.state().listeners() == 1).await;
        assert_eq!(scene.request(0).await, Some(1));
        let change = scene.world.state().change(0);
        scene.feed.apply(&change).await;
        assert_eq!(scene.cached(0), None);
        assert_eq!(scene.request(0).await, Some(2));
        scene.until_reported().await;
        assert_eq!(scene.request(0).await, Some(2));
        assert_eq!((scene.metrics.feed.gaps.get(), scene.world.state().finds), (0, 2));
    });
}

#[test]
fn a_report_says_who_reports_what_is_applied_and_how_long_facts_may_be_used() {
    play(LONG, async |scene| {
        scene.world.state().change(2);
        scene.until_reported().await;
        let state = scene.world.state();
        let report = state.reports.last().unwrap();
        assert_eq!((&*report.instance, &*report.replica), ("instance", "gw-1"));
        assert_eq!((report.version.as_str(), report.generation), (env!("CARGO_PKG_VERSION"), 1));
        assert_eq!((report.lease, report.bound), (LONG, LONG + Duration::from_secs(30)));
        assert_eq!(report.applied, state.head());
        assert_eq!(state.reports[0].applied.position, Position(0), "nothing was known yet");
    });
}

#[test]
fn each_report_has_a_higher_number_than_those_before() {
    play(LONG, async |scene| {
        for _ in 0..3 {
            scene.world.state().change(2);
            scene.until_reported().await;
        }
        let state = scene.world.state();
        assert!(state.reports.len() > 2);
        assert!(state.reports.is_sorted_by(|one, next| one.number < next.number));
    });
}

/// Far longer than [`SOON`] would be until the next report that is due anyway.
const ENDLESS: Duration = Duration::from_hours(1);

#[test]
fn what_is_applied_while_a_report_is_under_way_is_reported_after_it() {
    play(ENDLESS, async |scene| {
        scene.until(|scene| scene.world.state().listeners() == 1).await;
        assert_eq!((scene.request(0).await, scene.request(1).await), (Some(1), Some(1)));
        scene.until_reported().await;
        let begun = {
            let mut state = scene.world.state();
            state.silent = true;
            state.change(0);
            state.reporting
        };
        scene.until(|scene| scene.world.state().reporting > begun).await;
        scene.world.state().change(1);
        scene.until(|scene| scene.cached(1).is_none()).await;
        scene.world.state().silent = false;
        scene.until_reported().await;
    });
}

#[test]
fn what_a_report_shows_to_be_missing_is_reported_once_it_is_applied() {
    play(ENDLESS, async |scene| {
        scene.until_reported().await;
        let change = {
            let mut state = scene.world.state();
            state.deaf = true;
            state.change(0)
        };
        scene.feed.apply(&change).await;
        scene.until_reported().await;
    });
}
