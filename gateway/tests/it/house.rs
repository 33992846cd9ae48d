//! The test house is right about what it sees: a client of its own against an upstream of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::http1::End;
use crate::support::{Client, Gate, Gateway, H2, Upstream, open_api, request};

#[test]
fn an_echo_tells_what_it_received_with_order_case_and_duplicates() {
    let upstream = Upstream::echo();
    let mut client = Client::connect(upstream.address());
    client.send_bytewise(request("PUT", "/a?b=%20c", &[("X-One", "1"), ("x-one", "2")], "hello"));
    let echo = client.response().echo();
    assert_eq!((echo.method(), echo.target(), echo.body()), ("PUT", "/a?b=%20c", "hello"));
    assert_eq!(echo.names(), ["host", "x-one", "x-one", "content-length"]);
    assert_eq!(echo.all("x-one"), ["1", "2"]);
    assert!(client.is_usable());
    let requests = upstream.wait_for_requests(2);
    assert_eq!((requests[0].connection, requests[1].connection), (0, 0));
    assert_eq!(
        upstream.bytes(0),
        [requests[0].head.as_slice(), b"hello", &requests[1].head].concat()
    );
}

#[test]
fn chunks_trailers_and_cuts_are_told_apart() {
    let upstream = Upstream::scripted(|connection| {
        let request = connection.request().unwrap();
        assert_eq!((request.chunks.len(), request.end), (2, End::Chunked));
        assert_eq!(request.trailers, [("X-T".to_owned(), "v".to_owned())]);
        connection.write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
        );
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort");
    });
    let mut client = Client::connect(upstream.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("1;x=y\r\na\r\n2\r\nbc\r\n0\r\nX-T: v\r\n\r\n");
    let whole = client.response();
    assert_eq!((whole.text().as_str(), whole.end, whole.trailers.len()), ("abc", End::Chunked, 1));
    let cut = client.response();
    assert_eq!((cut.text().as_str(), cut.end), ("short", End::Cut));
    upstream.wait_for_ends(1);
    assert_eq!(upstream.requests()[0].body, b"abc");
}

#[test]
fn a_script_waits_at_its_gate_and_can_reset() {
    let (gate, told) = (Gate::default(), Gate::default());
    let upstream = Upstream::scripted({
        let (gate, told) = (gate.clone(), told.clone());
        move |connection| {
            connection.head().unwrap();
            told.open();
            gate.wait();
            connection.reset();
        }
    });
    let mut client = Client::connect(upstream.address());
    client.send(request("GET", "/", &[], ""));
    told.wait();
    gate.open();
    assert!(client.try_response().is_none());
}

/// What makes a test fail.
fn complaint(of: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(of)).unwrap_err().downcast().unwrap()
}

#[test]
fn a_secret_that_an_upstream_is_sent_or_a_client_is_told_fails_the_test() {
    let silent = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = Gateway::start(open_api(&silent, ""));
    let secret = gateway.mint("u_1", "org_1");
    gateway.get("/", &[("x-api-key", &secret)]);
    assert!(complaint(|| drop(gateway)).contains("was sent to the upstream"));
    let echo = Upstream::echo();
    let gateway = Gateway::start(open_api(&echo, ""));
    let secret = gateway.mint("u_1", "org_1");
    let key = [("x-api-key", secret.as_str())];
    assert!(complaint(|| drop(gateway.get("/", &key))).contains("a client is told"));
    let mut h2 = H2::connect(gateway.address("public"));
    assert!(complaint(|| drop(h2.get("/", &key))).contains("a client is told"));
    gateway.forwards_credentials();
    assert_eq!(gateway.get("/", &key).status, 200);
}
