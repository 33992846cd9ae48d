//! One change: made in the store and applied in this process before anyone is answered, waited for or not. What is waited for is
//! that the requests under way are told, and no longer than the call says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::Notify;

use super::Admin;
use super::fields::Fields;
use super::problem::Problem;
use super::rules;
use super::telling::Told;
use super::view::{Propagation, ReplicaReport};
use crate::clock;
use crate::store::{Change, Changed};

/// How long the store may take for a call of an operator.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call is let wait for its change to come everywhere when it does not say.
const WAIT: Duration = Duration::from_secs(5);
/// The longest `timeout` of a call that waits.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Whether a call wants to be told how far its change has come, and how long it waits for that: `?wait=all&timeout=5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    all: bool,
    timeout: Duration,
}

impl Wait {
    pub(super) fn read(fields: &mut Fields) -> Self {
        let all = fields.text("wait", |text| match text {
            "none" => Ok(false),
            "all" => Ok(true),
            _ => Err("must be \"none\" or \"all\"".into()),
        });
        let timeout = fields.text("timeout", |text| match rules::duration(text)? {
            timeout if timeout <= WAIT_MAX => Ok(timeout),
            _ => Err(format!("must be at most {}s", WAIT_MAX.as_secs())),
        });
        Self { all: all.unwrap_or(false), timeout: timeout.unwrap_or(WAIT) }
    }

    /// What a call shows that need not show any.
    pub(super) fn shows(self, propagation: Propagation) -> Option<Propagation> {
        self.all.then_some(propagation)
    }

    /// That of a call which always shows how far its change has come.
    pub(super) fn status(self, propagation: &Propagation) -> StatusCode {
        waited(StatusCode::OK, self.all.then_some(propagation))
    }
}

/// `status`, but 202 in place of 200 for whoever waited and is answered before the change has come everywhere.
pub(super) fn waited(status: StatusCode, propagation: Option<&Propagation>) -> StatusCode {
    let pending = propagation.is_some_and(|propagation| !propagation.complete);
    if pending && status == StatusCode::OK { StatusCode::ACCEPTED } else { status }
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

/// Makes the changes of `step` and applies them; waits until they have come everywhere, and no longer than `wait` says.
pub(super) async fn make<T: Send + 'static>(
    admin: &Arc<Admin>,
    wait: Wait,
    step: impl Future<Output = Result<Step<T>, Problem>> + Send + 'static,
) -> Result<(T, Propagation), Problem> {
    let (outcome, told) = commit(admin, step).await?;
    Ok((outcome, admin.propagation(told, wait).await))
}

/// Makes the changes of `step`. When this ends no request is decided on older facts; those under way may still have to be told.
///
/// It runs to its end even when the caller goes away, since a change that stands in the store and not here would let a
/// revoked credential in. One at a time, since whoever repeats a revocation and finds it made must also find it applied, and
/// since what a step has read of other records is then still true when it writes.
pub(super) async fn commit<T: Send + 'static>(
    admin: &Arc<Admin>,
    step: impl Future<Output = Result<Step<T>, Problem>> + Send + 'static,
) -> Result<(T, Told), Problem> {
    let owned = Arc::clone(admin);
    let mut task = tokio::spawn(async move {
        let mut turn = owned.turn.lock().await;
        let Step { outcome, changes } = step.await?;
        let told = turn.apply(&owned.feed, changes).await;
        owned.events.tell();
        Ok((outcome, told))
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

impl Admin {
    /// How far a change has come after at most the time that is waited for it.
    pub(super) async fn propagation(&self, told: Told, wait: Wait) -> Propagation {
        let since = told.since();
        let complete = told.within(wait.timeout).await;
        self.come(since, complete)
    }

    /// What has come everywhere, and was begun then.
    pub(super) fn applied(&self, since: Instant) -> Propagation {
        self.come(since, true)
    }

    fn come(&self, since: Instant, complete: bool) -> Propagation {
        let here = ReplicaReport {
            replica: self.replica.clone(),
            applied_ms: clock::now().saturating_duration_since(since).as_millis() as u64,
            state: if complete { "applied" } else { "pending" }.into(),
        };
        Propagation { complete, replicas: vec![here] }
    }
}
