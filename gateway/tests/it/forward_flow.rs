//! Forwarding: nothing waits for one side alone, and nothing is held but what fits between two marks.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use crate::support::h2c::h2_request;
use crate::support::http1::End;
use crate::support::sockets::{small_listener, small_stream};
use crate::support::{
    Client, Gate, Gateway, H2, PATIENCE, Setup, Upstream, one_pool, open_api, request,
};

/// Exchanges at once where memory is measured: what each costs stands out from what the process costs.
const MANY: usize = 32;

/// How long a peer takes nothing before it counts as stopped. A slow machine only makes the test less strict.
const STOPPED: Duration = Duration::from_millis(500);

/// Writes until nothing more is taken, or all is gone; how much was taken.
fn write_until_stopped(mut stream: &TcpStream, most: usize) -> usize {
    stream.set_write_timeout(Some(STOPPED)).unwrap();
    let piece = [b'x'; 16 * 1024];
    let mut taken = 0;
    while taken < most {
        match stream.write(&piece) {
            Ok(count) => taken += count,
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(fault) => panic!("{fault} after {taken} bytes"),
        }
    }
    taken
}

/// Byte number `at` of a long body.
fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

/// T9. The upload goes on in a thread of its own until nobody takes it.
#[test]
fn an_early_refusal_reaches_a_client_that_still_uploads_and_that_upstream_connection_ends() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big");
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, "body_limit: 1GiB"));
    for (index, framing) in
        ["Content-Length: 67108864", "Transfer-Encoding: chunked"].into_iter().enumerate()
    {
        let mut client = gateway.connect();
        let mut sender = client.stream().try_clone().unwrap();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        let upload = thread::spawn(move || {
            let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
            let piece = if index == 0 { "x".repeat(0x4000) } else { chunk };
            (0..4096).all(|_| sender.write_all(piece.as_bytes()).is_ok());
        });
        let response = client.response();
        assert_eq!((response.status, response.text().as_str()), (413, "too big"));
        assert_eq!(response.end, End::Length);
        upstream.wait_for_ends(index + 1);
        client.finish();
        client.rest();
        upload.join().unwrap();
    }
    assert_eq!(upstream.connections(), 2, "neither serves again");
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// T12, with 16 MiB: that is more than all kernel buffers between the two can hold, and quick enough in a debug build.
#[test]
fn an_echoing_upstream_with_small_buffers_passes_an_endless_body() {
    const SIZE: usize = 16 << 20;
    let upstream = Upstream::listening(small_listener(), |connection| {
        connection.head().unwrap();
        connection.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        let mut echoed = 0;
        let mut piece = connection.some();
        let (mut from, mut to) = (connection.stream(), connection.stream());
        while echoed < SIZE {
            to.write_all(&piece).unwrap();
            echoed += piece.len();
            piece.resize(8192, 0);
            let count = if echoed < SIZE { from.read(&mut piece).unwrap() } else { 0 };
            piece.truncate(count);
        }
    });
    let gateway = Gateway::start(open_api(&upstream, "body_limit: 1GiB"));
    let mut client = Client::over(small_stream(gateway.address("public")));
    client.send(request("POST", "/", &[("Content-Length", &SIZE.to_string())], ""));
    let mut sender = client.stream().try_clone().unwrap();
    let upload = thread::spawn(move || {
        let body: Vec<u8> = (0..SIZE).map(pattern).collect();
        sender.write_all(&body).unwrap();
    });
    let response = client.response();
    upload.join().unwrap();
    assert_eq!((response.end, response.body.len()), (End::Length, SIZE));
    assert!(
        response.body.iter().enumerate().all(|(at, &byte)| byte == pattern(at)),
        "bytes were mixed up"
    );
    drop(client);
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T13. What the upstream gets rid of lies in the gateway or in kernel buffers, and these can hold megabytes: so the gateway's
/// own memory is measured as well, as growth over many such exchanges.
#[test]
fn a_client_that_does_not_read_stops_the_answer_and_costs_little_memory() {
    let (report, reports) = mpsc::channel();
    let upstream = Upstream::scripted(move |connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n");
        report.send(write_until_stopped(connection.stream(), 64 << 20)).unwrap();
        connection.closed();
    });
    let gateway = frugal(&upstream, "");
    measure(&gateway, &reports, || {
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        client
    });
    gateway.all_ended_as(MANY + 1, "client_gone", "client_gone");
}

