//! The rule against a naive one, written from the contract's words over a world of few things.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;

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

// --- the naive rule --------------------------------------------------------------------------------------------------

type No<T> = Result<T, Verdict>;

fn no<T>(outcome: &'static str) -> No<T> {
    Err(Verdict::Refused(outcome))
}

fn heard<T>(said: &Said<T>) -> No<Option<&T>> {
    match said {
        Said::Record(record) => Ok(Some(record)),
        Said::NoSuch => Ok(None),
        Said::NoAnswer => no("store_unavailable"),
        Said::NotAskedYet => Err(Verdict::MoreIsNeeded),
    }
}

impl World {
    fn thing(&self, number: usize) -> No<Option<&Thing>> {
        self.things.get(number).map_or(Ok(None), heard)
    }

    /// The thing and all above it with their numbers; and the number at the top.
    fn up(&self, number: usize, steps: usize) -> No<(Vec<&Thing>, usize)> {
        let Some(thing) = self.thing(number)? else { return Ok((Vec::new(), number)) };
        let Some(parent) = thing.parent else { return Ok((vec![thing], number)) };
        if steps == 8 {
            return no("store_unavailable");
        }
        let (above, top) = self.up(parent, steps + 1)?;
        Ok(([vec![thing], above].concat(), top))
    }

    fn by_method<'w, T>(&self, map: &'w BTreeMap<&'static str, T>) -> Option<&'w T> {
        let names: &[&str] = match self.method {
            "HEAD" => &["HEAD", "GET", "*"],
            "GET" => &["GET", "*"],
            _ => &["POST", "*"],
        };
        names.iter().find_map(|name| map.get(name))
    }

    fn left(&self, state: ResourceState) -> usize {
        let name = match state {
            ResourceState::Ok => return 3,
            ResourceState::Restricted => "restricted",
            ResourceState::Locked => "locked",
            ResourceState::Archived => "archived",
        };
        self.states.get(name).map_or(0, |level| *level as usize + 1)
    }

    fn named(&self) -> Option<usize> {
        match self.demands.resource {
            Demanded::Nothing => None,
            Demanded::InPath => Some(self.path.1),
            Demanded::Literal(number) => Some(number),
        }
    }

    fn judge(&self) -> Verdict {
        self.all().map_or_else(|verdict| verdict, |(org, level)| Verdict::Go { org, level })
    }

