//! One dialect: what it says of each outcome, and in which body.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use serde_json::Number;

use crate::config::field::{Fields, Given, entries, scalar, unexpected};
use crate::config::form::{Form, Reason, number, text};
use crate::config::problem::{Judged, Place, Problems, Reported, quote, suggestion};
use crate::config::tree::{Entry as Key, Node, Scalar, Value};
use crate::dialect::{
    Body, Code, Dialect, Draft, Entry, Escape, Part, Said, Shape, Template, Unknown, Variable,
    parts,
};
use crate::outcome::Outcome;

/// What is said where nothing else is.
const DEFAULT: &str = "default";

/// Reads one dialect; `schemes` learns those that it speaks of.
pub(super) fn dialect<'t>(
    node: &'t Node,
    schemes: &mut Vec<Given<'t>>,
    problems: &'t Problems,
) -> Judged<Dialect> {
    problems.record(&node.place, |shape| shape.share("dialect"));
    let draft = Fields::of(node, problems, |fields| {
        let content_type = fields.value("content_type", &content_type()).transpose();
        let body = fields.node("body");
        let outcomes = fields.node("outcomes");
        let given = content_type?;
        if let Some(content_type) = given.as_ref().filter(|_| body.is_none())
            && kind(&content_type.value) != Kind::Json
        {
            let shown = quote(content_type.given.written);
            let message = format!("a dialect of {shown} needs a `body`: the default one is JSON");
            problems.error(&content_type.given.place, message);
        }
        let content_type = given.map(|content_type| content_type.value);
        let mut reader = Reader { content_type, schemes, problems };
        let body = body.map(|node| reader.body(node)).transpose();
        let draft = match outcomes {
            Some(node) => reader.outcomes(node),
            None => Ok(Draft::default()),
        };
        Ok(Draft { body: body?, ..draft? })
    });
    draft.map(|draft| Dialect::new(&draft))
}

/// Reads the parts of one dialect.
struct Reader<'r, 't> {
    /// The dialect's own; without one each body's follows from what the body is.
    content_type: Option<HeaderValue>,
    schemes: &'r mut Vec<Given<'t>>,
    problems: &'t Problems,
}

