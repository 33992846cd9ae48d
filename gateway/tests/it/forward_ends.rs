//! Forwarding: an answer ends where its upstream ended it, and a truncated one is never completed.

use std::time::Duration;

use h2::Reason;

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::http1::{End, find, show};
use crate::support::{Gate, Gateway, H2, Upstream, one_pool, open_api, request};

/// T24. Each bodyless answer is followed by a whole one on the same two connections.
#[test]
fn bodyless_answers_with_and_without_length_leave_both_connections_usable() {
    let answers = [
        ("HEAD", "200 OK\r\nContent-Length: 5"),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked"),
        ("HEAD", "200 OK"),
        ("HEAD", "404 Not Found\r\nContent-Length: 5"),
        ("GET", "204 No Content"),
        ("GET", "204 No Content\r\nContent-Length: 0"),
        ("DELETE", "204 No Content"),
        ("GET", "304 Not Modified"),
        ("GET", "304 Not Modified\r\nContent-Length: 5"),
        ("GET", "200 OK\r\nContent-Length: 0"),
        ("GET", "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0"),
    ];
    let upstream = Upstream::scripted(move |connection| {
        while let Some(request) = connection.request() {
            match request.target.trim_start_matches('/').parse::<usize>() {
                Ok(index) => connection.write(format!("HTTP/1.1 {}\r\n\r\n", answers[index].1)),
                Err(_) => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"),
            }
        }
    });
    let gateway = one_pool(&upstream, "");
    let mut client = gateway.connect();
    let mut h2 = H2::connect(gateway.address("public"));
    for (index, (method, answer)) in answers.iter().enumerate() {
        let declared = answer.ends_with("Length: 5").then_some("5");
        let status: u16 = answer.split([' ', '\r']).next().unwrap().parse().unwrap();
        client.send(request(method, &format!("/{index}"), &[], ""));
        let response =
            if *method == "HEAD" { client.response_to_head() } else { client.response() };
        assert_eq!((response.status, response.text().as_str()), (status, ""), "{answer}");
        assert_eq!(
            response.field("content-length").filter(|&length| length != "0"),
            declared,
            "{answer}"
        );
        assert_eq!(
            client.send(request("GET", "/whole", &[], "")).response().text(),
            "whole",
            "{answer}"
        );
        let head = h2_request(method, &format!("/{index}"), &[]);
        let response = h2.request(head, "", None).unwrap();
        assert_eq!(
            (response.status, response.end, response.body.len()),
            (status, End::Stream, 0),
            "{answer}"
        );
        assert_eq!(
            response.field("content-length").filter(|&length| length != "0"),
            declared,
            "{answer}"
        );
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(3 * answers.len(), "forwarded", "complete");
}

/// An upstream that answers each request with `answer`, cut there by FIN or by RST once `seen` is open.
fn truncating(answer: &'static str, reset: bool, seen: &Gate) -> Upstream {
    let seen = seen.clone();
    Upstream::scripted(move |connection| {
        connection.request().unwrap();
        connection.write(answer);
        seen.wait();
        if reset {
            connection.reset();
        }
    })
}

const CUTS: [&str; 10] = [
    "Content-Length: 10\r\n\r\n",
    "Content-Length: 10\r\n\r\nshort",
    "Transfer-Encoding: chunked\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nshort",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n",
    "Transfer-Encoding: chunked\r\n\r\na\r\nshort",
    "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nx\r\n",
];

fn cut_answer(cut: &str) -> &'static str {
    format!("HTTP/1.1 200 OK\r\n{cut}").leak()
}

/// T25, T26. By FIN, at once behind the last byte: what came goes over whole, no end is made up, and the connection closes.
#[test]
fn a_truncated_answer_is_short_for_the_client_too() {
    for cut in CUTS {
        let open = Gate::default();
        open.open();
        let upstream = truncating(cut_answer(cut), false, &open);
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        let head = client.head();
        let body = client.rest();
        let (answer, end) = read_again(&head, &body);
        assert_eq!(end, End::Cut, "{cut:?} became {:?}", show(&body));
        assert_eq!(answer, if cut.contains("short") { "short" } else { "" }, "{cut:?}");
        assert!(find(&body, b"0\r\n").is_none(), "{cut:?} became {:?}", show(&body));
        drop(client);
        gateway.all_ended_as(1, "upstream_invalid", "upstream_closed");
    }
}

/// What comes behind a chunk line without digits is nobody's: neither content nor the next answer.
#[test]
fn an_answer_in_chunks_that_have_no_single_meaning_is_cut_and_its_connection_is_used_no_more() {
    for bad in ["\r\n\r\n", ";x\r\n\r\n", " 0\r\n\r\n", "+0\r\n\r\n", "0x0\r\n\r\n"] {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n";
        let upstream = Upstream::answering(format!("{answer}{bad}"));
        let gateway = Gateway::start(open_api(&upstream, ""));
        for round in 1..=2 {
            let mut client = gateway.connect();
            client.send(request("GET", "/", &[], ""));
            let (head, body) = (client.head(), client.rest());
            let (answer, end) = read_again(&head, &body);
            assert_eq!((&*answer, end), ("short", End::Cut), "{bad:?} became {:?}", show(&body));
            assert_eq!(gateway.lines(round)[round - 1]["outcome"], "upstream_invalid", "{bad:?}");
            assert_eq!(upstream.connections(), round, "{bad:?}");
        }
    }
}

