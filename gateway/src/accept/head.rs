//! The head of an HTTP/1 request, from raw bytes: what has no single safe meaning is refused here, before anything is built.
//!
//! Framing is decided once, by these rules, and every later reader is told the result: no second parser can see another
//! message in the same bytes (RFC 9112, sections 2.2, 3.2, 5 and 6).

use std::fmt;

use decision::config::snapshot::Bounds;
use decision::decide::Refused;
use decision::outcome::Outcome;
use decision::request::{Field, Framing, Protocol, RequestHead};
use decision::route::host_is_valid;
use http::HeaderValue;

use super::Origin;

/// Fields that are parsed without an allocation.
const USUAL_FIELDS: usize = 64;

/// A request that has no meaning: the outcome, and the reason for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub outcome: Outcome,
    pub why: &'static str,
}

/// What any resource may be asked with: of 405 where nobody has asked which resource it is.
static SERVED: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

impl Fault {
    pub fn refused(self) -> Refused<'static> {
        let refused = Refused::of(self.outcome, self.why);
        if self.outcome == Outcome::MethodNotAllowed { refused.allowing(&SERVED) } else { refused }
    }
}

/// Of methods that no route can have: what they are asked of does not matter.
pub fn not_served(method: &str) -> Option<Fault> {
    matches!(method, "CONNECT" | "TRACE").then_some(Fault {
        outcome: Outcome::MethodNotAllowed,
        why: "CONNECT and TRACE are not served",
    })
}

pub const NO_HOST: Fault = malformed("no Host");

pub const fn malformed(why: &'static str) -> Fault {
    Fault { outcome: Outcome::RequestMalformed, why }
}

/// A parsed head of either protocol. [`Head::view`] is what `decision` sees of it.
pub struct Head<'a> {
    pub protocol: Protocol,
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// Empty where there is none, which is for a load balancer's question alone.
    pub host: &'a str,
    pub fields: Vec<Field<'a>>,
    pub framing: Framing,
    /// Another request may follow on this connection.
    pub keep_alive: bool,
    pub expects_continue: bool,
}

/// Shows no query: a credential may be in it. A field shows no value of itself.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("protocol", &self.protocol)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("fields", &self.fields)
            .field("framing", &self.framing)
            .finish_non_exhaustive()
    }
}

impl<'a> Head<'a> {
    pub fn view<'v>(&'v self, origin: &'v Origin) -> RequestHead<'v> {
        RequestHead {
            protocol: self.protocol,
            method: self.method,
            path: self.path,
            query: self.query,
            host: self.host,
            fields: &self.fields,
            framing: self.framing,
            listener: origin.listener,
            peer: origin.peer.ip(),
            trusted_proxies: &origin.trusted_proxies,
        }
    }

    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|field| field.is(name)).map(|field| field.value)
    }
}

/// What a scan of the bytes so far has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The head ends after this many bytes.
    Complete(usize),
    Partial,
    Bad(Fault),
}

/// Looks for the end of the head in `bytes`, of which `scanned` were looked at before. A line feed without its carriage
/// return is refused as soon as it is seen.
pub fn scan(bytes: &[u8], scanned: usize, bounds: &Bounds) -> Scan {
    // Another protocol, TLS above all, is told at once, and not after it has waited for us.
    // Half of an empty line is none of these, as yet.
    if bytes != b"\r" && bytes.first().is_some_and(|first| !first.is_ascii_graphic()) {
        return Scan::Bad(malformed("the first byte begins no request line"));
    }
    for at in memchr::memchr_iter(b'\n', bytes.get(scanned..).unwrap_or_default()) {
        let at = scanned + at;
        if at == 0 || bytes.get(at - 1) != Some(&b'\r') {
            return Scan::Bad(malformed("a line ends in a bare line feed"));
        }
        if at >= 3 && bytes.get(at - 3..at) == Some(b"\r\n\r") {
            return if at < bounds.head {
                Scan::Complete(at + 1)
            } else {
                Scan::Bad(too_large(bytes, bounds))
            };
        }
    }
    if bytes.len() >= bounds.head { Scan::Bad(too_large(bytes, bounds)) } else { Scan::Partial }
}