    fn all(&self) -> No<(Option<usize>, Option<Level>)> {
        let pass = match heard(&self.pass)? {
            Some(pass) => pass,
            None => return no("credential_unknown"),
        };
        // authenticate
        for (wrong, outcome) in [
            (pass.revoked, "credential_revoked"),
            (pass.disabled, "credential_disabled"),
            (pass.expires_in.is_some_and(|left| left <= 0), "credential_expired"),
            (pass.from_here == Some(false), "address_denied"),
            (
                pass.audience.is_some() && pass.audience != self.demands.audience,
                "audience_mismatch",
            ),
            (
                pass.audience.is_none() && self.demands.audience.is_some() && self.manner.bound,
                "audience_mismatch",
            ),
        ] {
            if wrong {
                return no(outcome);
            }
        }
        let person = heard(&self.person)?;
        match person.map(|person| person.state) {
            Some(SubjectState::Suspended) => return no("subject_suspended"),
            Some(SubjectState::Inactive) => return no("subject_inactive"),
            _ => {}
        }
        let names = |thing: &Thing| matches!(thing.members, Some((Some(_), _)));
        let mut org = pass.org;
        if org.is_none() && self.manner.may_choose && self.choice.is_some() {
            let chosen = self.choice.unwrap();
            match self.thing(chosen)? {
                Some(thing) if thing.parent.is_none() && names(thing) => org = Some(chosen),
                _ => return no("org_not_member"),
            }
        }
        let given = org.is_some();
        if let (None, Some(named)) = (org, self.named()) {
            let (line, top) = self.up(named, 0)?;
            if line.last().is_some_and(|thing| thing.parent.is_none() && names(thing)) {
                org = Some(top);
            }
        }
        let org_thing = match org {
            Some(org) => self.thing(org)?,
            None => None,
        };
        if org.is_none() && (self.manner.org_required || self.manner.members_only) {
            return no("org_missing");
        }
        if self.manner.members_only && !org_thing.is_some_and(names) {
            return no("org_not_member");
        }
        // authorize
        let demanded = self.by_method(&self.demands.level).copied();
        let needed = demanded.map_or(1, |level| level as usize + 1);
        if org_thing.is_some_and(|thing| self.left(thing.state) < needed) {
            return no("resource_restricted");
        }
        if self.demands.org && org != Some(self.path.0) {
            return no("org_mismatch");
        }
        if self.demands.admin && !person.is_some_and(|person| person.admin) {
            return no("admin_required");
        }
        let line = self.named().map(|named| self.up(named, 0)).transpose()?;
        let (things, top) = line.unwrap_or_default();
        if self.named().is_some() && things.is_empty() && !self.demands.pass_unknown {
            return no("resource_unknown");
        }
        if !things.is_empty() && given && org != Some(top) {
            return no("resource_forbidden");
        }
        let mut holders = things.iter().copied().chain(org_thing).map(|thing| thing.capable);
        let held = holders.any(|capable| capable) || person.is_some_and(|person| person.capable);
        if self.demands.capability && !held {
            return no("capability_missing");
        }
        if things.iter().any(|thing| self.left(thing.state) < needed) {
            return no("resource_restricted");
        }
        let mut least = pass.ceiling.map_or(3, |ceiling| ceiling as usize + 1);
        if let Some(named) = self.named() {
            match pass.grants.as_ref().map(|grants| grants.get(&named)) {
                None => {}
                Some(None) => return no("resource_forbidden"),
                Some(Some(level)) => least = least.min(*level as usize + 1),
            }
            match things.iter().find_map(|thing| thing.members) {
                None => {}
                Some((None, _)) => return no("resource_forbidden"),
                Some((Some(level), _)) => least = least.min(level as usize + 1),
            }
        }
        if least < needed && (self.named().is_some() || demanded.is_some()) {
            return no("level_insufficient");
        }
        let scopes = self.by_method(&self.demands.scopes).cloned().unwrap_or_default();
        if pass.scopes.as_ref().is_some_and(|held| !scopes.is_subset(held)) {
            return no("scope_insufficient");
        }
        let level = Level::ALL[least - 1];
        Ok((org, self.named().map(|_| level)))
    }
}

// --- the product's rule ----------------------------------------------------------------------------------------------

fn name(thing: usize) -> String {
    format!("t_{thing}")
}

fn by_method_of<T: Clone, U>(map: &BTreeMap<&'static str, T>, of: impl Fn(&T) -> U) -> ByMethod<U> {
    let named = map.iter().filter(|(method, _)| **method != "*");
    ByMethod {
        named: named.map(|(method, value)| ((*method).to_owned(), of(value))).collect(),
        others: map.get("*").map(of),
    }
}

impl World {
    fn decided(&self) -> Verdict {
        let mut api = api("a", Vec::new());
        let scheme = &mut api.schemes[0];
        scheme.issue.members_only = self.manner.members_only;
        scheme.issue.org_required = self.manner.org_required;
        scheme.bound = self.manner.bound;
        if self.manner.may_choose {
            scheme.choose_org = Some(http::HeaderName::from_static("x-org"));
        }
        let state = |name| self.states.get(name).copied();
        api.states = States {
            restricted: state("restricted"),
            locked: state("locked"),
            archived: state("archived"),
        };
        let route = Route { requirement: self.requirement(), ..route("/v1/{org}/{board}") };
        let pattern = crate::route::Pattern::parse(&route.path).unwrap();
        api.routes.insert(&pattern, crate::route::Methods::ALL, route).unwrap();
        let snapshot = snapshot(vec![(&["*"], api)]);
        let records = self.records();
        let question = self.request().with_head(|head| ask(&snapshot, &pepper(), head)).unwrap();
        match answer(&question, &records) {
            Ended::Refused(refused) => Verdict::Refused(refused.outcome.name()),
            Ended::Wants(_) => Verdict::MoreIsNeeded,
            Ended::Permitted(permit) => {
                let org = permit.principal().unwrap().org();
                let number = |id: &Id| id.as_str().trim_start_matches("t_").parse().unwrap();
                Verdict::Go { org: org.map(|org| number(org.id())), level: permit.level() }
            }
        }
    }

