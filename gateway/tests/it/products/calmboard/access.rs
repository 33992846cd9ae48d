//! Who may use keys and tokens: whoever pays, for what the application says.

use serde_json::json;

use super::{API, MCP, PROJECTS, ask, calmboard, get, key, oauth, pays, refused, refused_rpc};

/// CAL-4, CAL-18: everything under the prefix, as the user who created the key.
#[test]
fn a_key_reaches_the_whole_api_as_its_user() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    for target in [PROJECTS, "/api/v1/projects/p_1/boards?limit=2", "/api/v1/boards/b_1", "/api/v1"]
    {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let told = ask(&calmboard, method, target, &secret).echo();
            assert_eq!((told.method(), told.target()), (method, target));
            assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
        }
    }
}

/// CAL-5: "when the user plan does not include integration APIs", from one request to the next.
#[test]
fn keys_and_tokens_work_while_their_user_pays() {
    let calmboard = calmboard();
    pays(&calmboard, "user_2");
    let (_, secret) = key(&calmboard, &json!({}));
    let (_, token) = oauth(&calmboard, API, &json!({}));
    let (_, of_mcp) = oauth(&calmboard, MCP, &json!({}));
    let (_, other) = key(&calmboard, &json!({ "subject": "user_2" }));
    let works = || {
        for secret in [&secret, &token] {
            assert_eq!(get(&calmboard, PROJECTS, secret).status, 200);
        }
        assert_eq!(ask(&calmboard, "POST", "/mcp", &of_mcp).status, 200);
    };
    works();
    for capabilities in [json!([]), json!(["something_else"])] {
        calmboard.change("PATCH", "subjects/user_1", &json!({ "capabilities": capabilities }));
        for secret in [&secret, &token] {
            refused(&calmboard, &get(&calmboard, PROJECTS, secret), "capability_missing");
        }
        refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", &of_mcp), "capability_missing");
        assert_eq!(get(&calmboard, PROJECTS, &other).status, 200);
    }
    calmboard.change("PATCH", "subjects/user_1", &json!({ "capabilities": ["integration_api"] }));
    works();
}

/// CAL-5: nobody pays until the application says so.
#[test]
fn a_user_without_a_record_has_no_plan() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({ "subject": "user_3" }));
    refused(&calmboard, &get(&calmboard, PROJECTS, &secret), "capability_missing");
    assert_eq!(calmboard.seen(), 0);
}

/// The page says nothing of it, and nothing else would be expected.
#[test]
fn an_account_that_is_suspended_or_inactive_is_forbidden() {
    let calmboard = calmboard();
    let (id, secret) = key(&calmboard, &json!({}));
    for (state, outcome) in [("suspended", "subject_suspended"), ("inactive", "subject_inactive")] {
        calmboard.change("PATCH", "subjects/user_1", &json!({ "state": state }));
        refused(&calmboard, &get(&calmboard, PROJECTS, &secret), outcome);
    }
    calmboard.revoke(&id);
    refused(&calmboard, &get(&calmboard, PROJECTS, &secret), "credential_revoked");
}

/// The web application: nobody is asked who they are, and nobody is believed.
#[test]
fn pages_pass_with_what_they_were_sent_but_for_identity() {
    let calmboard = calmboard();
    let fields = [
        ("Authorization", "Bearer the-browsers-session"),
        ("X-CalmBoard-API-Key", "cbk_of-a-form"),
        ("Cookie", "session=s1"),
        ("X-User-Id", "user_1"),
        ("X-Credential-Id", "crd_1"),
        ("X-Scopes", "everything"),
    ];
    for target in ["/", "/integrations", "/api/v1x", "/api/session", "/mcpx"] {
        let told = calmboard.send("POST", target, &fields, "body").echo();
        assert_eq!((told.target(), told.body()), (target, "body"));
        for (name, value) in &fields[..3] {
            assert_eq!(told.field(name).as_deref(), Some(*value), "{name}");
        }
        for (name, _) in &fields[3..] {
            assert_eq!(told.field(name), None, "{name}");
        }
    }
}
