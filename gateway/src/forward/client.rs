//! The client's side of an exchange, of either protocol.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use decision::dialect::Answer;
use h2::Reason;
use pingora_core::{Error, ErrorType};

use super::Ended;
use super::heads::ResponseHead;
use super::http1::Http1;
use super::http2::Http2;

/// Why nothing more comes from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It closed, or reset, before its message was whole.
    Closed,
    /// What it sends is no message.
    Fault,
}

impl Gone {
    pub fn from_codec(error: &Error) -> Self {
        match error.etype() {
            ErrorType::ConnectionClosed | ErrorType::ReadError => Self::Closed,
            _ => Self::Fault,
        }
    }
}

/// One request's client.
#[derive(Debug)]
pub enum Client {
    Http1(Http1),
    Http2(Http2),
}

impl Client {
    pub fn request_ended(&self) -> bool {
        match self {
            Self::Http1(client) => client.request_ended(),
            Self::Http2(client) => client.request_ended(),
        }
    }

    /// The next piece of the request body, never empty; `None` at its end.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        match self {
            Self::Http1(client) => client.poll_body(cx),
            Self::Http2(client) => client.poll_body(cx),
        }
    }

    pub fn response_begun(&self) -> bool {
        match self {
            Self::Http1(client) => client.response_begun(),
            Self::Http2(client) => client.response_begun(),
        }
    }

    pub fn interim(&self, head: &ResponseHead<'_>) {
        if let Self::Http1(client) = self {
            client.interim(head);
        }
    }

    /// Passes a 101 on. Nobody asks for one over HTTP/2.
    pub fn switch_protocols(&mut self, head: &ResponseHead<'_>) {
        if let Self::Http1(client) = self {
            client.switch_protocols(head);
        }
    }

    pub fn head(&mut self, head: &ResponseHead<'_>) {
        match self {
            Self::Http1(client) => client.head(head),
            Self::Http2(client) => client.head(head),
        }
    }

    /// Ready when a piece of the response may be given.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        match self {
            Self::Http1(client) if client.wire().is_low() => Poll::Ready(Ok(())),
            Self::Http1(client) => {
                let pushed = client.wire().poll_push(cx).map_err(|_| Gone::Closed)?;
                if pushed.is_ready() || client.wire().is_low() {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                }
            }
            Self::Http2(client) => client.poll_room(cx),
        }
    }

    pub fn piece(&mut self, piece: &[u8]) {
        match self {
            Self::Http1(client) => client.piece(piece),
            Self::Http2(client) => client.piece(piece),
        }
    }

    /// Ends the response; `false` when it is short of what was declared.
    pub fn finish(&mut self) -> bool {
        match self {
            Self::Http1(client) => client.finish(),
            Self::Http2(client) => {
                client.finish();
                true
            }
        }
    }

    /// Ready when all that was given is the kernel's (HTTP/1) or the connection's (HTTP/2).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        match self {
            Self::Http1(client) => client.wire().poll_push(cx).map_err(|_| Gone::Closed),
            Self::Http2(_) => Poll::Ready(Ok(())),
        }
    }

    /// Whether something waits for the client to take it, and a total that grows when it takes something.
    pub fn owed(&self) -> (bool, u64) {
        match self {
            Self::Http1(client) => {
                let (pending, sent) = client.wire().owed();
                (pending > 0, sent)
            }
            Self::Http2(client) => (client.owes(), client.given),
        }
    }

    /// Ready when the client is gone though nothing is read from it.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(client) => client.wire().poll_gone(cx),
            Self::Http2(client) => client.poll_gone(cx),
        }
    }

    /// Whether it has gone though what it had sent before is still unread.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Http1(client) => client.wire().has_ended(),
            // There a reset overtakes what was sent.
            Self::Http2(_) => false,
        }
    }

    /// Ends a response that has begun without ending its message.
    pub fn cut(&mut self, ended: Ended) {
        match self {
            Self::Http1(client) => client.cut(),
            Self::Http2(client) => client.cut(match ended {
                Ended::Revoked | Ended::Drained | Ended::ClientGone => Reason::CANCEL,
                _ => Reason::INTERNAL_ERROR,
            }),
        }
    }

    /// Gives an answer of our own, whole.
    pub fn answer(&mut self, answer: &Answer) {
        self.head(&ResponseHead::of_answer(answer));
        self.piece(&answer.body);
        self.finish();
    }

    /// Reads and drops what is left of the request's body, as far as that is worth the connection; ready with whether the
    /// request is at its end.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, left: &mut u64) -> Poll<bool> {
        match self {
            Self::Http1(client) => client.poll_drain(cx, left),
            // A stream ends alone; what it would still send is reset.
            Self::Http2(_) => Poll::Ready(true),
        }
    }

    /// Content bytes that were read, and given.
    pub const fn bytes(&self) -> (u64, u64) {
        match self {
            Self::Http1(client) => (client.taken, client.given),
            Self::Http2(client) => (client.taken, client.given),
        }
    }

    /// Flushes an answer of our own; the client's going ends the wait too.
    pub fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _gone_is_the_same_here = ready!(self.poll_flush(cx));
        Poll::Ready(())
    }
}
