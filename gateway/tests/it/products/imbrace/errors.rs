//! What clients are told of each outcome, byte for byte.

use serde_json::json;

use super::*;
use crate::support::Upstream;

/// Status and body of each outcome, to whoever came with an access token or with nothing; `$id` is the request's id.
const SPOKEN: [(&str, u16, &str); 41] = [
    ("credential_missing", 401, NO_CREDENTIAL),
    ("credential_malformed", 401, NO_CREDENTIAL),
    ("credential_unknown", 401, BAD_TOKEN),
    ("credential_revoked", 401, BAD_TOKEN),
    ("credential_disabled", 401, BAD_TOKEN),
    ("credential_expired", 401, BAD_TOKEN),
    ("audience_mismatch", 401, BAD_TOKEN),
    ("scheme_not_accepted", 401, TOKEN_ONLY),
    ("credential_ambiguous", 401, NO_CREDENTIAL),
    ("subject_suspended", 401, r#"{"message":"Unauthorized - account suspended"}"#),
    ("subject_inactive", 401, r#"{"message":"Unauthorized - account inactive"}"#),
    ("org_missing", 401, NO_ORGANIZATION),
    ("org_mismatch", 403, r#"{"message":"Forbidden - organization mismatch"}"#),
    (
        "resource_forbidden",
        403,
        r#"{"error":"Forbidden","message":"No permission for ","request_id":"$id"}"#,
    ),
    (
        "level_insufficient",
        403,
        r#"{"error":"Forbidden","message":"Write permission required for ","request_id":"$id"}"#,
    ),
    (
        "resource_restricted",
        403,
        r#"{"error":"Forbidden","message":"Organization is restricted","request_id":"$id"}"#,
    ),
    (
        "address_denied",
        403,
        r#"{"error":"Forbidden","message":"Address not allowed","request_id":"$id"}"#,
    ),
    ("failures_exceeded", 429, LIMITED),
    ("rate_exceeded", 429, LIMITED),
    (
        "request_malformed",
        400,
        r#"{"error":"Bad Request","message":"Malformed request","request_id":"$id"}"#,
    ),
    (
        "request_timeout",
        408,
        r#"{"error":"Request Timeout","message":"Request took too long","request_id":"$id"}"#,
    ),
    (
        "body_too_large",
        413,
        r#"{"error":"Payload Too Large","message":"Request body is too large","request_id":"$id"}"#,
    ),
    (
        "uri_too_long",
        414,
        r#"{"error":"URI Too Long","message":"Request URI is too long","request_id":"$id"}"#,
    ),
    (
        "head_too_large",
        431,
        r#"{"error":"Request Header Fields Too Large","message":"Request header is too large","request_id":"$id"}"#,
    ),
    ("route_unknown", 404, r#"{"error":"Not Found","message":"No such path","request_id":"$id"}"#),
    (
        "method_not_allowed",
        405,
        r#"{"error":"Method Not Allowed","message":"Method not allowed","request_id":"$id"}"#,
    ),
    (
        "store_unavailable",
        503,
        r#"{"error":"Service Unavailable","message":"An error occurred during authentication","request_id":"$id"}"#,
    ),
    (
        "verifier_unavailable",
        503,
        r#"{"error":"Service Unavailable","message":"An error occurred during authentication","request_id":"$id"}"#,
    ),
    (
        "limiter_unavailable",
        503,
        r#"{"error":"Service Unavailable","message":"Please try again later","request_id":"$id"}"#,
    ),
    (
        "overloaded",
        503,
        r#"{"error":"Service Unavailable","message":"Please try again later","request_id":"$id"}"#,
    ),
    (
        "draining",
        503,
        r#"{"error":"Service Unavailable","message":"Please try again later","request_id":"$id"}"#,
    ),
    (
        "upstream_unavailable",
        503,
        r#"{"error":"Service Unavailable","message":"Service is not available","request_id":"$id"}"#,
    ),
    (
        "upstream_timeout",
        504,
        r#"{"error":"Gateway Timeout","message":"Service did not answer in time","request_id":"$id"}"#,
    ),
    (
        "upstream_invalid",
        502,
        r#"{"error":"Bad Gateway","message":"Service gave no valid answer","request_id":"$id"}"#,
    ),
    (
        "internal",
        500,
        r#"{"error":"Internal Server Error","message":"An unexpected error occurred","request_id":"$id"}"#,
    ),
    // What no route of the file can come to is refused all the same.
    ("org_not_member", 403, REFUSED),
    ("admin_required", 403, REFUSED),
    ("capability_missing", 403, REFUSED),
    ("scope_insufficient", 403, REFUSED),
    ("verifier_refused", 403, REFUSED),
    ("quota_exceeded", 429, LIMITED),
];

const REFUSED: &str = r#"{"error":"Forbidden","message":"Request refused","request_id":"$id"}"#;

/// Those of no api, and of no resource that a literal of the file names.
const OTHERS: [&str; 2] = ["host_unknown", "resource_unknown"];

/// IM-1, IM-2, IM-9, IM-12: code for code.
#[test]
fn every_outcome_has_the_words_that_clients_know() {
    let spoken = IMBRACE.speech(None, None);
    for (outcome, status, body) in SPOKEN {
        let (said_status, content_type, said) = &spoken[outcome];
        assert_eq!((*said_status, said.as_str()), (status, body), "{outcome}");
        let json =
            if body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
        assert_eq!(content_type, json, "{outcome}");
    }
    let mut known: Vec<_> = SPOKEN.iter().map(|(outcome, ..)| *outcome).chain(OTHERS).collect();
    known.sort_unstable();
    assert_eq!(known, spoken.keys().copied().collect::<Vec<_>>());
    assert_eq!(IMBRACE.speech(None, Some("access-token")), spoken);
}

/// IM-1, IM-3: a key has words of its own where it is bad, and a login token where it has no organisation.
#[test]
fn some_words_depend_on_what_kind_of_credential_was_sent() {
    let others = IMBRACE.speech(None, None);
    for (scheme, outcomes, body) in [
        (
            "api-key",
            &[
                "credential_unknown",
                "credential_revoked",
                "credential_disabled",
                "credential_expired",
            ][..],
            BAD_KEY,
        ),
        ("login-token", &["scheme_not_accepted"], NO_ORGANIZATION),
    ] {
        for (outcome, (status, content_type, said)) in IMBRACE.speech(None, Some(scheme)) {
            let differs = outcomes.contains(&outcome);
            assert_eq!(said == others[outcome].2, !differs, "{scheme} {outcome}");
            if differs {
                assert_eq!(
                    (status, &*content_type, &*said),
                    (401, "application/json", body),
                    "{outcome}"
                );
            }
        }
    }
}

/// IM-5: on `/mcp` everything is JSON-RPC, with the statuses, codes and messages of the rest.
#[test]
fn an_mcp_client_is_answered_in_json_rpc() {
    let imbrace = echoing();
    for (outcome, (status, content_type, said)) in IMBRACE.speech(Some("/mcp/**"), None) {
        assert_eq!(
            (status, &*content_type),
            (IMBRACE.speech(None, None)[outcome].0, "application/json"),
            "{outcome}"
        );
        assert!(
            said.starts_with(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":""#),
            "{said}"
        );
    }
    let answer = imbrace.send(
        "POST",
        "/mcp",
        &[("authorization", "Bearer api_dead")],
        r#"{"jsonrpc":"2.0","id":7}"#,
    );
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Invalid API key","data":{"code":"Unauthorized","status":401,"request_id":"$id"}}}"#;
    refused(&imbrace, &answer, "credential_unknown", 401, body);
    let (_, scoped) = key(&imbrace, &json!({ "grants": {} }));
    let answer = with_key(&imbrace, "POST", "/mcp", &scoped);
    let body = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"No permission for /mcp","data":{"code":"Forbidden","status":403,"request_id":"$id"}}}"#;
    refused(&imbrace, &answer, "resource_forbidden", 403, body);
}

/// Holds an answer to [`SPOKEN`].
#[track_caller]
fn spoken(imbrace: &Fronted, answer: &Response, outcome: &str) {
    let (_, status, body) = SPOKEN.iter().find(|(name, ..)| *name == outcome).unwrap();
    refused(imbrace, answer, outcome, *status, body);
}

/// IM-1, IM-2: the refusals that other tests do not come to, as they are over the wire.
#[test]
fn refusals_of_every_stage_are_in_the_products_words() {
    let imbrace = echoing();
    let target = "/data-board/boards";
    spoken(&imbrace, &imbrace.get("/data-board/../x", &[]), "request_malformed");
    let (_, elsewhere) = token(&imbrace, &json!({ "addresses": ["10.0.0.0/8"] }));
    spoken(&imbrace, &with_token(&imbrace, "GET", target, &elsewhere), "address_denied");
    let (_, other) = token(&imbrace, &json!({ "audience": "https://elsewhere.example" }));
    spoken(&imbrace, &with_token(&imbrace, "GET", target, &other), "audience_mismatch");
    assert_eq!(imbrace.seen(), 0);
}

/// IM-13: services that are not there, or say nothing that is HTTP; never 401, which would log the user of the SDK out.
#[test]
fn a_service_that_fails_is_the_services_fault_and_nobody_elses() {
    let imbrace = IMBRACE.before(Upstream::answering("nonsense\r\n\r\n"));
    let nowhere =
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let setup = IMBRACE.setup(&imbrace.upstream).environment("IMBRACE_WEB_UPSTREAM", &nowhere);
    let imbrace = IMBRACE.started(setup, imbrace.upstream);
    let (_, acc) = token(&imbrace, &json!({}));
    spoken(&imbrace, &with_token(&imbrace, "GET", "/data-board/boards", &acc), "upstream_invalid");
    spoken(&imbrace, &imbrace.get("/index.html", &[]), "upstream_unavailable");
}

/// IM-13, IM-15: the platform's own refusals of a login, and a service's of a plan, byte for byte.
#[test]
fn what_services_say_themselves_arrives_as_they_said_it() {
    for (status, body) in [
        ("400 Bad Request", r#"{"code":40004,"field":"email","message":"email not sign up."}"#),
        ("401 Unauthorized", r#"{"code":40001,"message":"Token expired"}"#),
        (
            "400 Bad Request",
            r#"{"code":40010,"message":"Generate otp over limit, please try again after 3 hours"}"#,
        ),
        ("429 Too Many Requests", r#"{"message":  "of the service's own"}"#),
        ("402 Payment Required", r#"{"code":"plan_limit"}"#),
        ("403 Forbidden", r#"{"code":"read_only"}"#),
        ("503 Service Unavailable", r#"{"code":"disabled"}"#),
    ] {
        let length = body.len();
        let bytes = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let imbrace = IMBRACE.before(Upstream::answering(bytes));
        let (_, acc) = token(&imbrace, &json!({}));
        for answer in [
            imbrace.send("POST", "/platform/v1/login/authenticate", &[], "{}"),
            with_token(&imbrace, "GET", "/data-board/v2/boards", &acc),
        ] {
            assert_eq!(
                (answer.status.to_string(), answer.text()),
                (status.split(' ').next().unwrap().to_owned(), body.to_owned())
            );
            assert_eq!(answer.field("content-type"), Some("application/json; charset=utf-8"));
            assert_eq!(
                (answer.field("retry-after"), answer.field("www-authenticate")),
                (None, None)
            );
            assert_eq!(imbrace.outcome(&answer), "forwarded");
        }
    }
}

/// IM-1, IM-2: limits by address, with the figures of whoever runs it; what is refused reaches no service.
#[test]
fn over_the_limit_of_an_address_clients_are_told_when_to_try_again() {
    let upstream = Upstream::echo();
    let setup = IMBRACE
        .setup(&upstream)
        .environment("IMBRACE_MAX", "2")
        .environment("IMBRACE_WINDOW", "2s");
    let imbrace = IMBRACE.started(setup, upstream);
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &api).status, 200);
    assert_eq!(with_token(&imbrace, "GET", "/data-board/boards", &acc).status, 200);
    let answer = with_token(&imbrace, "GET", "/data-board/boards", &acc);
    spoken(&imbrace, &answer, "rate_exceeded");
    assert_eq!(answer.field("ratelimit-policy"), Some(r#""per-address";q=2;w=2"#));
    assert_eq!(imbrace.seen(), 2);
}

/// IM-1, IM-2: guesses cost no look-ups once there are too many, and what is known to be good goes on.
#[test]
fn an_address_that_guesses_is_stopped_and_a_key_in_use_there_is_not() {
    let upstream = Upstream::echo();
    let imbrace =
        IMBRACE.started(IMBRACE.setup(&upstream).environment("IMBRACE_GUESSES", "3"), upstream);
    let (_, api) = key(&imbrace, &json!({}));
    let target = "/data-board/boards";
    assert_eq!(with_key(&imbrace, "GET", target, &api).status, 200);
    for guess in 0..3 {
        let answer = with_key(&imbrace, "GET", target, &format!("api_guess_{guess}"));
        refused(&imbrace, &answer, "credential_unknown", 401, BAD_KEY);
    }
    spoken(&imbrace, &with_key(&imbrace, "GET", target, "api_guess_4"), "failures_exceeded");
    assert_eq!(with_key(&imbrace, "GET", target, &api).status, 200);
}
