//! Contract 9.1: what ends a request under way, when, and as what.

use std::time::Duration;

use h2::RecvStream;
use h2::client::ResponseFuture;
use serde_json::{Value, json};

use crate::support::h2c::h2_request;
use crate::support::sockets::full_listener;
use crate::support::upstream::Connection;
use crate::support::{
    Client, Gate, Gateway, H2, Upstream, instant_after, one_api_with, request, until,
};

pub(crate) const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A whole frame, and the close frame with status 1008.
pub(crate) const FRAME: &[u8] = b"\x81\x05hello";
const POLICY_VIOLATION: &[u8] = &[0x88, 0x02, 0x03, 0xF0];

/// What the upstream does is the request's path: it says nothing, begins an answer, or switches and sends one frame.
pub(crate) fn upstream() -> Upstream {
    Upstream::scripted(|connection: &mut Connection| {
        let Some(request) = connection.head() else { return };
        match request.target.as_str() {
            "/stream" => connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun"),
            "/socket" => connection.write([SWITCH.as_bytes(), FRAME].concat()),
            _ => {}
        }
        connection.closed();
    })
}

/// A gateway of one route whose scheme has these further keys.
pub(crate) fn gateway(upstream: &Upstream, scheme: &str) -> Gateway {
    let yaml = one_api_with(upstream, "routes: [{ path: /**, upgrade: [websocket] }]");
    Gateway::start(yaml.replace("prefix: ak_", &format!("prefix: ak_{scheme}")))
}

/// One request of one credential in each phase and of each protocol.
pub(crate) struct UnderWay {
    h2: H2,
    sending: Client,
    waiting: Client,
    waiting_stream: ResponseFuture,
    streaming: Client,
    streaming_stream: RecvStream,
    tunnel: Client,
}

impl UnderWay {
    /// All of them, begun by the time this returns.
    pub(crate) fn begin(gateway: &Gateway, upstream: &Upstream, secret: &str) -> Self {
        let key = ("x-api-key", secret);
        let send = |target: &str, fields: &[(&str, &str)]| {
            let mut client = gateway.connect();
            client.send(request("GET", target, &[&[key], fields].concat(), ""));
            client
        };
        let mut sending = send("/send", &[("Content-Length", "5")]);
        sending.send("he");
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
        upstream.wait_for_requests(6);
        Self { h2, sending, waiting, waiting_stream, streaming, streaming_stream, tunnel }
    }

