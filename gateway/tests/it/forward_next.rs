//! Forwarding: what stands behind a message is the next one, and nothing else is.

use std::time::Duration;

use crate::support::http1::show;
use crate::support::{Gateway, Steps, Upstream, one_api, open_api, request};

/// T8, answered by the upstream.
#[test]
fn a_body_that_comes_after_its_early_answer_is_not_taken_for_a_request() {
    let upstream = Upstream::scripted(|connection| {
        while let Some(request) = connection.head() {
            connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
            assert_ne!(request.target, "/smuggled");
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunked = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let length = smuggled.len().to_string();
    for (field, body) in
        [(("Content-Length", &*length), smuggled), (("Transfer-Encoding", "chunked"), &*chunked)]
    {
        let mut client = gateway.connect();
        client.send(request("POST", "/first", &[field], ""));
        assert_eq!(client.response().text(), "no");
        client.send(body);
        client.send(request("GET", "/second", &[], ""));
        assert_eq!(
            client.response().text(),
            "no",
            "so little is read for the sake of the connection"
        );
    }
    let targets: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/first", "/second", "/first", "/second"]);
    gateway.all_ended_as(4, "forwarded", "complete");
}

/// T8, answered by the gateway.
#[test]
fn the_body_of_a_refused_request_is_not_taken_for_a_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let smuggled = show(&request("GET", "/smuggled", &[("x-api-key", &secret)], ""));
    let chunked = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    let length = smuggled.len().to_string();
    for (field, body) in
        [(("Content-Length", &*length), &*smuggled), (("Transfer-Encoding", "chunked"), &*chunked)]
    {
        let mut client = gateway.connect();
        client.send(request("POST", "/", &[field], ""));
        assert_eq!(client.response().status, 401);
        client.send(body);
        let echo =
            client.send(request("GET", "/next", &[("x-api-key", &secret)], "")).response().echo();
        assert_eq!(echo.target(), "/next");
    }
    assert_eq!(upstream.requests().len(), 2);
    let refused = ("credential_missing", "complete");
    let served = ("forwarded", "complete");
    gateway.ended_as(&[refused, served, refused, served]);
}

/// T10
#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    client.send(
        [
            request("GET", "/1", &[], ""),
            request("POST", "/2", &[], "two"),
            request("PUT", "/3", &[("Transfer-Encoding", "chunked")], "5\r\nthree\r\n0\r\n\r\n"),
            request("GET", "/4", &[], ""),
        ]
        .concat(),
    );
    for expected in [("/1", ""), ("/2", "two"), ("/3", "three"), ("/4", "")] {
        let echo = client.response().echo();
        assert_eq!((echo.target(), echo.body()), expected);
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(4, "forwarded", "complete");
}

/// T11. The second is more than the gateway keeps ahead of its turn.
#[test]
fn a_request_sent_while_the_first_waits_is_answered_whole() {
    let (arrived, answer) = (Steps::default(), Steps::default());
    let upstream = Upstream::scripted({
        let (arrived, answer) = (arrived.clone(), answer.clone());
        move |connection| {
            while connection.request().is_some() {
                arrived.give();
                answer.take();
                connection.write("HTTP/1.1 204 No Content\r\n\r\n");
            }
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let big = "0123456789abcdef".repeat(4096);
    let mut client = gateway.connect();
    for second in [request("GET", "/second", &[], ""), request("POST", "/second", &[], &big)] {
        client.send(request("GET", "/first", &[], ""));
        arrived.take();
        let (now, later) = second.split_at(second.len() - 3);
        client.send(&now[..1]);
        assert!(client.is_quiet_for(Duration::from_millis(50)), "read ahead, and kept");
        client.send(&now[1..]);
        answer.give();
        assert_eq!(client.response().status, 204);
        client.send(later);
        answer.give();
        assert_eq!(client.response().status, 204);
        arrived.take();
        let received = upstream.requests().pop().unwrap();
        assert_eq!(received.target, "/second");
        assert!(second.ends_with(&received.body) && received.head.starts_with(&second[..12]));
    }
    assert_eq!(upstream.requests()[3].body.len(), big.len());
    gateway.all_ended_as(4, "forwarded", "complete");
}
