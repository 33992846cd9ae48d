//! `upstreams`: how to reach the services.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::field::{Fields, Given, List, entries, filled_set, unexpected, values};
use super::form::{DAY, Form, MILLISECOND, NAME, duration, is_name, number, word};
use super::names::Names;
use super::problem::{Judged, Problems, quote};
use super::snapshot::{Balance, EndpointSpec, Retries, UpstreamSpec};
use super::tree::{Entry, Node, Value};

/// Reads `upstreams`; `names` learns them.
pub(super) fn upstreams(
    node: &Node,
    names: &mut Names,
    problems: &Problems,
) -> Judged<Vec<UpstreamSpec>> {
    let entries = entries(node, problems).inspect_err(|reported| names.give_up(*reported))?;
    let read = |Entry { key, place, value }: &Entry| {
        names.define(&Ok(Given { text: key, written: key, place: place.clone() }), problems);
        if !is_name(key) {
            problems.error(place, format!("expected {NAME}, found {}", quote(key)));
        }
        upstream(key, value, problems)
    };
    let upstreams: Vec<_> = entries.iter().map(read).collect();
    upstreams.into_iter().collect()
}

/// A list of endpoints, or a mapping that has one.
fn upstream(name: &str, node: &Node, problems: &Problems) -> Judged<UpstreamSpec> {
    match node.value {
        Value::List(_) => {
            let endpoints = filled_set(node, &endpoint(), problems);
            let mut defaults = Fields::absent(Ok(node.place.clone()), problems);
            Ok(settings(name, endpoints, &mut defaults))
        }
        Value::Scalar(_) => {
            Err(unexpected("a list of endpoints, or a mapping with `endpoints`", node, problems))
        }
        Value::Mapping(_) | Value::Unreadable(_) => Fields::of(node, problems, |upstream| {
            let endpoints = upstream.filled_list("endpoints", &endpoint());
            let endpoints = endpoints.unwrap_or_else(|| vec![Err(upstream.missing("endpoints"))]);
            Ok(settings(name, endpoints, upstream))
        }),
    }
}

fn settings(
    name: &str,
    endpoints: List<'_, EndpointSpec>,
    upstream: &mut Fields<'_>,
) -> UpstreamSpec {
    let balance = word(&[
        ("round_robin", Balance::RoundRobin),
        ("least_request", Balance::LeastRequest),
        ("random", Balance::Random),
    ]);
    let connect_timeout = duration(MILLISECOND..=Duration::from_mins(5));
    UpstreamSpec {
        name: name.into(),
        endpoints: values(endpoints).collect(),
        balance: upstream.value_or("balance", &balance, Balance::LeastRequest),
        connect_timeout: upstream.value_or(
            "connect_timeout",
            &connect_timeout,
            Duration::from_secs(1),
        ),
        idle_timeout: upstream.value_or(
            "idle_timeout",
            &duration(MILLISECOND..=DAY),
            Duration::from_secs(50),
        ),
        retries: upstream.block("retries", retries),
    }
}

fn retries(retries: &mut Fields<'_>) -> Retries {
    const CONNECT: &str = "connect";
    const STALE_CONNECTION: &str = "stale_connection";
    const UNAVAILABLE: &str = "503";
    let attempts = retries.value_or("attempts", &number(1..=10), 2);
    let word = word(&[
        (CONNECT, CONNECT),
        (STALE_CONNECTION, STALE_CONNECTION),
        (UNAVAILABLE, UNAVAILABLE),
    ]);
    let conditions: Vec<_> = match retries.list("conditions", &word) {
        Some(conditions) => values(conditions).collect(),
        None => vec![CONNECT, STALE_CONNECTION],
    };
    Retries {
        attempts,
        connect: conditions.contains(&CONNECT),
        stale_connection: conditions.contains(&STALE_CONNECTION),
        unavailable: conditions.contains(&UNAVAILABLE),
    }
}

fn endpoint() -> Form<EndpointSpec> {
    Form::new(
        "an endpoint such as `10.0.0.1:9000`, `[::1]:9000` or `app.internal:9000`",
        |scalar| parse_endpoint(&scalar.text),
    )
}

/// An IPv6 address loses its brackets.
fn parse_endpoint(text: &str) -> Option<EndpointSpec> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|&port: &u16| digits && port != 0)?;
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.to_string(),
        None if is_host(host) => host.to_owned(),
        None => return None,
    };
    Some(EndpointSpec { host, port })
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
