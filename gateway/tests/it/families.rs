//! Contract 11: the families of metrics and their labels, as the contract lists them.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Gateway, Upstream, one_api_with, request};

/// By name, without the prefix. Those of TLS and of verifiers come with what they tell of.
const FAMILIES: [(&str, &[&str]); 33] = [
    ("requests_total", &["api", "route", "outcome", "blame", "status"]),
    ("request_duration_seconds", &["api", "route"]),
    ("decision_duration_seconds", &["api"]),
    ("requests_in_flight", &["api"]),
    ("authentications_total", &["api", "scheme", "outcome"]),
    ("shadow_refusals_total", &["api", "route", "outcome"]),
    ("streams_ended_total", &["api", "cause"]),
    ("bytes_total", &["api", "direction"]),
    ("credential_lookups_total", &["result"]),
    ("credential_cache_entries", &[]),
    ("store_duration_seconds", &["operation", "result"]),
    ("store_up", &[]),
    ("feed_lag_seconds", &[]),
    ("feed_lease_remaining_seconds", &[]),
    ("feed_gaps_total", &[]),
    ("revocation_propagation_seconds", &[]),
    ("degraded_requests_total", &["api", "cause"]),
    ("limit_decisions_total", &["api", "limit", "decision"]),
    ("limit_keys", &["api", "limit"]),
    ("upstream_duration_seconds", &["upstream"]),
    ("upstream_attempts_total", &["upstream", "result"]),
    ("upstream_endpoints", &["upstream", "state"]),
    ("upstream_ejections_total", &["upstream"]),
    ("connections", &["listener"]),
    ("connections_refused_total", &["listener", "reason"]),
    ("draining", &[]),
    ("config_generation", &[]),
    ("config_info", &["hash"]),
    ("config_reloads_total", &["result"]),
    ("config_last_reload_success_timestamp_seconds", &[]),
    ("log_lines_dropped_total", &[]),
    // These names are ours to say: of records whose signature fails, and of the build.
    ("store_records_forged_total", &[]),
    ("build_info", &["version", "commit", "pingora"]),
];

fn listed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    FAMILIES.iter().map(|(name, labels)| (*name, labels.iter().copied().collect())).collect()
}

#[test]
fn every_family_that_the_contract_names_has_the_labels_that_it_names_and_there_is_no_other() {
    let page = include_str!("../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    // The table of buckets has two columns.
    let documented: BTreeMap<_, _> = cells
        .filter(|cells| cells.len() > 4)
        .map(|cells| {
            let labels = cells[2].split(", ").filter(|label| !label.is_empty());
            (cells[0].trim_matches('`'), labels.map(|label| label.trim_matches('`')).collect())
        })
        .collect();
    assert_eq!(documented, listed());
}

/// A gateway to which much of what is counted has happened.
fn busy(upstream: &Upstream) -> Gateway {
    let lines = "limits: { a: { max: 1, window: 1h } }
routes: [{ path: /open, auth: none }, { path: /shadow, subject_admin: true, shadow: [authorize] }, { path: /** }]";
    let gateway = Gateway::start(one_api_with(upstream, lines));
    let key = gateway.mint("u_1", "org_1");
    for (target, fields) in [
        ("/open", vec![]),
        ("/shadow", vec![("x-api-key", key.as_str())]),
        ("/", vec![("x-api-key", key.as_str())]),
        ("/", vec![("x-api-key", "ak_unknown")]),
        ("/a//b", vec![]),
    ] {
        let mut client = gateway.connect();
        let fields = [&fields[..], &[("connection", "close")]].concat();
        client.send(request("GET", target, &fields, "")).response();
        client.rest();
    }
    gateway.lines(5);
    gateway.reload();
    gateway
}

#[test]
fn every_series_that_is_shown_has_the_labels_of_its_family() {
    let upstream = Upstream::echo();
    let text = busy(&upstream).metrics().0;
    let families = listed();
    let mut shown = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let Some(name) = name.strip_prefix("portcullis_") else {
            assert!(name.starts_with("process_"), "{line}");
            continue;
        };
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end).filter(|name| name.ends_with("_seconds")))
            .unwrap_or(name);
        let labels =
            labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once("=\""));
        let labels: BTreeSet<_> =
            labels.map(|(name, _)| name).filter(|name| *name != "le").collect();
        assert_eq!(families.get(name), Some(&labels), "{line}");
        shown.insert(name);
    }
    assert!(shown.len() > 20, "{shown:?}");
}

#[test]
fn buckets_begin_and_end_where_the_contract_says() {
    let upstream = Upstream::echo();
    let text = busy(&upstream).metrics().0;
    for (name, least, most) in
        [("request_duration_seconds", 0.001, 60.0), ("decision_duration_seconds", 250e-9, 0.01)]
    {
        let start = format!("portcullis_{name}_bucket{{");
        let bounds = text.lines().filter(|line| line.starts_with(&start)).map(|line| {
            let (_, bound) = line.split_once("le=\"").unwrap();
            bound.split('"').next().unwrap().parse::<f64>().unwrap()
        });
        let bounds: Vec<_> = bounds.filter(|bound| bound.is_finite()).collect();
        assert!(!bounds.is_empty(), "{name}");
        let ends = [
            bounds.iter().copied().fold(f64::INFINITY, f64::min),
            bounds.iter().copied().fold(0.0, f64::max),
        ];
        for (found, expected) in ends.into_iter().zip([least, most]) {
            assert!((found - expected).abs() < f64::EPSILON, "{name}: {found}");
        }
    }
}
