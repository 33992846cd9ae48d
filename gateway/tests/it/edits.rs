//! Contract 2, `headers` of a route: edits of heads, and that none of them reaches an identity.

use crate::identity::NAMES;
use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Response, Upstream, one_api_with, request};

fn editing(upstream: &Upstream, edits: &str) -> Gateway {
    let lines = format!(
        "routes:\n  - {{ path: /open, auth: none, headers: {{ {edits} }} }}\n  - {{ path: /**, headers: {{ {edits} }} }}"
    );
    Gateway::start(one_api_with(upstream, &lines))
}

#[test]
fn a_request_loses_what_is_removed_and_has_what_is_set_and_added() {
    let upstream = Upstream::echo();
    let edits = "request: { set: { X-Set: ours, authorization: Basic b3Vycw== }, add: { x-add: ours }, remove: [x-remove, Cookie] }";
    let gateway = editing(&upstream, edits);
    let secret = gateway.mint("u_1", "org_1");
    let fields = [
        ("x-api-key", secret.as_str()),
        ("x-set", "theirs"),
        ("X-SET", "theirs too"),
        ("x-add", "theirs"),
        ("X-Remove", "theirs"),
        ("cookie", "a=b"),
        ("x-kept", "theirs"),
    ];
    let mut h2 = H2::connect(gateway.address("public"));
    let lower: Vec<_> = fields
        .iter()
        .filter(|(name, _)| !name.bytes().any(|b| b.is_ascii_uppercase()))
        .copied()
        .collect();
    let over_h2 = h2.request(h2_request("GET", "/x", &lower), "", None).unwrap();
    for response in [gateway.get("/x", &fields), over_h2] {
        let echo = response.echo();
        assert_eq!(echo.all("x-set"), ["ours"]);
        assert_eq!(echo.all("x-add"), ["theirs", "ours"]);
        assert_eq!(echo.all("authorization"), ["Basic b3Vycw=="]);
        assert_eq!(echo.field("x-remove"), None);
        assert_eq!(echo.field("cookie"), None);
        assert_eq!(echo.field("x-kept").as_deref(), Some("theirs"));
        assert_eq!(echo.field("x-api-key"), None, "a credential never reaches the upstream");
    }
}

#[test]
fn what_the_gateway_says_of_the_client_may_be_edited() {
    let upstream = Upstream::echo();
    let gateway = editing(
        &upstream,
        "request: { set: { x-forwarded-proto: https }, remove: [x-forwarded-host] }",
    );
    let echo = gateway.get("/open", &[("x-forwarded-proto", "gopher")]).echo();
    assert_eq!(echo.all("x-forwarded-proto"), ["https"]);
    assert_eq!(echo.field("x-forwarded-host"), None);
    assert_eq!(echo.all("x-forwarded-for"), ["127.0.0.1"]);
}

fn answer() -> &'static str {
    "HTTP/1.1 200 OK\r\nServer: secret/1\r\nX-Set: theirs\r\nX-Add: theirs\r\nX-Set: again\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nX-Request-Id: forged\r\n\r\nok"
}

#[test]
fn an_answer_loses_what_is_removed_and_has_what_is_set_and_added() {
    let upstream = Upstream::answering(answer());
    let edits =
        "response: { set: { x-set: ours }, add: { X-Add: ours, x-new: ours }, remove: [SERVER] }";
    let gateway = editing(&upstream, edits);
    let over_h2 = H2::connect(gateway.address("public")).get("/open", &[]);
    for response in [gateway.get("/open", &[]), over_h2] {
        assert_eq!(response.all("x-set"), ["ours"]);
        assert_eq!(response.all("x-add"), ["theirs", "ours"]);
        assert_eq!(response.all("x-new"), ["ours"]);
        assert_eq!(response.field("server"), None);
        assert_eq!(response.all("set-cookie"), ["a=1"]);
        assert_eq!(response.text(), "ok");
        assert_ne!(response.all("x-request-id"), ["forged"]);
        assert_eq!(response.all("x-request-id").len(), 1);
    }
}

#[test]
fn refusals_are_not_edited() {
    let upstream = Upstream::echo();
    let gateway = editing(&upstream, "response: { set: { x-set: ours }, remove: [content-type] }");
    let refused = gateway.get("/x", &[]);
    assert_eq!((refused.status, refused.field("x-set")), (401, None));
    assert!(refused.field("content-type").is_some());
}

/// What a client or a route could try against each identity header; the upstream sees ours once, or nothing.
#[test]
fn no_edit_and_no_nomination_reaches_an_identity_header() {
    let upstream = Upstream::echo();
    let edits =
        "request: { set: { x-set: x-org-id }, add: { x-add: x-subject-id }, remove: [x-remove] }";
    let gateway = editing(&upstream, edits);
    let secret = gateway.mint("u_1", "org_1");
    let plain = gateway.get("/x", &[("x-api-key", &secret)]).echo();
    let ours = |name: &str, echo: &crate::support::http1::Echo| -> Vec<String> {
        if name == "x-request-id" {
            return echo.all(name).iter().map(|_| "an id".to_owned()).collect();
        }
        echo.all(name).iter().map(ToString::to_string).collect()
    };
    for name in NAMES {
        for spelled in [name.to_owned(), name.to_uppercase()] {
            for connection in
                [spelled.clone(), format!("close, {spelled}"), format!("x-set,{spelled}, x-add")]
            {
                let fields = [
                    ("x-api-key", secret.as_str()),
                    (spelled.as_str(), "forged"),
                    ("Connection", connection.as_str()),
                ];
                let echo = gateway.get("/x", &fields).echo();
                assert_eq!(ours(name, &echo), ours(name, &plain), "{fields:?}");
                assert!(!echo.all(name).iter().any(|value| value.contains("forged")), "{fields:?}");
                let open = gateway.get("/open", &fields[1..]).echo();
                assert!(!open.all(name).iter().any(|value| value.contains("forged")), "{fields:?}");
                // A nomination removes what the client sent, never what the route sets.
                assert_eq!(echo.all("x-set"), ["x-org-id"], "{fields:?}");
            }
        }
    }
    assert_eq!(ours("x-org-id", &plain), ["org_1"]);
}

#[test]
fn a_configuration_that_edits_an_identity_header_does_not_start() {
    let upstream = Upstream::echo();
    for edits in [
        "request: { set: { X-Org-Id: org_2 } }",
        "request: { add: { x-subject-id: root } }",
        "request: { remove: [X-LEVEL] }",
        "response: { set: { x-grants: '*' } }",
    ] {
        let lines = format!("routes: [{{ path: /**, headers: {{ {edits} }} }}]");
        let (status, said) =
            crate::support::Setup::new(one_api_with(&upstream, &lines)).fails_to_start();
        assert!(!status.success() && said.contains("identity header"), "{edits}: {said}");
    }
}

#[test]
fn a_tunnels_head_is_edited_as_any_other() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nServer: a\r\n\r\n");
        connection.closed();
    });
    let lines = "routes: [{ path: /**, auth: none, upgrade: [websocket], headers: { request: { set: { x-set: ours } }, response: { remove: [server], add: { x-new: ours } } } }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("x-set", "theirs")];
    let response: Response = gateway.connect().send(request("GET", "/", &fields, "")).response();
    assert_eq!(
        (response.status, response.field("server"), response.field("x-new")),
        (101, None, Some("ours"))
    );
    assert_eq!(upstream.requests()[0].all("x-set"), ["ours"]);
}
