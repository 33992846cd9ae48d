//! What a change is, and how it is told.

use std::sync::Arc;

use decision::facts::{Credential, Resource, Subject};
use decision::name::Id;
use decision::secret::Digest;

/// A place in the change log. Positions only grow; the position of a change is greater than any handed out before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// A record as it was at `position`: every change up to and including it is in there, none after.
#[derive(Clone, Debug)]
pub struct Read<T> {
    pub value: T,
    pub position: Position,
}

/// An entry of the change log. Whoever holds facts about `what` from before `position` holds older facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub position: Position,
    pub kind: ChangeKind,
    pub what: What,
}

/// The record that a change was made to.
///
/// `now` is the record when the change is told: as the change left it, or a later one has. `None`: it is gone, which for a
/// subject means active and for everything else unknown.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Credential {
        api: String,
        id: Id,
        /// What it was found by, at the time of the change.
        digest: Digest,
        now: Option<Arc<Credential>>,
    },
    Subject {
        realm: String,
        id: Id,
        now: Option<Arc<Subject>>,
    },
    Resource {
        realm: String,
        id: Id,
        now: Option<Arc<Resource>>,
    },
}

impl What {
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Credential { .. } => RecordKind::Credential,
            Self::Subject { .. } => RecordKind::Subject,
            Self::Resource { .. } => RecordKind::Resource,
        }
    }

    /// The api of a credential, the realm of all else.
    pub fn place(&self) -> &str {
        match self {
            Self::Credential { api: place, .. }
            | Self::Subject { realm: place, .. }
            | Self::Resource { realm: place, .. } => place,
        }
    }

    pub const fn id(&self) -> &Id {
        match self {
            Self::Credential { id, .. } | Self::Subject { id, .. } | Self::Resource { id, .. } => {
                id
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    Credential,
    Subject,
    Resource,
}

impl RecordKind {
    pub const ALL: [Self; 3] = [Self::Credential, Self::Subject, Self::Resource];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Subject => "subject",
            Self::Resource => "resource",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Created,
    Updated,
    /// The record may be gone: `on_revoke: delete`.
    Revoked,
    Deleted,
    /// A credential is found by another digest than before. It has two entries, one for each digest.
    Rekeyed,
}

impl ChangeKind {
    pub const ALL: [Self; 5] =
        [Self::Created, Self::Updated, Self::Revoked, Self::Deleted, Self::Rekeyed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
            Self::Rekeyed => "rekeyed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A change that the store has made: the record after it (before it, for a deletion), and the log entry.
#[derive(Clone, Debug)]
pub struct Changed<T> {
    pub record: T,
    /// `None` when the call found everything as asked for already (revoking twice) and changed nothing.
    pub change: Option<Change>,
}

/// A credential and the one that follows it.
#[derive(Clone, Debug)]
pub struct Rotated {
    pub old: Changed<Credential>,
    pub successor: Changed<Credential>,
}

/// Log entries after a position, oldest first.
#[derive(Clone, Debug)]
pub struct Changes {
    pub items: Vec<Change>,
    /// The log no longer holds all that came after the position asked for, or never reached it: whoever followed it must
    /// start anew.
    pub trimmed: bool,
    /// The position of the newest entry there is.
    pub head: Position,
}
