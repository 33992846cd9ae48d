//! Contract 11, `telemetry.log.access`: which lines are kept. Counts are whole whatever is.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Gate, Gateway, Upstream, open_api, request, until};

/// A gateway open to everybody whose log keeps what `policy` says.
fn keeping(upstream: &Upstream, policy: &str) -> Gateway {
    Gateway::start(
        open_api(upstream, "") + &format!("telemetry: {{ log: {{ access: {policy} }} }}\n"),
    )
}

/// The paths of all lines of the gateway's whole life, sorted, once it has counted so many requests.
fn kept(gateway: Gateway, requests: u64) -> Vec<String> {
    let stdout = gateway.stdout.clone();
    until(|| gateway.metrics().count("requests_total", &[]) == requests);
    gateway.stop();
    let path = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["path"].as_str().unwrap().to_owned()
    };
    let mut paths: Vec<_> = stdout.until_end().iter().map(path).collect();
    // Each worker's lines are in order, and no others.
    paths.sort_unstable();
    paths
}

#[test]
fn an_answer_of_5xx_is_always_logged_be_it_the_upstreams_or_ours() {
    let upstream = Upstream::scripted(|connection| {
        while let Some(request) = connection.request() {
            let status = match request.target.as_str() {
                "/500" => "500 Oops",
                "/599" => "599 Oops",
                "/404" => "404 Not Found",
                "/broken" => return,
                _ => "200 OK",
            };
            connection.write(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let gateway = keeping(&upstream, "{ sample: 0.0, always: [5xx] }");
    let statuses = ["/", "/500", "/404", "/599", "/a//b", "/broken", "/"]
        .map(|target| gateway.get(target, &[]).status);
    assert_eq!(statuses, [200, 500, 404, 599, 400, 502, 200]);
    assert_eq!(kept(gateway, 7), ["/500", "/599", "/broken"]);
}

#[test]
fn a_slow_request_is_always_logged() {
    let gate = Gate::default();
    let script = gate.clone();
    let upstream = Upstream::scripted(move |connection| {
        while let Some(request) = connection.request() {
            if request.target == "/slow" {
                script.wait();
            }
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let gateway = keeping(&upstream, "{ sample: 0.0, always: [slow], slow: 3s }");
    assert_eq!(gateway.get("/", &[]).status, 204);
    assert_eq!(gateway.get("/a//b", &[]).status, 400);
    let mut client = gateway.connect();
    client.send(request("GET", "/slow", &[], ""));
    // From here on it is under way, however late the gateway came to it.
    upstream.wait_for_target("/slow");
    assert!(client.is_quiet_for(Duration::from_millis(3100)));
    gate.open();
    assert_eq!(client.response().status, 204);
    drop(client);
    assert_eq!(kept(gateway, 3), ["/slow"]);
}

#[test]
fn a_part_of_the_lines_is_kept_where_a_part_is_asked_for_and_every_request_is_counted() {
    const REQUESTS: u64 = 400;
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = keeping(&upstream, "{ sample: 0.5, always: [] }");
    let mut client = gateway.connect();
    for _ in 0..REQUESTS {
        assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 204);
    }
    drop(client);
    let lines = kept(gateway, REQUESTS);
    // Of 400 draws at one half, outside of 120 to 280 is eight standard deviations away.
    assert!((120..280).contains(&lines.len()), "{}", lines.len());
}
