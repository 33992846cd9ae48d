//! The MCP endpoint: AK-1 and AK-4 there.

use serde_json::{Value, json};

use super::{AGENTKANBAN, kanban, key, organisations};
use crate::products::support::Fronted;
use crate::support::upstream::Connection;
use crate::support::{Response, Upstream};

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;

#[track_caller]
fn call(kanban: &Fronted, secret: &str) -> Response {
    let bearer = format!("Bearer {secret}");
    let fields = [
        ("Authorization", &*bearer),
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        ("Mcp-Session-Id", "session-1"),
    ];
    kanban.send("POST", "/api/mcp/v1", &fields, CALL)
}

/// AK-1: the same key, the same field.
#[test]
fn the_same_key_opens_the_mcp_endpoint() {
    let kanban = kanban();
    let (id, secret) = key(&kanban, "ann", &json!({}));
    let echo = call(&kanban, &secret).echo();
    assert_eq!((echo.target(), echo.body()), ("/api/mcp/v1", CALL));
    assert_eq!(echo.field("x-credential-id"), Some(id));
    assert_eq!(echo.field("mcp-session-id").as_deref(), Some("session-1"));
    assert_eq!(echo.field("authorization"), None);
}

/// AK-4: there every call is a POST, so the application goes by the grants.
#[test]
fn a_read_keys_ceiling_reaches_the_mcp_upstream() {
    let kanban = kanban();
    for (fields, expected) in [
        (json!({}), "*"),
        (json!({ "ceiling": "read" }), "*=read"),
        (json!({ "grants": { "board_1": "edit" }, "ceiling": "read" }), "board_1=read"),
    ] {
        let (_, secret) = key(&kanban, "ann", &fields);
        assert_eq!(call(&kanban, &secret).echo().all("x-grants"), [expected], "{fields}");
    }
}

/// AK-1, AK-8: what an MCP client can show.
#[test]
fn a_refusal_there_is_an_error_of_json_rpc_with_the_apis_own_words() {
    let upstream = Upstream::echo();
    let setup = AGENTKANBAN.setup(&upstream).environment("AGENTKANBAN_MAX", "1");
    let kanban = organisations(AGENTKANBAN.started(setup, upstream));
    let (_, secret) = key(&kanban, "ann", &json!({}));
    assert_eq!(call(&kanban, &secret).status, 200);
    let over = call(&kanban, &secret);
    assert!(over.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let unknown = call(&kanban, "ak_YourApiKeyHere");
    assert!(unknown.field("www-authenticate").unwrap().starts_with("Bearer"));
    for (response, status, code, message) in [
        (&over, 429, "rate_limited", "Rate limit exceeded"),
        (&unknown, 401, "unauthorized", "Missing or invalid API key"),
    ] {
        let data = json!({ "code": code, "status": status, "request_id": response.request_id() });
        let error = json!({ "code": -32001, "message": message, "data": data });
        let found: (u16, Option<&str>, Value) =
            (response.status, response.field("content-type"), response.json());
        let expected = json!({ "jsonrpc": "2.0", "id": null, "error": error });
        assert_eq!(found, (status, Some("application/json"), expected));
    }
}

/// AK-1: an answer is a stream of events, or none at all.
#[test]
fn events_come_one_by_one_and_a_notification_is_just_accepted() {
    let steps = crate::support::Steps::default();
    let script = steps.clone();
    let upstream = Upstream::scripted(move |connection: &mut Connection| {
        while let Some(received) = connection.request() {
            if received.method == "POST" {
                connection.write("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nMcp-Session-Id: s\r\n";
            connection.write(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
            for _ in 0..2 {
                connection.write("9\r\ndata: 1\n\n\r\n");
                script.take();
            }
            connection.write("0\r\n\r\n");
        }
    });
    let kanban = organisations(AGENTKANBAN.before(upstream));
    let (_, secret) = key(&kanban, "ann", &json!({}));
    assert_eq!(call(&kanban, &secret).status, 202);
    let bearer = format!("Bearer {secret}");
    let mut client = kanban.gateway.connect();
    client.send(kanban.request("GET", "/api/mcp/v1", &[("Authorization", &bearer)], ""));
    let head = String::from_utf8(client.head()).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200") && head.contains("mcp-session-id: s"), "{head}");
    for _ in 0..2 {
        let mut read = Vec::new();
        while !read.ends_with(b"data: 1\n\n\r\n") {
            read.extend(client.some());
        }
        steps.give();
    }
}
