//! Refusals of gRPC calls: HTTP 200 and nothing but trailers, sent in the place of a head ("Trailers-Only" in "gRPC over
//! HTTP2"). A gRPC client looks at no other status and reads no body.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue, StatusCode};

use crate::outcome::Outcome;

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(crate) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What calls of gRPC, and of gRPC-Web, which is gRPC for browsers, are answered with.
const WEB: [&str; 4] = [
    "application/grpc-web-text+proto",
    "application/grpc-web-text",
    "application/grpc-web+proto",
    "application/grpc-web",
];
const PLAIN: &str = "application/grpc";

/// The content type of the answer where a request of `content_type` is a gRPC call. Out of a closed list: nothing that the
/// client says is repeated.
pub(crate) fn answer_to(content_type: &[u8]) -> Option<&'static str> {
    let begins = |with: &str| {
        content_type
            .get(..with.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()))
    };
    WEB.into_iter().chain([PLAIN]).find(|known| begins(known))
}

/// The gRPC status of a refusal for which HTTP would have had `status`.
pub(crate) fn status(outcome: Outcome, status: StatusCode) -> u16 {
    if outcome == Outcome::ResourceUnknown {
        return NOT_FOUND;
    }
    // A dialect may speak of statuses that nothing here is like; then the outcome's own decides.
    of_http(status.as_u16()).or_else(|| of_http(outcome.status())).unwrap_or(UNKNOWN)
}

const UNKNOWN: u16 = 2;
const INVALID_ARGUMENT: u16 = 3;
const DEADLINE_EXCEEDED: u16 = 4;
const NOT_FOUND: u16 = 5;
const PERMISSION_DENIED: u16 = 7;
const RESOURCE_EXHAUSTED: u16 = 8;
const UNIMPLEMENTED: u16 = 12;
const INTERNAL: u16 = 13;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;

const fn of_http(status: u16) -> Option<u16> {
    Some(match status {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 | 405 => UNIMPLEMENTED,
        408 | 504 => DEADLINE_EXCEEDED,
        413 | 414 | 429 | 431 => RESOURCE_EXHAUSTED,
        500 => INTERNAL,
        502 | 503 => UNAVAILABLE,
        _ => return None,
    })
}

/// `grpc-message`: UTF-8, percent-encoded but for visible ASCII and the space.
pub(crate) fn message(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            let _to_memory = write!(encoded, "%{byte:02X}");
        }
    }
    // All of it is visible ASCII and spaces.
    HeaderValue::from_str(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests;
