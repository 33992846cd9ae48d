//! The client's side of an exchange over HTTP/2, on the `h2` crate that pingora stands on.
//!
//! Pingora's session on top of it replaces the upstream's `Date`, swallows interim heads and hides what the send stream
//! knows, so it is not used here (docs/decisions/0001-engine.md).

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Response};

use super::client::Gone;
use super::heads::ResponseHead;

#[derive(Debug)]
pub struct Http2 {
    /// `None` once its end was read.
    body: Option<RecvStream>,
    respond: SendResponse<Bytes>,
    /// From the final head on.
    stream: Option<SendStream<Bytes>>,
    is_head: bool,
    ended: bool,
    pub taken: u64,
    pub given: u64,
}

impl Http2 {
    pub fn new(body: RecvStream, respond: SendResponse<Bytes>, is_head: bool) -> Self {
        let body = (!body.is_end_stream()).then_some(body);
        Self { body, respond, stream: None, is_head, ended: false, taken: 0, given: 0 }
    }

    pub const fn request_ended(&self) -> bool {
        self.body.is_none()
    }

    /// The next piece of the body, never empty; `None` at its end. Trailers do not cross to HTTP/1, and end it.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Gone>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(None)) };
        loop {
            match ready!(body.poll_data(cx)) {
                Some(Ok(piece)) => {
                    // We hold it now; the window is the client's again.
                    let released = body.flow_control().release_capacity(piece.len());
                    if released.is_err() {
                        return Poll::Ready(Err(Gone::Closed));
                    }
                    if !piece.is_empty() {
                        self.taken += piece.len() as u64;
                        return Poll::Ready(Ok(Some(piece)));
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Gone::Closed)),
                None => {
                    self.body = None;
                    return Poll::Ready(Ok(None));
                }
            }
        }
    }

    pub const fn response_begun(&self) -> bool {
        self.stream.is_some() || self.ended
    }

    /// Sends the final head; a failure is the client's going, which the next poll finds.
    pub fn head(&mut self, head: &ResponseHead<'_>) {
        let mut response = Response::new(());
        *response.status_mut() = head.status;
        let fields = response.headers_mut();
        head.for_each(|name, value| append(fields, name, value));
        if let Some((name, value)) = head.request_id {
            fields.insert(name.clone(), value.clone());
        }
        let bodyless = self.is_head || matches!(head.status.as_u16(), 204 | 205 | 304);
        let length = match head.framing {
            _ if head.status.as_u16() == 205 => Some(0),
            decision::request::Framing::Sized(length) => Some(length),
            _ if bodyless => head.declared_length(),
            _ => None,
        };
        if let Some(length) = length.filter(|_| head.status.as_u16() != 204) {
            fields.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let empty = bodyless || length == Some(0);
        match self.respond.send_response(response, empty) {
            Ok(_) if empty => self.ended = true,
            Ok(stream) => self.stream = Some(stream),
            Err(_) => self.ended = true,
        }
    }

    /// Ready when a piece may be sent. One piece a stream is held at most.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(Ok(()));
        };
        loop {
            if stream.capacity() > 0 {
                return Poll::Ready(Ok(()));
            }
            stream.reserve_capacity(1);
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Gone::Closed)),
            }
        }
    }

    /// Whether the client's window keeps the answer from going on.
    pub fn owes(&self) -> bool {
        !self.ended && self.stream.as_ref().is_some_and(|stream| stream.capacity() == 0)
    }

    pub fn piece(&mut self, piece: &[u8]) {
        // An empty DATA frame without an end is nothing but a cost to the peer.
        if let Some(stream) = self.stream.as_mut().filter(|_| !piece.is_empty()) {
            self.given += piece.len() as u64;
            if stream.send_data(Bytes::copy_from_slice(piece), false).is_err() {
                self.ended = true;
            }
        }
    }

    pub fn finish(&mut self) {
        if let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) {
            let _gone_client_found_by_the_next_poll = stream.send_data(Bytes::new(), true);
        }
        self.ended = true;
    }

    /// Ready when the client has reset the stream or the connection is gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stream {
            Some(stream) => stream.poll_reset(cx).map(|_| ()),
            None => self.respond.poll_reset(cx).map(|_| ()),
        }
    }

    /// Ends the stream without an end of the message (RFC 9113, section 8.1).
    pub fn cut(&mut self, reason: Reason) {
        match &mut self.stream {
            Some(stream) => stream.send_reset(reason),
            None => self.respond.send_reset(reason),
        }
        self.ended = true;
        self.body = None;
    }
}

fn append(fields: &mut HeaderMap, name: &[u8], value: &[u8]) {
    // Both come from a parsed head; what HTTP/2 forbids was dropped as hop-by-hop already.
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        fields.append(name, value);
    }
}
