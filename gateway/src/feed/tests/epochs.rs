//! A log that does not lead on: everything known is old, and everybody under way is told.

use std::task::{Context, Poll, Waker};

use decision::facts::Credential;
use decision::outcome::Outcome;

use super::*;
use crate::roster::Seat;
use crate::roster::tests::standing;
use crate::store::conformance::credential;

const LONG: Duration = Duration::from_mins(1);

type Break = fn(&mut world::State);

/// What makes a log not lead on.
const BREAKS: [(&str, Break); 2] = [
    ("trimmed", |state| {
        state.deaf = true;
        state.change(0);
        state.trim();
        state.deaf = false;
        state.cut();
    }),
    ("failed over to a server that lost the last changes", |state| {
        state.replicate();
        (0..5).for_each(|_| drop(state.change(1)));
        state.fail_over();
        state.deaf = true;
        state.change(0);
        state.deaf = false;
        state.cut();
    }),
];

#[test]
fn after_a_break_nothing_that_was_known_before_is_used() {
    for (what, happens) in BREAKS {
        play(LONG, async |scene| {
            for number in 0..world::CREDENTIALS {
                scene.request(number).await.unwrap();
            }
            happens(&mut scene.world.state());
            scene.until(|scene| scene.cached(3).is_none()).await;
            scene.until_reported().await;
            for number in 0..world::CREDENTIALS {
                let version = scene.world.state().version(number);
                assert_eq!(scene.request(number).await, Some(version), "{what}");
            }
        });
    }
}

#[test]
fn changes_after_a_break_are_followed_at_their_lower_positions() {
    play(LONG, async |scene| {
        scene.world.state().replicate();
        (0..50).for_each(|_| drop(scene.world.state().change(1)));
        scene.until_reported().await;
        scene.request(1).await.unwrap();
        {
            let mut state = scene.world.state();
            state.fail_over();
            state.cut();
        }
        scene.until_reported().await;
        for _ in 0..5 {
            let version = scene.world.state().version(1);
            assert_eq!(scene.request(1).await, Some(version));
            scene.world.state().change(1);
            scene.until(|scene| scene.cached(1).is_none()).await;
        }
    });
}

#[test]
fn a_log_that_has_a_hole_does_not_lead_on() {
    play(LONG, async |scene| {
        for number in 0..3 {
            assert_eq!(scene.request(number).await, Some(1));
        }
        {
            let mut state = scene.world.state();
            state.deaf = true;
            (0..3).for_each(|number| drop(state.change(number)));
            state.make_a_hole();
            state.cut();
        }
        scene.until_reported().await;
        for number in 0..3 {
            assert_eq!(scene.request(number).await, Some(number + 2));
        }
    });
}

/// The outcome with which the request on a seat is to end, if it is.
fn cut(seat: &Seat) -> Option<Outcome> {
    match seat.poll_cut(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

fn seated(credential: Credential) -> Seat {
    let seat = Seat::new();
    seat.occupy();
    seat.bind(standing(credential), |_| Position(1_000_000));
    seat
}

#[test]
fn after_a_break_everybody_under_way_is_told_how_his_records_are_now() {
    // One that the store has, and one that it has no more.
    for (name, outcome) in [("crd_1", None), ("crd_lost", Some(Outcome::CredentialUnknown))] {
        play(LONG, async |scene| {
            let seat = seated(credential(name));
            BREAKS[0].1(&mut scene.world.state());
            scene.until_reported().await;
            assert_eq!(cut(&seat), outcome, "{name}");
        });
    }
}

#[test]
fn until_everybody_under_way_is_told_nothing_is_reported_as_applied() {
    play(Duration::from_secs(3), async |scene| {
        let lost = seated(credential("crd_lost"));
        scene.world.state().gets_fail = true;
        let before = scene.world.state().reports.len();
        BREAKS[0].1(&mut scene.world.state());
        scene.until(|scene| scene.world.state().reports.len() > before + 3).await;
        {
            let state = scene.world.state();
            let last = state.reports.last().unwrap();
            assert_eq!(last.applied.position, Position(0));
        }
        assert_eq!(scene.contact(), Contact::Held, "new requests are decided on new facts");
        assert_eq!(cut(&lost), None);
        scene.world.state().gets_fail = false;
        scene.until_reported().await;
        assert_eq!(cut(&lost), Some(Outcome::CredentialUnknown));
    });
}

/// Redis that has restarted without its data: what is read of it is at no position.
#[test]
fn a_log_that_begins_at_nothing_tells_everybody_under_way_too() {
    play(LONG, async |scene| {
        let seat = seated(credential("crd_lost"));
        {
            let mut state = scene.world.state();
            state.begin_at_nothing();
            state.cut();
        }
        scene.until(|_| cut(&seat).is_some()).await;
        assert_eq!(cut(&seat), Some(Outcome::CredentialUnknown));
    });
}

/// A record that nobody can read must not hold up for ever those who wait for this replica.
#[test]
fn a_record_that_the_store_cannot_tell_is_asked_for_only_while_somebody_rests_on_it() {
    play(LONG, async |scene| {
        let seat = seated(credential("crd_lost"));
        scene.world.state().gets_fail = true;
        BREAKS[0].1(&mut scene.world.state());
        scene.until(|scene| scene.world.state().gets > 2).await;
        seat.vacate();
        scene.until_reported().await;
        assert_eq!(cut(&seat), None);
    });
}
