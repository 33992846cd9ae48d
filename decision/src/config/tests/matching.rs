use super::{Environment, api, file, route, table, warned, with_routes};
use crate::config::load;

#[test]
fn a_match_is_of_named_fields_with_exact_values() {
    table(
        route,
        &[
            (
                "{ path: /a, match: {} }",
                &["4:28: apis[0].routes[0].match: the key `headers` is missing"],
            ),
            (
                "{ path: /a, match: { headers: {} } }",
                &[
                    "4:39: apis[0].routes[0].match.headers: the mapping is empty; a route that asks for no field needs no `match`",
                ],
            ),
            (
                "{ path: /a, match: { headers: [x] } }",
                &[
                    "4:39: apis[0].routes[0].match.headers: expected a mapping of field names to values, found a list",
                ],
            ),
            (
                "{ path: /a, match: { header: { x-a: 1 } } }",
                &[
                    "4:28: apis[0].routes[0].match: the key `headers` is missing",
                    "4:30: apis[0].routes[0].match.header: unknown key `header`, did you mean `headers`?",
                ],
            ),
            (
                "{ path: /a, match: { headers: { x_a: 1, host: a, TE: b, content-length: 1, x-b: ' 1', x-c: [] } } }",
                &[
                    "4:41: apis[0].routes[0].match.headers.x_a: `x_a`: a field name is 1 to 128 letters, digits and `-`",
                    "4:49: apis[0].routes[0].match.headers.host: `host`: the host chooses the api: `hosts`",
                    "4:58: apis[0].routes[0].match.headers.TE: `TE`: the field belongs to one connection",
                    "4:65: apis[0].routes[0].match.headers.content-length: `content-length`: the field is part of the framing",
                    "4:89: apis[0].routes[0].match.headers.x-b: a field value has no white space at its ends",
                    "4:100: apis[0].routes[0].match.headers.x-c: expected the value of a header field, found a list",
                ],
            ),
            (
                "{ path: /a, match: { headers: { x-a: 1, X-A: 2 } } }",
                &["4:49: apis[0].routes[0].match.headers.X-A: the header `x-a` is given twice"],
            ),
            ("{ path: /a, match: { headers: { x-version: '2', accept: text/html } } }", &[]),
        ],
    );
}

#[test]
fn what_a_client_says_of_its_identity_chooses_no_route() {
    assert_eq!(
        route("{ path: /a, match: { headers: { X-Org-Id: org_1 } } }"),
        [
            "4:41: apis[0].routes[0].match.headers.X-Org-Id: `x-org-id` chooses no route, since no client is believed in it: at conf/x.yaml:3 it is an identity header"
        ]
    );
    let other = "schemes: [{ name: k }]\n    identity: { headers: { x-tenant: org } }\n  - { name: b, hosts: [b.example], upstream: app, schemes: [{ name: k }], routes: [{ path: /a, match: { headers: { x-tenant: t } } }] }";
    assert_eq!(
        api(other),
        [
            "7:116: apis[1].routes[0].match.headers.x-tenant: `x-tenant` chooses no route, since no client is believed in it: at conf/x.yaml:6 it is an identity header"
        ]
    );
}

#[test]
fn routes_of_equal_path_and_match_need_disjoint_methods() {
    let two = "{ path: '/a/{x}', name: one, match: { headers: { x-a: 1 } } },\n        { path: '/a/{y}', methods: [GET], match: { headers: { X-A: '1' } } }";
    assert_eq!(
        route(two),
        [
            "5:17: apis[0].routes[1].path: the route at conf/x.yaml:4 has this path, this `match` and a method in common"
        ]
    );
}

#[test]
fn a_route_that_is_more_permissive_than_its_neighbour_by_match_alone_is_warned_of() {
    let with = |one: &str, other: &str| {
        let routes = format!(
            "{{ path: /a, name: one, {one} }},\n        {{ path: /a, name: other, match: {{ headers: {{ x-a: 1 }} }}, {other} }}"
        );
        warned(&with_routes(&routes))
    };
    let open = "the route lets requests without a credential through and that at";
    let choice = "does not, but a client chooses its fields and so between them";
    assert_eq!(with("auth: required", "auth: required"), [""; 0]);
    assert_eq!(
        with("auth: required", "auth: none"),
        [format!("5:17: apis[0].routes[1].path: {open} conf/x.yaml:4 {choice}")]
    );
    assert_eq!(
        with("auth: optional", "auth: required"),
        [format!("4:17: apis[0].routes[0].path: {open} conf/x.yaml:5 {choice}")]
    );
    assert_eq!(
        with("accept: [ak]", "auth: required"),
        [format!(
            "5:17: apis[0].routes[1].path: the route accepts credentials of another scheme and that at conf/x.yaml:4 {choice}"
        )]
    );
    assert_eq!(
        with("addresses: { allow: [10.0.0.0/8] }", "auth: required"),
        [format!(
            "5:17: apis[0].routes[1].path: the route lets clients in from other addresses and that at conf/x.yaml:4 {choice}"
        )]
    );
    assert_eq!(with("methods: [GET], auth: none", "methods: [POST]"), [""; 0]);
}

