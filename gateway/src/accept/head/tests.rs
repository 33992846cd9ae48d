use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn bounds() -> Bounds {
    Bounds {
        head: 4096,
        fields: 20,
        uri: 1024,
        head_timeout: Duration::from_secs(1),
        idle: Duration::from_secs(1),
        body_rate: 500,
        write_stall: Duration::from_secs(1),
        streams: 10,
        connections: None,
        per_address: 1000,
        in_flight: None,
    }
}

fn outcome(raw: &str) -> Result<Framing, Outcome> {
    parse(raw.as_bytes(), &bounds()).map(|head| head.framing).map_err(|fault| fault.outcome)
}

#[test]
fn a_plain_request_is_read() {
    let raw = "GET /a/b?c=d HTTP/1.1\r\nHost: api.example\r\nX-Api-Key:  k \r\n\r\n";
    let bounds = bounds();
    let head = parse(raw.as_bytes(), &bounds).unwrap();
    assert_eq!(
        (head.method, head.path, head.query, head.host),
        ("GET", "/a/b", Some("c=d"), "api.example")
    );
    assert_eq!(head.field("x-api-key"), Some(&b"k"[..]));
    assert!(head.keep_alive && !head.expects_continue);
}

#[test]
fn a_head_shows_nothing_that_may_be_a_credential() {
    let raw = "GET /a?key=secret_1 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret_2\r\n\r\n";
    let bounds = bounds();
    let shown = format!("{:?}", parse(raw.as_bytes(), &bounds).unwrap());
    assert!(shown.contains("Authorization") && !shown.contains("secret_"), "{shown}");
}

#[test]
fn framing_has_one_meaning_or_the_request_is_refused() {
    let with = |fields: &str| outcome(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
    assert_eq!(with(""), Ok(Framing::None));
    assert_eq!(with("Content-Length: 5\r\n"), Ok(Framing::Sized(5)));
    assert_eq!(with("Transfer-Encoding: chunked\r\n"), Ok(Framing::Streamed));
    for bad in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X-A: b\r\n folded\r\n",
        "x_a: b\r\n",
        "x.a: b\r\n",
        "Connection: host\r\n",
        "Connection: close, content-length\r\n",
    ] {
        assert_eq!(with(bad), Err(Outcome::RequestMalformed), "{bad:?}");
    }
    assert_eq!(
        outcome("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Err(Outcome::RequestMalformed)
    );
}

#[test]
fn there_is_exactly_one_host_and_the_target_agrees_with_it() {
    let line =
        |target: &str, fields: &str| outcome(&format!("GET {target} HTTP/1.1\r\n{fields}\r\n"));
    assert!(line("/", "Host: h\r\n").is_ok());
    assert!(line("http://H/x", "Host: h\r\n").is_ok());
    assert!(line("/x?<\">{}|\\^`", "Host: h\r\n").is_ok());
    for (target, fields) in [
        ("/", ""),
        ("/", "Host: h\r\nHost: h\r\n"),
        ("/", "Host: a@h\r\n"),
        ("/", "Host: a b\r\n"),
        ("/", "Host:\r\n"),
        ("http://other/x", "Host: h\r\n"),
        ("http://h?x", "Host: h\r\n"),
        ("ftp://h/x", "Host: h\r\n"),
        ("h/x", "Host: h\r\n"),
        ("/a#b", "Host: h\r\n"),
        ("/a\"", "Host: h\r\n"),
        ("/a<?b", "Host: h\r\n"),
        ("/\u{e9}", "Host: h\r\n"),
    ] {
        assert_eq!(line(target, fields), Err(Outcome::RequestMalformed), "{target} {fields:?}");
    }
}

#[test]
fn each_bound_has_its_own_outcome() {
    let bounds = bounds();
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(1024));
    assert_eq!(outcome(&long_target), Err(Outcome::UriTooLong));
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "a: b\r\n".repeat(20));
    assert_eq!(outcome(&many), Err(Outcome::HeadTooLarge));
    let large = format!("GET / HTTP/1.1\r\nHost: h\r\na: {}", "b".repeat(4096));
    assert!(matches!(
        scan(large.as_bytes(), 0, &bounds),
        Scan::Bad(Fault { outcome: Outcome::HeadTooLarge, .. })
    ));
    let endless = format!("GET /{}", "a".repeat(4096));
    assert!(matches!(
        scan(endless.as_bytes(), 0, &bounds),
        Scan::Bad(Fault { outcome: Outcome::UriTooLong, .. })
    ));
    assert!(outcome("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n").is_err());
}

#[test]
fn a_bare_line_feed_is_refused_where_it_stands() {
    let bounds = bounds();
    for raw in ["GET / HTTP/1.1\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\n\n", "\n"] {
        assert!(matches!(scan(raw.as_bytes(), 0, &bounds), Scan::Bad(_)), "{raw:?}");
    }
}

proptest! {
    #[test]
    fn however_the_bytes_arrive_the_head_ends_where_it_ends(cuts in prop::collection::vec(1usize..20, 1..40)) {
        let raw = b"GET /a HTTP/1.1\r\nHost: api.example\r\nA: b\r\n\r\nGET /next";
        let end = 44;
        let (mut seen, mut scanned) = (0, 0);
        for cut in cuts.into_iter().chain(std::iter::once(raw.len())) {
            seen = (seen + cut).min(raw.len());
            let found = scan(&raw[..seen], scanned, &bounds());
            if seen < end {
                prop_assert_eq!(found, Scan::Partial);
                scanned = seen;
            } else {
                prop_assert_eq!(found, Scan::Complete(end));
                return Ok(());
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused_and_never_a_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let bounds = bounds();
        if let Scan::Complete(length) = scan(&raw, 0, &bounds) {
            let _either_way = parse(&raw[..length], &bounds).is_ok();
        }
    }
}
