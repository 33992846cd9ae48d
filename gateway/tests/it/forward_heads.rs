//! Forwarding: heads across the crossing, and heads that are none.

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::http1::{End, Fields, show};
use crate::support::{Gateway, H2, Response, Upstream, one_pool, open_api, request};

/// The answer to `GET /` of a gateway in front of an upstream that answers with these bytes and keeps the connection.
fn answer_to(response: &str) -> (Gateway, Upstream, Response) {
    let upstream = Upstream::answering(response);
    let gateway = Gateway::start(open_api(&upstream, ""));
    let response = gateway.get("/", &[]);
    (gateway, upstream, response)
}

/// T29, the client's.
#[test]
fn close_in_a_second_connection_line_of_the_client_is_obeyed() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start(open_api(&upstream, ""));
    for lines in [
        &["keep-alive", "close"][..],
        &["close", "keep-alive"],
        &["x-a, Close"],
        &["keep-alive,close"],
    ] {
        let fields: Vec<_> = lines.iter().map(|&line| ("Connection", line)).collect();
        let mut client = gateway.connect();
        let response = client.send(request("GET", "/", &fields, "")).response();
        assert_eq!(
            (response.text().as_str(), response.field("connection")),
            ("ok", Some("close")),
            "{lines:?}"
        );
        assert_eq!(client.closed(), Closed::Fin, "{lines:?}");
    }
    gateway.all_ended_as(4, "forwarded", "complete");
}