/// Which bound an oversized head breaks: the request line's own, where that has no end within it.
fn too_large(bytes: &[u8], bounds: &Bounds) -> Fault {
    let line = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    if line > bounds.uri.saturating_add(64) {
        Fault { outcome: Outcome::UriTooLong, why: "the request line is over server.bounds.uri" }
    } else {
        Fault { outcome: Outcome::HeadTooLarge, why: "the head is over server.bounds.head" }
    }
}

/// Parses a complete head.
pub fn parse<'a>(raw: &'a [u8], bounds: &Bounds) -> Result<Head<'a>, Fault> {
    let mut few = [httparse::EMPTY_HEADER; USUAL_FIELDS];
    let mut request = httparse::Request::new(&mut few);
    match request.parse(raw) {
        Ok(httparse::Status::Complete(_)) => interpret(&request, bounds),
        Err(httparse::Error::TooManyHeaders) if bounds.fields > USUAL_FIELDS => {
            let mut many = vec![httparse::EMPTY_HEADER; bounds.fields];
            let mut request = httparse::Request::new(&mut many);
            match request.parse(raw) {
                Ok(httparse::Status::Complete(_)) => interpret(&request, bounds),
                other => Err(not_parsed(other)),
            }
        }
        other => Err(not_parsed(other)),
    }
}

fn not_parsed(result: httparse::Result<usize>) -> Fault {
    match result {
        Err(httparse::Error::TooManyHeaders) => {
            Fault { outcome: Outcome::HeadTooLarge, why: "more fields than server.bounds.fields" }
        }
        Err(httparse::Error::HeaderName) => malformed("a field name is no token"),
        Err(httparse::Error::HeaderValue) => {
            malformed("a field value holds a control character or is folded")
        }
        Err(httparse::Error::NewLine) => malformed("a line does not end in CRLF"),
        Err(httparse::Error::Version) => malformed("the version is not HTTP/1.0 or HTTP/1.1"),
        _ => malformed("the request line is malformed"),
    }
}

/// What the fields say about the message itself.
#[derive(Default)]
struct Message<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    close: bool,
    expects_continue: bool,
}

fn interpret<'a>(request: &httparse::Request<'_, 'a>, bounds: &Bounds) -> Result<Head<'a>, Fault> {
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(malformed("the request line is malformed"));
    };
    if let Some(fault) = not_served(method) {
        return Err(fault);
    }
    if request.headers.len() > bounds.fields {
        return Err(Fault {
            outcome: Outcome::HeadTooLarge,
            why: "more fields than server.bounds.fields",
        });
    }
    let mut message = Message::default();
    let mut fields = Vec::with_capacity(request.headers.len());
    for header in request.headers.iter() {
        message.note(header.name, header.value)?;
        fields.push(Field { name: header.name, value: header.value });
    }
    // A probe of HTTP/1.0 may come without: whether it is one, only its path tells.
    let host = match message.host {
        Some(host) => Some(text(host)?),
        None if minor == 0 => None,
        None => return Err(NO_HOST),
    };
    let (path, query) = origin_form(target, host, bounds)?;
    let protocol = if minor == 1 { Protocol::Http11 } else { Protocol::Http10 };
    Ok(Head {
        protocol,
        method,
        path,
        query,
        host: host.unwrap_or_default(),
        fields,
        framing: message.framing(protocol)?,
        // A proxy does not keep a connection of HTTP/1.0 (RFC 9112, section 9.3).
        keep_alive: protocol == Protocol::Http11 && !message.close,
        expects_continue: message.expects_continue,
    })
}

