//! Names that parts of a configuration give to things, and by which others speak of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::field::Given;
use super::problem::{Judged, Place, Problems, Reported, quote, suggestion};

/// The things of one kind, in the order in which they are defined, by name.
pub(super) struct Names {
    /// In the singular: `upstream`.
    kind: &'static str,
    count: usize,
    known: BTreeMap<String, (usize, Place)>,
    /// The names as they are written, for suggestions.
    written: BTreeSet<String>,
    /// There are things whose names could not be read: a name that is unknown may be one of them.
    unreadable: Option<Reported>,
    used: RefCell<BTreeSet<usize>>,
}

impl Names {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            count: 0,
            known: BTreeMap::new(),
            written: BTreeSet::new(),
            unreadable: None,
            used: RefCell::default(),
        }
    }

    /// Gives `name` to the next thing.
    pub(super) fn define(&mut self, name: &Judged<Given<'_>>, problems: &Problems) {
        let position = self.count;
        self.count += 1;
        match name {
            Err(reported) => self.give_up(*reported),
            Ok(Given { text, written, place }) => {
                if let Some((_, first)) = self.known.get(*text) {
                    let (name, kind, first) = (quote(written), self.kind, problems.line_of(first));
                    let message = format!("the name {name} is that of another {kind}, at {first}");
                    problems.error(place, message);
                } else {
                    self.known.insert((*text).to_owned(), (position, place.clone()));
                    self.written.insert((*written).to_owned());
                }
            }
        }
    }

    /// There are others, and nobody knows which.
    pub(super) fn give_up(&mut self, reported: Reported) {
        self.unreadable = Some(reported);
    }

    /// A name that always means something, and is no thing of the configuration's own: known to suggestions alone.
    pub(super) fn suggest(&mut self, name: &str) {
        self.written.insert(name.to_owned());
    }

    /// The position of the thing that `name` speaks of.
    pub(super) fn resolve(&self, name: &Given<'_>, problems: &Problems) -> Judged<usize> {
        if let Some(&(position, _)) = self.known.get(name.text) {
            self.used.borrow_mut().insert(position);
            return Ok(position);
        }
        if let Some(reported) = self.unreadable {
            return Err(reported);
        }
        let hint = suggestion(name.written, self.written.iter().map(String::as_str));
        let message = format!("no {} is named {}{hint}", self.kind, quote(name.written));
        Err(problems.error(&name.place, message))
    }

    /// Whether anything has spoken of the thing at `position`.
    pub(super) fn is_used(&self, position: usize) -> bool {
        self.used.borrow().contains(&position)
    }

    /// Whether something has this name, or may have.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.unreadable.is_some()
    }

    /// The names as they are written.
    pub(super) fn written(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str)
    }

    /// Whether there is nothing, for certain.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0 && self.unreadable.is_none()
    }

    /// How many things there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// The names that nothing speaks of.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&str, &Place)> {
        let used = self.used.borrow().clone();
        let unused = self.known.iter().filter(move |(_, (position, _))| !used.contains(position));
        unused.map(|(name, (_, place))| (name.as_str(), place))
    }
}
