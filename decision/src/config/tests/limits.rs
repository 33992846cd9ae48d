//! `limits` and what goes with it.

use std::collections::BTreeMap;

use super::{APP, Environment, api, file, lines, table};
use crate::config::load;
use crate::config::snapshot::Api;
use crate::limit::{Algorithm, Part, Per, Period, Rule, Terms, When, Window};

/// The api of a file with these keys of it.
fn compiled(keys: &str) -> Api {
    let keys = keys.replace('\n', "\n    ");
    let text = format!(
        "{APP}apis:\n  - name: a\n    upstream: app\n    schemes: [{{ name: k }}]\n    {keys}\n"
    );
    let compiled = load(&file(&text), &Environment::default());
    let mut compiled = compiled.unwrap_or_else(|refusal| panic!("{:?}", lines(&refusal.errors)));
    compiled.configuration.snapshot.apis.remove(0)
}

fn warnings(keys: &str) -> Vec<String> {
    let text = format!(
        "{APP}apis:\n  - name: a\n    upstream: app\n    schemes: [{{ name: k }}]\n    {keys}\n"
    );
    lines(&load(&file(&text), &Environment::default()).unwrap().warnings)
}

/// Keys of an api that has a scheme, from line 6, column 5.
fn judged(text: &str) -> Vec<String> {
    api(&format!("schemes: [{{ name: k }}]\n    {text}"))
}

fn rule(body: &str) -> Rule {
    let mut rules = compiled(&format!("limits: {{ a: {{ {body} }} }}")).limits.rules;
    assert_eq!(&*rules[0].name, "a");
    rules.remove(0)
}

/// The names of the rules that each route has.
fn applied(api: &Api) -> Vec<Vec<&str>> {
    let name = |rule: usize| &*api.limits.rules[rule].name;
    api.routes.routes().iter().map(|route| api.limits.on(route).map(name).collect()).collect()
}

fn window(seconds: u32) -> Window {
    Window::new(seconds).unwrap()
}

#[test]
fn a_limit_is_sliding_per_credential_whenever_and_announced_by_default() {
    let rule = rule("max: 600, window: 5m");
    assert_eq!(rule.per, Per::of([Part::Credential]));
    assert_eq!((rule.when, rule.max, rule.burst, rule.announce), (When::Any, 600, None, true));
    assert_eq!(rule.algorithm, Algorithm::Sliding(window(300)));
}

#[test]
fn every_algorithm_has_its_window_and_gcra_perhaps_a_burst() {
    let gcra = rule("max: 10, window: 1s, burst: 20, algorithm: gcra, scope: replica");
    assert_eq!((gcra.algorithm, gcra.burst), (Algorithm::Gcra(window(1)), Some(20)));
    for (word, period) in [
        ("minute", Period::Minute),
        ("hour", Period::Hour),
        ("day", Period::Day),
        ("month", Period::Month),
    ] {
        let calendar = rule(&format!("max: 1, window: {word}, algorithm: calendar"));
        assert_eq!(calendar.algorithm, Algorithm::Calendar(period));
    }
    assert_eq!(rule("max: 20, algorithm: concurrency").algorithm, Algorithm::Concurrency);
    assert_eq!(rule("max: 1, window: 1000ms").algorithm, Algorithm::Sliding(window(1)));
    assert_eq!(rule("max: 1, window: 365d").algorithm, Algorithm::Sliding(window(31_536_000)));
}

#[test]
fn a_limit_counts_per_one_thing_or_per_a_list_of_them() {
    for (text, parts) in [
        ("subject", vec![Part::Subject]),
        ("org", vec![Part::Org]),
        ("ip", vec![Part::Ip]),
        ("api", vec![Part::Api]),
        ("[credential, route]", vec![Part::Route, Part::Credential]),
        ("[route]", vec![Part::Route]),
        ("[org, ip]", vec![Part::Ip, Part::Org]),
    ] {
        let rule = rule(&format!("per: {text}, max: 1, window: 1s"));
        assert_eq!(rule.per, Per::of(parts), "{text}");
    }
}

#[test]
fn a_limit_applies_any_time_or_to_anonymous_authenticated_or_refused_requests() {
    for (word, when) in [
        ("any", When::Any),
        ("anonymous", When::Anonymous),
        ("authenticated", When::Authenticated),
        ("refused", When::Refused),
    ] {
        assert_eq!(rule(&format!("per: ip, max: 1, window: 1s, when: {word}")).when, when);
    }
    assert!(!rule("max: 1, window: 1s, announce: false").announce);
    assert!(!rule("per: ip, max: 1, window: 1s, when: refused").announce);
}

