use super::{APP, api, file, lines, refused, table};
use crate::config::tests::Environment;
use crate::config::{check, load};

#[test]
fn an_api_says_what_it_is_and_where_it_leads() {
    table(
        refused,
        &[
            ("server: {}", &["1:1: the key `apis` is missing"]),
            ("apis: []", &["1:7: apis: the list is empty; expected at least one api"]),
            (
                "apis: [{}]",
                &[
                    "1:8: apis[0]: the key `name` is missing",
                    "1:8: apis[0]: the key `upstream` is missing",
                    "1:8: apis[0]: the route asks for a credential, and the api has no `schemes`; a public route is `auth: none`",
                ],
            ),
            (
                "apis: [{ name: a b, upstream: app, schemes: [{ name: k }] }]",
                &[
                    "1:16: apis[0].name: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `a b`",
                    "1:31: apis[0].upstream: no upstream is named `app`",
                ],
            ),
        ],
    );
    table(
        api,
        &[
            (
                "schemes: [{ name: k }]\n    realm: a/b",
                &[
                    "6:12: apis[0].realm: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `a/b`",
                ],
            ),
            (
                "schemes: [{ name: k }]\n    listeners: [public]",
                &["6:17: apis[0].listeners[0]: no listener is named `public`"],
            ),
            (
                "schemes: [{ name: k }]\n    listeners: ['0.0.0.0:8000']",
                &[
                    "6:17: apis[0].listeners[0]: no listener is named `0.0.0.0:8000`, did you mean `0.0.0.0:8080`?",
                ],
            ),
            (
                "schemes: [{ name: k }]\n    listeners: []",
                &["6:16: apis[0].listeners: the list is empty; expected at least one item"],
            ),
            (
                "schemes: [{ name: k }]\n    ambiguous: last",
                &["6:16: apis[0].ambiguous: expected `refuse` or `first`, found `last`"],
            ),
            (
                "schemes: [{ name: k }]\n    routes: []",
                &[
                    "6:13: apis[0].routes: the list is empty; expected at least one route, or no key at all for the one route `/**`",
                ],
            ),
        ],
    );
}

#[test]
fn hosts_are_names_and_lead_to_one_api_each() {
    let hosts = |hosts: &str| api(&format!("schemes: [{{ name: k }}]\n    hosts: {hosts}"));
    table(
        hosts,
        &[
            ("[]", &["6:12: apis[0].hosts: the list is empty; expected at least one item"]),
            ("a.example", &["6:12: apis[0].hosts: expected a list, found `a.example`"]),
            (
                "[bücher.example]",
                &[
                    "6:13: apis[0].hosts[0]: `bücher.example`: must be written in its ASCII form, xn--…",
                ],
            ),
            (
                "['a.example:80']",
                &[
                    "6:13: apis[0].hosts[0]: `a.example:80`: must have no port: hosts are compared without it",
                ],
            ),
            (
                "[A.example, a.EXAMPLE.]",
                &["6:24: apis[0].hosts[1]: `a.EXAMPLE.` is given twice, first at conf/x.yaml:6"],
            ),
            (
                "['a.*.example']",
                &[
                    "6:13: apis[0].hosts[0]: `a.*.example`: must be a host name, an address, *.name or *",
                ],
            ),
        ],
    );
    assert_eq!(hosts("['[::1]', 192.0.2.1, '*.a.example', 'xn--bcher-kva.example', '*']"), [""; 0]);

    let apis = format!(
        "server: {{ listeners: [{{ name: in, address: 0.0.0.0:1 }}, {{ name: out, address: 0.0.0.0:2 }}] }}\n{APP}apis:\n  \
         - {{ name: a, upstream: app, schemes: [{{ name: k }}], hosts: [a.example], listeners: [in] }}\n  \
         - {{ name: b, upstream: app, schemes: [{{ name: k }}], hosts: [a.example], listeners: [out] }}\n  \
         - {{ name: c, upstream: app, schemes: [{{ name: k }}], hosts: [A.example] }}\n"
    );
    assert_eq!(
        refused(&apis),
        ["6:63: apis[2].hosts[0]: the host `A.example` of api `c` is that of api `b` already"]
    );
}

