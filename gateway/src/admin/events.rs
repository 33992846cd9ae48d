//! `GET /v1/events`: the change feed as server-sent events (WHATWG HTML, section 9.2).
//!
//! A client is sent what it can take and no more: the log is read as far as it has read, a part at a time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::call::Call;
use super::change;
use super::credentials::Answer;
use super::problem::Problem;
use crate::store::{Change, ChangeKind, PROBE, Position, Store, What};

/// Streams at once.
pub(super) const STREAMS: usize = 64;
/// Entries of the log that are read at a time.
const PART: usize = 100;
/// How often a client that has nothing to hear hears that. The log is looked at then, too: the probe's changes wake nobody.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn follow(mut call: Call) -> Answer {
    call.query_ends()?;
    let last = last_seen(call.headers())?;
    let place = Arc::clone(&call.admin.followers).try_acquire_owned();
    let place = place.map_err(|_| Problem::too_many_streams())?;
    let applied = call.admin.feed.applied();
    let breaks = *applied.borrow();
    let store = Arc::clone(&call.admin.store);
    let after = match last {
        Some(position) => position,
        None => change::read(store.changes(Position(0), 1)).await?.head,
    };
    let ahead = VecDeque::new();
    let follower = Follower { store, applied, breaks, after, ahead, _place: place };
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(follower.stream()).keep_alive(keep_alive).into_response())
}

/// `Last-Event-ID`: the position up to which the client has seen everything.
fn last_seen(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok()).map(Position);
    position.map(Some).ok_or_else(|| {
        Problem::header_malformed("Last-Event-ID must be the id of an event, a whole number")
    })
}

struct Follower {
    store: Arc<dyn Store>,
    /// See [`crate::feed::Feed::applied`].
    applied: watch::Receiver<u64>,
    /// What it held when the log was last read.
    breaks: u64,
    /// The newest entry that was read.
    after: Position,
    ahead: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut follower| {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// `None` when the log cannot be read: the client comes back, and says where it was.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ahead.pop_front() {
                return Some(event);
            }
            let breaks = *self.applied.borrow_and_update();
            let read = change::read(self.store.changes(self.after, PART)).await.ok()?;
            if read.trimmed || breaks != self.breaks {
                (self.after, self.breaks) = (read.head, breaks);
                return Some(
                    Event::default().event("reset").id(read.head.0.to_string()).data("{}"),
                );
            }
            let Some(newest) = read.items.last() else {
                drop(tokio::time::timeout(HEARTBEAT, self.applied.changed()).await);
                continue;
            };
            self.after = newest.position;
            self.ahead.extend(read.items.iter().filter_map(event));
            if self.ahead.is_empty() {
                // An id without data is no event, and says where to go on: else whoever comes back after a long time of nothing
                // but these would find that the log does not reach back so far.
                return Some(Event::default().id(self.after.0.to_string()));
            }
        }
    }
}

/// What a client is told of a change; nothing of one that changes no record, or one of the probe's.
fn event(change: &Change) -> Option<Event> {
    let what = &change.what;
    if change.kind == ChangeKind::Rekeyed || what.place() == PROBE {
        return None;
    }
    let (place, version) = match what {
        What::Credential { now, .. } => ("api", now.as_ref().map(|record| record.version)),
        What::Subject { now, .. } => ("realm", now.as_ref().map(|record| record.version)),
        What::Resource { now, .. } => ("realm", now.as_ref().map(|record| record.version)),
    };
    let data = json!({ place: what.place(), "id": what.id(), "version": version });
    let name = format!("{}.{}", what.kind().name(), change.kind.name());
    Some(Event::default().event(name).id(change.position.0.to_string()).data(data.to_string()))
}
