//! Imbrace, `config/imbrace.yaml`: rows IM-1 to IM-15. Its own package is in `tests/sdk`.

use serde_json::{Value, json};

use super::support::{Fronted, Product};
use crate::support::Response;

mod bad_input;
mod credentials;
mod errors;
mod login;
mod organizations;
mod registering;
mod routes;
mod scoped;
mod web;

const IMBRACE: Product =
    Product { name: "imbrace", host: "app-gatewayv2.imbrace.co", upstreams: UPSTREAMS };

pub(super) const UPSTREAMS: &[&str] = &[
    "IMBRACE_UPSTREAM",
    "IMBRACE_PLATFORM_UPSTREAM",
    "IMBRACE_CHANNELS_UPSTREAM",
    "IMBRACE_DATA_BOARD_UPSTREAM",
    "IMBRACE_WEB_UPSTREAM",
];

/// In front of services that answer with what they were sent; the platform is sent the credential, too.
fn echoing() -> Fronted {
    let imbrace = IMBRACE.echoing();
    imbrace.gateway.forwards_credentials();
    imbrace
}

#[track_caller]
fn create(imbrace: &Fronted, usual: Value, fields: &Value) -> (String, String) {
    let mut body = usual;
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    imbrace.create(&body)
}

/// Id and secret of an API key of `org_1`, whose service user is `u_1`; `fields` are more of it, or others.
#[track_caller]
fn key(imbrace: &Fronted, fields: &Value) -> (String, String) {
    let usual =
        json!({ "scheme": "api-key", "subject": "u_1", "org": "org_1", "lifetime": "never" });
    create(imbrace, usual, fields)
}

/// The same of an access token of `u_2` in `org_2`.
#[track_caller]
fn token(imbrace: &Fronted, fields: &Value) -> (String, String) {
    let usual =
        json!({ "scheme": "access-token", "subject": "u_2", "org": "org_2", "lifetime": "30d" });
    create(imbrace, usual, fields)
}

/// The same of a login token of `u_2`, who is in no organisation yet.
#[track_caller]
fn login(imbrace: &Fronted, fields: &Value) -> (String, String) {
    create(imbrace, json!({ "scheme": "login-token", "subject": "u_2", "lifetime": "3h" }), fields)
}

#[track_caller]
fn with_key(imbrace: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    imbrace.send(method, target, &[("x-api-key", secret)], "")
}

#[track_caller]
fn with_token(imbrace: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    imbrace.send(method, target, &[("x-access-token", secret)], "")
}

/// Who the service was told is asking: organisation and user.
#[track_caller]
fn told(response: &Response) -> (Option<String>, Option<String>) {
    let echo = response.echo();
    (echo.field("x-organization-id"), echo.field("x-user-id"))
}

fn of(org: &str, user: &str) -> (Option<String>, Option<String>) {
    (Some(org.to_owned()), Some(user.to_owned()))
}

const NOBODY: (Option<String>, Option<String>) = (None, None);

/// Holds a refusal to everything that is told of it: the outcome is the log's, the rest the client's. In `body`, `$id` is the
/// request's id.
#[track_caller]
fn refused(imbrace: &Fronted, response: &Response, outcome: &str, status: u16, body: &str) {
    assert_eq!(imbrace.outcome(response), outcome, "{}", response.text());
    let expected = body.replace("$id", &response.request_id());
    assert_eq!((response.status, response.text()), (status, expected));
    let json = if body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
    assert_eq!(response.field("content-type"), Some(json));
    assert_eq!(response.field("www-authenticate").is_some(), status == 401);
    let again = response.field("retry-after").map(|seconds| seconds.parse::<u32>().unwrap());
    assert_eq!(again.is_some_and(|seconds| seconds > 0), matches!(status, 429 | 503));
}

const NO_CREDENTIAL: &str = r#"{"message":"Unauthorized - API key or Access Token required"}"#;
const BAD_KEY: &str = r#"{"error":"Unauthorized","message":"Invalid API key","request_id":"$id"}"#;
const BAD_TOKEN: &str = r#"{"message":"Unauthorized"}"#;
const NO_ORGANIZATION: &str = r#"{"message":"Unauthorized - missing organization context"}"#;
const TOKEN_ONLY: &str = r#"{"message":"Unauthorized - Access Token required"}"#;
const LIMITED: &str = "Too many requests. Please try again later.";

/// What is said of a scoped key that may not do this.
fn forbidden(message: &str) -> String {
    format!(r#"{{"error":"Forbidden","message":"{message}","request_id":"$id"}}"#)
}
