//! The JSON Schema of a configuration file, from what the readers ask: they read `config/reference.yaml`, which shows every
//! key in every form, and what each asks for is written down. A key that is added to a reader is in the schema, and a test
//! says so where the reference does not show it.

use serde_json::{Map, Value, json};

use super::problem::Problems;
use super::shape::{Asked, Kind, Shape};
use super::{Fragment, Variables, read_whole};

/// Every key with its default and its meaning.
pub(super) const REFERENCE: &str = include_str!("../../../config/reference.yaml");

/// The JSON Schema (draft 2020-12) of a configuration file. It takes every good configuration, and refuses unknown keys and
/// values of a wrong type; what only the whole can tell is for `check`.
pub fn schema() -> Value {
    let comments = Comments::of(REFERENCE);
    let asked = asked(REFERENCE);
    let mut schema = asked.whole.schema(&comments);
    let shared = asked.shared.iter();
    let mut shared: Map<_, _> =
        shared.map(|(name, shape)| ((*name).to_owned(), shape.schema(&comments))).collect();
    shared.insert("reference".to_owned(), reference());
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("The configuration of Portcullis"));
        schema.insert("$defs".to_owned(), Value::Object(shared));
    }
    schema
}

/// `${NAME}` and the like may stand for a value of any type.
fn reference() -> Value {
    json!({ "type": "string", "pattern": "\\$\\{", "description": "With a ${NAME}, ${NAME:-default} or ${file:PATH} in it" })
}

/// What the readers ask of the configuration `text`, and of what its comments offer instead: `key: value  # or: other; …`.
pub(super) fn asked(text: &str) -> Asked {
    let problems = Problems::recording("reference.yaml");
    for text in std::iter::once(text.to_owned()).chain(alternatives(text)) {
        let fragment = Fragment::new("reference.yaml", &text);
        // What is wrong with it is not asked here.
        let _configuration = read_whole(&[fragment], &Nothing, &problems);
    }
    problems.into_asked()
}

/// `text`, with one value replaced by what the comment at its key offers instead.
fn alternatives(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut changed = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((code, comment)) = line.split_once("  # ") else { continue };
        let Some((key, _)) = code.split_once(':') else { continue };
        let (before, rest) = lines.split_at(at);
        let below = rest.iter().skip(1).skip_while(|further| indent(further) > indent(line));
        let below: Vec<&str> = below.copied().collect();
        for other in comment.split("; ").filter_map(|part| part.strip_prefix("or: ")) {
            let other = format!("{key}: {other}");
            let mut whole = before.to_vec();
            whole.push(&other);
            whole.extend(&below);
            changed.push(whole.join("\n"));
        }
    }
    changed
}

/// No environment.
struct Nothing;

impl Variables for Nothing {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

// --- the schema -------------------------------------------------------------------------------------------------------

impl Shape {
    fn schema(&self, comments: &Comments<'_>) -> Value {
        let mut forms: Vec<Value> = self.scalars.iter().map(Kind::schema).collect();
        if self.anything {
            forms.push(json!({ "type": ["object", "array", "string", "number", "boolean"] }));
        }
        if let Some(name) = self.shared {
            forms.push(json!({ "$ref": format!("#/$defs/{name}") }));
        }
        if self.scalars.iter().any(|kind| !matches!(kind, Kind::Text | Kind::Secret)) {
            forms.push(json!({ "$ref": "#/$defs/reference" }));
        }
        if let Some(items) = &self.items {
            forms.push(json!({ "type": "array", "items": items.schema(comments) }));
        }
        if self.keys.is_some() || self.names.is_some() {
            forms.push(self.mapping_schema(comments));
        }
        match (forms.pop(), forms.is_empty()) {
            (Some(only), true) => only,
            // Of what the reference does not show nothing is known.
            (None, _) => json!({}),
            (last, _) => json!({ "anyOf": forms.into_iter().chain(last).collect::<Vec<_>>() }),
        }
    }

    fn mapping_schema(&self, comments: &Comments<'_>) -> Value {
        let mut properties = Map::new();
        for (name, key) in self.keys.iter().flatten() {
            let mut schema = key.shape.schema(comments);
            if let (Value::Object(schema), Some(line)) = (&mut schema, key.line) {
                let meaning = comments.of_line(line);
                if !meaning.is_empty() {
                    schema.insert("description".to_owned(), json!(meaning));
                }
            }
            properties.insert((*name).to_owned(), schema);
        }
        let required = self.keys.iter().flatten().filter(|(_, key)| key.required == self.mappings);
        let required: Vec<_> = required.map(|(name, _)| *name).collect();
        let others = self.names.as_ref().map_or(json!(false), |names| names.schema(comments));
        let mut schema = json!({ "type": "object", "additionalProperties": others });
        if let Value::Object(schema) = &mut schema {
            if !properties.is_empty() {
                schema.insert("properties".to_owned(), Value::Object(properties));
            }
            if !required.is_empty() {
                schema.insert("required".to_owned(), json!(required));
            }
        }
        schema
    }
}

impl Kind {
    /// A number, a duration or a size may be quoted, too.
    fn schema(&self) -> Value {
        match self {
            Self::Text | Self::Secret => json!({ "type": ["string", "number", "boolean"] }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Word(words) => {
                // `503` is a number in YAML, and a word to us.
                let numbers = words.iter().filter_map(|word| word.parse::<u64>().ok());
                let words = words.iter().map(|word| json!(word));
                json!({ "enum": words.chain(numbers.map(|number| json!(number))).collect::<Vec<_>>() })
            }
            Self::Whole => {
                json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$" })
            }
            Self::Share => {
                json!({ "type": ["number", "string"], "minimum": 0, "maximum": 1, "pattern": "^[0-9.]+$" })
            }
            Self::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
            Self::Size => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
            Self::Auto(kind) => json!({ "anyOf": [{ "const": "auto" }, kind.schema()] }),
        }
    }
}

/// What the comments of a file say of its lines. A comment stands behind its line, after two blanks, or on lines of its own
/// right above it.
pub(super) struct Comments<'c>(Vec<&'c str>);

impl<'c> Comments<'c> {
    pub(super) fn of(text: &'c str) -> Self {
        Self(text.lines().collect())
    }

    /// Of the line with this number, from 1.
    pub(super) fn of_line(&self, number: usize) -> String {
        let (before, line) = match self.0.split_at_checked(number.saturating_sub(1)) {
            Some((before, [line, ..])) => (before, *line),
            _ => return String::new(),
        };
        let above = before.iter().rev().map_while(|line| line.trim_start().strip_prefix("# "));
        let mut said: Vec<_> = above.collect();
        said.reverse();
        said.extend(line.split_once("  # ").map(|(_, comment)| comment));
        said.iter().map(|part| part.trim()).collect::<Vec<_>>().join(" ")
    }
}
