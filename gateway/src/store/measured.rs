//! A store that tells how long each call took and what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digest;

use super::{
    Changed, Changes, CreateError, Filter, ListError, Page, Position, Read, Store, Unavailable,
};
use crate::clock;

/// One call of the store, ended or given up.
#[derive(Debug)]
pub struct Call<'a> {
    /// The name of the trait's function.
    pub operation: &'static str,
    pub took: Duration,
    /// Why it could not be answered; shows no secret. `None`: it was, be it with a "no".
    pub failure: Option<&'a str>,
}

/// See the module.
pub struct Measured<F> {
    store: Arc<dyn Store>,
    report: F,
}

impl<F: Fn(Call<'_>)> Measured<F> {
    /// `report` hears of each call exactly once, on the thread of the caller.
    pub fn new(store: Arc<dyn Store>, report: F) -> Self {
        Self { store, report }
    }

    fn begin(&self, operation: &'static str) -> UnderWay<'_, F> {
        let failure = Some("the caller did not wait for the answer".to_owned());
        UnderWay { report: &self.report, operation, began: clock::now(), failure }
    }
}

impl<F> fmt::Debug for Measured<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

/// Reports when it is dropped: the call has ended, or a deadline has ended the wait for it.
struct UnderWay<'a, F: Fn(Call<'_>)> {
    report: &'a F,
    operation: &'static str,
    began: Instant,
    failure: Option<String>,
}

impl<F: Fn(Call<'_>)> UnderWay<'_, F> {
    fn ended<T, E: Failure>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.failure = result
            .as_ref()
            .err()
            .and_then(Failure::unavailable)
            .map(|failure| failure.reason.clone());
        result
    }
}

impl<F: Fn(Call<'_>)> Drop for UnderWay<'_, F> {
    fn drop(&mut self) {
        let took = clock::now().saturating_duration_since(self.began);
        (self.report)(Call { operation: self.operation, took, failure: self.failure.as_deref() });
    }
}

/// Tells the errors that are answers from the one that is none.
trait Failure {
    fn unavailable(&self) -> Option<&Unavailable>;
}

impl Failure for Unavailable {
    fn unavailable(&self) -> Option<&Unavailable> {
        Some(self)
    }
}

impl Failure for CreateError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            Self::SecretTaken | Self::ExternalIdTaken | Self::IdTaken => None,
        }
    }
}

impl Failure for ListError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            Self::CursorInvalid => None,
        }
    }
}

#[async_trait]
impl<F: Fn(Call<'_>) + Send + Sync + 'static> Store for Measured<F> {
    async fn find(
        &self,
        api: &str,
        digest: &Digest,
    ) -> Result<Read<Option<Credential>>, Unavailable> {
        let call = self.begin("find");
        call.ended(self.store.find(api, digest).await)
    }

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        let call = self.begin("get");
        call.ended(self.store.get(id).await)
    }

    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, ListError> {
        let call = self.begin("list");
        call.ended(self.store.list(filter, cursor, limit, now).await)
    }

    async fn create(&self, credential: Credential, digest: Digest) -> Result<Changed, CreateError> {
        let call = self.begin("create");
        call.ended(self.store.create(credential, digest).await)
    }

    async fn revoke(
        &self,
        id: &Id,
        now: Timestamp,
        reason: Option<String>,
    ) -> Result<Option<Changed>, Unavailable> {
        let call = self.begin("revoke");
        call.ended(self.store.revoke(id, now, reason).await)
    }

    async fn delete(&self, id: &Id, now: Timestamp) -> Result<Option<Changed>, Unavailable> {
        let call = self.begin("delete");
        call.ended(self.store.delete(id, now).await)
    }

    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable> {
        let call = self.begin("changes");
        call.ended(self.store.changes(after, limit).await)
    }
}

#[cfg(test)]
mod tests;