#[test]
fn schemes_say_how_a_credential_is_recognised() {
    let scheme = |scheme: &str| api(&format!("schemes: [{scheme}]"));
    table(
        scheme,
        &[
            ("{ prefix: a }", &["5:15: apis[0].schemes[0]: the key `name` is missing"]),
            (
                "{ name: k, prefix: 'a,b' }",
                &[
                    "5:34: apis[0].schemes[0].prefix: expected a prefix of 1 to 32 visible ASCII characters without `,`, found `a,b`",
                ],
            ),
            (
                "{ name: k, prefix: '' }",
                &[
                    "5:34: apis[0].schemes[0].prefix: expected a prefix of 1 to 32 visible ASCII characters without `,`, found ``",
                ],
            ),
            (
                "{ name: k, verify: jwt }",
                &["5:34: apis[0].schemes[0].verify: `jwt`: only `registered` is supported yet"],
            ),
            (
                "{ name: k, issue: { lifetimes: [30d, soon] } }",
                &[
                    "5:52: apis[0].schemes[0].issue.lifetimes[1]: expected `never`, `date` or a duration from 1s to 36500d, found `soon`",
                ],
            ),
            (
                "{ name: k, issue: { lifetimes: [0s] } }",
                &[
                    "5:47: apis[0].schemes[0].issue.lifetimes[0]: expected `never`, `date` or a duration from 1s to 36500d, found `0s`",
                ],
            ),
            (
                "{ name: k, prefix: a }, { name: k, prefix: b }",
                &[
                    "5:47: apis[0].schemes[1].name: the name `k` is that of another scheme, at conf/x.yaml:5",
                ],
            ),
        ],
    );
    let many: Vec<_> = (0..65).map(|n| format!("{{ name: k{n}, prefix: p{n}_ }}")).collect();
    assert_eq!(
        scheme(&many.join(", ")),
        ["5:14: apis[0].schemes: the list has 65 items; 64 are the most"]
    );
}

#[test]
fn a_credential_sits_where_it_can_be_told_from_all_else() {
    let scheme = |scheme: &str| api(&format!("schemes: [{scheme}]"));
    table(
        scheme,
        &[
            (
                "{ name: k, from: [] }",
                &["5:32: apis[0].schemes[0].from: the list is empty; expected at least one item"],
            ),
            (
                "{ name: k, from: [basic] }",
                &[
                    "5:33: apis[0].schemes[0].from[0]: `basic`: expected `bearer`, `header:NAME`, `cookie:NAME` or `query:NAME`",
                ],
            ),
            (
                "{ name: k, from: [header:X-Key, header:x-key] }",
                &[
                    "5:47: apis[0].schemes[0].from[1]: `header:x-key` is given twice, first at conf/x.yaml:5",
                ],
            ),
            (
                "{ name: k, from: [header:x_key] }",
                &[
                    "5:33: apis[0].schemes[0].from[0]: `header:x_key`: a field name is 1 to 128 letters, digits and `-`",
                ],
            ),
            (
                "{ name: k, from: [header:Authorization] }",
                &[
                    "5:33: apis[0].schemes[0].from[0]: `header:Authorization`: `Authorization` has a place of its own, `bearer`",
                ],
            ),
            (
                "{ name: k, from: ['cookie:a b', 'query:a&b'] }",
                &[
                    "5:33: apis[0].schemes[0].from[0]: `cookie:a b`: a cookie's name is a token of 1 to 128 characters",
                    "5:47: apis[0].schemes[0].from[1]: `query:a&b`: a parameter's name is 1 to 128 letters, digits, `-`, `.`, `_` and `~`",
                ],
            ),
        ],
    );
    for name in [
        "Host",
        "Cookie",
        "Content-Type",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Upgrade",
        "X-Forwarded-For",
        "X-Real-IP",
    ] {
        assert_eq!(scheme(&format!("{{ name: k, from: [header:{name}] }}")).len(), 1, "{name}");
    }
}

#[test]
fn a_value_belongs_to_one_scheme() {
    let twins = "schemes: [{ name: a, prefix: k_, from: [bearer] }, { name: b, prefix: k_ }]";
    assert_eq!(
        api(twins),
        [
            "5:56: apis[0].schemes[1]: the scheme at conf/x.yaml:5 has this prefix too, and a place in common"
        ]
    );
    let apart = "schemes: [{ name: a, prefix: k_, from: [bearer] }, { name: b, prefix: k_, from: [query:k] }, { name: c, prefix: k_x }]";
    assert_eq!(api(apart), [""; 0]);
    let text = format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: a }}, {{ name: b }}] }}\n"
    );
    let warnings = load(&file(&text), &Environment::default()).unwrap().warnings;
    assert_eq!(
        lines(&warnings),
        [
            "3:54: apis[0].schemes[1]: where this scheme and the one at conf/x.yaml:3 read the same place, that one takes every value: neither has a prefix"
        ]
    );
}

