//! Contract 6: what a refusal looks like, and what it leaves of the connection.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::h2c::h2_request;
use crate::support::sockets::Nobody;
use crate::support::{
    Gateway, H2, Response, Upstream, instant_after, one_api, one_api_with, request,
};

/// A problem body without what may differ from one request to the next.
fn anonymised(response: &Response) -> Value {
    let mut body = response.json();
    assert_eq!(body["request_id"].as_str(), Some(response.request_id().as_str()));
    body["request_id"] = Value::Null;
    body
}

#[test]
fn the_default_body_is_a_problem_with_type_title_status_code_and_request_id() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    for response in [gateway.get("/", &[]), H2::connect(gateway.address("public")).get("/", &[])] {
        assert_eq!(response.status, 401);
        assert_eq!(response.field("content-type"), Some("application/problem+json"));
        let body = response.json();
        let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "request_id", "status", "title", "type"]);
        assert_eq!((&body["code"], &body["status"]), (&json!("credential_missing"), &json!(401)));
        assert!(body["title"].is_string() && body["type"].is_string());
        assert_eq!(body["request_id"].as_str(), Some(response.request_id().as_str()));
    }
}

#[test]
fn unknown_revoked_and_expired_look_the_same_to_the_client_and_not_in_the_log() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u", "lifetime": "never" });
    let (revoked_id, revoked) = gateway.create(&body);
    assert_eq!(
        gateway.admin("POST", &format!("/v1/credentials/{revoked_id}/revoke"), &Value::Null).0,
        200
    );
    let (_, soon) = instant_after(Duration::from_secs(3));
    let (_, expired) = gateway.create(&json!({
        "api": "app", "scheme": "key", "subject": "u", "expires_at": soon,
    }));
    let ask = |secret: &str| gateway.get("/", &[("x-api-key", secret)]);
    while ask(&expired).status == 200 {}
    let responses = [ask("ak_never-heard-of"), ask(&revoked), ask(&expired)];
    let outcomes = ["credential_unknown", "credential_revoked", "credential_expired"];
    for (response, outcome) in responses.iter().zip(outcomes) {
        assert_eq!(
            (response.status, response.code().as_str()),
            (401, "credential_invalid"),
            "{outcome}"
        );
        assert_eq!(anonymised(response), anonymised(&responses[0]), "{outcome}");
        assert_eq!(gateway.line(&response.request_id())["outcome"], outcome);
        let names =
            |of: &Response| of.fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(response), names(&responses[0]), "{outcome}");
    }
}

#[test]
fn every_401_has_exactly_one_bearer_challenge_and_names_the_error_only_where_a_credential_was_sent()
{
    let upstream = Upstream::echo();
    let lines = "routes: [{ path: /other, accept: [other] }, { path: /** }]";
    let yaml = one_api_with(&upstream, lines).replace(
        "[{ name: key, prefix: ak_ }]",
        "[{ name: key, prefix: ak_ }, { name: other, prefix: ot_ }]",
    );
    let gateway = Gateway::start(yaml);
    let secret = gateway.mint("u_1", "org_1");
    let mut h2 = H2::connect(gateway.address("public"));
    let cases = [
        ("/", ("x-other", "1"), "credential_missing", false),
        ("/", ("authorization", "Basic dTpw"), "credential_missing", false),
        ("/", ("authorization", "Bearer two tokens"), "credential_malformed", true),
        ("/", ("x-api-key", "ak_unknown"), "credential_invalid", true),
        ("/other", ("x-api-key", &secret), "scheme_not_accepted", true),
    ];
    for (target, field, code, sent) in cases {
        for response in [gateway.get(target, &[field]), h2.get(target, &[field])] {
            assert_eq!((response.status, response.code().as_str()), (401, code));
            let challenge = response.field("www-authenticate").expect("a challenge");
            assert_eq!(challenge.matches("Bearer").count(), 1, "{challenge}");
            assert!(challenge.starts_with("Bearer"), "{challenge}");
            assert_eq!(challenge.contains("error=\"invalid_token\""), sent, "{code}: {challenge}");
        }
    }
}

#[test]
fn only_401_carries_a_challenge() {
    let upstream = Upstream::echo();
    let gateway =
        Gateway::start(one_api_with(&upstream, "routes: [{ path: /x, methods: [POST] }]"));
    for target in ["/x", "/y", "/a//b"] {
        let response = gateway.get(target, &[]);
        assert_ne!(response.status, 401);
        assert_eq!(response.field("www-authenticate"), None, "{target}");
    }
}

#[test]
fn a_refusal_is_never_to_be_stored() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    assert_eq!(gateway.get("/", &[]).field("cache-control"), Some("no-store"));
}

