//! Forwarding under SIGTERM (T60): what can finish does, what cannot is told, and the process ends with the last byte.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use h2::RecvStream;
use h2::client::ResponseFuture;
use serde_json::Value;

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::http1::End;
use crate::support::upstream::Connection;
use crate::support::{Client, Gate, Gateway, H2, Setup, Upstream, open_api, request};

/// An upstream that says so once it has the head, and then waits at the gate at one place or another, by the target.
fn waiting(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::scripted(move |connection| {
        let mut request = connection.head().unwrap();
        match request.target.as_str() {
            "/before" => {
                connection.body(&mut request);
                gate.wait();
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirstlater");
            }
            "/within" => {
                connection.body(&mut request);
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
                gate.wait();
                connection.write("later");
            }
            "/early" => {
                connection
                    .write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
                connection.body(&mut request);
                connection.write("5\r\nlater\r\n0\r\n\r\n");
            }
            _ => tunnel(connection),
        }
        connection.closed();
    })
}

fn tunnel(connection: &mut Connection) {
    connection.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst");
    if connection.some() == b"more" {
        connection.write("later");
    }
}

fn upgrade() -> Vec<u8> {
    request("GET", "/tunnel", &[("Connection", "upgrade"), ("Upgrade", "websocket")], "")
}

fn unfinished(target: &str) -> Vec<u8> {
    request("POST", target, &[("Content-Length", "4")], "mo")
}

/// A client in each phase.
struct Phases {
    uploading: Client,
    waiting: Client,
    early: Client,
    within: Client,
    tunnel: Client,
    h2: H2,
    h2_before: ResponseFuture,
    h2_within: RecvStream,
}

impl Phases {
    fn start(gateway: &Gateway, upstream: &Upstream) -> Self {
        let start = |bytes: Vec<u8>| {
            let mut client = gateway.connect();
            client.send(bytes);
            client
        };
        let uploading = start(unfinished("/before"));
        let waiting = start(request("GET", "/before", &[], ""));
        let mut early = start(unfinished("/early"));
        let mut within = start(request("GET", "/within", &[], ""));
        let mut tunnel = start(upgrade());
        let mut h2 = H2::connect(gateway.address("public"));
        let (h2_before, _) = h2.start(h2_request("GET", "/before", &[]), true).unwrap();
        let (h2_within, _) = h2.start(h2_request("GET", "/within", &[]), true).unwrap();
        upstream.wait_for_requests(7);
        for begun in [&mut early, &mut within, &mut tunnel] {
            begun.head();
        }
        let h2_within = h2.wait(h2_within).unwrap().into_body();
        Self { uploading, waiting, early, within, tunnel, h2, h2_before, h2_within }
    }
}

/// Waits until nobody is let in any more.
fn wait_until_closed(gateway: &Gateway) {
    let refused = |connected: std::io::Result<TcpStream>| {
        connected.is_err_and(|fault| fault.kind() == ErrorKind::ConnectionRefused)
    };
    let mut tries = (0..1_000_000).map(|_| TcpStream::connect(gateway.address("public")));
    assert!(tries.any(refused), "the listener stays open");
}

/// The lines of all requests, after the process has ended by itself and well.
fn lines_of(mut gateway: Gateway) -> Vec<(String, String)> {
    assert!(gateway.wait_exit().success());
    let lines = gateway.stdout.until_end();
    let mut ends: Vec<_> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| ["outcome", "ended"].map(|key| line[key].as_str().unwrap().to_owned()))
        .map(|[outcome, ended]| (outcome, ended))
        .collect();
    ends.sort();
    ends
}

fn pair(outcome: &str, ended: &str) -> (String, String) {
    (outcome.to_owned(), ended.to_owned())
}

