//! Who is still to be told of a change: it stands and is in the facts, and a worker that is busy has not looked at its requests.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock;
use crate::feed::Feed;
use crate::store::Change;

/// Applies changes in the order in which they were made.
#[derive(Debug)]
pub(super) struct Telling {
    /// Closed when every change so far was told.
    told: watch::Receiver<()>,
}

/// One change and all before it: whoever repeats a revocation hears of the first whether it is told.
#[derive(Debug)]
pub(super) struct Told {
    since: Instant,
    told: watch::Receiver<()>,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self { told: watch::channel(()).1 }
    }

    /// When this ends, every one of `changes` is in the facts and waits with each worker.
    pub(super) async fn apply(&mut self, feed: &Arc<Feed>, changes: Vec<Change>) -> Told {
        let since = clock::now();
        let mut busy = Vec::new();
        for change in changes {
            let feed = Arc::clone(feed);
            let mut applying = Box::pin(async move { feed.apply(&change).await });
            // As far as the first worker that has not looked yet.
            if polled(applying.as_mut()).await.is_pending() {
                busy.push(applying);
            }
        }
        if !busy.is_empty() {
            let (all, told) = watch::channel(());
            let before = std::mem::replace(&mut self.told, told);
            tokio::spawn(async move {
                for applying in busy {
                    applying.await;
                }
                closed(before).await;
                drop(all);
            });
        }
        Told { since, told: self.told.clone() }
    }
}

impl Told {
    /// How long ago the change was made.
    pub(super) fn age(&self) -> Duration {
        clock::now().saturating_duration_since(self.since)
    }

    /// Whether everybody here is told by now.
    pub(super) fn is_so(&self) -> bool {
        self.told.has_changed().is_err()
    }

    /// Whether it comes to be within this time.
    pub(super) async fn within(&self, most: Duration) -> bool {
        tokio::time::timeout(most, closed(self.told.clone())).await.is_ok()
    }
}

async fn closed(mut told: watch::Receiver<()>) {
    while told.changed().await.is_ok() {}
}

/// Polls once.
async fn polled<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<()> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).map(drop))).await
}
