//! The bodies that calls take. What a schema cannot say (what is configured, what is stored) is said by a 409 or a 422.

use decision::limit::MAX_MOST;
use serde_json::{Map, Value, json};

use super::super::explain::FIELDS_MAX;

pub(super) fn schemas() -> Map<String, Value> {
    [
        ("CreateCredential", create()),
        ("UpdateCredential", update()),
        ("PutLevel", object(&json!({ "level": level() }), &["level"])),
        ("Revoke", object(&json!({ "reason": or_null(&label()) }), &[])),
        (
            "Rotate",
            object(
                &json!({ "overlap": duration(), "lifetime": or_null(&lifetime()) }),
                &["overlap"],
            ),
        ),
        ("Reveal", object(&json!({ "subject": or_null(&id()) }), &[])),
        ("RevokeMatching", revoke_matching()),
        ("Explain", explain()),
        ("SubjectFields", object(&subject(), &[])),
        ("PutResource", object(&resource(), &["kind"])),
        ("UpdateResource", object(&resource(), &[])),
        ("Reload", object(&json!({}), &[])),
        ("ConfigurationFiles", files()),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}

fn create() -> Value {
    let fields = json!({
        "api": { "type": "string", "minLength": 1 },
        "scheme": { "type": "string", "minLength": 1 },
        "subject": id(),
        "org": or_null(&id()),
        "name": or_null(&label()),
        "lifetime": or_null(&lifetime()),
        "expires_on": or_null(&json!({ "type": "string", "format": "date" })),
        "expires_at": or_null(&instant()),
        "ceiling": or_null(&level()),
        "grants": or_null(&levels()),
        "scopes": or_null(&ids()),
        "audience": or_null(&json!({ "type": "string", "pattern": "^[!-~]{1,2048}$" })),
        "client_id": or_null(&id()),
        "external_id": or_null(&id()),
        "addresses": or_null(&addresses()),
        "limits": or_null(&limits()),
        "metadata": or_null(&json!({ "type": "object" })),
        "secret": or_null(&secret()),
        "secret_sha256": or_null(&json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" })),
        "created_at": or_null(&instant()),
    });
    object(&fields, &["api", "scheme", "subject"])
}

fn update() -> Value {
    let fields = json!({
        "name": or_null(&label()),
        "disabled": or_null(&flag()),
        "expires_at": or_null(&instant()),
        "ceiling": or_null(&level()),
        "grants": or_null(&levels()),
        "scopes": or_null(&ids()),
        "addresses": or_null(&addresses()),
        "limits": or_null(&limits()),
        "metadata": or_null(&json!({ "type": "object" })),
    });
    object(&fields, &[])
}

fn revoke_matching() -> Value {
    let fields = json!({
        "api": { "type": "string", "minLength": 1 },
        "scheme": or_null(&json!({ "type": "string", "minLength": 1 })),
        "secret": or_null(&secret()),
        "subject": or_null(&id()),
        "client_id": or_null(&id()),
        "external_id": or_null(&id()),
        "issued_before": or_null(&instant()),
    });
    object(&fields, &["api"])
}

fn explain() -> Value {
    let value = json!({ "type": "string", "pattern": "^[ -~]*$" });
    let values = json!({ "anyOf": [value, { "type": "array", "items": value }] });
    let name = json!({ "pattern": "^[A-Za-z0-9-]+$" });
    let fields = json!({
        "method": { "type": "string", "pattern": "^[A-Z]{1,20}$" },
        "url": { "type": "string", "pattern": "^(https?:/)?/[!-~]*$", "maxLength": 65_536 },
        "headers": or_null(&json!({
            "type": "object", "propertyNames": name, "additionalProperties": values, "maxProperties": FIELDS_MAX,
        })),
        "credential": or_null(&id()),
    });
    object(&fields, &["method", "url"])
}

fn files() -> Value {
    let text = json!({ "type": "string" });
    let file = object(&json!({ "name": text, "text": text }), &["name", "text"]);
    object(&json!({ "files": { "type": "array", "items": file } }), &["files"])
}

fn subject() -> Value {
    json!({
        "kind": or_null(&json!({ "enum": ["user", "service"] })),
        "state": or_null(&json!({ "enum": ["active", "suspended", "inactive"] })),
        "admin": or_null(&flag()),
        "capabilities": or_null(&ids()),
        "metadata": or_null(&json!({ "type": "object" })),
    })
}

fn resource() -> Value {
    json!({
        "kind": id(),
        "parent": or_null(&id()),
        "state": or_null(&json!({ "enum": ["ok", "restricted", "locked", "archived"] })),
        "capabilities": or_null(&ids()),
        "plan": or_null(&id()),
        "members": or_null(&levels()),
        "metadata": or_null(&json!({ "type": "object" })),
    })
}

// --- fields ----------------------------------------------------------------------------------------------------------

pub(super) fn id() -> Value {
    json!({
        "type": "string",
        "pattern": r"^[!#-+\--:<>-~]{1,128}$",
        "not": { "const": "*" },
    })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$" })
}

/// Of a call that waits: at most 60 s.
pub(super) fn timeout() -> Value {
    let most = "[0-9]{1,4}ms|[1-5][0-9]{4}ms|60000ms|[1-5]?[0-9]s|60s|[01]m|0h|0d";
    json!({ "type": "string", "pattern": format!("^({most})$") })
}

fn lifetime() -> Value {
    json!({ "type": "string", "pattern": "^(never|[0-9]{1,9}(ms|s|m|h|d))$" })
}

fn label() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 200 })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn level() -> Value {
    json!({ "enum": ["read", "edit", "admin"] })
}

fn levels() -> Value {
    json!({ "type": "object", "propertyNames": id(), "additionalProperties": level() })
}

fn ids() -> Value {
    json!({ "type": "array", "items": id() })
}

fn addresses() -> Value {
    let block = json!({ "type": "string", "minLength": 1 });
    json!({ "type": "array", "items": block, "minItems": 1, "maxItems": 256 })
}

fn limits() -> Value {
    let max = json!({ "type": "integer", "minimum": 1, "maximum": MAX_MOST });
    json!({ "type": "object", "additionalProperties": max })
}

fn secret() -> Value {
    json!({ "type": "string", "pattern": r"^[!-+\--~]{1,4096}$" })
}

fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn object(fields: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": false,
    })
}
