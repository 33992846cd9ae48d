//! Worlds, mostly good ones.

use super::*;

fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: T,
    other: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![5 => Just(usual), 1 => other]
}

fn said<T: Clone + std::fmt::Debug + 'static>(
    record: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Said<T>> {
    prop_oneof![
        16 => record.prop_map(Said::Record),
        2 => Just(Said::NoSuch),
        1 => Just(Said::NoAnswer),
        1 => Just(Said::NotAskedYet),
    ]
}

fn level() -> impl Strategy<Value = Level> + Clone {
    prop::sample::select(Level::ALL.to_vec())
}

fn state() -> impl Strategy<Value = ResourceState> {
    use ResourceState::*;
    prop_oneof![8 => Just(Ok), 1 => Just(Restricted), 1 => Just(Locked), 1 => Just(Archived)]
}

fn person() -> impl Strategy<Value = Person> {
    let state = mostly(
        SubjectState::Active,
        prop::sample::select(vec![SubjectState::Suspended, SubjectState::Inactive]),
    );
    (state, any::<bool>(), any::<bool>()).prop_map(|(state, admin, capable)| Person {
        state,
        admin,
        capable,
    })
}

/// Mostly below the first two, sometimes below anything, so that there are circles.
fn thing(number: usize) -> impl Strategy<Value = Thing> {
    let parent = if number < 2 {
        mostly(None, (0..=THINGS).prop_map(Some)).boxed()
    } else {
        prop_oneof![6 => Just(Some(0)), 3 => (0..number).prop_map(Some), 1 => (0..=THINGS).prop_map(Some)]
            .boxed()
    };
    let members = prop_oneof![
        2 => Just(None),
        4 => (level(), any::<bool>()).prop_map(|(level, other)| Some((Some(level), other))),
        1 => any::<bool>().prop_map(|other| Some((None, other))),
    ];
    (parent, state(), any::<bool>(), members).prop_map(|(parent, state, capable, members)| Thing {
        parent,
        state,
        capable,
        members,
    })
}

const AUDIENCES: [&str; 2] = ["https://a.example/", "https://b.example/"];

fn scopes() -> impl Strategy<Value = BTreeSet<&'static str>> {
    prop::collection::btree_set(prop::sample::select(vec!["r", "w"]), 0..=2)
}

fn pass() -> impl Strategy<Value = Pass> {
    let flaws = (
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.05),
        prop::option::of(prop_oneof![4 => Just(1), 1 => -1_i64..=1]),
        prop::option::of(prop::bool::weighted(0.8)),
        mostly(None, prop::sample::select(AUDIENCES.to_vec()).prop_map(Some)),
    );
    let grants = prop::collection::btree_map(0..=THINGS, level(), 0..=THINGS);
    let rights = (
        prop_oneof![4 => Just(Some(0)), 4 => Just(None), 1 => (0..=THINGS).prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => level().prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => grants.prop_map(Some)],
        prop_oneof![2 => Just(None), 1 => scopes().prop_map(Some)],
    );
    (flaws, rights).prop_map(|(flaws, (org, ceiling, grants, scopes))| {
        let (revoked, disabled, expires_in, from_here, audience) = flaws;
        Pass { revoked, disabled, expires_in, from_here, audience, org, ceiling, grants, scopes }
    })
}

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "HEAD", "POST", "*"])
}

fn demands() -> impl Strategy<Value = Demands> {
    let resource = prop_oneof![
        1 => Just(Demanded::Nothing),
        4 => Just(Demanded::InPath),
        1 => (0..=THINGS).prop_map(Demanded::Literal),
    ];
    let asked = (
        resource,
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::collection::btree_map(method(), level(), 0..=3),
        prop::collection::btree_map(method(), scopes(), 0..=2),
    );
    let audience = mostly(None, prop::sample::select(AUDIENCES.to_vec()).prop_map(Some));
    (asked, prop::bool::weighted(0.2), audience, prop::bool::weighted(0.1)).prop_map(
        |((resource, pass_unknown, org, level, scopes), capability, audience, admin)| Demands {
            resource,
            pass_unknown,
            org,
            level,
            scopes,
            capability,
            audience,
            admin,
        },
    )
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let things: Vec<_> = (0..THINGS).map(|number| said(thing(number)).boxed()).collect();
    let manner =
        (prop::bool::weighted(0.2), prop::bool::weighted(0.2), any::<bool>(), any::<bool>())
            .prop_map(|(members_only, org_required, bound, may_choose)| Manner {
                members_only,
                org_required,
                bound,
                may_choose,
            });
    let states = prop::collection::btree_map(
        prop::sample::select(vec!["restricted", "locked", "archived"]),
        level(),
        0..=3,
    );
    let asked = (
        prop::sample::select(vec!["GET", "HEAD", "POST"]),
        (mostly(0, 0..=THINGS), 0..=THINGS),
        mostly(None, (0..=THINGS).prop_map(Some)),
    );
    (said(person()), things, said(pass()), demands(), manner, states, asked).prop_map(
        |(person, things, pass, demands, manner, states, (method, path, choice))| World {
            person,
            things,
            pass,
            demands,
            manner,
            states,
            method,
            path,
            choice,
        },
    )
}
