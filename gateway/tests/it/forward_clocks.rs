//! Forwarding: `timeout`, `body_rate` and `write_stall`, each as long as it says and as far as it goes.

use std::time::Duration;

use crate::support::h2c::h2_request;
use crate::support::sockets::small_stream;
use crate::support::upstream::Connection;
use crate::support::{Client, Gateway, H2, Setup, Upstream, open_api, request};

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

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

/// The client waits as it should; it is the upstream that says nothing.
#[test]
fn an_upstream_that_is_silent_to_an_expectation_is_upstream_timeout() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, "timeout: 500ms"));
    let mut client = gateway.connect();
    let fields = [("Expect", "100-continue"), ("Content-Length", "5")];
    let response = client.send(request("POST", "/", &fields, "")).response();
    assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    assert_eq!(response.field("connection"), Some("close"));
    drop(client);
    gateway.all_ended_as(1, "upstream_timeout", "complete");
}

/// Once it was asked for its body, the client is awaited again. Judged over ten seconds, so the test takes as long.
#[test]
fn a_client_that_was_told_to_continue_and_does_not_is_request_timeout() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 100 Continue\r\n\r\n");
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, "timeout: 2s"));
    let mut client = gateway.connect();
    let fields = [("Expect", "100-continue"), ("Content-Length", "5")];
    assert_eq!(client.send(request("POST", "/", &fields, "")).response().status, 100);
    let response = client.response();
    assert_eq!((response.status, response.code().as_str()), (408, "request_timeout"));
    drop(client);
    gateway.all_ended_as(1, "request_timeout", "complete");
}

/// A client that rightly holds its body back behind an answer that came instead of 100 owes nothing.
#[test]
fn an_answer_that_comes_instead_of_100_is_not_cut_for_the_body_that_stays_away() {
    let upstream = early();
    let gateway = Setup::new(open_api(&upstream, "")).server("bounds: { body_rate: 1MiB }").start();
    let mut client = gateway.connect();
    let fields = [("Expect", "100-continue"), ("Content-Length", "5")];
    client.send(request("POST", "/", &fields, ""));
    client.head();
    assert_eq!(client.exactly(10), b"5\r\nbegun\r\n");
    assert!(client.is_quiet_for(Duration::from_secs(12)), "{:?}", client.rest());
    drop(client);
    gateway.all_ended_as(1, "client_gone", "client_gone");
}

fn tunnel(gateway: &Gateway) -> Client {
    let mut client = Client::over(small_stream(gateway.address("public")));
    let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    assert_eq!(client.send(request("GET", "/", &fields, "")).response().status, 101);
    client
}

/// The other way moves all the time.
#[test]
fn a_client_that_takes_nothing_from_its_tunnel_is_cut_after_write_stall() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write(SWITCH);
        while connection.try_write([b'x'; 16 * 1024]) {}
    });
    let gateway = Setup::new(open_api(&upstream, "upgrade: [websocket]"))
        .server("bounds: { write_stall: 1s }")
        .start();
    let client = tunnel(&gateway);
    let mut sender = client.stream().try_clone().unwrap();
    let mut sent = 0;
    while gateway.stdout.so_far().is_empty() {
        let _the_end_is_seen_in_the_log = std::io::Write::write_all(&mut sender, b"x");
        std::thread::park_timeout(Duration::from_millis(100));
        sent += 1;
        assert!(sent < 200, "it stays open");
    }
    upstream.wait_for_ends(1);
    drop(client);
    let lines = gateway.all_ended_as(1, "client_gone", "timeout");
    assert_eq!(lines[0]["status"], 499);
}

#[test]
fn an_upstream_that_takes_nothing_from_its_tunnel_is_cut_after_write_stall() {
    let upstream = Upstream::listening(crate::support::sockets::small_listener(), |connection| {
        connection.head().unwrap();
        connection.write(SWITCH);
        let mut turns = 0;
        while connection.try_write("x") && turns < 200 {
            std::thread::park_timeout(Duration::from_millis(100));
            turns += 1;
        }
    });
    let gateway = Setup::new(open_api(&upstream, "upgrade: [websocket]"))
        .server("bounds: { write_stall: 1s }")
        .start();
    let mut client = tunnel(&gateway);
    let mut sender = client.stream().try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        while std::io::Write::write_all(&mut sender, &[b'x'; 16 * 1024]).is_ok() {}
    });
    assert!(!client.rest().is_empty());
    flood.join().unwrap();
    drop(client);
    let lines = gateway.all_ended_as(1, "upstream_timeout", "timeout");
    assert_eq!(lines[0]["status"], 101);
}

/// `idle` ends before `write_stall` does.
#[test]
fn an_idle_tunnel_whose_client_takes_nothing_is_client_gone() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write(SWITCH);
        while connection.try_write([b'x'; 16 * 1024]) {}
    });
    let gateway = Setup::new(open_api(&upstream, "upgrade: [websocket], idle: 2s"))
        .server("bounds: { write_stall: 60s }")
        .start();
    let client = tunnel(&gateway);
    upstream.wait_for_ends(1);
    drop(client);
    gateway.all_ended_as(1, "client_gone", "timeout");
}
