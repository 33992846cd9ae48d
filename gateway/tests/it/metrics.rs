//! Contract 11: what can be scraped, and that it is documented.

use crate::support::sockets::Nobody;
use crate::support::{Gateway, Upstream, one_api, open_api, request};

fn near(found: f64, expected: u32) -> bool {
    (found - f64::from(expected)).abs() < 0.5
}

#[test]
fn every_family_that_is_shown_is_in_the_documentation() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for fields in [vec![("x-api-key", secret.as_str())], vec![], vec![("x-api-key", "ak_unknown")]]
    {
        gateway.get("/", &fields);
    }
    gateway.lines(3);
    let page = include_str!("../../../docs/metrics.md");
    let text = gateway.metrics().0;
    let shown: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(|name| name.strip_prefix("portcullis_").unwrap_or(name))
        .collect();
    assert!(shown.len() > 20, "{shown:?}");
    for name in shown {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn tries_at_an_upstream_are_counted_by_what_became_of_them() {
    let upstream = Upstream::echo();
    let nobody = Nobody::new();
    let rude = Upstream::scripted(|connection| {
        connection.request();
    });
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: [\"{}\"], nobody: [\"{}\"], rude: [\"{}\"] }}\napis:\n  - name: app\n    upstream: app\n    routes:\n      - {{ path: /, auth: none }}\n      - {{ path: /nobody, auth: none, upstream: nobody }}\n      - {{ path: /rude, auth: none, upstream: rude }}\n",
        upstream.address(),
        nobody.address(),
        rude.address(),
    ));
    let statuses = ["/", "/", "/nobody", "/rude"].map(|target| gateway.get(target, &[]).status);
    assert_eq!(statuses, [200, 200, 503, 502]);
    gateway.lines(4);
    let metrics = gateway.metrics();
    let tries = |upstream, result| {
        metrics.sum("upstream_attempts_total", &[("upstream", upstream), ("result", result)])
    };
    assert!(near(tries("app", "answered"), 2));
    // A connection that cannot be made is tried once more.
    assert!(near(tries("nobody", "connect"), 2), "{}", tries("nobody", "connect"));
    assert!(near(tries("rude", "invalid"), 1));
    let all = metrics.sum("upstream_attempts_total", &[]);
    assert!(near(all, 5), "{all}");
    let answers =
        |upstream| metrics.sum("upstream_duration_seconds_count", &[("upstream", upstream)]);
    assert!(near(answers("app"), 2) && near(answers("nobody"), 0) && near(answers("rude"), 0));
}

#[test]
fn a_try_that_the_client_gives_up_is_not_the_upstreams_fault() {
    let upstream = Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, "timeout: 30s"));
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[], ""));
    upstream.wait_for_requests(1);
    client.reset();
    gateway.lines(1);
    let labels = [("upstream", "app"), ("result", "abandoned")];
    assert!(near(gateway.metrics().sum("upstream_attempts_total", &labels), 1));
}

#[test]
fn endpoints_and_the_build_are_told() {
    let upstream = Upstream::echo();
    let yaml = one_api(&upstream).replace("app: [", "app: [\"127.0.0.1:9\", ");
    let metrics = Gateway::start(yaml).metrics();
    let labels = [("upstream", "app"), ("state", "healthy")];
    assert!(near(metrics.sum("upstream_endpoints", &labels), 2));
    assert!(near(metrics.sum("build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1));
}
