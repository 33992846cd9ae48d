//! Forwarding: the cells of the table of states and events that no other test enters (T61), each logged once with what it was.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use crate::support::client::Closed;
use crate::support::h2c::h2_request;
use crate::support::http1::End;
use crate::support::sockets::{Nobody, small_listener, small_stream};
use crate::support::{Client, Gate, Gateway, H2, Setup, Upstream, open_api, request};

/// More than all kernel buffers between a client and an upstream hold.
const ENDLESS: usize = 64 << 20;

/// [`open_api`] with these lines for the upstream.
fn with_upstream(lines: &str) -> String {
    format!(
        "upstreams: {{ app: {{ {lines} }} }}\n\
         apis:\n  - name: app\n    upstream: app\n    schemes: [{{ name: key, prefix: ak_ }}]\n    \
         routes: [{{ path: /**, auth: none }}]\n"
    )
}

/// Row 6, P4: HTTP/1 and HTTP/2. The upstream could give for ever.
#[test]
fn a_client_that_takes_nothing_is_cut_after_write_stall() {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
        connection.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {ENDLESS}\r\n\r\n"));
        while connection.try_write([b'x'; 16 * 1024]) {}
    });
    let gateway = Setup::new(open_api(&upstream, "")).server("bounds: { write_stall: 1s }").start();
    let mut client = Client::over(small_stream(gateway.address("public")));
    client.send(request("GET", "/", &[], ""));
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, _) = h2.start(h2_request("GET", "/", &[]), true).unwrap();
    let mut body = h2.wait(response).unwrap().into_body();
    upstream.wait_for_ends(2);
    assert_eq!(client.response().end, End::Cut);
    while let Some(Ok(_)) = h2.wait(body.data()) {}
    drop(client);
    gateway.all_ended_as(2, "client_gone", "timeout");
}

/// Row 7. Nothing is on the wire yet, so any method goes to the next endpoint.
#[test]
fn an_endpoint_that_refuses_the_connection_costs_no_request_while_another_takes_it() {
    let upstream = Upstream::echo();
    let nobody = Nobody::new();
    let endpoints = format!(
        "endpoints: [\"{}\", \"{}\"], balance: round_robin",
        nobody.address(),
        upstream.address()
    );
    let gateway = Gateway::start(with_upstream(&endpoints));
    let mut client = gateway.connect();
    for number in 0..20 {
        let (method, body) = [("GET", ""), ("POST", "body")][number % 2];
        assert_eq!(client.send(request(method, "/", &[], body)).response().echo().body(), body);
    }
    let lines = gateway.all_ended_as(20, "forwarded", "complete");
    assert!(lines.iter().any(|line| line["retries"] != 0), "the other endpoint was never tried");
}

