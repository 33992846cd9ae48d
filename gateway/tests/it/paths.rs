//! Contract 2, the path paragraph: one meaning, judged and sent alike, or 400.

use crate::support::{Gateway, H2, Response, Upstream, one_api, one_api_with};

fn ask(gateway: &Gateway, target: &str, secret: &str) -> Response {
    gateway.get(target, &[("x-api-key", secret)])
}

#[test]
fn the_normalised_path_is_what_is_sent() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut h2 = H2::connect(gateway.address("public"));
    for (target, sent) in [
        ("/", "/"),
        ("/%61.txt", "/a.txt"),
        ("/a+b", "/a+b"),
        ("/a%2bb", "/a+b"),
        ("/x!*'()", "/x!*'()"),
        ("/%7Euser", "/~user"),
        ("/%c3%a9", "/%C3%A9"),
        ("/%FF%ed%a0%80", "/%FF%ED%A0%80"),
        ("/a;v=1/b", "/a;v=1/b"),
        ("/a%3Bv%3d1", "/a;v=1"),
        ("/a%3a%40%24%26%2c", "/a:@$&,"),
        ("/a%20b%22%3c", "/a%20b%22%3C"),
        ("/%252F", "/%252F"),
        ("/%252e%252e/x", "/%252e%252e/x"),
        ("/a/", "/a/"),
        ("/...", "/..."),
        ("/.a/..b/c.", "/.a/..b/c."),
    ] {
        assert_eq!(ask(&gateway, target, &secret).echo().target(), sent, "{target}");
        assert_eq!(h2.get(target, &[("x-api-key", &secret)]).echo().target(), sent, "{target} h2");
    }
}

#[test]
fn a_path_without_a_single_safe_meaning_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for target in [
        "/a//b",
        "//host/x",
        "/a//",
        "/.",
        "/..",
        "/a/./b",
        "/a/../b",
        "/a/..",
        "/%2e%2e/a",
        "/a/%2E/b",
        "/a/.%2e",
        "/a/..;x=1/b",
        "/a/.;/b",
        "/a/%2e%2e%3bx/b",
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0d%0aforged",
        "/a%0A",
        "/a%1f",
        "/a%7f",
        "/a%",
        "/a%4",
        "/a%zz",
        "/a%2",
        "/a#b",
        "/a?b#c",
        "/é",
    ] {
        let response = ask(&gateway, target, &secret);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{target}"
        );
        let line = gateway.line(&response.request_id());
        assert_eq!(
            (&line["outcome"], &line["stage"]),
            (&"request_malformed".into(), &"accept".into())
        );
    }
    assert_eq!(upstream.connections(), 0);
}

/// The codec of HTTP/2 cuts a fragment off before the gateway can see and refuse it (docs/http.md), so here it must at least
/// mean nothing: neither the choice of the route nor the upstream knows of it. A codec that begins to show it ends this test.
#[test]
fn a_fragment_over_http2_is_cut_off_before_the_path_is_judged() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /a, auth: none }, { path: /**, name: private }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    for (count, (path, sent)) in
        [("/a#/../private", "/a"), ("/a?b#c", "/a?b"), ("/a#", "/a")].into_iter().enumerate()
    {
        let mut client = gateway.connect();
        client.send(h2_get(path));
        assert_eq!(upstream.wait_for_requests(count + 1)[count].target, sent, "{path}");
    }
}

/// A connection's preface and one request for a path, as no library would write it (RFC 7541, section 6.2.2: literals, for
/// `:path` and `:authority` with names from the static table).
fn h2_get(path: &str) -> Vec<u8> {
    let literal = |name: u8, value: &str| {
        [&[name, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
    };
    let get_and_http: [u8; 2] = [0x82, 0x86];
    let block = [&get_and_http[..], &literal(0x01, "app.test"), &literal(0x04, path)].concat();
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let (settings, headers) = (frame(4, 0, 0, &[]), frame(1, 0x5, 1, &block));
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings, &headers].concat()
}

#[test]
fn routes_are_chosen_by_the_normalised_path() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /admin/**, name: admin }, { path: /**, auth: none, name: rest }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    for target in ["/admin/x", "/%61dmin/x", "/%61%64min/x", "/admin", "/admin/"] {
        assert_eq!(gateway.get(target, &[]).code(), "credential_missing", "{target}");
    }
    for target in ["/Admin/x", "/administer", "/%252561dmin/x"] {
        assert_eq!(gateway.get(target, &[]).status, 200, "{target}");
    }
}

#[test]
fn one_slash_at_the_end_is_kept_and_counts() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /a }, { path: /b/ }, { path: /c/** }, { path: \"/d/{x}\" }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let secret = gateway.mint("u_1", "org_1");
    for target in ["/a", "/b/", "/c", "/c/", "/c/x/y/", "/d/1"] {
        assert_eq!(ask(&gateway, target, &secret).echo().target(), target);
    }
    for target in ["/a/", "/b", "/cc", "/d", "/d/", "/d/1/", "/d/1/2", "/"] {
        let response = ask(&gateway, target, &secret);
        assert_eq!((response.status, response.code().as_str()), (404, "route_unknown"), "{target}");
    }
}

#[test]
fn the_query_goes_through_byte_for_byte() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for query in
        ["?", "?a=%2f%2F%zz&&b", "?/../..//x\\y", "?a=b?c", "?c[]=|{}^`", "?<\">", "?%00%0d%0a"]
    {
        let target = format!("/p{query}");
        assert_eq!(ask(&gateway, &target, &secret).echo().target(), target);
    }
}

#[test]
fn a_rewrite_strips_whole_literal_segments_adds_and_names_the_host() {
    let upstream = Upstream::echo();
    let lines = "routes:
  - { path: \"/api/v1/{x}/**\", rewrite: { strip_prefix: /api/v1, add_prefix: /v2/app } }
  - { path: /only/**, rewrite: { strip_prefix: /only, host: app.internal } }
  - { path: /**, rewrite: { add_prefix: /p } }";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let secret = gateway.mint("u_1", "org_1");
    for (target, sent, host) in [
        ("/api/v1/a/b%2dc?q=/api", "/v2/app/a/b-c?q=/api", "app.test"),
        ("/only/x/", "/x/", "app.internal"),
        ("/only/", "/", "app.internal"),
        ("/only?a", "/?a", "app.internal"),
        ("/x", "/p/x", "app.test"),
        ("/", "/p/", "app.test"),
    ] {
        let echo = ask(&gateway, target, &secret).echo();
        assert_eq!((echo.target(), echo.field("host").as_deref()), (sent, Some(host)), "{target}");
    }
}
