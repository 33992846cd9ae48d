//! The upstream's side of an exchange over HTTP/1: pingora's client session as a codec over our wire.

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use decision::request::Framing;
use futures_util::FutureExt as _;
use http::StatusCode;
use http::header;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_http::{RequestHeader, ResponseHeader};

use super::heads;
use crate::upstream::Checkout;
use crate::wire::Wire;

/// What an upstream says is no answer, or it says nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closed, or reset, before the message was whole.
    Closed,
    Invalid(&'static str),
}

pub struct Upstream {
    wire: Wire,
    session: HttpSession,
    /// The connection has served a request before.
    pub reused: bool,
    is_head: bool,
    /// Our request is whole in the wire.
    request_ended: bool,
    /// The response was read to its end.
    response_ended: bool,
    /// A write failed: nothing more is sent, but an answer may still lie in the socket.
    broken: bool,
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
    /// Puts the request's head into the wire of a connection: `write` writes it, and `told` is what the codec is told of its
    /// framing. What the codec itself would write of it is dropped.
    pub fn open(
        checkout: Checkout,
        told: Box<RequestHeader>,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<Self, Fault> {
        let Checkout { wire, reused } = checkout;
        wire.reset_counts();
        let mut session = HttpSession::new(Box::new(wire.clone()));
        let is_head = told.method == http::Method::HEAD;
        let start = wire.put(|out| out.len());
        // The wire absorbs every write, so each ends in its first poll.
        let codec_knows = matches!(session.write_request_header(told).now_or_never(), Some(Ok(_)));
        let written = wire.put(|out| {
            out.truncate(start);
            write(out)
        });
        if !codec_knows || !written {
            return Err(Fault::Invalid("the request's head cannot be written"));
        }
        Ok(Self {
            wire,
            session,
            reused,
            is_head,
            request_ended: false,
            response_ended: false,
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
        if !piece.is_empty()
            && self.session.write_body(piece).now_or_never().is_none_or(|written| written.is_err())
        {
            self.broken = true;
        }
    }

    pub fn finish(&mut self) {
        match self.session.finish_body().now_or_never() {
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

    /// Reads one head, interim ones included.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<StatusCode, Fault>> {
        let read = pin!(self.session.read_response()).poll_unpin(cx);
        match ready!(read) {
            Ok(_) => Poll::Ready(self.judge_head()),
            Err(error) => Poll::Ready(Err(match error.etype() {
                pingora_core::ErrorType::ConnectionClosed | pingora_core::ErrorType::ReadError => {
                    Fault::Closed
                }
                _ => Fault::Invalid("the head of the answer is malformed"),
            })),
        }
    }

    fn judge_head(&self) -> Result<StatusCode, Fault> {
        let head = self.head().ok_or(Fault::Invalid("no head"))?;
        let codings = head.headers.get_all(header::TRANSFER_ENCODING);
        let mut codings = codings.iter();
        if let Some(coding) = codings.next() {
            if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::Invalid("an answer in a transfer coding that was not offered"));
            }
            // The codec has dropped a Content-Length beside it, so the raw head is asked.
            if has_content_length(&self.session.get_headers_raw_bytes()) {
                return Err(Fault::Invalid(
                    "an answer with Content-Length beside Transfer-Encoding",
                ));
            }
            if head.version == http::Version::HTTP_10 {
                return Err(Fault::Invalid("an answer of HTTP/1.0 in chunks"));
            }
        }
        Ok(head.status)
    }

    pub fn head(&self) -> Option<&ResponseHeader> {
        self.session.resp_header()
    }

    /// How the final answer's body is framed.
    pub fn framing(&self) -> Framing {
        let Some(head) = self.head() else { return Framing::None };
        if self.is_head || matches!(head.status.as_u16(), 204 | 304) {
            Framing::None
        } else {
            heads::content_length(head).map_or(Framing::Streamed, Framing::Sized)
        }
    }

    /// The next piece of the body; it may be empty; `None` at its end.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<&[u8]>, Fault>> {
        // The borrow of a piece cannot be given back in a branch of its own, so the flag is set before.
        match ready!(pin!(self.session.read_body_ref()).poll_unpin(cx)) {
            Ok(Some(piece)) => Poll::Ready(Ok(Some(piece))),
            Ok(None) => {
                self.response_ended = true;
                Poll::Ready(Ok(None))
            }
            Err(error) => Poll::Ready(Err(match error.etype() {
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
    pub fn into_reusable(mut self) -> Option<(Wire, Option<Duration>)> {
        let finished =
            self.request_ended && self.response_ended && !self.broken && self.wire.pending() == 0;
        let head = self.head()?;
        if !finished || heads::says_close(head) {
            return None;
        }
        // Less a second, so that we are never the later one to find out.
        let keep = heads::keep_alive_timeout(head)
            .map(|seconds| Duration::from_secs(seconds.saturating_sub(1)));
        self.session.respect_keepalive();
        self.session.reuse().now_or_never().flatten().map(|_| (self.wire, keep))
    }

    /// After 101: the wire, and what the codec has read behind the head. `None`: the connection is broken already, which
    /// the kernel says only once.
    pub fn into_tunnel(mut self) -> Option<(Wire, Vec<u8>)> {
        let ahead = match self.session.read_body_ref().now_or_never() {
            Some(Ok(Some(piece))) => piece.to_vec(),
            Some(Err(_)) => return None,
            Some(Ok(None)) | None => Vec::new(),
        };
        Some((self.wire, ahead))
    }
}

fn has_content_length(raw: &[u8]) -> bool {
    raw.split(|byte| *byte == b'\n').any(|line| {
        line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case(b"content-length:"))
            || line.get(..14).is_some_and(|name| name.eq_ignore_ascii_case(b"content-length"))
    })
}
