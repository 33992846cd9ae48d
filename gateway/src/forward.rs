//! Forwarding: an endpoint, a connection, an exchange; again where nothing was lost; a tunnel where one was asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use decision::outcome::Outcome;

use crate::alarm::Alarm;
use crate::clock;
use crate::log;
use crate::metrics::Attempt;
use crate::upstream::{Checkout, Endpoint, pool};

pub mod answer;
pub mod client;
pub mod deadlines;
pub mod exchange;
pub mod heads;
pub mod http1;
pub mod http2;
mod order;
pub mod tunnel;
pub mod upstream;
pub mod websocket;

use client::Client;
use exchange::{End, Exchange};
pub use order::Order;
use upstream::Upstream;

/// How what was sent to the client ended (contract, section 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Complete,
    ClientGone,
    UpstreamClosed,
    Timeout,
    Revoked,
    Drained,
}

impl Ended {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::UpstreamClosed => "upstream_closed",
            Self::Timeout => "timeout",
            Self::Revoked => "revoked",
            Self::Drained => "drained",
        }
    }
}

/// What became of a forwarded request.
#[derive(Debug)]
pub struct Forwarded {
    pub end: Finish,
    pub endpoint: Option<SocketAddr>,
    /// Until the upstream's final head.
    pub upstream_time: Option<Duration>,
    pub retries: u32,
    /// The status that was passed on; 0 when none was.
    pub status: u16,
    /// When it was over, where that was looked at.
    pub finished: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The upstream's answer went over, or a tunnel came to its end.
    Forwarded,
    /// Nothing went out: the client gets ours.
    Refuse(Outcome, &'static str),
    /// It was cut.
    Cut(Outcome, Ended, &'static str),
    ClientGone,
}

/// Forwards one request that was decided at `started`.
pub async fn forward(
    client: &mut Client,
    alarm: &mut Alarm,
    order: &Order<'_>,
    started: Instant,
) -> Forwarded {
    let mut attempts = Attempts::new(order, started);
    let mut forwarded = Forwarded {
        end: Finish::ClientGone,
        endpoint: None,
        upstream_time: None,
        retries: 0,
        status: 0,
        finished: None,
    };
    forwarded.end = loop {
        let (endpoint, checkout) = match attempts.connect(client, alarm).await {
            Ok(connected) => connected,
            Err(finish) => break finish,
        };
        let busy = endpoint.occupy();
        forwarded.endpoint = Some(busy.endpoint().address);
        let Ok(mut upstream) = open(order, checkout) else {
            break Finish::Refuse(Outcome::Internal, "the upstream's head cannot be made");
        };
        let (may_ask_again, left_at) = (attempts.may_ask_again(), attempts.left_at);
        let mut exchange = Exchange::new(client, &mut upstream, order, may_ask_again, left_at);
        let end = exchange.run(alarm).await;
        attempts.left_at = exchange.left_at();
        let (head_at, blameless) = (exchange.head_at, exchange.blameless);
        forwarded.status = exchange.status;
        forwarded.upstream_time = head_at.map(|at: Instant| at.saturating_duration_since(started));
        order.count(result(&end, head_at.is_some()));
        order.observe(forwarded.upstream_time);
        attempts.note(busy.endpoint(), verdict(end, forwarded.status, blameless));
        match end {
            End::Stale => attempts.stale(),
            End::Again => attempts.failed(busy.endpoint().clone()),
            End::Complete => {
                if let Some((wire, keep)) = upstream.into_reusable() {
                    let keep = keep.min(order.service.idle_timeout);
                    let finished = clock::now();
                    forwarded.finished = Some(finished);
                    pool::put_back(busy.endpoint(), wire, finished + keep);
                }
                break Finish::Forwarded;
            }
            End::Switched => {
                forwarded.status = 101;
                let took = clock::now().saturating_duration_since(started);
                forwarded.upstream_time = Some(took);
                order.observe(Some(took));
                break tunnel::run(client, upstream.into_tunnel(), alarm, order).await;
            }
            End::Refuse(outcome, why) => break Finish::Refuse(outcome, why),
            End::Cut(outcome, ended, why) => break Finish::Cut(outcome, ended, why),
            End::ClientGone => break Finish::ClientGone,
        }
    };
    forwarded.retries = attempts.retries;
    forwarded
}

/// What became of an attempt that had a connection.
const fn result(end: &End, answered: bool) -> Attempt {
    match end {
        _ if answered => Attempt::Answered,
        End::Complete | End::Switched | End::Again => Attempt::Answered,
        End::Stale => Attempt::Stale,
        End::Refuse(Outcome::UpstreamTimeout, _) => Attempt::Timeout,
        End::Refuse(Outcome::UpstreamInvalid, _) => Attempt::Invalid,
        End::Refuse(..) | End::Cut(..) | End::ClientGone => Attempt::Abandoned,
    }
}

/// Whether the endpoint did what it is there for; `None`: it had no chance to show, or is not to blame.
fn verdict(end: End, status: u16, blameless: bool) -> Option<bool> {
    match end {
        End::Refuse(..) | End::Cut(..) if blameless => None,
        End::Complete => Some(status < 500),
        End::Switched => Some(true),
        End::Again => Some(false),
        End::Refuse(outcome, _) | End::Cut(outcome, ..) => {
            matches!(outcome, Outcome::UpstreamInvalid | Outcome::UpstreamTimeout).then_some(false)
        }
        End::Stale | End::ClientGone => None,
    }
}

fn open(order: &Order<'_>, checkout: Checkout) -> Result<Upstream, upstream::Fault> {
    let told = heads::has_body(order.head)
        .then(|| heads::told(order).ok_or(upstream::Fault::Invalid("the head cannot be made")));
    let told = told.transpose()?;
    let is_head = order.head.method == "HEAD";
    Upstream::open(checkout, is_head, told, |out| heads::write_request(order, out))
}

/// Why a request is ended by its route's `timeout`.
const NO_ANSWER: &str = "no answer within the route's timeout";

/// Why a request is ended by its route's `deadline`.
const PAST_DEADLINE: &str = "not over within the route's deadline";

/// Which endpoints were tried, and what may still be.
struct Attempts<'a> {
    order: &'a Order<'a>,
    tried: Vec<Arc<Endpoint>>,
    left: u32,
    retries: u32,
    /// A pooled connection has failed this request: only new ones from here on.
    fresh: bool,
    /// When the latest attempt began.
    began: Instant,
    /// When the request had left, the first time.
    left_at: Option<Instant>,
    /// Where the endpoint is chosen by it: a hash of what is sent.
    hash: Option<u64>,
}

impl<'a> Attempts<'a> {
    fn new(order: &'a Order<'a>, began: Instant) -> Self {
        let left = order.service.retries.attempts.max(1);
        let hash = order.service.hashed().and_then(|name| heads::hash_of_sent(order, name));
        Self {
            order,
            tried: Vec::new(),
            left,
            retries: 0,
            fresh: false,
            began,
            left_at: None,
            hash,
        }
    }

