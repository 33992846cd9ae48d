//! Contract 11: one line and one count for each request, whatever became of it.

use serde_json::{Value, json};

use crate::support::{Gate, Gateway, H2, Setup, Upstream, one_api, one_api_with, request, until};

/// All requests are counted once and have one line each, and both tell the same of each outcome.
pub(crate) fn lines_and_counts_agree(gateway: &Gateway, requests: usize) -> Vec<Value> {
    let lines = gateway.lines(requests);
    assert_eq!(lines.len(), requests);
    let metrics = gateway.metrics();
    let total = metrics.sum("requests_total", &[]);
    assert!((total - requests as f64).abs() < 0.5, "{total} counted of {requests}");
    for line in &lines {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        let alike = |other: &&Value| {
            ["outcome", "api", "route", "status"].iter().all(|&key| other[key] == line[key])
        };
        let logged = lines.iter().filter(alike).count() as f64;
        let (outcome, api, route, status) =
            (text("outcome"), text("api"), text("route"), line["status"].to_string());
        let labels =
            [("outcome", &*outcome), ("api", &api), ("route", &route), ("status", &status)];
        let counted = metrics.sum("requests_total", &labels);
        assert!((counted - logged).abs() < 0.5, "{labels:?}: {counted} counted, {logged} logged");
    }
    lines
}

#[test]
fn every_kind_of_request_has_one_line_and_one_count() {
    let upstream = Upstream::echo();
    let lines =
        "routes: [{ path: /x, methods: [POST] }, { path: /open, auth: none }, { path: /a/** }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    let key = ("x-api-key", secret.as_str());
    let requests: [(Vec<u8>, u16); 9] = [
        (request("GET", "/a", &[key], ""), 200),
        (request("POST", "/a/b", &[key], "hello"), 200),
        (request("GET", "/open", &[], ""), 200),
        (request("GET", "/a", &[], ""), 401),
        (request("GET", "/a", &[("x-api-key", "ak_unknown")], ""), 401),
        (request("GET", "/x", &[key], ""), 405),
        (request("GET", "/nowhere", &[key], ""), 404),
        (request("GET", "/a//b", &[key], ""), 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec(), 400),
    ];
    for (bytes, status) in &requests {
        assert_eq!(client.send(bytes).response().status, *status);
    }
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!(h2.get("/a", &[key]).status, 200);
    assert_eq!(h2.get("/a", &[]).status, 401);
    assert_eq!(h2.get("/a", &[key, ("bad_name", "1")]).status, 400);
    let lines = lines_and_counts_agree(&gateway, requests.len() + 3);
    let protocols: Vec<_> = lines.iter().map(|line| line["protocol"].clone()).collect();
    assert_eq!(protocols.iter().filter(|&p| *p == "HTTP/2").count(), 3, "{protocols:?}");
}

#[test]
fn a_line_says_who_asked_for_what_and_what_became_of_it() {
    let upstream = Upstream::echo();
    let gateway =
        Gateway::start(one_api_with(&upstream, "routes: [{ path: /a/**, name: everything }]"));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1", "lifetime": "never" });
    let (id, secret) = gateway.create(&body);
    let fields = [("x-api-key", secret.as_str()), ("user-agent", "tests/1.0 \"x\"")];
    let response = gateway.send(request("POST", "/a/b?key=in-the-query", &fields, "hello"));
    let line = gateway.line(&response.request_id());
    let expected = json!({
        "api": "app", "route": "everything", "method": "POST", "host": "app.test", "path": "/a/b",
        "protocol": "HTTP/1.1", "status": 200, "outcome": "forwarded", "stage": "forward",
        "org": "org_1", "subject": "u_1", "credential": id, "scheme": "key", "client_ip": "127.0.0.1",
        "user_agent": "tests/1.0 \"x\"", "retries": 0, "ended": "complete",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&line[key], value, "{key} of {line}");
    }
    assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    for key in ["duration_ms", "upstream_ms", "decision_us", "bytes_in", "bytes_out"] {
        assert!(line[key].as_f64().is_some_and(|value| value >= 0.0), "{key} of {line}");
    }
    assert!(line["bytes_in"].as_u64().unwrap() >= 5);
    assert!(line["bytes_out"].as_u64().unwrap() >= response.body.len() as u64);
    assert!(
        line["replica"].is_string() && line["upstream"].is_string() && line["peer"].is_string()
    );
    assert!(!line.to_string().contains("in-the-query"));
}

