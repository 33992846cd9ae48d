//! A tunnel after 101: bytes both ways until both have ended.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use decision::outcome::Outcome;

use super::client::Client;
use super::deadlines::Stall;
use super::websocket::{Frames, POLICY_VIOLATION};
use super::{Ended, Finish, Order, PAST_DEADLINE};
use crate::alarm::Alarm;
use crate::clock;
use crate::wire::Wire;

/// Passes everything on, after the 101. What the upstream sent behind that still lies in its wire.
pub async fn run(
    client: &mut Client,
    upstream: Wire,
    alarm: &mut Alarm,
    order: &Order<'_>,
) -> Finish {
    let Client::Http1(http1) = client else {
        return Finish::Refuse(Outcome::UpstreamInvalid, "a protocol switch on HTTP/2");
    };
    let client = http1.wire().clone();
    let mut tunnel = Tunnel {
        up: Way::new(client.clone(), upstream.clone()),
        down: Way::new(upstream, client),
        frames: Frames::default(),
        moved_at: None,
    };
    let finish = std::future::poll_fn(|cx| tunnel.poll(cx, alarm, order)).await;
    http1.taken += tunnel.up.moved;
    http1.given += tunnel.down.moved;
    finish
}

const UPSTREAM_GONE: Finish = Finish::Cut(
    Outcome::UpstreamInvalid,
    Ended::UpstreamClosed,
    "the upstream broke the tunnel off",
);

const CLIENT_STALLED: Finish =
    Finish::Cut(Outcome::ClientGone, Ended::Timeout, "the client takes nothing");

const fn late(why: &'static str) -> Finish {
    Finish::Cut(Outcome::UpstreamTimeout, Ended::Timeout, why)
}

/// One direction.
struct Way {
    from: Wire,
    to: Wire,
    state: WayState,
    stall: Stall,
    /// Bytes that have gone this way.
    moved: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WayState {
    Open,
    /// The source has ended; what is held still has to go out.
    Ending,
    Ended,
}

struct Tunnel {
    up: Way,
    down: Way,
    /// Where the upstream's frames end: only there can a frame of ours stand.
    frames: Frames,
    moved_at: Option<Instant>,
}

impl Tunnel {
    fn poll(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm, order: &Order<'_>) -> Poll<Finish> {
        for _ in 0..32 {
            let up = match self.up.turn(cx, |_| {}) {
                Ok(moved) => moved,
                Err(Broken::From) => return Poll::Ready(Finish::ClientGone),
                Err(Broken::To) => return Poll::Ready(UPSTREAM_GONE),
            };
            let down = match self.down.turn(cx, |bytes| self.frames.see(bytes)) {
                Ok(moved) => moved,
                Err(Broken::From) => return Poll::Ready(UPSTREAM_GONE),
                Err(Broken::To) => return Poll::Ready(Finish::ClientGone),
            };
            if up | down {
                self.moved_at = None;
                continue;
            }
            if self.up.state == WayState::Ended && self.down.state == WayState::Ended {
                return Poll::Ready(Finish::Forwarded);
            }
            return self.wait(cx, alarm, order);
        }
        // Ends that always have more escape nothing either.
        cx.waker().wake_by_ref();
        self.nearest(cx, order).map_or_else(Poll::Ready, |_| Poll::Pending)
    }

    fn wait(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm, order: &Order<'_>) -> Poll<Finish> {
        match self.nearest(cx, order) {
            Err(finish) => return Poll::Ready(finish),
            Ok(nearest) if alarm.poll(cx, nearest).is_pending() => {}
            // Asked anew: the clock has the last word.
            Ok(_) => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }

    /// The nearest deadline, or the end that has come.
    fn nearest(&mut self, cx: &mut Context<'_>, order: &Order<'_>) -> Result<Instant, Finish> {
        let now = clock::now();
        if let Poll::Ready(finish) = self.check_cut(cx, order, now) {
            return Err(finish);
        }
        let (idle, stall) = (order.permit.route().idle, order.bounds.write_stall);
        let idle_at = *self.moved_at.get_or_insert(now) + idle;
        let quiet = if self.down.owes() { CLIENT_STALLED } else { late("the tunnel is idle") };
        // Each way by itself, whatever moves the other way.
        let ends = [
            (order.deadline(), late(PAST_DEADLINE)),
            (self.down.stalls_at(now, stall), CLIENT_STALLED),
            (self.up.stalls_at(now, stall), late("the upstream takes nothing")),
            (Some(idle_at), quiet),
        ];
        let mut nearest = order.seat.ends_at(now).map_or(idle_at, |at| at.min(idle_at));
        for (at, finish) in ends.into_iter().filter_map(|(at, finish)| Some((at?, finish))) {
            if at <= now {
                return Err(finish);
            }
            nearest = nearest.min(at);
        }
        Ok(nearest)
    }

    fn check_cut(&mut self, cx: &mut Context<'_>, order: &Order<'_>, now: Instant) -> Poll<Finish> {
        let outcome = match order.seat.poll_cut(cx) {
            Poll::Ready(Outcome::Draining) => {
                let why = "the drain's time is up";
                return Poll::Ready(Finish::Cut(Outcome::Draining, Ended::Drained, why));
            }
            Poll::Ready(outcome) => outcome,
            Poll::Pending if order.seat.has_expired(now) => Outcome::CredentialExpired,
            Poll::Pending => return Poll::Pending,
        };
        if self.frames.at_boundary() {
            let client = &self.down.to;
            client.put(|out| out.extend_from_slice(&POLICY_VIOLATION));
            // The kernel takes four bytes, or the client does not read them anyway.
            let _best_effort = client.poll_push(cx);
        }
        Poll::Ready(Finish::Cut(outcome, Ended::Revoked, "ended while under way"))
    }
}

/// Which end of a way is broken.
enum Broken {
    From,
    To,
}

impl Way {
    fn new(from: Wire, to: Wire) -> Self {
        Self { from, to, state: WayState::Open, stall: Stall::default(), moved: 0 }
    }

    fn owes(&self) -> bool {
        self.to.pending() > 0
    }

    /// When the end that this way leads to has taken nothing for `span`.
    fn stalls_at(&mut self, now: Instant, span: Duration) -> Option<Instant> {
        self.stall.since(now, self.owes(), self.to.sent()).map(|since| since + span)
    }

    /// Moves what there is; whether anything moved.
    fn turn(&mut self, cx: &mut Context<'_>, see: impl FnOnce(&[u8])) -> Result<bool, Broken> {
        let mut moved = false;
        if self.state == WayState::Open && self.to.is_low() {
            match self.from.poll_move_to(&self.to, cx, see) {
                Poll::Ready(Ok(0)) => self.state = WayState::Ending,
                Poll::Ready(Ok(bytes)) => {
                    self.moved += bytes as u64;
                    moved = true;
                }
                Poll::Ready(Err(_)) => return Err(Broken::From),
                Poll::Pending => {}
            }
        }
        let pending = self.to.pending();
        match self.to.poll_push(cx) {
            Poll::Ready(Err(_)) => return Err(Broken::To),
            Poll::Ready(Ok(())) if self.state == WayState::Ending => {
                let _a_dead_peer_is_found_by_its_own_way = self.to.poll_end(cx);
                self.state = WayState::Ended;
                moved = true;
            }
            _ => {}
        }
        Ok(moved || self.to.pending() < pending)
    }
}
