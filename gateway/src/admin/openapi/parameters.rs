//! Parameters of paths and queries, and fields of heads.

use serde_json::{Value, json};

use super::requests::{id, timeout};

pub(super) fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": id() })
}

/// `kind` is another word for each list.
pub(super) fn in_query(path: &str, name: &str) -> Value {
    let schema = match (name, path) {
        ("subject" | "org" | "external_id" | "parent" | "id", _) | ("kind", "/v1/resources") => {
            id()
        }
        ("state", _) => json!({ "enum": ["active", "disabled", "expired", "revoked"] }),
        ("kind", "/v1/subjects") => json!({ "enum": ["user", "service"] }),
        ("kind", _) => json!({ "enum": ["credential", "subject", "resource"] }),
        ("action", _) => {
            json!({ "enum": ["create", "update", "revoke", "delete", "rotate", "reveal", "forget"] })
        }
        ("from" | "until", _) => json!({ "type": "string", "format": "date-time" }),
        ("limit", _) => {
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 })
        }
        ("wait", _) => json!({ "enum": ["none", "all"], "default": "none" }),
        ("timeout", _) => timeout(),
        _ => json!({ "type": "string", "minLength": 1 }),
    };
    let description = match name {
        "realm" => "May be left out while there is one.",
        "wait" => "`all`: the answer tells how far the change has come.",
        "timeout" => "How long at most, up to 60s; 5s when nothing is said.",
        _ => "",
    };
    json!({ "name": name, "in": "query", "schema": schema, "description": description })
}

pub(super) fn in_header(name: &str) -> Value {
    let (schema, description) = match name {
        "If-Match" => (
            json!({ "type": "string", "pattern": "^\"?[0-9]+\"?$" }),
            "The version that the record must be at, as its `ETag` has it.",
        ),
        "Last-Event-ID" => (
            json!({ "type": "string", "pattern": "^[0-9]{1,19}$" }),
            "The event after which to go on.",
        ),
        _ => (
            json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }),
            "For 24 hours a repetition is answered as before, without the secret.",
        ),
    };
    json!({ "name": name, "in": "header", "schema": schema, "description": description })
}
