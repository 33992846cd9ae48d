//! The authority on facts: one trait, one conformance suite (`conformance`) that every implementation passes.
//!
//! Every change is **one atomic step**: the record with a higher version, an entry in the change log, and one in the audit
//! log. A reader learns with each record the log position it was read at; that is what the fence compares (see
//! [`crate::facts::fence`]).
//!
//! **Versions are compared.** Whoever changes a record has read it, and gives it back changed under the version that he
//! read; when it is at another by then, nothing is written ([`ChangeError::Conflict`]). So concurrent changes lose nothing,
//! and rules that span fields are judged by the caller on what will be written. [`amend`] does this, again where needed.
//!
//! **What is equal changes nothing:** a record given back as it stands keeps its version, and no log has an entry.
//!
//! A store never sees a secret: it is given digests, and of revealable secrets sealed copies.

use std::fmt;

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Sealed};

pub use self::audit::{Action, AuditEntry, AuditFilter, Author};
pub use self::change::{
    Change, ChangeKind, Changed, Changes, Position, Read, RecordKind, Rotated, What,
};
pub use self::error::{ChangeError, ListError, Unavailable};
pub use self::list::{Filter, Page, ResourceFilter};
pub use self::log::{Followed, Listener, Mark, Register, Registered, Report, SharedLog, Told};
pub use self::repeat::{Begun, RepeatKey, Reply};

pub mod amend;
mod audit;
pub(crate) mod calls;
mod change;
#[cfg(test)]
pub(crate) mod conformance;
pub mod embedded;
mod error;
#[cfg(test)]
pub(crate) mod hooked;
mod list;
mod log;
pub mod measured;
pub mod redis;
mod repeat;

/// How long a deleted credential's id is remembered, so that revoking it again is no error: 24 hours, in milliseconds.
pub const DELETED_FOR: i64 = 24 * 60 * 60 * 1000;
/// How long an answer is kept for who repeats the call: 24 hours, in milliseconds.
pub const REPLY_FOR: i64 = 24 * 60 * 60 * 1000;
/// How long a call that has begun and not ended is taken to be running: two minutes, in milliseconds. Afterwards whoever made
/// it is taken to be gone, and a repetition begins anew.
pub const RUNNING_FOR: i64 = 2 * 60 * 1000;
/// The most credentials that one [`Store::forget_ended`] forgets.
pub const FORGOTTEN_MAX: usize = 1000;

/// The api of the credentials that the probe makes, in a store that several replicas share; none can be configured with this
/// name. They stand in no list, and no audit entry tells of them; the change log does.
pub const PROBE: &str = "(probe)";

/// A credential that is to be added.
#[derive(Clone, Debug)]
pub struct New {
    /// `version` is 1.
    pub credential: Credential,
    /// Of its secret. It is kept under the current one; under none of them may the api have another credential.
    pub digests: Digests,
    /// A copy of the secret that can be read again, if its scheme is revealable.
    pub sealed: Option<Sealed>,
}

/// How long ended credentials of one scheme are kept.
#[derive(Clone, Debug)]
pub struct Keep {
    pub api: String,
    pub scheme: String,
    /// Milliseconds from the end: the revocation or the expiry, whichever came first.
    pub keep: i64,
}

