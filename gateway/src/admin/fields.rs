//! A body or a query as named fields, each judged by its rule. All that is wrong is said at once, and nothing that was sent
//! is overlooked: a field that no rule asks for is an error too.

use serde_json::Value;

use self::members::Members;
use super::given::Given;
use super::problem::{FieldError, Problem};

mod members;

/// What is said of a value, after the name of its field.
pub(super) type Judged<T> = Result<T, String>;

/// The fields that were sent and not asked for yet, and what was wrong so far. It may hold a secret: it has no `Debug`.
pub(super) struct Fields {
    sent: Vec<(String, Value)>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(super) fn of_query(pairs: Vec<(String, String)>) -> Self {
        let values = pairs.into_iter().map(|(name, text)| (name, Value::String(text)));
        Self::new(values.collect())
    }

    /// Reads a JSON object (RFC 8259). The error shows where it breaks and nothing of what was sent.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, Problem> {
        let Members { members, unclear } = serde_json::from_slice(body).map_err(|error| {
            Problem::body_malformed(if error.is_data() {
                "the body must be a JSON object".to_owned()
            } else {
                format!("the body is not JSON: {error}")
            })
        })?;
        let mut fields = Self::new(members);
        for name in unclear {
            fields.refuse(&name, "has a name that is given twice");
        }
        Ok(fields)
    }

    pub(super) fn none() -> Self {
        Self::new(Vec::new())
    }

    /// A name that is sent twice would mean whatever the reader likes: it is refused.
    fn new(mut sent: Vec<(String, Value)>) -> Self {
        let mut errors = Vec::new();
        sent.sort_by(|(a, _), (b, _)| a.cmp(b));
        sent.dedup_by(|(again, _), (name, _)| {
            let twice = again == name;
            if twice {
                errors.push(FieldError { field: name.clone(), message: "is given twice".into() });
            }
            twice
        });
        Self { sent, errors }
    }

    /// The field `name` as `judge` reads it. `None` when it is absent, null (which is the same) or refused.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&Value) -> Judged<T>,
    ) -> Option<T> {
        let at = self.sent.iter().position(|(sent, _)| sent == name)?;
        let (_, value) = self.sent.swap_remove(at);
        if value.is_null() {
            return None;
        }
        judge(&value).map_err(|message| self.refuse(name, message)).ok()
    }

    /// As [`Self::take`], for a field that is a string.
    pub(super) fn text<T>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&str) -> Judged<T>,
    ) -> Option<T> {
        self.take(name, |value| judge(value.as_str().ok_or("must be a string")?))
    }

    /// As [`Self::text`], for a field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&str) -> Judged<T>,
    ) -> Option<T> {
        let given = self.has(name);
        if !given {
            self.refuse(name, "is required");
        }
        self.text(name, judge)
    }

    /// As [`Self::take`], for a change. What is refused counts as not given.
    pub(super) fn change<T>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&Value) -> Judged<T>,
    ) -> Given<T> {
        let null = self.sent.iter().any(|(sent, value)| sent == name && value.is_null());
        match self.take(name, judge) {
            Some(value) => Given::Value(value),
            None if null => Given::Null,
            None => Given::Not,
        }
    }

    /// As [`Self::change`], for a field that is a string.
    pub(super) fn change_text<T>(
        &mut self,
        name: &str,
        judge: impl FnOnce(&str) -> Judged<T>,
    ) -> Given<T> {
        self.change(name, |value| judge(value.as_str().ok_or("must be a string")?))
    }

    /// Takes those of `names` that were sent, be it as null, and says which.
    pub(super) fn taken_of(&mut self, names: &[&'static str]) -> Vec<&'static str> {
        let given = |name: &&&str| self.sent.iter().any(|(sent, _)| sent == **name);
        let found: Vec<_> = names.iter().filter(given).copied().collect();
        self.sent.retain(|(sent, _)| !found.contains(&sent.as_str()));
        found
    }

    /// Whether `name` was sent, is not null, and was not taken yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.sent.iter().any(|(sent, value)| sent == name && !value.is_null())
    }

    pub(super) fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: name.to_owned(), message: message.into() });
    }

    /// The end of the reading: every field that was not asked for is unknown. An error names all that was refused.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        self.sent.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (field, _) in self.sent {
            self.errors.push(FieldError { field, message: "is unknown".into() });
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields_invalid(self.errors)) }
    }
}

#[cfg(test)]
mod tests;
