//! Contract 10 on the wire: what a call looks like that the house's own client does not make.

use serde_json::{Value, json};

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Client, Gateway, Setup, Upstream, one_api, request};

fn authorization() -> String {
    format!("Bearer {ADMIN_TOKEN}")
}

#[test]
fn a_stranger_is_refused_before_the_body_has_come() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let fields = [("content-type", "application/json"), ("content-length", "100000")];
    let mut client = Client::connect(gateway.address("admin"));
    client.send(request("POST", "/v1/credentials", &fields, ""));
    assert_eq!(client.response().status, 401);
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    gateway.mint("u_1", "org_1");
    let authorization = authorization();
    let fields = [("authorization", authorization.as_str())];
    let mut client = Client::connect(gateway.address("admin"));
    for target in ["/v1/credentials", "/nowhere"] {
        client.send(request("HEAD", target, &fields, ""));
        let head = client.response_to_head();
        client.send(request("GET", target, &fields, ""));
        let get = client.response();
        assert_eq!(
            (head.status, head.field("content-type")),
            (get.status, get.field("content-type"))
        );
    }
}

#[test]
fn a_body_that_grows_past_its_bound_is_413() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let authorization = authorization();
    let fields = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
        ("transfer-encoding", "chunked"),
    ];
    let mut client = Client::connect(gateway.address("admin"));
    client.send(request("POST", "/v1/credentials", &fields, ""));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..5 {
        client.send(&chunk);
    }
    assert_eq!(client.response().status, 413);
}

#[test]
fn an_instant_is_the_same_wherever_the_machine_stands() {
    let upstream = Upstream::echo();
    for zone in ["Asia/Shanghai", "America/New_York"] {
        let gateway = Setup::new(one_api(&upstream)).environment("TZ", zone).start();
        let body = json!({
            "api": "app", "scheme": "key", "subject": "u_1", "expires_at": "2090-01-01T08:00:00+08:00",
        });
        let (id, secret) = gateway.create(&body);
        let (_, shown) = gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null);
        assert_eq!(shown["expires_at"], "2090-01-01T00:00:00.000Z", "{zone}");
        assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    }
}