/// See the module. Every call ends within the store's own bounds; callers put their deadlines around it.
///
/// A caller that goes away does not undo its call: a change may be made and nobody be told. So whoever must apply a change
/// to the facts runs the call to its end in a task of its own, and puts the deadline around the wait for that task.
///
/// Where a call takes `version: Option<u64>`, it is the one that the record must be at (`If-Match`); `None`: at any.
/// `limit` is 1 to 1000.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    // --- what requests ask ---------------------------------------------------------------------------------------------

    /// The credential of `api` whose secret has one of these digests, with the position it was read at. A revoked one is
    /// found. One that was kept under a previous digest is kept under the current one from then on: a change
    /// ([`ChangeKind::Rekeyed`]) that `position` includes. It leaves the record and its version as they were.
    async fn find(
        &self,
        api: &str,
        digests: &Digests,
    ) -> Result<Read<Option<Credential>>, Unavailable>;

    async fn subject(&self, realm: &str, id: &Id) -> Result<Read<Option<Subject>>, Unavailable>;

    async fn resource(&self, realm: &str, id: &Id) -> Result<Read<Option<Resource>>, Unavailable>;

    /// When credentials were used last. It is no change: no version grows and no log has an entry. A time never moves back;
    /// an unknown id is passed over.
    async fn used(&self, uses: &[(Id, Timestamp)]) -> Result<(), Unavailable>;

    // --- credentials ---------------------------------------------------------------------------------------------------

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable>;

    /// Newest first: later `created_at` first, then greater id. `now` decides what `Filter::state` means.
    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Credential>, ListError>;

    /// `SecretTaken`, `ExternalIdTaken`, `IdTaken`.
    async fn create(&self, new: New, author: &Author) -> Result<Changed<Credential>, ChangeError>;

    /// Puts `name`, `ceiling`, `grants`, `scopes`, `addresses`, `limits`, `metadata`, `disabled` and `expires_at` of
    /// `credential` in the place of those of the record at its version; all else stays. `Unknown`, `Conflict`.
    async fn update(
        &self,
        credential: Credential,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError>;

    /// Revokes for good. The record is remembered, but with `forget` (`on_revoke: delete`) deleted in the same step.
    /// Repeated, it changes nothing and keeps the first `revoked_at` and `reason`. For [`DELETED_FOR`] after a deletion it
    /// finds the record as it was, ended by its deletion at the latest, and changes nothing. `Unknown`, `Conflict`.
    async fn revoke(
        &self,
        id: &Id,
        version: Option<u64>,
        reason: Option<String>,
        forget: bool,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError>;

    /// Forgets it: afterwards its secret is unknown, and may be brought again. `Unknown`, `Conflict`.
    async fn delete(
        &self,
        id: &Id,
        version: Option<u64>,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError>;

    /// [`Self::update`] with `old` and [`Self::create`] with `successor` in one step, or neither.
    async fn rotate(
        &self,
        old: Credential,
        successor: New,
        author: &Author,
    ) -> Result<Rotated, ChangeError>;

    /// The sealed copy, once the audit log says who has asked for it (`on_behalf`: for whom). `None`: there is no copy.
    /// `Unknown`.
    async fn reveal(
        &self,
        id: &Id,
        on_behalf: Option<&Id>,
        author: &Author,
    ) -> Result<Option<Sealed>, ChangeError>;

    /// Forgets the credentials that ended longer ago than their scheme keeps them, each a deletion of its own, at most
    /// [`FORGOTTEN_MAX`]: whoever is given as many asks again.
    async fn forget_ended(
        &self,
        keeps: &[Keep],
        author: &Author,
    ) -> Result<Vec<Changed<Credential>>, Unavailable>;

    // --- subjects and resources ----------------------------------------------------------------------------------------

    /// Those of one kind, or all; by id, lesser first.
    async fn subjects(
        &self,
        realm: &str,
        kind: Option<SubjectKind>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Subject>, ListError>;

    /// Puts `subject` in the place of the record at its version; at version 0, where there is none. `Conflict`.
    async fn put_subject(
        &self,
        realm: &str,
        subject: Subject,
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError>;

    /// `apis` are those of the realm: while one of them has an unrevoked credential of this subject, it is `InUse`.
    /// `Unknown`, `Conflict`.
    async fn delete_subject(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError>;

    /// By id, lesser first.
    async fn resources(
        &self,
        realm: &str,
        filter: &ResourceFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Resource>, ListError>;

    /// Puts `resource` in the place of the record at its version; at version 0, where there is none. `Conflict`;
    /// `ParentUnknown`, `ParentCircle` and `TooDeep` where the parent is another than before: it must have a record, not be
    /// the resource itself or one below it, and nothing may come to lie more than [`Resource::STEPS_MAX`] steps deep,
    /// what lies below the resource included. `InUse` where it comes to have a parent while an unrevoked credential of `apis`,
    /// which are those of the realm, names it as its organisation.
    async fn put_resource(
        &self,
        realm: &str,
        resource: Resource,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError>;

    /// What lies below it stays, and names a parent that is unknown. One without a parent is an organisation: while one of
    /// `apis`, those of the realm, has an unrevoked credential of it, it is `InUse`. `Unknown`, `Conflict`.
    async fn delete_resource(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError>;

    // --- logs ----------------------------------------------------------------------------------------------------------

    /// At most `limit` entries after `after`.
    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable>;

    /// Newest first.
    async fn audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, ListError>;

    // --- repeated calls ------------------------------------------------------------------------------------------------

    /// Begins the call that `key` names, unless it was begun already. `body` is a hash of what it asks for.
    async fn begin(
        &self,
        key: &RepeatKey,
        body: [u8; 32],
        now: Timestamp,
    ) -> Result<Begun, Unavailable>;

    /// What the call that was begun has answered. `None`: nothing that may be repeated, so the next begins anew.
    async fn finish(
        &self,
        key: &RepeatKey,
        reply: Option<Reply>,
        now: Timestamp,
    ) -> Result<(), Unavailable>;
}
