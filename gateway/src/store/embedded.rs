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
use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{Digest, Pepper};
use rusqlite::ErrorCode;

pub use self::pepper::{PepperError, PepperFile, pepper_beside};
use super::{
    Changed, Changes, CreateError, Filter, ListError, Page, Position, Read, Store, Unavailable,
};

mod file;
mod lane;
mod list;
mod log;
mod pepper;
mod records;
mod schema;

/// See the module.
#[derive(Debug)]
pub struct Embedded {
    changes: lane::Lane,
    lookups: lane::Lane,
    reads: lane::Lane,
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

impl From<rusqlite::Error> for CreateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Embedded {
    /// Opens the store at `path`, and makes it when it is missing. It is held until the value is dropped or the process ends.
    pub fn open(path: &Path, pepper: &Pepper) -> Result<Self, OpenError> {
        Self::open_absolute(path, pepper)
            .map_err(|problem| OpenError { path: path.to_owned(), problem })
    }

    fn open_absolute(path: &Path, pepper: &Pepper) -> Result<Self, Problem> {
        // Absolute: SQLite gives other meanings to an empty name, to `:memory:` and to `file:`.
        let path = std::path::absolute(path)?;
        file::prepare(&path)?;
        let writer = schema::open_writer(&path, pepper)?;
        let (lookups, reads) = (schema::open_reader(&path)?, schema::open_reader(&path)?);
        let files = Arc::new(file::OpenFiles::new(&path)?);
        let lane = |name, connection| lane::Lane::start(name, connection, Arc::clone(&files));
        Ok(Self {
            changes: lane("store-changes", writer)?,
            lookups: lane("store-lookups", lookups)?,
            reads: lane("store-reads", reads)?,
        })
    }
}

#[async_trait]
impl Store for Embedded {
    async fn find(
        &self,
        api: &str,
        digest: &Digest,
    ) -> Result<Read<Option<Credential>>, Unavailable> {
        let (api, digest) = (api.to_owned(), *digest);
        self.lookups.call(move |connection| records::find(connection, &api, &digest)).await
    }

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        let id = id.clone();
        self.reads.call(move |connection| records::get(connection, &id)).await
    }

    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, ListError> {
        let (filter, cursor) = (filter.clone(), cursor.map(str::to_owned));
        let list = move |connection: &mut _| {
            list::list(connection, &filter, cursor.as_deref(), limit, now)
        };
        self.reads.call(list).await
    }

    async fn create(&self, credential: Credential, digest: Digest) -> Result<Changed, CreateError> {
        self.changes.call(move |connection| records::create(connection, credential, &digest)).await
    }

    async fn revoke(
        &self,
        id: &Id,
        now: Timestamp,
        reason: Option<String>,
    ) -> Result<Option<Changed>, Unavailable> {
        let id = id.clone();
        self.changes.call(move |connection| records::revoke(connection, &id, now, reason)).await
    }

    async fn delete(&self, id: &Id, now: Timestamp) -> Result<Option<Changed>, Unavailable> {
        let id = id.clone();
        self.changes.call(move |connection| records::delete(connection, &id, now)).await
    }

    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable> {
        self.reads.call(move |connection| log::changes(connection, after, limit)).await
    }
}

#[cfg(test)]
mod tests;
