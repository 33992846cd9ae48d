//! Contract 3, `on_revoke: delete` and `issue.keep`: credentials that are not remembered.

use serde_json::{Value, json};

use crate::support::{Gateway, H2, Response, Upstream, one_api, one_api_with, until};
use crate::under_way::{UnderWay, all_ended_as, change, credential, gateway, upstream};

#[track_caller]
fn became(gateway: &Gateway, response: &Response, outcome: &str) {
    assert_eq!((response.status, response.code().as_str()), (401, "credential_invalid"));
    assert_eq!(gateway.line(&response.request_id())["outcome"], outcome);
}

#[test]
fn a_scheme_that_forgets_at_revocation_does_not_know_the_credential_at_the_next_request() {
    let upstream = Upstream::echo();
    let yaml = one_api(&upstream).replace("ak_ }", "ak_, on_revoke: delete }");
    let gateway = Gateway::start(yaml);
    let mut body = credential(&json!({ "secret": "ak_brought-along-to-be-forgotten" }));
    let (id, _) = gateway.create(&body);
    let key = [("x-api-key", "ak_brought-along-to-be-forgotten")];
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!((gateway.get("/", &key).status, h2.get("/", &key).status), (200, 200));
    let path = format!("/v1/credentials/{id}");
    let (status, answer) = gateway.admin("POST", &format!("{path}/revoke?wait=all"), &json!({}));
    assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
    became(&gateway, &gateway.get("/", &key), "credential_unknown");
    became(&gateway, &h2.get("/", &key), "credential_unknown");
    assert_eq!(gateway.admin("GET", &path, &Value::Null).0, 404);
    // Idempotent though nothing of it is left, and its secret may come again.
    assert_eq!(gateway.admin("POST", &format!("{path}/revoke"), &json!({})).0, 200);
    body["subject"] = json!("u_2");
    gateway.create(&body);
    let again = gateway.get("/", &key).echo();
    assert_eq!(again.field("x-subject-id").as_deref(), Some("u_2"));
}

#[test]
fn a_revocation_that_forgets_ends_requests_in_every_phase_as_unknown() {
    let upstream = upstream();
    let gateway = gateway(&upstream, ", on_revoke: delete");
    let (id, secret) = gateway.create(&credential(&json!({})));
    let under_way = UnderWay::begin(&gateway, &upstream, &secret);
    change(&gateway, "POST", &format!("credentials/{id}/revoke"), &json!({}));
    under_way.all_end(401, "credential_invalid");
    all_ended_as(gateway, &upstream, "credential_unknown");
}

#[test]
fn a_credential_that_ended_longer_ago_than_its_scheme_keeps_it_is_forgotten_and_no_other() {
    let upstream = Upstream::echo();
    let yaml = one_api_with(&upstream, "").replace(
        "prefix: ak_ }",
        "prefix: ak_, issue: { keep: 1s } }, { name: kept, prefix: kk_, issue: { keep: 1h } }",
    );
    let gateway = Gateway::start(yaml);
    let (short, forgotten) = gateway.create(&credential(&json!({})));
    let (long, kept) = gateway.create(&credential(&json!({ "scheme": "kept" })));
    let (_, live) = gateway.create(&credential(&json!({})));
    let ask = |secret: &str| gateway.get("/", &[("x-api-key", secret)]);
    for id in [&short, &long] {
        change(&gateway, "POST", &format!("credentials/{id}/revoke"), &json!({}));
    }
    let show = |id: &str| gateway.admin("GET", &format!("/v1/credentials/{id}"), &Value::Null).0;
    until(|| show(&short) != 200);
    assert_eq!((show(&short), show(&long)), (404, 200));
    became(&gateway, &ask(&forgotten), "credential_unknown");
    became(&gateway, &ask(&kept), "credential_revoked");
    assert_eq!(ask(&live).status, 200);
}
