//! Forwarding: `timeout`, `body_rate` and `write_stall`, each as long as it says and as far as it goes.

use std::time::Duration;

use crate::support::upstream::Connection;
use crate::support::{Gateway, Upstream};

/// Waits for so long, unless the gateway closes before.
fn pause(connection: &Connection, span: Duration) {
    connection.stream().set_read_timeout(Some(span)).unwrap();
    let _nothing = connection.stream().peek(&mut [0]);
}

/// Contract 2: until the response's head, however many attempts it takes.
#[test]
fn the_timeout_runs_over_all_attempts() {
    let upstream = Upstream::scripted(|connection| {
        while connection.request().is_some() {
            pause(connection, Duration::from_millis(1200));
            connection.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
            connection.stream().set_read_timeout(None).unwrap();
        }
    });
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: {{ endpoints: ['{}'], retries: {{ attempts: 5, conditions: ['503'] }} }} }}\n\
         apis:\n  - {{ name: app, upstream: app, routes: [{{ path: /**, auth: none, timeout: 2s }}] }}\n",
        upstream.address()
    ));
    let response = gateway.get("/", &[]);
    assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    assert!(upstream.requests().len() <= 2, "each attempt had a time of its own");
    gateway.all_ended_as(1, "upstream_timeout", "complete");
}