/// T14, likewise.
#[test]
fn an_upstream_that_does_not_read_stops_the_upload_and_costs_little_memory() {
    let gate = Gate::default();
    let upstream = Upstream::scripted({
        let gate = gate.clone();
        move |connection| {
            connection.head().unwrap();
            gate.wait();
            connection.closed();
        }
    });
    let gateway = frugal(&upstream, "body_limit: 1GiB");
    let (report, reports) = mpsc::channel();
    measure(&gateway, &reports, || {
        let mut client = gateway.connect();
        client.send(request("POST", "/", &[("Content-Length", "1073741824")], ""));
        let (stream, report) = (client.stream().try_clone().unwrap(), report.clone());
        thread::spawn(move || report.send(write_until_stopped(&stream, 64 << 20)).unwrap());
        client
    });
    gate.open();
    gateway.all_ended_as(MANY + 1, "client_gone", "client_gone");
}

/// A gateway whose allocator gives back at once what is free, in small pages: what remains is in use.
fn frugal(upstream: &Upstream, keys: &str) -> Gateway {
    Setup::new(open_api(upstream, keys))
        .environment("MIMALLOC_ALLOW_THP", "0")
        .environment("MIMALLOC_PURGE_DELAY", "0")
        .start()
}

/// Starts one exchange, which warms the process, and then many; each `reports` what it could send before it was stopped. All
/// are ended by the clients' going.
fn measure(gateway: &Gateway, reports: &mpsc::Receiver<usize>, start: impl Fn() -> Client) {
    let mut clients = vec![start()];
    let mut taken = vec![reports.recv_timeout(PATIENCE).unwrap()];
    let before = gateway.resident();
    clients.extend((0..MANY).map(|_| start()));
    taken.extend((0..MANY).map(|_| reports.recv_timeout(PATIENCE).unwrap()));
    let each = gateway.resident().saturating_sub(before) / MANY as u64;
    assert!(each < 256 << 10, "{each} bytes for each exchange");
    // Four kernel buffers, which grow by themselves, stand between the two.
    assert!(taken.iter().all(|&taken| taken < 24 << 20), "taken without end: {taken:?}");
    for client in clients {
        client.reset();
    }
}

/// T13, interim answers: they too wait for the client.
#[test]
fn a_client_that_does_not_read_stops_interim_answers_too() {
    let (report, reports) = mpsc::channel();
    let upstream = Upstream::scripted(move |connection| {
        connection.head().unwrap();
        let interim = format!("HTTP/1.1 103 Early Hints\r\nLink: <{}>\r\n\r\n", "x".repeat(4000));
        let mut stream = connection.stream();
        stream.set_write_timeout(Some(STOPPED)).unwrap();
        let taken =
            (0..16 << 10).take_while(|_| stream.write_all(interim.as_bytes()).is_ok()).count();
        report.send(taken * interim.len()).unwrap();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[], ""));
    let taken = reports.recv_timeout(PATIENCE).unwrap();
    assert!(taken < 24 << 20, "{taken} bytes of interim answers were taken");
    client.reset();
    gateway.lines(1);
}

