//! What a configuration makes of refusals.

use std::io;

use super::*;
use crate::config::snapshot::{Api, Snapshot};
use crate::config::{Fragment, Variables, load};
use crate::decide::Needed;
use crate::facts::Level;

struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// One api with the schemes `key`, `acc` and `api`, which speaks `errors` (YAML on one line, or lines indented by six), and
/// routes `a` (as the api), `mcp` (`jsonrpc`) and `other` (a dialect of its own). `top` stands beside `apis`.
pub(super) fn speaking(errors: &str, top: &str) -> Snapshot {
    let text = format!(
        "upstreams: {{ app: [127.0.0.1:9000] }}\n{top}\napis:\n  - name: app\n    upstream: app\n    \
         schemes: [{{ name: key, prefix: ak_ }}, {{ name: acc, prefix: acc_ }}, {{ name: api, prefix: api_ }}]\n    \
         errors: {errors}\n    \
         routes: [{{ path: /a }}, {{ path: /mcp, errors: jsonrpc }}, {{ path: /other, errors: {{ body: [$code] }} }}]\n"
    );
    let loaded = load(&[Fragment::new("x.yaml", &text)], &NoVariables);
    loaded.unwrap_or_else(|refusal| panic!("{:#?}\n{text}", refusal.errors)).configuration.snapshot
}

pub(super) fn of(errors: &str) -> Snapshot {
    speaking(errors, "")
}

pub(super) fn refused(snapshot: &Snapshot, outcome: Outcome) -> Refused<'_> {
    Refused::of(outcome, "").by(app(snapshot))
}

fn app(snapshot: &Snapshot) -> &Api {
    &snapshot.apis[0]
}

/// What is said of an outcome, on the route of this path, to a credential of this scheme.
pub(super) fn said(
    snapshot: &Snapshot,
    outcome: Outcome,
    path: &str,
    scheme: Option<&str>,
) -> Answer {
    let api = app(snapshot);
    let mut refused = refused(snapshot, outcome);
    if let Some(route) = api.routes.routes().iter().find(|route| route.path == path) {
        refused = refused.on(route);
    }
    if let Some(scheme) = scheme {
        refused =
            refused.presenting(api.schemes.iter().find(|known| *known.name == *scheme).unwrap());
    }
    render(&refused, "req_1", None)
}

pub(super) fn json_of(snapshot: &Snapshot, outcome: Outcome) -> Value {
    body(&said(snapshot, outcome, "/a", None))
}

/// The example of the contract, word for word.
const CONTRACT: &str = r#"
      content_type: application/json
      body: { error: { code: $code, message: $message, status: $status, requestId: $request_id, details: null } }
      outcomes:
        credential_missing: { code: UNAUTHENTICATED, message: "Authentication required" }
        credential_revoked: { status: 401, code: INVALID_API_TOKEN, message: "Invalid API token", schemes: { acc: { message: "Unauthorized" } } }
        level_insufficient: { body: { message: $message, code: insufficient_scope } }     # an outcome may have its own body
        default:            { code: INTERNAL_ERROR, message: "Request refused" }"#;

#[test]
fn the_example_of_the_contract_speaks_as_it_is_written() {
    let snapshot = of(CONTRACT);
    let answer = said(&snapshot, Outcome::CredentialMissing, "/a", None);
    assert_eq!(field(&answer, "content-type"), ["application/json"]);
    assert_eq!(
        body(&answer),
        json!({ "error": {
            "code": "UNAUTHENTICATED", "message": "Authentication required", "status": 401,
            "requestId": "req_1", "details": null,
        } })
    );
    let revoked = |scheme| body(&said(&snapshot, Outcome::CredentialRevoked, "/a", Some(scheme)));
    assert_eq!(revoked("key")["error"]["message"], "Invalid API token");
    assert_eq!(revoked("acc")["error"]["message"], "Unauthorized");
    assert_eq!(revoked("acc")["error"]["code"], "INVALID_API_TOKEN");
    assert_eq!(
        json_of(&snapshot, Outcome::LevelInsufficient),
        json!({ "message": "Request refused", "code": "insufficient_scope" })
    );
    let other = json_of(&snapshot, Outcome::RateExceeded);
    assert_eq!(
        (&other["error"]["code"], &other["error"]["status"]),
        (&json!("INTERNAL_ERROR"), &json!(429))
    );
}

