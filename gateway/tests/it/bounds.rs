//! Contract 2, `server.bounds`: what one peer can cost, each bound absolute.

use std::time::Duration;

use crate::support::h2c::{frame, h2_request, headers, next_frame, raw};
use crate::support::{
    Client, Gate, Gateway, H2, Setup, Upstream, one_api, one_api_with, open_api, request,
};

fn bounded(upstream: &Upstream, bounds: &str) -> Gateway {
    Setup::new(one_api(upstream)).server(&format!("bounds: {{ {bounds} }}")).start()
}

/// The refusal arrives whole, says to close, and the connection closes; nothing goes on; one line says the same.
fn refused_and_closed(gateway: &Gateway, client: &mut Client, status: u16, code: &str) {
    let response = client.response();
    assert_eq!((response.status, response.code().as_str()), (status, code));
    assert_eq!(response.field("connection"), Some("close"));
    client.finish();
    client.closed();
    let line = gateway.line(&response.request_id());
    assert_eq!((&line["outcome"], &line["stage"]), (&code.into(), &"accept".into()));
}

#[test]
fn a_head_over_its_bound_is_431() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "head: 1KiB");
    let secret = gateway.mint("u_1", "org_1");
    let with = |bytes: usize| {
        let head = request("GET", "/", &[("x-api-key", &secret), ("x-fill", "")], "").len();
        request("GET", "/", &[("x-api-key", &secret), ("x-fill", &"f".repeat(bytes - head))], "")
    };
    assert_eq!(gateway.send(with(1024)).status, 200);
    for size in [1025, 3000, 200_000] {
        refused_and_closed(&gateway, gateway.connect().send(with(size)), 431, "head_too_large");
    }
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn a_head_that_never_ends_is_431_as_soon_as_it_is_over_its_bound() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "head: 1KiB");
    let mut client = gateway.connect();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-fill: {}", "f".repeat(2000)));
    refused_and_closed(&gateway, &mut client, 431, "head_too_large");
}

#[test]
fn more_fields_than_the_bound_is_431() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "fields: 10");
    let secret = gateway.mint("u_1", "org_1");
    let with = |count: usize| {
        let mut fields = vec![("x-a", "1"); count - 2];
        fields.push(("x-api-key", &secret));
        request("GET", "/", &fields, "")
    };
    assert_eq!(gateway.send(with(10)).status, 200);
    refused_and_closed(&gateway, gateway.connect().send(with(11)), 431, "head_too_large");
}

#[test]
fn a_target_over_its_bound_is_414() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "uri: 1KiB");
    let secret = gateway.mint("u_1", "org_1");
    let with = |size: usize| {
        request("GET", &format!("/{}", "p".repeat(size - 1)), &[("x-api-key", &secret)], "")
    };
    assert_eq!(gateway.send(with(1024)).status, 200);
    refused_and_closed(&gateway, gateway.connect().send(with(1025)), 414, "uri_too_long");
}

#[test]
fn a_head_that_is_not_whole_at_its_deadline_is_408() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "head_timeout: 300ms");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    refused_and_closed(&gateway, &mut client, 408, "request_timeout");
}

#[test]
fn the_heads_deadline_does_not_move_while_bytes_arrive() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "head_timeout: 300ms");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nx-fill: ");
    let mut sent = 0;
    while client.is_quiet_for(Duration::from_millis(50)) {
        client.send("f");
        sent += 1;
        assert!(sent < 200, "the deadline never comes");
    }
    refused_and_closed(&gateway, &mut client, 408, "request_timeout");
}

#[test]
fn a_connection_without_a_request_is_closed_silently_when_idle() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "idle: 2s");
    let secret = gateway.mint("u_1", "org_1");
    gateway.connect().closed();
    let mut used = gateway.connect();
    assert_eq!(
        used.send(request("GET", "/", &[("x-api-key", &secret)], "")).response().status,
        200
    );
    used.closed();
    assert_eq!(gateway.lines(1).len(), 1, "neither logged nor counted");
    assert!((gateway.metrics().sum("requests_total", &[]) - 1.0).abs() < 0.5);
}

