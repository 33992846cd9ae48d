//! The client's side of an exchange over HTTP/1.
//!
//! The request body is read by pingora's server session, used as a codec that is told the framing which the accept stage has
//! found. The response is written here: pingora's writer would replace the upstream's `Date`, send chunks to HTTP/1.0, and
//! judge the connection by the first `Connection` line alone.

use std::io::Write as _;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use decision::request::{Framing, Protocol};
use futures_util::FutureExt as _;
use http::StatusCode;
use pingora_core::protocols::http::v1::server::HttpSession;

use super::client::Gone;
use super::heads::ResponseHead;
use crate::accept::head::Head;
use crate::wire::Wire;

/// After a refusal at most this much of a request body is read for the sake of the connection.
pub const DRAIN_MAX: u64 = 64 * 1024;

#[derive(Debug)]
pub struct Http1 {
    wire: Wire,
    protocol: Protocol,
    is_head: bool,
    expects_continue: bool,
    framing: Framing,
    /// Whether the connection can take another request, as far as is known.
    keep_alive: bool,
    request: RequestBody,
    response: ResponseBody,
    /// A protocol was switched to: what the end of the connection means is no longer ours.
    switched: bool,
    ends_by_reset: bool,
    /// Bytes of content that were read, and written.
    pub taken: u64,
    pub given: u64,
}

enum RequestBody {
    /// Nothing (more) to read.
    Ended,
    Codec(Box<HttpSession>),
}

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ended => "Ended",
            Self::Codec(_) => "Codec",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseBody {
    NotBegun,
    /// Bytes left.
    Sized(u64),
    Chunked,
    UntilClose,
    /// Whole, to the last byte.
    Ended,
}

impl Http1 {
    pub fn new(wire: &Wire, head: &Head<'_>) -> Result<Self, Gone> {
        Ok(Self {
            wire: wire.clone(),
            protocol: head.protocol,
            is_head: head.method == "HEAD",
            expects_continue: head.expects_continue && head.framing != Framing::None,
            framing: head.framing,
            keep_alive: head.keep_alive,
            request: RequestBody::open(wire, head.framing)?,
            response: ResponseBody::NotBegun,
            switched: false,
            ends_by_reset: false,
            taken: 0,
            given: 0,
        })
    }

    /// The client of a head that could not be parsed: it gets one answer, and the connection ends.
    pub fn unparsed(wire: &Wire) -> Self {
        Self {
            wire: wire.clone(),
            protocol: Protocol::Http11,
            is_head: false,
            expects_continue: false,
            framing: Framing::None,
            keep_alive: false,
            request: RequestBody::Ended,
            response: ResponseBody::NotBegun,
            switched: false,
            ends_by_reset: false,
            taken: 0,
            given: 0,
        }
    }

    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    pub fn is_http10(&self) -> bool {
        self.protocol == Protocol::Http10
    }

    // --- the request -------------------------------------------------------------------------------------------------

    pub fn request_ended(&self) -> bool {
        matches!(self.request, RequestBody::Ended)
    }

