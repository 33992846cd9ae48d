//! Heads across the crossing: what of a request's head goes to the upstream, and what of a response's comes back.
//!
//! Fields that end at this hop (RFC 9110, section 7.6.1) are dropped in both directions, those that any `Connection` line
//! nominates too; framing and upgrade are set anew from what the codecs read; identity comes last, after everything that a
//! client could use to remove it.

use decision::authorize::Permit;
use decision::dialect;
use decision::headers::FieldEdits;
use decision::hop::is_hop_by_hop;
use decision::request::{Framing, Protocol};
use decision::{cors, forwarded, identity};
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode, Version};
use pingora_http::RequestHeader;
use smallvec::SmallVec;

use super::Order;
use super::answer::Answer;
use crate::accept::head::Head;

/// The names that `Connection` lines nominate.
pub(super) fn nominated<'a>(lines: impl Iterator<Item = &'a [u8]>) -> SmallVec<[&'a [u8]; 4]> {
    lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !is_hop_by_hop(name))
        .collect()
}

pub(super) fn is_in(name: &[u8], nominated: &[&[u8]]) -> bool {
    nominated.iter().any(|nominee| name.eq_ignore_ascii_case(nominee))
}

// --- requests --------------------------------------------------------------------------------------------------------

/// Whether a client asks, in full form, to speak WebSocket instead (RFC 6455, section 4.1).
pub fn asks_for_websocket(head: &Head<'_>) -> bool {
    head.protocol == Protocol::Http11
        && head.method == "GET"
        && head.framing == Framing::None
        && lists(head, "connection", b"upgrade")
        && lists(head, "upgrade", b"websocket")
}

fn lists(head: &Head<'_>, name: &str, token: &[u8]) -> bool {
    head.fields
        .iter()
        .filter(|field| field.is(name))
        .flat_map(|field| field.value.split(|byte| *byte == b','))
        .any(|found| found.trim_ascii().eq_ignore_ascii_case(token))
}

/// Writes the head that an HTTP/1 upstream is sent: made from a [`Permit`] only. `false` where a byte of it would end a line,
/// which no accepted head holds.
///
/// It is written straight from the bytes that came: a map of fields between the two was a fifth of a request's user time
/// (`docs/decisions/0001-engine.md`).
pub fn write_request(order: &Order<'_>, out: &mut Vec<u8>) -> bool {
    let before = out.len();
    let mut lines = Lines { out, whole: true };
    lines.request(order.permit, order.head);
    for_each_sent(order, |name, value| lines.field(name, value));
    let whole = lines.whole;
    out.extend_from_slice(b"\r\n");
    if !whole {
        out.truncate(before);
    }
    whole
}

/// The fields that an upstream is sent, in order: the client's, ours about the client, what the route says, and identity last.
fn for_each_sent(order: &Order<'_>, mut visit: impl FnMut(&str, &[u8])) {
    let Order { permit, head, origin, request_id, websocket, .. } = *order;
    visit("host", host(permit, head));
    let nominated = nominated(
        head.fields.iter().filter(|field| field.is("connection")).map(|field| field.value),
    );
    let (edits, of_route) = (permit.edits(), permit.route().headers.request.as_ref());
    let is_edited = |name: &[u8]| of_route.is_some_and(|edits| edits.drop(name));
    for (position, field) in head.fields.iter().enumerate() {
        let Some(value) = edits.value(position, field) else { continue };
        let name = field.name.as_bytes();
        if !is_hop_by_hop(name)
            && !is_in(name, &nominated)
            && !is_set_anew(field.name, head.protocol)
            && !is_edited(name)
        {
            visit(field.name, value);
        }
    }
    for (name, value) in framing(head, websocket) {
        visit(name.as_str(), value.as_bytes());
    }
    // What the client said under these names is gone: `Permit` has removed it.
    forwarded::for_each(&head.view(origin), &origin.peer_value, "http", |name, value| {
        if !is_edited(name.as_bytes()) {
            visit(name, value);
        }
    });
    for (name, value) in of_route.into_iter().flat_map(FieldEdits::said) {
        visit(name.as_str(), value.as_bytes());
    }
    for (name, value) in identity::headers(permit, request_id) {
        visit(name.as_str(), value.as_bytes());
    }
}

