//! AgentKanban, `config/agentkanban.yaml`: rows AK-1 to AK-14.

mod boards;
mod errors;
mod guide;
mod keys;
mod mcp;

use serde_json::{Value, json};

use super::support::{Fronted, Product};
use crate::support::Response;

const AGENTKANBAN: Product = Product {
    name: "agentkanban",
    host: "www.agentkanban.io",
    upstreams: &["AGENTKANBAN_UPSTREAM", "AGENTKANBAN_MCP_UPSTREAM"],
};

const UNAUTHORIZED: &str =
    r#"{"error":{"code":"unauthorized","message":"Missing or invalid API key"}}"#;
const NO_ACCESS: &str =
    r#"{"error":{"code":"forbidden","message":"Key does not have access to that board"}}"#;
const NO_EDIT: &str =
    r#"{"error":{"code":"forbidden","message":"Key does not have edit permission"}}"#;
const NO_MEMBER: &str = r#"{"error":{"code":"forbidden","message":"The owner of this key is not a member of the organisation"}}"#;

/// Two organisations. Ann is in both, Bob in the first. On `board_1` Ann may edit and Bob read; `board_2` is Bob's alone;
/// `board_9` is Ann's, in the other organisation.
fn organisations(kanban: Fronted) -> Fronted {
    let records = [
        ("org_1", json!({ "kind": "org", "members": { "ann": "edit", "bob": "edit" } })),
        ("org_2", json!({ "kind": "org", "members": { "ann": "edit" } })),
        (
            "board_1",
            json!({ "kind": "board", "parent": "org_1", "members": { "ann": "edit", "bob": "read" } }),
        ),
        ("board_2", json!({ "kind": "board", "parent": "org_1", "members": { "bob": "edit" } })),
        ("board_9", json!({ "kind": "board", "parent": "org_2", "members": { "ann": "edit" } })),
    ];
    for (id, body) in records {
        kanban.change("PUT", &format!("resources/{id}"), &body);
    }
    kanban
}

fn kanban() -> Fronted {
    organisations(AGENTKANBAN.echoing())
}

/// Id and secret of a key of the first organisation; `fields` say what it may.
#[track_caller]
fn key(kanban: &Fronted, owner: &str, fields: &Value) -> (String, String) {
    let mut body = json!({ "scheme": "ak", "subject": owner, "org": "org_1" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    kanban.create(&body)
}

/// The body of a create that the admin API may refuse, and what it says.
#[track_caller]
fn order(kanban: &Fronted, fields: &Value) -> (u16, Value) {
    let mut body =
        json!({ "api": "agentkanban", "scheme": "ak", "subject": "ann", "org": "org_1" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    kanban.gateway.admin("POST", "/v1/credentials", &body)
}

/// Asks `target` of the external API with a key.
#[track_caller]
fn ask(kanban: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    let bearer = format!("Bearer {secret}");
    kanban.send(method, &format!("/api/ext/v1{target}"), &[("Authorization", &bearer)], "")
}

#[track_caller]
fn refused(response: &Response, status: u16, body: &str) {
    let found = (response.status, response.field("content-type"), response.text());
    assert_eq!(found, (status, Some("application/json"), body.to_owned()));
}