#[test]
fn a_client_that_leaves_is_recorded_as_client_gone() {
    let upstream = Upstream::scripted(|connection| {
        connection.request();
        connection.closed();
    });
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[("x-api-key", &secret)], ""));
    upstream.wait_for_requests(1);
    client.reset();
    let line = gateway.lines(1).remove(0);
    assert_eq!(
        (&line["outcome"], &line["status"], &line["ended"]),
        (&json!("client_gone"), &json!(499), &json!("client_gone"))
    );
    lines_and_counts_agree(&gateway, 1);
}

#[test]
fn hostile_bytes_make_no_second_line_and_no_broken_one() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let heads: [&[u8]; 7] = [
        b"GET /%0d%0aforged%20200 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /%ED%A0%80/%FF HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /?q=%0a\" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a\"b\\c HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \"\\ \xff\xed\xa0\x80 \xe2\x80\xa8\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: \x1b[31m\r\n\r\n",
        b"\x00\x01\xff\r\n\r\n",
    ];
    for head in heads {
        gateway.send(head);
    }
    let lines = lines_and_counts_agree(&gateway, heads.len());
    assert!(lines.iter().all(|line| line["request_id"].is_string()));
}

#[test]
fn a_connection_that_sends_nothing_is_neither_logged_nor_counted() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    client.finish();
    client.closed();
    gateway.connect().reset();
    gateway.get("/", &[]);
    lines_and_counts_agree(&gateway, 1);
}

#[test]
fn what_is_always_logged_is_never_sampled_away_and_counts_are_whole() {
    let upstream = Upstream::echo();
    let yaml =
        one_api(&upstream) + "telemetry: { log: { access: { sample: 0.0, always: [refused] } } }\n";
    let gateway = Gateway::start(yaml);
    let secret = gateway.mint("u_1", "org_1");
    for _ in 0..5 {
        assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    }
    let refused = gateway.get("/", &[]);
    gateway.line(&refused.request_id());
    assert_eq!(gateway.lines(1).len(), 1);
    until(|| gateway.metrics().count("requests_total", &[]) == 6);
}

/// Sends a request whose client goes before the upstream has said anything.
fn go_before_the_head(gateway: &Gateway, upstream: &Upstream) {
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    client.send(request("GET", "/", &[("x-api-key", &secret)], ""));
    upstream.wait_for_requests(1);
    client.reset();
}

fn silent(gate: &Gate) -> Upstream {
    let gate = gate.clone();
    Upstream::scripted(move |connection| {
        connection.request().unwrap();
        gate.wait();
    })
}

#[test]
fn an_answer_that_has_not_begun_is_no_stream_that_ended() {
    let gate = Gate::default();
    let upstream = silent(&gate);
    let gateway = Gateway::start(one_api(&upstream));
    go_before_the_head(&gateway, &upstream);
    assert_eq!(gateway.lines(1)[0]["outcome"], "client_gone");
    assert_eq!(gateway.metrics().count("streams_ended_total", &[]), 0);
    gate.open();
}

#[test]
fn a_client_that_has_gone_is_no_refusal_that_is_always_logged() {
    let gate = Gate::default();
    let upstream = silent(&gate);
    let yaml =
        one_api(&upstream) + "telemetry: { log: { access: { sample: 0.0, always: [refused] } } }\n";
    let mut gateway = Gateway::start(yaml);
    gateway.get("/", &[]);
    go_before_the_head(&gateway, &upstream);
    gateway.sigterm();
    assert!(gateway.wait_exit().success());
    let outcomes: Vec<_> =
        gateway.lines(1).into_iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["credential_missing"]);
    gate.open();
}

#[test]
fn look_ups_are_counted_by_what_the_cache_knew() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).store("cache: { negative_ttl: 60s }").start();
    let secret = gateway.mint("u_1", "org_1");
    let counted =
        |result: &str| gateway.metrics().sum("credential_lookups_total", &[("result", result)]);
    for _ in 0..3 {
        assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
        assert_eq!(gateway.get("/", &[("x-api-key", "ak_unknown")]).status, 401);
    }
    gateway.lines(6);
    assert!((counted("miss") - 2.0).abs() < 0.5, "{}", counted("miss"));
    assert!((counted("hit") - 2.0).abs() < 0.5, "{}", counted("hit"));
    assert!((counted("negative_hit") - 2.0).abs() < 0.5, "{}", counted("negative_hit"));
}

#[test]
fn every_field_of_a_line_is_in_the_documentation_and_no_other() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let line = gateway.line(&gateway.get("/", &[]).request_id());
    let mut written: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let page = include_str!("../../../docs/log.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split(','));
    let mut documented: Vec<_> = names.map(|name| name.trim().trim_matches('`')).collect();
    written.sort_unstable();
    documented.sort_unstable();
    assert_eq!(written, documented);
}
