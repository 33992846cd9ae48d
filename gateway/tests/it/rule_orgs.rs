//! Contract 4: the organisation of a request.

use serde_json::json;

use crate::support::{Gateway, Ruled, Setup, Upstream, one_api};

/// `user_1` is a member of `org_1`, `user_2` of `org_2`; `org_3` names nobody.
fn house() -> Ruled {
    let house = Ruled::start();
    house
        .resource("org_1", json!({ "members": { "user_1": "read" } }))
        .resource("org_2", json!({ "members": { "user_2": "read" } }))
        .resource("org_3", json!({}))
        .resource("team", json!({ "parent": "org_1", "members": { "user_1": "read" } }))
        .resource("b_1", json!({ "parent": "team" }))
        .resource("b_3", json!({ "parent": "org_3" }));
    house
}

#[test]
fn the_credentials_own_org_is_the_requests_and_no_choice_is_read() {
    let house = house();
    let key = house.key(&json!({}));
    for choice in ["org_2", "org_1", "no id"] {
        let fields = [("x-api-key", key.as_str()), ("x-choose-org", choice)];
        assert_eq!(house.told("/plain/x", &fields, "x-org-id").as_deref(), Some("org_1"));
    }
}

#[test]
fn a_credential_of_any_org_goes_to_the_one_that_is_chosen_if_it_names_the_subject() {
    let house = house();
    let key = house.key(&json!({ "org": null }));
    let choosing = |choice| [("x-api-key", key.as_str()), ("x-choose-org", choice)];
    assert_eq!(house.told("/plain/x", &choosing("org_1"), "x-org-id").as_deref(), Some("org_1"));
    assert_eq!(house.told("/plain/x", &[("x-api-key", &key)], "x-org-id"), None);
    for other in ["org_2", "org_3", "org_4", "team", "a,b"] {
        let outcome = house.outcome_with("GET", "/plain/x", &choosing(other));
        assert_eq!(outcome, "org_not_member", "{other}");
    }
    let foreign = house.outcome_with("GET", "/boards/b_3", &choosing("org_1"));
    assert_eq!(foreign, "resource_forbidden", "the resource is another org's");
}

#[test]
fn the_log_names_the_org_of_the_request() {
    let house = house();
    let key = house.key(&json!({ "org": null }));
    let fields = [("x-api-key", key.as_str()), ("x-choose-org", "org_1")];
    let answer = house.gateway.get("/plain/x", &fields);
    assert_eq!(house.gateway.line(&answer.request_id())["org"], "org_1");
}

#[test]
fn else_it_is_the_root_of_the_routes_resource_if_that_names_the_subject() {
    let house = house();
    let key = house.key(&json!({ "org": null }));
    let org = |target| house.told(target, &[("x-api-key", key.as_str())], "x-org-id");
    assert_eq!(org("/boards/b_1").as_deref(), Some("org_1"));
    assert_eq!(org("/boards/org_1").as_deref(), Some("org_1"));
    assert_eq!(org("/boards/b_3"), None);
    assert_eq!(org("/any/unknown"), None);
}

#[test]
fn the_org_in_the_path_must_be_the_requests() {
    let house = house();
    let key = house.key(&json!({}));
    assert_eq!(house.outcome("GET", "/orgs/org_1", &key), "forwarded");
    assert_eq!(house.outcome("GET", "/orgs/org_2", &key), "org_mismatch");
    let any = house.key(&json!({ "org": null }));
    assert_eq!(house.outcome("GET", "/orgs/org_1", &any), "org_mismatch", "with none");
}

#[test]
fn a_scheme_that_needs_an_org_refuses_a_request_without_one() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({ "api": "app", "scheme": "key", "subject": "user_1", "lifetime": "never" });
    let (_, without) = gateway.create(&body);
    let with = gateway.mint("user_1", "org_1");
    // Since then the scheme has become stricter.
    let needy = one_api(&upstream).replace("prefix: ak_", "prefix: ak_, issue: { org: required }");
    let gateway = Setup::new(needy).start_in(gateway.stop());
    assert_eq!(gateway.get("/", &[("x-api-key", &without)]).code(), "org_missing");
    assert_eq!(gateway.get("/", &[("x-api-key", &with)]).status, 200);
    assert_eq!(gateway.admin("POST", "/v1/credentials", &body).0, 422);
}

#[test]
fn a_members_only_key_stops_when_its_subject_leaves_the_org() {
    let house = house();
    let key = house.key(&json!({ "scheme": "member" }));
    assert_eq!(house.outcome("GET", "/plain/x", &key), "forwarded");
    let member = "/v1/resources/org_1/members/user_1";
    assert_eq!(house.gateway.admin("DELETE", member, &json!(null)).0, 204);
    assert_eq!(house.outcome("GET", "/plain/x", &key), "org_not_member");
    assert_eq!(house.gateway.admin("PUT", member, &json!({ "level": "read" })).0, 201);
    assert_eq!(house.outcome("GET", "/plain/x", &key), "forwarded");
    let null = json!({ "members": null });
    assert_eq!(house.gateway.admin("PATCH", "/v1/resources/org_1", &null).0, 200);
    assert_eq!(house.outcome("GET", "/plain/x", &key), "org_not_member", "null names nobody");
}
