//! Contract 2, `deadline` of a route: the whole of a request is over by then, row 20 of the table of states.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::http1::End;
use crate::support::{Gateway, Upstream, open_api, request};

fn silent() -> Upstream {
    Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    })
}

/// P2.
#[test]
fn an_upstream_that_has_not_answered_by_then_is_upstream_timeout() {
    let upstream = silent();
    let gateway = Gateway::start(open_api(&upstream, "deadline: 300ms"));
    let mut client = gateway.connect();
    for body in ["", "hello"] {
        let response = client.send(request("POST", "/", &[], body)).response();
        assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    }
    drop(client);
    gateway.all_ended_as(2, "upstream_timeout", "complete");
}

/// P1. Each piece comes in time for `body_rate` and `idle`, and the whole does not.
#[test]
fn a_client_that_has_not_sent_its_body_by_then_is_request_timeout() {
    let upstream = silent();
    let gateway = Gateway::start(open_api(&upstream, "deadline: 500ms"));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "100000")], ""));
    let mut sent = 0;
    while client.is_quiet_for(Duration::from_millis(50)) {
        client.send("x".repeat(100));
        sent += 1;
        assert!(sent < 400, "it is waited for for ever");
    }
    let response = client.response();
    assert_eq!((response.status, response.code().as_str()), (408, "request_timeout"));
    drop(client);
    gateway.all_ended_as(1, "request_timeout", "complete");
}

/// P4. Something moves all the time.
#[test]
fn an_answer_that_is_not_over_by_then_is_cut() {
    let upstream = Upstream::scripted(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while connection.try_write("1\r\nx\r\n") {
            connection.stream().flush().unwrap();
            let patience = Some(Duration::from_millis(20));
            connection.stream().set_read_timeout(patience).unwrap();
            if matches!(connection.stream().peek(&mut [0]), Ok(0)) {
                return;
            }
        }
    });
    let gateway = Gateway::start(open_api(&upstream, "deadline: 2s, idle: 1s"));
    let mut client = gateway.connect();
    let response = client.send(request("GET", "/", &[], "")).response();
    assert_eq!((response.status, response.end), (200, End::Cut));
    assert!(response.body.len() > 3, "{}", response.body.len());
    gateway.all_ended_as(1, "upstream_timeout", "timeout");
}

/// P0. The kernel's queue is full, so that a connection is never made.
#[test]
fn a_connection_that_is_not_made_by_then_is_upstream_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Two fill a queue of the least length; the listener itself never accepts.
    let socket = socket2::SockRef::from(&listener);
    socket.listen(0).unwrap();
    let _queued: Vec<_> = (0..4)
        .map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)))
        .collect();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: {{ endpoints: ['{address}'], connect_timeout: 60s }} }}\napis:\n  - {{ name: app, upstream: app, routes: [{{ path: /**, auth: none, deadline: 300ms }}] }}\n"
    ));
    let response = gateway.get("/", &[]);
    assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    let metrics = gateway.metrics();
    assert_eq!(metrics.count("upstream_attempts_total", &[]), 1);
    assert_eq!(metrics.count("upstream_attempts_total", &[("result", "abandoned")]), 1);
    gateway.all_ended_as(1, "upstream_timeout", "complete");
}

#[test]
fn a_tunnel_that_is_not_over_by_then_is_cut_though_it_is_busy() {
    let upstream = Upstream::scripted(|connection| {
        connection.head();
        connection.write(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        loop {
            let bytes = connection.some();
            if bytes.is_empty() || !connection.try_write(&bytes) {
                return;
            }
        }
    });
    let gateway = Gateway::start(open_api(&upstream, "deadline: 2s, upgrade: [websocket]"));
    let mut client = gateway.connect();
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    assert_eq!(client.send(request("GET", "/", &fields, "")).response().status, 101);
    let mut echoed = 0;
    while !client.send("x").some().is_empty() {
        echoed += 1;
        assert!(echoed < 10_000_000);
    }
    assert!(echoed > 0);
    gateway.all_ended_as(1, "upstream_timeout", "timeout");
}

#[test]
fn what_is_over_in_time_is_not_touched() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, "deadline: 60s"));
    let mut client = gateway.connect();
    for _ in 0..3 {
        assert_eq!(
            client.send(request("POST", "/", &[], "hello")).response().echo().body(),
            "hello"
        );
    }
    drop(client);
    gateway.all_ended_as(3, "forwarded", "complete");
}