#[test]
fn a_value_that_is_one_variable_alone_keeps_its_type_and_one_that_is_absent_is_null() {
    let all = "{ body: { c: $code, m: $message, s: $status, i: $request_id, a: $retry_after, k: $scheme, r: $resource, n: $needed } }";
    let snapshot = of(all);
    assert_eq!(
        json_of(&snapshot, Outcome::RouteUnknown),
        json!({
            "c": "route_unknown", "m": "No route leads to this path", "s": 404, "i": "req_1",
            "a": null, "k": null, "r": null, "n": null,
        })
    );
    let refused = refused(&snapshot, Outcome::LevelInsufficient)
        .presenting(&app(&snapshot).schemes[1])
        .needing(Needed::Level(Level::Edit))
        .retrying_after(7);
    let refused = Refused { resource: Id::new("board_1"), ..refused };
    assert_eq!(
        body(&render(&refused, "req_1", None)),
        json!({
            "c": "level_insufficient", "m": "The credential's level does not suffice", "s": 403,
            "i": "req_1", "a": 7, "k": "acc", "r": "board_1", "n": "edit",
        })
    );
    assert_eq!(json_of(&snapshot, Outcome::RateExceeded)["a"], 1);
}

#[test]
fn within_a_text_variables_are_interpolated_and_absent_ones_are_nothing() {
    let snapshot = of(
        r#"{ body: { text: "$code ($status): [$scheme] $$code US$ 5" }, outcomes: { level_insufficient: { message: "$needed permission required for $resource" } } }"#,
    );
    assert_eq!(
        json_of(&snapshot, Outcome::RouteUnknown)["text"],
        "route_unknown (404): [] $code US$ 5"
    );
    let snapshot = of(
        r#"{ body: { message: $message }, outcomes: { level_insufficient: { message: "$needed permission required for $resource" } } }"#,
    );
    let refused =
        refused(&snapshot, Outcome::LevelInsufficient).needing(Needed::Level(Level::Edit));
    let refused = Refused { resource: Id::new("/board"), ..refused };
    assert_eq!(
        body(&render(&refused, "r", None)),
        json!({ "message": "edit permission required for /board" })
    );
}

#[test]
fn unquoted_values_are_what_json_takes_them_for_and_quoted_ones_texts() {
    let snapshot = of(
        r#"{ body: [null, ~, true, false, 7, -32001, 1.5, "7", "true", "null", 0123, yes, 1e2, .5, { }, [ ], "$status"] }"#,
    );
    let answer = said(&snapshot, Outcome::RouteUnknown, "/a", None);
    assert_eq!(
        body(&answer),
        json!([
            null,
            null,
            true,
            false,
            7,
            -32001,
            1.5,
            "7",
            "true",
            "null",
            "0123",
            "yes",
            100.0,
            ".5",
            {},
            [],
            404
        ])
    );
}

