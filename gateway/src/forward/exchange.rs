//! One exchange: a request to an upstream and its answer back, in one task and one poll function.
//!
//! A turn moves one piece of the answer and one piece of the request, each only while the other end has room; turns repeat
//! while something moves. Then both sides are flushed, last, so that a head and its body leave together. Only when nothing
//! moves are revocation, the client's going and the nearest deadline asked. Nothing here waits for one side alone, so no
//! pair of peers can stop each other through us, and nothing is held but what fits between two marks.
//!
//! The letters P1 to P4 are the phases: the request flows (P1) or has ended (P2) before the final head; it flows (P3) or has
//! ended (P4) after it.

use std::task::{Context, Poll};
use std::time::Instant;

use decision::outcome::Outcome;
use decision::request::Framing;

use super::answer::{self, Answer};
use super::client::{Client, Gone};
use super::deadlines::{Deadlines, Late, Progress};
use super::heads::ResponseHead;
use super::upstream::{Fault, Upstream};
use super::{Ended, NO_ANSWER, Order, PAST_DEADLINE};
use crate::alarm::Alarm;
use crate::clock;

/// Turns before other tasks of this thread get theirs.
const TURNS: usize = 32;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both messages went over whole.
    Complete,
    /// 101: what follows is a tunnel.
    Switched,
    /// The reused connection was dead before it said anything: another may be tried.
    Stale,
    /// The upstream says 503, and the request may be put to another endpoint.
    Again,
    /// Nothing of a final answer has gone out: the client gets ours.
    Refuse(Outcome, &'static str),
    /// An answer had begun: it is cut short.
    Cut(Outcome, Ended, &'static str),
    ClientGone,
}

const TAKES_NOTHING: End =
    End::Cut(Outcome::ClientGone, Ended::Timeout, "the client takes nothing");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Response {
    Waiting,
    Flowing,
    Ended,
}

#[derive(Debug)]
pub struct Exchange<'e> {
    client: &'e mut Client,
    upstream: &'e mut Upstream,
    order: &'e Order<'e>,
    request_ended: bool,
    response: Response,
    interim_passed: bool,
    /// The upstream has said that it wants the body.
    continued: bool,
    /// A copy may be sent again on another connection: nothing has come back, and nothing of a body is lost.
    repeatable: bool,
    may_ask_again: bool,
    deadlines: Deadlines,
    /// When the final head came, and its status.
    pub head_at: Option<Instant>,
    pub status: u16,
    /// A clock has ended it, and not for what the upstream did: whatever the outcome, its endpoint is not judged by this.
    pub blameless: bool,
}

impl<'e> Exchange<'e> {
    pub fn new(
        client: &'e mut Client,
        upstream: &'e mut Upstream,
        order: &'e Order<'e>,
        may_ask_again: bool,
        left_at: Option<Instant>,
    ) -> Self {
        let mut exchange = Self {
            request_ended: false,
            response: Response::Waiting,
            interim_passed: false,
            continued: false,
            repeatable: order.is_repeatable(),
            may_ask_again,
            deadlines: Deadlines::new(order, left_at),
            head_at: None,
            status: 0,
            blameless: false,
            client,
            upstream,
            order,
        };
        exchange.end_request_if_read();
        exchange
    }

    /// When the request's last byte left, for this upstream or one before it.
    pub const fn left_at(&self) -> Option<Instant> {
        self.deadlines.left_at()
    }

