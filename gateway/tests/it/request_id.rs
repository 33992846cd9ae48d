//! Contract 5: the request id.

use crate::support::{Gateway, Upstream, one_api, one_api_with};

const ACCEPTING: &str = "identity: { request_id: { accept: true, max: 12, format: \"req_{hex16}\", respond: x-trace } }";

fn is_formatted(id: &str) -> bool {
    id.strip_prefix("req_").is_some_and(|hex| {
        hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[test]
fn by_default_it_is_a_new_uuid_of_version_7_echoed_and_logged() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let response = gateway.get("/", &[("x-api-key", &secret), ("x-request-id", "mine")]);
    let id = response.request_id();
    assert_eq!(response.echo().field("x-request-id"), Some(id.clone()));
    let groups: Vec<_> = id.split('-').collect();
    assert_eq!(
        groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12],
        "{id}"
    );
    assert!(groups[2].starts_with('7') && groups[3].starts_with(['8', '9', 'a', 'b']), "{id}");
    assert_eq!(gateway.line(&id)["outcome"], "forwarded");
}

#[test]
fn a_clients_own_is_taken_where_the_api_accepts_it() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ACCEPTING));
    let secret = gateway.mint("u_1", "org_1");
    let response = gateway.get("/", &[("x-api-key", &secret), ("X-Request-Id", "mine-12chars")]);
    assert_eq!(response.field("x-trace"), Some("mine-12chars"));
    assert_eq!(response.echo().field("x-request-id").as_deref(), Some("mine-12chars"));
    assert_eq!(gateway.line("mine-12chars")["status"], 200);
}

#[test]
fn one_that_is_too_long_doubled_empty_or_missing_is_replaced_by_the_format() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ACCEPTING));
    let secret = gateway.mint("u_1", "org_1");
    let key = ("x-api-key", secret.as_str());
    let unfit: [&[(&str, &str)]; 5] = [
        &[key],
        &[key, ("x-request-id", "thirteen-char")],
        &[key, ("x-request-id", "")],
        &[key, ("x-request-id", "a b")],
        &[key, ("x-request-id", "one"), ("x-request-id", "two")],
    ];
    for fields in unfit {
        let response = gateway.get("/", fields);
        let id = response.field("x-trace").unwrap();
        assert!(is_formatted(id), "{id}");
        assert_eq!(response.echo().field("x-request-id").as_deref(), Some(id));
    }
}

#[test]
fn a_refusal_carries_it_in_its_field_and_its_body() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ACCEPTING));
    let response = gateway.get("/", &[("x-request-id", "mine")]);
    assert_eq!((response.status, response.field("x-trace")), (401, Some("mine")));
    assert_eq!(response.json()["request_id"], "mine");
    assert_eq!(gateway.line("mine")["outcome"], "credential_missing");
}

#[test]
fn an_upstreams_own_is_replaced_in_the_response() {
    let upstream = Upstream::answering(
        "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nX-Request-Id: again\r\nContent-Length: 0\r\n\r\n",
    );
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let response = gateway.get("/", &[("x-api-key", &secret)]);
    let sent = upstream.requests()[0].field("x-request-id").map(str::to_owned);
    assert_eq!(Some(response.request_id()), sent);
}
