use governor::clock::FakeRelativeClock;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn terms(max: u64, burst: Option<u32>) -> Terms {
    Terms { max, burst }
}

fn ask(gcra: &mut Gcra, terms: Terms, now: u64) -> Result<(), u64> {
    gcra.look(terms, now)?;
    gcra.charge(terms, now);
    Ok(())
}

proptest! {
    #[test]
    fn it_decides_as_governors_own_limiter(
        seconds in 1..100_u32,
        max in 1..50_u64,
        burst in proptest::option::of(1..60_u32),
        arrivals in vec(0..4_000_000_000_u64, 1..200),
    ) {
        let mut gcra = Gcra::new(Window::new(seconds).unwrap());
        let period = (u64::from(seconds) * SECOND).div_ceil(max);
        let cells = NonZeroU32::new(burst.unwrap_or(max as u32)).unwrap();
        let quota = Quota::with_period(Duration::from_nanos(period)).unwrap().allow_burst(cells);
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        let mut now = 0;
        for later in arrivals {
            now += later;
            clock.advance(Duration::from_nanos(later));
            let theirs = limiter.check().map_err(|until| until.earliest_possible().as_u64());
            let theirs = theirs.map_err(|at| seconds_until(at, now));
            prop_assert_eq!(ask(&mut gcra, terms(max, burst), now), theirs);
        }
    }

    #[test]
    fn retry_after_suffices_and_a_second_less_does_not(
        seconds in 1..100_u32,
        max in 1..50_u64,
        burst in proptest::option::of(1..60_u32),
        arrivals in vec(0..2_000_000_000_u64, 1..200),
    ) {
        let mut gcra = Gcra::new(Window::new(seconds).unwrap());
        let terms = terms(max, burst);
        let mut now = 0;
        for later in arrivals {
            now += later;
            let Err(wait) = ask(&mut gcra, terms, now) else { continue };
            prop_assert!(gcra.look(terms, now + wait * SECOND).is_ok());
            prop_assert!(gcra.look(terms, now + (wait - 1) * SECOND).is_err());
            let standing = gcra.standing(terms, now);
            prop_assert_eq!(standing, Standing { remaining: 0, reset: Some(wait) });
        }
    }

    #[test]
    fn what_remains_is_what_would_be_admitted_and_grows_at_the_reset(
        max in 1..50_u64,
        burst in proptest::option::of(1..60_u32),
        arrivals in vec(0..2_000_000_000_u64, 1..100),
    ) {
        let mut gcra = Gcra::new(Window::new(10).unwrap());
        let terms = terms(max, burst);
        let mut now = 0;
        for later in arrivals {
            now += later;
            let _refused_or_not = ask(&mut gcra, terms, now);
            let standing = gcra.standing(terms, now);
            let mut more = gcra.clone();
            let admitted = (0..100).filter(|_| ask(&mut more, terms, now).is_ok()).count() as u64;
            prop_assert_eq!(standing.remaining, admitted);
            let reset = standing.reset.unwrap();
            let then = |wait: u64| gcra.standing(terms, now + wait * SECOND).remaining;
            prop_assert!(then(reset) > standing.remaining);
            prop_assert_eq!(then(reset - 1), standing.remaining);
        }
    }

    #[test]
    fn failures_beyond_max_hold_back_as_long_as_max_of_them(
        max in 1..50_u64,
        times in 1..200_u64,
    ) {
        let window = Window::new(60).unwrap();
        let (mut gcra, terms) = (Gcra::new(window), terms(max, None));
        (0..times).for_each(|_| gcra.count(terms, SECOND));
        prop_assert_eq!(gcra.look(terms, SECOND).is_err(), times >= max);
        let period = (60 * SECOND).div_ceil(max);
        prop_assert!(gcra.look(terms, SECOND + period).is_ok());
    }

    #[test]
    fn no_quota_overflows(
        seconds in 1..=Window::MOST,
        max in prop_oneof![1..10_u64, Just(super::super::MAX_MOST)],
        burst in proptest::option::of(1..=u32::MAX),
        later in 0..BURST_MOST,
    ) {
        let mut gcra = Gcra::new(Window::new(seconds).unwrap());
        for now in [0, later] {
            gcra.count(terms(max, burst), now);
            let _either_way = ask(&mut gcra, terms(1, burst), now);
            gcra.standing(terms(max, burst), now);
        }
    }
}

#[test]
fn a_burst_is_max_where_none_is_given_and_comes_back_cell_by_cell() {
    let mut gcra = Gcra::new(Window::new(10).unwrap());
    let (most, few) = (terms(10, None), terms(10, Some(3)));
    assert_eq!((0..20).filter(|_| ask(&mut gcra, most, 0).is_ok()).count(), 10);
    assert_eq!(gcra.look(most, 0), Err(1));
    assert_eq!((0..20).filter(|_| ask(&mut gcra, most, SECOND).is_ok()).count(), 1);
    let mut gcra = Gcra::new(Window::new(10).unwrap());
    assert_eq!((0..20).filter(|_| ask(&mut gcra, few, 0).is_ok()).count(), 3);
}

#[test]
fn another_max_goes_on_from_what_was_counted() {
    let mut gcra = Gcra::new(Window::new(10).unwrap());
    (0..10).for_each(|_| ask(&mut gcra, terms(10, None), 0).unwrap());
    assert_eq!((0..20).filter(|_| ask(&mut gcra, terms(20, None), 0).is_ok()).count(), 0);
    assert!(gcra.look(terms(20, None), SECOND).is_ok());
}

#[test]
fn it_is_idle_when_nothing_is_owed() {
    let mut gcra = Gcra::new(Window::new(10).unwrap());
    assert!(gcra.is_idle(0));
    ask(&mut gcra, terms(10, None), 0).unwrap();
    assert!(!gcra.is_idle(SECOND - 1));
    assert!(gcra.is_idle(SECOND));
}