impl<'a> Message<'a> {
    fn note(&mut self, name: &str, value: &'a [u8]) -> Result<(), Fault> {
        // Upstreams that fold `_` into `-`, as CGI does, would read another name than was judged.
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(malformed("a field name holds a character outside [A-Za-z0-9-]"));
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                once(&mut self.host, value, "several Host fields")
            }
            6 if name.eq_ignore_ascii_case("expect") => {
                self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                Ok(())
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    if ["host", "content-length", "transfer-encoding"]
                        .iter()
                        .any(|name| token.eq_ignore_ascii_case(name.as_bytes()))
                    {
                        return Err(malformed("Connection names a field of routing or framing"));
                    }
                }
                Ok(())
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                once(&mut self.length, value, "several Content-Length fields")
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                once(&mut self.coding, value, "several Transfer-Encoding fields")
            }
            _ => Ok(()),
        }
    }

    fn framing(&self, protocol: Protocol) -> Result<Framing, Fault> {
        match (self.length, self.coding) {
            (None, None) => Ok(Framing::None),
            (Some(_), Some(_)) => Err(malformed("Content-Length beside Transfer-Encoding")),
            (None, Some(coding)) => {
                if protocol != Protocol::Http11 {
                    Err(malformed("Transfer-Encoding in HTTP/1.0"))
                } else if coding.eq_ignore_ascii_case(b"chunked") {
                    Ok(Framing::Streamed)
                } else {
                    Err(malformed("a Transfer-Encoding other than chunked"))
                }
            }
            (Some(length), None) => digits(length).map(Framing::Sized),
        }
    }
}

fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], why: &'static str) -> Result<(), Fault> {
    if slot.replace(value).is_some() { Err(malformed(why)) } else { Ok(()) }
}

/// `1*DIGIT`, of a size that this machine can count (RFC 9110, section 8.6).
pub fn digits(value: &[u8]) -> Result<u64, Fault> {
    let fault = malformed("Content-Length is no number");
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(fault);
    }
    text(value)?.parse().ok().filter(|length| i64::try_from(*length).is_ok()).ok_or(fault)
}

fn text(value: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(value)
        .map_err(|_| malformed("bytes outside ASCII in a field of the message"))
}

/// The path and query of a target in origin-form, or in absolute-form that agrees with Host (RFC 9112, section 3.2).
fn origin_form<'a>(
    target: &'a str,
    host: Option<&str>,
    bounds: &Bounds,
) -> Result<(&'a str, Option<&'a str>), Fault> {
    if target.len() > bounds.uri {
        return Err(Fault {
            outcome: Outcome::UriTooLong,
            why: "the target is over server.bounds.uri",
        });
    }
    if !target.is_ascii() {
        return Err(malformed("bytes outside ASCII in the target"));
    }
    if target.contains('#') {
        return Err(malformed("a fragment in the target"));
    }
    if host.is_some_and(|host| !host_is_valid(host)) {
        return Err(malformed("Host is no authority"));
    }
    let origin = match host {
        _ if target.starts_with('/') => target,
        Some(host) => without_authority(target, host)?,
        None => return Err(NO_HOST),
    };
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    // A query goes on byte for byte, whatever it is; a path has to have one meaning.
    if path.contains(['"', '<', '>']) {
        return Err(malformed("the target is no URI"));
    }
    Ok((path, query))
}

fn without_authority<'a>(target: &'a str, host: &str) -> Result<&'a str, Fault> {
    let fault = malformed("the target is neither in origin-form nor in absolute-form");
    let (scheme, rest) = target.split_once("://").ok_or(fault)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(fault);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(fault)?;
    if !authority.eq_ignore_ascii_case(host) {
        return Err(malformed("an absolute-form target disagrees with Host"));
    }
    if path.starts_with('?') {
        return Err(malformed("an absolute-form target without a path"));
    }
    Ok(if path.is_empty() { "/" } else { path })
}

#[cfg(test)]
mod tests;
