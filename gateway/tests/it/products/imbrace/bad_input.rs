//! What no client should send: the documented refusal, never a fault, never another's organisation.

use serde_json::json;

use super::*;

const TARGET: &str = "/data-board/boards";

/// IM-6: several values of one kind are no credential, whichever is good.
#[test]
fn two_different_keys_two_tokens_or_two_bearers_are_refused_and_equal_ones_are_one() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    let bearer = format!("Bearer {api}");
    let body = r#"{"message":"Unauthorized - API key or Access Token required"}"#;
    for (name, good, bad) in [
        ("x-api-key", &*api, "api_dead"),
        ("x-access-token", &*acc, "acc_dead"),
        ("authorization", &*bearer, "Bearer api_dead"),
    ] {
        for fields in [[(name, good), (name, bad)], [(name, bad), (name, good)]] {
            refused(&imbrace, &imbrace.get(TARGET, &fields), "credential_ambiguous", 401, body);
        }
        assert_eq!(imbrace.get(TARGET, &[(name, good), (name, good)]).status, 200);
    }
    // A key twice over, in both of its places: the header that is its own comes first.
    let fields = [("authorization", "Bearer api_dead"), ("x-api-key", &*api)];
    assert_eq!(told(&imbrace.get(TARGET, &fields)), of("org_1", "u_1"));
}

/// IM-5, IM-6: what is no credential at all.
#[test]
fn values_that_are_none_of_the_three_are_refused_as_unknown_or_missing() {
    let imbrace = echoing();
    for value in [
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1XzEifQ.c2ln",
        "Bearer imb_pat_x",
        "Bearer cbk_x",
        "Bearer ak_x",
        "bEaReR 12|abc",
    ] {
        refused(
            &imbrace,
            &imbrace.get(TARGET, &[("authorization", value)]),
            "credential_unknown",
            401,
            BAD_TOKEN,
        );
    }
    for value in ["Basic eDp5", "api_x", "Token acc_x", ""] {
        refused(
            &imbrace,
            &imbrace.get(TARGET, &[("authorization", value)]),
            "credential_missing",
            401,
            NO_CREDENTIAL,
        );
    }
    for value in ["Bearer", "Bearer ", "Bearer a b"] {
        refused(
            &imbrace,
            &imbrace.get(TARGET, &[("authorization", value)]),
            "credential_malformed",
            401,
            NO_CREDENTIAL,
        );
    }
    for (name, value) in [
        ("x-api-key", "eyJhbGciOi.eyJzdWIi.c2ln"),
        ("x-access-token", "abc"),
        ("x-access-token", "eyJhbGciOi.eyJzdWIi.c2ln"),
    ] {
        refused(
            &imbrace,
            &imbrace.get(TARGET, &[(name, value)]),
            "credential_unknown",
            401,
            BAD_TOKEN,
        );
    }
    for (name, value) in [("x-api-key", ""), ("x-access-token", ""), ("x-api-key", "  ")] {
        refused(
            &imbrace,
            &imbrace.get(TARGET, &[(name, value)]),
            "credential_missing",
            401,
            NO_CREDENTIAL,
        );
    }
    assert_eq!(imbrace.seen(), 0);
}

/// IM-5, IM-6
#[test]
fn names_and_schemes_are_read_in_any_case_and_basic_beside_a_good_key_is_nothing() {
    let imbrace = echoing();
    let (_, api) = key(&imbrace, &json!({}));
    for fields in [
        vec![("X-API-KEY", &*api)],
        vec![("x-api-key", &*api), ("Authorization", "Basic eDp5")],
        vec![("authorization", &*format!("bearer {api}"))],
        vec![("AUTHORIZATION", &*format!("BEARER   {api}"))],
        vec![("x-api-key", &*format!("  {api} "))],
    ] {
        let answer = imbrace.get(TARGET, &fields);
        assert_eq!(told(&answer), of("org_1", "u_1"));
        assert_eq!(answer.echo().field("authorization"), None);
    }
    // A prefix in another case is another value.
    let shouted = api.replace("api_", "API_");
    refused(
        &imbrace,
        &imbrace.get(TARGET, &[("x-api-key", &shouted)]),
        "credential_unknown",
        401,
        BAD_TOKEN,
    );
}

/// IM-1, IM-2: long ones, and bytes that no credential has.
#[test]
fn overlong_values_and_odd_bytes_are_refused_and_nobody_is_asked() {
    let imbrace = echoing();
    let (longest, over) =
        (format!("api_{}", "x".repeat(8188)), format!("api_{}", "x".repeat(8189)));
    refused(
        &imbrace,
        &imbrace.get(TARGET, &[("x-api-key", &longest)]),
        "credential_unknown",
        401,
        BAD_KEY,
    );
    refused(
        &imbrace,
        &imbrace.get(TARGET, &[("x-api-key", &over)]),
        "credential_malformed",
        401,
        NO_CREDENTIAL,
    );
    for value in ["api_a b", "api_\u{e9}", "api_\tx"] {
        let answer = imbrace.get(TARGET, &[("x-api-key", value)]);
        refused(&imbrace, &answer, "credential_malformed", 401, NO_CREDENTIAL);
    }
    for value in ["api_\u{0}", "api_\u{1}", "api_\u{7f}"] {
        assert_eq!(imbrace.get(TARGET, &[("x-api-key", value)]).status, 400);
    }
    assert_eq!(imbrace.seen(), 0);
}
