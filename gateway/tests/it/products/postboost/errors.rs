//! What is said of everything that can be refused: status, content type and body.

use std::fs;

use super::{FORBIDDEN, INSUFFICIENT, NOT_FOUND, POSTBOOST, UNAUTHENTICATED, W1};
use super::{ask, postboost, refused, token, workspaces};
use crate::products::support::BEFORE;
use crate::support::Upstream;
use crate::support::upstream::Connection;

/// Every outcome that is a refusal, in the order of their names, but those before there is an api.
const SAID: &[(&str, u16, &str)] = &[
    ("address_denied", 403, FORBIDDEN),
    ("admin_required", 403, FORBIDDEN),
    ("audience_mismatch", 401, UNAUTHENTICATED),
    ("body_too_large", 413, r#"{"message":"Content Too Large"}"#),
    ("capability_missing", 403, FORBIDDEN),
    ("credential_ambiguous", 401, UNAUTHENTICATED),
    ("credential_disabled", 401, UNAUTHENTICATED),
    ("credential_expired", 401, UNAUTHENTICATED),
    ("credential_malformed", 401, UNAUTHENTICATED),
    ("credential_missing", 401, UNAUTHENTICATED),
    ("credential_revoked", 401, UNAUTHENTICATED),
    ("credential_unknown", 401, UNAUTHENTICATED),
    ("draining", 503, r#"{"message":"Service Unavailable"}"#),
    ("failures_exceeded", 429, r#"{"message":"Too Many Attempts."}"#),
    ("internal", 500, r#"{"message":"Server Error"}"#),
    ("level_insufficient", 403, INSUFFICIENT),
    ("limiter_unavailable", 503, r#"{"message":"Service Unavailable"}"#),
    ("method_not_allowed", 405, r#"{"message":"Method Not Allowed"}"#),
    ("org_mismatch", 403, FORBIDDEN),
    ("org_missing", 403, FORBIDDEN),
    ("org_not_member", 403, FORBIDDEN),
    ("quota_exceeded", 429, r#"{"message":"Too Many Attempts."}"#),
    ("rate_exceeded", 429, r#"{"message":"Too Many Attempts."}"#),
    ("request_malformed", 400, r#"{"message":"Bad Request"}"#),
    ("request_timeout", 408, r#"{"message":"Request Timeout"}"#),
    ("resource_forbidden", 403, INSUFFICIENT),
    ("resource_restricted", 403, FORBIDDEN),
    ("resource_unknown", 404, NOT_FOUND),
    ("route_unknown", 404, NOT_FOUND),
    ("scheme_not_accepted", 401, UNAUTHENTICATED),
    ("scope_insufficient", 403, INSUFFICIENT),
    ("store_unavailable", 503, r#"{"message":"Service Unavailable"}"#),
    ("subject_inactive", 403, FORBIDDEN),
    ("subject_suspended", 403, FORBIDDEN),
    ("upstream_invalid", 502, r#"{"message":"Bad Gateway"}"#),
    ("upstream_timeout", 504, r#"{"message":"Gateway Timeout"}"#),
    ("upstream_unavailable", 503, r#"{"message":"Service Unavailable"}"#),
    ("verifier_refused", 403, FORBIDDEN),
    ("verifier_unavailable", 503, r#"{"message":"Service Unavailable"}"#),
];

/// The pages name 401 and 403; the rest is spoken in the same form. The same is said on every route, and of every credential.
#[test]
fn every_refusal_has_its_status_and_its_message() {
    let expected: Vec<_> = SAID
        .iter()
        .map(|(name, status, body)| {
            (*name, (*status, "application/json".to_owned(), (*body).to_owned()))
        })
        .collect();
    for (route, scheme) in [(None, None), (Some("workspace"), Some("token")), (Some("tools"), None)]
    {
        let said = POSTBOOST.speech(route, scheme).into_iter();
        let said: Vec<_> = said.filter(|(outcome, _)| !BEFORE.contains(outcome)).collect();
        assert_eq!(said, expected, "{route:?}");
    }
}

/// Those of them that a client of this file can bring about besides those of the other tests, over the wire.
#[test]
fn refusals_of_the_request_itself_are_spoken_so_too() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let bearer = format!("Bearer {secret}");
    let huge = [("Authorization", &*bearer), ("Content-Length", "999999999999")];
    let large = postboost.send("POST", &format!("/app/api/{W1}/posts"), &huge, "");
    refused(&large, 413, r#"{"message":"Content Too Large"}"#);
    let method = ask(&postboost, "PURGE", &format!("/{W1}/reports/exports"), &secret);
    refused(&method, 405, r#"{"message":"Method Not Allowed"}"#);
    let allowed: Vec<_> = method.field("allow").unwrap().split(", ").collect();
    for method in ["POST", "GET", "DELETE"] {
        assert!(allowed.contains(&method), "{allowed:?}");
    }
    assert_eq!(postboost.seen(), 0);
}

/// A user's state is asked before limits and rights.
#[test]
fn a_suspended_or_inactive_user_is_forbidden_everywhere() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    for state in ["suspended", "inactive"] {
        postboost.change("PUT", "subjects/user_1", &serde_json::json!({ "state": state }));
        for target in ["/workspaces", &format!("/{W1}/posts"), "/panel/users", "/tools"] {
            refused(&ask(&postboost, "GET", target, &secret), 403, FORBIDDEN);
        }
    }
}

/// Nobody is told that his token is bad because the gateway cannot look it up.
#[test]
fn a_token_that_cannot_be_looked_up_is_503_and_one_that_is_known_goes_on() {
    let postboost = postboost();
    let (_, known) = token(&postboost, "user_1");
    let (_, other) = token(&postboost, "user_1");
    let target = format!("/{W1}/posts");
    assert_eq!(ask(&postboost, "GET", &target, &known).status, 200);
    fs::remove_file(postboost.gateway.folder().join("portcullis.db")).unwrap();
    let lost = ask(&postboost, "GET", &target, &other);
    refused(&lost, 503, r#"{"message":"Service Unavailable"}"#);
    assert!(lost.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(ask(&postboost, "GET", &target, &known).status, 200);
}

/// The application's own faults are told apart from what it answers.
#[test]
fn an_application_that_answers_no_http_or_not_at_all_is_502_or_503() {
    let gone = Upstream::scripted(|connection: &mut Connection| {
        if connection.request().is_some() {
            connection.write("no http at all\r\n\r\n");
        }
    });
    let postboost = workspaces(POSTBOOST.before(gone));
    let (_, secret) = token(&postboost, "user_1");
    let target = format!("/{W1}/posts");
    refused(&ask(&postboost, "POST", &target, &secret), 502, r#"{"message":"Bad Gateway"}"#);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::echo();
    let setup = POSTBOOST.setup(&upstream).environment("POSTBOOST_UPSTREAM", &nobody.to_string());
    let postboost = workspaces(POSTBOOST.started(setup, upstream));
    let (_, secret) = token(&postboost, "user_1");
    refused(&ask(&postboost, "GET", &target, &secret), 503, r#"{"message":"Service Unavailable"}"#);
}
