//! Forwarding: whose slowness is whose, and what is freed when someone has gone.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::support::h2c::h2_request;
use crate::support::http1::{End, find};
use crate::support::sockets::small_listener;
use crate::support::{Client, Gate, Gateway, H2, Setup, Upstream, one_api, open_api, request};

/// An upstream that reads requests whole and says nothing.
fn silent() -> Upstream {
    Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    })
}

/// An upstream that gives the head of an answer, some of its body, and no more.
fn dawdling() -> Upstream {
    Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun");
        connection.closed();
    })
}

/// T56. Judged over ten seconds, so the test takes as long.
#[test]
fn a_body_that_trickles_is_request_timeout() {
    let upstream = silent();
    let gateway = Setup::new(open_api(&upstream, "")).server("bounds: { body_rate: 100B }").start();
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    let mut client = gateway.connect();
    // gRPC may be quiet, but only over HTTP/2: the word alone frees nobody.
    let fields = [("Content-Length", "100000"), ("Content-Type", "application/grpc")];
    client.send(request("POST", "/", &fields, ""));
    let mut sent = 0;
    while client.is_quiet_for(Duration::from_millis(100)) {
        client.send("x");
        // The stream may have been answered already.
        let _ended = writer.send_data("x".into(), false);
        sent += 1;
        assert!(sent < 400, "a byte each 100 ms is taken for ever");
    }
    // Whoever says gRPC is told in its words: DEADLINE_EXCEEDED.
    let refused = client.response();
    assert_eq!((refused.status, refused.field("grpc-status")), (200, Some("4")));
    let refused = h2.finish(response).unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (408, "request_timeout"));
    upstream.wait_for_ends(2);
    assert!(upstream.requests().iter().all(|request| request.end == End::Cut));
    drop(client);
    gateway.all_ended_as(2, "request_timeout", "complete");
}

/// T56. The client would send at once, but the upstream takes nothing for longer than the rate is judged over.
#[test]
fn a_body_that_a_stalled_upstream_holds_up_is_not_billed_to_the_client() {
    const SIZE: usize = 24 << 20;
    let gate = Gate::default();
    let upstream = Upstream::scripted({
        let gate = gate.clone();
        move |connection| {
            let mut request = connection.head().unwrap();
            gate.wait();
            connection.body(&mut request);
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let gateway = Setup::new(open_api(&upstream, "body_limit: 1GiB"))
        .server("bounds: { body_rate: 1MiB, write_stall: 60s }")
        .start();
    let mut client = gateway.connect();
    let mut sender = client.stream().try_clone().unwrap();
    client.send(request("POST", "/", &[("Content-Length", &SIZE.to_string())], ""));
    let upload = thread::spawn(move || sender.write_all(&vec![b'x'; SIZE]).unwrap());
    assert!(client.is_quiet_for(Duration::from_secs(12)), "{:?}", client.response());
    assert!(!upload.is_finished(), "all of it was taken: nothing was held up");
    gate.open();
    assert_eq!(client.response().status, 204);
    upload.join().unwrap();
    drop(client);
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T57. `timeout` begins when the request has left.
#[test]
fn an_upload_longer_than_the_timeout_succeeds() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, "timeout: 2s"));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "10")], ""));
    for _ in 0..10 {
        assert!(client.is_quiet_for(Duration::from_millis(300)));
        client.send("x");
    }
    assert_eq!(client.response().echo().body(), "xxxxxxxxxx");
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// T57, row 19 of the table: from the end of the upload on it runs.
#[test]
fn an_upstream_that_is_silent_after_an_upload_is_upstream_timeout_and_the_client_stays() {
    let upstream = silent();
    let gateway = Gateway::start(open_api(&upstream, "timeout: 300ms"));
    let mut client = gateway.connect();
    for body in ["", "hello"] {
        let response = client.send(request("POST", "/", &[], body)).response();
        assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
        assert_eq!(response.field("connection"), None);
    }
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
    upstream.wait_for_ends(3);
    gateway.all_ended_as(3, "upstream_timeout", "complete");
}

