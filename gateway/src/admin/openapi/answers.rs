//! What calls answer: the good answers, the refusals there can be, and the fields of their heads.

use serde_json::{Map, Value, json};

use super::operations::{JSON, Operation};
use super::reference;

/// Calls that may meet a state of their record in which there is no such change.
const CONFLICTING: &[&str] = &[
    "updateCredential",
    "putGrant",
    "deleteGrant",
    "deleteSubject",
    "putResource",
    "updateResource",
    "deleteResource",
];
/// Schemas of answers that show one record at its version.
const VERSIONED: &[&str] = &[
    "Credential",
    "Subject",
    "Resource",
    "ChangedCredential",
    "ChangedSubject",
    "ChangedResource",
    "Created",
];

/// Schemas that only answers have.
pub(super) fn schemas() -> [(String, Value); 2] {
    let replayed = json!({
        "type": "object",
        "properties": {
            "replayed": { "const": true, "description": "The answer to a call with the same Idempotency-Key, once more." },
        },
    });
    let problems = json!({ "type": "array", "items": reference("ConfigurationProblem") });
    let refused = json!({
        "description": "What is wrong with the configuration, where it is that and not the call.",
        "allOf": [reference("Problem"), {
            "type": "object",
            "properties": { "problems": problems, "warnings": problems },
        }],
    });
    [("Replayed".to_owned(), replayed), ("RefusedConfiguration".to_owned(), refused)]
}

/// Fields of heads.
pub(super) fn headers() -> Value {
    let header =
        |description: &str, schema: &Value| json!({ "description": description, "schema": schema });
    let text = json!({ "type": "string" });
    json!({
        "ETag": header("The version of the record.", &json!({ "type": "string", "pattern": "^\"[0-9]+\"$" })),
        "Location": header("Where the credential is.", &text),
        "Request": header("The id of the call, which the audit log has too.", &text),
        "Challenge": header("The scheme by which a call proves who makes it.", &text),
        "RetryAfter": header("Seconds after which to try again.", &json!({ "type": "integer", "minimum": 1 })),
    })
}

pub(super) fn of(operation: &Operation) -> Map<String, Value> {
    let repeats = operation.headers.contains(&"Idempotency-Key");
    let mut answers = Map::new();
    for (status, schema) in operation.answers {
        answers.insert(status.to_string(), good(*status, schema, repeats));
    }
    for status in refusals(operation) {
        let reloads = operation.id == "reloadConfig" && status == 422;
        let schema = if reloads { "RefusedConfiguration" } else { "Problem" };
        answers.insert(status.to_string(), refusal(status, schema));
    }
    answers
}

fn good(status: u16, schema: &str, repeats: bool) -> Value {
    let mut fields = vec![("x-request-id", "Request")];
    if VERSIONED.contains(&schema) {
        fields.push(("ETag", "ETag"));
    }
    if schema == "Created" {
        fields.push(("Location", "Location"));
    }
    let whole = if repeats {
        json!({ "allOf": [reference(schema), reference("Replayed")] })
    } else {
        reference(schema)
    };
    let (description, content) = match schema {
        "" => ("done", json!({})),
        "events" => (
            "server-sent events, without end",
            json!({ "text/event-stream": { "schema": { "type": "string" } } }),
        ),
        _ if status == 202 => {
            ("it is done, and has not come everywhere yet", json!({ JSON: { "schema": whole } }))
        }
        schema => (schema, json!({ JSON: { "schema": whole } })),
    };
    json!({ "description": description, "content": content, "headers": head(&fields) })
}

/// The refusals there can be: those of every call, and what the parts of this one add.
fn refusals(operation: &Operation) -> Vec<u16> {
    let mut statuses = vec![400, 401, 422, 500, 503];
    if operation.path.contains('{') {
        statuses.push(404);
    }
    if let Some(body) = &operation.body {
        statuses.extend([408, 413]);
        statuses.extend((body.kind == JSON).then_some(415));
    }
    if operation.headers.contains(&"If-Match") {
        statuses.push(412);
    }
    if operation.headers.contains(&"Idempotency-Key") || CONFLICTING.contains(&operation.id) {
        statuses.push(409);
    }
    if operation.id == "revealCredential" {
        statuses.push(403);
    }
    statuses
}

fn refusal(status: u16, schema: &str) -> Value {
    let fields: &[_] = match status {
        // Before the token is known there is no call.
        401 => &[("WWW-Authenticate", "Challenge")],
        503 => &[("x-request-id", "Request"), ("Retry-After", "RetryAfter")],
        _ => &[("x-request-id", "Request")],
    };
    json!({
        "description": "problem details (RFC 9457)",
        "content": { "application/problem+json": { "schema": reference(schema) } },
        "headers": head(fields),
    })
}

fn head(fields: &[(&str, &str)]) -> Map<String, Value> {
    let header = |header| json!({ "$ref": format!("#/components/headers/{header}") });
    fields.iter().map(|(name, known)| ((*name).to_owned(), header(known))).collect()
}
