//! Forwarding: an endpoint is left out for what it did itself, and whoever owes is the one that is named.

use std::time::Duration;

use crate::support::h2c::h2_request;
use crate::support::http1::End;
use crate::support::sockets::small_stream;
use crate::support::{Client, Gateway, H2, Setup, Upstream, request};

/// One failure is enough to be left out, and then it is for long.
fn judging(upstream: &Upstream, keys: &str) -> Setup {
    Setup::new(format!(
        "upstreams: {{ app: {{ endpoints: ['{}'], outlier: {{ consecutive_failures: 1, eject_for: 10m }} }} }}\n\
         apis:\n  - name: app\n    upstream: app\n    routes: [{{ path: /**, auth: none, {keys} }}]\n",
        upstream.address()
    ))
}

/// How often an endpoint was left out, once so many requests have ended.
fn ejections(gateway: &Gateway, ended: usize) -> u64 {
    gateway.lines(ended);
    gateway.metrics().count("upstream_ejections_total", &[])
}

fn silent() -> Upstream {
    Upstream::scripted(|connection| {
        connection.head();
        connection.closed();
    })
}

/// An upstream that gives for as long as anybody takes it.
fn endless() -> Upstream {
    Upstream::scripted(|connection| {
        connection.request().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
        while connection.try_write([b'x'; 16 * 1024]) {}
    })
}

#[test]
fn an_endpoint_that_does_not_answer_is_left_out() {
    for keys in ["timeout: 300ms", "deadline: 1s"] {
        let upstream = silent();
        let gateway = judging(&upstream, keys).start();
        assert_eq!(gateway.get("/", &[]).status, 504);
        assert_eq!(ejections(&gateway, 1), 1, "{keys}");
    }
}

#[test]
fn a_stream_that_ends_at_its_routes_deadline_is_no_failure_of_its_endpoint() {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n");
        connection.closed();
    });
    let gateway = judging(&upstream, "deadline: 2s").start();
    let response = gateway.get("/", &[]);
    assert_eq!((response.text().as_str(), response.end), ("event", End::Cut));
    assert_eq!(ejections(&gateway, 1), 0);
    gateway.all_ended_as(1, "upstream_timeout", "timeout");
}

/// Most of the time was the client's.
#[test]
fn a_deadline_that_the_upload_has_used_up_is_no_failure_of_the_endpoint() {
    let upstream = silent();
    let gateway = judging(&upstream, "deadline: 4s").start();
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "5")], "hell"));
    assert!(client.is_quiet_for(Duration::from_millis(2700)));
    assert_eq!(client.send("o").response().code(), "upstream_timeout");
    assert_eq!(ejections(&gateway, 1), 0);
}

/// `idle` ends before `write_stall` does.
#[test]
fn a_client_that_takes_nothing_for_idle_is_client_gone_and_no_failure_of_the_endpoint() {
    let upstream = endless();
    let gateway = judging(&upstream, "idle: 2s").server("bounds: { write_stall: 60s }").start();
    let mut client = Client::over(small_stream(gateway.address("public")));
    client.send(request("GET", "/", &[], ""));
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, _) = h2.start(h2_request("GET", "/", &[]), true).unwrap();
    let _unread = h2.wait(response).unwrap().into_body();
    upstream.wait_for_ends(2);
    assert_eq!(ejections(&gateway, 2), 0);
    assert_eq!(client.response().end, End::Cut);
    drop(client);
    let lines = gateway.all_ended_as(2, "client_gone", "timeout");
    assert!(lines.iter().all(|line| line["status"] == 499), "{lines:#?}");
}

#[test]
fn a_client_that_takes_nothing_for_write_stall_is_499() {
    let upstream = endless();
    let gateway = judging(&upstream, "").server("bounds: { write_stall: 500ms }").start();
    let mut client = Client::over(small_stream(gateway.address("public")));
    client.send(request("GET", "/", &[], ""));
    upstream.wait_for_ends(1);
    assert_eq!(ejections(&gateway, 1), 0);
    assert_eq!(gateway.metrics().count("requests_total", &[("status", "499")]), 1);
    drop(client);
    let lines = gateway.all_ended_as(1, "client_gone", "timeout");
    assert_eq!(lines[0]["status"], 499);
}

#[test]
fn a_grpc_stream_whose_client_is_quiet_for_idle_is_no_failure_of_its_endpoint() {
    let upstream = silent();
    let gateway = judging(&upstream, "idle: 500ms").start();
    let mut h2 = H2::connect(gateway.address("public"));
    let head = h2_request("POST", "/", &[("content-type", "application/grpc")]);
    let (response, _writer) = h2.start(head, false).unwrap();
    let response = h2.finish(response).unwrap();
    assert_eq!((response.status, response.field("grpc-status")), (200, Some("4")));
    assert_eq!(ejections(&gateway, 1), 0);
    gateway.all_ended_as(1, "request_timeout", "complete");
}

/// The same where `body_rate` would have ended another stream long before: contract 2.
#[test]
fn a_grpc_stream_may_be_quiet_within_idle() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = judging(&upstream, "idle: 60s").server("bounds: { body_rate: 1MiB }").start();
    let mut h2 = H2::connect(gateway.address("public"));
    let head = h2_request("POST", "/", &[("content-type", "application/grpc")]);
    let (response, mut writer) = h2.start(head, false).unwrap();
    let quiet = h2.wait(async {
        tokio::time::timeout(
            Duration::from_secs(12),
            std::future::poll_fn(|cx| writer.poll_reset(cx)),
        )
        .await
    });
    assert!(quiet.is_err(), "{quiet:?}");
    writer.send_data("x".into(), true).unwrap();
    assert_eq!(h2.finish(response).unwrap().text(), "ok");
    gateway.all_ended_as(1, "forwarded", "complete");
}
