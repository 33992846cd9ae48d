//! One change: made in the store and applied in this process before anyone is answered, waited for or not (see `propagation`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Admin;
use super::problem::Problem;
use super::propagation::Reach;
use crate::store::{Change, Changed};

/// How long the store may take for a call of an operator.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a step has done: what it found, and every change that now stands in the store.
pub(super) struct Step<T> {
    pub(super) outcome: T,
    pub(super) changes: Vec<Change>,
}

impl<T> From<Changed<T>> for Step<T> {
    fn from(changed: Changed<T>) -> Self {
        Self { outcome: changed.record, changes: changed.change.into_iter().collect() }
    }
}

impl<T> Step<T> {
    pub(super) fn map<U>(self, with: impl FnOnce(T) -> U) -> Step<U> {
        Step { outcome: with(self.outcome), changes: self.changes }
    }
}

/// Makes the changes of `step`. When this ends no request is decided on older facts; those under way may still have to be told.
///
/// It runs to its end even when the caller goes away, since a change that stands in the store and not here would let a
/// revoked credential in. One at a time, since whoever repeats a revocation and finds it made must also find it applied, and
/// since what a step has read of other records is then still true when it writes.
pub(super) async fn make<T: Send + 'static>(
    admin: &Arc<Admin>,
    step: impl Future<Output = Result<Step<T>, Problem>> + Send + 'static,
) -> Result<(T, Reach), Problem> {
    let owned = Arc::clone(admin);
    let mut task = tokio::spawn(async move {
        let mut turn = owned.turn.lock().await;
        let Step { outcome, changes } = step.await?;
        let last = changes.last().cloned();
        let told = turn.apply(&owned.feed, changes).await;
        Ok((outcome, Reach { last, told }))
    });
    let ended = match tokio::time::timeout(STORE_TIMEOUT, &mut task).await {
        Ok(ended) => ended,
        Err(_) => match OVERDUE.try_with(Arc::clone) {
            Ok(overdue) => {
                overdue.notify_one();
                task.await
            }
            Err(_) => return Err(too_slow()),
        },
    };
    ended.unwrap_or_else(|_panicked| Err(Problem::internal()))
}

tokio::task_local! {
    /// Told by a change that takes longer than whoever asked for it is let wait; it is waited for all the same.
    static OVERDUE: Arc<Notify>;
}

/// Runs a call whose answer is kept, which must be the true one: it goes on where others would say that the store takes too
/// long, and `overdue` is told.
pub(super) async fn to_its_end<T>(overdue: Arc<Notify>, call: impl Future<Output = T>) -> T {
    OVERDUE.scope(overdue, call).await
}

/// Reads from the store, within its time.
pub(super) async fn read<T, E: Into<Problem>>(
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(STORE_TIMEOUT, step).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(too_slow()),
    }
}

pub(super) fn too_slow() -> Problem {
    Problem::store_unavailable("the store took too long")
}