/// Row 7
#[test]
fn no_connection_at_all_is_upstream_unavailable() {
    let [one, other] = [(); 2].map(|()| Nobody::new());
    let gateway = Gateway::start(with_upstream(&format!(
        "endpoints: [\"{}\", \"{}\"]",
        one.address(),
        other.address()
    )));
    let mut client = gateway.connect();
    for (method, body) in [("GET", ""), ("POST", "body")] {
        let response = client.send(request(method, "/", &[], body)).response();
        assert_eq!((response.status, response.code().as_str()), (503, "upstream_unavailable"));
        assert_eq!(
            response.field("connection"),
            None,
            "an upstream's fault leaves the client its connection"
        );
        assert!(response.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    }
    let response = H2::connect(gateway.address("public")).get("/", &[]);
    assert_eq!((response.status, response.code().as_str()), (503, "upstream_unavailable"));
    gateway.all_ended_as(3, "upstream_unavailable", "complete");
}

/// Row 13, the `503` condition: as row 9, and only where it was asked for.
#[test]
fn a_503_is_put_to_another_endpoint_where_the_condition_says_so_and_the_request_can_be_repeated() {
    let busy =
        Upstream::answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    let good = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
    let endpoints = format!(
        "endpoints: [\"{}\", \"{}\"], balance: round_robin",
        busy.address(),
        good.address()
    );
    for (conditions, statuses) in
        [("connect, stale_connection, \"503\"", [200, 200]), ("connect", [200, 503])]
    {
        let gateway = Gateway::start(with_upstream(&format!(
            "{endpoints}, retries: {{ attempts: 2, conditions: [{conditions}] }}"
        )));
        let mut client = gateway.connect();
        let mut ask = |method: &str, body: &str| {
            let mut found =
                [0, 0].map(|_| client.send(request(method, "/", &[], body)).response().status);
            found.sort_unstable();
            found
        };
        assert_eq!(ask("GET", ""), statuses, "{conditions}");
        assert_eq!(ask("POST", "body"), [200, 503], "{conditions}");
        gateway.all_ended_as(4, "forwarded", "complete");
    }
}

/// An upstream that reads no body: it answers with the head of an answer where `answers`, and waits for its end.
fn deaf(answers: bool) -> Upstream {
    Upstream::listening(small_listener(), move |connection| {
        connection.head().unwrap();
        if answers {
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
        }
        // For as long as any test lasts.
        Gate::default().wait();
    })
}

/// Row 18, P1 and P3. The client uploads for as long as anybody takes it.
#[test]
fn an_upstream_that_takes_nothing_is_upstream_timeout_after_write_stall() {
    for answers in [false, true] {
        let upstream = deaf(answers);
        let gateway = Setup::new(open_api(&upstream, "body_limit: 1GiB"))
            .server("bounds: { write_stall: 1s }")
            .start();
        let mut client = gateway.connect();
        let mut sender = client.stream().try_clone().unwrap();
        client.send(request("POST", "/", &[("Content-Length", &ENDLESS.to_string())], ""));
        let upload = thread::spawn(move || sender.write_all(&vec![b'x'; ENDLESS]).is_ok());
        let response = client.response();
        if answers {
            assert_eq!((response.text().as_str(), response.end), ("begun", End::Cut));
        } else {
            assert_eq!((response.status, response.code().as_str()), (504, "upstream_timeout"));
            assert_eq!(response.field("connection"), Some("close"));
        }
        drop(client);
        upload.join().unwrap();
        gateway.all_ended_as(1, "upstream_timeout", if answers { "timeout" } else { "complete" });
    }
}

/// Rows 5 and 19, P3 and P4.
#[test]
fn an_answer_that_stops_moving_is_cut_after_idle() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun");
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, "idle: 1500ms"));
    for length in ["0", "5"] {
        let mut client = gateway.connect();
        client.send(request("POST", "/", &[("Content-Length", length)], ""));
        let response = client.response();
        assert_eq!((response.text().as_str(), response.end), ("begun", End::Cut));
    }
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, _writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    let mut body = h2.wait(response).unwrap().into_body();
    assert_eq!(h2.wait(body.data()).unwrap().unwrap(), "begun");
    let fault = h2.wait(body.data()).unwrap().unwrap_err();
    assert_eq!(fault.reason(), Some(h2::Reason::INTERNAL_ERROR));
    upstream.wait_for_ends(3);
    gateway.all_ended_as(3, "upstream_timeout", "timeout");
}

/// Row 19, P3 and P4: what moves, either way, keeps the other alive.
#[test]
fn a_slow_answer_outlives_timeout_and_idle_as_long_as_something_moves() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        let echoed = connection.exactly(10).unwrap();
        connection.write(&echoed[5..]);
    });
    let gateway = Gateway::start(open_api(&upstream, "timeout: 2s, idle: 2s"));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "10")], ""));
    client.head();
    for _ in 0..10 {
        assert!(client.is_quiet_for(Duration::from_millis(300)));
        client.send("x");
    }
    assert_eq!(client.exactly(5), b"xxxxx");
    gateway.all_ended_as(1, "forwarded", "complete");
}

/// Row 15, P3: an answer that is whole before its request is ends the upstream's connection.
#[test]
fn an_answer_that_ends_before_its_request_is_forwarded_and_the_upstreams_connection_ends() {
    let upstream = Upstream::scripted(|connection| {
        connection.head().unwrap();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly");
        connection.closed();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[("Content-Length", "100000")], "x"));
    let response = client.response();
    assert_eq!((response.text().as_str(), response.field("connection")), ("early", Some("close")));
    client.finish();
    assert_eq!(client.closed(), Closed::Fin);
    let mut h2 = H2::connect(gateway.address("public"));
    let (response, mut writer) = h2.start(h2_request("POST", "/", &[]), false).unwrap();
    writer.send_data("x".into(), false).unwrap();
    let response = h2.finish(response).unwrap();
    assert_eq!((response.text().as_str(), response.end), ("early", End::Stream));
    let reason = h2.wait(std::future::poll_fn(|cx| writer.poll_reset(cx))).unwrap();
    assert_eq!(
        reason,
        h2::Reason::NO_ERROR,
        "the answer is whole: the upload is merely not wanted"
    );
    upstream.wait_for_ends(2);
    gateway.all_ended_as(2, "forwarded", "complete");
}
