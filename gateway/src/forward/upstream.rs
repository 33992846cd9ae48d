//! The upstream's side of an exchange over HTTP/1.
//!
//! Heads are written and read by us (`heads`, `answer`), and so is a body that has a length or ends with its connection.
//! Chunks are pingora's client session's, both ways: a codec over our wire that is told the framing, and nothing else.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use decision::request::Framing;
use futures_util::FutureExt as _;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_http::RequestHeader;

use super::answer::{self, Answer};
use crate::upstream::Checkout;
use crate::wire::Wire;

/// What the codec of a chunked answer is told.
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// What an upstream says is no answer, or it says nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closed, or reset, before the message was whole.
    Closed,
    Invalid(&'static str),
}

pub struct Upstream {
    wire: Wire,
    /// Of the request's body, and of chunks of the answer.
    codec: Option<Box<HttpSession>>,
    /// The connection has served a request before.
    pub reused: bool,
    is_head: bool,
    /// Our request is whole in the wire.
    request_ended: bool,
    /// How much of the inbox is known to hold no end of a head.
    scanned: usize,
    body: Body,
    /// How long the connection may serve others afterwards, as the final head says; `None`: not at all.
    stays: Option<Duration>,
    /// A write failed: nothing more is sent, but an answer may still lie in the socket.
    broken: bool,
}

