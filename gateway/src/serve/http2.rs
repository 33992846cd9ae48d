//! A connection of HTTP/2: streams side by side, each a task of its own, while the connection drives all I/O.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use decision::outcome::Outcome;
use decision::request::{Field, Framing, Protocol};
use decision::route::host_is_valid;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::request::Parts;

use super::http1::{linger, record_raw};
use super::{Journal, Request, refuse, serve};
use crate::accept::Origin;
use crate::accept::head::{Fault, Head, malformed, not_served};
use crate::alarm::Alarm;
use crate::clock;
use crate::forward::Ended;
use crate::forward::client::Client;
use crate::forward::http2::Http2;
use crate::gate::Gate;
use crate::request_id;
use crate::respond::LINGER;
use crate::roster::{Leaving, Seat};
use crate::wire::{Heads, Through, Wire};

/// Windows: a connection's is wide enough that streams which are not read do not stop the others.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 16 * STREAM_WINDOW;
/// What is held of an answer for a stream that does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// Oversized heads are ours to refuse, so that they are counted and logged; the codec only stops what is absurd.
const HEAD_FACTOR: usize = 4;

type Incoming = (http::Request<RecvStream>, SendResponse<Bytes>);

/// Serves a connection to its end.
pub async fn connection(gate: Arc<Gate>, wire: Wire, origin: Origin) {
    let seat = Seat::new();
    let mut alarm = Alarm::default();
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(gate.bounds.streams)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(gate.bounds.head * HEAD_FACTOR).unwrap_or(u32::MAX));
    let through = Through::new(wire.clone());
    let heads = through.heads();
    let mut handshake = std::pin::pin!(builder.handshake(through));
    let deadline = clock::now() + gate.bounds.head_timeout;
    let Some(Ok(connection)) = alarm.guard(deadline, |cx| handshake.as_mut().poll(cx)).await else {
        return;
    };
    let mut driver = Driver {
        connection,
        heads,
        head_since: None,
        late: false,
        open: Arc::default(),
        idle_since: None,
        served: false,
        leaving: false,
    };
    while let Some((request, respond)) = driver.next(&mut alarm, &seat, &gate).await {
        let open = Open::new(&driver.open);
        let (gate, origin) = (gate.clone(), origin.clone());
        tokio::spawn(async move {
            let _open = open;
            stream(&gate, &origin, request, respond).await;
        });
    }
    if driver.late {
        let why = "a head did not arrive within server.bounds.head_timeout";
        let request_id = request_id::of(None, None, clock::wall());
        let fault = Fault { outcome: Outcome::RequestTimeout, why };
        record_raw(&gate, &origin, fault, Ended::Timeout, &request_id);
    }
    drop(driver);
    linger(&wire, &mut alarm, LINGER).await;
}

struct Driver {
    connection: Connection<Through, Bytes>,
    heads: Heads,
    /// The number of a head that is not whole, and since when it is not.
    head_since: Option<(u64, Instant)>,
    /// That took too long.
    late: bool,
    open: Arc<AtomicUsize>,
    idle_since: Option<Instant>,
    /// A stream has been opened.
    served: bool,
    leaving: bool,
}

/// Counts a stream while it lives.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Driver {
    /// Drives the connection until a stream opens; `None` at its end.
    async fn next(&mut self, alarm: &mut Alarm, seat: &Seat, gate: &Gate) -> Option<Incoming> {
        std::future::poll_fn(|cx| self.poll_next(cx, alarm, seat, gate)).await
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        alarm: &mut Alarm,
        seat: &Seat,
        gate: &Gate,
    ) -> Poll<Option<Incoming>> {
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok(incoming))) => {
                    self.idle_since = None;
                    self.served = true;
                    return Poll::Ready(Some(incoming));
                }
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(None),
                Poll::Pending => {}
            }
            let leaving = seat.leaving(cx);
            // Whoever has just come may bring the request that it has come for.
            let leaves = match leaving {
                Leaving::Stays => false,
                Leaving::Announced => self.served,
                Leaving::Draining(_) => true,
            };
            if !self.leaving && leaves {
                self.leave();
                continue; // the codec has a GOAWAY to send
            }
            let now = clock::now();
            if self.open.load(Ordering::Relaxed) > 0 {
                self.idle_since = None;
            }
            let since = *self.idle_since.get_or_insert(now);
            let span = match leaving {
                // It has been told, and has nothing left to wait for: a live one would have closed.
                Leaving::Draining(_) if !self.connection.has_streams() => {
                    LINGER.min(gate.bounds.idle)
                }
                _ => gate.bounds.idle,
            };
            let head_at = self.head_since(now).map(|since| since + gate.bounds.head_timeout);
            let deadline = head_at.map_or(since + span, |at| at.min(since + span));
            if alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            if head_at == Some(deadline) {
                // No other stream can go on behind it.
                self.late = true;
                self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                let _what_can_be_said = self.connection.poll_closed(cx);
                return Poll::Ready(None);
            }
            if self.open.load(Ordering::Relaxed) == 0 {
                if self.leaving {
                    return Poll::Ready(None);
                }
                self.leave();
            }
            self.idle_since = None;
        }
    }

    /// Since when a head that has begun to come is not whole.
    fn head_since(&mut self, now: Instant) -> Option<Instant> {
        let number = self.heads.unfinished();
        let known = self.head_since.filter(|(known, _)| Some(*known) == number);
        self.head_since = number.map(|number| known.unwrap_or((number, now)));
        self.head_since.map(|(_, since)| since)
    }

    fn leave(&mut self) {
        self.leaving = true;
        self.connection.graceful_shutdown();
    }
}

