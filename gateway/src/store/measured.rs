//! A store that tells how long each call took and what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Sealed};

use super::calls::store_calls;
use super::{
    AuditEntry, AuditFilter, Author, Begun, ChangeError, Changed, Changes, Filter, Keep, ListError,
    New, Page, Position, Read, RepeatKey, Reply, ResourceFilter, Rotated, Store, Unavailable,
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

    fn watch(&self, operation: &'static str) -> UnderWay<'_, F> {
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

impl Failure for ChangeError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable),
            _ => None,
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

macro_rules! measured {
    ($($call:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<F: Fn(Call<'_>) + Send + Sync + 'static> Store for Measured<F> {
            $(async fn $call(&self, $($argument: $type),*) -> $answer {
                let call = self.watch(stringify!($call));
                call.ended(self.store.$call($($argument),*).await)
            })*
        }
    };
}
store_calls!(measured);

#[cfg(test)]
mod tests;
