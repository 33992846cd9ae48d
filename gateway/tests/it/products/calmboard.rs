//! CalmBoard, `config/calmboard.yaml`: rows CAL-1 to CAL-18.

use serde_json::{Value, json};

use super::support::{Fronted, Product};
use crate::support::{Response, Upstream};

mod access;
mod bad_input;
mod errors;
mod keys;
mod tokens;

const CALMBOARD: Product =
    Product { name: "calmboard", host: "calmboard.ai", upstreams: &["CALMBOARD_UPSTREAM"] };

/// What the integration API stands for, as the `resource` of an OAuth token; and the MCP server.
const API: &str = "https://calmboard.ai";
const MCP: &str = "https://calmboard.ai/mcp";

const PROJECTS: &str = "/api/v1/projects";

/// CalmBoard, and `user_1` on a plan with integration APIs.
fn calmboard() -> Fronted {
    calmboard_before(Upstream::echo())
}

fn calmboard_before(upstream: Upstream) -> Fronted {
    let calmboard = CALMBOARD.before(upstream);
    pays(&calmboard, "user_1");
    calmboard
}

fn pays(calmboard: &Fronted, user: &str) {
    let record = json!({ "kind": "user", "capabilities": ["integration_api"] });
    calmboard.change("PUT", &format!("subjects/{user}"), &record);
}

/// Id and secret of a key of `user_1`; `fields` are more of it, or others.
#[track_caller]
fn key(calmboard: &Fronted, fields: &Value) -> (String, String) {
    of_scheme(calmboard, json!({ "scheme": "key", "subject": "user_1" }), fields)
}

/// Id and secret of an OAuth token of `user_1` for this resource.
#[track_caller]
fn oauth(calmboard: &Fronted, resource: &str, fields: &Value) -> (String, String) {
    let body = json!({
        "scheme": "oauth", "subject": "user_1", "audience": resource, "client_id": "client_1", "lifetime": "1h",
    });
    of_scheme(calmboard, body, fields)
}

#[track_caller]
fn of_scheme(calmboard: &Fronted, mut body: Value, fields: &Value) -> (String, String) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    calmboard.create(&body)
}

/// A request with this key or token in the Authorization header.
#[track_caller]
fn ask(calmboard: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    calmboard.send(method, target, &[("Authorization", &format!("Bearer {secret}"))], "")
}

#[track_caller]
fn get(calmboard: &Fronted, target: &str, secret: &str) -> Response {
    ask(calmboard, "GET", target, secret)
}

/// Holds a refusal to the table of [`errors::SPOKEN`].
#[track_caller]
fn refused(calmboard: &Fronted, response: &Response, outcome: &str) {
    let (status, body) = errors::spoken(outcome);
    calmboard.refused(response, outcome, status, &body);
}

/// The same of one on the MCP server's route.
#[track_caller]
fn refused_rpc(calmboard: &Fronted, response: &Response, outcome: &str) {
    let (status, body) = errors::spoken_rpc(outcome);
    calmboard.refused(response, outcome, status, &body);
}
