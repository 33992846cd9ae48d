use http::StatusCode;

use super::{api, route, snapshot, table, with_routes};
use crate::answer::Action;
use crate::config::snapshot::{Auth, Route};

fn read(route: &str) -> Vec<Route> {
    let mut snapshot = snapshot(&with_routes(route));
    std::mem::take(&mut snapshot.apis[0].routes).into_routes()
}

#[test]
fn a_route_has_one_of_upstream_redirect_and_respond() {
    table(
        route,
        &[
            (
                "{ path: /a, upstream: app, respond: { status: 200 } }",
                &[
                    "4:45: apis[0].routes[0].respond: a route has one of `upstream`, `redirect` and `respond`",
                ],
            ),
            (
                "{ path: /a, redirect: { path: /b }, respond: { status: 200 } }",
                &[
                    "4:54: apis[0].routes[0].respond: a route has one of `upstream`, `redirect` and `respond`",
                ],
            ),
        ],
    );
    let without =
        api("schemes: [{ name: k }]\n    routes: [{ path: /a, respond: { status: 200 } }]");
    assert_eq!(without, [""; 0], "no credential is asked for");
}

#[test]
fn a_route_that_answers_by_itself_is_open_and_forwards_nothing() {
    table(
        route,
        &[
            (
                "{ path: /a, auth: optional, respond: { status: 200 } }",
                &["4:27: apis[0].routes[0].auth: a route that answers by itself is `auth: none`"],
            ),
            (
                "{ path: /a, accept: [ak], redirect: { path: /b } }",
                &["4:29: apis[0].routes[0].accept: a route of `auth: none` accepts no credential"],
            ),
            (
                "{ path: /a, timeout: 1s, deadline: 1s, upgrade: [], respond: { status: 200 } }",
                &[
                    "4:30: apis[0].routes[0].timeout: `timeout` has no meaning here: the route answers by itself",
                    "4:44: apis[0].routes[0].deadline: `deadline` has no meaning here: the route answers by itself",
                    "4:57: apis[0].routes[0].upgrade: `upgrade` has no meaning here: the route answers by itself",
                ],
            ),
            (
                "{ path: /a, rewrite: {}, headers: {}, idle: 1s, redirect: { path: /b } }",
                &[
                    "4:30: apis[0].routes[0].rewrite: `rewrite` has no meaning here: the route answers by itself",
                    "4:43: apis[0].routes[0].headers: `headers` has no meaning here: the route answers by itself",
                    "4:53: apis[0].routes[0].idle: `idle` has no meaning here: the route answers by itself",
                ],
            ),
        ],
    );
    let routes = read(
        "{ path: /a, respond: { status: 200 } }, { path: /b, auth: none, redirect: { path: /c } }",
    );
    assert!(routes.iter().all(|route| route.auth == Auth::None && route.accept == 0));
    assert!(routes.iter().all(|route| route.action.answers().is_some()));
}

#[test]
fn a_redirect_leads_elsewhere() {
    let redirect = |text: &str| route(&format!("{{ path: /a, redirect: {{ {text} }} }}"));
    let nowhere = "4:31: apis[0].routes[0].redirect: a redirect names another `scheme`, `host` or `path`, or it would lead to itself";
    table(
        redirect,
        &[
            ("", &[nowhere]),
            ("status: 308", &[nowhere]),
            (
                "path: /b, status: 304",
                &[
                    "4:51: apis[0].routes[0].redirect.status: a redirect is 301, 302, 303, 307 or 308",
                ],
            ),
            (
                "path: /b, status: 200",
                &[
                    "4:51: apis[0].routes[0].redirect.status: expected a whole number from 300 to 308, found `200`",
                ],
            ),
            (
                "scheme: ftp",
                &[
                    "4:41: apis[0].routes[0].redirect.scheme: expected `http` or `https`, found `ftp`",
                ],
            ),
            (
                "host: 'a b'",
                &[
                    "4:39: apis[0].routes[0].redirect.host: `a b`: expected a host, perhaps with a port",
                ],
            ),
            (
                "path: //evil.example",
                &[
                    "4:39: apis[0].routes[0].redirect.path: `//evil.example`: the path has an empty segment",
                ],
            ),
            (
                "path: 'https://b.example/'",
                &[
                    "4:39: apis[0].routes[0].redirect.path: `https://b.example/`: the path does not start with '/'",
                ],
            ),
            (
                "path: \"/b?a=\\r\\nx: y\"",
                &[
                    "4:39: apis[0].routes[0].redirect.path: `/b?a=\\r\\nx: y`: a query is visible ASCII without `#`",
                ],
            ),
        ],
    );
    let [route] = read("{ path: /a, redirect: { scheme: https, host: 'b.example:8443', path: '/%7ec?q=1', status: 307 } }").try_into().unwrap();
    let Action::Redirect(redirect) = route.action else { panic!("a redirect") };
    assert_eq!(
        (redirect.scheme, redirect.host.as_deref()),
        (Some("https"), Some("b.example:8443"))
    );
    assert_eq!((redirect.path.as_deref(), redirect.status.as_u16()), (Some("/~c?q=1"), 307));
    let [route] = read("{ path: /a, redirect: { path: /b } }").try_into().unwrap();
    let Action::Redirect(redirect) = route.action else { panic!("a redirect") };
    assert_eq!(redirect.status, StatusCode::MOVED_PERMANENTLY);
}

