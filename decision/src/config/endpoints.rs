//! `endpoints` and `balance` of an upstream: where it is, and how one is chosen.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::HeaderName;

use super::field::{Fields, Given, filled, given, scalar};
use super::form::{Form, Reason, header_name, number, word};
use super::problem::{Judged, Place, Problems, quote};
use super::snapshot::{Balance, EndpointSpec};
use super::tree::{Node, Value};
use crate::hop::is_hop_by_hop;

/// Reads a list of endpoints, those that can be read.
pub(super) fn endpoints(node: &Node, problems: &Problems) -> Judged<Vec<EndpointSpec>> {
    let mut seen: HashMap<(String, u16), Place> = HashMap::new();
    let mut once = |endpoint: EndpointSpec, given: &Given<'_>| {
        let address = (endpoint.host.clone(), endpoint.port);
        match seen.insert(address, given.place.clone()) {
            None => Ok(endpoint),
            Some(first) => {
                let (written, first) = (quote(given.written), problems.line_of(&first));
                let message = format!("{written} is given twice, first at {first}");
                Err(problems.error(&given.place, message))
            }
        }
    };
    let mut read = |node: &Node| {
        let (address, weight) = match node.value {
            Value::Mapping(_) => Fields::of(node, problems, |endpoint| {
                let address = endpoint.required("address", &address());
                (address, endpoint.value_or("weight", &number(1..=1000), 1))
            }),
            _ => (scalar(node, &address(), problems), 1),
        };
        let given = given(&address)?;
        once(EndpointSpec { weight, ..address?.value }, &given)
    };
    let endpoints: Vec<_> = filled(node, "one item", problems)?.iter().map(&mut read).collect();
    endpoints.into_iter().collect()
}

/// Reads `balance`.
pub(super) fn balance(upstream: &mut Fields<'_>) -> Balance {
    let problems = upstream.problems;
    let plain = word(&[
        ("round_robin", Plain::RoundRobin),
        ("least_request", Plain::LeastRequest),
        ("random", Plain::Random),
    ]);
    match upstream.node("balance") {
        None => Balance::LeastRequest,
        Some(node) if matches!(node.value, Value::Mapping(_)) => {
            let hash = Form::reasoned("a field such as `header:x-org-id`", hashed);
            let hash = Fields::of(node, problems, |block| block.required("hash", &hash));
            hash.map_or(Balance::LeastRequest, |hash| Balance::Hash(hash.value))
        }
        Some(node) => match scalar(node, &plain, problems).map(|plain| plain.value) {
            Ok(Plain::RoundRobin) => Balance::RoundRobin,
            Ok(Plain::Random) => Balance::Random,
            Ok(Plain::LeastRequest) | Err(_) => Balance::LeastRequest,
        },
    }
}

#[derive(Clone, Copy)]
enum Plain {
    RoundRobin,
    LeastRequest,
    Random,
}

fn hashed(text: &str) -> Result<HeaderName, Reason> {
    let name = text.strip_prefix("header:").ok_or("it is written `header:` and a name")?;
    let name = header_name(name)?;
    if is_hop_by_hop(name.as_str().as_bytes()) {
        return Err("the field belongs to one connection");
    }
    Ok(name)
}

fn address() -> Form<EndpointSpec> {
    Form::new(
        "an endpoint such as `10.0.0.1:9000`, `[::1]:9000` or `app.internal:9000`",
        |scalar| parse(&scalar.text),
    )
}

/// An IPv6 address loses its brackets.
fn parse(text: &str) -> Option<EndpointSpec> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|&port: &u16| digits && port != 0)?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.to_string(),
        None if is_host(host) => host.to_owned(),
        None => return None,
    };
    Some(EndpointSpec { host, port, weight: 1 })
}

/// Whether it is an IPv4 address or a DNS name, which may end with a dot.
fn is_host(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return text.parse::<Ipv4Addr>().is_ok();
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    labels.len() <= 253 && labels.split('.').all(is_label)
}
