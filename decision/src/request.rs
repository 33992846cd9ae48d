//! The only view of a request that `decision` has: its head, as it came, with its framing already judged.

use std::net::IpAddr;

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
#[derive(Clone, Copy, Debug)]
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

/// The head of one request.
///
/// Fields are in the order of the wire and at most [`FieldSet::CAPACITY`]; of `Host` there is exactly one, or, over HTTP/2,
/// `host` stands for `:authority`. An HTTP/2 request's cookie crumbs are one `cookie` field already (RFC 9113, section 8.2.3).
#[derive(Clone, Copy, Debug)]
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
