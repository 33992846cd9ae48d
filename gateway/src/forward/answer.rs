//! The head of an upstream's answer over HTTP/1, from raw bytes: what has no single safe meaning is no answer.
//!
//! Framing is decided once, here; a codec that reads the body is told the result. No map stands between the bytes that came
//! and those that go on: building one, and reading it field by field, was a sixth of a request's user time.

use bytes::{Bytes, BytesMut};
use decision::hop::is_hop_by_hop;
use decision::request::{Field, Framing};
use http::StatusCode;

use super::heads::{is_in, nominated};
use crate::accept::head::digits;

/// The most bytes of a head: no upstream may fill our memory with one.
const HEAD_MAX: usize = 256 * 1024;
/// Fields that are parsed without an allocation, and the most that are parsed.
const USUAL_FIELDS: usize = 32;
const FIELDS_MAX: usize = 256;

/// See the module.
#[derive(Debug)]
pub struct Answer<'a> {
    pub status: StatusCode,
    /// As it came; empty where it is no text.
    pub reason: &'a str,
    /// Those that cross, in the order they came: none of this hop, none that `Connection` nominates, no length.
    pub fields: Vec<Field<'a>>,
    pub length: Option<u64>,
    pub is_chunked: bool,
    /// Not of HTTP/1.0.
    pub is_http11: bool,
    /// The connection may serve another request afterwards, as far as the upstream says.
    pub stays: bool,
    /// `Keep-Alive: timeout=n`, in seconds.
    pub keep_alive: Option<u64>,
    /// It switches to WebSocket, if it is a 101.
    pub is_websocket: bool,
}

/// Looks for the end of the head in `bytes`, of which `scanned` were looked at before: how long it is, once it is whole.
pub fn scan(bytes: &[u8], scanned: usize) -> Result<Option<usize>, &'static str> {
    const BEGIN: &[u8] = b"HTTP/1.";
    // Another protocol, or what is left of another message, is told at once.
    if !bytes.iter().zip(BEGIN).all(|(byte, begin)| byte == begin) {
        return Err("the answer does not begin with a status line");
    }
    for at in memchr::memchr_iter(b'\n', bytes.get(scanned..).unwrap_or_default()) {
        let at = scanned + at;
        let before = bytes.get(..at).unwrap_or_default();
        if before.strip_suffix(b"\r").unwrap_or(before).ends_with(b"\n") && at < HEAD_MAX {
            return Ok(Some(at + 1));
        }
    }
    if bytes.len() >= HEAD_MAX { Err("the head of the answer is too large") } else { Ok(None) }
}

/// The head with every folded line joined to the field line before it by spaces (RFC 9112, section 5.2).
pub fn unfolded(raw: &[u8]) -> Bytes {
    let mut head = BytesMut::from(raw);
    let lines = memchr::memchr_iter(b'\n', raw);
    // What follows the status line folds nothing.
    for at in lines.skip(1).filter(|at| matches!(raw.get(at + 1), Some(b' ' | b'\t'))) {
        let end = at.saturating_sub(1)..=at;
        for byte in head.get_mut(end).unwrap_or_default() {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
    head.freeze()
}

impl<'a> Answer<'a> {
    /// Parses a whole head.
    pub fn parse(raw: &'a [u8]) -> Result<Self, &'static str> {
        let mut few = [httparse::EMPTY_HEADER; USUAL_FIELDS];
        match Self::parse_into(raw, &mut few) {
            Err(httparse::Error::TooManyHeaders) => {
                let mut many = vec![httparse::EMPTY_HEADER; FIELDS_MAX];
                Self::parse_into(raw, &mut many)
            }
            answer => answer,
        }
        .unwrap_or(Err("the head of the answer is malformed"))
    }

    fn parse_into(
        raw: &'a [u8],
        room: &mut [httparse::Header<'a>],
    ) -> Result<Result<Self, &'static str>, httparse::Error> {
        let mut response = httparse::Response::new(room);
        let mut parser = httparse::ParserConfig::default();
        // They are removed, as a proxy has to (RFC 9112, section 5.1).
        parser.allow_spaces_after_header_name_in_responses(true);
        let parsed = parser.parse_response(&mut response, raw)?;
        let whole = parsed == httparse::Status::Complete(raw.len());
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
        let (true, Some(status), Some(minor)) = (whole, status, response.version) else {
            return Err(httparse::Error::Status);
        };
        let is_http11 = minor == 1;
        let answer = Self {
            status,
            reason: response.reason.unwrap_or_default(),
            fields: Vec::with_capacity(response.headers.len()),
            length: None,
            is_chunked: false,
            is_http11,
            stays: is_http11,
            keep_alive: None,
            is_websocket: false,
        };
        Ok(answer.with(response.headers))
    }

    fn with(mut self, headers: &[httparse::Header<'a>]) -> Result<Self, &'static str> {
        let (mut closes, mut nominates) = (false, false);
        for header in headers {
            let (name, value) = (header.name, header.value);
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                7 if is("upgrade") => self.is_websocket |= value.eq_ignore_ascii_case(b"websocket"),
                10 if is("connection") => {
                    for token in tokens(value) {
                        if token.eq_ignore_ascii_case(b"close") {
                            closes = true;
                        } else if token.eq_ignore_ascii_case(b"keep-alive") {
                            self.stays = true;
                        } else {
                            nominates = true;
                        }
                    }
                }
                10 if is("keep-alive") => self.keep_alive = self.keep_alive.or(timeout(value)),
                14 if is("content-length") => self.declare(value)?,
                17 if is("transfer-encoding") => self.encode(value)?,
                _ if is_hop_by_hop(name.as_bytes()) => {}
                _ => self.fields.push(Field { name, value }),
            }
        }
        if self.is_chunked && self.length.is_some() {
            return Err("an answer with Content-Length beside Transfer-Encoding");
        }
        if nominates {
            let lines = headers.iter().filter(|header| is_connection(header.name));
            let nominated = nominated(lines.map(|header| header.value));
            self.fields.retain(|field| !is_in(field.name.as_bytes(), &nominated));
        }
        self.stays &= !closes;
        Ok(self)
    }

    /// `1*DIGIT`, and a repeated one where all say the same (RFC 9110, section 8.6).
    fn declare(&mut self, value: &[u8]) -> Result<(), &'static str> {
        for one in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let length = digits(one).map_err(|fault| fault.why)?;
            if self.length.replace(length).is_some_and(|other| other != length) {
                return Err("the answer has Content-Length fields that disagree");
            }
        }
        Ok(())
    }

    fn encode(&mut self, value: &[u8]) -> Result<(), &'static str> {
        if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err("an answer in a transfer coding that was not offered");
        }
        if !self.is_http11 {
            return Err("an answer of HTTP/1.0 in chunks");
        }
        self.is_chunked = true;
        Ok(())
    }

    /// How the body that follows a final head is framed; `None`: none follows, whatever the fields say.
    pub fn framing(&self, to_head: bool) -> Framing {
        if to_head || matches!(self.status.as_u16(), 204 | 304) {
            Framing::None
        } else {
            self.length.map_or(Framing::Streamed, Framing::Sized)
        }
    }
}

fn is_connection(name: &str) -> bool {
    name.eq_ignore_ascii_case("connection")
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn timeout(value: &[u8]) -> Option<u64> {
    tokens(value)
        .filter_map(|part| part.strip_prefix(b"timeout="))
        .find_map(|seconds| digits(seconds.trim_ascii()).ok())
}

#[cfg(test)]
mod tests;
