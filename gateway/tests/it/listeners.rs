//! Contract 2, `server.listeners`: what one says holds on its own socket.

use crate::support::h2c::h2_request;
use crate::support::{Client, H2, Setup, Upstream, open_api, request};

#[test]
fn a_listener_without_http2_takes_its_preface_for_a_bad_request() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(open_api(&upstream, "")).listener("http2: false").start();
    let response = gateway.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!((response.status, response.code().as_str()), (400, "request_malformed"));
    assert_eq!(response.version, "HTTP/1.1");
    assert_eq!(gateway.get("/", &[]).status, 200);
    gateway.ended_as(&[("request_malformed", "complete"), ("forwarded", "complete")]);
}

#[test]
fn an_api_is_served_on_its_listeners_alone() {
    let upstream = Upstream::echo();
    let address = upstream.address();
    let gateway = Setup::new(format!(
        "upstreams: {{ app: ['{address}'] }}\n\
         apis:\n\
         - {{ name: inner, listeners: [inner], upstream: app, routes: [{{ path: /**, auth: none }}] }}\n\
         - {{ name: both, hosts: [both.test], upstream: app, routes: [{{ path: /**, auth: none }}] }}\n"
    ))
    .server("listeners: [{ name: public, address: '127.0.0.1:0' }, { name: inner, address: '127.0.0.1:0' }]")
    .start();
    for (listener, host, status) in [
        ("inner", "app.test", 200),
        ("public", "app.test", 404),
        ("inner", "both.test", 200),
        ("public", "both.test", 200),
    ] {
        let bytes = request("GET", "/", &[("host", host)], "");
        let response = Client::connect(gateway.address(listener)).send(bytes).response();
        assert_eq!(response.status, status, "{host} on {listener}");
        let mut h2 = H2::connect(gateway.address(listener));
        let response = h2.request(h2_request("GET", "/", &[("host", host)]), "", None).unwrap();
        assert_eq!(response.status, status, "{host} on {listener}");
    }
    let (good, bad) = (("forwarded", "complete"), ("host_unknown", "complete"));
    gateway.ended_as(&[good, good, good, good, good, good, bad, bad]);
}
