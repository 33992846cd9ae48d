use super::{api, route, table};

#[test]
fn a_route_has_a_path_a_name_and_methods() {
    table(
        route,
        &[
            ("{ name: r }", &["4:9: apis[0].routes[0]: the key `path` is missing"]),
            ("{ path: a }", &["4:17: apis[0].routes[0].path: `a`: must start with '/'"]),
            (
                "{ path: '/a/**/b' }",
                &["4:17: apis[0].routes[0].path: `/a/**/b`: '**' must be the last segment"],
            ),
            (
                "{ path: '/a/../b' }",
                &["4:17: apis[0].routes[0].path: `/a/../b`: the path has a dot segment"],
            ),
            (
                "{ path: /a, name: 'a b' }",
                &["4:27: apis[0].routes[0].name: `a b`: must be 1 to 128 visible ASCII characters"],
            ),
            (
                "{ path: /a, methods: [] }",
                &["4:30: apis[0].routes[0].methods: the list is empty; expected at least one item"],
            ),
            (
                "{ path: /a, methods: [get, TRACE, CONNECT, GET, GET] }",
                &[
                    "4:31: apis[0].routes[0].methods[0]: `get`: a method must be written in capitals",
                    "4:36: apis[0].routes[0].methods[1]: `TRACE`: TRACE would show what the gateway has set",
                    "4:43: apis[0].routes[0].methods[2]: `CONNECT`: CONNECT cannot be forwarded",
                    "4:57: apis[0].routes[0].methods[4]: `GET` is given twice, first at conf/x.yaml:4",
                ],
            ),
            (
                "{ path: /a, upgrade: [h2c] }",
                &["4:31: apis[0].routes[0].upgrade[0]: expected `websocket`, found `h2c`"],
            ),
            (
                "{ path: /a, upstream: ap }",
                &[
                    "4:31: apis[0].routes[0].upstream: no upstream is named `ap`, did you mean `app`?",
                ],
            ),
            (
                "{ path: /a, timeout: 0s }",
                &[
                    "4:30: apis[0].routes[0].timeout: expected a duration from 1ms to 1d, such as `250ms` or `5m`, found `0s`",
                ],
            ),
            (
                "{ path: /a, body_limit: 10MB }",
                &[
                    "4:33: apis[0].routes[0].body_limit: expected a size from 0 to 1024GiB, such as `500B` or `64KiB`, found `10MB`",
                ],
            ),
        ],
    );
    let long = format!("/{}", "a".repeat(128));
    assert_eq!(
        route(&format!("{{ path: {long} }}"))[0].split(": ").last(),
        Some("the path is too long for a name; give the route a `name`")
    );
    assert_eq!(route(&format!("{{ path: {long}, name: long }}")), [""; 0]);
}

#[test]
fn equal_paths_need_disjoint_methods() {
    table(
        route,
        &[
            (
                "{ path: '/{a}/b', name: r, methods: [GET, PUT] },\n{ path: '/{x}/b', name: s, methods: [POST, PUT] }",
                &[
                    "5:9: apis[0].routes[1].path: the route at conf/x.yaml:4 has this path, this `match` and a method in common",
                ],
            ),
            (
                "{ path: /a, methods: [GET] },\n{ path: /a }",
                &[
                    "5:9: apis[0].routes[1].path: the route at conf/x.yaml:4 has this path, this `match` and a method in common",
                ],
            ),
            // The refusal of the one does not hide that of the other.
            (
                "{ path: /a, name: r, upstream: none },\n{ path: /%61, name: s }",
                &[
                    "4:40: apis[0].routes[0].upstream: no upstream is named `none`",
                    "5:9: apis[0].routes[1].path: the route at conf/x.yaml:4 has this path, this `match` and a method in common",
                ],
            ),
        ],
    );
    assert_eq!(
        route(
            "{ path: /a, name: r, methods: [GET] }, { path: /a, name: s, methods: [POST] }, { path: /a/ }"
        ),
        [""; 0]
    );
}

#[test]
fn who_is_let_in_is_said_without_contradiction() {
    table(
        route,
        &[
            (
                "{ path: /a, auth: maybe }",
                &[
                    "4:27: apis[0].routes[0].auth: expected `required`, `optional` or `none`, found `maybe`",
                ],
            ),
            (
                "{ path: /a, auth: none, accept: [ak] }",
                &["4:41: apis[0].routes[0].accept: a route of `auth: none` accepts no credential"],
            ),
            (
                "{ path: /a, accept: [] }",
                &["4:29: apis[0].routes[0].accept: the list is empty; expected at least one item"],
            ),
            (
                "{ path: /a, accept: [ak, al] }",
                &["4:34: apis[0].routes[0].accept[1]: no scheme is named `al`, did you mean `ak`?"],
            ),
        ],
    );
    assert_eq!(
        api("routes: [{ path: /a, auth: optional }, { path: /b, auth: none }]"),
        [
            "5:32: apis[0].routes[0].auth: the route asks for a credential, and the api has no `schemes`; a public route is `auth: none`"
        ]
    );
    // What could not be read is not judged.
    let unread = api("schemes: [{ name: a b }]\n    routes: [{ path: /a, accept: [ab] }]");
    assert_eq!(
        unread,
        [
            "5:23: apis[0].schemes[0].name: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `a b`"
        ]
    );
    let unread = api("schemes: ak\n    routes: [{ path: /a, accept: [ak] }]");
    assert_eq!(unread, ["5:14: apis[0].schemes: expected a list, found `ak`"]);
}

#[test]
fn routes_of_one_path_may_share_it_as_their_name_and_given_names_are_unique() {
    assert_eq!(route("{ path: /a, methods: [GET] }, { path: /a, methods: [POST] }"), [""; 0]);
    assert_eq!(
        route("{ path: /a, methods: [GET] }, { path: /b, name: /a }"),
        ["4:57: apis[0].routes[1].name: the name `/a` is that of another route, at conf/x.yaml:4"]
    );
}

#[test]
fn a_rewrite_is_of_whole_segments() {
    let rewrite =
        |rewrite: &str| route(&format!("{{ path: '/api/v1/{{x}}/**', rewrite: {{ {rewrite} }} }}"));
    table(
        rewrite,
        &[
            (
                "strip_prefix: /ap",
                &[
                    "4:60: apis[0].routes[0].rewrite.strip_prefix: `strip_prefix` must be whole literal segments that the route's path begins with",
                ],
            ),
            (
                "strip_prefix: /api/v1/x",
                &[
                    "4:60: apis[0].routes[0].rewrite.strip_prefix: `strip_prefix` must be whole literal segments that the route's path begins with",
                ],
            ),
            (
                "strip_prefix: /api/",
                &[
                    "4:60: apis[0].routes[0].rewrite.strip_prefix: `/api/`: a prefix ends with a segment, not with a slash",
                ],
            ),
            (
                "strip_prefix: api",
                &[
                    "4:60: apis[0].routes[0].rewrite.strip_prefix: `api`: the path does not start with '/'",
                ],
            ),
            (
                "add_prefix: '/a/../b'",
                &[
                    "4:58: apis[0].routes[0].rewrite.add_prefix: `/a/../b`: the path has a dot segment",
                ],
            ),
            (
                "host: 'a b'",
                &[
                    "4:52: apis[0].routes[0].rewrite.host: `a b`: expected a host, perhaps with a port",
                ],
            ),
        ],
    );
    assert_eq!(rewrite("strip_prefix: /%61pi/v1, add_prefix: /v2, host: 'a.internal:80'"), [""; 0]);
}