#[test]
fn a_request_beyond_those_under_way_is_overloaded_and_told_when_to_return() {
    let (arrived, gate) = (Gate::default(), Gate::default());
    let upstream = Upstream::scripted({
        let (arrived, gate) = (arrived.clone(), gate.clone());
        move |connection| {
            while connection.request().is_some() {
                arrived.open();
                gate.wait();
                connection.write("HTTP/1.1 204 No Content\r\n\r\n");
            }
        }
    });
    let one =
        Setup::new(one_api(&upstream)).server("bounds: { in_flight: 1 }").server("threads: 1");
    let gateway = one.start();
    let secret = gateway.mint("u_1", "org_1");
    let bytes = request("GET", "/", &[("x-api-key", &secret)], "");
    let mut first = gateway.connect();
    first.send(&bytes);
    arrived.wait();
    let response = gateway.send(&bytes);
    assert_eq!((response.status, response.code().as_str()), (503, "overloaded"));
    let seconds: u32 = response.field("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    gate.open();
    assert_eq!(first.response().status, 204);
    assert_eq!(gateway.send(&bytes).status, 204);
}

#[test]
fn a_declared_body_over_the_routes_limit_is_413_before_anything_is_sent() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /small, body_limit: 10B }, { path: /** }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let secret = gateway.mint("u_1", "org_1");
    let response =
        gateway.send(request("POST", "/small", &[("x-api-key", &secret)], "eleven byte"));
    assert_eq!((response.status, response.code().as_str()), (413, "body_too_large"));
    let anonymous = gateway.send(request("POST", "/small", &[], "eleven byte"));
    assert_eq!(
        anonymous.code(),
        "body_too_large",
        "the route's stage comes before the credential's"
    );
    assert_eq!(upstream.connections(), 0);
    let fits = gateway.send(request("POST", "/small", &[("x-api-key", &secret)], "ten  bytes"));
    assert_eq!(fits.echo().body(), "ten  bytes");
}

#[test]
fn a_streamed_body_over_the_routes_limit_is_413_and_never_complete_upstream() {
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /small, body_limit: 10B }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let secret = gateway.mint("u_1", "org_1");
    let fields = [("x-api-key", secret.as_str()), ("transfer-encoding", "chunked")];
    let response =
        gateway.send(request("POST", "/small", &fields, "6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"));
    assert_eq!((response.status, response.code().as_str()), (413, "body_too_large"));
    let mut h2 = H2::connect(gateway.address("public"));
    let head = h2_request("POST", "/small", &[("x-api-key", &secret)]);
    let response = h2.request(head, "twelve bytes", None).unwrap();
    assert_eq!((response.status, response.code().as_str()), (413, "body_too_large"));
}

#[test]
fn an_oversized_http2_head_is_431_and_the_connection_lives() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "fields: 20");
    let secret = gateway.mint("u_1", "org_1");
    let mut h2 = H2::connect(gateway.address("public"));
    let big = "a".repeat(20_000);
    assert_eq!(h2.get("/", &[("authorization", &big)]).status, 431);
    let many: Vec<_> = (0..30).map(|i| format!("x-{i}")).collect();
    let mut fields: Vec<_> = many.iter().map(|name| (name.as_str(), "1")).collect();
    fields.push(("x-api-key", &secret));
    assert_eq!(h2.get("/", &fields).status, 431);
    for size in [9000, 20_000] {
        let target = format!("/{}", "p".repeat(size));
        assert_eq!(h2.get(&target, &[("x-api-key", &secret)]).status, 414);
    }
    assert_eq!(h2.get("/", &[("x-api-key", &secret)]).status, 200);
}

/// A head is HEADERS and what continues it: whether bytes of it come, or none.
#[test]
fn an_http2_head_that_is_not_whole_at_its_deadline_ends_its_connection() {
    let upstream = Upstream::echo();
    let gateway = bounded(&upstream, "head_timeout: 500ms");
    let (open, whole) = (frame(1, 0, 1, &headers()[..1]), frame(1, 4, 1, &headers()));
    for piece in [&open[..], &whole[..whole.len() - 1], &whole[..4]] {
        let mut client = raw(&gateway);
        client.send(piece);
        let mut goaway = None;
        while let Some((kind, _, _, payload)) = next_frame(&mut client) {
            if kind == 7 {
                goaway = Some(payload);
            }
        }
        // ENHANCE_YOUR_CALM
        assert_eq!(goaway.unwrap()[4..8], [0, 0, 0, 0xb]);
    }
    let mut client = raw(&gateway);
    let mut bytes = frame(1, 4, 1, &[0; 200]).into_iter();
    while client.is_quiet_for(Duration::from_millis(50)) {
        client.send([bytes.next().expect("the deadline never comes")]);
    }
    drop(client);
    gateway.all_ended_as(4, "request_timeout", "timeout");
}

#[test]
fn a_stream_beyond_those_of_a_connection_is_refused_and_may_be_repeated() {
    let gate = Gate::default();
    let upstream = Upstream::answering_at(&gate);
    let gateway = Setup::new(open_api(&upstream, "")).server("bounds: { streams: 2 }").start();
    let mut client = raw(&gateway);
    for stream in [1, 3, 5] {
        // END_HEADERS, END_STREAM
        client.send(frame(1, 5, stream, &headers()));
    }
    let refused = loop {
        let (kind, _, stream, payload) = next_frame(&mut client).unwrap();
        if kind == 3 {
            break (stream, payload);
        }
    };
    // REFUSED_STREAM
    assert_eq!(refused, (5, vec![0, 0, 0, 7]));
    gate.open();
    let mut answered: Vec<_> = std::iter::from_fn(|| next_frame(&mut client))
        .filter(|(kind, ..)| *kind == 1)
        .map(|(_, _, stream, _)| stream)
        .take(2)
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, [1, 3]);
    drop(client);
    gateway.all_ended_as(2, "forwarded", "complete");
}
