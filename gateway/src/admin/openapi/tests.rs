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
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let missing: Vec<_> = found.iter().filter(|name| !schemas.contains_key(*name)).collect();
    assert!(missing.is_empty() && found.len() > 15, "{missing:?}");
    let ids: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len());
}