#[test]
fn an_answer_has_a_status_and_perhaps_a_body_and_fields() {
    let respond = |text: &str| route(&format!("{{ path: /a, respond: {{ {text} }} }}"));
    table(
        respond,
        &[
            ("body: a", &["4:30: apis[0].routes[0].respond: the key `status` is missing"]),
            (
                "status: 101",
                &[
                    "4:40: apis[0].routes[0].respond.status: expected a whole number from 200 to 599, found `101`",
                ],
            ),
            (
                "status: 204, body: a",
                &["4:51: apis[0].routes[0].respond.body: an answer of 204 has no body"],
            ),
            (
                "status: 200, body: [a]",
                &["4:51: apis[0].routes[0].respond.body: expected text, found a list"],
            ),
            (
                "status: 503, retry_after: 1500ms",
                &[
                    "4:58: apis[0].routes[0].respond.retry_after: expected a duration from 1s to 30d, such as `250ms` or `5m`, found `1500ms`",
                ],
            ),
            (
                "status: 503, retry_after: 2s, headers: { Retry-After: '1' }",
                &[
                    "4:73: apis[0].routes[0].respond.headers.Retry-After: `retry_after` says the same already",
                ],
            ),
            (
                "status: 200, headers: { Connection: close, content-length: '1', host: a, x-a: \"a\\nb\" }",
                &[
                    "4:56: apis[0].routes[0].respond.headers.Connection: `Connection`: the field belongs to one connection",
                    "4:75: apis[0].routes[0].respond.headers.content-length: `content-length`: the field is part of the framing",
                    "4:96: apis[0].routes[0].respond.headers.host: `host`: `Host` is set by `rewrite.host`",
                    "4:110: apis[0].routes[0].respond.headers.x-a: `a\\nb`: a field value is visible ASCII, with spaces within",
                ],
            ),
            (
                "status: 200, headers: { X-Level: admin }",
                &[
                    "4:56: apis[0].routes[0].respond.headers.X-Level: `x-level` is not a route's to say: at conf/x.yaml:3 it is an identity header",
                ],
            ),
        ],
    );
    let [route] = read("{ path: /a, respond: { status: 503, body: 'back soon', retry_after: 2h, headers: { x-a: b } } }").try_into().unwrap();
    let Action::Respond(answer) = route.action else { panic!("an answer") };
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, b"back soon".as_slice()));
    let fields: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(
        fields,
        [("x-a", "b"), ("content-type", "text/plain; charset=utf-8"), ("retry-after", "7200")]
    );
}

#[test]
fn upstreams_share_a_route_by_weight() {
    fn two(upstream: &str) -> String {
        let text = with_routes(&format!("{{ path: /a, upstream: {upstream} }}"));
        text.replace("127.0.0.1:9000]", "127.0.0.1:9000], canary: [127.0.0.1:9001]")
    }
    table(
        |upstream| super::refused(&two(upstream)),
        &[
            (
                "{ app: 95, canery: 5 }",
                &[
                    "4:42: apis[0].routes[0].upstream.canery: no upstream is named `canery`, did you mean `canary`?",
                ],
            ),
            (
                "{ app: 95, canary: -5 }",
                &[
                    "4:50: apis[0].routes[0].upstream.canary: expected a whole number from 0 to 1000000, found `-5`",
                ],
            ),
            (
                "{ app: 0, canary: 0 }",
                &["4:31: apis[0].routes[0].upstream: no upstream has a weight above 0"],
            ),
            ("{}", &["4:31: apis[0].routes[0].upstream: no upstream has a weight above 0"]),
            (
                "[app]",
                &[
                    "4:31: apis[0].routes[0].upstream: expected the name of an upstream, or a mapping of names to weights, found a list",
                ],
            ),
        ],
    );
    let snapshot = snapshot(&two("{ app: 95, canary: 5 }"));
    let Action::Draw(shares) = &snapshot.apis[0].routes.routes()[0].action else {
        panic!("shares")
    };
    assert_eq!((shares.total(), shares.at(94), shares.at(95)), (100, 0, 1));
}

#[test]
fn a_deadline_is_a_duration() {
    assert_eq!(
        route("{ path: /a, deadline: 0s }"),
        [
            "4:31: apis[0].routes[0].deadline: expected a duration from 1ms to 30d, such as `250ms` or `5m`, found `0s`"
        ]
    );
    let [route] = read("{ path: /a, deadline: 10m }").try_into().unwrap();
    assert_eq!(route.deadline, Some(std::time::Duration::from_mins(10)));
}