const THREE: &str =
    "limits: { a: { max: 1, window: 1s }, b: { max: 1, window: 1s }, c: { max: 1, window: 1s } }\n";

#[test]
fn by_default_every_limit_that_no_route_names_applies_on_every_route() {
    assert_eq!(applied(&compiled(THREE)), [["a", "b", "c"]]);
    let routes = "routes: [{ path: /x, limits: [b] }, { path: /y }, { path: /z, limits: [b] }]";
    let api = compiled(&format!("{THREE}{routes}"));
    assert_eq!(applied(&api), [vec!["a", "b", "c"], vec!["a", "c"], vec!["a", "b", "c"]]);
}

#[test]
fn default_limits_apply_on_every_route_and_a_routes_own_in_addition() {
    let routes = "default_limits: [c, a]\nroutes: [{ path: /x, limits: [b, a] }, { path: /y }]";
    let api = compiled(&format!("{THREE}{routes}"));
    assert_eq!(applied(&api), [vec!["a", "b", "c"], vec!["a", "c"]]);
    assert_eq!(applied(&compiled(&format!("{THREE}default_limits: []"))), [Vec::<&str>::new()]);
}

#[test]
fn a_limit_that_applies_nowhere_is_a_warning() {
    let keys =
        "limits: { a: { max: 1, window: 1s }, b: { max: 1, window: 1s } }\n    default_limits: [b]";
    assert_eq!(warnings(keys), ["6:15: apis[0].limits.a: the limit `a` applies nowhere"]);
}

#[test]
fn a_credentials_own_max_wins_over_its_plans_and_that_over_the_limits() {
    let keys = "plans: { free: { b: 60 }, pro: { a: 7, b: 6000 } }\nlegacy_ratelimit_headers: true";
    let limits = compiled(&format!("{THREE}{keys}")).limits;
    assert!(limits.legacy_fields);
    let own = BTreeMap::from([("b".to_owned(), 9)]);
    let max = |rule, plan: &str, own| limits.terms(rule, limits.plans.get(plan), own).unwrap().max;
    assert_eq!((max(0, "free", None), max(1, "free", None)), (1, 60));
    assert_eq!((max(0, "pro", None), max(1, "pro", None)), (7, 6000));
    assert_eq!((max(0, "none", None), max(1, "none", None)), (1, 1));
    assert_eq!((max(0, "pro", Some(&own)), max(1, "pro", Some(&own))), (7, 9));
    let unknown = limits.terms(7, None, None);
    assert_eq!(unknown, None::<Terms>);
}

#[test]
fn what_is_wrong_with_a_limit_is_said_at_its_place() {
    table(
        judged,
        &[
            (
                "limits: { a: { max: 1, window: 1s, scope: cluster } }",
                &["6:47: apis[0].limits.a.scope: expected `replica`, found `cluster`"],
            ),
            (
                "limits: { a: { window: 1s }, b: { max: 1 } }",
                &[
                    "6:18: apis[0].limits.a: the key `max` is missing",
                    "6:37: apis[0].limits.b: the key `window` is missing",
                ],
            ),
            (
                "limits: { a: { max: 0, window: 1s }, b: { max: 1000000000001, window: 1s } }",
                &[
                    "6:25: apis[0].limits.a.max: expected a whole number from 1 to 1000000000000, found `0`",
                    "6:52: apis[0].limits.b.max: expected a whole number from 1 to 1000000000000, found `1000000000001`",
                ],
            ),
            (
                "limits: { a: { max: 1, window: 1500ms }, b: { max: 1, window: 0s }, c: { max: 1, window: 366d } }",
                &[
                    "6:36: apis[0].limits.a.window: `1500ms`: expected a duration of whole seconds from 1s to 365d",
                    "6:67: apis[0].limits.b.window: `0s`: expected a duration of whole seconds from 1s to 365d",
                    "6:94: apis[0].limits.c.window: `366d`: expected a duration of whole seconds from 1s to 365d",
                ],
            ),
            (
                "limits: { a: { max: 1, window: month }, b: { max: 1, window: 1s, algorithm: calendar } }",
                &[
                    "6:36: apis[0].limits.a.window: `month`: a period of the calendar needs `algorithm: calendar`",
                    "6:66: apis[0].limits.b.window: expected `minute`, `hour`, `day` or `month`, found `1s`",
                ],
            ),
            (
                "limits: { a: { max: 1, window: 1s, algorithm: concurrency } }",
                &[
                    "6:36: apis[0].limits.a.window: places are held as long as requests last: a limit of `algorithm: concurrency` has no window",
                ],
            ),
            (
                "limits: { a: { max: 1, window: 1s, burst: 2 }, b: { max: 1, window: 365d, algorithm: gcra, burst: 101 } }",
                &[
                    "6:47: apis[0].limits.a.burst: `burst` is of `algorithm: gcra`",
                    "6:103: apis[0].limits.b.burst: a burst of this many takes more than a hundred years to come back",
                ],
            ),
            (
                "limits: { a: { max: 1, window: 1s, per: everyone }, b: { max: 1, window: 1s, per: [ip, ip] }, c: { max: 1, window: 1s, per: [] } }",
                &[
                    "6:45: apis[0].limits.a.per: expected `credential`, `subject`, `org`, `ip`, `api` or `route`, found `everyone`",
                    "6:92: apis[0].limits.b.per[1]: `ip` is given twice, first at conf/x.yaml:6",
                    "6:129: apis[0].limits.c.per: the list is empty; expected at least one item",
                ],
            ),
            (
                "limits: { \"a b\": { max: 1, window: 1s } }",
                &[
                    "6:15: apis[0].limits[\"a b\"]: `a b`: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`",
                ],
            ),
            (
                "limits: { a: { max: 1, windw: 1s, window: 1s } }",
                &["6:28: apis[0].limits.a.windw: unknown key `windw`, did you mean `window`?"],
            ),
        ],
    );
}

