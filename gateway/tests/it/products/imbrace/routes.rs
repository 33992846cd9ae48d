//! Which service is asked under which path, sockets, streams and uploads; and scripts of other origins.

use serde_json::json;

use super::*;
use crate::support::{Gate, Upstream};

/// IM-13
#[test]
fn each_prefix_goes_to_its_service_under_the_path_that_is_known_there() {
    let (platform, channels, boards, web, others) =
        (Upstream::echo(), Upstream::echo(), Upstream::echo(), Upstream::echo(), Upstream::echo());
    let setup = [
        ("IMBRACE_PLATFORM_UPSTREAM", &platform),
        ("IMBRACE_CHANNELS_UPSTREAM", &channels),
        ("IMBRACE_DATA_BOARD_UPSTREAM", &boards),
        ("IMBRACE_WEB_UPSTREAM", &web),
    ]
    .iter()
    .fold(IMBRACE.setup(&others), |setup, (name, upstream)| {
        setup.environment(name, &upstream.address().to_string())
    });
    let imbrace = IMBRACE.started(setup, others);
    imbrace.gateway.forwards_credentials();
    let (_, acc) = token(&imbrace, &json!({}));
    let others = &imbrace.upstream;
    for (target, upstream, seen) in [
        ("/platform/v1/users/_me", &platform, "/v1/users/_me"),
        ("/platform/v2/teams?a=%20b", &platform, "/v2/teams?a=%20b"),
        ("/v1/platform/categories", &platform, "/v1/categories"),
        ("/v2/platform/teams/t_1", &platform, "/v2/teams/t_1"),
        ("/channel-service/v1/channels/c_1", &channels, "/v1/channels/c_1"),
        ("/channel-service/v2/whatsapp_templates", &channels, "/v2/whatsapp_templates"),
        ("/line-webhook", &channels, "/v1/line/webhook"),
        ("/data-board/boards/b_1/items", &boards, "/api/boards/b_1/items"),
        ("/data-board/v2/boards", &boards, "/api/v2/boards"),
        ("/v3/ai/completions", others, "/v3/ai/completions"),
        ("/activepieces/api/v1/flows", others, "/activepieces/api/v1/flows"),
        ("/files/v1/upload", others, "/files/v1/upload"),
        ("/marketplaces/v2/x", others, "/marketplaces/v2/x"),
        ("/v3/marketplaces/use-cases", others, "/v3/marketplaces/use-cases"),
        ("/predict", others, "/predict"),
        ("/ai-agent/suggestions", others, "/ai-agent/suggestions"),
        ("/ips/v1/x", others, "/ips/v1/x"),
        ("/license", others, "/license"),
        ("/v1/backend/workflows", others, "/v1/backend/workflows"),
        ("/3rd/boards/upload", others, "/3rd/boards/upload"),
        ("/mcp", others, "/mcp"),
        ("/", &web, "/"),
    ] {
        let before = upstream.requests().len();
        let echo = with_token(&imbrace, "GET", target, &acc).echo();
        assert_eq!((echo.target(), upstream.requests().len()), (seen, before + 1), "{target}");
    }
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// IM-13: a browser can put no credential into a header of its socket, so none need come; one that does must be good.
#[test]
fn the_three_sockets_are_tunnels_for_anybody_and_know_a_user_who_says_so() {
    let upstream = Upstream::scripted(|connection| {
        let Some(head) = connection.head() else { return };
        connection.write(SWITCH);
        connection.write(head.field("x-user-id").unwrap_or("nobody"));
        let ping = connection.exactly(4).unwrap();
        connection.write(ping);
    });
    let imbrace = IMBRACE.before(upstream);
    let (_, acc) = token(&imbrace, &json!({}));
    let shake = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for target in
        ["/ws/?EIO=4", "/chat/ai/ws/socket.io/?EIO=4", "/activepieces/api/socket.io/?EIO=4"]
    {
        for (credential, who) in [(vec![], "nobody"), (vec![("x-access-token", &*acc)], "u_2")] {
            let mut client = imbrace.gateway.connect();
            let fields = [&shake[..], &credential].concat();
            client.send(imbrace.request("GET", target, &fields, ""));
            assert_eq!(client.response().status, 101, "{target}");
            client.send("ping");
            assert_eq!(client.exactly(who.len() + 4), [who, "ping"].concat().into_bytes());
        }
        let dead = [&shake[..], &[("x-access-token", "acc_dead")]].concat();
        refused(&imbrace, &imbrace.get(target, &dead), "credential_unknown", 401, BAD_TOKEN);
    }
    // Nowhere else is a connection handed over.
    let fields = [&shake[..], &[("x-access-token", &acc)]].concat();
    let answer = imbrace.get("/data-board/boards", &fields);
    assert_eq!((answer.status, &*imbrace.outcome(&answer)), (502, "upstream_invalid"));
    assert_eq!(imbrace.upstream.requests().last().unwrap().field("upgrade"), None);
}

/// IM-13: events arrive one by one, as the service sends them.
#[test]
fn events_are_passed_on_as_they_come() {
    let gates = [Gate::default(), Gate::default()];
    let waiting = gates.clone();
    let upstream = Upstream::scripted(move |connection| {
        while connection.request().is_some() {
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (number, gate) in waiting.iter().enumerate() {
                connection.write(format!("9\r\ndata: {number}\n\n\r\n"));
                gate.wait();
            }
            connection.write("0\r\n\r\n");
        }
    });
    let imbrace = IMBRACE.before(upstream);
    let (_, acc) = token(&imbrace, &json!({}));
    let bearer = format!("Bearer {acc}");
    let mut client = imbrace.gateway.connect();
    client.send(imbrace.request("POST", "/v3/ai/completions", &[("authorization", &bearer)], "{}"));
    client.head();
    for (number, gate) in gates.iter().enumerate() {
        let event = format!("9\r\ndata: {number}\n\n\r\n");
        assert_eq!(client.exactly(event.len()), event.into_bytes());
        // The next comes only once the client has this one.
        gate.open();
    }
    assert_eq!(client.exactly(5), b"0\r\n\r\n");
}

/// IM-13
#[test]
fn uploads_are_taken_to_their_own_bound_and_refused_beyond_before_the_service_sees_them() {
    let imbrace = IMBRACE.before(Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n"));
    let (_, acc) = token(&imbrace, &json!({}));
    let upload = |target: &str, length: usize, body: &str| {
        let fields = [("x-access-token", &*acc), ("content-length", &length.to_string())];
        imbrace.gateway.send(imbrace.request("POST", target, &fields, body))
    };
    let large = "b".repeat(11 << 20);
    for target in ["/files/v1/upload", "/data-board/boards/upload"] {
        assert_eq!(upload(target, large.len(), &large).status, 204, "{target}");
    }
    let before = imbrace.seen();
    for (target, length) in
        [("/files/v1/upload", (100 << 20) + 1), ("/platform/v1/account", (10 << 20) + 1)]
    {
        let body = r#"{"error":"Payload Too Large","message":"Request body is too large","request_id":"$id"}"#;
        refused(&imbrace, &upload(target, length, ""), "body_too_large", 413, body);
    }
    assert_eq!(imbrace.seen(), before);
}

const ORIGIN: &str = "https://app.imbrace.co";

/// IM-14
#[test]
fn a_preflight_of_the_web_application_is_answered_before_anybody_asks_for_a_credential() {
    let imbrace = echoing();
    let asked = [
        ("origin", ORIGIN),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "x-api-key,x-access-token"),
    ];
    for target in ["/data-board/boards", "/platform/v1/login/authenticate", "/mcp", "/anything"] {
        let answer = imbrace.send("OPTIONS", target, &asked, "");
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{target}");
        assert_eq!(answer.field("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(answer.field("access-control-allow-credentials"), Some("true"));
        let listed = |name| -> Vec<_> {
            let mut all: Vec<_> =
                answer.field(name).unwrap().split(", ").map(str::to_ascii_lowercase).collect();
            all.sort_unstable();
            all
        };
        let methods = ["delete", "get", "options", "patch", "post", "put"];
        assert_eq!(listed("access-control-allow-methods"), methods);
        let headers = [
            "authorization",
            "content-type",
            "organization-id",
            "user-agent",
            "user-email",
            "user-id",
            "x-access-token",
            "x-api-key",
            "x-organization-id",
            "x-request-id",
            "x-temp-token",
            "x-user-email",
            "x-user-id",
        ];
        assert_eq!(listed("access-control-allow-headers"), headers);
    }
    let other = [&[("origin", "https://evil.example")][..], &asked[1..]].concat();
    let answer = imbrace.send("OPTIONS", "/data-board/boards", &other, "");
    assert_eq!((answer.status, answer.field("access-control-allow-origin")), (204, None));
    assert_eq!(imbrace.seen(), 0);
}

/// IM-14: answers, refusals too, can be read there, and the request id of each.
#[test]
fn every_answer_to_the_web_application_may_be_read_by_it() {
    let imbrace = echoing();
    let (_, acc) = token(&imbrace, &json!({}));
    for (fields, status) in [
        (vec![("x-access-token", &*acc)], 200),
        (vec![("x-access-token", "acc_dead")], 401),
        (vec![], 401),
    ] {
        let answer =
            imbrace.get("/data-board/boards", &[&[("origin", ORIGIN)], &fields[..]].concat());
        assert_eq!(
            (answer.status, answer.field("access-control-allow-origin")),
            (status, Some(ORIGIN))
        );
        assert_eq!(answer.field("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.field("access-control-expose-headers"), Some("x-request-id"));
    }
}
