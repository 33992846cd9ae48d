//! The page's list of common errors: for each outcome the bytes that are sent.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::support::BEFORE;
use super::{
    API, CALMBOARD, MCP, PROJECTS, ask, calmboard, calmboard_before, get, key, oauth, refused,
    refused_rpc,
};
use crate::support::{Gate, Upstream};

/// Outcome, status, code and message.
#[rustfmt::skip]
const SPOKEN: [(&str, u16, &str, &str); 39] = [
    ("request_malformed", 400, "invalid_request", "The request is malformed"),
    ("request_timeout", 408, "invalid_request", "The request took too long to arrive"),
    ("body_too_large", 413, "invalid_request", "The request's body is too large"),
    ("route_unknown", 404, "not_found", "No route leads to this path"),
    ("method_not_allowed", 405, "method_not_allowed", "The method is not allowed on this path"),
    ("address_denied", 403, "forbidden", "The client's address is not allowed"),
    ("credential_missing", 401, "missing_api_key", "An API key is required"),
    ("credential_malformed", 401, "invalid_api_key", "The API key is invalid"),
    ("credential_ambiguous", 401, "invalid_api_key", "The request carries different API keys"),
    ("credential_unknown", 401, "invalid_api_key", "The API key is invalid"),
    ("credential_revoked", 401, "api_key_revoked", "The API key has been revoked"),
    ("credential_disabled", 401, "invalid_api_key", "The API key is invalid"),
    ("credential_expired", 401, "invalid_api_key", "The API key is invalid"),
    ("scheme_not_accepted", 401, "invalid_api_key", "This kind of key is not accepted here"),
    ("audience_mismatch", 401, "invalid_api_key", "The token was issued for another resource"),
    ("verifier_refused", 403, "forbidden", "The credential was refused"),
    ("failures_exceeded", 429, "rate_limit_exceeded", "Too many requests"),
    ("rate_exceeded", 429, "rate_limit_exceeded", "Too many requests"),
    ("quota_exceeded", 429, "rate_limit_exceeded", "Too many requests"),
    ("subject_suspended", 403, "forbidden", "The account is suspended"),
    ("subject_inactive", 403, "forbidden", "The account is inactive"),
    ("org_missing", 403, "forbidden", "The credential belongs to no organisation"),
    ("org_not_member", 403, "forbidden", "Not a member of the organisation"),
    ("org_mismatch", 403, "forbidden", "The credential belongs to another organisation"),
    ("admin_required", 403, "forbidden", "An administrator is required"),
    ("resource_unknown", 404, "not_found", "No such resource"),
    ("resource_forbidden", 403, "forbidden", "No access to this resource"),
    ("capability_missing", 403, "paid_plan_required", "Your plan does not include integration APIs"),
    ("resource_restricted", 403, "forbidden", "The resource is restricted"),
    ("level_insufficient", 403, "forbidden", "The credential's level does not suffice"),
    ("scope_insufficient", 403, "forbidden", "The credential's scopes do not suffice"),
    ("store_unavailable", 503, "internal_error", "The credential cannot be checked right now"),
    ("verifier_unavailable", 503, "internal_error", "The credential cannot be verified right now"),
    ("limiter_unavailable", 503, "internal_error", "The limits cannot be checked right now"),
    ("draining", 503, "internal_error", "The gateway is going away"),
    ("internal", 500, "internal_error", "The gateway failed"),
    ("upstream_unavailable", 503, "internal_error", "The service is unavailable"),
    ("upstream_timeout", 504, "internal_error", "The service did not answer in time"),
    ("upstream_invalid", 502, "internal_error", "The service gave no valid answer"),
];

fn row(outcome: &str) -> (u16, &'static str, &'static str) {
    let (_, status, code, message) = SPOKEN.iter().find(|row| row.0 == outcome).unwrap();
    (*status, code, message)
}

