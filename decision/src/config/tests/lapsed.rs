//! What is done out of contact with a store that is shared: `store.when_lapsed`, and `failure` of a route.

use std::time::Duration;

use super::*;

const SCHEMES: &str = "schemes: [{ name: k }]";

/// How long facts are used beyond the lease: by default, by each route, and by any.
fn serves(store: &str, routes: &str) -> (Duration, Vec<Duration>, Duration) {
    let text =
        format!("{store}\n{APP}apis:\n  - {{ name: a, upstream: app, {SCHEMES}, {routes} }}\n");
    let configuration = load(&file(&text), &Environment::default()).unwrap().configuration;
    let [api] = &*configuration.snapshot.apis else { panic!("one api") };
    let routes = api.routes.routes().iter().map(|route| route.serve).collect();
    (configuration.process.store.serve, routes, configuration.snapshot.longest_serve)
}

#[test]
fn a_route_does_what_the_store_says_unless_it_says_otherwise() {
    let seconds = Duration::from_secs;
    let routes = "routes: [{ path: /a }, { path: /b, failure: { store: deny } }, { path: /c, failure: { store: { serve: 5m } } }, { path: /d, auth: none }]";
    for (store, default) in [
        ("store: {}", seconds(30)),
        ("store: { when_lapsed: deny }", seconds(0)),
        ("store: { when_lapsed: { serve: 7s } }", seconds(7)),
    ] {
        let expected = vec![default, seconds(0), seconds(300), seconds(0)];
        assert_eq!(serves(store, routes), (default, expected, seconds(300)), "{store}");
    }
    let open = "routes: [{ path: /a, auth: none }]";
    assert_eq!(serves("store: {}", open).2, seconds(0), "nobody's facts are asked for");
}

#[test]
fn what_a_failure_may_say_is_held_to_its_form() {
    table(
        route,
        &[
            ("{ path: /a, failure: {} }", &[]),
            (
                "{ path: /a, failure: { store: allow } }",
                &["4:39: apis[0].routes[0].failure.store: expected `deny`, found `allow`"],
            ),
            (
                "{ path: /a, failure: { store: { serve: 0s } } }",
                &[
                    "4:48: apis[0].routes[0].failure.store.serve: expected a duration from 1ms to 1d, such as `250ms` or `5m`, found `0s`",
                ],
            ),
            (
                "{ path: /a, failure: { limits: local } }",
                &["4:32: apis[0].routes[0].failure.limits: unknown key `limits`"],
            ),
            (
                "{ path: /a, auth: none, failure: { store: deny } }",
                &[
                    "4:42: apis[0].routes[0].failure: a route of `auth: none` asks the store nothing",
                ],
            ),
        ],
    );
}
