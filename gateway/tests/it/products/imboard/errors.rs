//! The page's table of codes, in the envelope that the product has: for each outcome the bytes that are sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::support::BEFORE;
use super::{IMBOARD, ask, get, refused, token};
use crate::support::{Gate, Upstream};

/// Outcome, status, code and message.
#[rustfmt::skip]
pub(super) const SPOKEN: [(&str, u16, &str, &str); 39] = [
    ("request_malformed", 400, "INVALID_REQUEST", "The request is malformed"),
    ("request_timeout", 408, "INVALID_REQUEST", "The request took too long to arrive"),
    ("body_too_large", 413, "INVALID_REQUEST", "The request's body is too large"),
    ("route_unknown", 404, "RESOURCE_NOT_FOUND", "The resource was not found"),
    ("method_not_allowed", 405, "METHOD_NOT_ALLOWED", "The method is not allowed on this path"),
    ("address_denied", 403, "FORBIDDEN", "Requests from this address are not allowed"),
    ("credential_missing", 401, "UNAUTHENTICATED", "Authentication required"),
    ("credential_malformed", 401, "UNAUTHENTICATED", "The Authorization header is invalid"),
    ("credential_ambiguous", 401, "UNAUTHENTICATED", "The Authorization header is invalid"),
    ("credential_unknown", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("credential_revoked", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("credential_disabled", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("credential_expired", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("scheme_not_accepted", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("audience_mismatch", 401, "INVALID_API_TOKEN", "The API token is invalid"),
    ("verifier_refused", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("failures_exceeded", 429, "RATE_LIMITED", "Too many requests"),
    ("rate_exceeded", 429, "RATE_LIMITED", "Too many requests"),
    ("quota_exceeded", 429, "RATE_LIMITED", "Too many requests"),
    ("subject_suspended", 403, "ACCOUNT_SUSPENDED", "Your account is suspended. Contact support"),
    ("subject_inactive", 403, "ACCOUNT_INACTIVE", "Your account is inactive. Reactivate it in settings"),
    ("org_missing", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("org_not_member", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("org_mismatch", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("admin_required", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("resource_unknown", 404, "RESOURCE_NOT_FOUND", "The resource was not found"),
    ("resource_forbidden", 404, "RESOURCE_NOT_FOUND", "The resource was not found"),
    ("capability_missing", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("resource_restricted", 403, "BILLING_RESTRICTED", "The billing state of the board blocks this operation"),
    ("level_insufficient", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("scope_insufficient", 403, "FORBIDDEN", "You do not have permission for this action"),
    ("store_unavailable", 503, "INTERNAL_ERROR", "The credential cannot be checked right now"),
    ("verifier_unavailable", 503, "INTERNAL_ERROR", "The credential cannot be verified right now"),
    ("limiter_unavailable", 503, "INTERNAL_ERROR", "The limits cannot be checked right now"),
    ("draining", 503, "INTERNAL_ERROR", "The gateway is going away"),
    ("internal", 500, "INTERNAL_ERROR", "The gateway failed"),
    ("upstream_unavailable", 503, "INTERNAL_ERROR", "The service is unavailable"),
    ("upstream_timeout", 504, "INTERNAL_ERROR", "The service did not answer in time"),
    ("upstream_invalid", 502, "INTERNAL_ERROR", "The service gave no valid answer"),
];

/// Status and body of an outcome; the request's id is `$id`.
pub(super) fn spoken(outcome: &str) -> (u16, String) {
    let (_, status, code, message) = SPOKEN.iter().find(|row| row.0 == outcome).unwrap();
    let body = format!(
        r#"{{"error":{{"code":"{code}","message":"{message}","status":{status},"requestId":"$id","details":null}}}}"#
    );
    (*status, body)
}

/// IMB-19: the envelope, in every code of the page's table and of the gateway's own faults.
#[test]
fn every_refusal_is_said_in_the_products_envelope_with_the_pages_code() {
    let expected: BTreeMap<_, _> = SPOKEN
        .iter()
        .map(|(outcome, ..)| {
            let (status, body) = spoken(outcome);
            (*outcome, (status, "application/json".to_owned(), body))
        })
        .collect();
    for (route, scheme) in [(None, None), (Some("api"), Some("pat")), (Some("board"), Some("bat"))]
    {
        let mut said = IMBOARD.speech(route, scheme);
        said.retain(|outcome, _| !BEFORE.contains(outcome));
        assert_eq!(said, expected);
    }
}

/// IMB-19: `req_` and 16 hexadecimal digits, the same for client, application and log.
#[test]
fn every_request_has_an_id_that_client_application_and_log_share() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let forged = ("X-Request-Id", "req_0000000000000000");
    let bearer = format!("Bearer {secret}");
    let passed = imboard.get("/api/v1/me", &[("Authorization", &bearer), forged]);
    let refused = imboard.get("/api/v1/me", &[forged]);
    for answer in [&passed, &refused] {
        let id = answer.request_id();
        let digits = id.strip_prefix("req_").unwrap();
        assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert_eq!(id, id.to_lowercase());
        assert_eq!(imboard.gateway.line(&id)["request_id"], id);
        assert_ne!(id, forged.1);
    }
    assert_eq!(passed.echo().all("x-request-id"), [passed.request_id()]);
    assert_eq!(refused.json()["error"]["requestId"], refused.request_id());
    assert_eq!(refused.json()["error"]["details"], Value::Null);
}

/// Each fault of the application's, or between it and us, is one of ours in the product's words.
#[test]
fn an_application_that_is_away_or_answers_nonsense_is_an_internal_error() {
    let nonsense = IMBOARD.before(Upstream::answering("nonsense\r\n\r\n"));
    let (_, secret) = token(&nonsense, &json!({}));
    refused(&nonsense, &get(&nonsense, "/api/v1/me", &secret), "upstream_invalid");

    let upstream = Upstream::echo();
    let setup = IMBOARD.setup(&upstream).environment("IMBOARD_UPSTREAM", &nobody());
    let away = IMBOARD.started(setup, upstream);
    let (_, secret) = token(&away, &json!({}));
    refused(&away, &get(&away, "/api/v1/me", &secret), "upstream_unavailable");
    assert_eq!(away.seen(), 0);
}

/// An address at which nobody listens.
fn nobody() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A client must not take it for a verdict on its token.
#[test]
fn a_token_that_cannot_be_looked_up_is_an_internal_error_and_no_401() {
    let imboard = IMBOARD.echoing();
    let (_, known) = token(&imboard, &json!({}));
    let (_, other) = token(&imboard, &json!({}));
    assert_eq!(get(&imboard, "/api/v1/me", &known).status, 200);
    std::fs::remove_file(imboard.gateway.folder().join("portcullis.db")).unwrap();
    refused(&imboard, &get(&imboard, "/api/v1/me", &other), "store_unavailable");
    assert_eq!(get(&imboard, "/api/v1/me", &known).status, 200, "it is cached");
    assert_eq!(imboard.get("/", &[]).status, 200, "pages ask nobody");
}

#[test]
fn a_gateway_that_is_about_to_leave_says_so_in_the_products_words() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let setup = IMBOARD.setup(&upstream).server("drain: { delay: 0s, timeout: 1s }");
    let imboard = IMBOARD.started(setup, upstream);
    let (_, secret) = token(&imboard, &json!({}));
    let bearer = format!("Bearer {secret}");
    let mut waiting = imboard.gateway.connect();
    waiting.send(imboard.request("GET", "/api/v1/me", &[("Authorization", &bearer)], ""));
    imboard.upstream.wait_for_requests(1);
    imboard.gateway.sigterm();
    refused(&imboard, &waiting.response(), "draining");
}

/// Nobody knows yet which api they are for.
#[test]
fn what_is_refused_before_the_host_is_looked_at_is_said_in_nobodys_words() {
    let imboard = IMBOARD.echoing();
    let long = format!("/api/v1/{}", "a".repeat(9000));
    let many = "a".repeat(17_000);
    for (response, status, code) in [
        (imboard.get(&long, &[]), 414, "uri_too_long"),
        (imboard.get("/api/v1/me", &[("X-Many", &many)]), 431, "head_too_large"),
        (imboard.gateway.get("/api/v1/me", &[("Host", "calmboard.ai")]), 404, "host_unknown"),
    ] {
        assert_eq!((response.status, response.code().as_str()), (status, code));
    }
}

/// IMB-17, IMB-18: what the application says of permissions, billing and boards that nobody may know of, passes byte for byte.
#[test]
fn the_applications_own_errors_arrive_as_it_sent_them() {
    for (status, code) in [
        ("403 Forbidden", "FORBIDDEN"),
        ("403 Forbidden", "BILLING_RESTRICTED"),
        ("404 Not Found", "RESOURCE_NOT_FOUND"),
        ("400 Bad Request", "INVALID_QUERY_PARAMETER"),
        ("429 Too Many Requests", "RATE_LIMITED"),
    ] {
        let body = format!(
            r#"{{"error":{{"code":"{code}","message":"the application's", "status":1,"requestId":null,"details":{{}}}}}}"#
        );
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nX-Own: yes\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let imboard = IMBOARD.before(Upstream::answering(answer));
        let (_, secret) = token(&imboard, &json!({}));
        for target in ["/api/v1/boards/board_of_others", "/api/v1/me", "/"] {
            let response = get(&imboard, target, &secret);
            assert_eq!(response.text(), body);
            assert!(status.starts_with(&response.status.to_string()));
            assert_eq!(response.field("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(
                (response.field("x-own"), response.field("retry-after")),
                (Some("yes"), None)
            );
        }
        imboard.gateway.forwards_credentials();
    }
}

/// IMB-20: the count is the file's example, the window the product's; a token has its own.
#[test]
fn the_request_over_the_limit_of_its_token_is_rate_limited_within_a_window_of_five_minutes() {
    let imboard = IMBOARD.echoing();
    let few = json!({ "limits": { "per-token": 2 } });
    let (_, secret) = token(&imboard, &few);
    let (_, sibling) = token(&imboard, &few);
    for left in [1, 0] {
        let response = get(&imboard, "/api/v1/me", &secret);
        assert_eq!(response.field("ratelimit-policy"), Some(r#""per-token";q=2;w=300"#));
        assert!(
            response.field("ratelimit").unwrap().starts_with(&format!("\"per-token\";r={left};"))
        );
    }
    for method in ["GET", "POST"] {
        let over = ask(&imboard, method, "/api/v1/boards", &secret);
        refused(&imboard, &over, "rate_exceeded");
        let wait: u64 = over.field("retry-after").unwrap().parse().unwrap();
        assert!(
            (240..=300).contains(&wait),
            "until the first of the two is five minutes old: {wait}"
        );
    }
    assert_eq!(imboard.seen(), 2);
    assert_eq!(get(&imboard, "/api/v1/me", &sibling).status, 200, "of the same user");
    assert_eq!(imboard.get("/", &[]).status, 200);
    let (_, usual) = token(&imboard, &json!({}));
    let policy = get(&imboard, "/api/v1/me", &usual);
    assert_eq!(policy.field("ratelimit-policy"), Some(r#""per-token";q=300;w=300"#));
}

/// IMB-20: whoever guesses is held back before it costs a look-up, and in the same words.
#[test]
fn an_address_that_guesses_tokens_is_rate_limited() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200);
    let mut client = imboard.gateway.connect();
    let mut guess = |n: usize| {
        let bearer = format!("Bearer imb_pat_guess_{n}");
        client
            .send(imboard.request("GET", "/api/v1/me", &[("Authorization", &bearer)], ""))
            .response()
    };
    for n in 0..100 {
        assert_eq!(guess(n).status, 401);
    }
    refused(&imboard, &guess(100), "failures_exceeded");
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200, "who is known goes on");
}

/// What the request itself is at fault in.
#[test]
fn a_request_that_is_at_fault_itself_is_told_so_in_the_products_words() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let big = [("Authorization", &*format!("Bearer {secret}")), ("Content-Length", "10485761")];
    let head = String::from_utf8(imboard.request("POST", "/api/v1/boards", &big, "")).unwrap();
    refused(&imboard, &imboard.gateway.send(head), "body_too_large");
    refused(&imboard, &get(&imboard, "/api/v1//me", &secret), "request_malformed");
    refused(&imboard, &get(&imboard, "/api/v1/boards/a%2Cb", &secret), "request_malformed");
    assert_eq!(imboard.seen(), 0);
}

/// A restriction that the operator can put on a token.
#[test]
fn a_token_from_elsewhere_than_it_may_be_used_is_forbidden() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({ "addresses": ["192.0.2.0/24"] }));
    refused(&imboard, &get(&imboard, "/api/v1/me", &secret), "address_denied");
    let (_, meant_for_another) = token(&imboard, &json!({ "audience": "https://other.example" }));
    refused(&imboard, &get(&imboard, "/api/v1/me", &meant_for_another), "audience_mismatch");
}
