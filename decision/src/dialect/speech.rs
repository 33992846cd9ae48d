//! A dialect: what is said of each outcome, compiled so that nothing is left to look for or to fail.

use std::sync::{Arc, LazyLock};

use http::{HeaderValue, StatusCode};

use super::template::{Code, Escape, Part, Shape, Template, Variable};
use crate::outcome::Outcome;

/// How refusals are spoken: by an api, or on a route.
#[derive(Debug)]
pub struct Dialect(
    /// In the order of [`Outcome::ALL`].
    Vec<Row>,
);

#[derive(Debug)]
struct Row {
    says: Says,
    /// By the name of the credential's scheme.
    schemes: Vec<(String, Says)>,
}

/// What is said of an outcome.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    /// That is sent; 400 to 599.
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) message: Template,
    pub(crate) body: Arc<Body>,
}

#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) content_type: HeaderValue,
    pub(crate) template: Template,
}

/// What a configuration says of refusals. What it leaves out the next says that is asked: the outcome for a scheme, the
/// outcome, `default` for the scheme, `default`, the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) body: Option<Arc<Body>>,
    pub(crate) outcomes: Vec<(Outcome, Entry)>,
    pub(crate) default: Entry,
}

#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) said: Said,
    pub(crate) schemes: Vec<(String, Said)>,
}

#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<Code>,
    pub(crate) message: Option<Vec<Part>>,
    pub(crate) body: Option<Arc<Body>>,
}

impl Dialect {
    pub(crate) fn new(draft: &Draft) -> Self {
        Self(Outcome::ALL.iter().map(|&outcome| draft.row(outcome)).collect())
    }

    /// The dialect of whoever has no other.
    pub fn problem() -> Arc<Self> {
        static PROBLEM: LazyLock<Arc<Dialect>> =
            LazyLock::new(|| Arc::new(Dialect::new(&Draft::default())));
        PROBLEM.clone()
    }

    /// Errors of JSON-RPC 2.0, with the statuses, codes and messages of `own`.
    pub fn jsonrpc(own: &Self) -> Self {
        static BODY: LazyLock<Arc<Body>> = LazyLock::new(jsonrpc_body);
        let speaking = |says: &Says| Says { body: BODY.clone(), ..says.clone() };
        let rows = own.0.iter().map(|row| Row {
            says: speaking(&row.says),
            schemes: row
                .schemes
                .iter()
                .map(|(name, says)| (name.clone(), speaking(says)))
                .collect(),
        });
        Self(rows.collect())
    }

    /// What is said of `outcome` to whoever came with a credential of `scheme`.
    #[expect(
        clippy::indexing_slicing,
        reason = "an outcome is its position in ALL, of which each has its row"
    )]
    pub(crate) fn says(&self, outcome: Outcome, scheme: Option<&str>) -> &Says {
        let row = &self.0[outcome as usize];
        let own = row.schemes.iter().find(|(name, _)| Some(name.as_str()) == scheme);
        own.map_or(&row.says, |(_, says)| says)
    }
}

impl Draft {
    fn row(&self, outcome: Outcome) -> Row {
        let entries: Vec<&Entry> = [Some(outcome), nearest(outcome)]
            .into_iter()
            .flatten()
            .filter_map(|outcome| self.outcomes.iter().find(|(known, _)| *known == outcome))
            .map(|(_, entry)| entry)
            .chain([&self.default])
            .collect();
        let mut schemes: Vec<(String, Says)> = Vec::new();
        for (name, _) in entries.iter().flat_map(|entry| &entry.schemes) {
            if !schemes.iter().any(|(known, _)| known == name) {
                schemes.push((name.clone(), self.says(outcome, &entries, Some(name))));
            }
        }
        Row { says: self.says(outcome, &entries, None), schemes }
    }

    fn says(&self, outcome: Outcome, entries: &[&Entry], scheme: Option<&str>) -> Says {
        let said: Vec<&Said> =
            entries.iter().flat_map(|entry| entry.of(scheme).chain([&entry.said])).collect();
        let (code, title) = told(outcome);
        let catalogue = StatusCode::from_u16(outcome.status());
        let message = said.iter().find_map(|said| said.message.as_deref());
        let body = said.iter().find_map(|said| said.body.as_ref()).or(self.body.as_ref());
        Says {
            status: said
                .iter()
                .find_map(|said| said.status)
                .unwrap_or(catalogue.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
            code: said
                .iter()
                .find_map(|said| said.code.clone())
                .unwrap_or_else(|| Code::Text(code.to_owned())),
            message: match message {
                Some(parts) => Template::text(parts, Escape::Nothing),
                None => Template::text(&[Part::Text(title.to_owned())], Escape::Nothing),
            },
            body: body.cloned().unwrap_or_else(problem_body),
        }
    }
}

impl Entry {
    fn of(&self, scheme: Option<&str>) -> impl Iterator<Item = &Said> {
        self.schemes
            .iter()
            .filter(move |(name, _)| Some(name.as_str()) == scheme)
            .map(|(_, said)| said)
    }
}

/// The outcome whose words are taken where an outcome has none of its own: credentials that are no good look alike unless
/// someone has said otherwise of one of them.
const fn nearest(outcome: Outcome) -> Option<Outcome> {
    match outcome {
        Outcome::CredentialRevoked | Outcome::CredentialDisabled | Outcome::CredentialExpired => {
            Some(Outcome::CredentialUnknown)
        }
        _ => None,
    }
}

/// What a client is told of an outcome. Whether a credential was ever good is nothing to tell whoever holds a wrong one.
const fn told(outcome: Outcome) -> (&'static str, &'static str) {
    match (outcome, nearest(outcome)) {
        (Outcome::CredentialUnknown, _) | (_, Some(Outcome::CredentialUnknown)) => {
            ("credential_invalid", Outcome::CredentialUnknown.title())
        }
        _ => (outcome.name(), outcome.title()),
    }
}

/// RFC 9457.
fn problem_body() -> Arc<Body> {
    static BODY: LazyLock<Arc<Body>> = LazyLock::new(|| {
        let kind =
            [Part::Text("urn:portcullis:problem:".to_owned()), Part::Variable(Variable::Code)];
        body(
            "application/problem+json",
            &mapping([
                ("type", Shape::Text(kind.into())),
                ("title", variable(Variable::Message)),
                ("status", variable(Variable::Status)),
                ("code", variable(Variable::Code)),
                ("request_id", variable(Variable::RequestId)),
            ]),
        )
    });
    BODY.clone()
}

/// An error of the server's own range (JSON-RPC 2.0, section 5.1). The request's id stands in its body, which nobody has
/// read: null is what the specification has for that.
fn jsonrpc_body() -> Arc<Body> {
    let data = mapping([
        ("code", variable(Variable::Code)),
        ("status", variable(Variable::Status)),
        ("request_id", variable(Variable::RequestId)),
    ]);
    let error = mapping([
        ("code", Shape::Number((-32001).into())),
        ("message", variable(Variable::Message)),
        ("data", data),
    ]);
    let version = Shape::Text(vec![Part::Text("2.0".to_owned())]);
    body(
        "application/json",
        &mapping([("jsonrpc", version), ("id", Shape::Null), ("error", error)]),
    )
}

fn body(content_type: &'static str, shape: &Shape) -> Arc<Body> {
    let content_type = HeaderValue::from_static(content_type);
    Arc::new(Body { content_type, template: Template::json(shape) })
}

fn mapping<const N: usize>(entries: [(&str, Shape); N]) -> Shape {
    Shape::Mapping(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

fn variable(variable: Variable) -> Shape {
    Shape::Text(vec![Part::Variable(variable)])
}
