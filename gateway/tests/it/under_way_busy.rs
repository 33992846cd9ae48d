//! Contract 9.1: what is in full flow is cut as well, and soon.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::h2c::h2_request;
use crate::support::upstream::Connection;
use crate::support::{Gateway, H2, Upstream, one_api_with, request};
use crate::under_way::{FRAME, SWITCH, change, credential};

/// What may still come after the answer to the revocation: what the kernel holds on both sides, and a window or a buffer of the
/// gateway's. A flow that is not cut has no end.
const STILL: u64 = 32 << 20;
/// What must have come before, so that the flow is a flow.
const FLOWING: u64 = 1 << 20;

const PIECE: [u8; 16 * 1024] = [b'x'; 16 * 1024];

/// Sends as fast as it is taken, and takes as fast as it comes, until either is over.
fn flowing() -> Upstream {
    Upstream::scripted(|connection: &mut Connection| {
        let Some(request) = connection.head() else { return };
        let answer = if request.field("upgrade").is_some() {
            SWITCH
        } else {
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        };
        connection.write(answer);
        let mut other = connection.stream().try_clone().unwrap();
        let reader =
            thread::spawn(move || while other.read(&mut [0; 16384]).is_ok_and(|n| n > 0) {});
        while connection.try_write(PIECE) {}
        reader.join().unwrap();
    })
}

/// No end of a request comes before its credential's.
fn gateway(upstream: &Upstream) -> Gateway {
    let keys = "routes: [{ path: /**, upgrade: [websocket], body_limit: 1000000MiB }]";
    Gateway::start(one_api_with(upstream, keys))
}

/// Revokes a credential once enough has come; gives how much had come when the answer was there.
fn revoke_in_full_flow(gateway: &Gateway, id: &str, came: &AtomicU64, is_over: &AtomicBool) -> u64 {
    while came.load(SeqCst) < FLOWING {
        assert!(!is_over.load(SeqCst), "it has ended by itself");
        thread::yield_now();
    }
    change(gateway, "POST", &format!("credentials/{id}/revoke"), &json!({}));
    came.load(SeqCst)
}

/// Both sides of an HTTP/1 connection are busy; gives what came in all, and what of it after the revocation.
fn cut_over_http_1(gateway: &Gateway, head: &[u8], id: &str) -> (u64, u64) {
    let mut client = gateway.connect();
    client.send(head);
    client.head();
    let mut writer = client.stream().try_clone().unwrap();
    let piece = [b"4000\r\n", &PIECE[..], b"\r\n"].concat();
    let sending = thread::spawn(move || while writer.write_all(&piece).is_ok() {});
    let (came, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, ending) = (came.clone(), is_over.clone());
    let receiving = thread::spawn(move || {
        loop {
            match client.some().len() {
                0 => break,
                more => counter.fetch_add(more as u64, SeqCst),
            };
        }
        ending.store(true, SeqCst);
    });
    let before = revoke_in_full_flow(gateway, id, &came, &is_over);
    receiving.join().unwrap();
    sending.join().unwrap();
    (came.load(SeqCst), came.load(SeqCst) - before)
}

#[test]
fn an_answer_in_full_flow_over_http_1_is_cut_while_its_client_is_sending() {
    let upstream = flowing();
    let gateway = gateway(&upstream);
    let (id, secret) = gateway.create(&credential(&json!({})));
    let fields = [("x-api-key", secret.as_str()), ("Transfer-Encoding", "chunked")];
    let (all, after) = cut_over_http_1(&gateway, &request("POST", "/", &fields, ""), &id);
    assert!(all >= FLOWING && after < STILL, "{after} of {all} came after the revocation");
    upstream.wait_for_ends(1);
    gateway.ended_as(&[("credential_revoked", "revoked")]);
}

#[test]
fn a_tunnel_in_full_flow_is_cut_in_both_directions() {
    let upstream = flowing();
    let gateway = gateway(&upstream);
    let (id, secret) = gateway.create(&credential(&json!({})));
    let fields =
        [("x-api-key", secret.as_str()), ("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let (all, after) = cut_over_http_1(&gateway, &request("GET", "/", &fields, ""), &id);
    assert!(all >= FLOWING && after < STILL, "{after} of {all} came after the revocation");
    upstream.wait_for_ends(1);
    gateway.ended_as(&[("credential_revoked", "revoked")]);
}

#[test]
fn a_stream_in_full_flow_over_http_2_is_cut_and_no_other_stream_with_it() {
    let upstream = flowing();
    let gateway = gateway(&upstream);
    let (id, secret) = gateway.create(&credential(&json!({})));
    let mut h2 = H2::connect(gateway.address("public"));
    let fields = [("x-api-key", secret.as_str())];
    let (answer, mut writer) = h2.start(h2_request("POST", "/", &fields), false).unwrap();
    let mut body = h2.wait(answer).unwrap().into_body();
    let (came, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut after = 0;
    thread::scope(|scope| {
        let revoking = scope.spawn(|| revoke_in_full_flow(&gateway, &id, &came, &is_over));
        let reason = loop {
            // As much as the window has room for: what is asked for is taken in pieces.
            writer.reserve_capacity(PIECE.len());
            if let room @ 1.. = writer.capacity() {
                let piece = Bytes::from_static(&PIECE).slice(..room.min(PIECE.len()));
                // The stream may have been cut.
                drop(writer.send_data(piece, false));
            }
            match h2.wait(body.data()) {
                Some(Ok(piece)) => {
                    drop(body.flow_control().release_capacity(piece.len()));
                    came.fetch_add(piece.len() as u64, SeqCst);
                }
                Some(Err(fault)) => break fault.reason(),
                None => panic!("it has ended as if it were whole"),
            }
        };
        is_over.store(true, SeqCst);
        assert_eq!(reason, Some(h2::Reason::CANCEL));
        after = came.load(SeqCst) - revoking.join().unwrap();
    });
    assert!(after < STILL, "{after} came after the revocation");
    assert_eq!(h2.get("/", &[]).status, 401, "the connection goes on");
    upstream.wait_for_ends(1);
    gateway.ended_as(&[("credential_revoked", "revoked"), ("credential_missing", "complete")]);
}

#[test]
fn a_tunnel_that_is_cut_within_a_frame_gets_no_frame_of_ours() {
    let starts: [&[u8]; 5] = [
        b"\x81",
        b"\x81\x05he",
        b"\x82\x7e\x01",
        b"\x82\x7f\0\0\0\0\0\0\x10\0abc",
        b"\x01\x80\0\0\0",
    ];
    for start in starts {
        let sent = [FRAME, start].concat();
        let bytes = sent.clone();
        let upstream = Upstream::scripted(move |connection| {
            connection.head();
            connection.write([SWITCH.as_bytes(), &bytes].concat());
            connection.closed();
        });
        let gateway = gateway(&upstream);
        let (id, secret) = gateway.create(&credential(&json!({})));
        let fields =
            [("x-api-key", secret.as_str()), ("Connection", "Upgrade"), ("Upgrade", "websocket")];
        let mut client = gateway.connect();
        assert_eq!(client.send(request("GET", "/", &fields, "")).response().status, 101);
        assert_eq!(client.exactly(sent.len()), sent);
        change(&gateway, "DELETE", &format!("credentials/{id}"), &Value::Null);
        assert_eq!(client.rest(), b"", "within {start:?}");
        drop(client);
        gateway.ended_as(&[("credential_unknown", "revoked")]);
    }
}
