//! Contract 9.1: what ends a request under way, when, and as what.

use std::time::Duration;

use h2::RecvStream;
use h2::client::ResponseFuture;
use serde_json::{Value, json};

use crate::support::h2c::h2_request;
use crate::support::upstream::Connection;
use crate::support::{Client, Gate, Gateway, H2, Upstream, instant_after, one_api_with, request};

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A whole frame, and the close frame with status 1008.
const FRAME: &[u8] = b"\x81\x05hello";
const POLICY_VIOLATION: &[u8] = &[0x88, 0x02, 0x03, 0xF0];

/// What the upstream does is the request's path: it says nothing, begins an answer, or switches and sends one frame.
fn upstream() -> Upstream {
    Upstream::scripted(|connection: &mut Connection| {
        let Some(request) = connection.request() else { return };
        match request.target.as_str() {
            "/stream" => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun"),
            "/socket" => connection.write([SWITCH.as_bytes(), FRAME].concat()),
            _ => {}
        }
        connection.closed();
    })
}

/// A gateway of one route whose scheme has these further keys.
fn gateway(upstream: &Upstream, scheme: &str) -> Gateway {
    let yaml = one_api_with(upstream, "routes: [{ path: /**, upgrade: [websocket] }]");
    Gateway::start(yaml.replace("prefix: ak_", &format!("prefix: ak_{scheme}")))
}

/// One request of one credential in each phase and of each protocol.
struct UnderWay {
    h2: H2,
    waiting: Client,
    waiting_stream: ResponseFuture,
    streaming: Client,
    streaming_stream: RecvStream,
    tunnel: Client,
}

impl UnderWay {
    /// All of them, begun by the time this returns.
    fn begin(gateway: &Gateway, upstream: &Upstream, secret: &str) -> Self {
        let key = ("x-api-key", secret);
        let send = |target: &str, fields: &[(&str, &str)]| {
            let mut client = gateway.connect();
            client.send(request("GET", target, &[&[key], fields].concat(), ""));
            client
        };
        let waiting = send("/wait", &[]);
        let mut streaming = send("/stream", &[]);
        streaming.head();
        streaming.exactly(5);
        let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
        let mut tunnel = send("/socket", &upgrade);
        assert_eq!(tunnel.response().status, 101);
        assert_eq!(tunnel.exactly(FRAME.len()), FRAME);
        let mut h2 = H2::connect(gateway.address("public"));
        let mut ask = |target| h2.start(h2_request("GET", target, &[key]), true).unwrap().0;
        let (waiting_stream, begun) = (ask("/wait"), ask("/stream"));
        let mut streaming_stream = h2.wait(begun).unwrap().into_body();
        assert_eq!(h2.wait(streaming_stream.data()).unwrap().unwrap(), "begun");
        upstream.wait_for_requests(5);
        Self { h2, waiting, waiting_stream, streaming, streaming_stream, tunnel }
    }

    /// Each of them has ended, or ends, as a new request would: with its answer where none had begun, else by a cut.
    #[track_caller]
    fn all_end(mut self, status: u16, code: &str) {
        for refused in [self.waiting.response(), self.h2.finish(self.waiting_stream).unwrap()] {
            assert_eq!((refused.status, refused.code().as_str()), (status, code));
        }
        assert_eq!(self.streaming.rest(), b"", "nothing more, and the end of the connection");
        let fault = self.h2.wait(self.streaming_stream.data()).unwrap().unwrap_err();
        assert_eq!(fault.reason(), Some(h2::Reason::CANCEL));
        assert_eq!(self.tunnel.rest(), POLICY_VIOLATION);
        // The stream was ended, and not the connection.
        assert_ne!(self.h2.get("/wait", &[]).status, 0);
    }
}

/// The lines of what [`UnderWay`] began, and of the request that [`UnderWay::all_end`] sends.
#[track_caller]
fn all_ended_as(gateway: Gateway, upstream: &Upstream, outcome: &str) {
    upstream.wait_for_ends(5);
    let (refused, cut) = ((outcome, "complete"), (outcome, "revoked"));
    gateway.ended_as(&[refused, refused, cut, cut, cut, ("credential_missing", "complete")]);
}

fn credential(fields: &Value) -> Value {
    let mut body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn a_revocation_ends_requests_in_every_phase() {
    let upstream = upstream();
    let gateway = gateway(&upstream, "");
    let (id, secret) = gateway.create(&credential(&json!({})));
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    assert_eq!(gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &json!({})).0, 200);
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_revoked");
}

#[test]
fn a_deletion_ends_requests_in_every_phase() {
    let upstream = upstream();
    let gateway = gateway(&upstream, "");
    let (id, secret) = gateway.create(&credential(&json!({})));
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    assert_eq!(gateway.admin("DELETE", &format!("/v1/credentials/{id}"), &Value::Null).0, 204);
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_unknown");
}

/// Long before `timeout` and `idle` of the route.
#[test]
fn an_expiry_ends_requests_in_every_phase() {
    let upstream = upstream();
    let gateway = gateway(&upstream, "");
    let (_, at) = instant_after(Duration::from_secs(5));
    let body = credential(&json!({ "lifetime": null, "expires_at": at }));
    let (_, secret) = gateway.create(&body);
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_expired");
}

/// And nobody is let in by the credential any more.
#[test]
fn requests_of_a_scheme_that_does_not_cut_outlive_their_credential() {
    let gate = Gate::default();
    let upstream = Upstream::scripted({
        let gate = gate.clone();
        move |connection| {
            connection.request().unwrap();
            gate.wait();
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let gateway = gateway(&upstream, ", cut_in_flight: false");
    let (_, at) = instant_after(Duration::from_secs(2));
    let expiring = credential(&json!({ "lifetime": null, "expires_at": at }));
    let created = [credential(&json!({})), credential(&json!({})), expiring]
        .map(|body| gateway.create(&body));
    let mut clients = created.each_ref().map(|(_, secret)| {
        let mut client = gateway.connect();
        client.send(request("GET", "/", &[("x-api-key", secret)], ""));
        client
    });
    upstream.wait_for_requests(3);
    let [(revoked, _), (deleted, _), _] = &created;
    let revoke = format!("/v1/credentials/{revoked}/revoke");
    assert_eq!(gateway.admin("POST", &revoke, &json!({})).0, 200);
    assert_eq!(gateway.admin("DELETE", &format!("/v1/credentials/{deleted}"), &Value::Null).0, 204);
    assert!(clients[2].is_quiet_for(Duration::from_secs(2)), "it was cut at its expiry");
    for (_, secret) in &created {
        assert_eq!(gateway.get("/", &[("x-api-key", secret)]).status, 401);
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 204);
    }
}
