//! What a route asks of a request's fields.

use http::{HeaderName, HeaderValue};

use crate::request::Field;

/// Fields with exact values that a request must have. The order is that of preference: more fields first, and among equally
/// many the one whose names and values come first in the alphabet, so that no order of the configuration decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// By name, each once.
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Match {
    /// Names are distinct.
    pub fn of(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        Self { fields }
    }

    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.fields.iter().map(|(name, _)| name)
    }

    /// Whether a request with these fields has each that is asked for, once and with that very value: a name on several lines
    /// has no single value.
    pub fn holds(&self, fields: &[Field<'_>]) -> bool {
        self.fields.iter().all(|(name, value)| {
            let mut lines = fields.iter().filter(|field| field.is(name.as_str()));
            lines.next().is_some_and(|line| line.value == value.as_bytes())
                && lines.next().is_none()
        })
    }

    /// Whether no request fits both: they ask for different values of one name.
    pub fn excludes(&self, other: &Self) -> bool {
        self.fields.iter().any(|(name, value)| {
            other.fields.iter().any(|(known, wanted)| known == name && wanted != value)
        })
    }

    /// Whether both ask for equally many fields, and the alphabet alone decides between them.
    pub fn ties_with(&self, other: &Self) -> bool {
        self.fields.len() == other.fields.len() && !self.excludes(other)
    }

    /// Less is preferred.
    pub(super) fn preference(&self, other: &Self) -> std::cmp::Ordering {
        let key =
            |(name, value): &(HeaderName, HeaderValue)| (name.as_str().to_owned(), value.clone());
        other
            .fields
            .len()
            .cmp(&self.fields.len())
            .then_with(|| self.fields.iter().map(key).cmp(other.fields.iter().map(key)))
    }
}

#[cfg(test)]
mod tests;