/// T58. Each way of leaving, within each phase; the upstream's end is waited for, which no other clock would bring.
#[test]
fn a_client_that_has_gone_frees_its_upstream() {
    let leave: [fn(Client); 2] = [
        |mut client| {
            client.finish();
            client.closed();
        },
        Client::reset,
    ];
    let head = request("POST", "/", &[("Content-Length", "5")], "");
    for (upstream, answered) in [(silent(), false), (dawdling(), true)] {
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut count = 0;
        for leave in leave {
            for bytes in
                [head.clone(), [&head[..], b"hel"].concat(), [&head[..], b"hello"].concat()]
            {
                let mut client = gateway.connect();
                client.send(&bytes);
                count += 1;
                upstream.wait_for_requests(count);
                if answered {
                    client.head();
                    client.exactly(5);
                }
                leave(client);
                upstream.wait_for_ends(count);
            }
        }
        gateway.all_ended_as(count, "client_gone", "client_gone");
    }
}

/// T58. A reset stream, and a lost connection.
#[test]
fn a_client_that_has_gone_frees_its_upstream_on_http2_too() {
    for (upstream, answered) in [(silent(), false), (dawdling(), true)] {
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut h2 = H2::connect(gateway.address("public"));
        for (index, body) in ["", "hel", "hello"].into_iter().enumerate() {
            let ended = body == "hello";
            let head = h2_request("POST", "/", &[("content-length", "5")]);
            let (response, mut writer) = h2.start(head, false).unwrap();
            writer.send_data(body.into(), ended).unwrap();
            upstream.wait_for_requests(index + 1);
            if answered {
                let mut stream = h2.wait(response).unwrap().into_body();
                assert_eq!(h2.wait(stream.data()).unwrap().unwrap(), "begun");
            }
            writer.send_reset(h2::Reason::CANCEL);
            upstream.wait_for_ends(index + 1);
        }
        let last = h2.start(h2_request("POST", "/", &[]), false).unwrap();
        upstream.wait_for_requests(4);
        drop((last, h2));
        upstream.wait_for_ends(4);
        gateway.all_ended_as(4, "client_gone", "client_gone");
    }
}

/// An upstream that takes the head of a request, and nothing of its body until the gate opens.
fn unwilling(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::listening(small_listener(), move |connection| {
        connection.head().unwrap();
        gate.wait();
        connection.closed();
    })
}

/// T58, where the upstream takes nothing: what the client still wanted to send stands between its going and the gateway, so
/// that it may be noticed only when the upstream would be given up.
#[test]
fn a_client_that_goes_while_its_upstream_takes_nothing_is_client_gone() {
    let gate = Gate::default();
    let upstream = unwilling(&gate);
    let gateway = Setup::new(open_api(&upstream, "body_limit: 1GiB"))
        .server("bounds: { write_stall: 1s }")
        .start();
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "1073741824")], ""));
    client.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut stream = client.stream();
    while stream.write(&[b'x'; 16 * 1024]).is_ok() {}
    client.reset();
    gateway.lines(1);
    gate.open();
    gateway.all_ended_as(1, "client_gone", "client_gone");
}

