use std::collections::BTreeSet;

use decision::facts::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::store::{Mark, Registered, Report};

const POSITION: Position = Position(7);

/// What the register says of one instance.
#[derive(Clone, Copy, Debug)]
struct Said {
    applied: u64,
    /// Whether its bound has passed.
    silent: bool,
}

/// The register when it says this of the instances, by their numbers; `None`: nothing.
fn register(said: &[Option<Said>]) -> Register {
    let mark = |position| Mark { position: Position(position), link: position };
    let replicas = said.iter().enumerate().filter_map(|(number, said)| {
        let report = Report {
            instance: number.to_string(),
            replica: format!("gw-{number}"),
            number: 1,
            version: "1".into(),
            applied: mark(said.as_ref()?.applied),
            lease: Duration::from_secs(2),
            bound: Duration::from_secs(2),
            generation: 1,
        };
        let ago = if said.as_ref()?.silent { 2001 } else { 2000 };
        Some(Registered { report, reported_at: Timestamp(1_000_000 - ago) })
    });
    Register { now: Timestamp(1_000_000), head: mark(9), replicas: replicas.collect() }
}

fn told(roll: &Roll) -> Vec<(String, Option<u64>, String)> {
    roll.reports().map(|one| (one.replica, one.applied_ms, one.state)).collect()
}

#[test]
fn each_replica_is_told_as_it_was_seen() {
    let said = |applied| Some(Said { applied, silent: false });
    let first = register(&[said(7), said(6), said(0), said(6)]);
    let mut roll = Roll::of(&first, POSITION);
    roll.enter(&first, Duration::from_millis(3));
    assert!(!roll.is_complete());
    let silent = Some(Said { applied: 6, silent: true });
    roll.enter(&register(&[None, silent, said(8), None]), Duration::from_millis(9));
    assert!(roll.is_complete());
    let row = |name: &str, took, state: &str| (name.to_owned(), took, state.to_owned());
    let expected = [
        row("gw-0", Some(3), "applied"),
        row("gw-1", None, "lapsed"),
        row("gw-2", Some(9), "applied"),
    ];
    assert_eq!(told(&roll), expected);
    assert!(roll.names("1") && !roll.names("3"), "whoever has left is not waited for");
}

#[test]
fn a_replica_that_lapsed_before_the_change_or_came_after_it_is_not_waited_for() {
    let silent = Some(Said { applied: 6, silent: true });
    let first = register(&[silent, None]);
    let mut roll = Roll::of(&first, POSITION);
    roll.enter(&first, Duration::ZERO);
    assert!(roll.is_complete());
    roll.enter(&register(&[None, Some(Said { applied: 0, silent: false })]), Duration::ZERO);
    assert!(roll.is_complete() && told(&roll).is_empty());
}

fn any_said() -> impl Strategy<Value = Option<Said>> {
    prop_oneof![
        1 => Just(None),
        6 => (5..9_u64, prop::bool::weighted(0.2))
            .prop_map(|(applied, silent)| Some(Said { applied, silent })),
    ]
}

proptest! {
    #[test]
    fn it_is_complete_once_each_that_was_live_has_applied_lapsed_or_left(
        history in prop::collection::vec(prop::collection::vec(any_said(), 4), 1..6),
    ) {
        let first = register(&history[0]);
        let mut roll = Roll::of(&first, POSITION);
        let mut waited_for: BTreeSet<usize> = (0..4)
            .filter(|number| history[0][*number].is_some_and(|said| !said.silent))
            .collect();
        for said in &history {
            roll.enter(&register(said), Duration::ZERO);
            waited_for.retain(|number| {
                said[*number].is_some_and(|said| said.applied < POSITION.0 && !said.silent)
            });
            prop_assert_eq!(roll.is_complete(), waited_for.is_empty());
            let pending = told(&roll).iter().filter(|(_, _, state)| state == "pending").count();
            prop_assert_eq!(pending, waited_for.len());
        }
    }
}
