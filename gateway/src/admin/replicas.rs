//! `GET /v1/replicas`: who serves, and how far each has applied the changes.

use axum::Json;
use axum::response::IntoResponse as _;

use super::Admin;
use super::call::Call;
use super::change;
use super::credentials::Answer;
use super::problem::Problem;
use super::view::{ReplicaView, Replicas};
use crate::clock;
use crate::store::{Position, Register, Registered};

pub(super) async fn list(mut call: Call) -> Answer {
    call.query_ends()?;
    let items = match &call.admin.fleet {
        Some(fleet) => {
            let register = change::read(fleet.register(clock::now())).await?;
            let live = register.replicas.iter().filter(|one| one.is_live(register.now));
            live.map(|one| ReplicaView::of(one, &register)).collect()
        }
        None => vec![this_one(&call.admin, call.generation.number).await?],
    };
    Ok(Json(Replicas { items }).into_response())
}

/// With the embedded store there is this one, and it has applied every change that was answered.
async fn this_one(admin: &Admin, generation: u64) -> Result<ReplicaView, Problem> {
    let log = change::read(admin.store.changes(Position(0), 1)).await?;
    Ok(ReplicaView {
        replica: admin.replica.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        position: log.head.0,
        lag_ms: 0,
        lease_ms: None,
        generation,
    })
}

impl ReplicaView {
    /// As `register` has it: what it has done since its last report nobody knows.
    fn of(registered: &Registered, register: &Register) -> Self {
        let report = &registered.report;
        let silent = register.now.0.saturating_sub(registered.reported_at.0);
        let silent = u64::try_from(silent).unwrap_or_default();
        let lease = report.lease.as_millis() as u64;
        Self {
            replica: report.replica.clone(),
            version: report.version.clone(),
            position: report.applied.position.0,
            lag_ms: if report.applied == register.head { 0 } else { silent },
            lease_ms: Some(lease.saturating_sub(silent)),
            generation: report.generation,
        }
    }
}
