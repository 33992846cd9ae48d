//! Contract 7, `algorithm: concurrency`: a place is free again however the request that had it has ended.

use crate::support::h2c::h2_request;
use crate::support::{Gate, Gateway, H2, Response, Upstream, one_api_with, request};

const PLACES: &str = "limits: { places: { per: api, max: 1, algorithm: concurrency } }
routes: [{ path: /panel, subject_admin: true }, { path: /**, auth: none }]";

/// Never answers `/wait`, never ends `/stream`, ends `/slow` once the gate is open, and answers all else at once.
fn holding(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::scripted(move |connection| {
        while let Some(request) = connection.request() {
            let begun = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1";
            match request.target.as_str() {
                "/wait" => drop(connection.closed()),
                "/stream" => {
                    connection.write(begun);
                    connection.closed();
                }
                "/slow" => {
                    connection.write(begun);
                    gate.wait();
                    connection.write("2");
                }
                _ => connection.write("HTTP/1.1 204 No Content\r\n\r\n"),
            }
        }
    })
}

#[track_caller]
fn taken(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (429, "rate_exceeded"));
    assert_eq!(response.field("retry-after"), Some("1"));
}

#[test]
fn a_stream_of_http_2_holds_its_place_until_it_ends() {
    let gate = Gate::default();
    let upstream = holding(&gate);
    let gateway = Gateway::start(one_api_with(&upstream, PLACES));
    let mut h2 = H2::connect(gateway.address("public"));
    let (slow, _) = h2.start(h2_request("GET", "/slow", &[]), true).unwrap();
    let mut slow = h2.wait(slow).unwrap().into_body();
    assert_eq!(h2.wait(slow.data()).unwrap().unwrap(), "1");
    taken(&h2.get("/", &[]));
    taken(&gateway.get("/", &[]));
    gate.open();
    while let Some(piece) = h2.wait(slow.data()) {
        piece.unwrap();
    }
    gateway.lines(3);
    assert_eq!(h2.get("/", &[]).status, 204);
}

#[test]
fn a_stream_of_http_2_that_its_client_resets_gives_its_place_back() {
    let upstream = holding(&Gate::default());
    let gateway = Gateway::start(one_api_with(&upstream, PLACES));
    let mut h2 = H2::connect(gateway.address("public"));
    let mut requests = 0;
    for (round, target) in ["/wait", "/stream", "/wait"].into_iter().enumerate() {
        let (held, mut writer) = h2.start(h2_request("GET", target, &[]), true).unwrap();
        upstream.wait_for_requests(requests + 1);
        taken(&h2.get("/", &[]));
        writer.send_reset(h2::Reason::CANCEL);
        drop(held);
        gateway.lines(3 * round + 2);
        assert_eq!(h2.get("/", &[]).status, 204, "{target}");
        gateway.lines(3 * round + 3);
        requests += 2;
    }
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    let upstream = holding(&Gate::default());
    let gateway = Gateway::start(one_api_with(&upstream, PLACES));
    let mut requests = 0;
    for (round, target) in ["/wait", "/stream", "/wait"].into_iter().enumerate() {
        let mut client = gateway.connect();
        client.send(request("GET", target, &[], ""));
        upstream.wait_for_requests(requests + 1);
        taken(&gateway.get("/", &[]));
        client.reset();
        gateway.lines(3 * round + 2);
        assert_eq!(gateway.get("/", &[]).status, 204, "{target}");
        gateway.lines(3 * round + 3);
        requests += 2;
    }
}

#[test]
fn a_connection_of_http_2_that_goes_gives_the_places_of_its_streams_back() {
    let upstream = holding(&Gate::default());
    let gateway = Gateway::start(one_api_with(&upstream, PLACES));
    let mut h2 = H2::connect(gateway.address("public"));
    let held = h2.start(h2_request("GET", "/wait", &[]), true).unwrap();
    upstream.wait_for_requests(1);
    taken(&gateway.get("/", &[]));
    drop((held, h2));
    gateway.lines(2);
    assert_eq!(gateway.get("/", &[]).status, 204);
}

#[test]
fn a_request_that_a_later_stage_refuses_keeps_no_place() {
    let upstream = holding(&Gate::default());
    let gateway = Gateway::start(one_api_with(&upstream, PLACES));
    let key = gateway.mint("u_1", "org_1");
    for round in 1..=3 {
        let refused = gateway.get("/panel", &[("x-api-key", &key)]);
        assert_eq!((refused.status, refused.code().as_str()), (403, "admin_required"));
        gateway.lines(round);
    }
}
