//! `dialects` and `errors`: how refusals are spoken.

use std::cell::OnceCell;
use std::sync::Arc;

use super::field::{Fields, Given, entries, unexpected};
use super::form::{NAME, is_name, text};
use super::names::Names;
use super::problem::{Judged, Place, Problems, quote, suggestion};
use super::tree::{Entry as Key, Node, Value};
use crate::dialect::Dialect;

mod spoken;

use spoken::dialect;

/// The dialects that need no configuration.
const PROBLEM: &str = "problem";
const JSONRPC: &str = "jsonrpc";

/// What `dialects` says.
pub(super) struct Dialects<'t> {
    names: Names,
    list: Vec<Judged<Arc<Dialect>>>,
    /// The schemes that they speak of.
    pub(super) schemes: Vec<Given<'t>>,
}

impl<'t> Dialects<'t> {
    /// Reads `dialects`.
    pub(super) fn of(top: &mut Fields<'t>) -> Self {
        let mut names = Names::new("dialect");
        [PROBLEM, JSONRPC].into_iter().for_each(|name| names.suggest(name));
        let mut dialects = Self { names, list: Vec::new(), schemes: Vec::new() };
        if let Some(node) = top.node("dialects") {
            match entries(node, top.problems) {
                Ok(entries) => entries.iter().for_each(|entry| dialects.add(entry, top.problems)),
                Err(reported) => dialects.names.give_up(reported),
            }
        }
        dialects
    }

    fn add(&mut self, Key { key, place, value }: &'t Key, problems: &'t Problems) {
        self.names.define(&Ok(Given { text: key, written: key, place: place.clone() }), problems);
        if matches!(key.as_str(), PROBLEM | JSONRPC) {
            problems.error(place, format!("the name {} is that of a built-in dialect", quote(key)));
        } else if !is_name(key) {
            problems.error(place, format!("expected {NAME}, found {}", quote(key)));
        }
        let dialect = dialect(value, &mut self.schemes, problems);
        self.list.push(dialect.map(Arc::new));
    }

    /// The dialects that nothing speaks.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.names.unused()
    }

    /// Reads `errors` of an api, whose schemes are `schemes`.
    pub(super) fn of_api(&self, api: &mut Fields<'t>, schemes: &Names) -> Own {
        let dialect = match api.node("errors") {
            Some(node) => self.spoken(node, schemes, api.problems).map(|spoken| match spoken {
                Spoken::Jsonrpc => Arc::new(Dialect::jsonrpc(&Dialect::problem())),
                Spoken::Of(dialect) => dialect,
            }),
            None => Ok(Dialect::problem()),
        };
        Own { dialect, jsonrpc: OnceCell::new() }
    }

    /// Reads `errors` of a route of an api that speaks `own`.
    pub(super) fn of_route(
        &self,
        route: &mut Fields<'t>,
        schemes: &Names,
        own: &Own,
    ) -> Judged<Option<Arc<Dialect>>> {
        let Some(node) = route.node("errors") else { return Ok(None) };
        match self.spoken(node, schemes, route.problems)? {
            Spoken::Jsonrpc => own.jsonrpc().map(Some),
            Spoken::Of(dialect) => Ok(Some(dialect)),
        }
    }

    /// A dialect by its name, or the one that stands here.
    fn spoken(&self, node: &'t Node, schemes: &Names, problems: &'t Problems) -> Judged<Spoken> {
        match &node.value {
            Value::Scalar(scalar) if !scalar.is_null() => {
                let name = super::field::scalar(node, &text(), problems)?.given;
                match name.text {
                    PROBLEM => Ok(Spoken::Of(Dialect::problem())),
                    JSONRPC => Ok(Spoken::Jsonrpc),
                    _ => {
                        let position = self.names.resolve(&name, problems)?;
                        let found = self.list.get(position).cloned();
                        found.unwrap_or_else(|| Ok(Dialect::problem())).map(Spoken::Of)
                    }
                }
            }
            Value::Scalar(_) | Value::List(_) => {
                let expected = "the name of a dialect, or a mapping that is one";
                Err(unexpected(expected, node, problems))
            }
            Value::Mapping(_) | Value::Unreadable(_) => {
                let mut named = Vec::new();
                let dialect = dialect(node, &mut named, problems);
                judge_schemes(&named, &[schemes], problems);
                dialect.map(Arc::new).map(Spoken::Of)
            }
        }
    }
}

/// What an api speaks, and its routes unless they say otherwise.
pub(super) struct Own {
    pub(super) dialect: Judged<Arc<Dialect>>,
    /// The same in JSON-RPC, once for all routes.
    jsonrpc: OnceCell<Arc<Dialect>>,
}

impl Own {
    fn jsonrpc(&self) -> Judged<Arc<Dialect>> {
        let own = self.dialect.as_ref().map_err(|reported| *reported)?;
        Ok(self.jsonrpc.get_or_init(|| Arc::new(Dialect::jsonrpc(own))).clone())
    }
}

enum Spoken {
    /// As the api's own, in JSON-RPC.
    Jsonrpc,
    Of(Arc<Dialect>),
}

/// Reports what is the name of a scheme in none of the apis.
pub(super) fn judge_schemes(named: &[Given<'_>], apis: &[&Names], problems: &Problems) {
    for name in named.iter().filter(|name| !apis.iter().any(|schemes| schemes.may_have(name.text)))
    {
        let hint = suggestion(name.written, apis.iter().flat_map(|schemes| schemes.written()));
        let message = format!("no scheme is named {}{hint}", quote(name.written));
        problems.error(&name.place, message);
    }
}
