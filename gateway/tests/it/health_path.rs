//! Contract 2, `health_path`: a load balancer's question on the listener itself.

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Setup, Upstream, one_api_with, request};

fn gateway(upstream: &Upstream) -> Setup {
    let lines = "hosts: [app.test]\nroutes: [{ path: /**, auth: none }]";
    Setup::new(one_api_with(upstream, lines)).listener("health_path: /-/ready")
}

#[test]
fn it_is_answered_before_routing_for_any_host_and_method() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream).start();
    for host in ["app.test", "other.test", "127.0.0.1:1", "[::1]"] {
        let response = gateway.get("/-/ready", &[("host", host)]);
        assert_eq!((response.status, response.text().as_str()), (200, "ready\n"), "{host}");
    }
    let mut client = gateway.connect();
    assert_eq!(client.send(request("HEAD", "/-/ready?x", &[], "")).response_to_head().status, 200);
    assert_eq!(client.send(request("OPTIONS", "/-/ready", &[], "")).response().status, 200);
    assert_eq!(client.send(request("POST", "/-/ready", &[], "hello")).response().status, 200);
    assert_eq!(client.send(request("GET", "/-/ready/x", &[], "")).response().status, 200);
    assert_eq!(upstream.requests().len(), 1, "only the last was a request");
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!(h2.request(h2_request("GET", "/-/ready", &[]), "", None).unwrap().status, 200);
}

/// As load balancers ask by default.
#[test]
fn it_is_answered_over_http10_without_a_host_which_nothing_else_is() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream).start();
    for method in ["OPTIONS", "GET"] {
        let response = gateway.send(format!("{method} /-/ready HTTP/1.0\r\n\r\n"));
        assert_eq!((response.status, response.text().as_str()), (200, "ready\n"));
    }
    for head in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET /-/ready HTTP/1.1\r\n\r\n",
        "GET /-/ready HTTP/1.0\r\nHost:\r\n\r\n",
    ] {
        let response = gateway.send(head);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{head}"
        );
    }
    assert_eq!(upstream.connections(), 0);
    gateway.all_ended_as(3, "request_malformed", "complete");
}

#[test]
fn it_is_neither_logged_nor_counted() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/-/ready", &[]).status, 200);
    }
    let response = gateway.get("/x", &[]);
    gateway.line(&response.request_id());
    assert_eq!(gateway.lines(1).len(), 1);
    assert!((gateway.metrics().sum("requests_total", &[]) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn it_is_503_from_the_signal_to_leave_on_while_requests_are_still_served() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream).server("drain: { delay: 60s, timeout: 10s }").start();
    let mut client = gateway.connect();
    assert_eq!(client.send(request("GET", "/-/ready", &[], "")).response().status, 200);
    gateway.sigterm();
    gateway
        .stderr
        .wait("draining", |lines| lines.iter().any(|line| line.contains("draining")).then_some(()));
    let response = client.send(request("GET", "/-/ready", &[], "")).response();
    assert_eq!((response.status, response.text().as_str()), (503, "draining\n"));
    assert_eq!(gateway.get("/x", &[]).status, 200);
    // A second signal ends the delay.
    gateway.sigterm();
    assert_eq!(client.closed(), Closed::Fin);
    assert!(gateway.wait_exit().success());
}

#[test]
fn without_the_key_the_path_is_a_path() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, "routes: [{ path: /**, auth: none }]"));
    assert_eq!(gateway.get("/-/ready", &[]).echo().target(), "/-/ready");
}
