//! As much HTTP/1.1 as both ends of a load test need: heads with a `Content-Length`, and a client for one call at a time.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The most fields a head may have here.
const FIELDS: usize = 48;
/// How long one call of [`Client`] may take to be answered.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The head of an answer: what a driver wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerHead {
    pub(crate) status: u16,
    /// Bytes of the head and of the body, together.
    pub(crate) length: usize,
    /// Bytes of the head alone.
    pub(crate) head: usize,
}

impl AnswerHead {
    /// `None` until the head has arrived whole. An answer without `Content-Length` is an error: the drivers count on it.
    pub(crate) fn parse(input: &[u8]) -> io::Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let head = match answer.parse(input).map_err(invalid)? {
            httparse::Status::Complete(head) => head,
            httparse::Status::Partial => return Ok(None),
        };
        let body = content_length(answer.headers)?
            .ok_or_else(|| invalid("an answer without content-length"))?;
        Ok(Some(Self { status: answer.code.unwrap_or(0), length: head.saturating_add(body), head }))
    }
}

/// The head of a request: what a stub wants of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestHead<'a> {
    pub(crate) path: &'a str,
    /// Bytes of the head and of the body, together.
    pub(crate) length: usize,
    /// The head as it came.
    pub(crate) raw: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// `None` until the head has arrived whole.
    pub(crate) fn parse(input: &'a [u8]) -> io::Result<Option<Self>> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let head = match request.parse(input).map_err(invalid)? {
            httparse::Status::Complete(head) => head,
            httparse::Status::Partial => return Ok(None),
        };
        if request.headers.iter().any(|f| f.name.eq_ignore_ascii_case("transfer-encoding")) {
            return Err(invalid("a request with a transfer-encoding"));
        }
        let body = content_length(request.headers)?.unwrap_or(0);
        Ok(Some(Self {
            path: request.path.unwrap_or_default(),
            length: head.saturating_add(body),
            raw: input.get(..head).unwrap_or_default(),
        }))
    }
}

fn content_length(fields: &[httparse::Header<'_>]) -> io::Result<Option<usize>> {
    fields
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .map(|field| str::from_utf8(field.value).ok().and_then(|text| text.parse().ok()))
        .map(|length| length.ok_or_else(|| invalid("a content-length that is no number")))
        .transpose()
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// One keep-alive connection that is asked one thing at a time.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CALL_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CALL_TIMEOUT))?;
        stream.set_write_timeout(Some(CALL_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Sends `request` as it is and gives the answer's status and body.
    pub(crate) fn call(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        let mut input = Vec::new();
        let mut part = [0; 4096];
        loop {
            let count = self.stream.read(&mut part)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            input.extend_from_slice(part.get(..count).unwrap_or_default());
            if let Some(answer) = AnswerHead::parse(&input)?
                && input.len() >= answer.length
            {
                return Ok((answer.status, input.split_off(answer.head)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
