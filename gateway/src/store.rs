//! The authority on facts: one trait, one conformance suite (`conformance`) that every implementation passes.
//!
//! Every change is **one atomic step**: the record with a higher version, and an entry in the change log. A reader learns
//! with each record the log position it was read at; that is what the fence compares (see [`crate::facts::fence`]).
//!
//! A store never sees a secret: it is given digests.

use std::fmt;

use async_trait::async_trait;
use decision::facts::{Credential, CredentialState, Timestamp};
use decision::name::Id;
use decision::secret::Digest;

#[cfg(test)]
pub(crate) mod conformance;
pub mod embedded;
pub mod measured;

/// A place in the change log. Positions only grow; the position of a change is greater than any handed out before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// A record as it was at `position`: every change up to and including it is in there, none after.
#[derive(Clone, Debug)]
pub struct Read<T> {
    pub value: T,
    pub position: Position,
}

/// What a change did to whom. Whoever holds facts about `digest` in `api` from before `position` holds older facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub position: Position,
    pub api: String,
    pub digest: Digest,
    pub credential: Id,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Created,
    Revoked,
    Deleted,
}

impl ChangeKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Created, Self::Revoked, Self::Deleted].into_iter().find(|kind| kind.name() == name)
    }
}

/// A change that the store has made: the record after it (before it, for a deletion), and the log entry.
#[derive(Clone, Debug)]
pub struct Changed {
    pub credential: Credential,
    /// `None` when the call found everything as asked for already (revoking twice) and changed nothing.
    pub change: Option<Change>,
}

/// Nobody can say, or nobody could be told. Never a "no".
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// For the log; shows no secret.
    pub reason: String,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store unavailable: {}", self.reason)
    }
}

impl std::error::Error for Unavailable {}

impl From<Unavailable> for CreateError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl From<Unavailable> for ListError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// Why a credential was not created.
#[derive(Clone, Debug)]
pub enum CreateError {
    /// This api already has, or had and remembers, a credential with this secret.
    SecretTaken,
    /// This api already has a credential with this `external_id`.
    ExternalIdTaken,
    /// The id is taken: mint another.
    IdTaken,
    Unavailable(Unavailable),
}

/// Which credentials a list shows. Fields that are `None` restrict nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub api: Option<String>,
    pub subject: Option<String>,
    pub org: Option<String>,
    pub scheme: Option<String>,
    pub external_id: Option<String>,
    pub state: Option<CredentialState>,
}

/// Newest first: later `created_at` first, then greater id first.
#[derive(Clone, Debug)]
pub struct Page {
    pub items: Vec<Credential>,
    /// What to give as `cursor` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A `cursor` that no list of this store has given.
#[derive(Clone, Debug)]
pub enum ListError {
    CursorInvalid,
    Unavailable(Unavailable),
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

/// How long a deleted credential's id is remembered, so that revoking it again is no error: 24 hours, in milliseconds.
pub const DELETED_FOR: i64 = 24 * 60 * 60 * 1000;

/// See the module. Every call ends within the store's own bounds; callers put their deadlines around it.
///
/// A caller that goes away does not undo its call: a change may be made and nobody be told. So whoever must apply a change
/// to the facts runs the call to its end in a task of its own, and puts the deadline around the wait for that task.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The credential of `api` whose secret has this digest, with the position it was read at. A revoked one is found.
    async fn find(
        &self,
        api: &str,
        digest: &Digest,
    ) -> Result<Read<Option<Credential>>, Unavailable>;

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable>;

    /// `limit` is 1 to 1000. `now` decides what `Filter::state` means.
    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, ListError>;

    /// Adds `credential`, whose secret has this digest. `credential.version` is 1.
    async fn create(&self, credential: Credential, digest: Digest) -> Result<Changed, CreateError>;

    /// Revokes for good and remembers. `None`: there is no such credential. Repeated, it changes nothing and keeps the
    /// first `revoked_at` and `reason`. For [`DELETED_FOR`] after a deletion it finds the record as it was, ended by its
    /// deletion at the latest, and changes nothing.
    async fn revoke(
        &self,
        id: &Id,
        now: Timestamp,
        reason: Option<String>,
    ) -> Result<Option<Changed>, Unavailable>;

    /// Forgets it: afterwards its secret is unknown, and may be brought again. `None`: there is no such credential.
    async fn delete(&self, id: &Id, now: Timestamp) -> Result<Option<Changed>, Unavailable>;

    /// At most `limit` entries after `after`.
    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable>;
}
