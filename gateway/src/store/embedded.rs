//! The store of one machine: one SQLite file, held by one process.
//!
//! SQLite blocks, so it runs on three threads of its own, each with a connection: one changes, one looks up for requests, one
//! reads for the admin API. The write-ahead log lets them go on beside each other: a request's look-up waits neither for
//! a disk that is being synchronised nor for a long list. A commit is seen by every read that begins after it was
//! acknowledged.
//!
//! Whatever goes wrong with the file at run time is [`Unavailable`]; at start it is an [`OpenError`] for people.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Peppers, Sealed};
use rusqlite::ErrorCode;

pub use self::pepper::{PepperError, PepperFile, pepper_beside};
use super::{
    AuditEntry, AuditFilter, Author, Begun, ChangeError, Changed, Changes, Filter, Keep, ListError,
    New, Page, Position, Read, RepeatKey, Reply, ResourceFilter, Rotated, Store, Unavailable,
};

mod audit;
mod credentials;
mod file;
mod find;
mod lane;
mod list;
mod log;
mod pepper;
mod realm;
mod record;
mod repeat;
mod schema;
mod step;
mod tables;

/// See the module.
#[derive(Debug)]
pub struct Embedded {
    changes: lane::Lane,
    lookups: lane::Lane,
    reads: lane::Lane,
    /// See [`Embedded::lost`].
    lost: u64,
}

