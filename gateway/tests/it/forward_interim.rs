//! Forwarding: interim answers, and what a client that expects one is told.

use std::time::Duration;

use crate::support::h2c::h2_request;
use crate::support::http1::{End, show};
use crate::support::{Client, Gate, Gateway, H2, Upstream, one_api, one_pool, open_api, request};

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Sends the head of a request with a body of five bytes that waits to be asked for.
fn expecting<'c>(client: &'c mut Client, fields: &[(&str, &str)]) -> &'c mut Client {
    let own = [("Content-Length", "5"), ("Expect", "100-continue")];
    client.send(request("POST", "/", &[&own, fields].concat(), ""))
}

/// T18. The first hint is read before the rest is sent: it does not wait for company.
#[test]
fn interim_answers_arrive_in_order_and_at_once() {
    let gate = Gate::default();
    let upstream = Upstream::scripted({
        let gate = gate.clone();
        move |connection| {
            while connection.request().is_some() {
                connection.write(HINT);
                gate.wait();
                connection.write(["HTTP/1.1 102 Processing\r\n\r\n", HINT, OK].concat());
            }
        }
    });
    let gateway = one_pool(&upstream, "");
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[], ""));
    let first = client.response();
    assert_eq!((first.status, first.field("link")), (103, Some("</style.css>")));
    gate.open();
    let statuses = [(); 3].map(|()| client.response().status);
    assert_eq!(statuses, [102, 103, 200]);
    client.send(request("GET", "/", &[], ""));
    assert_eq!([(); 4].map(|()| client.response().status), [103, 102, 103, 200]);
    // To HTTP/2 the answer comes alone, or behind interim heads, which the h2 client skips.
    assert_eq!(H2::connect(gateway.address("public")).get("/", &[]).text(), "ok");
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(3, "forwarded", "complete");
}

/// T19. The very first bytes are the refusal; afterwards the connection closes, as the body may come or not.
#[test]
fn no_body_is_asked_for_before_the_decision() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for key in [&[][..], &[("x-api-key", "ak_nobody-has-this")]] {
        let mut client = gateway.connect();
        let response = expecting(&mut client, key).response();
        assert_eq!((response.status, response.field("connection")), (401, Some("close")));
        client.finish();
        client.closed();
    }
    assert_eq!(upstream.connections(), 0);
    gateway.ended_as(&[("credential_missing", "complete"), ("credential_unknown", "complete")]);
}

/// T19, T20. It is the upstream that asks for the body.
#[test]
fn the_upstream_asks_for_the_body_and_both_connections_take_another_request() {
    let upstream = Upstream::scripted(|connection| {
        while let Some(mut request) = connection.head() {
            assert_eq!(request.field("expect"), Some("100-continue"));
            connection.write(CONTINUE);
            connection.body(&mut request);
            assert_eq!(request.body, b"hello");
            connection.write(OK);
        }
    });
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    for _ in 0..3 {
        let asked = expecting(&mut client, &[("x-api-key", &secret)]).response();
        assert_eq!(asked.status, 100);
        let answer = client.send("hello").response();
        assert_eq!((answer.status, answer.field("connection")), (200, None));
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(3, "forwarded", "complete");
}

/// T19. An answer instead of the 100: nobody can tell whether the body still comes, so the connections end.
#[test]
fn a_final_answer_before_the_body_was_asked_for_closes_both_connections() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    let response = expecting(&mut client, &[]).response();
    assert_eq!((response.status, response.field("connection")), (417, Some("close")));
    client.finish();
    client.closed();
    upstream.wait_for_ends(1);
    assert_eq!(upstream.bytes(0), upstream.requests()[0].head);
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T21. The session cannot send it a 100, so the upstream is not asked for one.
#[test]
fn an_http2_client_with_expect_is_served() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut h2 = H2::connect(gateway.address("public"));
    let response =
        h2.request(h2_request("POST", "/", &[("expect", "100-continue")]), "hello", None).unwrap();
    let echo = response.echo();
    assert_eq!((echo.body(), echo.field("expect")), ("hello", None));
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T22
#[test]
fn no_interim_answer_reaches_an_http10_client() {
    let upstream = Upstream::answering([HINT, CONTINUE, OK].concat());
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let answer = show(&client.rest());
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"),
        "{answer}"
    );
    assert!(!answer.contains("103") && !answer.contains("100 Continue"), "{answer}");
    drop(client);
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T23. The flood and the drip: neither moves the deadline of the final head.
#[test]
fn endless_interim_answers_end_in_upstream_timeout() {
    for pause in [None, Some(Duration::from_millis(20))] {
        let upstream = Upstream::scripted(move |connection| {
            connection.request().unwrap();
            let stream = connection.stream().try_clone().unwrap();
            stream.set_read_timeout(pause).unwrap();
            while pause.is_none() || stream.peek(&mut [0]).is_err() {
                if !connection.try_write(HINT) {
                    return;
                }
            }
        });
        let gateway = Gateway::start(open_api(&upstream, "timeout: 1s"));
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        let mut interim = 0;
        let last = loop {
            match client.response() {
                response if response.status == 103 => interim += 1,
                response => break response,
            }
        };
        assert!(interim > 1);
        assert_eq!(
            (last.status, last.code().as_str(), last.end),
            (504, "upstream_timeout", End::Length)
        );
        upstream.wait_for_ends(1);
        gateway.all_ended_as(1, "upstream_timeout", "complete");
    }
}

/// T23, HTTP/2.
#[test]
fn endless_interim_answers_end_in_upstream_timeout_on_http2_too() {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
        while connection.try_write(HINT) {}
    });
    let gateway = Gateway::start(open_api(&upstream, "timeout: 500ms"));
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    gateway.all_ended_as(1, "upstream_timeout", "complete");
}
