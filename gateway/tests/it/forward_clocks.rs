//! Forwarding: `timeout`, `body_rate` and `write_stall`, each as long as it says and as far as it goes.

use std::time::Duration;

use crate::support::h2c::h2_request;
use crate::support::upstream::Connection;
use crate::support::{Gateway, H2, Setup, Upstream, open_api, request};

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

/// An upstream that answers early, and then takes all that comes.
fn early() -> Upstream {
    Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
        connection.closed();
    })
}

/// Judged over ten seconds, so the test takes as long.
#[test]
fn a_body_that_trickles_behind_an_early_answer_is_request_timeout() {
    let upstream = early();
    let gateway = Setup::new(open_api(&upstream, "")).server("bounds: { body_rate: 100B }").start();
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    let mut body = h2.wait(response).unwrap().into_body();
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "begun");
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "100000")], ""));
    client.head();
    assert_eq!(client.exactly(10), b"5\r\nbegun\r\n");
    let mut sent = 0;
    while client.is_quiet_for(Duration::from_millis(100)) {
        client.send("x");
        // The stream may have been cut already.
        let _ended = writer.send_data("x".into(), false);
        sent += 1;
        assert!(sent < 400, "a byte each 100 ms is taken for ever");
    }
    assert_eq!(client.rest(), b"", "no last chunk");
    assert!(h2.wait(body.data()).unwrap().is_err());
    upstream.wait_for_ends(2);
    drop(client);
    gateway.all_ended_as(2, "request_timeout", "timeout");
}
