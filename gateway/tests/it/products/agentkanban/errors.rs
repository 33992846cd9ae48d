//! What is said of everything that can be refused: row AK-11.

use std::fs;

use serde_json::json;

use super::{AGENTKANBAN, ask, kanban, key, organisations, refused};
use crate::products::support::BEFORE;
use crate::support::Upstream;

/// Every outcome that is a refusal, in the order of their names, but those before there is an api. The
/// page names the messages of 401 and of a board without access; the others are in the same form.
const SAID: &[(&str, u16, &str, &str)] = &[
    ("address_denied", 403, "forbidden", "Not allowed from this address"),
    ("admin_required", 403, "forbidden", "An administrator's key is needed"),
    ("audience_mismatch", 401, "unauthorized", "Missing or invalid API key"),
    ("body_too_large", 413, "payload_too_large", "The request's body is too large"),
    ("capability_missing", 403, "forbidden", "The plan does not include this"),
    ("credential_ambiguous", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_disabled", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_expired", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_malformed", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_missing", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_revoked", 401, "unauthorized", "Missing or invalid API key"),
    ("credential_unknown", 401, "unauthorized", "Missing or invalid API key"),
    ("draining", 503, "unavailable", "Temporarily unavailable"),
    ("failures_exceeded", 429, "rate_limited", "Rate limit exceeded"),
    ("internal", 500, "internal_error", "Something went wrong"),
    ("level_insufficient", 403, "forbidden", "Key does not have  permission"),
    ("limiter_unavailable", 503, "unavailable", "Temporarily unavailable"),
    ("method_not_allowed", 405, "method_not_allowed", "Method not allowed"),
    ("org_mismatch", 403, "forbidden", "Key belongs to another organisation"),
    ("org_missing", 403, "forbidden", "Key belongs to no organisation"),
    (
        "org_not_member",
        403,
        "forbidden",
        "The owner of this key is not a member of the organisation",
    ),
    ("quota_exceeded", 429, "rate_limited", "Rate limit exceeded"),
    ("rate_exceeded", 429, "rate_limited", "Rate limit exceeded"),
    ("request_malformed", 400, "bad_request", "The request is malformed"),
    ("request_timeout", 408, "request_timeout", "The request took too long to arrive"),
    ("resource_forbidden", 403, "forbidden", "Key does not have access to that board"),
    ("resource_restricted", 403, "forbidden", "This board or organisation is restricted"),
    ("resource_unknown", 404, "not_found", "Board not found"),
    ("route_unknown", 404, "not_found", "Not found"),
    ("scheme_not_accepted", 401, "unauthorized", "Missing or invalid API key"),
    ("scope_insufficient", 403, "forbidden", "Key does not have  permission"),
    ("store_unavailable", 503, "unavailable", "Temporarily unavailable"),
    ("subject_inactive", 403, "forbidden", "The owner of this key is inactive"),
    ("subject_suspended", 403, "forbidden", "The owner of this key is suspended"),
    ("upstream_invalid", 502, "bad_gateway", "The service gave no valid answer"),
    ("upstream_timeout", 504, "upstream_timeout", "The service did not answer in time"),
    ("upstream_unavailable", 503, "unavailable", "Temporarily unavailable"),
    ("verifier_refused", 403, "forbidden", "Key was refused"),
    ("verifier_unavailable", 503, "unavailable", "Temporarily unavailable"),
];

/// AK-11: and on the MCP route as an error of JSON-RPC.
#[test]
fn every_refusal_has_its_status_its_code_and_its_message() {
    for route in [None, Some("board"), Some("api"), Some("mcp")] {
        let said = AGENTKANBAN.speech(route, Some("ak")).into_iter();
        let said: Vec<_> = said.filter(|(outcome, _)| !BEFORE.contains(outcome)).collect();
        let expected = SAID.iter().map(|(outcome, status, code, message)| {
            let body = if route == Some("mcp") {
                let data = format!(r#"{{"code":"{code}","status":{status},"request_id":"$id"}}"#);
                format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32001,"message":"{message}","data":{data}}}}}"#)
            } else {
                format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#)
            };
            (*outcome, (*status, "application/json".to_owned(), body))
        });
        assert_eq!(said, expected.collect::<Vec<_>>(), "{route:?}");
    }
}

/// AK-11: what the application answers is its own.
#[test]
fn the_applications_own_answers_pass_byte_for_byte() {
    for (status, body) in [
        (200, r#"{"data":[]}"#),
        (403, r#"{"error":{"code":"x","message":"only owners"}}"#),
        (404, r#"{"error":{"code":"y","message":"no such task"}}"#),
        (429, r#"{"error":{"code":"z","message":"slow down"}}"#),
    ] {
        let answer = format!(
            "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let kanban = organisations(AGENTKANBAN.before(Upstream::answering(answer)));
        let (_, secret) = key(&kanban, "ann", &json!({}));
        let response = ask(&kanban, "GET", "/boards/board_1", &secret);
        assert_eq!((response.status, &*response.text()), (status, body));
        assert_eq!(response.field("retry-after"), None);
    }
}

/// Neither is a bad key.
#[test]
fn a_suspended_owner_and_a_store_that_is_lost_are_told_as_what_they_are() {
    let kanban = kanban();
    let (_, secret) = key(&kanban, "ann", &json!({}));
    let (_, other) = key(&kanban, "bob", &json!({}));
    kanban.change("PUT", "subjects/ann", &json!({ "state": "suspended" }));
    let suspended =
        r#"{"error":{"code":"forbidden","message":"The owner of this key is suspended"}}"#;
    refused(&ask(&kanban, "GET", "/boards", &secret), 403, suspended);
    fs::remove_file(kanban.gateway.folder().join("portcullis.db")).unwrap();
    let lost = ask(&kanban, "GET", "/boards", &other);
    refused(&lost, 503, r#"{"error":{"code":"unavailable","message":"Temporarily unavailable"}}"#);
    assert!(lost.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}
