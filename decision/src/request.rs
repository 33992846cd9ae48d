//! The only view of a request that `decision` has: its head, as it came, with its framing already judged.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// The protocol version a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http10,
    Http11,
    Http2,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// How a request's body is framed, as the accept stage has found it (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body at all.
    None,
    /// `Content-Length`, in bytes; 0 is a body that is declared and empty.
    Sized(u64),
    /// Chunked (HTTP/1.1), or a body without a declared length (HTTP/2).
    Streamed,
}

/// One header field as it came. The name is of `[A-Za-z0-9-]` in any case; the value has no surrounding white space.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub name: &'a str,
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Compares without regard to case.
    pub fn is(&self, name: &str) -> bool {
        self.name.len() == name.len() && self.name.eq_ignore_ascii_case(name)
    }
}

/// Shows no value: any of them may be a credential.
impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ({} bytes)", self.name, self.value.len())
    }
}

/// The head of one request.
///
/// Fields are in the order of the wire and at most [`FieldSet::CAPACITY`]; of `Host` there is exactly one, or, over HTTP/2,
/// `host` stands for `:authority`. An HTTP/2 request's cookie crumbs are one `cookie` field already (RFC 9113, section 8.2.3).
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    pub protocol: Protocol,
    pub method: &'a str,
    /// The path of the target in origin-form, as it came: without `?` and what follows.
    pub path: &'a str,
    /// What follows the first `?`, as it came.
    pub query: Option<&'a str>,
    /// The authority: a host, perhaps with a port.
    pub host: &'a str,
    pub fields: &'a [Field<'a>],
    pub framing: Framing,
    /// Index of the listener that accepted it, in the order of the configuration.
    pub listener: usize,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The listener's: peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: &'a [IpNet],
}

/// Shows no query: a credential may be in it.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("protocol", &self.protocol)
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("fields", &self.fields)
            .field("framing", &self.framing)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A set of positions in [`RequestHead::fields`]: which fields do not travel on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldSet([u64; 4]);

impl FieldSet {
    /// The most fields a head may have (`server.bounds.fields` is at most this).
    pub const CAPACITY: usize = 256;

    /// Positions from [`Self::CAPACITY`] on are ignored: no head has them.
    pub fn insert(&mut self, position: usize) {
        if let Some(word) = self.0.get_mut(position / 64) {
            *word |= 1 << (position % 64);
        }
    }

    pub fn contains(&self, position: usize) -> bool {
        self.0.get(position / 64).is_some_and(|word| word & (1 << (position % 64)) != 0)
    }
}

/// What is done to a head before it travels on.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Fields that do not travel on.
    pub removed: FieldSet,
    /// Fields that travel on with another value.
    pub replaced: Vec<(usize, Vec<u8>)>,
    /// The target to send, path and query; `None` = the very bytes that came.
    pub target: Option<String>,
}

impl Edits {
    /// The value with which the field at `position` travels on, if it does.
    pub fn value<'a>(&'a self, position: usize, field: &Field<'a>) -> Option<&'a [u8]> {
        if self.removed.contains(position) {
            return None;
        }
        let replaced = self.replaced.iter().find(|(replaced, _)| *replaced == position);
        Some(replaced.map_or(field.value, |(_, value)| value))
    }
}

/// Shows no value: with `forward_credential` one may be the credential.
impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edits").field("removed", &self.removed).finish_non_exhaustive()
    }
}
