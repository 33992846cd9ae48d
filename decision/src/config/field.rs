//! Reading a mapping key by key. What is asked for is what is known: every other key is an error.

use std::collections::HashMap;
use std::hash::Hash;

use super::Variables;
use super::form::{Form, Reason, secret, text};
use super::problem::{Judged, Place, Problems, Reported, quote, suggestion};
use super::shape::{Kind, Shape};
use super::tree::{Entry, Node, Value};

/// A text as it was given.
#[derive(Clone)]
pub(super) struct Given<'t> {
    /// With its references replaced. Not for messages.
    pub(super) text: &'t str,
    pub(super) written: &'t str,
    pub(super) place: Place,
}

/// A value, and how it was given.
#[derive(Clone)]
pub(super) struct Located<'t, T> {
    pub(super) value: T,
    pub(super) given: Given<'t>,
}

/// How a value was given, whatever it is.
pub(super) fn given<'t, T>(located: &Judged<Located<'t, T>>) -> Judged<Given<'t>> {
    located.as_ref().map(|located| located.given.clone()).map_err(|reported| *reported)
}

/// The items of a list; one that is no list at all is one unreadable item.
pub(super) type List<'t, T> = Vec<Judged<Located<'t, T>>>;

/// The values of a list, less those that were refused.
pub(super) fn values<T>(list: List<'_, T>) -> impl Iterator<Item = T> {
    list.into_iter().flatten().map(|item| item.value)
}

/// The keys of one mapping, or of one that is absent and has none.
///
/// Every key is asked for before anything is given up, or it would be taken for unknown.
pub(super) struct Fields<'t> {
    entries: &'t [Entry],
    place: Judged<Place>,
    /// It is there, with or without keys.
    given: bool,
    asked: Vec<&'static str>,
    pub(super) problems: &'t Problems,
}

impl<'t> Fields<'t> {
    /// Lets `read` ask for the keys of `node`, then reports those it did not ask for.
    pub(super) fn of<T>(
        node: &'t Node,
        problems: &'t Problems,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let (entries, place) = match mapping(node, problems) {
            Ok(entries) => (entries, Ok(node.place.clone())),
            Err(reported) => ([].as_slice(), Err(reported)),
        };
        let given = place.is_ok();
        if given {
            problems.record_keys(&node.place, Shape::mapping);
        }
        let mut fields = Self { entries, place, given, asked: Vec::new(), problems };
        let value = read(&mut fields);
        fields.report_unknown();
        value
    }

    /// The keys of a mapping that would be at `place` and is absent.
    pub(super) fn absent(place: Judged<Place>, problems: &'t Problems) -> Self {
        Self { entries: &[], place, given: false, asked: Vec::new(), problems }
    }

    fn report_unknown(&self) {
        for Entry { key, place, .. } in self.entries {
            if !self.asked.contains(&key.as_str()) {
                let hint = suggestion(key, self.asked.iter().copied());
                self.problems.error(place, format!("unknown key {}{hint}", quote(key)));
            }
        }
    }

    /// The block under `key`. One that is absent is read as an empty one, so that each default is written in one place.
    pub(super) fn block<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        match self.node(key) {
            Some(node) => Self::of(node, self.problems, read),
            None => {
                read(&mut Self::absent(self.place().map(|place| place.key(key)), self.problems))
            }
        }
    }

    pub(super) fn node(&mut self, key: &'static str) -> Option<&'t Node> {
        self.asked.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key);
        if self.given
            && let Ok(place) = &self.place
        {
            let line = entry.map(|entry| entry.place.line);
            self.problems.record_keys(place, |shape| shape.key(key, line));
        }
        entry.map(|entry| &entry.value)
    }

    /// Where the mapping stands.
    pub(super) fn place(&self) -> Judged<&Place> {
        self.place.as_ref().map_err(|reported| *reported)
    }

    pub(super) fn value<T>(
        &mut self,
        key: &'static str,
        form: &Form<T>,
    ) -> Option<Judged<Located<'t, T>>> {
        self.node(key).map(|node| scalar(node, form, self.problems))
    }

    /// A value that is judged by itself. One that was refused counts as absent: nothing else depends on it.
    pub(super) fn value_or<T>(&mut self, key: &'static str, form: &Form<T>, default: T) -> T {
        match self.value(key, form) {
            Some(Ok(given)) => given.value,
            Some(Err(_)) | None => default,
        }
    }

    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        form: &Form<T>,
    ) -> Judged<Located<'t, T>> {
        let value = self.value(key, form);
        if self.given
            && let Ok(place) = &self.place
        {
            self.problems.record_keys(place, |shape| shape.require(key));
        }
        value.unwrap_or_else(|| Err(self.missing(key)))
    }

    /// Reports that `key` is needed and absent.
    pub(super) fn missing(&self, key: &str) -> Reported {
        match self.place() {
            Ok(place) => self.problems.error(place, format!("the key `{key}` is missing")),
            Err(reported) => reported,
        }
    }

    /// A list is a set: an item that is there already is an error.
    pub(super) fn list<T: Clone + Eq + Hash>(
        &mut self,
        key: &'static str,
        form: &Form<T>,
    ) -> Option<List<'t, T>> {
        self.node(key).map(|node| set(items(node, self.problems), form, self.problems))
    }

    /// A list with at least one item.
    pub(super) fn filled_list<T: Clone + Eq + Hash>(
        &mut self,
        key: &'static str,
        form: &Form<T>,
    ) -> Option<List<'t, T>> {
        self.node(key).map(|node| filled_set(node, form, self.problems))
    }

    /// A text that no message shows; where it is absent, that of an environment variable. Empty = none.
    pub(super) fn text_or_variable(
        &mut self,
        key: &'static str,
        variable: (&dyn Variables, &str),
        judge: impl FnOnce(&str) -> Result<(), Reason>,
    ) -> Judged<Option<String>> {
        self.given_or_variable(key, &text(), variable, judge)
    }

    /// The same for a text that no dump shows either.
    pub(super) fn secret_or_variable(
        &mut self,
        key: &'static str,
        variable: (&dyn Variables, &str),
        judge: impl FnOnce(&str) -> Result<(), Reason>,
    ) -> Judged<Option<String>> {
        self.given_or_variable(key, &secret(), variable, judge)
    }

    fn given_or_variable(
        &mut self,
        key: &'static str,
        form: &Form<String>,
        (variables, variable): (&dyn Variables, &str),
        judge: impl FnOnce(&str) -> Result<(), Reason>,
    ) -> Judged<Option<String>> {
        let (text, place) = match self.value(key, form) {
            Some(given) => given.map(|given| (given.value, given.given.place))?,
            None => (variables.variable(variable).unwrap_or_default(), self.place()?.key(key)),
        };
        if text.is_empty() {
            return Ok(None);
        }
        judge(&text).map_err(|reason| self.problems.error(&place, reason))?;
        Ok(Some(text))
    }
}