    /// Each of them has ended, or ends, as a new request would: with its answer where none had begun, else by a cut.
    #[track_caller]
    pub(crate) fn all_end(mut self, status: u16, code: &str) {
        let waiting = self.h2.finish(self.waiting_stream).unwrap();
        for refused in [self.sending.response(), self.waiting.response(), waiting] {
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
pub(crate) fn all_ended_as(gateway: Gateway, upstream: &Upstream, outcome: &str) {
    upstream.wait_for_ends(5);
    let (refused, cut) = ((outcome, "complete"), (outcome, "revoked"));
    let own = ("credential_missing", "complete");
    gateway.ended_as(&[refused, refused, refused, cut, cut, cut, own]);
}

pub(crate) fn credential(fields: &Value) -> Value {
    let mut body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The record of an organisation with these members.
fn org(members: &Value) -> Value {
    json!({ "kind": "org", "members": members })
}

/// A change that the admin API must accept.
#[track_caller]
pub(crate) fn change(gateway: &Gateway, method: &str, path: &str, body: &Value) {
    let (status, answer) = gateway.admin(method, &format!("/v1/{path}"), body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}

/// Sends a request and does not wait for its answer.
pub(crate) fn ask(gateway: &Gateway, secret: &str) -> Client {
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[("x-api-key", secret)], ""));
    client
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

#[test]
fn an_expiry_that_is_moved_up_ends_requests_in_every_phase() {
    let upstream = upstream();
    let gateway = gateway(&upstream, "");
    let (id, secret) = gateway.create(&credential(&json!({})));
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    let (_, at) = instant_after(Duration::from_secs(3));
    change(&gateway, "PATCH", &format!("credentials/{id}"), &json!({ "expires_at": at }));
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_expired");
}

#[test]
fn the_end_of_an_overlap_ends_requests_of_the_old_credential_and_none_of_its_successor() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let gateway = gateway(&upstream, "");
    let (id, old) = gateway.create(&credential(&json!({})));
    let mut ended = ask(&gateway, &old);
    upstream.wait_for_requests(1);
    let path = format!("/v1/credentials/{id}/rotate");
    let (status, answer) = gateway.admin("POST", &path, &json!({ "overlap": "1s" }));
    assert_eq!(status, 201, "{answer}");
    let mut goes_on = ask(&gateway, answer["secret"].as_str().unwrap());
    upstream.wait_for_requests(2);
    let response = ended.response();
    assert_eq!((response.status, response.code().as_str()), (401, "credential_invalid"));
    gate.open();
    assert_eq!(goes_on.response().status, 204);
    gateway.ended_as(&[("credential_expired", "complete"), ("forwarded", "complete")]);
}

#[test]
fn a_disabling_ends_requests_in_every_phase() {
    let upstream = upstream();
    let gateway = gateway(&upstream, "");
    let (id, secret) = gateway.create(&credential(&json!({})));
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    change(&gateway, "PATCH", &format!("credentials/{id}"), &json!({ "disabled": true }));
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_disabled");
}

#[test]
fn a_request_that_is_still_connecting_is_ended_too() {
    let (address, _full) = full_listener();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: {{ endpoints: [\"{address}\"], connect_timeout: 60s }} }}\n\
         apis: [{{ name: app, upstream: app, schemes: [{{ name: key, prefix: ak_ }}] }}]\n"
    ));
    let (_, at) = instant_after(Duration::from_secs(5));
    let expiring = credential(&json!({ "lifetime": null, "expires_at": at }));
    let (id, revoked) = gateway.create(&credential(&json!({})));
    let (_, expiring) = gateway.create(&expiring);
    let mut clients = [ask(&gateway, &revoked), ask(&gateway, &expiring)];
    let in_flight = || gateway.metrics().sum("requests_in_flight", &[("api", "app")]);
    until(|| in_flight() > 1.5);
    change(&gateway, "POST", &format!("credentials/{id}/revoke"), &json!({}));
    for client in &mut clients {
        let response = client.response();
        assert_eq!((response.status, response.code().as_str()), (401, "credential_invalid"));
    }
    gateway.ended_as(&[("credential_revoked", "complete"), ("credential_expired", "complete")]);
}

/// Though there was no record of it when the requests came.
#[test]
fn a_suspended_or_inactive_subject_ends_requests_in_every_phase() {
    for (state, outcome) in [("suspended", "subject_suspended"), ("inactive", "subject_inactive")] {
        let upstream = upstream();
        let gateway = gateway(&upstream, "");
        let (_, secret) = gateway.create(&credential(&json!({})));
        let under_way = UnderWay::begin(&gateway, &upstream, &secret);
        change(&gateway, "PUT", "subjects/u_1", &json!({ "kind": "user", "state": state }));
        under_way.all_end(403, outcome);
        all_ended_as(gateway, &upstream, outcome);
    }
}

#[test]
fn a_lost_membership_that_the_scheme_asks_for_ends_requests_in_every_phase() {
    let lose: [fn(&Gateway); 3] = [
        |gateway| change(gateway, "DELETE", "resources/org_1/members/u_1", &Value::Null),
        |gateway| change(gateway, "PATCH", "resources/org_1", &json!({ "members": {} })),
        |gateway| change(gateway, "PATCH", "resources/org_1", &json!({ "members": null })),
    ];
    for lose in lose {
        let upstream = upstream();
        let gateway = gateway(&upstream, ", issue: { members_only: true }");
        change(&gateway, "PUT", "resources/org_1", &org(&json!({ "u_1": "read", "u_2": "read" })));
        let (_, secret) = gateway.create(&credential(&json!({ "org": "org_1" })));
        let under_way = UnderWay::begin(&gateway, &upstream, &secret);
        lose(&gateway);
        under_way.all_end(403, "org_not_member");
        all_ended_as(gateway, &upstream, "org_not_member");
    }
}

#[test]
fn a_state_of_the_org_that_refuses_a_new_request_ends_requests_in_every_phase() {
    for state in ["restricted", "locked", "archived"] {
        let upstream = upstream();
        let gateway = gateway(&upstream, "");
        let (_, secret) = gateway.create(&credential(&json!({ "org": "org_1" })));
        let under_way = UnderWay::begin(&gateway, &upstream, &secret);
        let mut locked = org(&Value::Null);
        locked["state"] = json!(state);
        change(&gateway, "PUT", "resources/org_1", &locked);
        under_way.all_end(403, "resource_restricted");
        all_ended_as(gateway, &upstream, "resource_restricted");
    }
}

/// The org that the client chose, and the one that the route's resource lies in.
#[test]
fn the_org_of_a_request_counts_whoever_says_which_it_is() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let lines = "routes: [{ path: \"/boards/{board}\", resource: board }, { path: /** }]";
    let yaml = one_api_with(&upstream, lines)
        .replace("prefix: ak_", "prefix: ak_, choose_org: \"header:x-organization-id\"");
    let gateway = Gateway::start(yaml);
    for number in ["1", "2"] {
        let path = format!("resources/org_{number}");
        change(&gateway, "PUT", &path, &org(&json!({ "u_1": "admin" })));
    }
    change(&gateway, "PUT", "resources/b_2", &json!({ "kind": "board", "parent": "org_2" }));
    let (_, secret) = gateway.create(&credential(&json!({})));
    let send = |target: &str, org: &[(&str, &str)]| {
        let mut client = gateway.connect();
        let fields = [&[("x-api-key", &*secret)], org].concat();
        client.send(request("GET", target, &fields, ""));
        client
    };
    let mut none = send("/", &[]);
    let mut chosen = send("/", &[("x-organization-id", "org_1")]);
    let mut root = send("/boards/b_2", &[]);
    upstream.wait_for_requests(3);
    change(&gateway, "PATCH", "resources/org_1", &json!({ "state": "locked" }));
    let response = chosen.response();
    assert_eq!((response.status, response.code().as_str()), (403, "resource_restricted"));
    change(&gateway, "PATCH", "resources/org_2", &json!({ "state": "locked" }));
    let response = root.response();
    assert_eq!((response.status, response.code().as_str()), (403, "resource_restricted"));
    gate.open();
    assert_eq!(none.response().status, 204);
}

/// What a new request is held against is not held against one under way, but for the short list of the contract.
#[test]
fn nothing_else_ends_a_request() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let lines = "states: { restricted: read }
limits: { per-key: { max: 1000, window: 5m } }
routes: [{ path: \"/{org}/boards/{board}\", resource: board, org: org, methods: [GET], level: { GET: read }, scopes: { GET: [read] } }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    change(&gateway, "PUT", "subjects/u_1", &json!({ "kind": "user", "admin": true }));
    change(&gateway, "PUT", "resources/org_1", &org(&json!({ "u_1": "admin" })));
    change(&gateway, "PUT", "resources/b_1", &json!({ "kind": "board", "parent": "org_1" }));
    let (id, secret) = gateway.create(&credential(&json!({
        "org": "org_1", "scopes": ["read"], "grants": { "b_1": "admin" },
    })));
    let target = "/org_1/boards/b_1";
    let mut client = gateway.connect();
    client.send(request("GET", target, &[("x-api-key", &secret)], ""));
    upstream.wait_for_requests(1);
    let own = format!("credentials/{id}");
    let grant = format!("{own}/grants/b_1");
    let (_, far) = instant_after(Duration::from_hours(1));
    let changes = [
        ("PATCH", &*own, json!({ "scopes": [] })),
        ("PATCH", &own, json!({ "addresses": ["192.0.2.0/24"] })),
        ("PATCH", &own, json!({ "limits": { "per-key": 1 } })),
        ("PATCH", &own, json!({ "name": "another", "metadata": { "a": 1 } })),
        ("PATCH", &own, json!({ "expires_at": far })),
        ("DELETE", &grant, Value::Null),
        ("PATCH", "subjects/u_1", json!({ "admin": false, "capabilities": ["api"] })),
        ("DELETE", "resources/org_1/members/u_1", Value::Null),
        ("PATCH", "resources/org_1", json!({ "plan": "free", "state": "restricted" })),
        ("PATCH", "resources/b_1", json!({ "state": "archived" })),
        ("DELETE", "resources/b_1", Value::Null),
        ("PUT", "resources/org_2", json!({ "kind": "org", "state": "archived" })),
        ("PUT", "subjects/u_2", json!({ "kind": "user", "state": "suspended" })),
    ];
    for (method, path, body) in &changes {
        change(&gateway, method, path, body);
    }
    let refused = gateway.get(target, &[("x-api-key", &secret)]);
    assert_eq!(refused.status, 403, "a new one is refused");
    gate.open();
    assert_eq!(client.response().status, 204);
}

/// And nobody is let in by the credential any more.
#[test]
fn requests_of_a_scheme_that_does_not_cut_outlive_their_credential() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let gateway = gateway(&upstream, ", cut_in_flight: false");
    let (_, at) = instant_after(Duration::from_secs(4));
    let expiring = credential(&json!({ "lifetime": null, "expires_at": at }));
    let created = [credential(&json!({})), credential(&json!({})), expiring]
        .map(|body| gateway.create(&body));
    let mut clients = created.each_ref().map(|(_, secret)| ask(&gateway, secret));
    upstream.wait_for_requests(3);
    let [(revoked, _), (deleted, _), _] = &created;
    let revoke = format!("/v1/credentials/{revoked}/revoke");
    assert_eq!(gateway.admin("POST", &revoke, &json!({})).0, 200);
    assert_eq!(gateway.admin("DELETE", &format!("/v1/credentials/{deleted}"), &Value::Null).0, 204);
    assert!(clients[2].is_quiet_for(Duration::from_secs(4)), "it was cut at its expiry");
    for (_, secret) in &created {
        assert_eq!(gateway.get("/", &[("x-api-key", secret)]).status, 401);
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 204);
    }
}
