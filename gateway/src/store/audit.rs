//! The audit log: who changed what. It holds names of fields and never what stood in them.

use std::collections::BTreeSet;

use decision::facts::Timestamp;
use decision::name::Id;
use serde::Serialize;
use serde_json::Value;

use super::RecordKind;

/// Who makes a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name of an admin, or of the gateway itself.
    pub name: String,
    /// The id of the call.
    pub request: String,
    pub now: Timestamp,
}

/// What somebody did to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub author: Author,
    pub action: Action,
    pub kind: RecordKind,
    /// The api of a credential, the realm of all else.
    pub place: String,
    pub id: Id,
    /// The record's, after it; of a deletion, the last it had.
    pub version: u64,
    /// The names of the fields that an update changed, in alphabetical order.
    pub fields: Vec<String>,
    /// On whose behalf a secret was revealed; which credential succeeds a rotated one, or came before it.
    pub other: Option<Id>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Create,
    Update,
    Revoke,
    Delete,
    /// Has two entries: of the old one and of its successor.
    Rotate,
    Reveal,
    /// An ended credential was kept long enough.
    Forget,
}

impl Action {
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::Update,
        Self::Revoke,
        Self::Delete,
        Self::Rotate,
        Self::Reveal,
        Self::Forget,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Revoke => "revoke",
            Self::Delete => "delete",
            Self::Rotate => "rotate",
            Self::Reveal => "reveal",
            Self::Forget => "forget",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// Which entries a list shows. Fields that are `None` restrict nothing.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub author: Option<String>,
    pub action: Option<Action>,
    pub kind: Option<RecordKind>,
    pub place: Option<String>,
    pub id: Option<Id>,
    /// The first instant shown.
    pub from: Option<Timestamp>,
    /// The first instant not shown any more.
    pub until: Option<Timestamp>,
}

/// The names of the fields in which two records differ, but for the version.
pub(super) fn differing(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let fields = |record| match record {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) =
        (fields(serde_json::to_value(before)), fields(serde_json::to_value(after)));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = |name: &&String| *name != "version" && before.get(*name) != after.get(*name);
    names.into_iter().filter(changed).cloned().collect()
}
