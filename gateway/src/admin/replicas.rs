//! `GET /v1/replicas`: who serves, and how far each has applied the changes.

use axum::Json;
use axum::response::IntoResponse as _;

use super::call::Call;
use super::change;
use super::credentials::Answer;
use super::view::{ReplicaView, Replicas};
use crate::store::Position;

/// With the embedded store there is this one, and it has applied every change that was answered.
pub(super) async fn list(mut call: Call) -> Answer {
    call.query_ends()?;
    let log = change::read(call.admin.store.changes(Position(0), 1)).await?;
    let here = ReplicaView {
        replica: call.admin.replica.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        position: log.head.0,
        lag_ms: 0,
        lease_ms: None,
        generation: call.generation.number,
    };
    Ok(Json(Replicas { items: vec![here] }).into_response())
}
