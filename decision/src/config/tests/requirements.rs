//! What routes ask of who is let in, and what schemes and apis say for it.

use super::{APP, Environment, SEALING_KEY, api, file, lines, refused, table};
use crate::config::load;
use crate::config::snapshot::{
    ByMethod, Expiry, Lifetime, OnRevoke, ResourceSource, Route, Snapshot, States, UnknownResource,
};
use crate::facts::{Level, ResourceState, realm_mask};
use std::time::Duration;

const SCHEMES: &str = "schemes: [{ name: ak, prefix: ak_ }]";

/// Keys of a route from line 4, column 41, on the path `/v1/{org}/{board}/**`.
fn route(text: &str) -> Vec<String> {
    refused(&on_route(text))
}

fn on_route(text: &str) -> String {
    format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, {SCHEMES}, routes: [\n        {{ path: '/v1/{{org}}/{{board}}/**', {text} }}\n      ] }}\n"
    )
}

fn snapshot(text: &str) -> Snapshot {
    load(&file(text), &Environment::of(&[("PORTCULLIS_SEALING_KEY", SEALING_KEY)]))
        .unwrap()
        .configuration
        .snapshot
}

/// Looks at the route that is read of `text`.
fn read<T>(text: &str, look: impl FnOnce(&Route) -> T) -> T {
    look(&snapshot(&on_route(text)).apis[0].routes.routes()[0])
}

fn warnings(text: &str) -> Vec<String> {
    lines(&load(&file(&on_route(text)), &Environment::default()).unwrap().warnings)
}

const AT: &str = "apis[0].routes[0]";

/// The one line `{column}: {AT}.{key}: {message}`.
fn one(column: usize, key: &str, message: &str) -> Vec<String> {
    vec![format!("4:{column}: {AT}.{key}: {message}")]
}

#[test]
fn a_route_asks_for_nothing_by_default() {
    read("name: r", |route| {
        let asked = &route.requirement;
        assert!(asked.resource.is_none() && asked.org.is_none() && asked.audience.is_none());
        assert!(asked.capabilities.is_empty() && !asked.subject_admin);
        assert_eq!((&asked.level, &asked.scopes), (&ByMethod::default(), &ByMethod::default()));
    });
}

#[test]
fn a_resource_and_an_org_are_segments_of_the_path_that_its_parameters_name() {
    read("resource: board, org: org", |route| {
        let resource = route.requirement.resource.as_ref().unwrap();
        assert!(matches!(resource.source, ResourceSource::Segment(2)));
        assert_eq!(resource.unknown, UnknownResource::Refuse);
        assert_eq!(route.requirement.org, Some(1));
    });
    assert_eq!(
        route("resource: bord"),
        one(51, "resource", "the route's path has no parameter `bord`, did you mean `board`?")
    );
    assert_eq!(route("org: v1"), one(46, "org", "the route's path has no parameter `v1`"));
    assert_eq!(
        route("resource: [board]"),
        one(51, "resource", "expected a parameter of the path, or `{ literal: ID }`, found a list")
    );
    assert_eq!(route("org: { a: b }"), one(46, "org", "expected text, found a mapping"));
}

#[test]
fn a_literal_resource_is_an_id_and_passes_without_a_record_unless_told_otherwise() {
    let of = |text: &str| {
        read(text, |route| {
            let resource = route.requirement.resource.as_ref().unwrap();
            let ResourceSource::Literal(id) = &resource.source else { panic!("{resource:?}") };
            (id.to_string(), resource.unknown)
        })
    };
    let literal = "resource: { literal: 'path:/board' }";
    assert_eq!(of(literal), ("path:/board".to_owned(), UnknownResource::Pass));
    let refusing = format!("{literal}, unknown_resource: refuse");
    assert_eq!(of(&refusing), ("path:/board".to_owned(), UnknownResource::Refuse));
    let passing = |route: &Route| route.requirement.resource.as_ref().unwrap().unknown;
    assert_eq!(read("resource: board, unknown_resource: pass", passing), UnknownResource::Pass);
    let rule = crate::name::ID_RULE;
    assert_eq!(
        route("resource: { literal: 'a,b' }"),
        one(62, "resource.literal", &format!("`a,b`: {rule}"))
    );
    assert_eq!(route("resource: {}"), one(51, "resource", "the key `literal` is missing"));
    assert_eq!(
        route("resource: { literal: a, litral: b }"),
        one(65, "resource.litral", "unknown key `litral`, did you mean `literal`?")
    );
    assert_eq!(
        route("unknown_resource: pass"),
        one(59, "unknown_resource", "the route names no `resource` that could be unknown")
    );
    assert_eq!(
        route("resource: board, unknown_resource: ignore"),
        one(76, "unknown_resource", "expected `refuse` or `pass`, found `ignore`")
    );
}

