//! Forwarding: what is content, and where a message ends.

use std::time::Duration;

use bytes::Bytes;

use crate::support::h2c::h2_request;
use crate::support::http1::{End, find, show};
use crate::support::{Gateway, H2, Steps, Upstream, open_api, request};

/// Content of bytes that neither a head nor a chunk line can hold, each once: where one is, all before it are.
fn content() -> Vec<u8> {
    (0x80..0xA0).collect()
}

/// A body of [`content`], sized and in chunks of several sizes: the field that frames it, and the bytes.
fn framed() -> [(&'static str, Vec<u8>); 2] {
    let content = content();
    let chunks = [&content[..1], &content[1..12], &content[12..]];
    let mut chunked = Vec::new();
    for chunk in chunks {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    [("Content-Length: 32\r\n", content), ("Transfer-Encoding: chunked\r\n", chunked)]
}

/// The last byte of content among `bytes`.
fn last_of_content(bytes: &[u8]) -> Option<u8> {
    bytes.iter().rev().copied().find(|&byte| byte >= 0x80)
}

/// T1, towards the upstream. A part is sent once all content before it has arrived there, so that no two travel together.
#[test]
fn a_request_body_split_at_any_byte_arrives_byte_for_byte() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    let mut exchanges = 0;
    for (framing, body) in framed() {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n");
        let twice = (0..=body.len()).map(|at| vec![&body[..at], &body[at..]]);
        let bytewise = std::iter::once(body.chunks(1).collect::<Vec<_>>());
        for parts in twice.chain(bytewise) {
            client.send(&head);
            exchanges += 1;
            let received = upstream.wait_for_requests(exchanges);
            assert_eq!(received.last().unwrap().connection, 0, "the connection is kept");
            let begun = upstream.bytes(0).len();
            for part in parts {
                client.send(part);
                if let Some(last) = last_of_content(part) {
                    upstream
                        .wait_for_bytes(0, |bytes| bytes[begun.min(bytes.len())..].contains(&last));
                }
            }
            assert_eq!(client.response().status, 200);
            let received = upstream.requests().pop().unwrap();
            assert_eq!(received.body, content());
            let end = if framing.starts_with('C') { End::Length } else { End::Chunked };
            assert_eq!(received.end, end);
        }
    }
    gateway.all_ended_as(exchanges, "forwarded", "complete");
}

/// T1, towards the client; the head is split too.
#[test]
fn a_response_split_at_any_byte_arrives_byte_for_byte() {
    let responses = framed().map(|(framing, body)| {
        [format!("HTTP/1.1 200 OK\r\n{framing}\r\n").into_bytes(), body].concat()
    });
    let next = Steps::default();
    let upstream = Upstream::scripted({
        let (responses, next) = (responses.clone(), next.clone());
        move |connection| {
            while let Some(request) = connection.request() {
                let (response, at) =
                    request.target.trim_start_matches('/').split_once('/').unwrap();
                let response = &responses[response.parse::<usize>().unwrap()];
                let parts = match at.parse() {
                    Ok(at) => vec![&response[..at], &response[at..]],
                    Err(_) => response.chunks(1).collect(),
                };
                for part in parts {
                    connection.write(part);
                    next.take();
                }
            }
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    let mut exchanges = 0;
    for (index, response) in responses.iter().enumerate() {
        let at = (0..=response.len()).map(|at| at.to_string());
        for at in at.chain(["bytewise".to_owned()]) {
            client.send(request("GET", &format!("/{index}/{at}"), &[], ""));
            let mut arrived = Vec::new();
            let parts = match at.parse() {
                Ok(at) => vec![&response[..at], &response[at..]],
                Err(_) => response.chunks(1).collect(),
            };
            for part in parts {
                if let Some(last) = last_of_content(part) {
                    while !arrived.contains(&last) {
                        let piece = client.some();
                        assert!(!piece.is_empty(), "the answer ends after {}", show(&arrived));
                        arrived.extend(piece);
                    }
                }
                next.give();
            }
            client.give_back(arrived);
            let response = client.response();
            let end = [End::Length, End::Chunked][index];
            assert_eq!((response.status, response.end), (200, end), "{at}");
            assert_eq!(response.body, content(), "{at}");
            exchanges += 1;
        }
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(exchanges, "forwarded", "complete");
}

/// T2
#[test]
fn a_head_that_trickles_in_within_its_deadline_is_served() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for byte in b"GET /slow HTTP/1.1\r\nHost: app.test\r\nx-a: 1\r\n\r\n" {
        assert!(client.is_quiet_for(Duration::from_millis(20)));
        client.send([*byte]);
    }
    assert_eq!(client.response().echo().target(), "/slow");
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T3
#[test]
fn chunk_extensions_and_trailers_vanish_and_the_body_stays() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    let fields = [("Transfer-Encoding", "chunked"), ("Trailer", "X-Org-Id")];
    client.send(request("POST", "/", &fields, ""));
    client.send("5;extension\r\nhello\r\n6;quoted=\"a;b\"\r\n world\r\n");
    client.send("0;last\r\nX-Org-Id: forged\r\nX-Late: 1\r\n\r\n");
    assert_eq!(client.response().echo().body(), "hello world");
    let received = upstream.requests().pop().unwrap();
    assert_eq!((received.body.as_slice(), received.trailers.len()), (&b"hello world"[..], 0));
    let wire = show(&upstream.bytes(0));
    for gone in [";", "extension", "forged", "X-Late", "railer"] {
        assert!(!wire.contains(gone), "{gone:?} in {wire:?}");
    }
    assert!(client.is_usable());
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// T4. Each part ends in an incomplete piece of framing, and begins with a letter that tells when it was read.
#[test]
fn framing_split_from_its_data_never_ends_the_body_early() {
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Transfer-Encoding", "chunked")], ""));
    let head = upstream.wait_for_requests(1)[0].head.len();
    let parts =
        ["1\r\nU\r\n1\r\n", "V\r\n1", "\r\nW\r\n", "1\r\nX\r", "\n001;x\r\nY\r\n1\r", "\nZ\r\n0"];
    for part in parts {
        client.send(part);
        let letter = part.bytes().find(u8::is_ascii_uppercase).unwrap();
        let body =
            upstream.wait_for_bytes(0, |bytes| bytes[head..].contains(&letter)).split_off(head);
        assert!(find(&body, b"0\r\n").is_none(), "ended early: {:?}", show(&body));
    }
    client.send("\r\n\r\n");
    assert_eq!(client.response().status, 204);
    let received = upstream.requests().pop().unwrap();
    assert_eq!((show(&received.body).as_str(), received.end), ("UVWXYZ", End::Chunked));
    assert!(received.chunks.iter().all(|chunk| !chunk.is_empty()));
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T5
#[test]
fn empty_data_frames_put_no_chunk_and_exactly_one_last_chunk_on_the_upstreams_wire() {
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut h2 = H2::connect(gateway.address("public"));
    for (frames, expected) in [
        (&["hello", ""][..], "5\r\nhello\r\n0\r\n\r\n"),
        (&["", "hello", ""], "5\r\nhello\r\n0\r\n\r\n"),
        (&["", "", ""], "0\r\n\r\n"),
        (&[""], "0\r\n\r\n"),
    ] {
        let begun = if upstream.connections() == 0 { 0 } else { upstream.bytes(0).len() };
        let (response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
        for (index, frame) in frames.iter().enumerate() {
            writer
                .send_data(Bytes::from_static(frame.as_bytes()), index + 1 == frames.len())
                .unwrap();
        }
        assert_eq!(h2.finish(response).unwrap().status, 204);
        let received = upstream.requests().pop().unwrap();
        assert_eq!(
            (received.connection, received.field("transfer-encoding")),
            (0, Some("chunked"))
        );
        let body = upstream.bytes(0).split_off(begun + received.head.len());
        assert_eq!(show(&body), expected);
    }
    gateway.all_ended_as(4, "forwarded", "complete");
}

/// T6
#[test]
fn a_client_that_closes_inside_its_chunked_body_is_gone_and_nothing_ends_or_spins() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let cuts = [
        "",
        "5",
        "5\r",
        "5\r\n",
        "5\r\nhel",
        "5\r\nhello",
        "5\r\nhello\r",
        "5\r\nhello\r\n",
        "5\r\nhello\r\n0",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n0\r\nx: y\r\n",
        "5;x",
    ];
    for (index, cut) in cuts.iter().enumerate() {
        let mut client = gateway.connect();
        client.send(request("POST", "/", &[("Transfer-Encoding", "chunked")], cut));
        upstream.wait_for_requests(index + 1);
        client.finish();
        upstream.wait_for_ends(index + 1);
        let wire = upstream.bytes(index);
        let body = &wire[upstream.requests()[index].head.len()..];
        assert!(find(body, b"0\r\n").is_none(), "{cut:?} became {:?}", show(body));
        assert!(client.try_response().is_none(), "{cut:?}: nothing is told to who has gone");
    }
    gateway.lines(cuts.len());
    let before = gateway.ticks();
    assert!(gateway.connect().is_quiet_for(Duration::from_millis(500)));
    let burnt = gateway.ticks() - before;
    assert!(
        burnt < 25,
        "{burnt} hundredths of a second of processor time in half a second of rest"
    );
    let lines = gateway.all_ended_as(cuts.len(), "client_gone", "client_gone");
    assert!(lines.iter().all(|line| line["status"] == 499));
}

/// T7
#[test]
fn a_short_sized_upload_is_never_completed_towards_the_upstream() {
    let upstream = Upstream::scripted(|connection| {
        let mut request = connection.head().unwrap();
        connection.body(&mut request);
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let short = |index: usize| {
        upstream.wait_for_ends(index + 1);
        let request = upstream.requests().swap_remove(index);
        assert_eq!((show(&request.body).as_str(), request.end), ("hello", End::Cut), "{request:?}");
    };
    let arrived = |index: usize| {
        upstream.wait_for_connections(index + 1);
        upstream.wait_for_bytes(index, |bytes| bytes.ends_with(b"hello"));
    };
    let bytes = request("POST", "/", &[("Content-Length", "10")], "hello");
    let mut client = gateway.connect();
    client.send(&bytes);
    arrived(0);
    client.finish();
    short(0);
    let mut client = gateway.connect();
    client.send(&bytes);
    arrived(1);
    client.reset();
    short(1);
    let mut h2 = H2::connect(gateway.address("public"));
    let head = || h2_request("POST", "/", &[("content-length", "10")]);
    let (_response, mut writer) = h2.start(head(), false).unwrap();
    writer.send_data("hello".into(), false).unwrap();
    arrived(2);
    writer.send_reset(h2::Reason::CANCEL);
    short(2);
    // h2 itself finds that the end comes too early.
    let (response, mut writer) = h2.start(head(), false).unwrap();
    writer.send_data("hello".into(), false).unwrap();
    arrived(3);
    writer.send_data(Bytes::new(), true).unwrap();
    assert!(h2.finish(response).is_err());
    short(3);
    gateway.all_ended_as(4, "client_gone", "client_gone");
}