impl<'t> Reader<'_, 't> {
    fn outcomes(&mut self, node: &'t Node) -> Judged<Draft> {
        let mut draft = Draft::default();
        let mut whole = Ok(());
        for Key { key, place, value } in entries(node, self.problems)? {
            let entry = self.entry(value);
            let outcome = Outcome::from_name(key).filter(|outcome| outcome.is_refusal());
            match (entry, outcome) {
                (Ok(entry), Some(outcome)) => draft.outcomes.push((outcome, entry)),
                (Ok(entry), None) if key == DEFAULT => draft.default = entry,
                (Ok(_), None) => whole = Err(self.no_outcome(key, place)),
                (Err(reported), _) => whole = Err(reported),
            }
        }
        whole.map(|()| draft)
    }

    fn no_outcome(&self, key: &str, place: &Place) -> Reported {
        if Outcome::from_name(key).is_some() {
            let message =
                format!("the outcome {} is no refusal: nothing is said of it", quote(key));
            return self.problems.error(place, message);
        }
        let known = Outcome::ALL.iter().filter(|outcome| outcome.is_refusal());
        let known = known.map(|outcome| outcome.name()).chain([DEFAULT]);
        let hint = suggestion(key, known);
        self.problems.error(place, format!("unknown outcome {}{hint}", quote(key)))
    }

    /// What is said of one outcome, and of it for some schemes.
    fn entry(&mut self, node: &'t Node) -> Judged<Entry> {
        Fields::of(node, self.problems, |fields| {
            let schemes = fields.node("schemes");
            let said = self.said(fields);
            let schemes = schemes.map_or_else(|| Ok(Vec::new()), |node| self.of_schemes(node));
            Ok(Entry { said: said?, schemes: schemes? })
        })
    }

    fn of_schemes(&mut self, node: &'t Node) -> Judged<Vec<(String, Said)>> {
        let entries = entries(node, self.problems)?;
        let given = |Key { key, place, .. }: &'t Key| Given {
            text: key,
            written: key,
            place: place.clone(),
        };
        self.schemes.extend(entries.iter().map(given));
        let read = |Key { key, value, .. }: &'t Key| {
            let said = Fields::of(value, self.problems, |fields| self.said(fields))?;
            Ok((key.clone(), said))
        };
        let read: Vec<_> = entries.iter().map(read).collect();
        read.into_iter().collect()
    }

    fn said(&self, fields: &mut Fields<'t>) -> Judged<Said> {
        let status = fields.value("status", &number(400..=599)).transpose();
        let code = fields.value("code", &code()).transpose();
        let message = fields.node("message").map(|node| self.message(node)).transpose();
        let body = fields.node("body").map(|node| self.body(node)).transpose();
        let status = status?.and_then(|status| StatusCode::from_u16(status.value).ok());
        Ok(Said { status, code: code?.map(|code| code.value), message: message?, body: body? })
    }

    fn message(&self, node: &Node) -> Judged<Vec<Part>> {
        let message = scalar(node, &text(), self.problems)?;
        let Value::Scalar(scalar) = &node.value else { return Ok(Vec::new()) };
        let parts = self.parts(scalar, &message.given.place)?;
        if parts.contains(&Part::Variable(Variable::Message)) {
            let message = "a message cannot hold `$message`: it is what that stands for";
            return Err(self.problems.error(&node.place, message));
        }
        Ok(parts)
    }

    /// A body, of whatever shape.
    fn body(&self, node: &Node) -> Judged<Arc<Body>> {
        self.problems.record(&node.place, crate::config::shape::Shape::anything);
        if let Value::Scalar(scalar) = &node.value {
            if scalar.is_null() {
                return Err(unexpected("a text, a mapping or a list", node, self.problems));
            }
            return self.text_body(scalar, &node.place);
        }
        let shape = self.shape(node)?;
        let content_type = self.content_type.clone();
        let content_type = content_type.unwrap_or(HeaderValue::from_static("application/json"));
        if kind(&content_type) != Kind::Json {
            let shown = content_type.to_str().unwrap_or_default();
            let message = format!("a body of {} is a text; this one is JSON", quote(shown));
            return Err(self.problems.error(&node.place, message));
        }
        Ok(Arc::new(Body { content_type, template: Template::json(&shape) }))
    }

    fn text_body(&self, scalar: &Scalar, place: &Place) -> Judged<Arc<Body>> {
        let parts = self.parts(scalar, place)?;
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let content_type = self.content_type.clone().unwrap_or(plain);
        let template = match kind(&content_type) {
            Kind::Json => Template::json(&Shape::Text(parts)),
            Kind::Markup => Template::text(&parts, Escape::Markup),
            Kind::Text => Template::text(&parts, Escape::Nothing),
        };
        Ok(Arc::new(Body { content_type, template }))
    }

    fn shape(&self, node: &Node) -> Judged<Shape> {
        match &node.value {
            Value::Unreadable(reported) => Err(*reported),
            Value::Scalar(scalar) => self.scalar(scalar, &node.place),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.shape(item)).collect();
                items.into_iter().collect::<Judged<_>>().map(Shape::List)
            }
            Value::Mapping(entries) => {
                let entry = |entry: &Key| Ok((entry.key.clone(), self.shape(&entry.value)?));
                let entries: Vec<_> = entries.iter().map(entry).collect();
                entries.into_iter().collect::<Judged<_>>().map(Shape::Mapping)
            }
        }
    }

    /// An unquoted scalar is what JSON would take it for, every other a text.
    fn scalar(&self, scalar: &Scalar, place: &Place) -> Judged<Shape> {
        if scalar.is_null() {
            return Ok(Shape::Null);
        }
        if !scalar.plain {
            return self.parts(scalar, place).map(Shape::Text);
        }
        match scalar.text.as_str() {
            "true" => Ok(Shape::Boolean(true)),
            "false" => Ok(Shape::Boolean(false)),
            text => match json_number(text) {
                Ok(Some(number)) => Ok(Shape::Number(number)),
                Ok(None) => self.parts(scalar, place).map(Shape::Text),
                Err(reason) => {
                    Err(self.problems.error(place, format!("{}: {reason}", quote(&scalar.written))))
                }
            },
        }
    }

    fn parts(&self, scalar: &Scalar, place: &Place) -> Judged<Vec<Part>> {
        parts(&scalar.text).map_err(|Unknown(name)| {
            let shown = format!("${name}");
            // What a `${…}` has brought is not shown.
            if !scalar.written.contains(&shown) {
                let message = "what the text is made of holds a `$` before a word that is no variable; a literal `$` is `$$`";
                return self.problems.error(place, message);
            }
            let known: Vec<_> =
                Variable::NAMES.iter().map(|(name, _)| format!("${name}")).collect();
            let hint = suggestion(&shown, known.iter().map(String::as_str));
            let shown = quote(&shown);
            let message = format!("{shown} is no variable{hint}; a literal `$` is written `$$`");
            self.problems.error(place, message)
        })
    }
}

/// How what is put into a body is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Markup,
    Text,
}

fn kind(content_type: &HeaderValue) -> Kind {
    let text = content_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.rsplit(['/', '+']).next() {
        Some("json") => Kind::Json,
        Some("html" | "xml") => Kind::Markup,
        _ => Kind::Text,
    }
}

/// `type/subtype`, perhaps with parameters (RFC 9110, section 8.3.1).
fn content_type() -> Form<HeaderValue> {
    Form::new("a media type such as `application/json`", |scalar| {
        let essence = scalar.text.split(';').next().unwrap_or_default().trim_end();
        let (kind, subtype) = essence.split_once('/')?;
        let token = |text: &str| {
            let special = "!#$%&'*+-.^_`|~";
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || special.contains(c))
        };
        let visible = scalar.text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::from_str(&scalar.text).ok();
        value.filter(|_| token(kind) && token(subtype) && visible)
    })
}

/// A text, or, unquoted, a number.
fn code() -> Form<Code> {
    Form::new("a text or a number", |scalar| {
        let number = if scalar.plain { json_number(&scalar.text).ok()? } else { None };
        let text = || (!scalar.text.is_empty()).then(|| Code::Text(scalar.text.clone()));
        number.map(Code::Number).or_else(text)
    })
}

/// A number as JSON writes it, or `None`. One that a reader might take for another is refused.
fn json_number(text: &str) -> Result<Option<Number>, Reason> {
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(None);
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Number(number)) => {
            let whole = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
            if whole && !(number.is_i64() || number.is_u64()) {
                return Err("the number is too large; quoted it is a text");
            }
            Ok(Some(number))
        }
        Ok(_) | Err(_) => Ok(None),
    }
}