/// T29, the upstream's. It keeps its connections open all the same, to tempt.
#[test]
fn close_in_a_second_connection_line_of_the_upstream_is_obeyed() {
    let cases = [
        "keep-alive\r\nConnection: close",
        "x-a\r\nconnection: x-b, Close",
        "close\r\nConnection: keep-alive",
    ];
    let upstream = Upstream::scripted(move |connection| {
        while connection.request().is_some() {
            let lines = cases[connection.index().min(2)];
            connection.write(format!(
                "HTTP/1.1 200 OK\r\nConnection: {lines}\r\nContent-Length: 2\r\n\r\nok"
            ));
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for count in 1..=4 {
        let response = client.send(request("GET", "/", &[], "")).response();
        assert_eq!((response.text().as_str(), response.all("connection").len()), ("ok", 0));
        upstream.wait_for_ends(count);
    }
    assert_eq!(upstream.connections(), 4);
    gateway.all_ended_as(4, "forwarded", "complete");
}

/// T30
#[test]
fn an_http10_client_gets_no_chunks() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    let gateway = one_pool(&upstream, "");
    for connection in ["", "Connection: keep-alive\r\n"] {
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.0\r\nHost: a\r\n{connection}\r\n"));
        let response = client.response();
        assert_eq!((response.text().as_str(), response.end), ("abcdefg", End::Close));
        assert_eq!(
            response.all("transfer-encoding").len() + response.all("content-length").len(),
            0
        );
    }
    let requests = upstream.requests();
    assert!(requests.iter().all(|request| request.version == "HTTP/1.1"));
    assert_eq!(upstream.connections(), 1, "the client's version is not the upstream's affair");
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// T31
#[test]
fn a_204_carries_no_length() {
    for lines in ["Content-Length: 0\r\n", "Content-Length: 5\r\n", ""] {
        let upstream = Upstream::answering(format!("HTTP/1.1 204 No Content\r\n{lines}\r\n"));
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        let head = show(&client.head()).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 204 ") && !head.contains("content-length"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert!(client.is_usable());
        let response = H2::connect(gateway.address("public")).get("/", &[]);
        assert_eq!((response.status, response.field("content-length")), (204, None));
        gateway.all_ended_as(3, "forwarded", "complete");
    }
}

/// T32
#[test]
fn a_doubled_equal_length_is_sent_once() {
    for lines in [
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3, 3",
        "Content-Length: 3 ,3\r\ncontent-length: 3",
    ] {
        let (gateway, _upstream, response) =
            answer_to(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nabc"));
        assert_eq!(
            (response.status, response.all("content-length")),
            (200, vec!["3"]),
            "{lines:?}"
        );
        assert_eq!((response.text().as_str(), response.end), ("abc", End::Length));
        gateway.all_ended_as(1, "forwarded", "complete");
    }
}

/// T32, and row 10 of the table: each is 502 with nothing of it behind, counted and logged once; the client's connection stays.
#[test]
fn a_head_that_is_none_is_upstream_invalid() {
    let filler = "x".repeat(2 << 20);
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ncontent-length: 4\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nno field\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nx-a: \x01\r\n\r\nabcd",
        "HTTP/1.1 0 OK\r\n\r\nabcd",
        "HTTP/1.1 abc OK\r\n\r\nabcd",
        "HTTP/2.0 200 OK\r\n\r\nabcd",
        "HTTP/9.9 200 OK\r\n\r\nabcd",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\r\n\r\n\r\n\r\n",
        "abcd",
        "",
        &format!("HTTP/1.1 200 OK\r\nx-fill: {filler}"),
    ];
    let upstream = Upstream::scripted({
        let heads = heads.map(str::to_owned);
        move |connection| {
            let index: usize =
                connection.request().unwrap().target.trim_start_matches('/').parse().unwrap();
            connection.write(&heads[index]);
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for (index, head) in heads.iter().enumerate() {
        let head = head.get(..100).unwrap_or(head);
        let response = client.send(request("GET", &format!("/{index}"), &[], "")).response();
        assert_eq!(
            (response.status, response.code().as_str()),
            (502, "upstream_invalid"),
            "{head:?}"
        );
        assert_eq!(response.field("connection"), None, "{head:?}");
    }
    let lines = gateway.all_ended_as(heads.len(), "upstream_invalid", "complete");
    assert!(lines.iter().all(|line| line["status"] == 502));
}

/// The fields that a client gets besides the gateway's own.
fn of_upstream(response: &Response) -> Fields {
    let mut fields = response.fields.clone();
    fields.retain(|(name, _)| {
        !["x-request-id", "content-length", "transfer-encoding"]
            .contains(&&*name.to_ascii_lowercase())
    });
    fields
}

fn by_name(mut fields: Fields) -> Fields {
    fields.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    fields
}

/// T33
#[test]
fn every_field_of_the_upstream_arrives_as_it_was_sent() {
    let fields = [
        ("Date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ("Server", "some upstream/1.0"),
        ("Set-Cookie", "a=1; Path=/"),
        ("X-oDD", "one"),
        ("set-cookie", "b=2; Expires=Tue, 15 Nov 1994 08:12:31 GMT"),
        ("x-odd", "two"),
        ("X-Empty", ""),
        ("X-Latin", "caf\u{e9}"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Vary", "accept, x-odd"),
    ];
    let mut head = b"HTTP/1.1 299 Fine By Me\r\n".to_vec();
    for (name, value) in fields {
        head.extend(format!("{name}: ").bytes());
        head.extend(value.chars().map(|char| u8::try_from(char).unwrap()));
        head.extend(b"\r\n");
    }
    head.extend(b"Content-Length: 2\r\n\r\nok");
    let upstream = Upstream::answering(head);
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[], ""));
    let head = client.head();
    assert!(head.starts_with(b"HTTP/1.1 299 Fine By Me\r\n"), "{}", show(&head));
    client.give_back(head);
    let response = client.response();
    let mut expected = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(of_upstream(&response), expected);
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    for (name, _) in &mut expected {
        name.make_ascii_lowercase();
    }
    // There the order among fields of different names, which has no meaning (RFC 9110, section 5.3), is not kept.
    assert_eq!(by_name(of_upstream(&response)), by_name(expected));
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// RFC 9112, sections 5.1 and 5.2: neither a fold nor a space before the colon goes on.
#[test]
fn folded_fields_arrive_as_one_line_each() {
    let answer = "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\tc\r\nX-Spaced : d\r\nContent-Length: 2\r\n\r\nok";
    let expected = [("X-Folded", "a   b  \tc"), ("X-Spaced", "d")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (gateway, _upstream, response) = answer_to(answer);
    assert_eq!((of_upstream(&response), response.text().as_str()), (expected.to_vec(), "ok"));
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T33
#[test]
fn an_answer_without_date_gets_none() {
    let (gateway, _upstream, response) =
        answer_to("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(response.field("date"), None);
    assert_eq!(H2::connect(gateway.address("public")).get("/", &[]).field("date"), None);
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// T34
#[test]
fn fields_of_one_hop_and_those_nominated_in_connection_do_not_arrive() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                  x-second: 2\r\nX-Stays: 3\r\nProxy-Connection: keep-alive\r\nTrailer: x-t\r\nUpgrade: h2c\r\n\
                  connection: x-SECOND\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n";
    let (gateway, _upstream, response) = answer_to(answer);
    assert_eq!(of_upstream(&response), [("X-Stays".to_owned(), "3".to_owned())]);
    assert_eq!((response.text().as_str(), response.trailers.len()), ("ok", 0));
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    assert_eq!(of_upstream(&response), [("x-stays".to_owned(), "3".to_owned())]);
    assert_eq!((response.text().as_str(), response.trailers.len()), ("ok", 0));
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// T35
#[test]
fn cookie_crumbs_of_http2_reach_the_upstream_as_one_line() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut h2 = H2::connect(gateway.address("public"));
    let crumbs = [("cookie", "a=1"), ("x-between", "1"), ("cookie", "b=2"), ("cookie", "c=3; d=4")];
    let mut head = h2_request("GET", "/", &[]);
    for (name, value) in crumbs {
        head.headers_mut().append(name, value.parse().unwrap());
    }
    let echo = h2.request(head, "", None).unwrap().echo();
    assert_eq!(echo.all("cookie"), ["a=1; b=2; c=3; d=4"]);
    gateway.all_ended_as(1, "forwarded", "complete");
}
