//! PostBoost, `config/postboost.yaml`: rows PB-1 to PB-16.

mod access;
mod errors;
mod guide;
mod limits;
mod midnight;
mod scoped;
mod tools;

use serde_json::{Value, json};

use super::support::{Fronted, Product};
use crate::support::{Response, request};

const POSTBOOST: Product =
    Product { name: "postboost", host: "postboost.co", upstreams: &["POSTBOOST_UPSTREAM"] };

/// A workspace whose plan has the API: `user_1` is a member of it, `owner_1` its owner.
const W1: &str = "0b9ad1a7-7d4c-4f1e-9d0a-5a7e0c1b2d01";
/// The same, of `user_2`.
const W2: &str = "0b9ad1a7-7d4c-4f1e-9d0a-5a7e0c1b2d02";
/// A workspace of `user_1` whose plan has no API.
const W3: &str = "0b9ad1a7-7d4c-4f1e-9d0a-5a7e0c1b2d03";

/// What everybody is told whose token is not good.
const UNAUTHENTICATED: &str = r#"{"message":"Unauthenticated."}"#;
const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;
/// What a scoped key is told as well.
const INSUFFICIENT: &str = r#"{"message":"Forbidden","code":"insufficient_scope"}"#;
const NOT_FOUND: &str = r#"{"message":"Not Found"}"#;

/// The three workspaces, as the application registers them.
fn workspaces(postboost: Fronted) -> Fronted {
    for (id, members, capabilities) in [
        (W1, json!({ "user_1": "edit", "owner_1": "admin" }), json!(["api"])),
        (W2, json!({ "user_2": "edit" }), json!(["api"])),
        (W3, json!({ "user_1": "edit" }), json!([])),
    ] {
        let body = json!({ "kind": "workspace", "members": members, "capabilities": capabilities });
        postboost.change("PUT", &format!("resources/{id}"), &body);
    }
    postboost
}

fn postboost() -> Fronted {
    workspaces(POSTBOOST.echoing())
}

/// Id and secret of a personal token that never expires.
#[track_caller]
fn token(postboost: &Fronted, subject: &str) -> (String, String) {
    postboost.create(&json!({ "scheme": "token", "subject": subject, "lifetime": "never" }))
}

/// Asks `target` of the API with a token.
#[track_caller]
fn ask(postboost: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    let bearer = format!("Bearer {secret}");
    postboost.send(method, &format!("/app/api{target}"), &[("Authorization", &bearer)], "")
}

/// It is refused so, and nothing of it has reached the application.
#[track_caller]
fn refused(response: &Response, status: u16, body: &str) {
    let found = (response.status, response.field("content-type"), response.text());
    assert_eq!(found, (status, Some("application/json"), body.to_owned()));
}

/// PB-1: the page's own command.
#[test]
fn a_bearer_token_reaches_the_application_which_is_told_who_asks_and_not_with_what() {
    let postboost = postboost();
    let (id, secret) = token(&postboost, "user_1");
    let command = format!(
        "curl https://postboost.co/app/api/{W1}/posts \\\n-H \"Authorization: Bearer $YOUR_API_TOKEN\""
    );
    let echo = postboost.curl(&command, &[("YOUR_API_TOKEN", &secret)]).echo();
    assert_eq!((echo.method(), echo.target()), ("GET", &*format!("/app/api/{W1}/posts")));
    for (name, value) in [
        ("x-user-id", Some("user_1")),
        ("x-workspace-id", Some(W1)),
        ("x-token-workspace-id", Some(W1)),
        ("x-token-id", Some(&*id)),
        ("x-token-abilities", None),
        ("authorization", None),
    ] {
        assert_eq!(echo.field(name).as_deref(), value, "{name}");
    }
}

