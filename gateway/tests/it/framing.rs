//! Contract 2, 5 and 6, stage `accept`: a head whose framing could mean two things goes nowhere.

use std::time::Duration;

use crate::support::h2c::h2_request;
use crate::support::http1::show;
use crate::support::{Gateway, H2, Setup, Upstream, one_api, open_api, request};

/// Each head gets 400, the default body and a closed connection; nothing reaches the upstream; each is counted and logged once.
fn each_is_refused(heads: &[&[u8]]) {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for head in heads {
        let mut client = gateway.connect();
        client.send(head);
        let response = client.response();
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{}",
            show(head)
        );
        assert_eq!(response.field("connection"), Some("close"), "{}", show(head));
        client.finish();
        client.closed();
        let line = gateway.line(&response.request_id());
        assert_eq!(
            (&line["outcome"], &line["stage"]),
            (&"request_malformed".into(), &"accept".into())
        );
        assert_eq!(line["status"], 400);
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(gateway.lines(heads.len()).len(), heads.len(), "one line each");
    let labels = [("outcome", "request_malformed"), ("blame", "client"), ("status", "400")];
    let count = gateway.metrics().sum("requests_total", &labels);
    assert!((count - heads.len() as f64).abs() < 0.5, "{count} counted of {}", heads.len());
}

#[test]
fn lengths_that_conflict_repeat_or_are_no_numbers_are_refused() {
    each_is_refused(&[
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
    ]);
}

#[test]
fn a_length_beside_a_transfer_coding_is_refused_in_either_order() {
    each_is_refused(&[
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    ]);
}

#[test]
fn a_transfer_coding_that_is_not_exactly_chunked_is_refused() {
    each_is_refused(&[
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]);
}

#[test]
fn bare_line_feeds_and_carriage_returns_are_refused_at_once() {
    each_is_refused(&[
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\nx-b: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\rx-b: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    ]);
}

#[test]
fn none_or_several_hosts_or_one_that_is_no_authority_are_refused() {
    each_is_refused(&[
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    ]);
}

#[test]
fn an_absolute_target_that_disagrees_with_host_is_refused() {
    each_is_refused(&[
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    ]);
}

#[test]
fn field_names_outside_letters_digits_and_hyphen_are_refused() {
    each_is_refused(&[
        b"GET / HTTP/1.1\r\nHost: a\r\nx_a: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx.a: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx a: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx\xc3\xa9: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx\0a: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    ]);
}

#[test]
fn folded_lines_and_control_bytes_in_values_are_refused() {
    each_is_refused(&[
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\n 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\n\t2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: \x1b[31m\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-a: \x7f\r\n\r\n",
    ]);
}

#[test]
fn request_lines_that_are_not_one_are_refused() {
    each_is_refused(&[
        b"GET /\r\nHost: a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
        b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / http/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/9.1\r\nHost: a\r\n\r\n",
        b"G<T / HTTP/1.1\r\nHost: a\r\n\r\n",
        b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"/ HTTP/1.1\r\nHost: a\r\n\r\n",
    ]);
}

#[test]
fn a_tls_hello_on_a_plaintext_listener_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).server("bounds: { head_timeout: 300ms }").start();
    let mut client = gateway.connect();
    client.send(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03 and more");
    let response = client.response();
    assert!([400, 408].contains(&response.status), "{}", response.status);
    client.finish();
    client.closed();
    assert_eq!(gateway.line(&response.request_id())["stage"], "accept");
}

#[test]
fn naming_host_or_a_framing_field_in_connection_is_refused() {
    each_is_refused(&[
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Content-Length\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]);
}

#[test]
fn an_absolute_target_that_agrees_with_host_is_served_in_origin_form() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for (target, host) in
        [("http://a.test/p?q=1", "a.test"), ("http://A.test:8080/p?q=1", "a.TEST:8080")]
    {
        let echo = gateway.get(target, &[("host", host), ("x-api-key", &secret)]).echo();
        assert_eq!(echo.target(), "/p?q=1");
    }
}

#[test]
fn an_http2_host_that_disagrees_with_the_authority_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut h2 = H2::connect(gateway.address("public"));
    let mut ask = |hosts: &[&str]| {
        let mut head = h2_request("GET", "/", &[("x-api-key", &secret)]);
        for host in hosts {
            head.headers_mut().append("host", host.parse().unwrap());
        }
        h2.request(head, "", None).unwrap()
    };
    for hosts in [&["other.test"][..], &["app.test", "app.test"], &["app.test", "other.test"]] {
        let response = ask(hosts);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{hosts:?}"
        );
    }
    assert_eq!(ask(&["app.test"]).echo().field("host").as_deref(), Some("app.test"));
}

#[test]
fn what_follows_a_refused_head_is_not_read_as_a_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\n\r\n"
    ));
    assert_eq!(client.response().status, 400);
    client.finish();
    client.closed();
    assert_eq!(upstream.connections(), 0);
    assert_eq!(gateway.lines(1).len(), 1);
}

#[test]
fn what_follows_a_malformed_body_is_not_read_as_a_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for line in [";", "xyz"] {
        let mut client = gateway.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\nTransfer-Encoding: chunked\r\n\r\n{line}\r\n"
        ));
        let response = client.response();
        assert_eq!(response.status, 400, "{line}");
        assert_eq!(response.field("connection"), Some("close"), "{line}");
        client.send(format!(
            "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\n\r\n"
        ));
        client.finish();
        client.closed();
    }
    assert_eq!(gateway.lines(2).len(), 2);
}

#[test]
fn a_chunk_size_that_is_none_ends_the_exchange_with_400() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for size in ["ffffffffffffffffff", "-1", "xyz", "", "0x5"] {
        let mut client = gateway.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nhello\r\n0\r\n\r\n"
        ));
        let response = client.response();
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{size}"
        );
        assert_eq!(gateway.line(&response.request_id())["outcome"], "request_malformed");
        client.finish();
        client.closed();
    }
}

#[test]
fn a_request_sent_byte_by_byte_is_served() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    client.send_bytewise(format!(
        "POST /p HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\nContent-Length: 5\r\n\r\nhello"
    ));
    assert_eq!(client.response().echo().body(), "hello");
}

/// RFC 9112, section 2.2, wherever the packets end.
#[test]
fn empty_lines_before_a_request_are_skipped_however_they_arrive() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    for before in ["\r\n", "\r\n\r\n"] {
        let mut client = gateway.connect();
        for byte in before.bytes() {
            client.send([byte]);
            // Each in a packet of its own, which the gateway has read.
            assert!(client.is_quiet_for(Duration::from_millis(20)));
        }
        assert_eq!(client.send(request("GET", "/", &[], "")).response().status, 200);
    }
    let mut client = gateway.connect();
    client.send("\r");
    assert!(client.is_quiet_for(Duration::from_millis(20)));
    assert_eq!(client.send("x").response().code(), "request_malformed");
}