    /// Notes how an endpoint has served this request.
    fn note(&self, endpoint: &Endpoint, verdict: Option<bool>) {
        let service = self.order.service;
        if verdict.is_some_and(|good| service.note(endpoint, good)) {
            self.order.meter.inspect(|meter| meter.eject());
            log::warn("an endpoint is left out for a while: it fails again and again", |line| {
                line.field("upstream", &*service.name)
                    .field("endpoint", endpoint.address.to_string());
            });
        }
    }

    /// When it is too late for an answer, and why.
    fn over_at(&self) -> Option<(Instant, &'static str)> {
        let timeout = self.order.permit.route().timeout;
        let unanswered = self.left_at.map(|left_at| (left_at + timeout, NO_ANSWER));
        let deadline = self.order.deadline().map(|deadline| (deadline, PAST_DEADLINE));
        unanswered.into_iter().chain(deadline).min()
    }

    /// How the request ends where it is too late for an answer.
    fn over(&self) -> Option<Finish> {
        let over = self.over_at().filter(|(at, _)| *at <= clock::now());
        over.map(|(_, why)| Finish::Refuse(Outcome::UpstreamTimeout, why))
    }

    /// How the request has ended while a connection was made.
    fn late(&self) -> Option<Finish> {
        let expired = self.order.seat.has_expired(clock::now());
        let why = "the credential has expired while connecting";
        expired.then_some(Finish::Refuse(Outcome::CredentialExpired, why)).or_else(|| self.over())
    }

    fn may_ask_again(&self) -> bool {
        self.order.service.retries.unavailable && self.left > 1
    }

    /// A pooled connection was dead before it said a word: a new one, with no attempt used up.
    fn stale(&mut self) {
        self.fresh = true;
        self.retries += 1;
    }

    fn failed(&mut self, endpoint: Arc<Endpoint>) {
        self.tried.push(endpoint);
        self.left = self.left.saturating_sub(1);
        self.retries += 1;
        self.began = clock::now();
    }

    async fn connect(
        &mut self,
        client: &mut Client,
        alarm: &mut Alarm,
    ) -> Result<(Arc<Endpoint>, Checkout), Finish> {
        let service = self.order.service;
        loop {
            if let Some(over) = self.over() {
                return Err(over);
            }
            let Some(endpoint) = service.pick(&self.tried, self.hash) else {
                return Err(Finish::Refuse(
                    Outcome::UpstreamUnavailable,
                    "the upstream has no endpoint",
                ));
            };
            if !self.fresh {
                // What cannot be sent twice asks the kernel itself whether the upstream has closed.
                let certain = !(self.order.is_repeatable() && service.retries.stale_connection);
                if let Some(wire) = pool::take(&endpoint, self.began, certain) {
                    return Ok((endpoint, Checkout { wire, reused: true }));
                }
            }
            let now = clock::now();
            let timeout = now + service.connect_timeout;
            let ends_at = [self.order.seat.ends_at(now), self.over_at().map(|(at, _)| at)];
            let deadline = ends_at.into_iter().flatten().fold(timeout, Instant::min);
            let mut connecting = std::pin::pin!(endpoint.clone().connect());
            let outcome = alarm
                .guard(deadline, |cx| {
                    // First: a connection that comes too late for a revocation is not used.
                    if let Poll::Ready(outcome) = self.order.seat.poll_cut(cx) {
                        let why = "ended while connecting";
                        return Poll::Ready(Err(Finish::Refuse(outcome, why)));
                    }
                    if client.request_ended() && client.poll_gone(cx).is_ready() {
                        return Poll::Ready(Err(Finish::ClientGone));
                    }
                    connecting.as_mut().poll(cx).map(Ok)
                })
                .await;
            match outcome.or_else(|| self.late().map(Err)) {
                Some(Ok(Ok(wire))) => return Ok((endpoint, Checkout { wire, reused: false })),
                Some(Err(finish)) => {
                    self.order.count(Attempt::Abandoned);
                    return Err(finish);
                }
                Some(Ok(Err(_))) | None => {
                    self.order.count(Attempt::Connect);
                    self.note(&endpoint, Some(false));
                }
            }
            let goes_on = service.retries.connect && self.left > 1;
            if goes_on {
                self.failed(endpoint);
            } else {
                return Err(Finish::Refuse(
                    Outcome::UpstreamUnavailable,
                    "no connection to the upstream",
                ));
            }
        }
    }
}