/// Serves one stream.
async fn stream(
    gate: &Gate,
    origin: &Origin,
    request: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let started = clock::now();
    let seat = Seat::new();
    seat.occupy();
    let mut alarm = Alarm::default();
    let (parts, body) = request.into_parts();
    let cookies = join_cookies(&parts);
    let (head, fault) = head_of(&parts, cookies.as_deref(), body.is_end_stream(), gate);
    let mut client = Client::Http2(Http2::new(body, respond, head.method == "HEAD"));
    let request = Request::new(gate, origin, &head, &seat, started);
    match fault {
        None => serve(&request, &mut client, &mut alarm).await,
        Some(fault) => {
            let refused = fault.refused();
            let generation = gate.generations.current();
            refuse(&request, &generation, &mut client, &mut alarm, Journal::new(started), &refused)
                .await;
        }
    }
}

/// A cookie may come in crumbs; further on it is one field (RFC 9113, section 8.2.3).
fn join_cookies(parts: &Parts) -> Option<Vec<u8>> {
    let mut crumbs = parts.headers.get_all(http::header::COOKIE).iter();
    let (first, second) = (crumbs.next()?, crumbs.next()?);
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    Some(joined)
}

/// The head as `decision` sees it, and what is wrong with it.
fn head_of<'a>(
    parts: &'a Parts,
    cookies: Option<&'a [u8]>,
    ended: bool,
    gate: &Gate,
) -> (Head<'a>, Option<Fault>) {
    let mut fields: Vec<_> = parts
        .headers
        .iter()
        .filter(|(name, _)| cookies.is_none() || name.as_str() != "cookie")
        .map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() })
        .collect();
    fields.extend(cookies.map(|value| Field { name: "cookie", value }));
    let length = parts
        .headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let framing = match length {
        _ if ended => Framing::None,
        Some(length) => Framing::Sized(length),
        None => Framing::Streamed,
    };
    let host_field = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let head = Head {
        protocol: Protocol::Http2,
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        host: authority.or(host_field).unwrap_or_default(),
        fields,
        framing,
        keep_alive: true,
        expects_continue: false,
    };
    let fault = fault_of(&head, parts, host_field, gate);
    (head, fault)
}

fn fault_of(
    head: &Head<'_>,
    parts: &Parts,
    host_field: Option<&str>,
    gate: &Gate,
) -> Option<Fault> {
    let bounds = &gate.bounds;
    let is_plain =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let size: usize =
        head.fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum();
    let target = head.path.len() + head.query.map_or(0, |query| query.len() + 1);
    if let Some(fault) = not_served(head.method) {
        Some(fault)
    } else if target > bounds.uri {
        Some(Fault { outcome: Outcome::UriTooLong, why: "the target is over server.bounds.uri" })
    } else if head.fields.len() > bounds.fields || size + target > bounds.head {
        let why = "the head is over server.bounds.head or server.bounds.fields";
        Some(Fault { outcome: Outcome::HeadTooLarge, why })
    } else if head.host.is_empty() || !host_is_valid(head.host) {
        Some(malformed("no authority, or none that is valid"))
    } else if parts.headers.get_all(http::header::HOST).iter().count() > 1
        || host_field.is_some_and(|host| !host.eq_ignore_ascii_case(head.host))
    {
        Some(malformed("Host disagrees with the authority"))
    } else if !head.fields.iter().all(|field| is_plain(field.name)) {
        Some(malformed("a field name holds a character outside [A-Za-z0-9-]"))
    } else if parts.headers.get_all(http::header::CONTENT_LENGTH).iter().count() > 1 {
        Some(malformed("several Content-Length fields"))
    } else {
        None
    }
}