    pub async fn run(&mut self, alarm: &mut Alarm) -> End {
        std::future::poll_fn(|cx| match self.poll(cx, alarm) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(End::Complete),
            Err(end) => Poll::Ready(end),
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm) -> Result<Poll<()>, End> {
        // First of all: what is revoked sends nothing more, the head of a new attempt included.
        self.check_cut(cx)?;
        for _ in 0..TURNS {
            let moved = self.turn_response(cx)? | self.turn_request(cx)?;
            if moved {
                self.deadlines.moved();
                continue;
            }
            let had_room = (self.client_has_room(cx)?, self.upstream.has_room());
            let flushed = self.flush(cx)?;
            if self.response == Response::Ended && flushed {
                return Ok(Poll::Ready(()));
            }
            if had_room != (true, true)
                && had_room != (self.client_has_room(cx)?, self.upstream.has_room())
            {
                continue; // what was full has drained: there may be more to move
            }
            return self.wait(cx, alarm);
        }
        // A peer that always has more must not keep the thread, nor escape its deadlines.
        let _room_is_asked_again = self.flush(cx)?;
        self.nearest()?;
        cx.waker().wake_by_ref();
        Ok(Poll::Pending)
    }

    // --- the answer --------------------------------------------------------------------------------------------------

    fn turn_response(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        // Interim heads count as well: a client that does not read stops them, too.
        if self.response == Response::Ended || !self.client_has_room(cx)? {
            return Ok(false);
        }
        match self.response {
            Response::Waiting => match self.upstream.poll_head(cx) {
                Poll::Pending => Ok(false),
                Poll::Ready(Ok(raw)) => self.take_head(&raw),
                Poll::Ready(Err(fault)) => Err(self.no_answer(fault)),
            },
            Response::Flowing => {
                let passed = match self.upstream.poll_body(cx, |piece| self.client.piece(piece)) {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(passed) => passed,
                };
                match passed {
                    Ok(true) => {}
                    Ok(false) if self.client.finish() => self.response = Response::Ended,
                    Ok(false) | Err(_) => {
                        let why = "the upstream's answer ends short";
                        return Err(End::Cut(Outcome::UpstreamInvalid, Ended::UpstreamClosed, why));
                    }
                }
                Ok(true)
            }
            Response::Ended => Ok(false),
        }
    }

    fn take_head(&mut self, raw: &[u8]) -> Result<bool, End> {
        let joined;
        let answer = match Answer::parse(raw) {
            Ok(answer) => answer,
            Err(_) => {
                // Rare, and the only fault that can be mended.
                joined = answer::unfolded(raw);
                Answer::parse(&joined).map_err(|why| self.no_answer(Fault::Invalid(why)))?
            }
        };
        let ours = self.order.ours();
        match answer.status.as_u16() {
            101 => return Err(self.switch(&answer)),
            100..=199 => {
                self.client.interim(&ResponseHead::of_interim(&answer, ours));
                self.interim_passed = true;
                self.continued |= answer.status == http::StatusCode::CONTINUE;
            }
            503 if self.may_ask_again && self.repeatable && !self.interim_passed => {
                return Err(End::Again);
            }
            status => {
                let framing =
                    self.upstream.begin(&answer).map_err(|fault| self.no_answer(fault))?;
                self.client.head(&ResponseHead::of_upstream(&answer, framing, ours));
                self.head_at = Some(clock::now());
                self.status = status;
                self.response = Response::Flowing;
            }
        }
        Ok(true)
    }

    /// 101 is an answer only where it was asked for, in the words it was asked in (RFC 9110, section 15.2.2).
    fn switch(&mut self, answer: &Answer<'_>) -> End {
        let asked = self.order.websocket && self.request_ended;
        if asked && answer.is_websocket && answer.is_http11 {
            let head = ResponseHead::of_upstream(answer, Framing::None, self.order.ours());
            self.client.switch_protocols(&head);
            End::Switched
        } else {
            let why = "the upstream switches to a protocol that was not asked for";
            End::Refuse(Outcome::UpstreamInvalid, why)
        }
    }

    /// The upstream is gone, or speaks nonsense, before a final head.
    fn no_answer(&self, fault: Fault) -> End {
        if let Fault::Invalid(why) = fault {
            return End::Refuse(Outcome::UpstreamInvalid, why);
        }
        let wire = self.upstream.wire();
        let silent = wire.received() == 0 && !self.interim_passed;
        let nothing_lost = wire.sent() == 0 && self.client.bytes().0 == 0;
        let allowed = self.order.service.retries.stale_connection;
        if allowed && self.upstream.reused && silent && (nothing_lost || self.repeatable) {
            End::Stale
        } else {
            let why = "the upstream closed the connection without an answer";
            End::Refuse(Outcome::UpstreamInvalid, why)
        }
    }

    // --- the request -------------------------------------------------------------------------------------------------

    fn turn_request(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if self.request_ended || self.response == Response::Ended || !self.upstream.has_room() {
            return Ok(false);
        }
        match self.client.poll_body(cx) {
            Poll::Pending => {
                self.deadlines.awaits_client();
                Ok(false)
            }
            Poll::Ready(Ok(Some(piece))) => {
                if self.client.bytes().0 > self.order.permit.route().body_limit {
                    return Err(self.end(
                        Outcome::BodyTooLarge,
                        Ended::ClientGone,
                        "the body is over the route's limit",
                    ));
                }
                self.deadlines.took(piece.len());
                self.upstream.piece(&piece);
                Ok(true)
            }
            Poll::Ready(Ok(None)) => Ok(self.end_request_if_read()),
            Poll::Ready(Err(Gone::Closed)) => Err(End::ClientGone),
            Poll::Ready(Err(Gone::Fault)) => Err(self.end(
                Outcome::RequestMalformed,
                Ended::ClientGone,
                "the body's framing is malformed",
            )),
        }
    }

    fn end_request_if_read(&mut self) -> bool {
        let ends = !self.request_ended && self.client.request_ended();
        if ends {
            self.upstream.finish();
            self.request_ended = true;
        }
        ends
    }

    // --- both --------------------------------------------------------------------------------------------------------

    fn client_has_room(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        match self.client.poll_room(cx) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(_)) => Err(End::ClientGone),
            Poll::Pending => Ok(false),
        }
    }

    /// Whether the client's side is empty.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let _a_failure_is_remembered_there = self.upstream.poll_flush(cx);
        match self.client.poll_flush(cx) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(_)) => Err(End::ClientGone),
            Poll::Pending => Ok(false),
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm) -> Result<Poll<()>, End> {
        // Where its body is read, reading tells.
        let held_up = self.response != Response::Ended && !self.upstream.has_room();
        if (self.request_ended || held_up) && self.client.poll_gone(cx).is_ready() {
            return Err(End::ClientGone);
        }
        let nearest = self.nearest()?;
        match alarm.poll(cx, nearest) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(()) => {
                cx.waker().wake_by_ref();
                Ok(Poll::Pending)
            }
        }
    }

    fn check_cut(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Poll::Ready(outcome) = self.order.seat.poll_cut(cx) else { return Ok(()) };
        let ended = if outcome == Outcome::Draining { Ended::Drained } else { Ended::Revoked };
        Err(self.end(outcome, ended, "ended while under way"))
    }

    /// The nearest deadline, or what is late.
    fn nearest(&mut self) -> Result<Instant, End> {
        let now = clock::now();
        let (client_owes, taken_by_client) = self.client.owed();
        let (pending, taken_by_upstream) = self.upstream.wire().owed();
        let progress = Progress {
            request_left: self.request_ended && pending == 0,
            answering: self.response != Response::Waiting,
            awaits_continue: self.awaits_continue(),
            client_owes,
            upstream_owes: pending > 0 && !self.upstream.is_broken(),
            taken_by_client,
            taken_by_upstream,
            ends_at: self.order.seat.ends_at(now),
        };
        self.deadlines.nearest(now, &progress).map_err(|late| {
            self.blameless = !self.deadlines.blame_upstream(late, now, &progress);
            self.late(late)
        })
    }

    /// A client that has begun with its body all the same waits for nothing.
    fn awaits_continue(&self) -> bool {
        self.order.head.expects_continue
            && !(self.continued || self.request_ended || self.client.bytes().0 > 0)
    }

    /// Whether the client is late with its body, and nothing was answered yet.
    fn owes_body(&self) -> bool {
        !self.client.response_begun() && self.deadlines.await_client() && !self.awaits_continue()
    }

    fn late(&self, late: Late) -> End {
        let upstream = |why| self.end(Outcome::UpstreamTimeout, Ended::Timeout, why);
        let client = |why| self.end(Outcome::RequestTimeout, Ended::Timeout, why);
        match late {
            Late::ClientStalled => TAKES_NOTHING,
            // Whatever else has stopped has stopped behind it.
            Late::UpstreamStalled if self.deadlines.client_stopped_first() => TAKES_NOTHING,
            Late::Idle if self.client.owed().0 => TAKES_NOTHING,
            // It cannot be watched behind what it had sent ahead.
            Late::UpstreamStalled if self.client.has_ended() => End::ClientGone,
            Late::UpstreamStalled => upstream("the upstream takes nothing"),
            Late::BodySlow => client("the body trickles"),
            Late::NoHead | Late::NoContinue => upstream(NO_ANSWER),
            Late::Deadline if self.owes_body() => client(PAST_DEADLINE),
            Late::Deadline => upstream(PAST_DEADLINE),
            Late::Idle if self.owes_body() => client("the client sends nothing"),
            Late::Idle => upstream("nothing moves within the route's idle"),
            Late::Expired => self.end(
                Outcome::CredentialExpired,
                Ended::Revoked,
                "the credential has expired meanwhile",
            ),
        }
    }

    /// An answer of ours where none has begun, a cut where one has.
    fn end(&self, outcome: Outcome, ended: Ended, why: &'static str) -> End {
        if self.client.response_begun() {
            End::Cut(outcome, ended, why)
        } else {
            End::Refuse(outcome, why)
        }
    }
}