/// T13, HTTP/2: the stream's window is the bound; the connection's is wider, so that another stream of the connection goes on.
#[test]
fn a_stream_that_is_not_read_stops_its_answer_and_no_other() {
    let (report, reports) = mpsc::channel();
    let upstream = Upstream::scripted(move |connection| {
        if connection.head().unwrap().target == "/short" {
            return connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort");
        }
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n");
        report.send(write_until_stopped(connection.stream(), 64 << 20)).unwrap();
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(1 << 20);
    let mut h2 = H2::connect_with(gateway.address("public"), &builder);
    let (response, writer) = h2.start(h2_request("GET", "/", &[]), true).unwrap();
    let response = h2.wait(response).unwrap();
    let taken = reports.recv_timeout(PATIENCE).unwrap();
    assert!(taken < 12 << 20, "taken without end: {taken}");
    assert_eq!(h2.get("/short", &[]).text(), "short");
    drop((response, writer));
    gateway.ended_as(&[("client_gone", "client_gone"), ("forwarded", "complete")]);
}

/// T15
#[test]
fn the_first_bytes_of_a_slow_answer_reach_the_client_before_the_last() {
    for (framing, parts) in [
        ("Content-Length: 10", ["first", "later"]),
        ("Transfer-Encoding: chunked", ["5\r\nfirst\r\n", "5\r\nlater\r\n0\r\n\r\n"]),
        ("Connection: close", ["first", "later"]),
    ] {
        let gate = Gate::default();
        let upstream = Upstream::scripted({
            let gate = gate.clone();
            move |connection| {
                connection.request().unwrap();
                connection.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{}", parts[0]));
                gate.wait();
                connection.write(parts[1]);
            }
        });
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[], ""));
        let mut arrived = client.head();
        while !arrived.ends_with(b"first") && !arrived.ends_with(b"first\r\n") {
            arrived.extend(client.exactly(1));
        }
        gate.open();
        client.give_back(arrived);
        assert_eq!(client.response().text(), "firstlater", "{framing}");
        gateway.all_ended_as(1, "forwarded", "complete");
    }
}

/// T16
#[test]
fn the_first_bytes_of_a_slow_upload_reach_the_upstream_before_the_last() {
    let upstream = Upstream::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for (framing, parts) in [
        (("Content-Length", "10"), ["FIRST", "later"]),
        (("Transfer-Encoding", "chunked"), ["5\r\nBEGIN\r\n", "5\r\nlater\r\n0\r\n\r\n"]),
    ] {
        client.send(request("POST", "/", &[framing], parts[0]));
        let first = parts[0].trim_end().split("\r\n").last().unwrap();
        upstream.wait_for_connections(1);
        upstream.wait_for_bytes(0, |bytes| bytes.windows(5).any(|part| part == first.as_bytes()));
        assert_eq!(client.send(parts[1]).response().status, 204);
    }
    gateway.all_ended_as(2, "forwarded", "complete");
}

/// An upstream that answers each piece with its like before it reads the next, until the body ends.
fn conversing() -> Upstream {
    Upstream::scripted(|connection| {
        while let Some(request) = connection.head() {
            assert_eq!(request.field("transfer-encoding"), Some("chunked"));
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while let Some(mut piece) = connection.exactly(5).filter(|piece| piece != b"0\r\n\r\n")
            {
                piece.extend(connection.exactly(5).unwrap());
                connection.write(piece.to_ascii_uppercase());
            }
            connection.write("0\r\n\r\n");
        }
    })
}

/// T17
#[test]
fn an_answer_that_begins_before_the_request_ends_streams_both_ways() {
    let upstream = conversing();
    let gateway = one_pool(&upstream, "");
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Transfer-Encoding", "chunked")], "5\r\nhello\r\n"));
    client.head();
    assert_eq!(client.exactly(10), b"5\r\nHELLO\r\n");
    client.send("5\r\nworld\r\n");
    assert_eq!(client.exactly(10), b"5\r\nWORLD\r\n");
    client.send("5\r\nagain\r\n0\r\n\r\n");
    assert_eq!(client.exactly(15), b"5\r\nAGAIN\r\n0\r\n\r\n");
    assert!(client.is_quiet_for(Duration::from_millis(50)), "the connection stays");
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    writer.send_data(Bytes::from_static(b"hello"), false).unwrap();
    let mut body = h2.wait(response).unwrap().into_body();
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "HELLO");
    writer.send_data(Bytes::from_static(b"world"), false).unwrap();
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "WORLD");
    writer.send_data(Bytes::from_static(b"again"), true).unwrap();
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "AGAIN");
    let rest = h2.wait(body.data()).transpose().unwrap();
    assert!(rest.is_none_or(|empty| empty.is_empty()) && body.is_end_stream());
    assert_eq!(
        upstream.connections(),
        1,
        "both sides of the first had finished: the second found it free"
    );
    gateway.all_ended_as(2, "forwarded", "complete");
}
