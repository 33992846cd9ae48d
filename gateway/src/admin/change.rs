//! One change: made in the store and applied in this process before anyone is answered, waited for or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Admin;
use super::fields::Fields;
use super::problem::Problem;
use super::rules;
use super::view::{Propagation, ReplicaReport};
use crate::store::{Change, Changed};

/// How long the store may take for a call of an operator.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `timeout` of a call that waits.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Whether a call wants to be told how far its change has come: `?wait=all&timeout=5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    No,
    All,
}

impl Wait {
    /// `timeout` is held against its form and is never reached: this replica is the only one, and it applies a change before
    /// it answers.
    pub(super) fn read(fields: &mut Fields) -> Self {
        let wait = fields.text("wait", |text| match text {
            "none" => Ok(Self::No),
            "all" => Ok(Self::All),
            _ => Err("must be \"none\" or \"all\"".into()),
        });
        fields.text("timeout", |text| match rules::duration(text)? {
            timeout if timeout <= WAIT_MAX => Ok(()),
            _ => Err(format!("must be at most {}s", WAIT_MAX.as_secs())),
        });
        wait.unwrap_or(Self::No)
    }

    /// What a call shows that need not show any.
    pub(super) fn shows(self, propagation: Propagation) -> Option<Propagation> {
        (self == Self::All).then_some(propagation)
    }
}

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

/// Makes the changes of `step` and applies them.
///
/// It runs to its end even when the caller goes away, since a change that stands in the store and not here would let a
/// revoked credential in. One at a time, since whoever repeats a revocation and finds it made must also find it applied, and
/// since what a step has read of other records is then still true when it writes.
pub(super) async fn make<T: Send + 'static>(
    admin: &Arc<Admin>,
    step: impl Future<Output = Result<Step<T>, Problem>> + Send + 'static,
) -> Result<(T, Propagation), Problem> {
    let owned = Arc::clone(admin);
    let task = tokio::spawn(async move {
        let _turn = owned.turn.lock().await;
        let Step { outcome, changes } = step.await?;
        let mut applied = Duration::ZERO;
        for change in &changes {
            applied += owned.feed.apply(change).await;
        }
        owned.events.tell();
        Ok((outcome, owned.propagation(applied)))
    });
    let mut task = task;
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

impl Admin {
    fn propagation(&self, applied: Duration) -> Propagation {
        let here = ReplicaReport {
            replica: self.replica.clone(),
            applied_ms: applied.as_millis() as u64,
            state: "applied".into(),
        };
        Propagation { complete: true, replicas: vec![here] }
    }
}