/// T60. One client in each phase; SIGTERM; then each goes on to its end, and its connection closes.
#[test]
fn sigterm_lets_every_phase_finish_and_the_drain_ends_with_the_last_byte() {
    let gate = Gate::default();
    let upstream = waiting(&gate);
    let gateway = Setup::new(open_api(&upstream, "upgrade: [websocket]"))
        .server("drain: { delay: 0s, timeout: 15s }")
        .start();
    let mut idle = gateway.connect();
    let phases = Phases::start(&gateway, &upstream);
    let Phases { mut uploading, mut waiting, mut early, mut within, mut tunnel, .. } = phases;
    let (mut h2, h2_before, h2_within) = (phases.h2, phases.h2_before, phases.h2_within);
    gateway.sigterm();
    assert_eq!(idle.closed(), Closed::Fin, "an idle connection leaves");
    wait_until_closed(&gateway);
    let refused = loop {
        match h2.start(h2_request("GET", "/before", &[]), true) {
            Err(fault) => break fault,
            // Sent before the GOAWAY was seen: it is beyond its last stream, or served.
            Ok((response, _)) => drop(response),
        }
    };
    assert!(refused.is_go_away() && refused.reason() == Some(h2::Reason::NO_ERROR), "{refused}");

    gate.open();
    uploading.send("re");
    for client in [&mut uploading, &mut waiting] {
        let response = client.response();
        assert_eq!((response.status, response.text().as_str()), (200, "firstlater"));
        assert_eq!(response.field("connection"), Some("close"));
        assert_eq!(client.closed(), Closed::Fin);
        client.finish();
    }
    assert_eq!(within.rest(), b"firstlater");
    assert_eq!(early.send("re").rest(), b"5\r\nfirst\r\n5\r\nlater\r\n0\r\n\r\n");
    assert_eq!(h2.finish(h2_before).unwrap().text(), "firstlater");
    let mut body = h2_within;
    let mut arrived = Vec::new();
    while let Some(piece) = h2.wait(body.data()) {
        arrived.extend(piece.unwrap());
    }
    assert_eq!(arrived, b"firstlater");
    assert_eq!(tunnel.exactly(5), b"first");
    tunnel.send("more");
    assert_eq!(tunnel.exactly(5), b"later");
    tunnel.finish();
    assert_eq!(tunnel.rest(), b"");
    let ends = lines_of(gateway);
    let whole = ends.iter().filter(|end| **end == pair("forwarded", "complete")).count();
    assert!(whole >= 7, "{ends:?}");
    // Streams that this test itself dropped while it waited for the GOAWAY.
    assert!(ends.iter().all(|end| end.0 == "forwarded" || end.0 == "client_gone"), "{ends:?}");
}

/// T60, row 23 of the table.
#[test]
fn what_is_under_way_when_the_drains_time_is_up_is_refused_or_cut() {
    let gate = Gate::default();
    let upstream = waiting(&gate);
    let gateway = Setup::new(open_api(&upstream, "upgrade: [websocket]"))
        .server("drain: { delay: 0s, timeout: 1s }")
        .start();
    let phases = Phases::start(&gateway, &upstream);
    let Phases { mut uploading, mut waiting, mut early, mut within, mut tunnel, .. } = phases;
    let (h2, h2_before, h2_within) = (phases.h2, phases.h2_before, phases.h2_within);
    gateway.sigterm();
    let refusals = [uploading.response(), waiting.response(), h2.finish(h2_before).unwrap()];
    for response in refusals {
        assert_eq!((response.status, response.code().as_str()), (503, "draining"));
        assert!(response.field("retry-after").is_some() && response.end != End::Cut);
    }
    assert_eq!(within.rest(), b"first");
    assert_eq!(early.rest(), b"5\r\nfirst\r\n");
    assert_eq!(tunnel.rest(), b"first");
    let mut body = h2_within;
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "first");
    let fault = h2.wait(body.data()).unwrap().unwrap_err();
    assert_eq!(fault.reason(), Some(h2::Reason::CANCEL), "{fault}");
    let (told, cut) = (pair("draining", "complete"), pair("draining", "drained"));
    assert_eq!(lines_of(gateway), [vec![told; 3], vec![cut; 4]].concat());
}

/// T60. A connection with nothing under way does not hold the process.
#[test]
fn idle_connections_do_not_hold_the_drain() {
    let upstream = Upstream::echo();
    let mut gateway =
        Setup::new(open_api(&upstream, "")).server("drain: { delay: 0s, timeout: 600s }").start();
    let mut used = gateway.connect();
    assert_eq!(used.send(request("GET", "/", &[], "")).response().status, 200);
    let mut fresh = gateway.connect();
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!(h2.get("/", &[]).status, 200);
    gateway.sigterm();
    assert_eq!((used.closed(), fresh.closed()), (Closed::Fin, Closed::Fin));
    assert!(gateway.wait_exit().success());
    upstream.wait_for_ends(upstream.connections());
}

