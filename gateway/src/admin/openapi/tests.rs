use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use super::*;
use crate::admin::house::House;

#[tokio::test]
async fn the_document_needs_no_token_and_shows_no_configuration() {
    let house = House::new();
    let request = Request::builder().uri("/openapi.json").body(Body::empty()).unwrap();
    let answer = house.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body["openapi"]), (200, &Value::from("3.1.0")));
    assert!(!answer.body.to_string().contains("ak_live_"));
    let post = house.call(Method::POST, "/openapi.json", None).await;
    assert_eq!((post.status.as_u16(), post.code()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn every_operation_is_answered_and_knows_no_other_method() {
    let house = House::new();
    let document = document();
    let methods = ["get", "put", "post", "delete", "patch"];
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in methods {
            let called = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            if path == "/v1/events" && method == "get" {
                continue;
            }
            let answer = house.call(called, &path, None).await;
            let known = operations.get(method).is_some();
            assert_eq!(answer.status != 405, known, "{method} {path} {}", answer.status);
        }
    }
}

#[test]
fn every_reference_has_its_schema_and_every_id_is_one() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference.trim_start_matches("#/components/schemas/").to_owned());
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    found.retain(|reference| !reference.starts_with("#/components/headers/"));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let missing: Vec<_> = found.iter().filter(|name| !schemas.contains_key(*name)).collect();
    assert!(missing.is_empty() && found.len() > 15, "{missing:?}");
    let ids: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len());
}

#[test]
fn what_a_call_may_answer_is_what_it_can() {
    let document = document();
    let call = |path: &str, method: &str| document["paths"][path][method].clone();
    let statuses = |call: &Value| -> Vec<String> {
        call["responses"].as_object().unwrap().keys().cloned().collect()
    };
    let create = call("/v1/credentials", "post");
    let made = &create["responses"]["201"];
    assert_eq!(
        made["headers"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["ETag", "Location", "x-request-id"]
    );
    assert!(made.to_string().contains("schemas/Replayed"), "{made}");
    assert!(!statuses(&create).contains(&"412".to_owned()), "a create takes no If-Match");
    assert!(create["responses"]["503"]["headers"].get("Retry-After").is_some());
    assert!(create["responses"]["401"]["headers"].get("x-request-id").is_none());
    let check = call("/v1/config/check", "post");
    assert_eq!(
        check["requestBody"]["content"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["application/vnd.portcullis.files+json", "application/yaml"]
    );
    for never in ["409", "412", "415"] {
        assert!(!statuses(&check).contains(&never.to_owned()), "{never}");
    }
    let reload = call("/v1/config/reload", "post")["responses"]["422"].to_string();
    assert!(reload.contains("RefusedConfiguration"), "{reload}");
    let revoke = call("/v1/credentials/{id}/revoke", "post");
    assert!(statuses(&revoke).contains(&"202".to_owned()));
    let schemas = &document["components"]["schemas"];
    let limits = &schemas["CreateCredential"]["properties"]["limits"]["anyOf"][0];
    assert_eq!(limits["additionalProperties"]["maximum"], decision::limit::MAX_MOST);
    let headers = &schemas["Explain"]["properties"]["headers"]["anyOf"][0];
    assert_eq!(headers["maxProperties"], 256);
}
