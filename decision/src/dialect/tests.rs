use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::outcome::Outcome;
use crate::test_support::api;

mod calls;
mod configured;
mod products;
mod properties;

fn field<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let same = answer.headers.iter().filter(|(known, _)| known.as_str() == name);
    same.map(|(_, value)| value.to_str().unwrap()).collect()
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn refusals() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.iter().copied().filter(|outcome| outcome.is_refusal())
}

#[test]
fn a_refusal_is_a_problem_with_the_outcome_as_its_code() {
    let answer = render(&Refused::of(Outcome::RouteUnknown, "never told"), "req_1", None);
    assert_eq!(answer.status, 404);
    assert_eq!(field(&answer, "content-type"), ["application/problem+json"]);
    assert_eq!(
        body(&answer),
        json!({
            "type": "urn:portcullis:problem:route_unknown",
            "title": "No route leads to this path",
            "status": 404,
            "code": "route_unknown",
            "request_id": "req_1",
        })
    );
}

#[test]
fn a_client_is_not_told_whether_a_credential_was_ever_good() {
    let answers: Vec<_> = [
        Outcome::CredentialUnknown,
        Outcome::CredentialRevoked,
        Outcome::CredentialDisabled,
        Outcome::CredentialExpired,
    ]
    .into_iter()
    .map(|outcome| render(&Refused::of(outcome, "").with_credential(), "r", None))
    .map(|answer| (answer.status, answer.headers, answer.body))
    .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(
        serde_json::from_slice::<Value>(&answers[0].2).unwrap()["code"],
        "credential_invalid"
    );
}

#[test]
fn every_401_has_exactly_one_challenge_with_an_error_only_where_a_credential_was_sent() {
    let api = api("a\"b", Vec::new());
    for outcome in refusals() {
        for sent in [false, true] {
            let refused = Refused { credential_sent: sent, ..Refused::of(outcome, "").by(&api) };
            let challenges = match (outcome.status(), sent) {
                (401, true) => vec![r#"Bearer realm="a\"b", error="invalid_token""#],
                (401, false) => vec![r#"Bearer realm="a\"b""#],
                _ => vec![],
            };
            assert_eq!(
                field(&render(&refused, "r", None), "www-authenticate"),
                challenges,
                "{outcome}"
            );
        }
    }
}

#[test]
fn every_429_and_503_says_when_to_try_again_and_only_a_405_what_is_allowed() {
    let allow = HeaderValue::from_static("GET, HEAD");
    for outcome in refusals() {
        let answer = render(&Refused::of(outcome, "").allowing(&allow), "r", None);
        let retry = if matches!(outcome.status(), 429 | 503) { vec!["1"] } else { vec![] };
        assert_eq!(field(&answer, "retry-after"), retry, "{outcome}");
        let allowed = if outcome.status() == 405 { vec!["GET, HEAD"] } else { vec![] };
        assert_eq!(field(&answer, "allow"), allowed, "{outcome}");
    }
}

#[test]
fn a_refusal_that_knows_when_to_try_again_says_so() {
    for (outcome, expected) in [
        (Outcome::RateExceeded, vec!["37"]),
        (Outcome::LimiterUnavailable, vec!["37"]),
        (Outcome::OrgMissing, vec![]),
    ] {
        let answer = render(&Refused::of(outcome, "").retrying_after(37), "r", None);
        assert_eq!(field(&answer, "retry-after"), expected, "{outcome}");
    }
}

#[test]
fn a_refusal_says_how_the_limits_stand_whatever_it_is_and_to_grpc_too() {
    let fields = [("ratelimit", r#""a";r=1"#), ("ratelimit-policy", r#""a";q=2"#)];
    let fields = fields
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    for content_type in [None, Some(&b"application/grpc"[..])] {
        let refused = Refused { fields: fields.to_vec(), ..Refused::of(Outcome::OrgMissing, "") };
        let answer = render(&refused, "r", content_type);
        assert_eq!(field(&answer, "ratelimit"), [r#""a";r=1"#]);
        assert_eq!(field(&answer, "ratelimit-policy"), [r#""a";q=2"#]);
    }
}

#[test]
fn every_refusal_is_stored_nowhere_and_speaks_its_own_status() {
    for outcome in refusals() {
        let answer = render(&Refused::of(outcome, ""), "r", None);
        assert_eq!(field(&answer, "cache-control"), ["no-store"]);
        assert_eq!(answer.status, outcome.status());
        assert_eq!(body(&answer)["status"], outcome.status());
    }
}

#[test]
fn the_request_id_is_echoed_in_the_apis_field_or_the_default_one_or_not_at_all() {
    let mut api = api("a", Vec::new());
    let refused = Refused::of(Outcome::RouteUnknown, "");
    assert_eq!(field(&render(&refused, "req_1", None), "x-request-id"), ["req_1"]);
    api.identity.request_id.respond = Some(HeaderName::from_static("x-trace"));
    let answer = render(&refused.clone().by(&api), "req_1", None);
    assert_eq!(
        (field(&answer, "x-trace"), field(&answer, "x-request-id")),
        (vec!["req_1"], vec![])
    );
    api.identity.request_id.respond = None;
    let answer = render(&refused.by(&api), "req_1", None);
    assert!(!answer.headers.iter().any(|(_, value)| value == "req_1"));
}

proptest! {
    #[test]
    fn no_request_id_breaks_the_body_or_the_head(request_id in any::<String>()) {
        let answer = render(&Refused::of(Outcome::RequestMalformed, ""), &request_id, None);
        prop_assert_eq!(&body(&answer)["request_id"], &Value::from(request_id));
    }
}
