//! Heads across the crossing: what of a request's head goes to the upstream, and what of a response's comes back.
//!
//! Fields that end at this hop (RFC 9110, section 7.6.1) are dropped in both directions, those that any `Connection` line
//! nominates too; framing and upgrade are set anew from what the codecs read; identity comes last, after everything that a
//! client could use to remove it.

use decision::authorize::Permit;
use decision::dialect::Answer;
use decision::request::{Framing, Protocol};
use decision::{forwarded, identity};
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode, Version};
use pingora_http::{RequestHeader, ResponseHeader};
use smallvec::SmallVec;

use super::Order;
use crate::accept::head::Head;

/// Fields of one hop. `te` and `trailer` among them: trailers do not cross HTTP/1.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(name.len(), 2 | 7 | 10 | 14 | 16..=19)
        && HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

/// The names that `Connection` lines nominate.
fn nominated<'a>(lines: impl Iterator<Item = &'a [u8]>) -> SmallVec<[&'a [u8]; 4]> {
    lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !is_hop_by_hop(name))
        .collect()
}

fn is_in(name: &[u8], nominated: &[&[u8]]) -> bool {
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

/// The head that an HTTP/1 upstream is sent: made from a [`Permit`] only.
/// `None` where a value cannot be sent, which no accepted head holds.
pub fn upstream_request(order: &Order<'_>) -> Option<Box<RequestHeader>> {
    let Order { permit, head, origin, raw, request_id, websocket, .. } = *order;
    let mut request = Box::new(
        RequestHeader::build_no_case(
            head.method,
            &target(permit, head),
            Some(head.fields.len() + 12),
        )
        .ok()?,
    );
    request.set_version(Version::HTTP_11);
    let nominated = nominated(
        head.fields.iter().filter(|field| field.is("connection")).map(|field| field.value),
    );
    let host = permit.route().rewrite.host.clone();
    let host = host.or_else(|| HeaderValue::from_str(head.host).ok())?;
    request.append_header(header::HOST, host).ok()?;
    let edits = permit.edits();
    for (position, field) in head.fields.iter().enumerate() {
        let name = field.name.as_bytes();
        let Some(sent) = edits.value(position, field) else { continue };
        if is_hop_by_hop(name)
            || is_in(name, &nominated)
            || field.is("host")
            || field.is("content-length")
            || (head.protocol == Protocol::Http2 && field.is("expect"))
        {
            continue;
        }
        // A value that goes on as it came shares the bytes that it came in.
        let value = match raw.filter(|_| std::ptr::eq(sent, field.value)) {
            Some(raw) => HeaderValue::from_maybe_shared(raw.slice_ref(sent)),
            None => HeaderValue::from_bytes(sent),
        };
        request.append_header(HeaderName::from_bytes(name).ok()?, value.ok()?).ok()?;
    }
    set_framing(&mut request, head.framing, websocket).ok()?;
    for (name, value) in forwarded::headers(&head.view(origin), &origin.peer_value, "http") {
        request.insert_header(name, value).ok()?;
    }
    for (name, value) in identity::headers(permit, request_id) {
        request.insert_header(name, value).ok()?;
    }
    Some(request)
}

/// The target that was decided; without edits the very bytes that came.
fn target(permit: &Permit<'_>, head: &Head<'_>) -> SmallVec<[u8; 256]> {
    if let Some(edited) = &permit.edits().target {
        return SmallVec::from_slice(edited.as_bytes());
    }
    let mut target = SmallVec::from_slice(head.path.as_bytes());
    if let Some(query) = head.query {
        target.push(b'?');
        target.extend_from_slice(query.as_bytes());
    }
    target
}

fn set_framing(
    request: &mut RequestHeader,
    framing: Framing,
    websocket: bool,
) -> pingora_core::Result<()> {
    match framing {
        Framing::Sized(length) => request.insert_header(header::CONTENT_LENGTH, length)?,
        Framing::Streamed => {
            request
                .insert_header(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
        }
        // A method that promises content says that there is none (RFC 9110, section 8.6).
        Framing::None if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) => {
            request.insert_header(header::CONTENT_LENGTH, 0)?;
        }
        Framing::None => {}
    }
    if websocket {
        request.insert_header(header::CONNECTION, HeaderValue::from_static("Upgrade"))?;
        request.insert_header(header::UPGRADE, HeaderValue::from_static("websocket"))?;
    }
    Ok(())
}

// --- responses -------------------------------------------------------------------------------------------------------

/// A response's head on its way to a client, of the upstream or our own.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    pub status: StatusCode,
    pub reason: Option<&'a str>,
    fields: Fields<'a>,
    /// `None`: no body follows, whatever the fields say; else how the upstream framed it.
    pub framing: Framing,
    /// Sent instead of the upstream's own fields of this name.
    pub request_id: Option<(&'a HeaderName, &'a HeaderValue)>,
}

