//! Accepting: listeners, connections, and the raw head of an HTTP/1 request within its size and its absolute deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use decision::config::snapshot::Bounds;
use decision::outcome::Outcome;
use http::HeaderValue;
use ipnet::IpNet;

use crate::alarm::Alarm;
use crate::clock;
use crate::roster::{Leaving, Seat};
use crate::wire::Wire;

pub mod head;
pub mod listener;

use head::{Fault, Scan};

/// The connection preface of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Position in the configuration.
    pub listener: usize,
    pub peer: SocketAddr,
    /// The peer's address, ready to be sent.
    pub peer_value: HeaderValue,
    pub trusted_proxies: Arc<[IpNet]>,
    /// A path that is answered before routing.
    pub health_path: Option<Arc<str>>,
}

/// What an idle connection brought.
#[derive(Debug)]
pub enum Arrival {
    /// A head of this many bytes lies in the wire.
    Head(usize),
    /// The client speaks HTTP/2.
    Http2,
    /// Closed by the client: nothing to answer.
    Nothing,
    /// Idle for too long, or the process is leaving: to be closed.
    Idle,
    /// The client went away within a head.
    Gone,
    Refused(Fault),
}

/// Waits for the next head on a connection. `may_be_http2` on its first bytes.
pub async fn next_head(
    wire: &Wire,
    alarm: &mut Alarm,
    seat: &Seat,
    bounds: &Bounds,
    may_be_http2: bool,
) -> Arrival {
    let mut scanned = 0;
    let idle_deadline = clock::now() + bounds.idle;
    let mut head_deadline = None;
    // The kernel has shown us bytes that are still to be read.
    let mut arrived = false;
    loop {
        if skip_empty_lines(wire) {
            (scanned, head_deadline) = (0, None);
        }
        let (length, found) =
            wire.peek(|bytes| (bytes.len(), look(bytes, scanned, bounds, may_be_http2)));
        match found {
            Look::Http2 => return Arrival::Http2,
            Look::Scan(Scan::Complete(length)) => return Arrival::Head(length),
            Look::Scan(Scan::Bad(fault)) => return Arrival::Refused(fault),
            Look::Scan(Scan::Partial) => scanned = length,
            Look::MaybeHttp2 => {}
        }
        let is_idle = length == 0 && !arrived;
        let deadline = if is_idle {
            idle_deadline
        } else {
            // Absolute, from the first byte of the head on.
            *head_deadline.get_or_insert_with(|| clock::now() + bounds.head_timeout)
        };
        let filled = std::future::poll_fn(|cx| {
            if let Poll::Ready(filled) = wire.poll_fill(cx) {
                return Poll::Ready(Some(filled));
            }
            let deadline = match seat.leaving(cx) {
                Leaving::Draining(until) if is_idle => until.min(deadline),
                _ => deadline,
            };
            alarm.poll(cx, deadline).map(|()| None)
        });
        match filled.await {
            Some(Ok(1..)) => arrived = false,
            Some(_) if is_idle => return Arrival::Nothing,
            // The client may have sent before it could see our end.
            None if is_idle && wire.has_arrived() => arrived = true,
            None if is_idle => return Arrival::Idle,
            Some(_) => return Arrival::Gone,
            None => {
                let why = "the head did not arrive within server.bounds.head_timeout";
                return Arrival::Refused(Fault { outcome: Outcome::RequestTimeout, why });
            }
        }
    }
}

enum Look {
    Scan(Scan),
    Http2,
    MaybeHttp2,
}

fn look(bytes: &[u8], scanned: usize, bounds: &Bounds, may_be_http2: bool) -> Look {
    if may_be_http2 && !bytes.is_empty() {
        if bytes.starts_with(PREFACE) {
            return Look::Http2;
        }
        if PREFACE.starts_with(bytes) {
            return Look::MaybeHttp2;
        }
    }
    Look::Scan(head::scan(bytes, scanned, bounds))
}

/// Empty lines before a request line are no fault (RFC 9112, section 2.2), and no beginning either.
fn skip_empty_lines(wire: &Wire) -> bool {
    let length =
        wire.peek(|bytes| bytes.chunks_exact(2).take_while(|pair| pair == b"\r\n").count() * 2);
    if length > 0 {
        wire.skip(length);
    }
    length > 0
}