/// PB-1: a token has no documented form; one that the application has made itself is registered as it is.
#[test]
fn a_token_of_whatever_form_is_good_once_it_is_registered_and_only_as_a_bearer_token() {
    let postboost = postboost();
    for secret in ["12|mFJdTzrRvLkQ8sYx0aWc", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"] {
        refused(&ask(&postboost, "GET", "/workspaces", secret), 401, UNAUTHENTICATED);
        let body = json!({ "scheme": "token", "subject": "user_1", "lifetime": "never", "secret": secret });
        postboost.create(&body);
        assert_eq!(ask(&postboost, "GET", "/workspaces", secret).status, 200, "at once");
        for name in ["X-Api-Key", "X-Access-Token"] {
            let elsewhere = postboost.get("/app/api/workspaces", &[(name, secret)]);
            refused(&elsewhere, 401, UNAUTHENTICATED);
        }
        let query = format!("/app/api/workspaces?access_token={}", secret.replace('|', "%7C"));
        refused(&postboost.get(&query, &[]), 401, UNAUTHENTICATED);
    }
}

/// PB-1: missing or invalid, and whatever is wrong with it: one answer.
#[test]
fn whatever_is_no_good_token_is_unauthenticated_and_never_reaches_the_application() {
    let postboost = postboost();
    let (_, good) = token(&postboost, "user_1");
    let good = format!("Bearer {good}");
    let long = format!("Bearer {}", "a".repeat(8 * 1024 + 1));
    let target = format!("/app/api/{W1}/posts");
    let fields: &[&[(&str, &str)]] = &[
        &[],
        &[("Authorization", "Bearer")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", "Bearer junk")],
        &[("Authorization", "Bearer two tokens")],
        &[("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEifQ.")],
        &[("Authorization", "Bearer imb_pat_0000000000000000000000000000000000000000000")],
        &[("Authorization", "Bearer b\u{fc}ro")],
        &[("Authorization", "Basic dXNlcl8xOnNlY3JldA==")],
        &[("Authorization", "junk")],
        &[("Authorization", &good), ("Authorization", "Bearer another")],
        &[("Authorization", "Bearer another"), ("Authorization", &good)],
    ];
    for fields in fields {
        let response = postboost.get(&target, fields);
        refused(&response, 401, UNAUTHENTICATED);
        assert!(response.field("www-authenticate").unwrap().starts_with("Bearer"), "{fields:?}");
    }
    // A token of 8 KiB needs a head that the gateway takes.
    let response = postboost.get(&target, &[("Authorization", &long)]);
    refused(&response, 401, UNAUTHENTICATED);
    assert_eq!(postboost.seen(), 0);
}

/// PB-1: what is read leniently, as HTTP says.
#[test]
fn the_scheme_is_read_in_any_case_and_a_second_equal_field_or_another_kind_of_it_does_no_harm() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let (lower, upper) = (format!("bearer {secret}"), format!("BEARER  {secret}"));
    let basic = "Basic dXNlcl8xOnNlY3JldA==";
    for fields in [
        vec![("authorization", &*lower)],
        vec![("AUTHORIZATION", &*upper)],
        vec![("Authorization", &*lower), ("Authorization", &*lower)],
        vec![("Authorization", basic), ("Authorization", &*lower)],
    ] {
        let echo = postboost.get("/app/api/workspaces", &fields).echo();
        assert_eq!(echo.field("x-user-id").as_deref(), Some("user_1"), "{fields:?}");
        assert_eq!(echo.all("authorization"), [""; 0], "{fields:?}");
    }
}

/// PB-1: a control byte in a field is no HTTP.
#[test]
fn a_control_byte_in_a_token_is_refused_before_anybody_is_asked() {
    let postboost = postboost();
    for byte in [b'\0', 0x01, 0x7f] {
        let mut bytes =
            postboost.request("GET", "/app/api/workspaces", &[("Authorization", "Bearer a#b")], "");
        let place = bytes.iter().position(|found| *found == b'#').unwrap();
        bytes[place] = byte;
        let response = postboost.gateway.send(&bytes);
        assert!(matches!(response.status, 400 | 401), "{byte}: {response:?}");
    }
    assert_eq!(postboost.seen(), 0);
}

