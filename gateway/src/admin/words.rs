//! The words of the API for what records are: read and written by one table each.

use decision::facts::{CredentialState, ResourceState, SubjectKind, SubjectState};

use super::fields::Judged;

pub(super) const CREDENTIAL_STATES: [(&str, CredentialState); 4] = [
    ("active", CredentialState::Active),
    ("disabled", CredentialState::Disabled),
    ("expired", CredentialState::Expired),
    ("revoked", CredentialState::Revoked),
];

pub(super) const SUBJECT_KINDS: [(&str, SubjectKind); 2] = [
    (SubjectKind::User.name(), SubjectKind::User),
    (SubjectKind::Service.name(), SubjectKind::Service),
];

pub(super) const SUBJECT_STATES: [(&str, SubjectState); 3] = [
    ("active", SubjectState::Active),
    ("suspended", SubjectState::Suspended),
    ("inactive", SubjectState::Inactive),
];

pub(super) const RESOURCE_STATES: [(&str, ResourceState); 4] = [
    ("ok", ResourceState::Ok),
    ("restricted", ResourceState::Restricted),
    ("locked", ResourceState::Locked),
    ("archived", ResourceState::Archived),
];

/// A rule for a field that is one of the words of `table`.
pub(super) fn one_of<T: Copy>(table: &[(&str, T)]) -> impl Fn(&str) -> Judged<T> {
    move |text| {
        let found = table.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

/// The word for `value`; each table has them all.
pub(super) fn of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}
