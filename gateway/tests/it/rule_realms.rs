//! Contract 4: equal ids in two realms, and equal secrets in two apis, are different things.

use serde_json::{Value, json};

use crate::support::{Gateway, Upstream, request};

/// Two apis alike in all but name, host and realm, and a third in the realm of the first.
fn three_apis(upstream: &Upstream) -> Gateway {
    let api = |name: &str, realm: &str| {
        format!(
            "  - name: {name}\n    hosts: [{name}.test]\n    realm: {realm}\n    upstream: app\n    \
             schemes: [{{ name: key, prefix: ak_ }}]\n    \
             routes: [{{ path: \"/boards/{{board}}\", resource: board, level: {{ GET: read, \"*\": edit }} }}]\n"
        )
    };
    let apis = [api("left", "left"), api("right", "right"), api("beside", "left")].concat();
    let gateway =
        Gateway::start(format!("upstreams: {{ app: [{}] }}\napis:\n{apis}", upstream.address()));
    for realm in ["left", "right"] {
        for org in ["org_1".to_owned(), format!("org_{realm}")] {
            put(&gateway, &format!("/v1/resources/{org}?realm={realm}"), &json!({ "kind": "org" }));
        }
    }
    gateway
}

#[track_caller]
fn put(gateway: &Gateway, path: &str, body: &Value) {
    let (status, answer) = gateway.admin("PUT", path, body);
    assert!(matches!(status, 200 | 201), "{path}: {answer}");
}

/// A credential whose secret is the same in each api.
fn bring(gateway: &Gateway, api: &str, org: &str) -> String {
    let secret = "ak_the_same_secret_in_every_api";
    let body = json!({
        "api": api, "scheme": "key", "subject": "user_1", "org": org, "lifetime": "never", "secret": secret,
    });
    gateway.create(&body);
    secret.to_owned()
}

fn get<'a>(host: &'a str, secret: &'a str) -> Vec<u8> {
    request("GET", "/boards/b_1", &[("host", host), ("x-api-key", secret)], "")
}

#[test]
fn a_credential_is_good_in_its_api_alone_even_within_a_realm() {
    let upstream = Upstream::echo();
    let gateway = three_apis(&upstream);
    put(&gateway, "/v1/resources/b_1?realm=left", &json!({ "kind": "board", "parent": "org_1" }));
    let secret = bring(&gateway, "left", "org_1");
    assert_eq!(gateway.send(get("left.test", &secret)).status, 200);
    for host in ["beside.test", "right.test"] {
        let refused = gateway.send(get(host, &secret));
        assert_eq!(refused.code(), "credential_invalid", "{host}");
    }
}

#[test]
fn apis_of_one_realm_share_subjects_and_resources_and_no_other_sees_them() {
    let upstream = Upstream::echo();
    let gateway = three_apis(&upstream);
    let secret = bring(&gateway, "left", "org_1");
    bring(&gateway, "right", "org_1");
    bring(&gateway, "beside", "org_1");
    let status = |host| gateway.send(get(host, &secret)).status;
    put(&gateway, "/v1/resources/b_1?realm=left", &json!({ "kind": "board", "parent": "org_1" }));
    assert_eq!((status("left.test"), status("beside.test"), status("right.test")), (200, 200, 404));
    put(&gateway, "/v1/resources/b_1?realm=right", &json!({ "kind": "board", "parent": "org_1" }));
    put(&gateway, "/v1/subjects/user_1?realm=left", &json!({ "state": "suspended" }));
    assert_eq!((status("left.test"), status("beside.test"), status("right.test")), (403, 403, 200));
}
