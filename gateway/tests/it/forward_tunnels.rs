//! Forwarding: a tunnel after 101 is bytes both ways until both have ended.

use std::time::Duration;

use serde_json::json;

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::http1::show;
use crate::support::upstream::Connection;
use crate::support::{Client, Gate, Gateway, H2, Upstream, one_api_with, open_api, request};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Close with status 1008.
const POLICY_VIOLATION: [u8; 4] = [0x88, 0x02, 0x03, 0xF0];

fn handshake(fields: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    request("GET", "/socket", &[&own, fields].concat(), "")
}

/// A gateway whose one route, open to everybody, allows WebSocket.
fn allowing(upstream: &Upstream, keys: &str) -> Gateway {
    Gateway::start(open_api(upstream, &format!("upgrade: [websocket], {keys}")))
}

/// An upstream that switches at once and then runs `script`.
fn switching(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Upstream {
    Upstream::scripted(move |connection| {
        connection.head().unwrap();
        connection.write(SWITCH);
        script(connection);
    })
}

/// An upstream that switches at once and gives every byte back, until the client ends.
fn echoing() -> Upstream {
    switching(|connection| {
        loop {
            match connection.some() {
                piece if piece.is_empty() => return,
                piece => connection.write(piece),
            }
        }
    })
}

#[track_caller]
fn open(client: &mut Client, bytes: impl AsRef<[u8]>) {
    let response = client.send(bytes).response();
    assert_eq!(
        (response.status, response.field("upgrade")),
        (101, Some("websocket")),
        "{response:?}"
    );
    assert_eq!(
        response.field("connection").map(str::to_ascii_lowercase).as_deref(),
        Some("upgrade")
    );
    assert_eq!(response.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

/// T36. 200 times: what it guards against shows within a few.
#[test]
fn a_tunnel_that_is_granted_at_once_is_kept_each_time() {
    let upstream = echoing();
    let gateway = allowing(&upstream, "");
    for round in 0..200 {
        let mut client = gateway.connect();
        open(&mut client, handshake(&[]));
        for piece in ["there", "and back"] {
            client.send(piece);
            assert_eq!(show(&client.exactly(piece.len())), piece, "round {round}");
        }
        client.finish();
        assert_eq!(client.closed(), Closed::Fin, "round {round}");
    }
    let head = &upstream.requests()[0];
    assert_eq!(head.all("upgrade"), ["websocket"]);
    assert_eq!(head.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(head.field("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    let lines = gateway.all_ended_as(200, "forwarded", "complete");
    assert!(lines.iter().all(|line| line["status"] == 101));
}

/// T37
#[test]
fn a_switch_that_was_not_asked_for_is_502_and_nothing_behind_it_reaches_the_client() {
    let other = SWITCH.replace("Upgrade: websocket", "Upgrade: h2c");
    let bare = SWITCH.replace("Upgrade: websocket\r\n", "");
    let upgrade = [("Connection", "upgrade"), ("Upgrade", "websocket")];
    let cases = [
        (SWITCH, "upgrade: [websocket]", request("GET", "/", &[], "")),
        (SWITCH, "", handshake(&[])),
        (SWITCH, "upgrade: [websocket]", request("GET", "/", &upgrade[1..], "")),
        (SWITCH, "upgrade: [websocket]", request("GET", "/", &upgrade[..1], "")),
        (SWITCH, "upgrade: [websocket]", request("POST", "/", &upgrade, "body")),
        (SWITCH, "upgrade: [websocket]", request("POST", "/", &upgrade, "")),
        (
            SWITCH,
            "upgrade: [websocket]",
            show(&handshake(&[])).replace("Upgrade: websocket", "Upgrade: h2c").into(),
        ),
        (&other, "upgrade: [websocket]", handshake(&[])),
        (&bare, "upgrade: [websocket]", handshake(&[])),
    ];
    for (answer, keys, bytes) in cases {
        let answer = format!("{answer}behind it");
        let upstream = Upstream::scripted(move |connection| {
            connection.request().unwrap();
            connection.write(&answer);
            connection.closed();
        });
        let gateway = Gateway::start(open_api(&upstream, keys));
        let mut client = gateway.connect();
        let response = client.send(&bytes).response();
        assert_eq!(
            (response.status, response.code().as_str()),
            (502, "upstream_invalid"),
            "{}",
            show(&bytes)
        );
        assert!(client.is_quiet_for(Duration::from_millis(20)), "behind: {}", show(&client.some()));
        upstream.wait_for_ends(1);
        gateway.all_ended_as(1, "upstream_invalid", "complete");
    }
}

/// T37, HTTP/2 and HTTP/1.0: neither has upgrades.
#[test]
fn a_switch_on_http2_or_http10_is_502() {
    let upstream = Upstream::scripted(|connection| {
        let head = connection.head().unwrap();
        assert_eq!(head.all("upgrade").len() + head.all("connection").len(), 0);
        connection.write(SWITCH);
        connection.closed();
    });
    let gateway = allowing(&upstream, "");
    let response = H2::connect(gateway.address("public"))
        .request(h2_request("GET", "/", &[]), "", None)
        .unwrap();
    assert_eq!((response.status, response.code().as_str()), (502, "upstream_invalid"));
    let bytes = show(&handshake(&[])).replace("HTTP/1.1", "HTTP/1.0");
    let response = gateway.send(bytes);
    assert_eq!((response.status, response.code().as_str()), (502, "upstream_invalid"));
    gateway.all_ended_as(2, "upstream_invalid", "complete");
}

/// An upgrade that the upstream declines is an ordinary exchange.
#[test]
fn a_declined_upgrade_is_an_ordinary_answer_and_both_connections_stay() {
    let upstream =
        Upstream::answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    for _ in 0..3 {
        let response = client.send(handshake(&[])).response();
        assert_eq!((response.status, response.text().as_str()), (426, "no"));
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(3, "forwarded", "complete");
}

/// T38. They may be a second request that no proxy has judged.
#[test]
fn bytes_sent_before_the_switch_reach_the_upstream_only_behind_it() {
    let (arrived, gate) = (Gate::default(), Gate::default());
    let upstream = Upstream::scripted({
        let (arrived, gate) = (arrived.clone(), gate.clone());
        move |connection| {
            connection.head().unwrap();
            arrived.open();
            gate.wait();
            connection.write(SWITCH);
            connection.rest();
        }
    });
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    let early = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send([handshake(&[]), early.into()].concat());
    arrived.wait();
    client.send("and more");
    assert!(client.is_quiet_for(Duration::from_millis(100)));
    let head = upstream.requests()[0].head.clone();
    assert_eq!(show(&upstream.bytes(0)), show(&head), "nothing behind the head");
    gate.open();
    open(&mut client, "");
    let wire = upstream.wait_for_bytes(0, |bytes| bytes.ends_with(b"and more"));
    assert_eq!(show(&wire[head.len()..]), format!("{early}and more"));
    client.finish();
    client.closed();
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T38, where the switch does not come: what was sent ahead is the next request, and is judged as one.
#[test]
fn bytes_sent_before_a_declined_switch_are_the_next_request() {
    let upstream =
        Upstream::answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
    let lines = "routes: [{ path: /socket, auth: none, upgrade: [websocket] }, { path: /** }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let mut client = gateway.connect();
    client.send([handshake(&[]), request("GET", "/private", &[], "")].concat());
    assert_eq!(client.response().status, 426);
    assert_eq!(client.response().status, 401);
    assert_eq!(upstream.requests().len(), 1);
    gateway.ended_as(&[("forwarded", "complete"), ("credential_missing", "complete")]);
}

/// T39
#[test]
fn a_frame_in_one_packet_with_the_switch_arrives() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write([SWITCH.as_bytes(), b"\x81\x05hello"].concat());
        assert_eq!(connection.exactly(5).as_deref(), Some(&b"there"[..]));
        connection.write("\u{1}\u{2}");
    });
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    assert_eq!(client.exactly(7), b"\x81\x05hello");
    client.send("there");
    assert_eq!(client.exactly(2), [1, 2]);
    client.finish();
    client.closed();
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T40
#[test]
fn the_end_of_one_way_passes_on_and_the_other_way_goes_on() {
    let upstream = switching(|connection| {
        assert_eq!(show(&connection.rest()), "all of mine");
        connection.write("and all of mine");
    });
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    client.send("all of mine");
    client.finish();
    assert_eq!(show(&client.rest()), "and all of mine");
    upstream.wait_for_ends(1);
    gateway.all_ended_as(1, "forwarded", "complete");

    let upstream = switching(|connection| {
        connection.write("all of mine");
        connection.finish();
        assert_eq!(show(&connection.rest()), "and all of mine");
    });
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    assert_eq!(show(&client.rest()), "all of mine");
    client.send("and all of mine");
    client.finish();
    upstream.wait_for_ends(1);
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// Row 4 of the table.
#[test]
fn a_reset_of_the_client_closes_the_upstreams_connection() {
    let upstream = switching(|connection| {
        connection.closed();
    });
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    client.reset();
    upstream.wait_for_ends(1);
    gateway.all_ended_as(1, "client_gone", "client_gone");
}

/// Row 16. The clients keep their side open: that must not keep a tunnel whose other end is dead. Twenty times, as it matters
/// whether the reset comes before the gateway looks behind the 101, or after.
#[test]
fn a_reset_of_the_upstream_closes_the_clients_connection() {
    let upstream = switching(Connection::reset);
    let gateway = allowing(&upstream, "");
    let mut clients = [(); 20].map(|()| gateway.connect());
    for client in &mut clients {
        open(client, handshake(&[]));
        client.closed();
    }
    gateway.all_ended_as(20, "upstream_invalid", "upstream_closed");
}

/// T41. `sent` by the upstream, and what the client sees behind it of a revocation.
fn revoked_after(sent: &'static [u8], expected: &[u8]) {
    let upstream = switching(move |connection| {
        connection.write(sent);
        connection.closed();
    });
    let lines = "routes: [{ path: /**, upgrade: [websocket] }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (id, secret) = gateway.create(&body);
    let mut client = gateway.connect();
    open(&mut client, handshake(&[("x-api-key", &secret)]));
    // The client is within a frame of its own: that is no affair of the other way.
    client.send(b"\x82\x85");
    assert_eq!(client.exactly(sent.len()), sent);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    assert_eq!(client.rest(), expected, "behind {sent:?}");
    upstream.wait_for_ends(1);
    drop(client);
    let lines = gateway.all_ended_as(1, "credential_revoked", "revoked");
    assert_eq!(lines[0]["status"], 101);
}

/// T41
#[test]
fn a_revocation_ends_a_tunnel_with_1008_where_a_frame_has_ended() {
    revoked_after(b"", &POLICY_VIOLATION);
    revoked_after(b"\x81\x05hello", &POLICY_VIOLATION);
    revoked_after(b"\x81\x05hello\x82\x00", &POLICY_VIOLATION);
}

/// T41
#[test]
fn a_revocation_within_a_frame_ends_a_tunnel_plainly() {
    revoked_after(b"\x81\x05hel", b"");
    revoked_after(b"\x81", b"");
    revoked_after(b"\x81\x05hello\x82\x7e\x01", b"");
}

/// T42. More than the 60 s after which the codec would give up.
#[test]
fn a_tunnel_that_is_quiet_for_61_seconds_lives() {
    let upstream = echoing();
    let gateway = allowing(&upstream, "");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    assert!(client.is_quiet_for(Duration::from_secs(61)));
    client.send("still there");
    assert_eq!(show(&client.exactly(11)), "still there");
    client.finish();
    client.closed();
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T42. Bytes of either way keep it, until there are none.
#[test]
fn a_tunnel_that_is_quiet_past_its_idle_limit_ends_with_timeout() {
    let upstream = echoing();
    let gateway = allowing(&upstream, "idle: 2s");
    let mut client = gateway.connect();
    open(&mut client, handshake(&[]));
    for _ in 0..8 {
        assert!(client.is_quiet_for(Duration::from_millis(300)));
        client.send("x");
        assert_eq!(client.exactly(1), b"x");
    }
    client.closed();
    upstream.wait_for_ends(1);
    drop(client);
    gateway.all_ended_as(1, "upstream_timeout", "timeout");
}