#[test]
fn a_level_is_named_for_every_method_of_the_route() {
    let named = |text: &str| {
        read(text, |route| {
            let get = |method| route.requirement.level.get(method).copied();
            (get("GET"), get("HEAD"), get("DELETE"))
        })
    };
    let (read, edit, admin) = (Some(Level::Read), Some(Level::Edit), Some(Level::Admin));
    assert_eq!(named("level: { GET: read, '*': edit }"), (read, read, edit));
    assert_eq!(named("level: { GET: read, HEAD: edit, '*': admin }"), (read, edit, admin));
    assert_eq!(
        named("methods: [GET, DELETE], level: { GET: read, DELETE: admin }"),
        (read, read, admin)
    );
    assert_eq!(
        route("level: { GET: read }"),
        one(
            48,
            "level",
            "the route has all methods: `\"*\"` must say the level of those not named"
        )
    );
    assert_eq!(
        route("methods: [GET, POST, PUT], level: { POST: edit }"),
        [
            format!("4:75: {AT}.level: no level for the route's method `GET`; name it, or `\"*\"`"),
            format!("4:75: {AT}.level: no level for the route's method `PUT`; name it, or `\"*\"`"),
        ]
    );
    assert_eq!(
        route("methods: [GET], level: { GET: write }"),
        one(71, "level.GET", "expected `read`, `edit` or `admin`, found `write`")
    );
    assert_eq!(
        route("level: { get: read, '*': read }"),
        one(50, "level.get", "`get`: a method must be written in capitals")
    );
    assert_eq!(route("level: read"), one(48, "level", "expected a mapping, found `read`"));
    assert_eq!(route("methods: [HEAD], level: { GET: read }"), [""; 0], "HEAD is held as GET");
}

#[test]
fn scopes_are_named_by_method_and_a_method_not_named_needs_none() {
    let scopes = |method: &str| {
        let text = "scopes: { GET: [a, b], POST: [c] }";
        read(text, |route| route.requirement.scopes.get(method).map(|ids| format!("{ids:?}")))
    };
    assert_eq!(scopes("GET").as_deref(), Some("[a, b]"));
    assert_eq!(scopes("HEAD").as_deref(), Some("[a, b]"));
    assert_eq!(scopes("POST").as_deref(), Some("[c]"));
    assert_eq!(scopes("PUT"), None);
    assert_eq!(
        route("scopes: { GET: [] }"),
        one(56, "scopes.GET", "the list is empty; expected at least one item")
    );
    assert_eq!(route("scopes: { GET: a }"), one(56, "scopes.GET", "expected a list, found `a`"));
    assert_eq!(
        route("scopes: { GET: ['a b', c, c] }"),
        [
            format!("4:57: {AT}.scopes.GET[0]: `a b`: {}", crate::name::ID_RULE),
            format!("4:67: {AT}.scopes.GET[2]: `c` is given twice, first at conf/x.yaml:4"),
        ]
    );
    assert_eq!(route("scopes: [a]"), one(49, "scopes", "expected a mapping, found a list"));
}

#[test]
fn a_method_that_the_route_does_not_have_is_hardly_meant() {
    let text = "methods: [GET, POST], level: { GET: read, HEAD: read, POST: edit, PUT: edit }, scopes: { DELETE: [a] }";
    assert_eq!(
        warnings(text),
        [
            format!("4:107: {AT}.level.PUT: the route has no method `PUT`"),
            format!("4:130: {AT}.scopes.DELETE: the route has no method `DELETE`"),
        ]
    );
    assert_eq!(warnings("scopes: { PATCH: [a] }"), [""; 0], "it has them all");
}

