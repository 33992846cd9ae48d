//! OAuth tokens, as far as the application registers them: bound to a resource, each good on its own.

use serde_json::json;

use super::{API, MCP, PROJECTS, ask, calmboard, get, key, oauth, refused, refused_rpc};
use crate::support::until;

/// CAL-2: the page's own command.
#[test]
fn a_token_that_was_registered_for_the_api_is_taken_as_a_bearer_token() {
    let calmboard = calmboard();
    let (id, secret) = oauth(&calmboard, API, &json!({ "scopes": ["projects:read"] }));
    assert!(secret.starts_with("cbo_"));
    let page = "curl -H \"Authorization: Bearer cbo_oauth_access_token\" \\\nhttps://calmboard.ai/api/v1/projects";
    refused(&calmboard, &calmboard.curl(page, &[]), "credential_unknown");
    let told = calmboard.curl(&page.replace("cbo_oauth_access_token", &secret), &[]).echo();
    assert_eq!(told.target(), PROJECTS);
    assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
    assert_eq!(told.field("x-credential-id"), Some(id));
    assert_eq!(told.field("x-credential-scheme").as_deref(), Some("oauth"));
    assert_eq!(told.field("x-scopes").as_deref(), Some("projects:read"));
    assert_eq!(told.field("authorization"), None);
}

