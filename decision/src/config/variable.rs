//! `${NAME}`, `${NAME:-default}` and `${file:PATH}` in a scalar: replaced once, and what was put in is not looked at again.

use super::Variables;
use super::problem::{Judged, Place, Problems, quote};

/// Replaces the references of one fragment.
pub(super) struct Substitution<'a> {
    pub(super) variables: &'a dyn Variables,
    pub(super) problems: &'a Problems,
}

impl Substitution<'_> {
    /// `written` with every reference replaced. Each that cannot be is reported.
    pub(super) fn replace(&self, written: &str, place: &Place) -> Judged<String> {
        let mut replaced = String::with_capacity(written.len());
        let mut complete = Ok(());
        let mut rest = written;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                replaced.push_str(before);
                replaced.push_str("${");
                rest = after;
                continue;
            }
            replaced.push_str(before);
            let Some((reference, after)) = after.split_once('}') else {
                let message = "`${` without `}`; a literal `${` is written `$${`";
                return Err(self.problems.error(place, message));
            };
            match self.value(reference, place) {
                Ok(value) => replaced.push_str(&value),
                Err(reported) => complete = Err(reported),
            }
            rest = after;
        }
        replaced.push_str(rest);
        complete.map(|()| replaced)
    }

    /// The value of what stands between `${` and `}`.
    fn value(&self, reference: &str, place: &Place) -> Judged<String> {
        if let Some(path) = reference.strip_prefix("file:") {
            return self.file(path, place);
        }
        let (name, default) = match reference.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (reference, None),
        };
        if !is_name(name) {
            let message = format!(
                "{} is no reference; expected `${{NAME}}`, `${{NAME:-default}}` or `${{file:PATH}}`, and `$${{` for a literal `${{`",
                quote(&format!("${{{reference}}}")),
            );
            return Err(self.problems.error(place, message));
        }
        let value = self.variables.variable(name);
        match default {
            Some(default) => {
                Ok(value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()))
            }
            None => value.ok_or_else(|| {
                self.problems.missing(place, format!("the variable {} is not set", quote(name)))
            }),
        }
    }

    fn file(&self, path: &str, place: &Place) -> Judged<String> {
        let from = self.problems.beside(place, path);
        let content = self.variables.file(&from.to_string_lossy()).map_err(|error| {
            let message = format!("cannot read the file {}: {error}", quote(path));
            self.problems.missing(place, message)
        })?;
        Ok(content.strip_suffix('\n').map_or_else(|| content.clone(), str::to_owned))
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}