#[test]
fn head_has_no_body_and_the_connection_goes_on() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    for _ in 0..2 {
        let response = client.send(request("HEAD", "/", &[], "")).response_to_head();
        assert_eq!(response.status, 401);
        assert!(response.field("www-authenticate").is_some());
    }
    assert_eq!(client.send(request("GET", "/", &[], "")).response().code(), "credential_missing");
    let mut h2 = H2::connect(gateway.address("public"));
    let response = h2.request(h2_request("HEAD", "/", &[]), "", None).unwrap();
    assert_eq!((response.status, response.body.len()), (401, 0));
}

#[test]
fn a_service_that_cannot_be_reached_is_503_with_retry_after() {
    let nobody = Nobody::new();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: [\"{}\"] }}\napis:\n  - name: app\n    upstream: app\n    schemes: [{{ name: key, prefix: ak_ }}]\n",
        nobody.address()
    ));
    let secret = gateway.mint("u_1", "org_1");
    let response = gateway.get("/", &[("x-api-key", &secret)]);
    assert_eq!((response.status, response.code().as_str()), (503, "upstream_unavailable"));
    assert!(response.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let line = gateway.line(&response.request_id());
    assert_eq!(
        (&line["outcome"], &line["stage"]),
        (&json!("upstream_unavailable"), &json!("forward"))
    );
    let labels = [("outcome", "upstream_unavailable"), ("blame", "upstream"), ("api", "app")];
    assert!((gateway.metrics().sum("requests_total", &labels) - 1.0).abs() < 0.5);
}

#[test]
fn after_a_refusal_the_connection_takes_the_next_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut client = gateway.connect();
    for body in [String::new(), "short".to_owned(), "b".repeat(64 * 1024)] {
        client.send(request("POST", "/", &[], &body));
        let response = client.response();
        assert_eq!(response.code(), "credential_missing");
        assert_ne!(response.field("connection"), Some("close"));
    }
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    assert_eq!(client.response().code(), "credential_missing");
    client.send(request("GET", "/good", &[("x-api-key", &secret)], ""));
    assert_eq!(client.response().echo().target(), "/good");
    assert_eq!(upstream.requests().len(), 1, "no refused body was taken for a request");
}

#[test]
fn with_more_than_64_kib_of_body_left_the_connection_closes_after_the_answer() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 64 * 1024 + 1));
    let response = client.response();
    assert_eq!(
        (response.code().as_str(), response.field("connection")),
        ("credential_missing", Some("close"))
    );
    client.finish();
    client.closed();
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    client.send(request("POST", "/", &[], &"b".repeat(3 << 20)));
    assert_eq!(client.response().code(), "credential_missing");
    client.finish();
    client.closed();
}

#[test]
fn a_refused_expect_gets_no_100_and_the_connection_closes() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.field("connection")), (401, Some("close")));
    client.finish();
    client.closed();
}

#[test]
fn pipelined_requests_are_refused_and_served_in_order() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let good = request("GET", "/good", &[("x-api-key", &secret)], "");
    let mut client = gateway.connect();
    client.send(
        [request("POST", "/", &[], "hello"), good.clone(), request("GET", "/", &[], ""), good]
            .concat(),
    );
    let statuses: Vec<_> = (0..4).map(|_| client.response().status).collect();
    assert_eq!(statuses, [401, 200, 401, 200]);
}

#[test]
fn an_http_1_0_client_is_answered_and_its_connection_closed() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.version.as_str(), response.code().as_str()),
        ("HTTP/1.1", "credential_missing")
    );
    client.closed();
}

#[test]
fn an_upstreams_answer_passes_unchanged_errors_included() {
    let upstream = Upstream::answering(
        "HTTP/1.1 401 Nope\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nWWW-Authenticate: Custom x\r\n\
         X-Odd:  two  words\r\nx-odd: again\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nCache-Control: public\r\n\
         Connection: x-hop\r\nX-Hop: h\r\nKeep-Alive: timeout=5\r\nContent-Length: 4\r\n\r\nbody",
    );
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let mut h2 = H2::connect(gateway.address("public"));
    let fields = [("x-api-key", secret.as_str())];
    for response in [gateway.get("/", &fields), h2.get("/", &fields)] {
        assert_eq!((response.status, response.text().as_str()), (401, "body"));
        assert_eq!(response.field("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(response.field("www-authenticate"), Some("Custom x"));
        assert_eq!(response.all("x-odd"), ["two  words", "again"]);
        assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(response.field("cache-control"), Some("public"));
        assert_eq!((response.field("x-hop"), response.field("keep-alive")), (None, None));
        let line = gateway.line(&response.request_id());
        assert_eq!((&line["outcome"], &line["status"]), (&json!("forwarded"), &json!(401)));
    }
}