/// A hash of what an upstream is sent under `name`, the same in every process; `None` where it is sent nothing.
pub fn hash_of_sent(order: &Order<'_>, name: &HeaderName) -> Option<u64> {
    let mut hash = None;
    for_each_sent(order, |sent, value| {
        if sent.eq_ignore_ascii_case(name.as_str()) {
            hash = Some(value.iter().fold(hash.unwrap_or(FNV_OFFSET), |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
            }));
        }
    });
    hash
}

/// FNV-1a, 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Whether [`write_request`] promises content to come.
pub const fn has_body(head: &Head<'_>) -> bool {
    !matches!(head.framing, Framing::None | Framing::Sized(0))
}

/// What a codec is told of the request that [`write_request`] writes: how its body is framed.
pub fn told(order: &Order<'_>) -> Option<Box<RequestHeader>> {
    let mut told = RequestHeader::build_no_case(order.head.method, b"/", Some(2)).ok()?;
    told.set_version(Version::HTTP_11);
    for (name, value) in framing(order.head, order.websocket) {
        told.append_header(name, value).ok()?;
    }
    Some(Box::new(told))
}

/// Lines of a head, each of which ends where it is meant to.
struct Lines<'o> {
    out: &'o mut Vec<u8>,
    whole: bool,
}

impl Lines<'_> {
    fn request(&mut self, permit: &Permit<'_>, head: &Head<'_>) {
        self.put(head.method.as_bytes());
        self.out.push(b' ');
        // The target that was decided; without edits the very bytes that came.
        let start = self.out.len();
        match (&permit.edits().target, head.query) {
            (Some(edited), _) => self.put(edited.as_bytes()),
            (None, None) => self.put(head.path.as_bytes()),
            (None, Some(query)) => {
                self.put(head.path.as_bytes());
                self.out.push(b'?');
                self.put(query.as_bytes());
            }
        }
        let target = self.out.get(start..).unwrap_or_default();
        self.whole &= !target.is_empty() && !target.contains(&b' ');
        self.out.extend_from_slice(b" HTTP/1.1\r\n");
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.put(value);
        self.out.extend_from_slice(b"\r\n");
    }

    fn put(&mut self, text: &[u8]) {
        // Without a branch: the usual text is looked at in one sweep.
        let ends = |byte: &u8| (*byte == b'\r') | (*byte == b'\n') | (*byte == 0);
        self.whole &= !text.iter().fold(false, |found, byte| found | ends(byte));
        self.out.extend_from_slice(text);
    }
}

fn host<'a>(permit: &'a Permit<'_>, head: &Head<'a>) -> &'a [u8] {
    permit.route().rewrite.host.as_ref().map_or(head.host.as_bytes(), HeaderValue::as_bytes)
}

/// Fields of a client that are written anew, or that an earlier hop has dealt with.
fn is_set_anew(name: &str, protocol: Protocol) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match name.len() {
        4 => is("host"),
        6 => protocol == Protocol::Http2 && is("expect"),
        14 => is("content-length"),
        _ => false,
    }
}

/// The fields that frame a request's body, or that ask for a tunnel.
fn framing(head: &Head<'_>, websocket: bool) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let framing = match head.framing {
        Framing::Sized(length) => Some((header::CONTENT_LENGTH, HeaderValue::from(length))),
        Framing::Streamed => Some((header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))),
        // A method that promises content says that there is none (RFC 9110, section 8.6).
        Framing::None if matches!(head.method, "POST" | "PUT" | "PATCH") => {
            Some((header::CONTENT_LENGTH, HeaderValue::from_static("0")))
        }
        Framing::None => None,
    };
    let upgrade = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
    ];
    framing.into_iter().chain(upgrade.into_iter().filter(move |_| websocket))
}

