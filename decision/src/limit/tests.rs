use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::facts::Timestamp;

const SECOND: u64 = 1_000_000_000;

fn moment(elapsed: u64) -> Moment {
    Moment { elapsed, wall: Timestamp(1_800_000_000_000 + (elapsed / 1_000_000).cast_signed()) }
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    let window = (1..20_u32).prop_map(|seconds| Window::new(seconds).unwrap());
    prop_oneof![
        window.clone().prop_map(Algorithm::Sliding),
        window.prop_map(Algorithm::Gcra),
        proptest::sample::select(vec![Period::Minute, Period::Hour, Period::Month])
            .prop_map(Algorithm::Calendar),
        Just(Algorithm::Concurrency),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    (1..6_u64, proptest::option::of(1..6_u32)).prop_map(|(max, burst)| Terms { max, burst })
}

fn asked<'c>(cells: &'c mut [Cell], terms: &[Terms]) -> Vec<Asked<'c>> {
    cells.iter_mut().zip(terms).map(|(cell, terms)| Asked { cell, terms: *terms }).collect()
}

proptest! {
    #[test]
    fn a_request_is_charged_by_all_of_its_rules_or_by_none(
        rules in vec((algorithm(), terms()), 1..5),
        arrivals in vec((0..5 * SECOND, any::<u8>()), 1..60),
    ) {
        let (algorithms, terms): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        let mut cells: Vec<_> = algorithms.iter().copied().map(Cell::new).collect();
        let mut elapsed = 0;
        for (later, leaving) in arrivals {
            elapsed += later;
            let now = moment(elapsed);
            for cell in cells.iter_mut().filter(|_| leaving % 4 == 0) {
                let _last_or_not = cell.release();
            }
            let alone: Vec<_> = cells.iter_mut().zip(&terms)
                .map(|(cell, terms)| cell.look(*terms, now)).collect();
            let before: Vec<_> = cells.iter().zip(&terms)
                .map(|(cell, terms)| cell.standing(*terms, now)).collect();
            let admitted = admit(&mut asked(&mut cells, &terms), now);
            let after: Vec<_> = cells.iter().zip(&terms)
                .map(|(cell, terms)| cell.standing(*terms, now).remaining).collect();
            match admitted {
                Ok(()) => {
                    prop_assert!(alone.iter().all(Result::is_ok));
                    let charged = |(after, before): (&u64, &Standing)| after + 1 == before.remaining;
                    prop_assert!(after.iter().zip(&before).all(charged));
                }
                Err(exceeded) => {
                    let refusing = |n: usize| exceeded.refusing & (1 << n) != 0;
                    prop_assert!(alone.iter().enumerate().all(|(n, a)| a.is_err() == refusing(n)));
                    let longest = alone.iter().filter_map(|a| a.err()).max();
                    prop_assert_eq!(Some(exceeded.wait), longest);
                    prop_assert_eq!(alone[exceeded.position], Err(exceeded.wait));
                    prop_assert!(after.iter().zip(&before).all(|(a, b)| *a == b.remaining));
                }
            }
        }
    }

    #[test]
    fn a_forgotten_idle_cell_is_missed_by_nobody(
        algorithm in algorithm(),
        arrivals in vec((0..40 * SECOND, terms()), 1..60),
    ) {
        let (mut kept, mut forgotten) = (Cell::new(algorithm), Cell::new(algorithm));
        let mut elapsed = 0;
        for (later, terms) in arrivals {
            elapsed += later;
            let now = moment(elapsed);
            if forgotten.is_idle(now) {
                forgotten = Cell::new(algorithm);
            }
            let looked = kept.look(terms, now);
            prop_assert_eq!(looked, forgotten.look(terms, now));
            if looked.is_ok() {
                kept.charge(terms, now);
                forgotten.charge(terms, now);
            }
            prop_assert_eq!(kept.standing(terms, now), forgotten.standing(terms, now));
        }
    }
}

#[test]
fn a_place_is_held_until_it_is_given_back() {
    let (mut cell, terms) = (Cell::new(Algorithm::Concurrency), Terms { max: 2, burst: None });
    let now = moment(0);
    for _ in 0..2 {
        cell.look(terms, now).unwrap();
        cell.charge(terms, now);
    }
    assert_eq!(cell.look(terms, moment(1000 * SECOND)), Err(1));
    assert_eq!(cell.standing(terms, now), Standing { remaining: 0, reset: None });
    assert!(!cell.release());
    assert_eq!(cell.look(terms, now), Ok(()));
    assert!(!cell.is_idle(now));
    assert!(cell.release());
    assert!(cell.is_idle(now));
}

#[test]
fn a_refused_rule_that_has_failed_often_enough_holds_back_until_it_has_room_again() {
    for algorithm in [
        Algorithm::Sliding(Window::new(60).unwrap()),
        Algorithm::Gcra(Window::new(60).unwrap()),
        Algorithm::Calendar(Period::Hour),
    ] {
        let (mut cell, terms) = (Cell::new(algorithm), Terms { max: 3, burst: None });
        let now = moment(SECOND);
        for _ in 0..3 {
            assert_eq!(cell.look(terms, now), Ok(()), "{algorithm:?}");
            cell.count(terms, now);
        }
        (0..10).for_each(|_| cell.count(terms, now));
        let wait = cell.look(terms, now).unwrap_err();
        assert!(cell.look(terms, moment(SECOND + (wait - 1) * SECOND)).is_err(), "{algorithm:?}");
        assert!(cell.look(terms, moment(SECOND + wait * SECOND)).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn every_401_counts_as_a_failure_but_that_of_a_credential_that_is_not_there() {
    let failures: Vec<_> =
        Outcome::ALL.iter().filter(|outcome| is_failure(**outcome)).map(|o| o.name()).collect();
    assert_eq!(
        failures,
        [
            "credential_malformed",
            "credential_unknown",
            "credential_revoked",
            "credential_disabled",
            "credential_expired",
            "scheme_not_accepted",
            "audience_mismatch",
        ]
    );
}