/// What a client makes of a head and of all that came behind it.
fn read_again(head: &[u8], body: &[u8]) -> (String, End) {
    let bytes = [head, body].concat();
    let mut source = crate::support::http1::Source::new(bytes.as_slice());
    let response = source.response(false).unwrap();
    (response.text(), response.end)
}

/// T25, T26. By RST, once the client has what came before.
#[test]
fn an_answer_that_ends_in_a_reset_is_cut() {
    for cut in CUTS.into_iter().filter(|cut| cut.ends_with("short") || cut.ends_with("short\r\n")) {
        let seen = Gate::default();
        let upstream = truncating(cut_answer(cut), true, &seen);
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        let head = client.head();
        let mut body = Vec::new();
        while find(&body, b"short").is_none() {
            body.extend(client.exactly(1));
        }
        seen.open();
        body.extend(client.rest());
        assert_eq!(read_again(&head, &body), ("short".to_owned(), End::Cut), "{cut:?}");
        drop(client);
        gateway.all_ended_as(1, "upstream_invalid", "upstream_closed");
    }
}

/// T27. What came goes over, then the stream ends in a fault of ours: `before` or after the client has seen the head.
fn is_reset_on_http2(before: bool) {
    for cut in CUTS {
        let seen = Gate::default();
        if before {
            seen.open();
        }
        let upstream = truncating(cut_answer(cut), false, &seen);
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut h2 = H2::connect(gateway.address("public"));
        let (response, _) = h2.start(h2_request("GET", "/", &[]), true).unwrap();
        let response = h2.wait(response).unwrap_or_else(|fault| panic!("{cut:?} became {fault}"));
        assert_eq!(response.status(), 200);
        seen.open();
        let mut body = response.into_body();
        let mut arrived = Vec::new();
        let fault = loop {
            match h2.wait(body.data()) {
                Some(Ok(piece)) => arrived.extend(piece),
                Some(Err(fault)) => break fault,
                None => panic!("{cut:?} became a whole answer"),
            }
        };
        assert!(fault.is_reset(), "{fault}");
        assert_eq!(fault.reason(), Some(Reason::INTERNAL_ERROR), "{cut:?}");
        assert_eq!(show(&arrived), if cut.contains("short") { "short" } else { "" }, "{cut:?}");
        gateway.all_ended_as(1, "upstream_invalid", "upstream_closed");
    }
}

/// T27
#[test]
fn a_truncated_answer_is_a_reset_on_http2() {
    is_reset_on_http2(false);
}

/// T27
#[test]
fn an_answer_that_is_truncated_at_once_does_not_vanish_on_http2() {
    is_reset_on_http2(true);
}

/// T28
#[test]
fn an_answer_that_ends_with_its_connection_is_chunked_for_the_client() {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
        connection.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for _ in 0..2 {
        let response = client.send(request("GET", "/", &[], "")).response();
        assert_eq!((response.text().as_str(), response.end), ("until the end", End::Chunked));
        assert_eq!(response.field("transfer-encoding"), Some("chunked"));
        assert_eq!(
            response.all("connection"),
            Vec::<&str>::new(),
            "the upstream's connection is not the client's"
        );
    }
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    assert_eq!((response.text().as_str(), response.end), ("until the end", End::Stream));
    gateway.all_ended_as(3, "forwarded", "complete");
}

/// T28. A client of HTTP/1.0 cannot tell an end from a cut unless the cut is a reset.
#[test]
fn a_cut_of_an_answer_that_ends_with_its_connection_shows() {
    for (version, expected) in [("1.1", Closed::Fin), ("1.0", Closed::Reset)] {
        let seen = Gate::default();
        let upstream = truncating("HTTP/1.1 200 OK\r\n\r\nshort", true, &seen);
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
        client.head();
        let framed: &[u8] = if version == "1.1" { b"5\r\nshort\r\n" } else { b"short" };
        assert_eq!(client.exactly(framed.len()), framed);
        seen.open();
        assert_eq!(client.closed(), expected, "HTTP/{version}");
        drop(client);
        gateway.all_ended_as(1, "upstream_invalid", "upstream_closed");
    }
}

/// Row 15 of the table: bytes behind the end of an answer belong to nobody.
#[test]
fn what_an_upstream_sends_behind_its_answer_reaches_nobody() {
    let upstream = Upstream::scripted(|connection| {
        while connection.request().is_some() {
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for _ in 0..10 {
        assert_eq!(client.send(request("GET", "/", &[], "")).response().text(), "ok");
    }
    assert!(client.is_quiet_for(Duration::from_millis(50)));
    assert_eq!(upstream.connections(), 10);
    gateway.all_ended_as(10, "forwarded", "complete");
}

/// Row 15, for HEAD.
#[test]
fn an_answer_to_head_that_has_a_body_all_the_same_does_not_shift_the_next() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for _ in 0..10 {
        assert_eq!(
            client.send(request("HEAD", "/", &[], "")).response_to_head().field("content-length"),
            Some("5")
        );
        assert_eq!(client.send(request("GET", "/", &[], "")).response().text(), "wrong");
    }
    gateway.all_ended_as(20, "forwarded", "complete");
}