#[test]
fn identity_headers_are_ours_alone() {
    let identity = |identity: &str| {
        api(&format!(
            "schemes: [{{ name: k, from: [bearer, header:x-key] }}]\n    identity: {{ {identity} }}"
        ))
    };
    table(
        identity,
        &[
            (
                "headers: { x-org: organization }",
                &[
                    "6:35: apis[0].identity.headers.x-org: expected `org`, `subject`, `credential`, `scheme`, `resource`, `level`, `grants`, `scopes` or `request_id`, found `organization`",
                ],
            ),
            (
                "headers: { x_org: org }",
                &[
                    "6:28: apis[0].identity.headers.x_org: `x_org`: a field name is 1 to 128 letters, digits and `-`",
                ],
            ),
            (
                "headers: { X-Org: org, x-org: subject }",
                &[
                    "6:40: apis[0].identity.headers.x-org: the header `x-org` is given twice, first at conf/x.yaml:6",
                ],
            ),
            (
                "headers: { X-Key: org }",
                &[
                    "6:28: apis[0].identity.headers.X-Key: `x-key` cannot be an identity header: the scheme at conf/x.yaml:5 reads credentials there",
                ],
            ),
            (
                "request_id: { max: 0 }",
                &[
                    "6:36: apis[0].identity.request_id.max: expected a whole number from 1 to 256, found `0`",
                ],
            ),
            (
                "headers: {}, request_id: { accept: true }",
                &[
                    "6:52: apis[0].identity.request_id.accept: a client's request id cannot be accepted: no header of `identity.headers` is for `request_id`",
                ],
            ),
            (
                "request_id: { respond: Content-Length }",
                &[
                    "6:40: apis[0].identity.request_id.respond: `Content-Length`: `Content-*` describes the body",
                ],
            ),
        ],
    );
    for name in [
        "Host",
        "Cookie",
        "Authorization",
        "Content-Length",
        "Keep-Alive",
        "Proxy-Authorization",
        "Trailer",
        "X-Forwarded-Host",
        "Forwarded",
    ] {
        assert_eq!(identity(&format!("headers: {{ {name}: org }}")).len(), 1, "{name}");
    }
    assert_eq!(identity("headers: {}, request_id: { respond: none }"), [""; 0]);
    // A default name, and a credential of another api.
    let text = format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}] }}\n  \
         - {{ name: b, hosts: [b], upstream: app, schemes: [{{ name: k, from: [header:X-Org-Id] }}], identity: {{ headers: {{}} }} }}\n"
    );
    assert_eq!(
        refused(&text),
        [
            "3:5: apis[0].identity: `x-org-id` cannot be an identity header: the scheme at conf/x.yaml:4 reads credentials there"
        ]
    );
}

#[test]
fn a_request_id_is_short_visible_and_its_own() {
    let format = |format: &str| {
        api(&format!(
            "schemes: [{{ name: k }}]\n    identity: {{ request_id: {{ format: '{format}' }} }}"
        ))
    };
    let refusal = |format: &str, reason: &str| {
        vec![format!("6:39: apis[0].identity.request_id.format: `{format}`: {reason}")]
    };
    for (text, reason) in [
        ("", "every request would have the same id; `{uuid}` or `{hex16}` makes it its own"),
        ("req", "every request would have the same id; `{uuid}` or `{hex16}` makes it its own"),
        ("{hex16", "a `{` without `}`"),
        ("{hex7}", "a `{…}` is `{uuid}`, or `{hex8}` to `{hex32}`"),
        ("{hex33}", "a `{…}` is `{uuid}`, or `{hex8}` to `{hex32}`"),
        ("{hex+9}", "a `{…}` is `{uuid}`, or `{hex8}` to `{hex32}`"),
        ("{time}{uuid}", "a `{…}` is `{uuid}`, or `{hex8}` to `{hex32}`"),
        ("a b{uuid}", "a request id is visible ASCII, and a `}` ends a `{…}`"),
        ("{uuid}}", "a request id is visible ASCII, and a `}` ends a `{…}`"),
        ("{uuid}{uuid}{uuid}{uuid}", "a request id has 128 characters at most"),
    ] {
        assert_eq!(format(text), refusal(text, reason));
    }
    assert_eq!(
        format("{uuid}{uuid}{hex32}{hex8}12345678901234567"),
        refusal(
            "{uuid}{uuid}{hex32}{hex8}12345678901234567",
            "a request id has 128 characters at most"
        )
    );
    assert_eq!(format("{uuid}{uuid}{hex32}{hex8}1234567890123456"), [""; 0]);
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let text = "upstreams:\n  app: [a:1]\n  old: [a:2]\napis:\n  - name: a\n    upstream: app\n    routes: [{ path: /a, auth: none, forward_credential: false }]\n";
    let expected = [
        "3:3: upstreams.old: no route leads to the upstream `old`",
        "7:58: apis[0].routes[0].forward_credential: on a route of `auth: none` every credential is forwarded anyway",
    ];
    assert_eq!(lines(&load(&file(text), &Environment::default()).unwrap().warnings), expected);
    assert_eq!(lines(&check(&file(text), &Environment::default()).unwrap()), expected);
}