    fn requirement(&self) -> Requirement {
        let demands = &self.demands;
        let unknown =
            if demands.pass_unknown { UnknownResource::Pass } else { UnknownResource::Refuse };
        Requirement {
            resource: match demands.resource {
                Demanded::Nothing => None,
                Demanded::InPath => from_path(unknown),
                Demanded::Literal(number) => literal(&name(number), unknown),
            },
            org: demands.org.then_some(1),
            level: by_method_of(&demands.level, |level| *level),
            scopes: by_method_of(&demands.scopes, |scopes| {
                scopes.iter().map(|scope| id(scope)).collect()
            }),
            capabilities: if demands.capability { ids(&["api"]) } else { Vec::new() },
            audience: demands.audience.map(str::to_owned),
            subject_admin: demands.admin,
        }
    }

    fn request(&self) -> Request {
        let target = format!("/v1/{}/{}", name(self.path.0), name(self.path.1));
        let request = Request { method: self.method.to_owned(), ..with_key(&target) };
        match self.choice {
            Some(choice) => request.field("x-org", name(choice)),
            None => request,
        }
    }

    fn records(&self) -> Records {
        let mut records = Records::of(known(&self.pass, |pass| Fact::new(credential_of(pass))));
        records = records.subject_as(
            "a",
            "user_1",
            known(&self.person, |person| Subject {
                state: person.state,
                admin: person.admin,
                capabilities: if person.capable { ids(&["api"]) } else { BTreeSet::new() },
                ..subject("user_1")
            }),
        );
        for (number, said) in self.things.iter().enumerate() {
            let id = name(number);
            records = records.resource_as(
                "a",
                &id,
                known(said, |thing| Resource {
                    state: thing.state,
                    capabilities: if thing.capable { ids(&["api"]) } else { BTreeSet::new() },
                    members: thing.members.map(|(ours, other)| {
                        let ours = ours.map(|level| (super::id("user_1"), level));
                        let other = other.then(|| (super::id("user_2"), Level::Admin));
                        ours.into_iter().chain(other).collect()
                    }),
                    ..resource(&id, thing.parent.map(name).as_deref())
                }),
            );
        }
        records
    }
}

fn known<T, U>(said: &Said<T>, of: impl Fn(&T) -> U) -> Option<Lookup<U>> {
    match said {
        Said::Record(record) => Some(Lookup::Found(Arc::new(of(record)))),
        Said::NoSuch => Some(Lookup::Unknown),
        Said::NoAnswer => Some(Lookup::Unavailable),
        Said::NotAskedYet => None,
    }
}

fn credential_of(pass: &Pass) -> Credential {
    Credential {
        revoked_at: pass.revoked.then_some(NOW),
        disabled: pass.disabled,
        expires_at: pass.expires_in.map(|left| Timestamp(NOW.0 + left)),
        addresses: pass.from_here.map(|here| {
            vec![if here { "192.0.2.0/24" } else { "203.0.113.0/24" }.parse().unwrap()]
        }),
        audience: pass.audience.map(str::to_owned),
        org: pass.org.map(|org| id(&name(org))),
        ceiling: pass.ceiling,
        grants: pass.grants.as_ref().map(|grants| {
            grants.iter().map(|(thing, level)| (id(&name(*thing)), *level)).collect()
        }),
        scopes: pass.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| id(scope)).collect()),
        ..credential("a", "ak")
    }
}

// --- worlds ----------------------------------------------------------------------------------------------------------

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

fn worlds() -> impl Strategy<Value = World> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

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
    for _ in 0..20_000 {
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