#[test]
fn capabilities_audience_and_subject_admin_are_what_they_say() {
    read(
        "capabilities: [api, bulk], audience: 'HTTPS://CalmBoard.ai:443/%6Dcp', subject_admin: true",
        |route| {
            let asked = &route.requirement;
            assert_eq!(format!("{:?}", asked.capabilities), "[api, bulk]");
            assert_eq!(asked.audience.as_deref(), Some("https://calmboard.ai/mcp"));
            assert!(asked.subject_admin);
        },
    );
    assert_eq!(
        route("capabilities: []"),
        one(55, "capabilities", "the list is empty; expected at least one item")
    );
    assert_eq!(
        route("capabilities: ['*']"),
        one(56, "capabilities[0]", &format!("`*`: {}", crate::name::ID_RULE))
    );
    let uri = "expected a URI of 1 to 2048 visible ASCII characters, found";
    assert_eq!(route("audience: 'a b'"), one(51, "audience", &format!("{uri} `a b`")));
    assert_eq!(route("audience: ''"), one(51, "audience", &format!("{uri} ``")));
    assert_eq!(
        route("subject_admin: yes"),
        one(56, "subject_admin", "expected `true` or `false`, unquoted, found `yes`")
    );
}

/// Each key with a good value, and the column of that on its route.
const KEYS: [(&str, &str); 8] = [
    ("resource", "board"),
    ("unknown_resource", "pass"),
    ("org", "org"),
    ("level", "{ '*': read }"),
    ("scopes", "{ GET: [a] }"),
    ("capabilities", "[a]"),
    ("subject_admin", "true"),
    ("audience", "https://a.example/"),
];

#[test]
fn where_nobody_has_to_be_known_nothing_is_asked_of_who_is() {
    for auth in ["optional", "none"] {
        for (key, value) in KEYS {
            let problems = route(&format!("auth: {auth}, {key}: {value}"));
            let column = 41 + format!("auth: {auth}, {key}: ").len();
            let expected =
                format!("4:{column}: {AT}.{key}: a route of `auth: {auth}` cannot ask for this");
            if (auth, key) == ("optional", "audience") {
                assert_eq!(problems, [""; 0]);
            } else {
                assert!(problems.contains(&expected), "{problems:?}");
            }
        }
    }
    assert_eq!(route("auth: optional, accept: [ak]"), [""; 0]);
    assert_eq!(
        route("auth: none, accept: [ak]"),
        one(61, "accept", "a route of `auth: none` accepts no credential")
    );
    let all: Vec<_> = KEYS.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    assert_eq!(route(&format!("auth: required, {}", all.join(", "))), [""; 0]);
}

#[test]
fn states_of_an_api_leave_a_level_or_nothing() {
    let states = |text: &str| api(&format!("{SCHEMES}\n    states: {text}"));
    table(
        states,
        &[
            ("{ restricted: read, locked: edit, archived: admin }", &[]),
            (
                "{ restricted: none }",
                &[
                    "6:27: apis[0].states.restricted: expected `read`, `edit` or `admin`, found `none`",
                ],
            ),
            ("{ ok: read }", &["6:15: apis[0].states.ok: unknown key `ok`"]),
            (
                "{ lockd: read }",
                &["6:15: apis[0].states.lockd: unknown key `lockd`, did you mean `locked`?"],
            ),
            ("read", &["6:13: apis[0].states: expected a mapping, found `read`"]),
        ],
    );
    let left = States { restricted: Some(Level::Read), ..States::default() };
    assert_eq!(left.left(ResourceState::Restricted), Some(Level::Read));
    assert_eq!(left.left(ResourceState::Archived), None);
    assert_eq!(left.left(ResourceState::Ok), Some(Level::Admin));
}