#[test]
fn a_limit_that_could_never_count_is_refused() {
    table(
        judged,
        &[
            (
                "limits: { a: { max: 1, window: 1s, when: anonymous }, b: { max: 1, window: 1s, per: [org, ip], when: anonymous } }",
                &[
                    "6:46: apis[0].limits.a.when: anonymous requests have no credential, subject or org; count them `per: ip`",
                    "6:106: apis[0].limits.b.when: anonymous requests have no credential, subject or org; count them `per: ip`",
                ],
            ),
            (
                "limits: { a: { max: 1, window: 1s, when: refused }, b: { per: [ip, route], max: 1, window: 1s, when: refused } }",
                &[
                    "6:46: apis[0].limits.a.when: refused credentials are counted `per: ip` or `per: api`",
                    "6:106: apis[0].limits.b.when: refused credentials are counted `per: ip` or `per: api`",
                ],
            ),
            (
                "limits: { a: { per: ip, max: 1, algorithm: concurrency, when: refused } }",
                &["6:67: apis[0].limits.a.when: a refusal holds no place; count them in a window"],
            ),
            (
                "limits: { a: { per: ip, max: 1, window: 1s, when: refused, announce: true } }",
                &["6:74: apis[0].limits.a.announce: a limit of `when: refused` is never announced"],
            ),
        ],
    );
}

#[test]
fn names_of_limits_are_those_of_the_api() {
    table(
        api,
        &[
            (
                "schemes: [{ name: k }]\n    limits: { burst: { max: 1, window: 1s } }\n    default_limits: [brst]\n    plans: { free: { bursts: 1, burst: 0 } }\n    routes: [{ path: /, limits: [busrt, other] }]",
                &[
                    "7:22: apis[0].default_limits[0]: no limit is named `brst`, did you mean `burst`?",
                    "8:22: apis[0].plans.free.bursts: no limit is named `bursts`, did you mean `burst`?",
                    "8:40: apis[0].plans.free.burst: expected a whole number from 1 to 1000000000000, found `0`",
                    "9:34: apis[0].routes[0].limits[0]: no limit is named `busrt`, did you mean `burst`?",
                    "9:41: apis[0].routes[0].limits[1]: no limit is named `other`",
                ],
            ),
            (
                "schemes: [{ name: k }]\n    limits: { a: { per: ip, max: 1, window: 1s, when: refused }, b: { per: ip, max: 1, window: 1s, when: anonymous } }\n    plans: { free: { a: 1, b: 1 } }",
                &[
                    "7:22: apis[0].plans.free.a: the limit `a` counts requests that have no plan",
                    "7:28: apis[0].plans.free.b: the limit `b` counts requests that have no plan",
                ],
            ),
        ],
    );
}

#[test]
fn an_api_has_sixty_four_limits_at_most() {
    let limits = |count: usize| {
        let rules: Vec<_> = (0..count).map(|n| format!("r{n}: {{ max: 1, window: 1s }}")).collect();
        format!("schemes: [{{ name: k }}]\n    limits: {{ {} }}", rules.join(", "))
    };
    assert_eq!(api(&limits(64)), Vec::<String>::new());
    assert_eq!(api(&limits(65)), ["6:13: apis[0].limits: the list has 65 items; 64 are the most"]);
}