/// Status and body of an outcome.
pub(super) fn spoken(outcome: &str) -> (u16, String) {
    let (status, code, message) = row(outcome);
    (status, format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#))
}

/// The same for clients of the MCP server; the request's id is `$id`.
pub(super) fn spoken_rpc(outcome: &str) -> (u16, String) {
    let (status, code, message) = row(outcome);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32001,"message":"{message}","data":{{"code":"{code}","status":{status},"request_id":"$id"}}}}}}"#
    );
    (status, body)
}

fn said(
    route: Option<&str>,
    scheme: Option<&str>,
) -> BTreeMap<&'static str, (u16, String, String)> {
    let mut said = CALMBOARD.speech(route, scheme);
    said.retain(|outcome, _| !BEFORE.contains(outcome));
    said
}

fn expected(
    spoken: impl Fn(&str) -> (u16, String),
) -> BTreeMap<&'static str, (u16, String, String)> {
    let say = |outcome| {
        let (status, body) = spoken(outcome);
        (outcome, (status, "application/json".to_owned(), body))
    };
    SPOKEN.iter().map(|(outcome, ..)| say(*outcome)).collect()
}

/// CAL-17: code and message, in one shape.
#[test]
fn every_refusal_has_the_pages_code() {
    for (route, scheme) in [(None, None), (Some("api"), Some("key")), (Some("api"), Some("oauth"))]
    {
        assert_eq!(said(route, scheme), expected(spoken));
    }
}

/// CAL-13: what clients of the MCP server read.
#[test]
fn every_refusal_of_the_mcp_server_is_an_error_of_json_rpc_with_the_pages_code() {
    assert_eq!(said(Some("mcp"), Some("oauth")), expected(spoken_rpc));
}

#[test]
fn an_application_that_is_away_or_answers_nonsense_is_an_internal_error() {
    let nonsense = calmboard_before(Upstream::answering("nonsense\r\n\r\n"));
    let (_, secret) = key(&nonsense, &json!({}));
    refused(&nonsense, &get(&nonsense, PROJECTS, &secret), "upstream_invalid");
    let (_, token) = oauth(&nonsense, MCP, &json!({}));
    refused_rpc(&nonsense, &ask(&nonsense, "POST", "/mcp", &token), "upstream_invalid");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::echo();
    let setup = CALMBOARD.setup(&upstream).environment("CALMBOARD_UPSTREAM", &nobody.to_string());
    let away = CALMBOARD.started(setup, upstream);
    super::pays(&away, "user_1");
    let (_, secret) = key(&away, &json!({}));
    refused(&away, &get(&away, PROJECTS, &secret), "upstream_unavailable");
}

/// A client must not take it for a verdict on its key.
#[test]
fn a_key_that_cannot_be_looked_up_is_an_internal_error_and_no_401() {
    let calmboard = calmboard();
    let (_, known) = key(&calmboard, &json!({}));
    let (_, other) = key(&calmboard, &json!({}));
    assert_eq!(get(&calmboard, PROJECTS, &known).status, 200);
    std::fs::remove_file(calmboard.gateway.folder().join("portcullis.db")).unwrap();
    refused(&calmboard, &get(&calmboard, PROJECTS, &other), "store_unavailable");
    assert_eq!(get(&calmboard, PROJECTS, &known).status, 200, "it is cached");
    assert_eq!(calmboard.get("/", &[]).status, 200, "pages ask nobody");
}

#[test]
fn a_gateway_that_is_about_to_leave_says_so_in_the_products_words() {
    let upstream = Upstream::answering_at(&Gate::default());
    let setup = CALMBOARD.setup(&upstream).server("drain: { delay: 0s, timeout: 1s }");
    let calmboard = CALMBOARD.started(setup, upstream);
    super::pays(&calmboard, "user_1");
    let (_, secret) = key(&calmboard, &json!({}));
    let bearer = format!("Bearer {secret}");
    let mut waiting = calmboard.gateway.connect();
    waiting.send(calmboard.request("GET", PROJECTS, &[("Authorization", &bearer)], ""));
    calmboard.upstream.wait_for_requests(1);
    calmboard.gateway.sigterm();
    refused(&calmboard, &waiting.response(), "draining");
}

