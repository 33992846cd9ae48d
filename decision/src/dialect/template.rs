//! Texts and bodies with holes. Whatever is to be escaped is so in the moment in which it is put in, by the form of the
//! place it is put into: nothing that a client sends can end a string or a tag.

use std::fmt::Write as _;
use std::mem;

use serde_json::Number;

/// What a text may speak of, written `$name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Code,
    Message,
    Status,
    RequestId,
    RetryAfter,
    Scheme,
    Resource,
    Needed,
}

impl Variable {
    pub(crate) const NAMES: [(&str, Self); 8] = [
        ("code", Self::Code),
        ("message", Self::Message),
        ("status", Self::Status),
        ("request_id", Self::RequestId),
        ("retry_after", Self::RetryAfter),
        ("scheme", Self::Scheme),
        ("resource", Self::Resource),
        ("needed", Self::Needed),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, variable)| variable)
    }
}

/// A piece of a text as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Variable(Variable),
}

/// A `$name` that is no variable, without its `$`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown<'t>(pub(crate) &'t str);

/// Reads a text: `$name` is a variable, `$$` a literal `$`, and a `$` before anything but a letter is itself.
pub(crate) fn parts(text: &str) -> Result<Vec<Part>, Unknown<'_>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (name, after_name) = after.split_at(end.unwrap_or(after.len()));
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            literal.push('$');
            rest = after;
            continue;
        }
        let variable = Variable::from_name(name).ok_or(Unknown(name))?;
        if !literal.is_empty() {
            parts.push(Part::Text(mem::take(&mut literal)));
        }
        parts.push(Part::Variable(variable));
        rest = after_name;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// A body as it is configured. A text that is one variable alone is a value of the variable's type.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Null,
    Boolean(bool),
    Number(Number),
    Text(Vec<Part>),
    List(Vec<Self>),
    /// In the order of the configuration.
    Mapping(Vec<(String, Self)>),
}

/// What is put into the holes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'v> {
    pub(crate) code: &'v Code,
    pub(crate) message: &'v str,
    pub(crate) status: u16,
    pub(crate) request_id: &'v str,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) scheme: Option<&'v str>,
    pub(crate) resource: Option<&'v str>,
    pub(crate) needed: Option<&'v str>,
}

/// What programs tell refusals apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    Text(String),
    Number(Number),
}

enum Value<'v> {
    Null,
    Text(&'v str),
    Number(Number),
}

impl<'v> Values<'v> {
    fn get(&self, variable: Variable) -> Value<'v> {
        let text = |text: Option<&'v str>| text.map_or(Value::Null, Value::Text);
        match variable {
            Variable::Code => match self.code {
                Code::Text(code) => Value::Text(code),
                Code::Number(code) => Value::Number(code.clone()),
            },
            Variable::Message => Value::Text(self.message),
            Variable::Status => Value::Number(self.status.into()),
            Variable::RequestId => Value::Text(self.request_id),
            Variable::RetryAfter => {
                self.retry_after.map_or(Value::Null, |seconds| Value::Number(seconds.into()))
            }
            Variable::Scheme => text(self.scheme),
            Variable::Resource => text(self.resource),
            Variable::Needed => text(self.needed),
        }
    }

    /// As part of a text: what is absent is nothing.
    fn text(&self, variable: Variable) -> String {
        match self.get(variable) {
            Value::Null => String::new(),
            Value::Text(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
        }
    }
}

/// How what is put into a text is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is: plain text.
    Nothing,
    /// For HTML and XML, between tags and within quotes.
    Markup,
}

/// A body, or a message, ready to be filled.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// Sent as it stands.
    Literal(String),
    /// A JSON value.
    Value(Variable),
    /// Within a JSON string.
    InString(Variable),
    /// Within a text.
    InText(Variable, Escape),
}

impl Template {
    /// A body of JSON.
    pub(crate) fn json(shape: &Shape) -> Self {
        let mut builder = Builder::default();
        builder.shape(shape);
        builder.finish()
    }

    /// A text. What is configured of it is sent as it is; only what is put in is escaped.
    pub(crate) fn text(parts: &[Part], escape: Escape) -> Self {
        let mut builder = Builder::default();
        for part in parts {
            match part {
                Part::Text(text) => builder.literal.push_str(text),
                Part::Variable(variable) => builder.hole(Piece::InText(*variable, escape)),
            }
        }
        builder.finish()
    }

    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Value(variable) => match values.get(*variable) {
                    Value::Null => filled.push_str("null"),
                    Value::Text(text) => filled.push_str(&quoted(text)),
                    Value::Number(number) => {
                        let _to_memory = write!(filled, "{number}");
                    }
                },
                Piece::InString(variable) => filled.push_str(&escaped(&values.text(*variable))),
                Piece::InText(variable, Escape::Nothing) => {
                    filled.push_str(&values.text(*variable));
                }
                Piece::InText(variable, Escape::Markup) => {
                    filled.push_str(&marked_up(&values.text(*variable)));
                }
            }
        }
        filled
    }
}

#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
    /// What stands since the last hole.
    literal: String,
}

impl Builder {
    fn hole(&mut self, hole: Piece) {
        if !self.literal.is_empty() {
            self.pieces.push(Piece::Literal(mem::take(&mut self.literal)));
        }
        self.pieces.push(hole);
    }

    fn finish(mut self) -> Template {
        if !self.literal.is_empty() {
            self.pieces.push(Piece::Literal(self.literal));
        }
        Template(self.pieces)
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Null => self.literal.push_str("null"),
            Shape::Boolean(true) => self.literal.push_str("true"),
            Shape::Boolean(false) => self.literal.push_str("false"),
            Shape::Number(number) => self.literal.push_str(&number.to_string()),
            Shape::Text(parts) => match parts.as_slice() {
                [Part::Variable(variable)] => self.hole(Piece::Value(*variable)),
                parts => self.string(parts),
            },
            Shape::List(items) => {
                self.literal.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.comma(position);
                    self.shape(item);
                }
                self.literal.push(']');
            }
            Shape::Mapping(entries) => {
                self.literal.push('{');
                for (position, (key, value)) in entries.iter().enumerate() {
                    self.comma(position);
                    self.literal.push_str(&quoted(key));
                    self.literal.push(':');
                    self.shape(value);
                }
                self.literal.push('}');
            }
        }
    }

    fn comma(&mut self, position: usize) {
        if position > 0 {
            self.literal.push(',');
        }
    }

    fn string(&mut self, parts: &[Part]) {
        self.literal.push('"');
        for part in parts {
            match part {
                Part::Text(text) => self.literal.push_str(&escaped(text)),
                Part::Variable(variable) => self.hole(Piece::InString(*variable)),
            }
        }
        self.literal.push('"');
    }
}

/// A JSON string (RFC 8259, section 7).
fn quoted(text: &str) -> String {
    // A text always serialises.
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// The inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = quoted(text);
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

fn marked_up(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
