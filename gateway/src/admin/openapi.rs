//! `/openapi.json`: what the API takes and gives, as an OpenAPI 3.1 document. It says nothing of this gateway's configuration,
//! so whoever reaches the listener may read it, as tools that draw clients and pages of it expect.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::Admin;
use super::problem::{FieldError, Problem, Sent};
use super::{config, view};
use operations::{OPERATIONS, Operation};

mod operations;
mod parameters;
mod requests;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(super) fn router() -> Router<Arc<Admin>> {
    let answer =
        async || ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response();
    Router::new()
        .route("/openapi.json", get(answer))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}

/// What is shown, by its types.
#[derive(OpenApi)]
#[openapi(components(schemas(
    view::CredentialView,
    view::SubjectView,
    view::ResourceView,
    view::Created,
    view::Revoked,
    view::Revocation,
    view::Revealed,
    view::Deleted,
    view::Propagation,
    view::ReplicaReport,
    view::Explained,
    view::StageView,
    view::FactView,
    view::AuditView,
    view::Replicas,
    view::ReplicaView,
    config::ConfigView,
    config::CheckedView,
    config::ReloadedView,
    config::ConfigProblem,
    FieldError,
    Sent<'static>,
)))]
struct Shown;

fn document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), described(operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Credentials, subjects and resources of a gateway.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    })
}

fn schemas() -> Map<String, Value> {
    let shown = Shown::openapi().components.map(|components| components.schemas);
    let mut schemas = Map::new();
    for (name, schema) in shown.unwrap_or_default() {
        schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
    for record in ["Credential", "Subject", "Resource", "AuditEntry"] {
        schemas.insert(format!("{record}Page"), page(record));
        schemas.insert(format!("Changed{record}"), changed(record));
    }
    schemas.insert(
        "ConfigurationText".to_owned(),
        // Of any type: what is wrong with it is the answer, not a fault of the call.
        json!({ "description": "The YAML of one file." }),
    );
    schemas.extend(requests::schemas());
    schemas
}

fn page(record: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": { "type": "array", "items": reference(record) },
            "next": {
                "type": ["string", "null"],
                "description": "The `cursor` of the next page; null at the end.",
            },
        },
    })
}

/// A record, and for whoever waited how far the change of it has come.
fn changed(record: &str) -> Value {
    let more =
        json!({ "type": "object", "properties": { "propagation": reference("Propagation") } });
    json!({ "allOf": [reference(record), more] })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn described(operation: &Operation) -> Value {
    let in_path = operation.path.split(['{', '}']).skip(1).step_by(2);
    let mut parameters: Vec<Value> = in_path.map(parameters::in_path).collect();
    parameters
        .extend(operation.query.iter().map(|name| parameters::in_query(operation.path, name)));
    parameters.extend(operation.headers.iter().map(|name| parameters::in_header(name)));
    let mut answers = Map::new();
    for (status, schema) in operation.answers {
        answers.insert(status.to_string(), answer(schema));
        if *status == 200 && operation.query.contains(&"wait") {
            // Whoever waits is told so where the timeout came first.
            answers.insert("202".to_owned(), answer(schema));
        }
    }
    for status in problems(operation) {
        answers.insert(status.to_string(), problem());
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": answers,
    });
    if let (Some(body), Value::Object(fields)) = (&operation.body, &mut described) {
        let content = json!({ body.kind: { "schema": reference(body.schema) } });
        fields.insert(
            "requestBody".to_owned(),
            json!({ "required": body.required, "content": content }),
        );
    }
    described
}

fn answer(schema: &str) -> Value {
    match schema {
        "" => json!({ "description": "done" }),
        "events" => json!({
            "description": "server-sent events, without end",
            "content": { "text/event-stream": { "schema": { "type": "string" } } },
        }),
        schema => json!({
            "description": schema,
            "content": { "application/json": { "schema": reference(schema) } },
        }),
    }
}

/// The refusals there can be: those of every call, and what the parts of this one add.
fn problems(operation: &Operation) -> Vec<u16> {
    let mut statuses = vec![400, 401, 422, 500, 503];
    if operation.path.contains('{') {
        statuses.push(404);
    }
    if operation.body.is_some() {
        statuses.extend([408, 413, 415]);
    }
    if operation.method != "get" {
        statuses.extend([409, 412]);
    }
    if operation.id == "revealCredential" {
        statuses.push(403);
    }
    statuses
}

fn problem() -> Value {
    json!({
        "description": "problem details (RFC 9457)",
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    })
}

#[cfg(test)]
mod tests;
