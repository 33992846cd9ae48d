//! The rule against a naive one, written from the contract's words over a world of few things.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::worlds::worlds;
use super::*;

mod naive;
mod product;
mod worlds;

/// What a store says of a record.
#[derive(Clone, Debug)]
enum Said<T> {
    Record(T),
    NoSuch,
    NoAnswer,
    NotAskedYet,
}

#[derive(Clone, Debug)]
struct Person {
    state: SubjectState,
    admin: bool,
    capable: bool,
}

/// Things are numbers from 0 to [`THINGS`]; the last never has a record.
#[derive(Clone, Debug)]
struct Thing {
    parent: Option<usize>,
    state: ResourceState,
    capable: bool,
    /// Of the subject and of somebody else; the outer `None` = null.
    members: Option<(Option<Level>, bool)>,
}

const THINGS: usize = 5;

#[derive(Clone, Debug)]
struct Pass {
    revoked: bool,
    disabled: bool,
    /// Milliseconds from now.
    expires_in: Option<i64>,
    from_here: Option<bool>,
    audience: Option<&'static str>,
    org: Option<usize>,
    ceiling: Option<Level>,
    grants: Option<BTreeMap<usize, Level>>,
    scopes: Option<BTreeSet<&'static str>>,
}

#[derive(Clone, Debug)]
struct Demands {
    resource: Demanded,
    pass_unknown: bool,
    org: bool,
    level: BTreeMap<&'static str, Level>,
    scopes: BTreeMap<&'static str, BTreeSet<&'static str>>,
    capability: bool,
    audience: Option<&'static str>,
    admin: bool,
}

#[derive(Clone, Copy, Debug)]
enum Demanded {
    Nothing,
    InPath,
    Literal(usize),
}

#[derive(Clone, Copy, Debug)]
struct Manner {
    members_only: bool,
    org_required: bool,
    bound: bool,
    may_choose: bool,
}

#[derive(Clone, Debug)]
struct World {
    person: Said<Person>,
    things: Vec<Said<Thing>>,
    pass: Said<Pass>,
    demands: Demands,
    manner: Manner,
    states: BTreeMap<&'static str, Level>,
    method: &'static str,
    /// The organisation and the board in the path.
    path: (usize, usize),
    choice: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Refused(&'static str),
    MoreIsNeeded,
    Go { org: Option<usize>, level: Option<Level> },
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_rule_equals_the_naive_one(world in worlds()) {
        prop_assert_eq!(world.decided(), world.judge());
    }

    #[test]
    fn nobody_is_permitted_on_a_record_that_is_not_live_or_that_nobody_could_say(world in worlds()) {
        let verdict = world.decided();
        let live = match &world.pass {
            Said::Record(pass) => {
                !pass.revoked && !pass.disabled && pass.expires_in.is_none_or(|left| left > 0)
            }
            _ => false,
        };
        let active = match &world.person {
            Said::Record(person) => person.state == SubjectState::Active,
            Said::NoSuch => true,
            Said::NoAnswer | Said::NotAskedYet => false,
        };
        if let Verdict::Go { org, .. } = &verdict {
            prop_assert!(live && active);
            let cannot_tell = |thing: usize| matches!(world.things.get(thing), Some(Said::NoAnswer | Said::NotAskedYet));
            prop_assert!(!org.is_some_and(cannot_tell));
            prop_assert!(!world.named().is_some_and(cannot_tell));
        }
        if matches!(world.pass, Said::NoAnswer) {
            prop_assert_eq!(verdict, Verdict::Refused("store_unavailable"));
        }
    }

    #[test]
    fn whatever_nobody_can_say_of_a_live_credentials_world_is_never_a_401(world in worlds(), silent in 0..=THINGS) {
        let mut world = world;
        world.pass = match world.pass {
            Said::Record(pass) => Said::Record(Pass { revoked: false, disabled: false, expires_in: None, audience: None, ..pass }),
            other => other,
        };
        (world.manner.bound, world.demands.audience) = (false, None);
        if let Some(thing) = world.things.get_mut(silent) {
            *thing = Said::NoAnswer;
        } else {
            world.person = Said::NoAnswer;
        }
        if let (Said::Record(_), Verdict::Refused(outcome)) = (&world.pass, world.decided()) {
            prop_assert_ne!(Outcome::from_name(outcome).unwrap().status(), 401, "{}", outcome);
        }
    }
}

#[test]
fn the_worlds_lead_to_every_outcome_of_the_rule() {
    let (mut runner, worlds) = (TestRunner::deterministic(), worlds());
    let mut seen = HashSet::new();
    for _ in 0..4000 {
        seen.insert(match worlds.new_tree(&mut runner).unwrap().current().judge() {
            Verdict::Refused(outcome) => outcome,
            Verdict::MoreIsNeeded => "wants",
            Verdict::Go { level: None, .. } => "go",
            Verdict::Go { level: Some(level), .. } => level.name(),
        });
    }
    let expected = [
        "credential_unknown",
        "credential_revoked",
        "credential_disabled",
        "credential_expired",
        "address_denied",
        "audience_mismatch",
        "subject_suspended",
        "subject_inactive",
        "org_missing",
        "org_not_member",
        "org_mismatch",
        "admin_required",
        "resource_unknown",
        "resource_forbidden",
        "capability_missing",
        "resource_restricted",
        "level_insufficient",
        "scope_insufficient",
        "store_unavailable",
        "wants",
        "go",
        "read",
        "edit",
        "admin",
    ];
    assert_eq!(seen, HashSet::from(expected));
}
