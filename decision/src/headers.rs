//! What a route changes of the heads that cross it.
//!
//! No edit is of an identity header, of `Host`, of framing or of one hop's fields: the configuration refuses it.

use http::{HeaderName, HeaderValue};

/// Both ways; `None` = nothing is changed.
#[derive(Debug, Default)]
pub struct HeaderEdits {
    pub request: Option<FieldEdits>,
    pub response: Option<FieldEdits>,
}

/// Changes of one head. Each name is in one of the three alone.
#[derive(Debug, Default)]
pub struct FieldEdits {
    /// No field of the name crosses.
    pub remove: Vec<HeaderName>,
    /// Instead of all fields of the name.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Beside those that there are.
    pub add: Vec<(HeaderName, HeaderValue)>,
}

impl FieldEdits {
    /// Whether a field of this name, in any case, does not cross as it came.
    pub fn drop(&self, name: &[u8]) -> bool {
        let is = |known: &HeaderName| {
            known.as_str().len() == name.len()
                && name.eq_ignore_ascii_case(known.as_str().as_bytes())
        };
        self.remove.iter().any(is) || self.set.iter().any(|(known, _)| is(known))
    }

    /// The fields that are said instead or beside.
    pub fn said(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.set.iter().chain(&self.add)
    }
}
