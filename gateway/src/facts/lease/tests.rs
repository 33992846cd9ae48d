use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The last moment before.
fn before(age: Duration) -> Duration {
    age.saturating_sub(Duration::from_nanos(1))
}

/// A lease of two seconds that was asked for at its origin, with what the register knows of `serve`.
fn held(serve: Duration) -> (Lease, Instant) {
    let origin = clock::now();
    let lease = Lease::of_a_shared_store(origin);
    lease.renew(origin, 2 * SECOND, serve);
    (lease, origin)
}

#[test]
fn a_lease_runs_from_before_the_question_and_what_a_route_allows_comes_after_it() {
    let (lease, origin) = held(30 * SECOND);
    let table = [
        (Duration::ZERO, Contact::Held),
        (before(2 * SECOND), Contact::Held),
        (2 * SECOND, Contact::Serving),
        (before(7 * SECOND), Contact::Serving),
        (7 * SECOND, Contact::Lost),
    ];
    for (age, contact) in table {
        assert_eq!(lease.contact_at(origin + age, 5 * SECOND), contact, "{age:?}");
    }
    assert_eq!(lease.contact_at(origin + 2 * SECOND, Duration::ZERO), Contact::Lost);
    lease.renew(origin + SECOND, 2 * SECOND, 30 * SECOND);
    assert_eq!(lease.contact_at(origin + before(3 * SECOND), Duration::ZERO), Contact::Held);
    // A report that was sent before another and is answered after it.
    lease.renew(origin, 2 * SECOND, 30 * SECOND);
    assert_eq!(lease.contact_at(origin + before(3 * SECOND), Duration::ZERO), Contact::Held);
}

#[test]
fn a_lease_that_was_never_held_allows_nothing_whatever_a_route_says() {
    let origin = clock::now();
    let lease = Lease::of_a_shared_store(origin);
    for age in [Duration::ZERO, before(SECOND), SECOND] {
        assert_eq!(lease.contact_at(origin + age, 3600 * SECOND), Contact::Lost);
    }
    assert!(!lease.was_held());
    assert_eq!(lease.left(origin), Some(Duration::ZERO));
}

#[test]
fn more_time_than_the_register_knows_of_is_not_taken() {
    let (lease, origin) = held(5 * SECOND);
    let at = |age| lease.contact_at(origin + age, 30 * SECOND);
    assert_eq!((at(before(7 * SECOND)), at(7 * SECOND)), (Contact::Serving, Contact::Lost));
    lease.shorten(10 * SECOND);
    assert_eq!(at(7 * SECOND), Contact::Lost, "more takes effect once it is reported");
    lease.shorten(3 * SECOND);
    assert_eq!((at(before(5 * SECOND)), at(5 * SECOND)), (Contact::Serving, Contact::Lost));
    lease.renew(origin, 2 * SECOND, 10 * SECOND);
    assert_eq!((at(before(12 * SECOND)), at(12 * SECOND)), (Contact::Serving, Contact::Lost));
}

#[test]
fn a_lease_of_facts_that_nobody_else_changes_has_no_end() {
    let lease = Lease::endless();
    for age in [Duration::ZERO, Duration::from_hours(24 * 365 * 100)] {
        assert_eq!(lease.contact_at(clock::now() + age, Duration::ZERO), Contact::Held);
    }
    assert_eq!(lease.contact(Duration::ZERO), Contact::Held);
    assert!(lease.was_held());
    assert_eq!(lease.left(clock::now()), None);
}

#[test]
fn the_clock_is_read_when_the_lease_is_asked() {
    let origin = clock::now();
    let lease = Lease::of_a_shared_store(origin);
    lease.renew(origin, Duration::from_millis(20), Duration::ZERO);
    while clock::now() < origin + Duration::from_millis(20) {
        std::thread::yield_now();
    }
    assert_eq!(lease.contact(Duration::ZERO), Contact::Lost);
}

proptest! {
    /// Whatever was renewed and shortened in whatever order: never longer than what the last report says that was answered
    /// allows, and a longer `serve` not before it was reported.
    #[test]
    fn nothing_is_used_for_longer_than_was_reported(
        steps in proptest::collection::vec((0..100u64, 0..50u64), 1..20),
        asked in 0..300u64,
        allowed in 0..100u64,
    ) {
        let terms: Terms = Terms::unheld();
        let (mut sent_at, mut bound, mut until) = (0, 0, 0);
        for (pause, serve) in steps {
            sent_at += pause;
            terms.shorten(serve);
            // Before the answer: what was reported before still holds, and what will be said now.
            let contact = terms.contact(asked, allowed);
            prop_assert!(contact == Contact::Lost || asked < bound.max(until));
            terms.renew(sent_at, 10, serve);
            (until, bound) = (sent_at + 10, sent_at + 10 + serve);
            let expected = match asked {
                asked if asked < until => Contact::Held,
                asked if asked < until + serve.min(allowed) => Contact::Serving,
                _ => Contact::Lost,
            };
            prop_assert_eq!(terms.contact(asked, allowed), expected);
            prop_assert!(asked < bound || expected == Contact::Lost);
        }
    }
}
