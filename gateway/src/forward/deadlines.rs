//! The clocks of an exchange: pure arithmetic on instants, asked only when nothing moves.

use std::time::{Duration, Instant};

use decision::request::Protocol;

use super::Order;

/// What has taken too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// The client has taken nothing for `write_stall`.
    ClientStalled,
    /// The upstream has taken nothing for `write_stall`.
    UpstreamStalled,
    /// The request's body arrives below `body_rate`.
    BodySlow,
    /// No final head within `timeout` of the request's end.
    NoHead,
    /// No final head within `timeout` of a head that asks whether its body is wanted, and no word on that.
    NoContinue,
    /// Nothing has moved either way for `idle`.
    Idle,
    /// The credential has expired.
    Expired,
    /// The whole is not over within `deadline` of the head.
    Deadline,
}

/// How far an exchange is at one instant.
#[derive(Debug)]
pub struct Progress {
    /// The request's last byte has left.
    pub request_left: bool,
    /// The final head was passed on.
    pub answering: bool,
    /// The client rightly holds its body back until the upstream says 100.
    pub awaits_continue: bool,
    /// Bytes wait for the client, for the upstream.
    pub client_owes: bool,
    pub upstream_owes: bool,
    /// Totals that grow when a side takes something.
    pub taken_by_client: u64,
    pub taken_by_upstream: u64,
    /// When the request ends whatever moves.
    pub ends_at: Option<Instant>,
}

/// The span over which the rate of a body is judged.
const RATE_SPAN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Deadlines {
    timeout: Duration,
    idle: Duration,
    write_stall: Duration,
    deadline: Option<Instant>,
    /// The shorter of the two spans that an upstream has to begin its answer in.
    due: Duration,
    /// Least bytes of a body in [`RATE_SPAN`]; `None` = not judged.
    rate: Option<u64>,
    /// When the request's last byte left, the first time.
    left_at: Option<Instant>,
    /// When it left for this upstream.
    here_since: Option<Instant>,
    /// When the upstream was asked whether the body is wanted.
    asked_at: Option<Instant>,
    /// When something last moved; `None` = since the last question.
    moved_at: Option<Instant>,
    client: Stall,
    upstream: Stall,
    body: BodyRate,
}

/// Since when a side owes us its taking.
#[derive(Debug, Default)]
pub(super) struct Stall {
    since: Option<Instant>,
    taken: u64,
}

/// How fast the client sends, counted only while we would take more: the upstream's slowness is not billed to the client.
#[derive(Debug, Default)]
struct BodyRate {
    waiting: bool,
    /// Time spent waiting in this span before `resumed`, and since when we wait now.
    waited: Duration,
    resumed: Option<Instant>,
    bytes: u64,
}

impl Deadlines {
    /// `left_at`: when the request left for the upstream that was asked before.
    pub fn new(order: &Order<'_>, left_at: Option<Instant>) -> Self {
        let route = order.permit.route();
        // A stream of gRPC may be quiet; it has `idle` instead. Nobody else escapes by a word in a field.
        let is_grpc = order.head.protocol == Protocol::Http2
            && order.head.field("content-type").is_some_and(|kind| {
                let rest = kind.strip_prefix(b"application/grpc");
                rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
            });
        Self {
            timeout: route.timeout,
            idle: route.idle,
            write_stall: order.bounds.write_stall,
            deadline: order.deadline(),
            due: route.deadline.map_or(route.timeout, |deadline| deadline.min(route.timeout)),
            rate: (!is_grpc).then(|| order.bounds.body_rate.saturating_mul(RATE_SPAN.as_secs())),
            left_at,
            here_since: None,
            asked_at: None,
            moved_at: None,
            client: Stall::default(),
            upstream: Stall::default(),
            body: BodyRate::default(),
        }
    }

    /// Something moved.
    pub const fn moved(&mut self) {
        self.moved_at = None;
        self.body.waiting = false;
    }

    /// The client's next piece is what is waited for.
    pub const fn awaits_client(&mut self) {
        self.body.waiting = true;
    }

    /// Whether the client's next piece is what is waited for.
    pub const fn await_client(&self) -> bool {
        self.body.waiting
    }

    /// When the request's last byte left, the first time that it did.
    pub const fn left_at(&self) -> Option<Instant> {
        self.left_at
    }

    /// Whether the upstream has had the whole request for long enough to be judged by it: most of the time that there is.
    fn had_its_time(&self, now: Instant) -> bool {
        self.here_since.is_some_and(|since| now.saturating_duration_since(since) >= self.due / 2)
    }

