//! Error bodies of products as they are in use: each can be said.

use super::configured::{of, said};
use super::*;

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[test]
fn one_envelope_for_all_with_one_code_for_whatever_is_wrong_with_a_token() {
    let snapshot = of(r"
      body: { error: { code: $code, message: $message, status: $status, requestId: $request_id, details: null } }
      outcomes:
        credential_missing: { code: UNAUTHENTICATED }
        credential_malformed: { code: UNAUTHENTICATED }
        credential_unknown: { code: INVALID_API_TOKEN }
        subject_suspended: { code: ACCOUNT_SUSPENDED }
        resource_restricted: { code: BILLING_RESTRICTED }
        rate_exceeded: { code: RATE_LIMITED }
        default: { code: FORBIDDEN }
        store_unavailable: { code: INTERNAL_ERROR }");
    for (outcome, status, code) in [
        (Outcome::CredentialMalformed, 401, "UNAUTHENTICATED"),
        (Outcome::CredentialExpired, 401, "INVALID_API_TOKEN"),
        (Outcome::CredentialRevoked, 401, "INVALID_API_TOKEN"),
        (Outcome::SubjectSuspended, 403, "ACCOUNT_SUSPENDED"),
        (Outcome::ScopeInsufficient, 403, "FORBIDDEN"),
        (Outcome::RateExceeded, 429, "RATE_LIMITED"),
        (Outcome::StoreUnavailable, 503, "INTERNAL_ERROR"),
    ] {
        let answer = said(&snapshot, outcome, "/a", None);
        let title = if code == "INVALID_API_TOKEN" {
            "The credential is not valid"
        } else {
            outcome.title()
        };
        assert_eq!(
            text(&answer),
            format!(
                r#"{{"error":{{"code":"{code}","message":"{title}","status":{status},"requestId":"req_1","details":null}}}}"#
            )
        );
    }
}

#[test]
fn a_message_alone_with_a_code_beside_it_for_one_outcome() {
    let snapshot = of(r"
      body: { message: $message }
      outcomes:
        default: { message: Forbidden }
        credential_missing: { message: Unauthenticated. }
        credential_unknown: { message: Unauthenticated. }
        rate_exceeded: { message: Too Many Attempts. }
        resource_unknown: { message: Not Found }
        scope_insufficient: { body: { message: $message, code: insufficient_scope } }");
    for (outcome, status, body) in [
        (Outcome::CredentialMissing, 401, r#"{"message":"Unauthenticated."}"#),
        (Outcome::CredentialExpired, 401, r#"{"message":"Unauthenticated."}"#),
        (Outcome::RateExceeded, 429, r#"{"message":"Too Many Attempts."}"#),
        (Outcome::ResourceUnknown, 404, r#"{"message":"Not Found"}"#),
        (Outcome::ResourceForbidden, 403, r#"{"message":"Forbidden"}"#),
        (Outcome::ScopeInsufficient, 403, r#"{"message":"Forbidden","code":"insufficient_scope"}"#),
    ] {
        let answer = said(&snapshot, outcome, "/a", None);
        assert_eq!((answer.status.as_u16(), text(&answer)), (status, body), "{outcome}");
    }
}

#[test]
fn several_shapes_in_one_api_by_scheme_and_outcome_and_a_text_for_one() {
    let snapshot = of(r#"
      body: { message: $message }
      outcomes:
        credential_missing: { message: "Unauthorized - API key or Access Token required" }
        credential_unknown:
          message: Unauthorized
          schemes:
            api: { body: { error: Unauthorized, message: Invalid API key, request_id: $request_id } }
        org_mismatch: { body: { message: "Forbidden - organization mismatch", details: { expected: null } } }
        store_unavailable: { body: { error: Internal Server Error, message: $message, request_id: $request_id } }
        rate_exceeded: { body: "Too many requests. Please try again later." }
        subject_inactive: { status: 401, code: 40001, body: { code: $code, message: Unauthorized } }"#);
    let to = |outcome, scheme| said(&snapshot, outcome, "/a", scheme);
    let table = [
        (
            Outcome::CredentialMissing,
            None,
            r#"{"message":"Unauthorized - API key or Access Token required"}"#,
        ),
        (
            Outcome::CredentialUnknown,
            Some("api"),
            r#"{"error":"Unauthorized","message":"Invalid API key","request_id":"req_1"}"#,
        ),
        (
            Outcome::CredentialRevoked,
            Some("api"),
            r#"{"error":"Unauthorized","message":"Invalid API key","request_id":"req_1"}"#,
        ),
        (Outcome::CredentialUnknown, Some("acc"), r#"{"message":"Unauthorized"}"#),
        (
            Outcome::OrgMismatch,
            Some("api"),
            r#"{"message":"Forbidden - organization mismatch","details":{"expected":null}}"#,
        ),
        (Outcome::RateExceeded, Some("api"), "Too many requests. Please try again later."),
        (Outcome::SubjectInactive, Some("acc"), r#"{"code":40001,"message":"Unauthorized"}"#),
    ];
    for (outcome, scheme, body) in table {
        assert_eq!(text(&to(outcome, scheme)), body, "{outcome}");
    }
    let limited = to(Outcome::RateExceeded, Some("api"));
    assert_eq!(field(&limited, "content-type"), ["text/plain; charset=utf-8"]);
    assert_eq!(to(Outcome::SubjectInactive, None).status, 401);
    assert_eq!(to(Outcome::StoreUnavailable, None).status, 503);
}
