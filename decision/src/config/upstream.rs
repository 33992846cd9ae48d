//! `upstreams`: how to reach the services.

use std::time::Duration;

use super::endpoints::{balance, endpoints};
use super::field::{Fields, Given, entries, unexpected, values};
use super::form::{DAY, MILLISECOND, NAME, duration, is_name, number, word};
use super::names::Names;
use super::problem::{Judged, Problems, quote};
use super::snapshot::{EndpointSpec, Outlier, Retries, UpstreamSpec};
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
            let endpoints = endpoints(node, problems);
            let mut defaults = Fields::absent(Ok(node.place.clone()), problems);
            settings(name, endpoints, &mut defaults)
        }
        Value::Scalar(_) => {
            Err(unexpected("a list of endpoints, or a mapping with `endpoints`", node, problems))
        }
        Value::Mapping(_) | Value::Unreadable(_) => Fields::of(node, problems, |upstream| {
            let endpoints = match upstream.node("endpoints") {
                Some(node) => endpoints(node, problems),
                None => Err(upstream.missing("endpoints")),
            };
            settings(name, endpoints, upstream)
        }),
    }
}

fn settings(
    name: &str,
    endpoints: Judged<Vec<EndpointSpec>>,
    upstream: &mut Fields<'_>,
) -> Judged<UpstreamSpec> {
    let connect_timeout = duration(MILLISECOND..=Duration::from_mins(5));
    let idle_timeout = duration(MILLISECOND..=DAY);
    let balance = balance(upstream);
    let connect_timeout =
        upstream.value_or("connect_timeout", &connect_timeout, Duration::from_secs(1));
    let idle_timeout = upstream.value_or("idle_timeout", &idle_timeout, Duration::from_secs(50));
    let retries = upstream.block("retries", retries);
    let outlier = upstream.node("outlier").is_some().then(|| upstream.block("outlier", outlier));
    let endpoints = endpoints?;
    let name = name.into();
    Ok(UpstreamSpec { name, endpoints, balance, connect_timeout, idle_timeout, retries, outlier })
}

fn outlier(outlier: &mut Fields<'_>) -> Outlier {
    let eject_for = duration(MILLISECOND..=DAY);
    Outlier {
        consecutive_failures: outlier.value_or("consecutive_failures", &number(1..=1000), 5),
        eject_for: outlier.value_or("eject_for", &eject_for, Duration::from_secs(10)),
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