/// PB-2: the application asks for one, and shows what it is answered.
#[test]
fn a_token_has_a_name_and_is_shown_once() {
    let postboost = postboost();
    let body = json!({ "scheme": "token", "subject": "user_1", "name": "CI", "lifetime": "30d" });
    let (id, secret) = postboost.create(&body);
    assert!(secret.len() >= 40, "{secret}");
    let (status, listed) = postboost.gateway.admin(
        "GET",
        "/v1/credentials?api=postboost&subject=user_1",
        &Value::Null,
    );
    let items = listed["items"].as_array().unwrap();
    assert_eq!((status, items.len()), (200, 1));
    assert_eq!((&items[0]["id"], &items[0]["name"]), (&json!(id), &json!("CI")));
    let hint = items[0]["hint"].as_str().unwrap();
    assert!(hint.len() == 4 && secret.ends_with(hint), "{hint}");
    // That no answer holds it is what every test of this house is held to.
    let path = format!("/v1/credentials/{id}/reveal");
    assert_eq!(postboost.gateway.admin("POST", &path, &Value::Null).0, 409);
}

/// PB-3: and a date, of which midnight.rs tells more.
#[test]
fn a_token_is_made_for_7_30_60_or_90_days_or_for_ever_and_for_nothing_else() {
    let postboost = postboost();
    let create = |end: Value| {
        let mut body = json!({ "api": "postboost", "scheme": "token", "subject": "user_1" });
        body.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
        postboost.gateway.admin("POST", "/v1/credentials", &body)
    };
    for lifetime in ["7d", "30d", "60d", "90d"] {
        let (status, made) = create(json!({ "lifetime": lifetime }));
        let end = made["credential"]["expires_at"].as_str().unwrap();
        assert!(status == 201 && end.ends_with("T00:00:00.000Z"), "{lifetime}: {end}");
    }
    for never in [json!({ "lifetime": "never" }), json!({})] {
        let (status, made) = create(never);
        assert_eq!((status, &made["credential"]["expires_at"]), (201, &Value::Null));
    }
    let (status, made) = create(json!({ "expires_on": "2099-12-31" }));
    assert_eq!(
        (status, &made["credential"]["expires_at"]),
        (201, &json!("2099-12-31T00:00:00.000Z"))
    );
    for end in [
        json!({ "lifetime": "1d" }),
        json!({ "lifetime": "45d" }),
        json!({ "lifetime": "365d" }),
        json!({ "lifetime": "168h1m" }),
        json!({ "expires_on": "2020-01-01" }),
        json!({ "expires_on": "2099-02-30" }),
        json!({ "expires_at": "2020-01-01T00:00:00Z" }),
    ] {
        let (status, answer) = create(end.clone());
        assert_eq!((status, &answer["code"]), (422, &json!("fields_invalid")), "{end}");
    }
}

/// PB-5: make a new one, deploy it, delete the old one.
#[test]
fn a_token_is_rotated_without_a_request_that_fails() {
    let postboost = postboost();
    let (old_id, old) = token(&postboost, "user_1");
    let (_, new) = token(&postboost, "user_1");
    let target = format!("/{W1}/posts");
    let status = |secret: &str| ask(&postboost, "GET", &target, secret).status;
    assert_eq!((status(&old), status(&new)), (200, 200));
    postboost.change("DELETE", &format!("credentials/{old_id}"), &Value::Null);
    assert_eq!((status(&old), status(&new)), (401, 200));
}

/// PB-5: the same in one call, where the old one ends by itself.
#[test]
fn a_token_may_be_rotated_with_an_overlap() {
    let postboost = postboost();
    let (id, old) = token(&postboost, "user_1");
    let path = format!("credentials/{id}/rotate");
    let made = postboost.change("POST", &path, &json!({ "overlap": "24h" }));
    let new = made["secret"].as_str().unwrap();
    for secret in [&old, new] {
        assert_eq!(ask(&postboost, "GET", &format!("/{W1}/posts"), secret).status, 200);
    }
    assert_eq!(
        made["credential"]["expires_at"],
        Value::Null,
        "as long as the old one was: for ever"
    );
}