// --- responses -------------------------------------------------------------------------------------------------------

/// What we say in an upstream's answer.
#[derive(Clone, Copy, Debug)]
pub struct Ours<'a> {
    /// Sent instead of the upstream's own fields of this name.
    pub request_id: Option<(&'a HeaderName, &'a HeaderValue)>,
    pub edits: Option<&'a FieldEdits>,
    /// Sent instead of all that the upstream says of other origins; `None`: what it says passes.
    pub cors: Option<&'a [(HeaderName, HeaderValue)]>,
    /// Sent after the upstream's own.
    pub added: &'a [(HeaderName, HeaderValue)],
}

/// A response's head on its way to a client, of the upstream or our own.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    pub status: StatusCode,
    pub reason: &'a str,
    fields: Fields<'a>,
    /// `None`: no body follows, whatever the fields say; else how the upstream framed it.
    pub framing: Framing,
    /// Sent instead of the upstream's own fields of this name.
    pub request_id: Option<(&'a HeaderName, &'a HeaderValue)>,
}

#[derive(Debug)]
enum Fields<'a> {
    Upstream { answer: &'a Answer<'a>, ours: Ours<'a> },
    Ours(&'a [(HeaderName, HeaderValue)]),
}

impl<'a> ResponseHead<'a> {
    pub fn of_upstream(answer: &'a Answer<'a>, framing: Framing, ours: Ours<'a>) -> Self {
        let (status, reason, request_id) = (answer.status, answer.reason, ours.request_id);
        Self { status, reason, fields: Fields::Upstream { answer, ours }, framing, request_id }
    }

    /// An answer before the final one: what we say, we say there.
    pub fn of_interim(answer: &'a Answer<'a>, ours: Ours<'a>) -> Self {
        let ours = Ours { edits: None, cors: None, added: &[], ..ours };
        Self::of_upstream(answer, Framing::None, ours)
    }

    pub fn of_answer(answer: &'a dialect::Answer) -> Self {
        Self {
            status: answer.status,
            reason: answer.status.canonical_reason().unwrap_or_default(),
            fields: Fields::Ours(&answer.headers),
            framing: Framing::Sized(answer.body.len() as u64),
            request_id: None,
        }
    }

    /// The fields that cross, as they came, without framing and without the request id.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        match &self.fields {
            Fields::Ours(fields) => fields
                .iter()
                .for_each(|(name, value)| visit(name.as_str().as_bytes(), value.as_bytes())),
            Fields::Upstream { answer, ours } => {
                for field in &answer.fields {
                    let name = field.name.as_bytes();
                    if !ours.replace(name) && !ours.edits.is_some_and(|edits| edits.drop(name)) {
                        visit(name, field.value);
                    }
                }
                for (name, value) in ours.edits.into_iter().flat_map(FieldEdits::said) {
                    if !ours.replace(name.as_str().as_bytes()) {
                        visit(name.as_str().as_bytes(), value.as_bytes());
                    }
                }
                for (name, value) in ours.cors.unwrap_or_default().iter().chain(ours.added) {
                    visit(name.as_str().as_bytes(), value.as_bytes());
                }
            }
        }
    }

    /// The length that the upstream declared, for answers whose body does not follow (HEAD, 304).
    pub const fn declared_length(&self) -> Option<u64> {
        match &self.fields {
            Fields::Upstream { answer, .. } => answer.length,
            Fields::Ours(_) => None,
        }
    }
}

impl Ours<'_> {
    /// Whether nobody but us says this.
    fn replace(&self, name: &[u8]) -> bool {
        self.request_id.is_some_and(|(ours, _)| is(name, ours.as_str()))
            || (self.cors.is_some() && cors::is_ours(name))
    }
}

fn is(name: &[u8], other: &str) -> bool {
    name.len() == other.len() && name.eq_ignore_ascii_case(other.as_bytes())
}