/// Why the file at `path` cannot be the store.
#[derive(Debug, thiserror::Error)]
#[error("store {}: {problem}", .path.display())]
pub struct OpenError {
    pub path: PathBuf,
    pub problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the folder {} does not exist", .0.display())]
    FolderMissing(PathBuf),
    #[error("is not a file")]
    NotAFile,
    #[error("the file or its folder is read-only; both must be writable")]
    ReadOnly,
    #[error("is held by another process")]
    Held,
    #[error("is not a database")]
    NotADatabase,
    #[error("is corrupt ({0}); restore it from a copy")]
    Corrupt(String),
    #[error("is the database of another program")]
    Foreign,
    #[error("is of version {0}, and this program knows versions up to {known}; it was written by a newer one", known = schema::VERSION)]
    Newer(i32),
    #[error("was made with another pepper; every credential in it would be refused")]
    OtherPepper,
    #[error("{0}")]
    Failed(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held,
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt(error.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Unavailable {
    fn from(error: rusqlite::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

impl From<rusqlite::Error> for ChangeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Embedded {
    /// Opens the store at `path`, and makes it when it is missing. It is held until the value is dropped or the process ends.
    pub fn open(path: &Path, peppers: &Peppers) -> Result<Self, OpenError> {
        Self::open_absolute(path, peppers)
            .map_err(|problem| OpenError { path: path.to_owned(), problem })
    }

    fn open_absolute(path: &Path, peppers: &Peppers) -> Result<Self, Problem> {
        // Absolute: SQLite gives other meanings to an empty name, to `:memory:` and to `file:`.
        let path = std::path::absolute(path)?;
        file::prepare(&path)?;
        let writer = schema::open_writer(&path, peppers)?;
        let (lookups, reads) = (schema::open_reader(&path)?, schema::open_reader(&path)?);
        let lost = schema::lost(&reads, peppers)?;
        let files = Arc::new(file::OpenFiles::new(&path)?);
        let lane = |name, connection| lane::Lane::start(name, connection, Arc::clone(&files));
        Ok(Self {
            changes: lane("store-changes", writer)?,
            lookups: lane("store-lookups", lookups)?,
            reads: lane("store-reads", reads)?,
            lost,
        })
    }

    /// Credentials that were made under a pepper that was not given: nobody can be known by them any more.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

#[async_trait]
impl Store for Embedded {
    async fn find(
        &self,
        api: &str,
        digests: &Digests,
    ) -> Result<Read<Option<Credential>>, Unavailable> {
        let (owned, wanted) = (api.to_owned(), digests.clone());
        let find = move |connection: &mut _| find::find(connection, &owned, &wanted);
        match self.lookups.call(find).await? {
            find::Found::Here(read) => Ok(*read),
            find::Found::Before(before) => {
                let (api, current) = (api.to_owned(), digests.current);
                let rekey = move |c: &mut _| find::rekey(c, &api, &before, &current);
                self.changes.call(rekey).await
            }
        }
    }

    async fn subject(&self, realm: &str, id: &Id) -> Result<Read<Option<Subject>>, Unavailable> {
        let (realm, id) = (realm.to_owned(), id.clone());
        self.lookups.call(move |c| find::of_realm(c, "subject", &realm, &id)).await
    }

    async fn resource(&self, realm: &str, id: &Id) -> Result<Read<Option<Resource>>, Unavailable> {
        let (realm, id) = (realm.to_owned(), id.clone());
        self.lookups.call(move |c| find::of_realm(c, "resource", &realm, &id)).await
    }

    async fn used(&self, uses: &[(Id, Timestamp)]) -> Result<(), Unavailable> {
        let uses = uses.to_vec();
        self.changes.call(move |c| find::used(c, &uses)).await
    }

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        let id = id.clone();
        let get = move |c: &mut _| Ok(record::kept(c, &id)?.map(|kept| kept.credential));
        self.reads.call(get).await
    }

    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Credential>, ListError> {
        let (filter, cursor) = (filter.clone(), cursor.map(str::to_owned));
        self.reads.call(move |c| list::list(c, &filter, cursor.as_deref(), limit, now)).await
    }

    async fn create(&self, new: New, author: &Author) -> Result<Changed<Credential>, ChangeError> {
        let author = author.clone();
        self.changes.call(move |c| credentials::create(c, new, &author)).await
    }

    async fn update(
        &self,
        credential: Credential,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        let author = author.clone();
        self.changes.call(move |c| credentials::update(c, credential, &author)).await
    }

    async fn revoke(
        &self,
        id: &Id,
        version: Option<u64>,
        reason: Option<String>,
        forget: bool,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        let (id, author) = (id.clone(), author.clone());
        self.changes
            .call(move |c| credentials::revoke(c, &id, version, reason, forget, &author))
            .await
    }

    async fn delete(
        &self,
        id: &Id,
        version: Option<u64>,
        author: &Author,
    ) -> Result<Changed<Credential>, ChangeError> {
        let (id, author) = (id.clone(), author.clone());
        self.changes.call(move |c| credentials::delete(c, &id, version, &author)).await
    }

    async fn rotate(
        &self,
        old: Credential,
        successor: New,
        author: &Author,
    ) -> Result<Rotated, ChangeError> {
        let author = author.clone();
        self.changes.call(move |c| credentials::rotate(c, old, successor, &author)).await
    }

    async fn reveal(
        &self,
        id: &Id,
        on_behalf: Option<&Id>,
        author: &Author,
    ) -> Result<Option<Sealed>, ChangeError> {
        let (id, on_behalf, author) = (id.clone(), on_behalf.cloned(), author.clone());
        self.changes.call(move |c| credentials::reveal(c, &id, on_behalf.as_ref(), &author)).await
    }

    async fn forget_ended(
        &self,
        keeps: &[Keep],
        author: &Author,
    ) -> Result<Vec<Changed<Credential>>, Unavailable> {
        let (keeps, author) = (keeps.to_vec(), author.clone());
        self.changes.call(move |c| credentials::forget_ended(c, &keeps, &author)).await
    }

    async fn subjects(
        &self,
        realm: &str,
        kind: Option<SubjectKind>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Subject>, ListError> {
        let (realm, cursor) = (realm.to_owned(), cursor.map(str::to_owned));
        self.reads.call(move |c| list::subjects(c, &realm, kind, cursor.as_deref(), limit)).await
    }

    async fn put_subject(
        &self,
        realm: &str,
        subject: Subject,
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError> {
        let (realm, author) = (realm.to_owned(), author.clone());
        self.changes.call(move |c| realm::put(c, &realm, subject, &[], &author)).await
    }

    async fn delete_subject(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Subject>, ChangeError> {
        let (realm, id, apis, author) =
            (realm.to_owned(), id.clone(), apis.to_vec(), author.clone());
        self.changes.call(move |c| realm::delete(c, &realm, &id, version, &apis, &author)).await
    }

    async fn resources(
        &self,
        realm: &str,
        filter: &ResourceFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Resource>, ListError> {
        let (realm, filter, cursor) = (realm.to_owned(), filter.clone(), cursor.map(str::to_owned));
        self.reads
            .call(move |c| list::resources(c, &realm, &filter, cursor.as_deref(), limit))
            .await
    }

    async fn put_resource(
        &self,
        realm: &str,
        resource: Resource,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError> {
        let (realm, apis, author) = (realm.to_owned(), apis.to_vec(), author.clone());
        self.changes.call(move |c| realm::put(c, &realm, resource, &apis, &author)).await
    }

    async fn delete_resource(
        &self,
        realm: &str,
        id: &Id,
        version: Option<u64>,
        apis: &[String],
        author: &Author,
    ) -> Result<Changed<Resource>, ChangeError> {
        let (realm, id, apis, author) =
            (realm.to_owned(), id.clone(), apis.to_vec(), author.clone());
        self.changes.call(move |c| realm::delete(c, &realm, &id, version, &apis, &author)).await
    }

    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable> {
        self.reads.call(move |c| log::changes(c, after, limit)).await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, ListError> {
        let (filter, cursor) = (filter.clone(), cursor.map(str::to_owned));
        self.reads.call(move |c| audit::list(c, &filter, cursor.as_deref(), limit)).await
    }

    async fn begin(
        &self,
        key: &RepeatKey,
        body: [u8; 32],
        now: Timestamp,
    ) -> Result<Begun, Unavailable> {
        let key = key.clone();
        self.changes.call(move |c| repeat::begin(c, &key, body, now)).await
    }

    async fn finish(
        &self,
        key: &RepeatKey,
        reply: Option<Reply>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let key = key.clone();
        self.changes.call(move |c| repeat::finish(c, &key, reply, now)).await
    }
}

#[cfg(test)]
mod tests;