    /// The next piece of the body, never empty; `None` at its end.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        loop {
            let RequestBody::Codec(session) = &mut self.request else {
                return Poll::Ready(Ok(None));
            };
            let read = pin!(session.read_body_bytes()).poll_unpin(cx);
            match ready!(read) {
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => {
                    self.taken += piece.len() as u64;
                    return Poll::Ready(Ok(Some(piece)));
                }
                Ok(None) => {
                    self.close_codec();
                    return Poll::Ready(Ok(None));
                }
                Err(error) => {
                    // Where this body ends is not known: nothing behind it is a request, and the codec is done with.
                    self.keep_alive = false;
                    self.request = RequestBody::Ended;
                    let is_fault = self.wire.end_body();
                    let gone = if is_fault { Gone::Fault } else { Gone::from_codec(&error) };
                    return Poll::Ready(Err(gone));
                }
            }
        }
    }

    /// Gives what the codec has read beyond the body back to the wire: it is the next request's.
    fn close_codec(&mut self) {
        let _it_was_read_whole = self.wire.end_body();
        if let RequestBody::Codec(mut session) =
            std::mem::replace(&mut self.request, RequestBody::Ended)
        {
            session.set_server_keepalive(Some(0));
            session.set_pipelining_enabled(true);
            let reused = session.reuse().now_or_never();
            if let Some(Ok(Some(stream))) = reused
                && let (_, Some(ahead)) = stream.into_parts()
            {
                self.wire.give_back(&ahead);
            }
        }
    }

    /// Whether what is left of the body may be read and dropped for the sake of the connection.
    fn is_drainable(&self) -> bool {
        match (&self.request, self.framing) {
            (RequestBody::Ended, _) => true,
            _ if self.expects_continue => false,
            (_, Framing::Sized(length)) => length.saturating_sub(self.taken) <= DRAIN_MAX,
            // How much of it is left, only reading it tells.
            (_, Framing::Streamed | Framing::None) => true,
        }
    }

    /// Reads and drops the rest of the body; ready with whether that was possible within [`DRAIN_MAX`].
    pub fn poll_drain(&mut self, cx: &mut Context<'_>, left: &mut u64) -> Poll<bool> {
        loop {
            match ready!(self.poll_body(cx)) {
                Ok(None) => return Poll::Ready(true),
                Ok(Some(piece)) if piece.len() as u64 <= *left => *left -= piece.len() as u64,
                Ok(Some(_)) | Err(_) => return Poll::Ready(false),
            }
        }
    }

    // --- the response ------------------------------------------------------------------------------------------------

    pub fn response_begun(&self) -> bool {
        self.response != ResponseBody::NotBegun
    }

    pub fn will_close(&self) -> bool {
        !self.keep_alive || self.response == ResponseBody::UntilClose
    }

    pub fn close_afterwards(&mut self) {
        self.keep_alive = false;
    }

    /// Passes an interim head on; HTTP/1.0 knows none (RFC 9110, section 15.2).
    pub fn interim(&self, head: &ResponseHead<'_>) {
        if !self.is_http10() {
            self.wire.put(|out| {
                status_line(out, head);
                head.for_each(|name, value| field(out, name, value));
                out.extend_from_slice(b"\r\n");
            });
        }
    }

    /// 101: what follows is no longer HTTP.
    pub fn switch_protocols(&mut self, head: &ResponseHead<'_>) {
        self.keep_alive = false;
        self.switched = true;
        self.response = ResponseBody::UntilClose;
        self.wire.put(|out| {
            status_line(out, head);
            head.for_each(|name, value| field(out, name, value));
            id_field(out, head);
            out.extend_from_slice(b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n");
        });
    }

    /// Passes the final head on, and settles how its body is framed and whether the connection stays.
    pub fn head(&mut self, head: &ResponseHead<'_>) {
        let bodyless = self.is_head
            || matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT
            );
        let body = match head.framing {
            _ if bodyless => ResponseBody::Ended,
            Framing::None | Framing::Sized(0) => ResponseBody::Ended,
            Framing::Sized(length) => ResponseBody::Sized(length),
            Framing::Streamed if self.is_http10() => ResponseBody::UntilClose,
            Framing::Streamed => ResponseBody::Chunked,
        };
        if body == ResponseBody::UntilClose || !self.is_drainable() || crate::roster::is_leaving() {
            self.keep_alive = false;
        }
        let length = match (head.status, head.framing) {
            (StatusCode::NO_CONTENT, _) => None,
            (StatusCode::RESET_CONTENT, _) => Some(0),
            (_, Framing::Sized(length)) => Some(length),
            _ if bodyless => head.declared_length(),
            (_, Framing::None) => Some(0),
            (_, Framing::Streamed) => None,
        };
        let keep_alive = self.keep_alive;
        self.wire.put(|out| {
            status_line(out, head);
            head.for_each(|name, value| field(out, name, value));
            id_field(out, head);
            if let Some(length) = length {
                out.extend_from_slice(b"content-length: ");
                decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
            if body == ResponseBody::Chunked {
                out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            }
            if !keep_alive {
                out.extend_from_slice(b"connection: close\r\n");
            }
            out.extend_from_slice(b"\r\n");
        });
        self.response = body;
    }

    /// Passes a piece of the body on. What goes beyond a declared length, or belongs to a bodyless answer, is dropped.
    pub fn piece(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            return; // an empty chunk would be the last one
        }
        let piece = match &mut self.response {
            ResponseBody::NotBegun | ResponseBody::Ended => return,
            ResponseBody::Sized(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
                *left -= length as u64;
                piece.get(..length).unwrap_or_default()
            }
            ResponseBody::Chunked | ResponseBody::UntilClose => piece,
        };
        self.given += piece.len() as u64;
        let chunked = self.response == ResponseBody::Chunked;
        self.wire.put(|out| {
            if chunked {
                let _to_memory = write!(out, "{:x}\r\n", piece.len());
            }
            out.extend_from_slice(piece);
            if chunked {
                out.extend_from_slice(b"\r\n");
            }
        });
    }

    /// Ends the body; `false` when it is short of its declared length, so that the connection has to say so by closing.
    pub fn finish(&mut self) -> bool {
        let whole = match self.response {
            ResponseBody::Sized(left) => left == 0,
            ResponseBody::Chunked => {
                self.wire.put(|out| out.extend_from_slice(b"0\r\n\r\n"));
                true
            }
            ResponseBody::NotBegun => false,
            ResponseBody::UntilClose | ResponseBody::Ended => true,
        };
        if whole && self.response != ResponseBody::UntilClose {
            self.response = ResponseBody::Ended;
        }
        whole
    }

    /// A cut: what is held goes out, no end of message is written, and where only the connection's end could tell, a reset does.
    pub fn cut(&mut self) {
        self.keep_alive = false;
        if self.response == ResponseBody::UntilClose && !self.switched {
            self.wire.reset_on_close();
            self.ends_by_reset = true;
        }
    }

    pub const fn ends_by_reset(&self) -> bool {
        self.ends_by_reset
    }
}

impl RequestBody {
    fn open(wire: &Wire, framing: Framing) -> Result<Self, Gone> {
        let preface = match framing {
            Framing::None | Framing::Sized(0) => return Ok(Self::Ended),
            Framing::Sized(length) => {
                format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n").into()
            }
            Framing::Streamed => Bytes::from_static(
                b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n",
            ),
        };
        wire.set_preface(preface, framing == Framing::Streamed);
        let mut session = Box::new(HttpSession::new(Box::new(wire.clone())));
        session.set_read_timeout(None);
        // The preface lies in the wire whole, so this ends in its first poll.
        match session.read_request().now_or_never() {
            Some(Ok(Some(_))) if !session.is_body_done() => Ok(Self::Codec(session)),
            _ => Err(Gone::Fault),
        }
    }
}

fn status_line(out: &mut Vec<u8>, head: &ResponseHead<'_>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(head.status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.reason.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn id_field(out: &mut Vec<u8>, head: &ResponseHead<'_>) {
    if let Some((name, value)) = head.request_id {
        field(out, name.as_str().as_bytes(), value.as_bytes());
    }
}

/// Without the machinery of `write!`, which is felt here.
fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}
