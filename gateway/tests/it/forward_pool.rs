//! Forwarding: connections that serve again, and when a request may be sent a second time.
//!
//! T46 (a removed endpoint) needs the reload, which is not there yet.

use std::collections::BTreeMap;

use crate::support::http1::End;
use crate::support::{Gateway, Steps, Upstream, one_pool, open_api, request};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The next of a sequence that looks random and is the same each time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// T43. After an answer the upstream closes or resets at once, or when the next request arrives, or not at all; so closes meet
/// requests on their way. Each request has a name of its own.
#[test]
fn an_upstream_that_closes_at_random_never_costs_a_get_and_never_gets_a_post_twice() {
    let upstream = Upstream::scripted(|connection| {
        let mut state = connection.index() as u64;
        while connection.request().is_some() {
            connection.write(OK);
            match next(&mut state) % 8 {
                0 | 1 => return,
                2 => return connection.reset(),
                3 => {
                    connection.head();
                    return;
                }
                _ => {}
            }
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut state = 7;
    let mut statuses = BTreeMap::new();
    let mut client = gateway.connect();
    for number in 0..400 {
        let (method, body) =
            if next(&mut state).is_multiple_of(2) { ("GET", "") } else { ("POST", "body") };
        if next(&mut state).is_multiple_of(16) {
            client = gateway.connect();
        }
        let target = format!("/{method}/{number}");
        let status = client.send(request(method, &target, &[], body)).response().status;
        assert!(status == 200 || (method, status) == ("POST", 502), "{target}: {status}");
        statuses.insert(target, status);
    }
    let mut seen = BTreeMap::<_, usize>::new();
    for received in upstream.requests() {
        *seen.entry(received.target).or_default() += 1;
    }
    for (target, status) in &statuses {
        let times = seen.get(target).copied().unwrap_or_default();
        let most = if target.starts_with("/GET") { 2 } else { 1 };
        assert!(
            times <= most && (times > 0 || *status == 502),
            "{target}: {status}, {times} times"
        );
    }
    let kept = upstream.connections();
    assert!(kept < 350, "{kept} connections for 400 requests: nothing was reused");
    let good = statuses.values().filter(|&&status| status == 200).count();
    let mut expected = vec![("forwarded", "complete"); good];
    expected.resize(400, ("upstream_invalid", "complete"));
    gateway.ended_as(&expected);
}

/// T43, contract issue text: what is closed before it is used is noticed, and never costs a POST a 502.
#[test]
fn a_connection_that_was_closed_while_idle_never_costs_a_post_its_answer() {
    let closed = Steps::default();
    let upstream = Upstream::scripted({
        let closed = closed.clone();
        move |connection| {
            connection.request().unwrap();
            connection.write(OK);
            connection.finish();
            closed.give();
            connection.rest();
        }
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    let mut client = gateway.connect();
    for number in 0..100 {
        let response = client.send(request("POST", &format!("/{number}"), &[], "body")).response();
        assert_eq!(response.status, 200, "request {number}");
        closed.take();
    }
    let requests = upstream.requests();
    assert_eq!((requests.len(), upstream.connections()), (100, 100));
    assert!(requests.iter().all(|request| request.body == b"body"));
    let lines = gateway.all_ended_as(100, "forwarded", "complete");
    assert!(lines.iter().all(|line| line["retries"] == 0));
}

/// [`open_api`] with these keys of its upstream.
fn with_keys(upstream: &Upstream, keys: &str) -> String {
    let address = upstream.address();
    let with = format!("app: {{ endpoints: [\"{address}\"], {keys} }}");
    open_api(upstream, "").replacen(&format!("app: [{address}]"), &with, 1)
}

const STALE: &str = "retries: { attempts: 2, conditions: [connect, stale_connection] }";

/// Row 9 of the table: `method` and `body` on a connection that has served before and closes when they arrive.
fn closed_on_arrival(retries: &str, method: &str, body: &str) -> (u16, usize, serde_json::Value) {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
        connection.write(OK);
        if connection.index() == 0 {
            connection.request();
        } else {
            connection.closed();
        }
    });
    let gateway = Gateway::start(with_keys(&upstream, retries));
    let mut client = gateway.connect();
    assert_eq!(client.send(request("GET", "/first", &[], "")).response().status, 200);
    client.send(request(method, "/second", &[], body));
    let response = if method == "HEAD" { client.response_to_head() } else { client.response() };
    let times = upstream.requests().iter().filter(|request| request.target == "/second").count();
    let line = gateway.line(&response.request_id());
    (response.status, times, line)
}

/// T43
#[test]
fn an_idempotent_request_without_body_is_sent_once_more_on_a_new_connection() {
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"] {
        let (status, times, line) = closed_on_arrival(STALE, method, "");
        assert_eq!((status, times), (200, 2), "{method}");
        assert_eq!(
            (&line["retries"], &line["outcome"]),
            (&1.into(), &"forwarded".into()),
            "{method}"
        );
    }
}

/// T43
#[test]
fn what_is_not_idempotent_or_has_a_body_is_never_sent_twice() {
    for (method, body) in
        [("POST", ""), ("POST", "body"), ("PATCH", ""), ("PUT", "body"), ("GET", "body")]
    {
        let (status, times, line) = closed_on_arrival(STALE, method, body);
        assert_eq!((status, times), (502, 1), "{method} {body:?}");
        assert_eq!(
            (&line["retries"], &line["outcome"]),
            (&0.into(), &"upstream_invalid".into()),
            "{method}"
        );
    }
}

/// Contract 2, `retries`: what a condition that is not named would allow does not happen.
#[test]
fn without_the_stale_connection_condition_nothing_is_sent_twice() {
    let (status, times, line) = closed_on_arrival("retries: { conditions: [connect] }", "GET", "");
    assert_eq!((status, times), (502, 1));
    assert_eq!((&line["retries"], &line["outcome"]), (&0.into(), &"upstream_invalid".into()));
}

/// Row 9: only a reused connection can have been closed before the request.
#[test]
fn a_new_connection_that_closes_without_an_answer_is_not_tried_again() {
    let upstream = Upstream::scripted(|connection| {
        connection.request().unwrap();
    });
    let gateway = Gateway::start(open_api(&upstream, ""));
    for reset in 0..3 {
        assert_eq!(gateway.get("/", &[]).code(), "upstream_invalid");
        assert_eq!(upstream.requests().len(), reset + 1);
    }
    gateway.all_ended_as(3, "upstream_invalid", "complete");
}

/// T44, and row 9 with an interim answer.
#[test]
fn a_connection_that_closes_inside_a_head_or_behind_an_interim_one_is_not_tried_again() {
    for begun in ["HTTP/1.1 200 OK\r\nContent-Le", "H", "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let upstream = Upstream::scripted(move |connection| {
            connection.request().unwrap();
            connection.write(OK);
            if connection.request().is_some() {
                connection.write(begun);
            }
        });
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        assert_eq!(client.send(request("GET", "/first", &[], "")).response().status, 200);
        let mut response = client.send(request("GET", "/second", &[], "")).response();
        if response.status == 103 {
            response = client.response();
        }
        assert_eq!(
            (response.status, response.code().as_str()),
            (502, "upstream_invalid"),
            "{begun:?}"
        );
        assert_eq!(upstream.requests().len(), 2, "{begun:?}");
        gateway.ended_as(&[("forwarded", "complete"), ("upstream_invalid", "complete")]);
    }
}