/// What is still to be read of the final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Its head.
    Head,
    Sized(u64),
    UntilClose,
    Chunked,
    /// Nothing, and where the codec has read it, the codec knows whether it has read more.
    Ended {
        by_codec: bool,
    },
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("wire", &self.wire)
            .field("reused", &self.reused)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// Puts the request's head into the wire of a connection: `write` writes it. `told` is what the codec of its body is told
    /// of its framing, where it has one; what the codec itself would write of it is dropped.
    pub fn open(
        checkout: Checkout,
        is_head: bool,
        told: Option<Box<RequestHeader>>,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Self, Fault> {
        const FAULT: Fault = Fault::Invalid("the request's head cannot be written");
        let Checkout { wire, reused } = checkout;
        wire.reset_counts();
        let codec = match told {
            Some(told) => {
                let mut codec = codec(&wire);
                let start = wire.put(|out| out.len());
                // The wire absorbs every write, so each ends in its first poll.
                let written = codec.write_request_header(told).now_or_never();
                wire.put(|out| out.truncate(start));
                if !matches!(written, Some(Ok(_))) {
                    return Err(FAULT);
                }
                Some(codec)
            }
            None => None,
        };
        if !wire.put(write) {
            return Err(FAULT);
        }
        Ok(Self {
            wire,
            codec,
            reused,
            is_head,
            request_ended: false,
            scanned: 0,
            body: Body::Head,
            stays: None,
            broken: false,
        })
    }

    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    // --- the request -------------------------------------------------------------------------------------------------

    /// Whether more of the request may be given.
    pub fn has_room(&self) -> bool {
        !self.broken && self.wire.is_low()
    }

    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    pub fn piece(&mut self, piece: &[u8]) {
        let Some(codec) = self.codec.as_mut().filter(|_| !piece.is_empty()) else { return };
        if codec.write_body(piece).now_or_never().is_none_or(|written| written.is_err()) {
            self.broken = true;
        }
    }

    pub fn finish(&mut self) {
        let Some(codec) = &mut self.codec else {
            self.request_ended = true;
            return;
        };
        match codec.finish_body().now_or_never() {
            Some(Ok(_)) => self.request_ended = true,
            _ => self.broken = true,
        }
    }

    /// Flushes; a failure is remembered and is no end: the answer may have come before it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.broken {
            return Poll::Ready(());
        }
        let pushed = ready!(self.wire.poll_push(cx));
        self.broken = pushed.is_err();
        Poll::Ready(())
    }

    // --- the response ------------------------------------------------------------------------------------------------

    /// Reads one head, interim ones included: the bytes of it, whole.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Fault>> {
        let scanned = &mut self.scanned;
        let found = self.wire.poll_find(cx, |bytes| match answer::scan(bytes, *scanned) {
            Ok(None) => {
                *scanned = bytes.len();
                None
            }
            found => found.transpose(),
        });
        Poll::Ready(match ready!(found) {
            Ok(Some(Ok(length))) => {
                self.scanned = 0;
                Ok(self.wire.take(length))
            }
            Ok(Some(Err(why))) => Err(Fault::Invalid(why)),
            Ok(None) | Err(_) => Err(Fault::Closed),
        })
    }

    /// Goes on from a final head to its body, and tells how that is framed.
    pub fn begin(&mut self, answer: &Answer<'_>) -> Result<Framing, Fault> {
        // Less a second, so that we are never the later one to find out.
        let seconds = answer.keep_alive.map_or(u64::MAX, |seconds| seconds.saturating_sub(1));
        self.stays = answer.stays.then_some(Duration::from_secs(seconds));
        let framing = answer.framing(self.is_head);
        self.body = match framing {
            Framing::None => Body::Ended { by_codec: false },
            Framing::Sized(length) => Body::Sized(length),
            Framing::Streamed if answer.is_chunked => {
                self.tell_chunked()?;
                Body::Chunked
            }
            Framing::Streamed => Body::UntilClose,
        };
        Ok(framing)
    }

    fn tell_chunked(&mut self) -> Result<(), Fault> {
        // Watched: a line without a single meaning would let what follows pass for the next answer.
        self.wire.set_preface(Bytes::from_static(CHUNKED), true);
        let codec = self.codec.get_or_insert_with(|| codec(&self.wire));
        // The preface lies in the wire whole, so this ends in its first poll.
        match codec.read_response().now_or_never() {
            Some(Ok(_)) => Ok(()),
            _ => Err(Fault::Invalid("the answer's body cannot be read")),
        }
    }

    /// Hands the next piece of the body to `pass`; `false` at its end. The piece may be empty.
    pub fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        pass: impl FnOnce(&[u8]),
    ) -> Poll<Result<bool, Fault>> {
        let most = match self.body {
            Body::Chunked => return self.poll_chunks(cx, pass),
            Body::Sized(left @ 1..) => usize::try_from(left).unwrap_or(usize::MAX),
            Body::UntilClose => usize::MAX,
            Body::Sized(0) => {
                self.body = Body::Ended { by_codec: false };
                return Poll::Ready(Ok(false));
            }
            Body::Head | Body::Ended { .. } => return Poll::Ready(Ok(false)),
        };
        match (ready!(self.wire.poll_give(cx, most, pass)), &mut self.body) {
            (Ok(0), Body::UntilClose) => {
                self.body = Body::Ended { by_codec: false };
                self.stays = None;
                Poll::Ready(Ok(false))
            }
            (Ok(0) | Err(_), _) => Poll::Ready(Err(Fault::Closed)),
            (Ok(given), Body::Sized(left)) => {
                *left = left.saturating_sub(given as u64);
                Poll::Ready(Ok(true))
            }
            (Ok(_), _) => Poll::Ready(Ok(true)),
        }
    }

    fn poll_chunks(
        &mut self,
        cx: &mut Context<'_>,
        pass: impl FnOnce(&[u8]),
    ) -> Poll<Result<bool, Fault>> {
        let Some(codec) = &mut self.codec else { return Poll::Ready(Err(Fault::Closed)) };
        match ready!(pin!(codec.read_body_ref()).poll_unpin(cx)) {
            Ok(Some(piece)) => {
                pass(piece);
                Poll::Ready(Ok(true))
            }
            Ok(None) => {
                self.wire.end_body();
                self.body = Body::Ended { by_codec: true };
                Poll::Ready(Ok(false))
            }
            Err(error) => Poll::Ready(Err(match error.etype() {
                _ if self.wire.end_body() => {
                    Fault::Invalid("a chunk of the answer has no single meaning")
                }
                pingora_core::ErrorType::ConnectionClosed | pingora_core::ErrorType::ReadError => {
                    Fault::Closed
                }
                _ => Fault::Invalid("the body of the answer is malformed"),
            })),
        }
    }

    // --- afterwards --------------------------------------------------------------------------------------------------

    /// The connection, when both messages were whole and it may serve another request, with the upstream's own word on how
    /// long it stays open.
    pub fn into_reusable(self) -> Option<(Wire, Duration)> {
        let Body::Ended { by_codec } = self.body else { return None };
        let finished = self.request_ended && !self.broken && self.wire.pending() == 0;
        let keep = self.stays.filter(|_| finished)?;
        if by_codec {
            let mut codec = self.codec?;
            codec.respect_keepalive();
            // `None` where it has read beyond the end.
            codec.reuse().now_or_never().flatten()?;
        }
        // Nobody has asked for what lies behind the end.
        self.wire.rest().then_some((self.wire, keep))
    }

    /// After 101: the wire. What lies in it is the tunnel's.
    pub fn into_tunnel(self) -> Wire {
        self.wire
    }
}

fn codec(wire: &Wire) -> Box<HttpSession> {
    Box::new(HttpSession::new(Box::new(wire.clone())))
}
