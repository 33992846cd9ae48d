//! The JSON Schema says what the readers say, as far as a schema can.

use std::io;

use jsonschema::Validator;
use serde_json::Value;

use super::{FULL, MINIMAL, file};
use crate::config::problem::Problems;
use crate::config::schema::REFERENCE;
use crate::config::written::{Secrets, json as json_of};
use crate::config::{Variables, schema, tree};

pub(super) fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

/// An environment in which everything is set.
struct Anything;

impl Variables for Anything {
    fn variable(&self, _: &str) -> Option<String> {
        Some(String::new())
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Ok(String::new())
    }
}

/// A file as an editor sees it.
pub(super) fn json(text: &str) -> Value {
    let problems = Problems::recording("");
    let node = tree(&file(text), &Anything, &problems);
    node.map_or(Value::Null, |(node, _)| json_of(&node, Secrets::Shown))
}

#[track_caller]
fn takes(validator: &Validator, text: &str) {
    let instance = json(text);
    let errors: Vec<_> = validator
        .iter_errors(&instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_schema_is_one_of_draft_2020_12() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
    assert_eq!(schema()["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn good_configurations_are_valid_by_the_schema() {
    let validator = validator();
    for text in [REFERENCE, FULL, MINIMAL] {
        takes(&validator, text);
    }
}

#[test]
fn a_reference_may_stand_for_a_value_of_any_type() {
    let validator = validator();
    for line in [
        "server: { threads: \"${T}\", bounds: { idle: \"${D}\", head: \"${S:-2KiB}\" } }",
        "server: { listeners: [{ address: 0.0.0.0:1, http2: \"${file:on}\" }] }",
        "telemetry: { log: { level: \"${L}\", access: { sample: \"${S}\" } } }",
    ] {
        takes(&validator, &format!("{MINIMAL}{line}\n"));
    }
}

#[test]
fn an_editor_is_told_what_a_key_means() {
    let schema = schema();
    let of = |pointer: &str| schema.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let head = of("/properties/server/properties/bounds/properties/head/description");
    assert!(head.contains("431"), "{head}");
}

#[test]
fn what_is_required_and_absent_is_refused() {
    let validator = validator();
    assert!(!validator.is_valid(&json("apis: [{ upstream: app }]")));
    assert!(!validator.is_valid(&json("apis: [{ name: a, schemes: [{ prefix: a_ }] }]")));
    assert!(validator.is_valid(&json("apis: [{ name: a, schemes: [{ name: a }] }]")));
}
