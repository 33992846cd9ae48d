//! Contract 6: a refusal is spoken as its api has chosen, and logged and counted as what it is.

use serde_json::{Value, json};

use crate::support::h2c::h2_request;
use crate::support::sockets::Nobody;
use crate::support::{Gateway, H2, Response, Upstream, one_api_with, request};

const HOUSE: &str = r#"errors:
  body: { error: { code: $code, message: $message, status: $status, requestId: $request_id, details: null } }
  outcomes:
    credential_missing: { code: UNAUTHENTICATED, message: "Authentication required" }
    credential_unknown: { status: 403, code: INVALID_API_TOKEN, message: "Invalid API token" }
    route_unknown: { status: 503, body: "Nothing here, $request_id" }
    default: { code: INTERNAL_ERROR, message: "Request refused" }
routes: [{ path: /a/** }, { path: /mcp, errors: jsonrpc }, { path: /open, auth: none }]"#;

fn house(upstream: &Upstream) -> Gateway {
    Gateway::start(one_api_with(upstream, HOUSE))
}

#[test]
fn an_apis_dialect_is_spoken_over_both_protocols() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    for response in [gateway.get("/a", &[]), H2::connect(gateway.address("public")).get("/a", &[])]
    {
        assert_eq!(
            (response.status, response.field("content-type")),
            (401, Some("application/json"))
        );
        let expected = json!({ "error": {
            "code": "UNAUTHENTICATED", "message": "Authentication required", "status": 401,
            "requestId": response.request_id(), "details": null,
        } });
        assert_eq!(response.json(), expected);
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn a_status_that_a_dialect_changes_is_sent_and_the_outcomes_own_is_logged_and_counted() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let unknown = gateway.get("/a", &[("x-api-key", "ak_unknown")]);
    assert_eq!((unknown.status, unknown.field("www-authenticate")), (403, None));
    let nowhere = gateway.get("/nowhere", &[]);
    assert_eq!((nowhere.status, nowhere.field("retry-after")), (503, Some("1")));
    assert_eq!(nowhere.text(), format!("Nothing here, {}", nowhere.request_id()));
    for (response, outcome, status) in
        [(&unknown, "credential_unknown", 401), (&nowhere, "route_unknown", 404)]
    {
        let line = gateway.line(&response.request_id());
        assert_eq!((&line["outcome"], &line["status"]), (&json!(outcome), &json!(status)));
        let labels = [("outcome", outcome), ("status", &status.to_string())];
        assert!((gateway.metrics().sum("requests_total", &labels) - 1.0).abs() < 0.5, "{outcome}");
    }
}

#[test]
fn a_route_may_speak_another_dialect_with_the_apis_words() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let response = gateway.send(request("POST", "/mcp", &[], r#"{"jsonrpc":"2.0","id":7}"#));
    assert_eq!((response.status, response.field("content-type")), (401, Some("application/json")));
    assert!(response.field("www-authenticate").is_some());
    let expected = json!({
        "jsonrpc": "2.0", "id": null,
        "error": {
            "code": -32001, "message": "Authentication required",
            "data": { "code": "UNAUTHENTICATED", "status": 401, "request_id": response.request_id() },
        },
    });
    assert_eq!(response.json(), expected);
}

#[test]
fn head_gets_the_fields_of_a_dialects_answer_and_no_body() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let mut client = gateway.connect();
    for target in ["/a", "/nowhere"] {
        let got = client.send(request("GET", target, &[], "")).response();
        let head = client.send(request("HEAD", target, &[], "")).response_to_head();
        let fields = |response: &Response| -> Vec<_> {
            let stays = |name: &str| name != "x-request-id" && name != "date";
            response.fields.iter().filter(|(name, _)| stays(name)).cloned().collect()
        };
        assert_eq!((head.status, fields(&head)), (got.status, fields(&got)));
    }
}

#[test]
fn a_refusal_can_tell_which_resource_it_is_about_and_what_would_have_sufficed() {
    let upstream = Upstream::echo();
    let lines = "errors: { body: { resource: $resource, needed: $needed, scheme: $scheme, text: $message }, outcomes: { level_insufficient: { message: \"$needed permission required for $resource\" } } }\n\
                 routes: [{ path: \"/boards/{board}\", resource: board, level: { \"*\": edit }, unknown_resource: pass }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let (_, secret) = gateway.create(&json!({
        "api": "app", "scheme": "key", "subject": "u", "ceiling": "read", "lifetime": "never",
    }));
    let refused = gateway.get("/boards/b%2D1", &[("x-api-key", &secret)]);
    let expected = json!({
        "resource": "b-1", "needed": "edit", "scheme": "key", "text": "edit permission required for b-1",
    });
    assert_eq!((refused.status, refused.json()), (403, expected));
    let missing = gateway.get("/boards/b-1", &[]);
    assert_eq!(
        (&missing.json()["scheme"], &missing.json()["needed"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn what_a_client_sends_stays_within_its_string() {
    let upstream = Upstream::echo();
    let lines = format!("{HOUSE}\nidentity: {{ request_id: {{ accept: true }} }}");
    let gateway = Gateway::start(one_api_with(&upstream, &lines));
    let hostile = r#"a","status":200,"x":"\u0041</script>&"#;
    let response = gateway.get("/a", &[("x-request-id", hostile)]);
    assert_eq!(response.json()["error"]["requestId"], hostile);
    assert_eq!(response.json()["error"]["status"], 401);
    let response = gateway.get("/nowhere", &[("x-request-id", hostile)]);
    assert_eq!(response.text(), format!("Nothing here, {hostile}"));
}

#[test]
fn what_cannot_be_parsed_gets_the_default_body_and_an_unsafe_path_the_apis() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let unparsed = gateway.send("GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\n\r\n");
    assert_eq!((unparsed.status, unparsed.field("connection")), (400, Some("close")));
    assert_eq!(unparsed.field("content-type"), Some("application/problem+json"));
    assert_eq!(unparsed.code(), "request_malformed");
    let unsafe_path = gateway.get("/a//b", &[]);
    assert_eq!(
        (unsafe_path.status, unsafe_path.json()["error"]["code"].clone()),
        (400, json!("INTERNAL_ERROR"))
    );
}

// --- gRPC ------------------------------------------------------------------------------------------------------------

fn call(key: Option<&str>, target: &str) -> http::Request<()> {
    let mut fields = vec![("content-type", "application/grpc"), ("te", "trailers")];
    fields.extend(key.map(|key| ("x-api-key", key)));
    h2_request("POST", target, &fields)
}

#[test]
fn a_grpc_call_is_refused_in_one_head_that_ends_the_stream() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let body = json!({ "api": "app", "scheme": "key", "subject": "u", "lifetime": "never" });
    let (id, revoked) = gateway.create(&body);
    gateway.admin("POST", &format!("/v1/credentials/{id}/revoke"), &Value::Null);
    let mut h2 = H2::connect(gateway.address("public"));
    let cases = [
        (call(None, "/a"), "16", "Authentication required", "credential_missing", 401),
        (call(Some(&revoked), "/a"), "7", "Invalid API token", "credential_revoked", 401),
        (call(None, "/nowhere"), "14", "Request refused", "route_unknown", 404),
    ];
    for (request, status, message, outcome, logged) in cases {
        // As clients do, the stream stays open for messages.
        let (response, _writer) = h2.start(request, false).unwrap();
        let response = h2.wait(response).unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.body().is_end_stream(), "{outcome}");
        let field = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(field("content-type"), Some("application/grpc"));
        assert_eq!((field("grpc-status"), field("grpc-message")), (Some(status), Some(message)));
        let pushback = (status == "14").then_some("1000");
        assert_eq!(field("grpc-retry-pushback-ms"), pushback);
        let line = gateway.line(field("x-request-id").unwrap());
        assert_eq!((&line["outcome"], &line["status"]), (&json!(outcome), &json!(logged)));
    }
}

#[test]
fn a_grpc_call_whose_upstream_is_away_is_told_so_and_may_come_again() {
    let nobody = Nobody::new();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: [\"{}\"] }}\napis:\n  - name: app\n    upstream: app\n    routes: [{{ path: /**, auth: none }}]\n",
        nobody.address()
    ));
    let response =
        H2::connect(gateway.address("public")).request(call(None, "/"), "", None).unwrap();
    assert_eq!((response.status, response.body.len()), (200, 0));
    assert_eq!(response.field("grpc-status"), Some("14"));
    assert_eq!(response.field("grpc-retry-pushback-ms"), Some("1000"));
}

#[test]
fn a_grpc_call_over_a_limit_is_told_when_to_come_again() {
    let upstream = Upstream::echo();
    let lines =
        "limits: { one: { per: api, max: 1, window: 60s } }\nroutes: [{ path: /**, auth: none }]";
    let gateway = Gateway::start(one_api_with(&upstream, lines));
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!(h2.request(call(None, "/"), "", None).unwrap().field("grpc-status"), None);
    let refused = h2.request(call(None, "/"), "", None).unwrap();
    assert_eq!((refused.status, refused.field("grpc-status")), (200, Some("8")));
    let pushback: u64 = refused.field("grpc-retry-pushback-ms").unwrap().parse().unwrap();
    assert!((1000..=60_000).contains(&pushback) && pushback.is_multiple_of(1000), "{pushback}");
    assert_eq!(refused.field("ratelimit-policy"), Some(r#""one";q=1;w=60"#));
    let reset = format!(r#""one";r=0;t={}"#, pushback / 1000);
    assert_eq!(refused.field("ratelimit"), Some(reset.as_str()));
}

#[test]
fn over_http_1_a_call_is_refused_the_same_and_the_connection_goes_on() {
    let upstream = Upstream::echo();
    let gateway = house(&upstream);
    let mut client = gateway.connect();
    for kind in ["application/grpc-web+proto", "application/grpc-web-text"] {
        let response =
            client.send(request("POST", "/a", &[("content-type", kind)], "AAAA")).response();
        assert_eq!((response.status, response.body.len()), (200, 0));
        assert_eq!(response.field("content-type"), Some(kind));
        assert_eq!(response.field("grpc-status"), Some("16"));
        assert_eq!(response.field("content-length"), Some("0"));
    }
    assert_eq!(client.send(request("GET", "/open", &[], "")).response().status, 200);
}
