use super::{Environment, file, route, snapshot, table, with_routes};
use crate::config::load;

fn headers(text: &str) -> Vec<String> {
    route(&format!("{{ path: /a, headers: {{ {text} }} }}"))
}

#[test]
fn edits_are_of_fields_that_are_nobody_elses() {
    table(
        headers,
        &[
            (
                "request: { set: { Host: a }, add: { Connection: b }, remove: [content-length, TE] }",
                &[
                    "4:50: apis[0].routes[0].headers.request.set.Host: `Host`: `Host` is set by `rewrite.host`",
                    "4:68: apis[0].routes[0].headers.request.add.Connection: `Connection`: the field belongs to one connection",
                    "4:94: apis[0].routes[0].headers.request.remove[0]: `content-length`: the field is part of the framing",
                    "4:110: apis[0].routes[0].headers.request.remove[1]: `TE`: the field belongs to one connection",
                ],
            ),
            (
                "response: { set: { transfer-encoding: a }, remove: [Upgrade, expect, keep-alive] }",
                &[
                    "4:51: apis[0].routes[0].headers.response.set.transfer-encoding: `transfer-encoding`: the field is part of the framing",
                    "4:84: apis[0].routes[0].headers.response.remove[0]: `Upgrade`: the field belongs to one connection",
                    "4:93: apis[0].routes[0].headers.response.remove[1]: `expect`: the field is part of the framing",
                    "4:101: apis[0].routes[0].headers.response.remove[2]: `keep-alive`: the field belongs to one connection",
                ],
            ),
            (
                "request: { set: { x-a: 1 }, add: { X-A: 2 }, remove: [x-b, X-B] }",
                &[
                    "4:67: apis[0].routes[0].headers.request.add.X-A: the header `x-a` is edited twice, first at conf/x.yaml:4",
                    "4:91: apis[0].routes[0].headers.request.remove[1]: the header `x-b` is edited twice, first at conf/x.yaml:4",
                ],
            ),
            (
                "request: { set: { x_a: 1, x-b: \"a\\r\\nb\", x-c: ' c' } }",
                &[
                    "4:50: apis[0].routes[0].headers.request.set.x_a: `x_a`: a field name is 1 to 128 letters, digits and `-`",
                    "4:63: apis[0].routes[0].headers.request.set.x-b: a field value is visible ASCII, with spaces within",
                    "4:78: apis[0].routes[0].headers.request.set.x-c: a field value has no white space at its ends",
                ],
            ),
            (
                "request: { rename: {} }",
                &["4:43: apis[0].routes[0].headers.request.rename: unknown key `rename`"],
            ),
            (
                "request: { remove: x-a }",
                &["4:51: apis[0].routes[0].headers.request.remove: expected a list, found `x-a`"],
            ),
        ],
    );
}

#[test]
fn no_edit_is_of_an_identity_header_of_any_api_in_any_case() {
    let names = [
        "x-org-id",
        "X-Subject-Id",
        "X-CREDENTIAL-ID",
        "x-credential-scheme",
        "x-resource-id",
        "x-level",
        "x-grants",
        "x-scopes",
        "X-Request-Id",
        "x-tenant",
    ];
    for name in names {
        for edit in [
            format!("request: {{ set: {{ {name}: a }} }}"),
            format!("request: {{ add: {{ {name}: a }} }}"),
            format!("request: {{ remove: [{name}] }}"),
            format!("response: {{ set: {{ {name}: a }} }}"),
            format!("response: {{ add: {{ {name}: a }} }}"),
            format!("response: {{ remove: [{name}] }}"),
        ] {
            let text = with_routes(&format!("{{ path: /a, headers: {{ {edit} }} }}"));
            let other = "  - { name: b, hosts: [b.example], upstream: app, schemes: [{ name: k }], identity: { headers: { X-Tenant: org } } }\n";
            let refused = super::refused(&format!("{text}{other}"));
            let [problem] = refused.as_slice() else { panic!("{edit}: {refused:?}") };
            let lower = name.to_ascii_lowercase();
            assert!(problem.contains(&format!("`{lower}` is not a route's to say")), "{problem}");
        }
    }
}

#[test]
fn edits_arrive_and_no_dump_shows_what_a_request_is_given() {
    let text = with_routes(
        "{ path: /a, headers: { request: { set: { Authorization: Basic c2VjcmV0 }, add: { x-b: b }, remove: [Cookie] }, response: { set: { x-c: c }, remove: [server] } } }",
    );
    let snapshot = snapshot(&text);
    let headers = &snapshot.apis[0].routes.routes()[0].headers;
    let (request, response) =
        (headers.request.as_ref().unwrap(), headers.response.as_ref().unwrap());
    let said = |edits: &crate::headers::FieldEdits| -> Vec<(String, String)> {
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        edits.said().map(|(name, value)| (name.to_string(), text(value))).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(said(request), [pair("authorization", "Basic c2VjcmV0"), pair("x-b", "b")]);
    assert_eq!(said(response), [pair("x-c", "c")]);
    for (name, dropped) in
        [("COOKIE", true), ("authorization", true), ("x-b", false), ("x-c", false)]
    {
        assert_eq!(request.drop(name.as_bytes()), dropped, "{name}");
    }
    assert!(response.drop(b"Server") && response.drop(b"X-C") && !response.drop(b"x-d"));
    assert!(!format!("{snapshot:?}").contains("c2VjcmV0"));
    let dump = load(&file(&text), &Environment::default()).unwrap().written.document().to_string();
    let shown = r#"{"request":{"add":{"x-b":"***"},"remove":["Cookie"],"set":{"Authorization":"***"}},"response":{"remove":["server"],"set":{"x-c":"c"}}}"#;
    assert!(dump.contains(shown), "{dump}");
}

#[test]
fn what_cors_says_is_not_a_routes_to_say() {
    let judged = |cors: &str, edit: &str| {
        let routes = with_routes(&format!("{{ path: /a, {edit} }}"));
        let text = routes.replace("name: a, ", &format!("name: a, {cors}"));
        super::refused(&text)
    };
    let cors = "cors: { origins: [https://app.example] }, ";
    for edit in [
        "headers: { response: { set: { access-control-allow-origin: '*' } } }",
        "headers: { response: { add: { access-control-max-age: 1 } } }",
        "headers: { response: { remove: [access-control-expose-headers] } }",
    ] {
        assert_eq!(judged("", edit), [""; 0]);
        let [problem] = &judged(cors, edit)[..] else { panic!("{edit}") };
        assert!(problem.contains("is not a route's to say: the api has `cors`"), "{problem}");
    }
}