    /// The client has sent a piece.
    pub const fn took(&mut self, bytes: usize) {
        self.body.bytes += bytes as u64;
    }

    /// The nearest deadline after `now`, or what is late already.
    pub fn nearest(&mut self, now: Instant, progress: &Progress) -> Result<Instant, Late> {
        let mut nearest = Nearest { now, deadline: now + self.idle };
        if let Some(deadline) = self.deadline {
            nearest.consider(deadline, Late::Deadline)?;
        }
        let moved_at = *self.moved_at.get_or_insert(now);
        if let Some(ends_at) = progress.ends_at {
            nearest.consider(ends_at, Late::Expired)?;
        }
        if let Some(since) = self.client.since(now, progress.client_owes, progress.taken_by_client)
        {
            nearest.consider(since + self.write_stall, Late::ClientStalled)?;
        }
        if let Some(since) =
            self.upstream.since(now, progress.upstream_owes, progress.taken_by_upstream)
        {
            nearest.consider(since + self.write_stall, Late::UpstreamStalled)?;
        }
        if progress.answering {
            nearest.consider(moved_at + self.idle, Late::Idle)?;
        } else if progress.request_left {
            let here_since = *self.here_since.get_or_insert(now);
            let left_at = *self.left_at.get_or_insert(here_since);
            nearest.consider(left_at + self.timeout, Late::NoHead)?;
        } else if progress.awaits_continue {
            let asked_at = *self.asked_at.get_or_insert(now);
            nearest.consider(asked_at + self.timeout, Late::NoContinue)?;
        } else if self.rate.is_none() {
            nearest.consider(moved_at + self.idle, Late::Idle)?;
        }
        // An answer that has begun early frees the client of nothing.
        let is_owed = !progress.request_left && !progress.awaits_continue;
        if let Some(rate) = self.rate.filter(|_| is_owed)
            && let Some(deadline) = self.body.deadline(now, rate)
        {
            nearest.consider(deadline, Late::BodySlow)?;
        }
        Ok(nearest.deadline)
    }

    /// Whether the upstream takes nothing, perhaps, because it is not rid of what the client does not take.
    pub fn client_stopped_first(&self) -> bool {
        let upstream = self.upstream.since;
        self.client.since.is_some_and(|since| upstream.is_none_or(|upstream| since <= upstream))
    }

    /// Whether a clock that has run out tells something of the endpoint. What the client may have brought about does not.
    pub fn blame_upstream(&self, late: Late, now: Instant, progress: &Progress) -> bool {
        match late {
            Late::NoHead | Late::Deadline => !progress.answering && self.had_its_time(now),
            Late::UpstreamStalled => !self.client_stopped_first(),
            Late::Idle => !progress.client_owes && !self.body.waiting,
            // It may have waited for a body that its client would not send without its word.
            Late::NoContinue | Late::ClientStalled | Late::BodySlow | Late::Expired => false,
        }
    }
}

struct Nearest {
    now: Instant,
    deadline: Instant,
}

impl Nearest {
    fn consider(&mut self, deadline: Instant, late: Late) -> Result<(), Late> {
        if deadline <= self.now {
            return Err(late);
        }
        self.deadline = self.deadline.min(deadline);
        Ok(())
    }
}

impl Stall {
    pub(super) fn since(&mut self, now: Instant, owes: bool, taken: u64) -> Option<Instant> {
        if !owes {
            self.since = None;
            return None;
        }
        if taken != self.taken || self.since.is_none() {
            self.taken = taken;
            self.since = Some(now);
        }
        self.since
    }
}

impl BodyRate {
    /// When the body will have been too slow; `None` while the client is not waited for.
    fn deadline(&mut self, now: Instant, rate: u64) -> Option<Instant> {
        if !self.waiting {
            if let Some(resumed) = self.resumed.take() {
                self.waited += now.saturating_duration_since(resumed);
            }
            return None;
        }
        let resumed = *self.resumed.get_or_insert(now);
        let waited = self.waited + now.saturating_duration_since(resumed);
        if waited >= RATE_SPAN && self.bytes >= rate {
            // This span was fast enough: the next begins.
            *self = Self { waiting: true, waited: Duration::ZERO, resumed: Some(now), bytes: 0 };
            return Some(now + RATE_SPAN);
        }
        Some(now + RATE_SPAN.saturating_sub(waited))
    }
}
