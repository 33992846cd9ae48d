//! Contract 9.2: "cannot tell" is never "no", and never an open door.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Gateway, H2, Response, Setup, Upstream, one_api_with};

const ROUTES: &str =
    "routes: [{ path: /open, auth: none }, { path: /maybe, auth: optional }, { path: /** }]";

fn unavailable(response: &Response) {
    assert_eq!((response.status, response.code().as_str()), (503, "store_unavailable"));
    assert!(response.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(response.field("www-authenticate"), None);
}

#[test]
fn without_its_file_what_is_not_known_is_503_and_what_is_cached_or_public_goes_on() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ROUTES));
    let (cached, other) = (gateway.mint("u_1", "org_1"), gateway.mint("u_2", "org_2"));
    assert_eq!(gateway.get("/", &[("x-api-key", &cached)]).status, 200);
    fs::remove_file(gateway.folder().join("portcullis.db")).unwrap();

    let mut h2 = H2::connect(gateway.address("public"));
    for target in ["/", "/maybe"] {
        let response = gateway.get(target, &[("x-api-key", &other)]);
        unavailable(&response);
        let line = gateway.line(&response.request_id());
        assert_eq!(
            (&line["outcome"], &line["stage"]),
            (&json!("store_unavailable"), &json!("authenticate"))
        );
        unavailable(&h2.get(target, &[("x-api-key", &other)]));
        unavailable(&gateway.get(target, &[("x-api-key", "ak_unknown")]));
    }
    assert_eq!(gateway.get("/", &[("x-api-key", &cached)]).status, 200);
    assert_eq!(gateway.get("/open", &[]).status, 200);
    assert_eq!(gateway.get("/maybe", &[]).status, 200);
    assert_eq!(gateway.get("/", &[]).code(), "credential_missing");

    let labels = [("outcome", "store_unavailable"), ("blame", "gateway")];
    assert!((gateway.metrics().sum("requests_total", &labels) - 6.0).abs() < 0.5);
    assert!(gateway.metrics().sum("credential_lookups_total", &[("result", "unavailable")]) > 5.5);
    assert_eq!(gateway.health("/live").status, 200);
    assert_eq!(gateway.health("/ready").status, 200, "a fleet must not leave its service at once");
}

#[test]
fn a_change_that_cannot_be_kept_is_not_acknowledged() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ROUTES));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (id, _) = gateway.create(&body);
    fs::remove_file(gateway.folder().join("portcullis.db")).unwrap();
    for (method, path, body) in [
        ("POST", "/v1/credentials".to_owned(), body),
        ("POST", format!("/v1/credentials/{id}/revoke"), Value::Null),
        ("DELETE", format!("/v1/credentials/{id}"), Value::Null),
    ] {
        let (status, answer) = gateway.admin(method, &path, &body);
        assert_eq!(
            (status, &answer["code"]),
            (503, &json!("store_unavailable")),
            "{method} {path}"
        );
    }
}

#[test]
fn a_store_that_is_lost_is_told_as_degraded_and_takes_nobody_out_of_service() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api_with(&upstream, ROUTES));
    let told = |path: &str| {
        let response = gateway.health(path);
        (response.status, response.json())
    };
    let ready = |degraded: &[&str]| {
        (200, json!({ "ready": true, "draining": false, "degraded": degraded }))
    };
    let secret = gateway.mint("u_1", "org_1");
    assert_eq!(told("/ready"), ready(&[]));
    fs::remove_file(gateway.folder().join("portcullis.db")).unwrap();
    unavailable(&gateway.get("/", &[("x-api-key", &secret)]));
    assert_eq!(told("/ready"), ready(&["store_unavailable"]));
    assert_eq!(told("/live"), (200, json!({ "live": true })), "never a dependency");
    assert_eq!(gateway.get("/open", &[]).status, 200);
}

#[test]
fn with_store_lost_unready_it_is_unready_until_the_store_answers_again() {
    let upstream = Upstream::echo();
    let yaml = one_api_with(&upstream, ROUTES);
    let health = "health: { address: \"127.0.0.1:0\", store_lost: unready }";
    let gateway = Setup::new(yaml).server(health).start();
    let key = gateway.mint("u_1", "org_1");
    assert_eq!(gateway.health("/ready").status, 200);
    let (file, away) =
        (gateway.folder().join("portcullis.db"), gateway.folder().join("portcullis.away"));
    fs::rename(&file, &away).unwrap();
    unavailable(&gateway.get("/", &[("x-api-key", &key)]));
    let ready = gateway.health("/ready");
    assert_eq!((ready.status, &ready.json()["degraded"]), (503, &json!(["store_unavailable"])));
    assert_eq!(gateway.health("/live").status, 200);
    fs::rename(&away, &file).unwrap();
    assert_eq!(gateway.health("/ready").status, 200, "it is asked, though nobody comes");
}
