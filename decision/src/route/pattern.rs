//! What a route says of paths and methods.

use std::fmt;

use crate::path::{PathError, normalise};

/// The most segments a route's path may have.
const SEGMENTS_MAX: usize = 64;

/// One segment of a route's path. The order is that of preference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Segment {
    Literal(Box<str>),
    /// `{x}`: any one segment that is not empty.
    Parameter,
    /// `**`: all that is left, also nothing.
    Rest,
}

/// The path of a route, `/a/{x}/**`. Two are equal if they differ in nothing but the names of their parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    segments: Vec<Segment>,
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let path = text.strip_prefix('/').ok_or("must start with '/'")?;
        let mut segments = Vec::new();
        let mut names = Vec::new();
        for text in path.split('/') {
            if segments.last() == Some(&Segment::Rest) {
                return Err("'**' must be the last segment");
            }
            if segments.len() == SEGMENTS_MAX {
                return Err("must have at most 64 segments");
            }
            let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            segments.push(match (text, name) {
                ("**", _) => Segment::Rest,
                (_, Some(name)) => {
                    if !is_parameter_name(name) {
                        return Err("a parameter's name must be letters, digits and '_', not starting with a digit");
                    }
                    if names.contains(&name) {
                        return Err("a parameter's name must be used once");
                    }
                    names.push(name);
                    Segment::Parameter
                }
                (text, None) => Segment::Literal(literal(text)?.into()),
            });
        }
        // Only the last segment may be empty: a slash at the end.
        let empty = Segment::Literal("".into());
        let last = segments.len() - 1;
        if segments.iter().take(last).any(|segment| *segment == empty) {
            return Err("must have no empty segment");
        }
        Ok(Self { segments })
    }

    /// The leading segments that are literals, normalised: `/a/b` of `/a/b/{x}/**`, nothing of `/{x}`. A slash at the end is
    /// not among them.
    pub fn literal_prefix(&self) -> String {
        let mut prefix = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) if !text.is_empty() => {
                    prefix.push('/');
                    prefix.push_str(text);
                }
                _ => break,
            }
        }
        prefix
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// The parameters of a path that [`Pattern::parse`] has read, each with the segment that it stands for, counted from 0.
pub(crate) fn parameters(path: &str) -> impl Iterator<Item = (&str, usize)> {
    let segments = path.split('/').skip(1).enumerate();
    segments
        .filter_map(|(position, text)| Some((text.strip_prefix('{')?.strip_suffix('}')?, position)))
}

/// A literal segment as it stands in a normalised path.
fn literal(text: &str) -> Result<String, &'static str> {
    if text.contains(['{', '}']) {
        return Err("a parameter must be a whole segment");
    }
    if text.contains('*') {
        return Err("'**' must be the last segment, and a literal '*' is written %2A");
    }
    if text.is_empty() {
        return Ok(String::new());
    }
    let path = format!("/{text}");
    let normal = normalise(&path).map_err(PathError::reason)?;
    Ok(normal.trim_start_matches('/').to_owned())
}

fn is_parameter_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The methods of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods {
    /// `None` = all.
    named: Option<Vec<String>>,
}

impl Methods {
    pub const ALL: Self = Self { named: None };

    pub fn named<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, &'static str> {
        let mut named: Vec<String> = Vec::new();
        for name in names {
            let name = name.as_ref();
            if name.is_empty()
                || !name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_')
            {
                return Err("a method must be written in capitals");
            }
            if name == "CONNECT" {
                return Err("CONNECT cannot be forwarded");
            }
            if !named.iter().any(|known| known == name) {
                named.push(name.to_owned());
            }
        }
        if named.is_empty() {
            Err("must name at least one method")
        } else {
            Ok(Self { named: Some(named) })
        }
    }

    /// Whether no method is among both. A HEAD that follows from a GET is not counted: one that is named comes before it.
    pub fn disjoint(&self, other: &Self) -> bool {
        match (&self.named, &other.named) {
            (Some(ours), Some(theirs)) => !ours.iter().any(|name| theirs.contains(name)),
            _ => false,
        }
    }

    /// Whether the method is named, or all are.
    pub(crate) fn name(&self, method: &str) -> bool {
        self.named.as_ref().is_none_or(|named| named.iter().any(|name| name == method))
    }

    /// Empty where all are.
    pub(crate) fn names(&self) -> &[String] {
        self.named.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            None => f.write_str("*"),
            Some(named) => f.write_str(&named.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
