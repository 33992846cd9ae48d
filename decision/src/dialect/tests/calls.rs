//! Refusals of gRPC calls.

use super::configured::{of, refused};
use super::*;

const GRPC: Option<&[u8]> = Some(b"application/grpc+proto");

#[test]
fn a_call_is_refused_with_200_and_trailers_only() {
    for outcome in refusals() {
        let allow = HeaderValue::from_static("POST");
        let answer =
            render(&Refused::of(outcome, "").with_credential().allowing(&allow), "req_1", GRPC);
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0), "{outcome}");
        assert_eq!(field(&answer, "content-type"), ["application/grpc"]);
        assert_eq!(field(&answer, "grpc-status").len(), 1);
        assert_eq!(field(&answer, "grpc-message").len(), 1);
        assert_eq!(field(&answer, "x-request-id"), ["req_1"]);
        // What belongs to a status of HTTP has nothing to say beside 200.
        for name in ["www-authenticate", "retry-after", "allow"] {
            assert!(field(&answer, name).is_empty(), "{outcome}: {name}");
        }
        let pushback = if matches!(outcome.status(), 429 | 503) { vec!["1000"] } else { vec![] };
        assert_eq!(field(&answer, "grpc-retry-pushback-ms"), pushback, "{outcome}");
    }
    let refused = Refused::of(Outcome::RateExceeded, "").retrying_after(37);
    assert_eq!(field(&render(&refused, "r", GRPC), "grpc-retry-pushback-ms"), ["37000"]);
}

#[test]
fn the_message_of_a_call_is_that_of_the_dialect_percent_encoded() {
    let snapshot = of("{ outcomes: { credential_missing: { message: '100 % nöt: \"$code\"' } } }");
    let answer = render(&refused(&snapshot, Outcome::CredentialMissing), "r", GRPC);
    assert_eq!(field(&answer, "grpc-message"), ["100 %25 n%C3%B6t: \"credential_missing\""]);
    assert_eq!(field(&answer, "grpc-status"), ["16"]);
}

#[test]
fn a_call_comes_before_the_routes_dialect() {
    let snapshot = of("jsonrpc");
    let mcp = snapshot.apis[0].routes.routes().iter().find(|route| route.path == "/mcp").unwrap();
    let answer = render(&refused(&snapshot, Outcome::RouteUnknown).on(mcp), "r", GRPC);
    assert_eq!(field(&answer, "grpc-status"), ["12"]);
}
