//! A store whose look-ups can be counted, held up and made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use decision::secret::Pepper;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

use crate::store::Unavailable;
use crate::store::embedded::Embedded;
use crate::store::hooked::{Hook, Hooked};

pub(super) type Staged = Hooked<Stage>;

pub(super) struct Stage {
    _folder: TempDir,
    pub(super) failing: AtomicBool,
    finds: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
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
        let store = Embedded::open(&folder.path().join("portcullis.db"), &pepper.into()).unwrap();
        let hook = Stage {
            _folder: folder,
            failing: AtomicBool::new(false),
            finds: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            before: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            after: Semaphore::new(Semaphore::MAX_PERMITS / 2),
            answered: watch::Sender::new(0),
        };
        Arc::new(Self { store: Arc::new(store), hook })
    }
}

impl Stage {
    /// Look-ups begun.
    pub(super) fn finds(&self) -> usize {
        self.finds.load(Ordering::SeqCst)
    }

    /// The most look-ups that were under way at the same time.
    pub(super) fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    pub(super) async fn answered(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        answered.wait_for(|answered| *answered >= count).await.unwrap();
    }

    async fn answer(&self) {
        self.answered.send_modify(|answered| *answered += 1);
        self.after.acquire().await.unwrap().forget();
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Closes a gate. To open it again, add permits.
pub(super) fn close(gate: &Semaphore) {
    gate.forget_permits(usize::MAX);
}

/// What requests ask.
fn is_look_up(call: &str) -> bool {
    matches!(call, "find" | "subject" | "resource")
}

#[async_trait]
impl Hook for Stage {
    async fn before(&self, call: &'static str) -> Result<(), Unavailable> {
        if !is_look_up(call) {
            return Ok(());
        }
        self.finds.fetch_add(1, Ordering::SeqCst);
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        self.before.acquire().await.unwrap().forget();
        if self.failing.load(Ordering::SeqCst) {
            self.answer().await;
            return Err(Unavailable { reason: "staged".into() });
        }
        Ok(())
    }

    async fn after(&self, call: &'static str) {
        if is_look_up(call) {
            self.answer().await;
        }
    }
}
