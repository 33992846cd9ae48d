//! How far a change has come: told to whoever waits until no replica uses anything older (`?wait=all&timeout=5s`).
//!
//! With the embedded store this process is the only one, and has applied the change before it answers. Replicas that share a
//! store say in its register what they have applied, and until when they use what they knew: so a change holds everywhere once
//! each has applied it, or has been silent for longer than that, or has left.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::time::{sleep_until, timeout, timeout_at};

use super::Admin;
use super::fields::Fields;
use super::fleet::Fleet;
use super::problem::Problem;
use super::roll::Roll;
use super::rules;
use super::telling::Told;
use super::view::{Propagation, ReplicaReport};
use crate::clock;
use crate::store::{Change, Mark, Position, Unavailable};

/// How long whoever does not say how long waits.
const WAIT: Duration = Duration::from_secs(5);
/// The longest `timeout` of a call that waits.
const WAIT_MAX: Duration = Duration::from_mins(1);
/// How long whoever does not wait is held up, to be told how far it has come by then.
const LOOK: Duration = Duration::from_millis(250);
/// Between the first two looks into the register; then twice as long each time, up to [`RARELY`].
const SOON: Duration = Duration::from_millis(2);
const RARELY: Duration = Duration::from_millis(50);

/// Whether a call wants to be told how far its change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    No,
    All { timeout: Duration },
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
        if all == Some(true) { Self::All { timeout: timeout.unwrap_or(WAIT) } } else { Self::No }
    }

    pub(super) fn is_all(self) -> bool {
        self != Self::No
    }

    /// What a call shows that need not show any.
    pub(super) async fn told(
        self,
        admin: &Admin,
        reach: &Reach,
    ) -> Result<Option<Propagation>, Problem> {
        match self {
            Self::No => Ok(None),
            Self::All { timeout } => admin.wait(reach, timeout).await.map(Some),
        }
    }

    /// What a call shows that always does, and its status.
    pub(super) async fn shown(
        self,
        admin: &Admin,
        reach: &Reach,
    ) -> Result<(StatusCode, Propagation), Problem> {
        match self {
            Self::No => Ok((StatusCode::OK, admin.look(reach).await?)),
            Self::All { timeout } => {
                let propagation = admin.wait(reach, timeout).await?;
                Ok((propagation.status(), propagation))
            }
        }
    }
}

impl Propagation {
    /// Of a call that has waited.
    pub(super) const fn status(&self) -> StatusCode {
        if self.complete { StatusCode::OK } else { StatusCode::ACCEPTED }
    }
}

/// What a call has changed.
#[derive(Debug)]
pub(super) struct Reach {
    /// The newest of its changes. `None`: it found everything as asked for, by whoever's change.
    pub(super) last: Option<Change>,
    /// Whether those under way here are told.
    pub(super) told: Told,
}

impl Admin {
    /// How far it has come by now.
    async fn look(&self, reach: &Reach) -> Result<Propagation, Problem> {
        let Some(fleet) = &self.fleet else { return Ok(self.only_here(reach, LOOK).await) };
        let mut sight = Sight { admin: self, fleet, reach, seen: None };
        let complete = timeout(LOOK, sight.look()).await.unwrap_or(Ok(false))?;
        Ok(sight.propagation(complete))
    }

    /// Waits until no replica uses anything older.
    async fn wait(&self, reach: &Reach, timeout: Duration) -> Result<Propagation, Problem> {
        let Some(fleet) = &self.fleet else { return Ok(self.only_here(reach, timeout).await) };
        let mut sight = Sight { admin: self, fleet, reach, seen: None };
        let until = clock::now() + timeout;
        let mut pause = SOON;
        loop {
            if let Ok(complete) = timeout_at(until.into(), sight.look()).await
                && complete?
            {
                return Ok(sight.propagation(true));
            }
            if clock::now() >= until {
                return Ok(sight.propagation(false));
            }
            sleep_until((clock::now() + pause).min(until).into()).await;
            pause = (pause * 2).min(RARELY);
        }
    }

    async fn only_here(&self, reach: &Reach, most: Duration) -> Propagation {
        let complete = reach.told.within(most).await;
        Propagation { complete, replicas: vec![self.here(complete.then(|| reach.told.age()))] }
    }

    /// Of what is in force here, and was begun then, for every request that comes.
    pub(super) fn in_force(&self, since: Instant) -> Propagation {
        let age = clock::now().saturating_duration_since(since);
        Propagation { complete: true, replicas: vec![self.here(Some(age))] }
    }

    /// This process has every change in its facts before it answers; `applied`: and those under way are told, after so long.
    fn here(&self, applied: Option<Duration>) -> ReplicaReport {
        ReplicaReport {
            replica: self.replica.clone(),
            applied_ms: applied.map(|age| age.as_millis() as u64),
            state: if applied.is_some() { "applied" } else { "pending" }.into(),
        }
    }
}

/// What was seen of the replicas since the change.
struct Sight<'a> {
    admin: &'a Admin,
    fleet: &'a Fleet,
    reach: &'a Reach,
    seen: Option<Seen>,
}

struct Seen {
    roll: Roll,
    /// The head of the log when it was first looked at.
    head: Mark,
}

impl Sight<'_> {
    /// Whether no replica uses anything older. A store that does not answer has not said so.
    async fn look(&mut self) -> Result<bool, Problem> {
        let Ok(register) = self.fleet.register(clock::now()).await else { return Ok(false) };
        let seen = self.seen.get_or_insert_with(|| {
            let last = self.reach.last.as_ref();
            let position = last.map_or(register.head.position, |change| change.position);
            Seen { roll: Roll::of(&register, position), head: register.head }
        });
        if register.head.position < seen.roll.position() {
            return Err(undone());
        }
        seen.roll.enter(&register, self.reach.told.age());
        // Who does not report yet, or not any more, may still have requests under way.
        let here = seen.roll.names(&self.fleet.instance) || self.reach.told.is_so();
        if !(seen.roll.is_complete() && here) {
            return Ok(false);
        }
        let head = seen.head;
        match self.stands(head).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(undone()),
            Err(_) => Ok(false),
        }
    }

    /// Whether the log that the replicas follow has the change. After a failover another one may have its position.
    async fn stands(&self, head: Mark) -> Result<bool, Unavailable> {
        let Some(change) = &self.reach.last else { return self.fleet.leads_on_from(head).await };
        let before = Position(change.position.0.saturating_sub(1));
        let log = self.admin.store.changes(before, 1).await?;
        let same = |found: &Change| {
            found.position == change.position
                && found.kind == change.kind
                && found.what.kind() == change.what.kind()
                && found.what.place() == change.what.place()
                && found.what.id() == change.what.id()
        };
        // Where so much was changed since that the log has it no more, it has at least come as far.
        let trimmed = log.trimmed && log.head >= change.position;
        Ok(trimmed || log.items.first().is_some_and(same))
    }

    fn propagation(&self, complete: bool) -> Propagation {
        let Self { admin, fleet, reach, seen } = self;
        let roll = seen.as_ref().map(|seen| &seen.roll);
        let mut replicas: Vec<_> = roll.into_iter().flat_map(Roll::reports).collect();
        if !roll.is_some_and(|roll| roll.names(&fleet.instance)) {
            replicas.push(admin.here(reach.told.is_so().then(|| reach.told.age())));
        }
        replicas.sort_by(|one, other| one.replica.cmp(&other.replica));
        Propagation { complete, replicas }
    }
}

fn undone() -> Problem {
    Problem::store_unavailable("the store has lost the change, as in a failover: repeat it")
}

#[cfg(test)]
mod tests;