/// CAL-4: what a user may not see, and what there is not, is the application's to say, byte for byte.
#[test]
fn the_applications_own_errors_arrive_as_it_sent_them() {
    for (status, body) in [
        ("403 Forbidden", r#"{"error": "forbidden", "message": "the application's"}"#),
        ("404 Not Found", r#"{"error": "not_found"}"#),
        ("429 Too Many Requests", r#"{"error": "rate_limit_exceeded"}"#),
        ("402 Payment Required", ""),
    ] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let calmboard = calmboard_before(Upstream::answering(answer));
        let (_, secret) = key(&calmboard, &json!({}));
        let response = get(&calmboard, "/api/v1/projects/of-somebody-else", &secret);
        assert_eq!(response.text(), body);
        assert!(status.starts_with(&response.status.to_string()));
        assert_eq!(response.field("content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(response.field("retry-after"), None);
    }
}

/// CAL-16: the count and the window are the file's example; a key has its own.
#[test]
fn a_key_over_its_limit_is_told_when_to_come_again_and_another_of_the_user_is_not_over_it() {
    let calmboard = calmboard();
    let few = json!({ "limits": { "per-key": 2 } });
    let (_, one) = key(&calmboard, &few);
    let (_, other) = key(&calmboard, &few);
    for _ in 0..2 {
        let response = get(&calmboard, PROJECTS, &one);
        assert_eq!(response.status, 200);
        assert_eq!(response.field("ratelimit-policy"), Some(r#""per-key";q=2;w=60"#));
    }
    for method in ["GET", "POST"] {
        refused(&calmboard, &ask(&calmboard, method, "/api/v1/boards", &one), "rate_exceeded");
    }
    assert_eq!(calmboard.seen(), 2);
    assert_eq!(get(&calmboard, PROJECTS, &other).status, 200);
    let (_, usual) = key(&calmboard, &json!({}));
    let policy = get(&calmboard, PROJECTS, &usual);
    assert_eq!(policy.field("ratelimit-policy"), Some(r#""per-key";q=120;w=60"#));
    let (_, token) = oauth(&calmboard, MCP, &json!({ "limits": { "per-key": 1 } }));
    assert_eq!(ask(&calmboard, "POST", "/mcp", &token).status, 200);
    refused_rpc(&calmboard, &ask(&calmboard, "POST", "/mcp", &token), "rate_exceeded");
}

/// CAL-16: whoever guesses is held back before it costs a look-up, and in the same words.
#[test]
fn an_address_that_guesses_keys_is_over_its_limit() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    assert_eq!(get(&calmboard, PROJECTS, &secret).status, 200);
    let mut client = calmboard.gateway.connect();
    let mut guess = |n: usize| {
        let guess = format!("cbk_guess_{n}");
        let bytes = calmboard.request("GET", PROJECTS, &[("X-CalmBoard-API-Key", &guess)], "");
        client.send(bytes).response()
    };
    for n in 0..100 {
        assert_eq!(guess(n).status, 401);
    }
    refused(&calmboard, &guess(100), "failures_exceeded");
    assert_eq!(get(&calmboard, PROJECTS, &secret).status, 200, "who is known goes on");
}

#[test]
fn a_request_that_is_at_fault_itself_is_told_so_in_the_products_words() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    let big = [("X-CalmBoard-API-Key", &*secret), ("Content-Length", "10485761")];
    refused(&calmboard, &calmboard.send("POST", PROJECTS, &big, ""), "body_too_large");
    refused(&calmboard, &get(&calmboard, "/api/v1//projects", &secret), "request_malformed");
    let (_, elsewhere) = key(&calmboard, &json!({ "addresses": ["192.0.2.0/24"] }));
    refused(&calmboard, &get(&calmboard, PROJECTS, &elsewhere), "address_denied");
    let (_, for_the_api) = oauth(&calmboard, API, &json!({ "addresses": ["192.0.2.0/24"] }));
    refused(&calmboard, &get(&calmboard, PROJECTS, &for_the_api), "address_denied");
    assert_eq!(calmboard.seen(), 0);
}