/// T58, the same on HTTP/2, where nothing stands between.
#[test]
fn a_reset_of_a_stream_whose_upstream_takes_nothing_is_noticed_at_once() {
    let gate = Gate::default();
    let upstream = unwilling(&gate);
    let gateway = Gateway::start(open_api(&upstream, "body_limit: 1GiB"));
    let mut h2 = H2::connect(gateway.address("public"));
    let (_response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    loop {
        writer.reserve_capacity(16 * 1024);
        let capacity = std::future::poll_fn(|cx| writer.poll_capacity(cx));
        let stopped = async { tokio::time::timeout(Duration::from_millis(500), capacity).await };
        let Ok(capacity) = h2.wait(stopped) else { break };
        writer.send_data(vec![b'x'; capacity.unwrap().unwrap()].into(), false).unwrap();
    }
    writer.send_reset(h2::Reason::CANCEL);
    // Long before `write_stall`, 30 s.
    gateway.lines(1);
    gate.open();
    gateway.all_ended_as(1, "client_gone", "client_gone");
}

/// What a client has to do with a credential that is about to be revoked.
struct Doomed {
    gateway: Gateway,
    id: String,
    secret: String,
}

impl Doomed {
    fn new(upstream: &Upstream) -> Self {
        let gateway = Gateway::start(one_api(upstream));
        let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
        let (id, secret) = gateway.create(&body);
        Self { gateway, id, secret }
    }

    #[track_caller]
    fn revoke(&self) {
        let path = format!("/v1/credentials/{}/revoke", self.id);
        assert_eq!(self.gateway.admin("POST", &path, &json!({})).0, 200);
    }
}

/// T59, P1 and P2.
#[test]
fn a_revocation_before_the_answer_is_401_with_a_whole_body() {
    for body in ["", "hel", "hello"] {
        let upstream = silent();
        let doomed = Doomed::new(&upstream);
        let mut client = doomed.gateway.connect();
        let fields = [("x-api-key", doomed.secret.as_str()), ("Content-Length", "5")];
        client.send(request("POST", "/", &fields, body));
        let mut h2 = H2::connect(doomed.gateway.address("public"));
        let head = h2_request("POST", "/", &[("x-api-key", &doomed.secret)]);
        let (response, mut writer) = h2.start(head, false).unwrap();
        writer.send_data(body.into(), body == "hello").unwrap();
        upstream.wait_for_requests(2);
        doomed.revoke();
        for refused in [client.response(), h2.finish(response).unwrap()] {
            assert_eq!((refused.status, refused.code().as_str()), (401, "credential_invalid"));
            assert!(refused.field("www-authenticate").unwrap().contains("invalid_token"));
            assert_eq!(refused.field("content-length"), Some(&*refused.body.len().to_string()));
        }
        upstream.wait_for_ends(2);
        drop((client, h2));
        doomed.gateway.all_ended_as(2, "credential_revoked", "complete");
    }
}

/// T59, P3 and P4.
#[test]
fn a_revocation_within_the_answer_cuts_it() {
    for ended in [true, false] {
        let upstream = dawdling();
        let doomed = Doomed::new(&upstream);
        let mut client = doomed.gateway.connect();
        let fields = [
            ("x-api-key", doomed.secret.as_str()),
            ("Content-Length", if ended { "0" } else { "5" }),
        ];
        client.send(request("POST", "/", &fields, ""));
        let head = client.head();
        assert!(find(&head, b"200 OK").is_some());
        client.exactly(5);
        let mut h2 = H2::connect(doomed.gateway.address("public"));
        let head = h2_request("POST", "/", &[("x-api-key", &doomed.secret)]);
        let (response, _writer) = h2.start(head, ended).unwrap();
        let mut stream = h2.wait(response).unwrap().into_body();
        assert_eq!(h2.wait(stream.data()).unwrap().unwrap(), "begun");
        doomed.revoke();
        assert_eq!(client.rest(), b"", "nothing more, and the end of the connection");
        let fault = h2.wait(stream.data()).unwrap().unwrap_err();
        assert_eq!(fault.reason(), Some(h2::Reason::CANCEL));
        upstream.wait_for_ends(2);
        drop(client);
        doomed.gateway.all_ended_as(2, "credential_revoked", "revoked");
    }
}

/// T59. Only what the credential admitted is ended.
#[test]
fn a_revocation_ends_no_request_of_another_credential() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let doomed = Doomed::new(&upstream);
    let other = doomed.gateway.mint("u_1", "org_1");
    let mut clients = [&doomed.secret, &other].map(|secret| {
        let mut client = doomed.gateway.connect();
        client.send(request("GET", "/", &[("x-api-key", secret)], ""));
        client
    });
    upstream.wait_for_requests(2);
    doomed.revoke();
    assert_eq!(clients[0].response().status, 401);
    gate.open();
    assert_eq!(clients[1].response().status, 204);
    doomed.gateway.ended_as(&[("credential_revoked", "complete"), ("forwarded", "complete")]);
}

/// T62. The client sends all before it reads; what the gateway does not want it reads and drops, so that no reset overtakes
/// its answer. And an upload that never ends is closed after a while.
#[test]
fn a_refusal_to_a_client_that_still_sends_arrives_whole() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (field, body) in [
        (("Content-Length", "8388608"), "x".repeat(8 << 20)),
        (("Transfer-Encoding", "chunked"), chunk.repeat(128) + "0\r\n\r\n"),
    ] {
        let mut client = gateway.connect();
        client.send(request("POST", "/", &[field], "")).send(&body);
        let response = client.response();
        assert_eq!((response.status, response.code().as_str()), (401, "credential_missing"));
        client.finish();
        client.closed();
        let mut endless = gateway.connect();
        endless.send(request("POST", "/", &[field], body.get(..body.len() / 2).unwrap()));
        assert_eq!(endless.response().status, 401);
        endless.closed();
    }
    assert_eq!(upstream.connections(), 0);
    gateway.all_ended_as(4, "credential_missing", "complete");
}
