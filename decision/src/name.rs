//! Validated names: what is an id here is safe in a header, a list and a path.

use std::fmt;
use std::sync::Arc;

/// The most bytes an id may have (contract, section 4).
pub const ID_MAX: usize = 128;

/// Why a text is no id.
pub const ID_RULE: &str =
    "must be 1 to 128 visible ASCII characters without ',' '=' ';' '\"', and not '*'";

/// Whether `text` may be the id of a subject, an organisation, a resource or a credential, a scope or a capability:
/// 1–128 visible ASCII characters without `,` `=` `;` `"`, and not `*` (contract, section 4).
pub fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len())
        && text != "*"
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'=' | b';' | b'"'))
}

/// A validated id. Cheap to clone; safe as a header value.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Arc<str>);

impl Id {
    pub fn new(text: &str) -> Option<Self> {
        is_id(text).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom(ID_RULE))
    }
}

#[cfg(test)]
mod tests;