/// The entries of a mapping whose keys are names that the configuration itself gives.
pub(super) fn entries<'t>(node: &'t Node, problems: &Problems) -> Judged<&'t [Entry]> {
    let entries = mapping(node, problems)?;
    problems.record(&node.place, Shape::names);
    Ok(entries)
}

/// The entries of a mapping.
pub(super) fn mapping<'t>(node: &'t Node, problems: &Problems) -> Judged<&'t [Entry]> {
    match &node.value {
        Value::Mapping(entries) => Ok(entries),
        _ => Err(unexpected("a mapping", node, problems)),
    }
}

/// The items of a list.
pub(super) fn items<'t>(node: &'t Node, problems: &Problems) -> Judged<&'t [Node]> {
    match &node.value {
        Value::List(items) => {
            problems.record(&node.place, Shape::items);
            Ok(items)
        }
        _ => Err(unexpected("a list", node, problems)),
    }
}

/// The items of a list that must have at least one, which would be `what`.
pub(super) fn filled<'t>(node: &'t Node, what: &str, problems: &Problems) -> Judged<&'t [Node]> {
    let items = items(node, problems)?;
    if items.is_empty() {
        let message = format!("the list is empty; expected at least {what}");
        return Err(problems.error(&node.place, message));
    }
    Ok(items)
}

/// The first `most` items of the list at `place`; that there are more is an error.
pub(super) fn at_most<'l, T>(
    items: &'l [T],
    most: usize,
    place: &Place,
    problems: &Problems,
) -> &'l [T] {
    if items.len() > most {
        problems.error(place, format!("the list has {} items; {most} are the most", items.len()));
    }
    items.get(..most).unwrap_or(items)
}

pub(super) fn scalar<'t, T>(
    node: &'t Node,
    form: &Form<T>,
    problems: &Problems,
) -> Judged<Located<'t, T>> {
    let scalar = match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => scalar,
        _ => return Err(unexpected(&form.expected, node, problems)),
    };
    problems.record(&node.place, |shape| shape.scalar(&form.kind));
    if form.kind == Kind::Secret {
        scalar.secret.set(true);
    }
    let given = Given { text: &scalar.text, written: &scalar.written, place: node.place.clone() };
    match form.parse(scalar) {
        Ok(value) => Ok(Located { value, given }),
        Err(None) => Err(unexpected(&form.expected, node, problems)),
        Err(Some(reason)) if form.kind == Kind::Secret => Err(problems.error(&node.place, reason)),
        Err(Some(reason)) => {
            Err(problems.error(&node.place, format!("{}: {reason}", quote(given.written))))
        }
    }
}

/// Reports that `node` is not what was expected.
pub(super) fn unexpected(expected: &str, node: &Node, problems: &Problems) -> Reported {
    let message = match &node.value {
        Value::Unreadable(reported) => return *reported,
        Value::Scalar(scalar) if scalar.is_null() => {
            format!("there is no value; expected {expected}")
        }
        Value::Scalar(scalar) => format!("expected {expected}, found {}", quote(&scalar.written)),
        Value::List(_) => format!("expected {expected}, found a list"),
        Value::Mapping(_) => format!("expected {expected}, found a mapping"),
    };
    problems.error(&node.place, message)
}

pub(super) fn filled_set<'t, T: Clone + Eq + Hash>(
    node: &'t Node,
    form: &Form<T>,
    problems: &Problems,
) -> List<'t, T> {
    set(filled(node, "one item", problems), form, problems)
}

fn set<'t, T: Clone + Eq + Hash>(
    items: Judged<&'t [Node]>,
    form: &Form<T>,
    problems: &Problems,
) -> List<'t, T> {
    let items = match items {
        Ok(items) => items,
        Err(reported) => return vec![Err(reported)],
    };
    let mut seen: HashMap<T, Place> = HashMap::new();
    let mut once = |item: Located<'t, T>| {
        let Some(first) = seen.insert(item.value.clone(), item.given.place.clone()) else {
            return Ok(item);
        };
        let (written, first) = (quote(item.given.written), problems.line_of(&first));
        let message = format!("{written} is given twice, first at {first}");
        Err(problems.error(&item.given.place, message))
    };
    items.iter().map(|node| scalar(node, form, problems).and_then(&mut once)).collect()
}
