use std::time::Duration;

use super::{MINIMAL, snapshot, table, top};
use crate::config::snapshot::{Balance, Outlier, UpstreamSpec};

fn read(upstream: &str) -> UpstreamSpec {
    let text = MINIMAL.replace("[127.0.0.1:9000]", upstream);
    snapshot(&text).upstreams.remove(0)
}

#[test]
fn an_endpoint_may_have_a_weight() {
    table(
        |endpoints| top(&format!("upstreams: {{ app: {endpoints} }}")),
        &[
            ("[{ weight: 2 }]", &["1:20: upstreams.app[0]: the key `address` is missing"]),
            (
                "[{ address: 'a:1', weight: 0 }]",
                &[
                    "1:46: upstreams.app[0].weight: expected a whole number from 1 to 1000, found `0`",
                ],
            ),
            (
                "[{ address: 'a:1' }, 'a:1']",
                &["1:40: upstreams.app[1]: `a:1` is given twice, first at conf/x.yaml:1"],
            ),
            ("[{ address: 'a:1', wait: 1 }]", &["1:38: upstreams.app[0].wait: unknown key `wait`"]),
        ],
    );
    let endpoints = read("[{ address: '10.0.0.1:1', weight: 3 }, 10.0.0.2:1]").endpoints;
    let weights: Vec<_> = endpoints.iter().map(|endpoint| endpoint.weight).collect();
    assert_eq!(weights, [3, 1]);
}

#[test]
fn balance_is_a_word_or_a_field_to_hash() {
    table(
        |balance| {
            top(&format!("upstreams: {{ app: {{ endpoints: ['a:1'], balance: {balance} }} }}"))
        },
        &[
            (
                "fair",
                &[
                    "1:50: upstreams.app.balance: expected `round_robin`, `least_request` or `random`, found `fair`",
                ],
            ),
            ("{}", &["1:50: upstreams.app.balance: the key `hash` is missing"]),
            (
                "{ hash: x-org-id }",
                &[
                    "1:58: upstreams.app.balance.hash: `x-org-id`: it is written `header:` and a name",
                ],
            ),
            (
                "{ hash: 'header:upgrade' }",
                &[
                    "1:58: upstreams.app.balance.hash: `header:upgrade`: the field belongs to one connection",
                ],
            ),
        ],
    );
    let balance = |text: &str| read(&format!("{{ endpoints: ['a:1'], balance: {text} }}")).balance;
    assert_eq!(balance("{ hash: header:X-Org-Id }"), Balance::Hash("x-org-id".parse().unwrap()));
    assert_eq!(balance("random"), Balance::Random);
}

#[test]
fn outliers_are_left_out_only_where_that_is_asked_for() {
    let outlier = |text: &str| read(&format!("{{ endpoints: ['a:1']{text} }}")).outlier;
    assert_eq!(outlier(""), None);
    let defaults = Outlier { consecutive_failures: 5, eject_for: Duration::from_secs(10) };
    assert_eq!(outlier(", outlier: {}"), Some(defaults));
    let given = Outlier { consecutive_failures: 2, eject_for: Duration::from_secs(1) };
    assert_eq!(outlier(", outlier: { consecutive_failures: 2, eject_for: 1s }"), Some(given));
    assert_eq!(
        top("upstreams: { app: { endpoints: ['a:1'], outlier: { consecutive_failures: 0 } } }"),
        [
            "1:74: upstreams.app.outlier.consecutive_failures: expected a whole number from 1 to 1000, found `0`"
        ]
    );
}

#[test]
fn a_listener_may_have_a_path_of_its_own_for_health() {
    let path = |text: &str| {
        top(&format!("server: {{ listeners: [{{ address: 0.0.0.0:1, health_path: {text} }}] }}"))
    };
    table(
        path,
        &[
            ("/-/ready", &[]),
            (
                "ready",
                &[
                    "1:58: server.listeners[0].health_path: `ready`: the path does not start with '/'",
                ],
            ),
            (
                "/%61",
                &[
                    "1:58: server.listeners[0].health_path: `/%61`: the path is written without escapes that it does not need",
                ],
            ),
        ],
    );
}

#[test]
fn connections_are_bounded_in_all_and_by_address() {
    table(
        |bounds| top(&format!("server: {{ bounds: {{ {bounds} }} }}")),
        &[
            ("connections: auto, per_address: 1", &[]),
            (
                "connections: 0, per_address: auto",
                &[
                    "1:34: server.bounds.connections: expected `auto` or a whole number from 1 to 10000000, found `0`",
                    "1:50: server.bounds.per_address: expected a whole number from 1 to 10000000, found `auto`",
                ],
            ),
        ],
    );
}
