//! A store that tests can watch, hold up and make fail.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use decision::facts::{Credential, Resource, Subject, SubjectKind, Timestamp};
use decision::name::Id;
use decision::secret::{Digests, Sealed};

use super::calls::store_calls;
use super::{
    AuditEntry, AuditFilter, Author, Begun, ChangeError, Changed, Changes, Filter, Keep, ListError,
    New, Page, Position, Read, RepeatKey, Reply, ResourceFilter, Rotated, Store, Unavailable,
};

/// What happens around each call; `call` is the name of the trait's function.
#[async_trait]
pub(crate) trait Hook: Send + Sync + 'static {
    /// An error is the answer, and the store is not asked.
    async fn before(&self, _call: &'static str) -> Result<(), Unavailable> {
        Ok(())
    }

    /// The store has answered, and the caller has not heard it yet.
    async fn after(&self, _call: &'static str) {}
}

/// See the module.
pub(crate) struct Hooked<H> {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hook: H,
}

impl<H> fmt::Debug for Hooked<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<H> Deref for Hooked<H> {
    type Target = H;

    fn deref(&self) -> &H {
        &self.hook
    }
}

macro_rules! hooked {
    ($($call:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<H: Hook> Store for Hooked<H> {
            $(async fn $call(&self, $($argument: $type),*) -> $answer {
                self.hook.before(stringify!($call)).await?;
                let answer = self.store.$call($($argument),*).await;
                self.hook.after(stringify!($call)).await;
                answer
            })*
        }
    };
}
store_calls!(hooked);
