//! All that forwarding one request needs to know.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decision::authorize::Permit;
use decision::config::snapshot::Bounds;
use decision::request::Framing;
use http::HeaderValue;
use http::header::HeaderName;

use super::heads::Ours;
use crate::accept::Origin;
use crate::accept::head::Head;
use crate::metrics::{Attempt, UpstreamMeter};
use crate::roster::Seat;
use crate::upstream::Upstream as Service;

/// See the module.
pub struct Order<'o> {
    pub permit: &'o Permit<'o>,
    pub origin: &'o Origin,
    pub head: &'o Head<'o>,
    pub request_id: &'o HeaderValue,
    pub service: &'o Arc<Service>,
    /// Of the service.
    pub meter: Option<&'o UpstreamMeter>,
    pub seat: &'o Seat,
    pub bounds: &'o Bounds,
    /// The client asks for WebSocket, and the route allows it.
    pub websocket: bool,
    /// Fields of the final answer, after the upstream's own.
    pub added: &'o [(HeaderName, HeaderValue)],
    /// When the head was whole.
    pub started: Instant,
    /// What the api says of other origins in its answers, if it does.
    pub cors: Option<&'o [(HeaderName, HeaderValue)]>,
}

/// Shows no head: a credential may be in it.
impl fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("permit", self.permit).finish_non_exhaustive()
    }
}

impl Order<'_> {
    pub(super) fn count(&self, attempt: Attempt) {
        if let Some(meter) = self.meter {
            meter.count(attempt);
        }
    }

    pub(super) fn observe(&self, took: Option<Duration>) {
        if let (Some(meter), Some(took)) = (self.meter, took) {
            meter.observe(took);
        }
    }

    /// What we say in the upstream's answer.
    pub(super) fn ours(&self) -> Ours<'_> {
        let respond = self.permit.api().identity.request_id.respond.as_ref();
        Ours {
            request_id: respond.map(|name| (name, self.request_id)),
            edits: self.permit.route().headers.response.as_ref(),
            cors: self.cors,
            added: self.added,
        }
    }

    /// When the whole of it is to be over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.permit.route().deadline.map(|deadline| self.started + deadline)
    }

    /// Whether the request may be sent a second time: its method is idempotent (RFC 9110, section 9.2.2) and it has no body.
    pub fn is_repeatable(&self) -> bool {
        matches!(self.head.method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
            && matches!(self.head.framing, Framing::None | Framing::Sized(0))
    }
}
