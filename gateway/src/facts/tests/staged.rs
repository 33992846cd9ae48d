//! A store whose look-ups can be counted, held up and made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{Digest, Pepper};
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

use crate::store::embedded::Embedded;
use crate::store::{
    Changed, Changes, CreateError, Filter, ListError, Page, Position, Read, Store, Unavailable,
};

#[derive(Debug)]
pub(super) struct Staged {
    store: Embedded,
    _folder: TempDir,
    pub(super) failing: AtomicBool,
    finds: AtomicUsize,
    /// A look-up passes it before the store is asked, and after.
    pub(super) before: Semaphore,
    pub(super) after: Semaphore,
    /// Look-ups that the store has answered: they stand before `after`, or have passed it.
    answered: watch::Sender<usize>,
}

impl Staged {
    /// Both gates open.
    pub(super) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let pepper = Pepper::new(&"x".repeat(32).into()).unwrap();
        Arc::new(Self {
            store: Embedded::open(&folder.path().join("portcullis.db"), &pepper).unwrap(),
            _folder: folder,
            failing: AtomicBool::new(false),
            finds: AtomicUsize::new(0),
            before: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            after: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            answered: watch::Sender::new(0),
        })
    }

    /// Look-ups begun.
    pub(super) fn finds(&self) -> usize {
        self.finds.load(Ordering::SeqCst)
    }

    pub(super) async fn answered(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        answered.wait_for(|answered| *answered >= count).await.unwrap();
    }
}

/// Closes a gate. To open it again, add permits.
pub(super) fn close(gate: &Semaphore) {
    gate.forget_permits(usize::MAX);
}

#[async_trait]
impl Store for Staged {
    async fn find(
        &self,
        api: &str,
        digest: &Digest,
    ) -> Result<Read<Option<Credential>>, Unavailable> {
        self.finds.fetch_add(1, Ordering::SeqCst);
        self.before.acquire().await.unwrap().forget();
        let answer = if self.failing.load(Ordering::SeqCst) {
            Err(Unavailable { reason: "staged".into() })
        } else {
            self.store.find(api, digest).await
        };
        self.answered.send_modify(|answered| *answered += 1);
        self.after.acquire().await.unwrap().forget();
        answer
    }

    async fn get(&self, id: &Id) -> Result<Option<Credential>, Unavailable> {
        self.store.get(id).await
    }

    async fn list(
        &self,
        filter: &Filter,
        cursor: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, ListError> {
        self.store.list(filter, cursor, limit, now).await
    }

    async fn create(&self, credential: Credential, digest: Digest) -> Result<Changed, CreateError> {
        self.store.create(credential, digest).await
    }

    async fn revoke(
        &self,
        id: &Id,
        now: Timestamp,
        reason: Option<String>,
    ) -> Result<Option<Changed>, Unavailable> {
        self.store.revoke(id, now, reason).await
    }

    async fn delete(&self, id: &Id, now: Timestamp) -> Result<Option<Changed>, Unavailable> {
        self.store.delete(id, now).await
    }

    async fn changes(&self, after: Position, limit: usize) -> Result<Changes, Unavailable> {
        self.store.changes(after, limit).await
    }
}