/// What one client saw: it sends again and again, as a client of the house does that looks for the end of its connection
/// before it sends on it.
#[derive(Default)]
struct Seen {
    answered: usize,
    /// What was sent and not answered, and when.
    lost: Vec<String>,
    told: usize,
}

fn sends_again_and_again(address: std::net::SocketAddr) -> Seen {
    let mut seen = Seen::default();
    let bytes = request("POST", "/", &[], "hello");
    // Refused: the door is closed.
    while let Ok(stream) = TcpStream::connect(address) {
        let mut client = Client::over(stream);
        let mut on_this_one = 0;
        loop {
            client.stream().set_nonblocking(true).unwrap();
            let open = client.stream().peek(&mut [0]);
            client.stream().set_nonblocking(false).unwrap();
            match open {
                Ok(0) => break,
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
                other => {
                    seen.lost.push(format!("before request {on_this_one}: {other:?}"));
                    break;
                }
            }
            let Some(response) = client.send(&bytes).try_response() else {
                seen.lost.push(format!("request {on_this_one} of a connection"));
                break;
            };
            assert_eq!((response.status, response.end), (200, End::Length));
            seen.answered += 1;
            on_this_one += 1;
            if response.field("connection") == Some("close") {
                seen.told += 1;
                break;
            }
            // A while between two requests, in which the other side may close.
            assert!(client.is_quiet_for(Duration::from_millis(1)) || client.some().is_empty());
        }
    }
    seen
}

/// Contract 9.7, B080. Clients with connections that they keep, and with new ones, over the whole of a drain.
#[test]
fn keep_alive_clients_lose_no_request_over_sigterm() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let mut gateway = Setup::new(open_api(&upstream, ""))
        .server("drain: { delay: 1s, timeout: 15s }")
        .server("threads: 2")
        .start();
    let address = gateway.address("public");
    let clients: Vec<_> =
        (0..30).map(|_| thread::spawn(move || sends_again_and_again(address))).collect();
    upstream.wait_for_requests(200);
    gateway.sigterm();
    let seen: Vec<Seen> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let lost: Vec<_> = seen.iter().flat_map(|seen| &seen.lost).collect();
    assert!(lost.is_empty(), "{} lost: {lost:#?}", lost.len());
    assert!(seen.iter().all(|seen| seen.told > 0), "from the signal on answers say close");
    assert!(gateway.wait_exit().success());
    let answered: usize = seen.iter().map(|seen| seen.answered).sum();
    assert_eq!(gateway.stdout.until_end().len(), answered);
}

/// The same for those that have nothing to send when the door closes, and send in the time that they are given.
#[test]
fn an_idle_connection_is_answered_once_more_before_it_leaves() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let gateway =
        Setup::new(open_api(&upstream, "")).server("drain: { delay: 60s, timeout: 15s }").start();
    let mut used = gateway.connect();
    assert_eq!(used.send(request("GET", "/", &[], "")).response().field("connection"), None);
    let mut clients = [used, gateway.connect()];
    let mut h2 = H2::connect(gateway.address("public"));
    gateway.sigterm();
    // A connection that has brought nothing is not told to go before it has.
    let draining =
        |lines: &[String]| lines.iter().any(|line| line.contains("draining")).then_some(());
    gateway.stderr.wait("draining", draining);
    assert_eq!(h2.get("/", &[]).status, 200);
    // The second signal ends the delay.
    gateway.sigterm();
    for client in &mut clients {
        client.send(request("GET", "/", &[], ""));
    }
    for client in &mut clients {
        let response = client.response();
        assert_eq!((response.status, response.field("connection")), (200, Some("close")));
        assert_eq!(client.closed(), Closed::Fin);
    }
    drop(clients);
    assert_eq!(lines_of(gateway), vec![pair("forwarded", "complete"); 4]);
}
