//! Who the client is behind the proxies we trust, and what we tell the upstream of it (contract, section 5).
//!
//! Of all fields that speak of the client's address only `X-Forwarded-For` is read, and only from a trusted peer.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;

use crate::request::RequestHead;
use crate::route::host_is_valid;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";

/// Fields by which an upstream might take a request for another one than was judged.
const OVERRIDES: [&str; 7] = [
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-forwarded-method",
];

/// Fields that only a trusted peer may send.
const TRUSTED: [&str; 7] = [
    "forwarded",
    "x-real-ip",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-uri",
];

/// Whether what this peer says of the client is believed.
pub fn peer_is_trusted(head: &RequestHead<'_>) -> bool {
    is_trusted(head, head.peer.to_canonical())
}

fn is_trusted(head: &RequestHead<'_>, address: IpAddr) -> bool {
    head.trusted_proxies.iter().any(|network| network.contains(&address))
}

/// The client's address: the rightmost one that is not a trusted proxy's, over all lines of `X-Forwarded-For`. What is no
/// address ends the search at the last good hop.
pub fn client_ip(head: &RequestHead<'_>) -> IpAddr {
    let mut client = head.peer.to_canonical();
    let lines = head.fields.iter().rev().filter(|field| field.is(FOR));
    let entries = lines.flat_map(|field| field.value.rsplit(|&byte| byte == b','));
    // An empty element of a list is none (RFC 9110, section 5.6.1).
    for entry in entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()) {
        if !is_trusted(head, client) {
            break;
        }
        match address(entry) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// Scheme and authority of the URL that the client asked for: what a trusted peer says of it, else `scheme` and the host.
pub fn asked_at<'h>(head: &RequestHead<'h>, scheme: &'static str) -> (&'static str, &'h str) {
    if !peer_is_trusted(head) {
        return (scheme, head.host);
    }
    let said = |name: &str| {
        let field = head.fields.iter().find(|field| field.is(name))?;
        std::str::from_utf8(field.value).ok()
    };
    let scheme = match said(PROTO) {
        Some(said) if said.eq_ignore_ascii_case("https") => "https",
        Some(said) if said.eq_ignore_ascii_case("http") => "http",
        _ => scheme,
    };
    (scheme, said(HOST).filter(|host| host_is_valid(host)).unwrap_or(head.host))
}

/// Reads an address, perhaps in brackets, perhaps with a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Whether a client's field of this name travels on, as far as this module has a say.
pub(crate) fn travels(name: &str, trusted: bool) -> bool {
    if !name.starts_with(['x', 'X', 'f', 'F']) {
        return true;
    }
    let is = |known: &str| known.len() == name.len() && known.eq_ignore_ascii_case(name);
    !(is(FOR) || OVERRIDES.into_iter().any(is) || !trusted && TRUSTED.into_iter().any(is))
}

/// An address as `X-Forwarded-For` has it. A connection has one peer, so this is made once for all its requests.
pub fn address_value(address: IpAddr) -> HeaderValue {
    // The text of an address is a field value always; RFC 7239 has a word for what cannot be.
    HeaderValue::from_str(&address.to_canonical().to_string())
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// Gives `tell` what we say of the client, each exactly once: `peer` is the peer's [`address_value`], `scheme` that of the
/// client's URL.
///
/// From a trusted peer its own list goes on in one field, and what it says of scheme and host has travelled on already.
pub fn for_each(
    head: &RequestHead<'_>,
    peer: &HeaderValue,
    scheme: &str,
    mut tell: impl FnMut(&'static str, &[u8]),
) {
    let trusted = peer_is_trusted(head);
    let absent = |name: &str| !trusted || !head.fields.iter().any(|field| field.is(name));
    if trusted {
        tell(FOR, &appended(head, peer));
    } else {
        tell(FOR, peer.as_bytes());
    }
    if absent(PROTO) {
        tell(PROTO, scheme.as_bytes());
    }
    if absent(HOST) {
        tell(HOST, head.host.as_bytes());
    }
}

/// The list of a peer with its own address at the end.
fn appended(head: &RequestHead<'_>, peer: &HeaderValue) -> Vec<u8> {
    let mut list = Vec::new();
    for field in head.fields.iter().filter(|field| field.is(FOR) && !field.value.is_empty()) {
        list.extend_from_slice(field.value);
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(peer.as_bytes());
    list
}

#[cfg(test)]
mod tests;
