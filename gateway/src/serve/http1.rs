//! A connection of HTTP/1: one request after another, in order.

use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use decision::outcome::Outcome;
use http::HeaderValue;
use tokio::net::TcpStream;

use super::{Request, serve};
use crate::accept::head::{self, Fault};
use crate::accept::{Arrival, Origin, next_head};
use crate::alarm::Alarm;
use crate::clock;
use crate::forward::Ended;
use crate::forward::client::Client;
use crate::forward::http1::Http1;
use crate::gate::Gate;
use crate::record::Record;
use crate::request_id;
use crate::respond::{self, LINGER};
use crate::roster::Seat;
use crate::wire::Wire;

/// After the end of an idle connection, how long a client has that sent before it saw it: its request is unanswered, and may
/// be repeated; a reset would say less.
const IDLE_LINGER: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub async fn connection(gate: Arc<Gate>, stream: TcpStream, origin: Origin, http2: bool) {
    let wire = Wire::new(stream);
    let seat = Seat::new();
    let mut alarm = Alarm::default();
    let mut may_be_http2 = http2;
    loop {
        match next_head(&wire, &mut alarm, &seat, &gate.bounds, may_be_http2).await {
            Arrival::Nothing => return,
            Arrival::Idle => return linger(&wire, &mut alarm, IDLE_LINGER).await,
            Arrival::Http2 => return super::http2::connection(gate, wire, origin).await,
            Arrival::Head(length) => {
                seat.occupy();
                let next = one(&gate, &wire, &origin, &seat, &mut alarm, wire.take(length)).await;
                seat.vacate();
                match next {
                    Next::Request => {}
                    Next::Close => break,
                    Next::Abort => return,
                }
            }
            Arrival::Refused(fault) => {
                refuse_raw(&gate, &wire, &origin, &mut alarm, fault).await;
                break;
            }
            Arrival::Gone => {
                let why = "the client closed the connection within a head";
                let request_id = request_id::of(None, None, clock::wall());
                let fault = Fault { outcome: Outcome::ClientGone, why };
                record_raw(&gate, &origin, fault, Ended::ClientGone, &request_id);
                return;
            }
        }
        may_be_http2 = false;
    }
    linger(&wire, &mut alarm, LINGER).await;
}

/// What becomes of the connection after a request.
enum Next {
    Request,
    Close,
    /// Closed as it is: an orderly end would look like the end of the answer that was cut.
    Abort,
}

/// Serves one request.
async fn one(
    gate: &Gate,
    wire: &Wire,
    origin: &Origin,
    seat: &Seat,
    alarm: &mut Alarm,
    raw: Bytes,
) -> Next {
    let started = clock::now();
    let head = match head::parse(&raw, &gate.bounds) {
        Ok(head) => head,
        Err(fault) => {
            refuse_raw(gate, wire, origin, alarm, fault).await;
            return Next::Close;
        }
    };
    let is_probe = origin.health_path.as_deref() == Some(head.path);
    if head.host.is_empty() && !is_probe {
        refuse_raw(gate, wire, origin, alarm, head::NO_HOST).await;
        return Next::Close;
    }
    let Ok(http1) = Http1::new(wire, &head) else {
        refuse_raw(gate, wire, origin, alarm, head::malformed("the body's framing is malformed"))
            .await;
        return Next::Close;
    };
    let mut client = Client::Http1(http1);
    let request = Request::new(gate, origin, &head, seat, started);
    serve(&request, &mut client, alarm).await;
    let Client::Http1(http1) = &client else { return Next::Close };
    if http1.ends_by_reset() {
        Next::Abort
    } else if !http1.will_close()
        && http1.response_begun()
        && respond::drain(&mut client, alarm).await
    {
        Next::Request
    } else {
        Next::Close
    }
}

/// Answers what could not be parsed, with the default body, and counts and logs it like any other request.
async fn refuse_raw(gate: &Gate, wire: &Wire, origin: &Origin, alarm: &mut Alarm, fault: Fault) {
    let mut client = Client::Http1(Http1::unparsed(wire));
    let request_id = request_id::of(None, None, clock::wall());
    let refused = fault.refused();
    respond::refuse(&mut client, &refused, None, &request_id);
    record_raw(gate, origin, fault, Ended::Complete, &request_id);
    respond::flush(&mut client, alarm, &gate.bounds).await;
}

pub(super) fn record_raw(
    gate: &Gate,
    origin: &Origin,
    fault: Fault,
    ended: Ended,
    request_id: &HeaderValue,
) {
    let record = Record {
        outcome: fault.outcome,
        why: fault.why,
        status: fault.outcome.status(),
        ended,
        ..Record::new(origin, request_id, clock::now(), clock::wall())
    };
    record.write(gate, &gate.generations.current());
}

/// Ends our side, then reads and drops until the client ends its own or `span` has passed.
pub(super) async fn linger(wire: &Wire, alarm: &mut Alarm, span: Duration) {
    let deadline = clock::now() + span;
    let mut ended = false;
    let closed = alarm.guard(deadline, |cx| {
        if !ended {
            if ready!(wire.poll_push(cx)).is_err() || ready!(wire.poll_end(cx)).is_err() {
                return Poll::Ready(());
            }
            ended = true;
        }
        loop {
            match ready!(wire.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(_) => wire.skip(usize::MAX),
            }
        }
    });
    let _either_way_it_is_closed_now = closed.await;
}