/// PB-6: by either call; the answer is that to a token that never was, byte for byte.
#[test]
fn a_revoked_token_is_deleted_and_at_once_as_unknown_as_one_that_never_was() {
    let postboost = postboost();
    let target = format!("/{W1}/posts");
    let never_was = ask(&postboost, "GET", &target, "never-was");
    refused(&never_was, 401, UNAUTHENTICATED);
    for (method, tail) in [("POST", "/revoke"), ("DELETE", "")] {
        let (id, secret) = token(&postboost, "user_1");
        let (_, sibling) = token(&postboost, "user_1");
        assert_eq!(ask(&postboost, "GET", &target, &secret).status, 200, "cached");
        postboost.change(method, &format!("credentials/{id}{tail}"), &Value::Null);
        let gone = ask(&postboost, "GET", &target, &secret);
        refused(&gone, 401, UNAUTHENTICATED);
        assert_eq!(postboost.outcome(&gone), "credential_unknown");
        assert_eq!(gone.field("www-authenticate"), never_was.field("www-authenticate"));
        let path = format!("/v1/credentials/{id}");
        assert_eq!(postboost.gateway.admin("GET", &path, &Value::Null).0, 404, "nothing is kept");
        assert_eq!(ask(&postboost, "GET", &target, &sibling).status, 200);
    }
}

/// PB-15: nothing of them is the gateway's.
#[test]
fn what_client_and_application_say_to_each_other_passes_as_it_is() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nIdempotent-Replayed: true\r\nX-AI-Disclosure: generated\r\nX-Signature: 0a1b\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let upstream = crate::support::Upstream::answering(ANSWER);
    let postboost = workspaces(POSTBOOST.before(upstream));
    let (_, secret) = token(&postboost, "user_1");
    let bearer = format!("Bearer {secret}");
    let sent = [
        ("Authorization", &*bearer),
        ("Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("X-Allow-Duplicate", "true"),
        ("X-PostBoost-Client", "cli/1.2"),
        ("User-Agent", "OpenAPI-Generator/1.66.3/python"),
    ];
    let response = postboost.send("POST", &format!("/app/api/{W1}/posts"), &sent, r#"{"a":1}"#);
    let received = &postboost.upstream.requests()[0];
    for (name, value) in &sent[1..] {
        assert_eq!(received.field(name), Some(*value), "{name}");
    }
    assert_eq!(received.body, br#"{"a":1}"#);
    for (name, value) in
        [("idempotent-replayed", "true"), ("x-ai-disclosure", "generated"), ("x-signature", "0a1b")]
    {
        assert_eq!(response.field(name), Some(value));
    }
    assert_eq!(response.text(), "{}");
}

/// PB-15: an upload streams, and one that is refused stays with its client.
#[test]
fn a_large_upload_passes_with_a_good_token_and_none_of_it_with_a_bad_one() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let target = format!("/app/api/{W1}/media");
    let part = "x".repeat(20 * 1024 * 1024);
    let bad =
        [("Authorization", "Bearer junk"), ("Content-Type", "multipart/form-data; boundary=b")];
    refused(&postboost.send("POST", &target, &bad, &part), 401, UNAUTHENTICATED);
    assert_eq!(postboost.seen(), 0);
    let bearer = format!("Bearer {secret}");
    let good = [("Authorization", &*bearer), bad[1]];
    let response = postboost.send("POST", &target, &good, &part);
    assert_eq!(response.echo().body().len(), part.len());
    assert!(
        postboost.gateway.send(request("GET", "/", &[("Host", "postboost.co")], "")).status == 200
    );
}