#[derive(Debug)]
enum Fields<'a> {
    Upstream { head: &'a ResponseHeader, nominated: SmallVec<[&'a [u8]; 4]> },
    Ours(&'a [(HeaderName, HeaderValue)]),
}

impl<'a> ResponseHead<'a> {
    pub fn of_upstream(
        head: &'a ResponseHeader,
        framing: Framing,
        request_id: Option<(&'a HeaderName, &'a HeaderValue)>,
    ) -> Self {
        let lines = head.headers.get_all(header::CONNECTION).iter().map(HeaderValue::as_bytes);
        let fields = Fields::Upstream { head, nominated: nominated(lines) };
        Self { status: head.status, reason: head.get_reason_phrase(), fields, framing, request_id }
    }

    pub fn of_answer(answer: &'a Answer) -> Self {
        Self {
            status: answer.status,
            reason: answer.status.canonical_reason(),
            fields: Fields::Ours(&answer.headers),
            framing: Framing::Sized(answer.body.len() as u64),
            request_id: None,
        }
    }

    /// The fields that cross, as they came, without framing and without the request id.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &HeaderValue)) {
        match &self.fields {
            Fields::Ours(fields) => {
                fields.iter().for_each(|(name, value)| visit(name.as_str().as_bytes(), value));
            }
            Fields::Upstream { head, nominated } => {
                for (name, value) in head.case_header_iter() {
                    let name = name.as_slice();
                    let ours = self.request_id.is_some_and(|(ours, _)| is(name, ours.as_str()));
                    if !ours
                        && !is_hop_by_hop(name)
                        && !is(name, "content-length")
                        && !is_in(name, nominated)
                    {
                        visit(name, value);
                    }
                }
            }
        }
    }

    /// The length that the upstream declared, for answers whose body does not follow (HEAD, 304).
    pub fn declared_length(&self) -> Option<u64> {
        match &self.fields {
            Fields::Upstream { head, .. } => content_length(head),
            Fields::Ours(_) => None,
        }
    }
}

fn is(name: &[u8], other: &str) -> bool {
    name.len() == other.len() && name.eq_ignore_ascii_case(other.as_bytes())
}

/// The declared length; of a repeated equal one (`3, 3`) the one that is meant. The codec has refused unequal ones.
pub fn content_length(head: &ResponseHeader) -> Option<u64> {
    let value = head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    value.split(',').next()?.trim().parse().ok()
}

/// Whether any `Connection` line of the response says `close`.
pub fn says_close(head: &ResponseHeader) -> bool {
    head.headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// `Keep-Alive: timeout=n`, in seconds.
pub fn keep_alive_timeout(head: &ResponseHeader) -> Option<u64> {
    let value = head.headers.get("keep-alive")?.to_str().ok()?;
    value
        .split(',')
        .filter_map(|part| part.trim().strip_prefix("timeout="))
        .find_map(|n| n.trim().parse().ok())
}