/// T45. Whether the upstream closes behind it or not.
#[test]
fn an_unasked_answer_on_an_idle_connection_reaches_nobody() {
    for closes in [true, false] {
        let said = Steps::default();
        let upstream = Upstream::scripted({
            let said = said.clone();
            move |connection| {
                while connection.request().is_some() {
                    connection.write(OK);
                    connection.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nslow");
                    if closes {
                        connection.finish();
                    }
                    said.give();
                }
            }
        });
        let gateway = Gateway::start(open_api(&upstream, ""));
        let mut client = gateway.connect();
        for number in 0..100 {
            let (method, body) = [("GET", ""), ("POST", "body")][number % 2];
            let response = client.send(request(method, "/", &[], body)).response();
            assert_eq!((response.status, response.end), (200, End::Length), "request {number}");
            said.take();
        }
        assert_eq!(upstream.requests().len(), 100);
        gateway.all_ended_as(100, "forwarded", "complete");
    }
}

/// Section 4: newest first, and no more connections than there are requests at once.
#[test]
fn requests_one_after_another_share_one_connection_whatever_their_clients() {
    let upstream = Upstream::echo();
    let gateway = one_pool(&upstream, "");
    for number in 0..20 {
        let (method, body) = [("GET", ""), ("POST", "body"), ("DELETE", "")][number % 3];
        assert_eq!(gateway.send(request(method, "/", &[], body)).status, 200);
    }
    assert_eq!(upstream.connections(), 1);
    gateway.all_ended_as(20, "forwarded", "complete");
}

/// `idle_timeout`, and the upstream's own word where it is shorter.
#[test]
fn an_idle_connection_is_closed_before_the_upstream_would() {
    for (field, idle) in
        [("", "idle_timeout: 500ms"), ("Keep-Alive: timeout=1\r\n", "idle_timeout: 50s")]
    {
        let answer = format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok");
        let upstream = Upstream::answering(answer);
        let gateway = Gateway::start(with_keys(&upstream, idle));
        assert_eq!(gateway.get("/", &[]).status, 200);
        upstream.wait_for_ends(1);
        assert_eq!(gateway.get("/", &[]).status, 200);
        assert_eq!(upstream.connections(), 2);
        gateway.all_ended_as(2, "forwarded", "complete");
    }
}
