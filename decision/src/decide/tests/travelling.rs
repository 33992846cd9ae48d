//! What of a request travels on, and what is told with it.

use super::*;

#[test]
fn a_login_path_sees_its_own_credentials_and_still_nobodys_identity() {
    let request = with_key("/public/x?api_key=K")
        .field("authorization", "Basic dTpw")
        .field("X-Org-Id", "org_evil");
    let sent = sent(&ordinary(), &request);
    assert_eq!(
        (sent.values("authorization"), sent.values("x-api-key")),
        (vec!["Basic dTpw"], vec!["ak_secret"])
    );
    assert_eq!((sent.target.as_str(), sent.values("x-org-id")), ("/public/x?api_key=K", vec![]));
}

#[test]
fn an_identity_name_of_any_api_is_removed_on_every_route_of_every_api() {
    let snapshot = ordinary();
    for mut request in [
        Request::get("/public/x"),
        with_key("/v1/x"),
        Request::get("/optional/x"),
        Request::get("/elsewhere"),
    ] {
        if request.target == "/elsewhere" {
            request.host = "other.example".to_owned();
        }
        let sent =
            sent(&snapshot, &request.field("X-Other-Tenant", "evil").field("x_org_id", "evil"));
        assert_eq!(
            (sent.values("x-other-tenant"), sent.values("x_org_id")),
            (vec![], vec![]),
            "{}",
            sent.target
        );
    }
}

#[test]
fn the_upstream_is_told_who_asks_and_what_is_not_known_is_not_sent() {
    let snapshot = ordinary();
    let told = sent(&snapshot, &with_key("/v1/x"));
    for (name, values) in [
        ("x-org-id", vec!["org_1"]),
        ("x-subject-id", vec!["user_1"]),
        ("x-credential-id", vec!["crd_1"]),
        ("x-credential-scheme", vec!["ak"]),
        ("x-grants", vec!["*"]),
        ("x-request-id", vec!["req_ours"]),
        ("x-resource-id", vec![]),
        ("x-level", vec![]),
        ("x-scopes", vec![]),
        ("x-api-key", vec![]),
    ] {
        assert_eq!(told.values(name), values, "{name}");
    }
    let mut record = credential("a", "ak");
    record.org = None;
    let lookup = Some(Lookup::Found(Arc::new(Fact::new(record))));
    let request = with_key("/v1/x").field("x-org-id", "org_evil");
    let Became::Sent(told) = decide(&snapshot, &request, lookup) else { panic!("refused") };
    assert_eq!((told.values("x-org-id"), told.values("x-subject-id")), (vec![], vec!["user_1"]));
}

#[test]
fn a_credential_that_is_forwarded_is_the_only_one_that_is() {
    let request = with_key("/forward/x?api_key=ak_secret&a=1").field("authorization", "Basic dTpw");
    let sent = sent(&ordinary(), &request);
    assert_eq!(
        (sent.values("x-api-key"), sent.values("authorization")),
        (vec!["ak_secret"], vec![])
    );
    assert_eq!(sent.target, "/forward/x?a=1");
}

#[test]
fn the_target_is_the_normalised_path_after_the_rewrite_and_the_query_less_the_credential() {
    let rewriting = |strip: &str, add: &str, path| Route {
        rewrite: Rewrite { strip: strip.len(), add: add.to_owned(), host: None },
        ..route(path)
    };
    let api = api(
        "a",
        vec![
            rewriting("/api", "", "/api/**"),
            rewriting("/a/b", "/v2", "/a/b/**"),
            rewriting("", "/v3", "/{x}"),
            route("/plain/**"),
        ],
    );
    let snapshot = snapshot(vec![(&["*"], api)]);
    for (came, goes) in [
        ("/plain/a?x=%7e", "/plain/a?x=%7e"),
        ("/plain/%61%c3%a9?", "/plain/a%C3%A9?"),
        ("/plain/a?api_key=ak_1", "/plain/a"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/api?x", "/?x"),
        ("/%61pi/x/?y=1&api_key=ak_1&z", "/x/?y=1&z"),
        ("/a/b", "/v2"),
        ("/a/b/c", "/v2/c"),
        ("/a/b/?q", "/v2/?q"),
        ("/x", "/v3/x"),
    ] {
        let request = Request::get(came);
        let request =
            if came.contains("api_key") { request } else { request.field("x-api-key", "ak_1") };
        assert_eq!(sent(&snapshot, &request).target, goes, "{came}");
    }
}

#[test]
fn a_target_that_does_not_change_is_not_made_anew() {
    let snapshot = ordinary();
    let question =
        with_key("/v1/x?y=%7e").with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
    assert_eq!(question.edits.target, None);
}