#[test]
fn a_route_that_asks_less_than_its_neighbour_by_match_alone_is_warned_of() {
    // The first route asks for everything; the second for all of it but one thing.
    const STRICT: [&str; 7] = [
        "resource: b",
        "org: o",
        "subject_admin: true",
        "audience: \"https://a.example/\"",
        "capabilities: [c]",
        "level: { GET: edit, \"*\": admin }",
        "scopes: { GET: [s, t] }",
    ];
    let with = |lax: &str| {
        let all = STRICT.join(", ");
        let routes = format!(
            "{{ path: \"/{{o}}/{{b}}\", name: strict, {all} }},\n        {{ path: \"/{{o}}/{{b}}\", name: lax, match: {{ headers: {{ x-a: 1 }} }}, {lax} }}"
        );
        warned(&with_routes(&routes))
    };
    let without = |left_out: usize, instead: &str| {
        let kept = STRICT.iter().enumerate().filter(|(index, _)| *index != left_out);
        let mut kept: Vec<_> = kept.map(|(_, key)| *key).collect();
        kept.extend((!instead.is_empty()).then_some(instead));
        with(&kept.join(", "))
    };
    assert_eq!(with(&STRICT.join(", ")), [""; 0]);
    for (left_out, instead, why) in [
        (0, "", "asks less of the resource"),
        (0, "resource: b, unknown_resource: pass", "asks less of the resource"),
        (1, "", "does not compare the org in the path"),
        (2, "", "lets subjects in that are not marked admin"),
        (3, "", "asks for no audience"),
        (4, "", "needs fewer capabilities"),
        (5, "", "needs a lower level"),
        (5, "level: { GET: read, \"*\": admin }", "needs a lower level"),
        (5, "level: { GET: edit, POST: edit, \"*\": admin }", "needs a lower level"),
        (6, "", "needs fewer scopes"),
        (6, "scopes: { GET: [s] }", "needs fewer scopes"),
    ] {
        let warned = without(left_out, instead);
        assert_eq!(warned.len(), 1, "{left_out} {instead}: {warned:?}");
        assert!(
            warned[0].contains(&format!("the route {why} and that at conf/x.yaml:4")),
            "{warned:?}"
        );
    }
    let shadowed = with(&format!("{}, shadow: [authorize]", STRICT.join(", ")));
    assert!(shadowed[0].contains("the route only observes a stage"), "{shadowed:?}");
}

#[test]
fn two_matches_that_one_request_can_fit_are_warned_of() {
    let with = |one: &str, other: &str| {
        let route = |fields: &str| format!("{{ path: /a, match: {{ headers: {{ {fields} }} }} }}");
        warned(&with_routes(&format!("{},\n        {}", route(one), route(other))))
    };
    assert_eq!(
        with("x-b: 1", "x-a: 1"),
        [
            "4:17: apis[0].routes[0].path: a request can fit this route and that at conf/x.yaml:5, which is then taken: its fields come first in the alphabet"
        ]
    );
    assert_eq!(with("x-a: 1", "x-a: 2"), [""; 0]);
    assert_eq!(with("x-a: 1", "'x-a': 2, x-b: 1").len(), 0);
}

/// A route that only who says a password reaches.
#[test]
fn no_dump_shows_what_a_field_must_be() {
    let text = with_routes(
        "{ path: /a, match: { headers: { x-pass: s3cr3t-w0rd, x-other: \"${OTHER}\" } } }",
    );
    let environment = Environment::of(&[("OTHER", "0th3r-w0rd")]);
    let compiled = load(&file(&text), &environment).unwrap();
    let dump = compiled.written.document().to_string();
    assert!(dump.contains(r#"{"headers":{"x-other":"${OTHER}","x-pass":"***"}}"#), "{dump}");
    let shown = format!("{:?}", compiled.configuration.snapshot);
    assert!(!shown.contains("s3cr3t") && !shown.contains("0th3r"), "{shown}");
}