#[test]
fn keys_stand_in_the_order_of_the_configuration() {
    let snapshot = of("{ body: { z: 1, a: 2, m: { y: $status, b: 3 } } }");
    let answer = said(&snapshot, Outcome::RouteUnknown, "/a", None);
    assert_eq!(answer.body, r#"{"z":1,"a":2,"m":{"y":404,"b":3}}"#);
}

#[test]
fn what_an_outcome_does_not_say_default_says_and_then_the_catalogue() {
    let snapshot = of(
        "{ body: [$code, $message, $status], outcomes: { rate_exceeded: { code: SLOW }, default: { message: No } } }",
    );
    assert_eq!(json_of(&snapshot, Outcome::RateExceeded), json!(["SLOW", "No", 429]));
    assert_eq!(json_of(&snapshot, Outcome::RouteUnknown), json!(["route_unknown", "No", 404]));
}

#[test]
fn words_for_a_scheme_come_before_those_for_everyone() {
    let snapshot = of(
        "{ body: [$code, $message], outcomes: { credential_unknown: { message: own, schemes: { acc: { message: acc } } }, default: { message: d, schemes: { acc: { code: DA }, api: { message: dapi } } } } }",
    );
    let to = |outcome, scheme| body(&said(&snapshot, outcome, "/a", scheme));
    assert_eq!(to(Outcome::CredentialUnknown, None), json!(["credential_invalid", "own"]));
    assert_eq!(to(Outcome::CredentialUnknown, Some("key")), json!(["credential_invalid", "own"]));
    assert_eq!(to(Outcome::CredentialUnknown, Some("acc")), json!(["DA", "acc"]));
    // The outcome's own words come before those of `default`, be they for the very scheme.
    assert_eq!(to(Outcome::CredentialUnknown, Some("api")), json!(["credential_invalid", "own"]));
    assert_eq!(to(Outcome::SubjectSuspended, Some("api")), json!(["subject_suspended", "dapi"]));
}

#[test]
fn credentials_that_are_no_good_speak_alike_until_one_of_them_is_named() {
    const ALIKE: [Outcome; 4] = [
        Outcome::CredentialUnknown,
        Outcome::CredentialRevoked,
        Outcome::CredentialDisabled,
        Outcome::CredentialExpired,
    ];
    let codes = |errors: &str| {
        let snapshot = of(errors);
        ALIKE.map(|outcome| json_of(&snapshot, outcome)["code"].as_str().unwrap().to_owned())
    };
    assert_eq!(codes("problem"), ["credential_invalid"; 4]);
    assert_eq!(
        codes("{ outcomes: { credential_unknown: { code: A }, default: { code: D } } }"),
        ["A"; 4]
    );
    assert_eq!(codes("{ outcomes: { default: { code: D } } }"), ["D"; 4]);
    assert_eq!(
        codes("{ outcomes: { credential_unknown: { code: A }, credential_revoked: { code: R } } }"),
        ["A", "R", "A", "A"]
    );
}

#[test]
fn header_fields_follow_the_status_that_is_sent() {
    let snapshot = of(
        "{ outcomes: { subject_suspended: { status: 401 }, credential_missing: { status: 403 }, rate_exceeded: { status: 400 }, method_not_allowed: { status: 404 }, store_unavailable: { status: 500 }, capability_missing: { status: 503 } } }",
    );
    let allow = HeaderValue::from_static("GET");
    let fields = |outcome| {
        let answer =
            render(&refused(&snapshot, outcome).with_credential().allowing(&allow), "r", None);
        let has = |name| !field(&answer, name).is_empty();
        let status = answer.status.as_u16();
        assert_eq!(body(&answer)["status"], status);
        (status, has("www-authenticate"), has("retry-after"), has("allow"))
    };
    assert_eq!(fields(Outcome::SubjectSuspended), (401, true, false, false));
    assert_eq!(fields(Outcome::CredentialMissing), (403, false, false, false));
    assert_eq!(fields(Outcome::RateExceeded), (400, false, false, false));
    assert_eq!(fields(Outcome::MethodNotAllowed), (404, false, false, false));
    assert_eq!(fields(Outcome::StoreUnavailable), (500, false, false, false));
    assert_eq!(fields(Outcome::CapabilityMissing), (503, false, true, false));
}

#[test]
fn a_body_that_is_a_text_is_plain_or_what_its_content_type_says() {
    let hostile = "<b>&\"'\\\u{1}é";
    let speaks = |errors: &str| {
        let snapshot = of(errors);
        let answer = render(&refused(&snapshot, Outcome::RouteUnknown), hostile, None);
        let content_type = field(&answer, "content-type")[0].to_owned();
        (content_type, String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let plain = |text: &str| ("text/plain; charset=utf-8".to_owned(), text.to_owned());
    assert_eq!(speaks("{ body: 'Too \"many\", $status' }"), plain("Too \"many\", 404"));
    assert_eq!(speaks("{ body: $request_id }"), plain(hostile));
    assert_eq!(speaks("{ body: '' }"), plain(""));
    assert_eq!(
        speaks("{ content_type: text/html, body: '<p title=\"$request_id\">' }"),
        ("text/html".to_owned(), "<p title=\"&lt;b&gt;&amp;&quot;&#39;\\\u{1}é\">".to_owned())
    );
    assert_eq!(
        speaks(
            "{ content_type: application/soap+xml; charset=utf-8, body: '<id>$request_id</id>' }"
        )
        .1,
        "<id>&lt;b&gt;&amp;&quot;&#39;\\\u{1}é</id>"
    );
    let (content_type, text) = speaks("{ content_type: application/json, body: 'id $request_id' }");
    assert_eq!(content_type, "application/json");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!(format!("id {hostile}")));
}

#[test]
fn without_a_body_of_its_own_a_dialect_speaks_in_problems() {
    let answer =
        said(&of("{ outcomes: { default: { code: X } } }"), Outcome::RouteUnknown, "/a", None);
    assert_eq!(field(&answer, "content-type"), ["application/problem+json"]);
    assert_eq!(body(&answer)["type"], "urn:portcullis:problem:X");
}

#[test]
fn jsonrpc_has_the_code_message_and_status_of_the_apis_own_dialect() {
    let snapshot = of(
        "{ body: { m: $message }, outcomes: { subject_suspended: { status: 401, code: GONE, message: 'Go away', schemes: { acc: { code: ACC } } } } }",
    );
    let answer = said(&snapshot, Outcome::SubjectSuspended, "/mcp", None);
    assert_eq!(
        (answer.status.as_u16(), field(&answer, "content-type")),
        (401, vec!["application/json"])
    );
    assert_eq!(field(&answer, "www-authenticate").len(), 1);
    assert_eq!(
        body(&answer),
        json!({
            "jsonrpc": "2.0", "id": null,
            "error": {
                "code": -32001, "message": "Go away",
                "data": { "code": "GONE", "status": 401, "request_id": "req_1" },
            },
        })
    );
    let to_acc = said(&snapshot, Outcome::SubjectSuspended, "/mcp", Some("acc"));
    assert_eq!(body(&to_acc)["error"]["data"]["code"], "ACC");
    // What has no route yet speaks as the api does.
    assert_eq!(
        json_of(&snapshot, Outcome::RouteUnknown),
        json!({ "m": "No route leads to this path" })
    );
}

#[test]
fn an_api_may_speak_jsonrpc_and_its_routes_then_do() {
    let snapshot = of("jsonrpc");
    for path in ["/a", "/mcp"] {
        let answer = said(&snapshot, Outcome::CredentialMissing, path, None);
        assert_eq!(body(&answer)["error"]["data"]["code"], "credential_missing");
        assert_eq!(body(&answer)["error"]["message"], "A credential is required");
    }
}

#[test]
fn a_dialect_is_named_by_apis_and_a_route_may_hold_another() {
    let snapshot = speaking("house", "dialects: { house: { body: { house: $code } } }");
    assert_eq!(json_of(&snapshot, Outcome::RouteUnknown), json!({ "house": "route_unknown" }));
    let other = said(&snapshot, Outcome::CredentialMissing, "/other", None);
    assert_eq!(body(&other), json!(["credential_missing"]));
}

#[test]
fn a_request_that_has_no_api_gets_the_default_body() {
    let answer = render(&Refused::of(Outcome::RequestMalformed, ""), "req_1", None);
    assert_eq!(field(&answer, "content-type"), ["application/problem+json"]);
}