/// CAL-2: the header of keys is for keys.
#[test]
fn a_token_in_the_header_of_keys_is_an_invalid_key() {
    let calmboard = calmboard();
    let (_, secret) = oauth(&calmboard, API, &json!({}));
    let response = calmboard.get(PROJECTS, &[("X-CalmBoard-API-Key", &secret)]);
    refused(&calmboard, &response, "credential_unknown");
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-8: "tokens are bound to" a resource: there is none without.
#[test]
fn a_token_without_a_resource_is_not_registered() {
    let calmboard = calmboard();
    let body = json!({ "scheme": "oauth", "subject": "user_1", "lifetime": "1h" });
    let (status, answer) =
        calmboard.gateway.admin("POST", "/v1/credentials", &calmboard.credential(&body));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(answer["errors"][0]["field"], "audience");
}

/// CAL-9: and the challenge says that it is the token.
#[test]
fn a_token_is_good_for_its_own_resource_and_refused_on_the_other() {
    let calmboard = calmboard();
    let (_, for_the_api) = oauth(&calmboard, "https://CalmBoard.ai/", &json!({}));
    let (_, for_mcp) = oauth(&calmboard, MCP, &json!({}));
    let (_, for_another) = oauth(&calmboard, "https://calmboard.ai/api/v1/projects", &json!({}));
    assert_eq!(get(&calmboard, PROJECTS, &for_the_api).status, 200);
    assert_eq!(ask(&calmboard, "POST", "/mcp", &for_mcp).status, 200);
    let before = calmboard.seen();
    for token in [&for_mcp, &for_another] {
        let response = get(&calmboard, PROJECTS, token);
        refused(&calmboard, &response, "audience_mismatch");
        let challenge = response.field("www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains(r#"error="invalid_token""#),
            "{challenge}"
        );
    }
    for token in [&for_the_api, &for_another] {
        refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", token), "audience_mismatch");
    }
    assert_eq!(calmboard.seen(), before);
}

/// CAL-13: every method of the transport, and what the application and its client say to each other in fields and bodies.
#[test]
fn the_mcp_server_is_reached_with_a_token_that_was_issued_for_it() {
    let calmboard = calmboard();
    let (_, secret) = oauth(&calmboard, MCP, &json!({}));
    let bearer = format!("Bearer {secret}");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("Mcp-Session-Id", "session_1"),
        ("Mcp-Protocol-Version", "2025-06-18"),
    ];
    let told = calmboard.send("POST", "/mcp", &fields, body).echo();
    assert_eq!((told.target(), told.body()), ("/mcp", body));
    assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
    for (name, value) in &fields[1..] {
        assert_eq!(told.field(name).as_deref(), Some(*value), "{name}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(calmboard.send(method, "/mcp", &fields, "").echo().method(), method);
    }
}

/// CAL-13: the page names tokens for it, and no keys.
#[test]
fn a_key_or_nothing_at_the_mcp_server_is_refused_in_its_own_language() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", &secret), "scheme_not_accepted");
    let own = calmboard.send("POST", "/mcp", &[("X-CalmBoard-API-Key", &secret)], "");
    refused_rpc(&calmboard, &own, "scheme_not_accepted");
    for target in ["/mcp", "/mcp/", "/mcp/anything", "/%6dcp"] {
        refused_rpc(&calmboard, &calmboard.send("POST", target, &[], "{}"), "credential_missing");
    }
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", "cbo_zzz"), "credential_unknown");
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", "a b"), "credential_malformed");
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-2: `expires_in` of the answer that the token came with.
#[test]
fn a_token_ends_when_the_oauth_server_said_or_the_application_revokes_it() {
    let calmboard = calmboard();
    let (_, short) =
        oauth(&calmboard, API, &json!({ "lifetime": "3s", "limits": { "per-key": 1_000_000 } }));
    assert_eq!(get(&calmboard, PROJECTS, &short).status, 200);
    until(|| get(&calmboard, PROJECTS, &short).status != 200);
    let response = get(&calmboard, PROJECTS, &short);
    refused(&calmboard, &response, "credential_expired");
    assert!(response.field("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
    let (id, revoked) = oauth(&calmboard, MCP, &json!({}));
    calmboard.revoke(&id);
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", &revoked), "credential_revoked");
}

/// CAL-7: what a client of a user was given ends with the client.
#[test]
fn the_tokens_of_one_client_can_be_revoked_together() {
    let calmboard = calmboard();
    let (_, one) = oauth(&calmboard, API, &json!({}));
    let (_, two) = oauth(&calmboard, MCP, &json!({}));
    let (_, other) = oauth(&calmboard, API, &json!({ "client_id": "client_2" }));
    calmboard.change(
        "POST",
        "revocations",
        &json!({ "api": "calmboard", "client_id": "client_1" }),
    );
    refused(&calmboard, &get(&calmboard, PROJECTS, &one), "credential_revoked");
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", &two), "credential_revoked");
    assert_eq!(get(&calmboard, PROJECTS, &other).status, 200);
}

/// CAL-7, CAL-10, CAL-11: the OAuth server is the application's: registration, consent with the browser's session, and its
/// documents pass without a key and as they are.
#[test]
fn the_oauth_servers_own_paths_pass_without_a_key_and_untouched() {
    let calmboard = calmboard();
    let fields = [
        ("Authorization", "Bearer the-browsers-session"),
        ("Cookie", "session=s1"),
        ("X-CalmBoard-API-Key", "whatever it is for"),
        ("X-User-Id", "user_2"),
    ];
    for (method, target) in [
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/api/oauth/register"),
        ("GET", "/api/oauth/authorize?client_id=client_1&resource=https%3A%2F%2Fcalmboard.ai"),
        ("POST", "/api/oauth/token"),
    ] {
        let told = calmboard.send(method, target, &fields, "").echo();
        assert_eq!((told.method(), told.target()), (method, target));
        for (name, value) in &fields[..3] {
            assert_eq!(told.field(name).as_deref(), Some(*value), "{name}");
        }
        assert_eq!(told.field("x-user-id"), None);
    }
}

/// CAL-7: from one address.
#[test]
fn clients_that_register_themselves_without_end_are_held_back() {
    let calmboard = calmboard();
    let register = || calmboard.send("POST", "/api/oauth/register", &[], "{}");
    for _ in 0..20 {
        assert_eq!(register().status, 200);
    }
    refused(&calmboard, &register(), "rate_exceeded");
    assert_eq!(calmboard.get("/", &[]).status, 200, "pages are not held back");
    assert_eq!(calmboard.seen(), 21);
}