#[test]
fn a_scheme_says_how_its_credentials_are_made_and_held() {
    let schemes = |text: &str| {
        let text = format!(
            "{APP}apis:\n  - {{ name: a, upstream: app, realm: r, schemes: [{{ name: k, {text} }}] }}\n"
        );
        snapshot(&text)
    };
    let plain = schemes("prefix: k_");
    let (api, scheme) = (&plain.apis[0], &plain.apis[0].schemes[0]);
    assert_eq!(api.realm_mask, realm_mask("r"));
    assert_eq!(api.states, States::default());
    assert!(!scheme.bound && scheme.cut_in_flight && scheme.choose_org.is_none());
    assert_eq!(scheme.on_revoke, OnRevoke::Tombstone);
    let issue = &scheme.issue;
    assert!(issue.checksum && !issue.revealable && !issue.members_only && !issue.org_required);
    assert_eq!((issue.expiry, issue.keep), (Expiry::Instant, Duration::from_hours(90 * 24)));
    assert_eq!(issue.lifetimes, None);

    let full = schemes(
        "bound: true, on_revoke: delete, cut_in_flight: false, choose_org: 'header:X-Organization-Id', issue: { lifetimes: [30d, never, date], expiry: start_of_day_utc, checksum: false, revealable: true, members_only: true, org: required, keep: 1d }",
    );
    let scheme = &full.apis[0].schemes[0];
    assert!(scheme.bound && !scheme.cut_in_flight);
    assert_eq!(scheme.on_revoke, OnRevoke::Delete);
    assert_eq!(scheme.choose_org.as_ref().unwrap(), "x-organization-id");
    let issue = &scheme.issue;
    assert!(!issue.checksum && issue.revealable && issue.members_only && issue.org_required);
    assert_eq!((issue.expiry, issue.keep), (Expiry::StartOfDayUtc, Duration::from_hours(24)));
    let month = Duration::from_hours(30 * 24);
    let lifetimes = [Lifetime::For(month), Lifetime::Never, Lifetime::Date];
    assert_eq!(issue.lifetimes.as_deref(), Some(&lifetimes[..]));
}

#[test]
fn what_a_scheme_says_wrongly_is_refused_with_its_place() {
    let scheme = |text: &str| api(&format!("schemes: [{{ name: k, {text} }}]"));
    let header = "an organisation is chosen in a header field: expected `header:NAME`";
    for (text, column, key, message) in [
        ("bound: 1", 33, "bound", "expected `true` or `false`, unquoted, found `1`"),
        ("on_revoke: forget", 37, "on_revoke", "expected `tombstone` or `delete`, found `forget`"),
        (
            "cut_in_flight: no",
            41,
            "cut_in_flight",
            "expected `true` or `false`, unquoted, found `no`",
        ),
        ("choose_org: bearer", 38, "choose_org", &format!("`bearer`: {header}")),
        ("choose_org: 'query:org'", 38, "choose_org", &format!("`query:org`: {header}")),
        (
            "choose_org: 'header:Host'",
            38,
            "choose_org",
            "`header:Host`: `Host` says where a request goes",
        ),
        (
            "choose_org: 'header:User-Agent'",
            38,
            "choose_org",
            "`header:User-Agent`: `User-Agent` is in every line of the access log",
        ),
        (
            "choose_org: 'header:X-Api-Key'",
            38,
            "choose_org",
            "the scheme at conf/x.yaml:5 reads credentials in `x-api-key`",
        ),
        (
            "issue: { expiry: midnight }",
            43,
            "issue.expiry",
            "expected `instant`, `start_of_day_utc` or `end_of_day_utc`, found `midnight`",
        ),
        (
            "issue: { org: needed }",
            40,
            "issue.org",
            "expected `optional` or `required`, found `needed`",
        ),
        (
            "issue: { keep: 0s }",
            41,
            "issue.keep",
            "expected a duration from 1s to 36500d, such as `250ms` or `5m`, found `0s`",
        ),
        (
            "issue: { revealable: maybe }",
            47,
            "issue.revealable",
            "expected `true` or `false`, unquoted, found `maybe`",
        ),
        (
            "issue: { lifetimes: [1ms] }",
            47,
            "issue.lifetimes[0]",
            "expected `never`, `date` or a duration from 1s to 36500d, found `1ms`",
        ),
    ] {
        assert_eq!(scheme(text), [format!("5:{column}: apis[0].schemes[0].{key}: {message}")]);
    }
}
