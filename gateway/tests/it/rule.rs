//! Contract 4: the rule. Each sentence over real records, which the admin API has written.

use serde_json::json;

use crate::support::{H2, Ruled, request};

#[test]
fn a_subject_that_is_suspended_or_inactive_is_refused_at_once_and_an_absent_record_means_active() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    assert_eq!(house.outcome("GET", "/plain/x", &key), "forwarded");
    for (state, outcome) in [
        ("suspended", "subject_suspended"),
        ("inactive", "subject_inactive"),
        ("active", "forwarded"),
    ] {
        house.subject("user_1", &json!({ "state": state }));
        assert_eq!(house.outcome("GET", "/plain/x", &key), outcome);
        assert_eq!(house.outcome("GET", "/optional", &key), outcome, "present means good");
    }
}

#[test]
fn a_resource_without_a_record_is_unknown_or_passes_as_the_route_says_and_a_deleted_one_is_unknown_again()
 {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "resource_unknown");
    assert_eq!(house.outcome("GET", "/any/b_1", &key), "forwarded");
    assert_eq!(house.outcome("GET", "/literal", &key), "forwarded", "a literal passes by default");
    house.resource("b_1", json!({ "parent": "org_1" }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "forwarded");
    assert_eq!(house.gateway.admin("DELETE", "/v1/resources/b_1", &json!(null)).0, 204);
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "resource_unknown");
}

#[test]
fn a_resource_of_another_org_is_forbidden() {
    let house = Ruled::start();
    house.resource("b_1", json!({ "parent": "org_2" }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &house.key(&json!({}))), "resource_forbidden");
    let any = house.key(&json!({ "org": null }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &any), "forwarded", "any org of the subject");
}

/// Who may is said above it, and so unknown.
#[test]
fn what_lies_below_a_deleted_resource_is_unknown_on_every_route() {
    let house = Ruled::start();
    let key = house.key(&json!({ "org": null }));
    house.resource("org_1", json!({ "members": { "user_2": "edit" } }));
    house.resource("team", json!({ "parent": "org_1", "members": { "user_1": "edit" } }));
    house.resource("b_1", json!({ "parent": "org_1" }));
    house.resource("b_2", json!({ "parent": "team" }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "resource_forbidden");
    assert_eq!(house.outcome("GET", "/any/b_2", &key), "forwarded");
    assert_eq!(house.gateway.admin("DELETE", "/v1/resources/org_1", &json!(null)).0, 204);
    for target in ["/boards/b_1", "/any/b_1", "/boards/b_2", "/any/b_2"] {
        assert_eq!(house.outcome("GET", target, &key), "resource_unknown", "{target}");
    }
    house.resource("org_1", json!({ "members": { "user_1": "edit" } }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "forwarded");
}

#[test]
fn the_level_is_the_least_of_ceiling_grants_and_members() {
    let house = Ruled::start();
    house.resource("b_1", json!({ "parent": "org_1", "members": { "user_1": "edit" } }));
    for (rights, read, edit) in [
        (json!({}), "forwarded", "forwarded"),
        (json!({ "ceiling": "read" }), "forwarded", "level_insufficient"),
        (json!({ "ceiling": "admin" }), "forwarded", "forwarded"),
        (json!({ "grants": { "b_1": "edit" } }), "forwarded", "forwarded"),
        (json!({ "grants": { "b_1": "read" } }), "forwarded", "level_insufficient"),
        (
            json!({ "grants": { "b_1": "admin" }, "ceiling": "read" }),
            "forwarded",
            "level_insufficient",
        ),
        (json!({ "grants": { "b_2": "edit" } }), "resource_forbidden", "resource_forbidden"),
        (json!({ "grants": {} }), "resource_forbidden", "resource_forbidden"),
    ] {
        let key = house.key(&rights);
        assert_eq!(house.outcome("GET", "/boards/b_1", &key), read, "{rights}");
        let head = request("HEAD", "/boards/b_1", &[("x-api-key", &key)], "");
        let head = house.gateway.connect().send(head).response_to_head().status;
        assert_eq!(head == 200, read == "forwarded", "HEAD is held as GET: {rights}");
        assert_eq!(house.outcome("POST", "/boards/b_1", &key), edit, "{rights}");
    }
    house.resource("b_1", json!({ "parent": "org_1", "members": { "user_1": "read" } }));
    let key = house.key(&json!({}));
    assert_eq!(house.outcome("POST", "/boards/b_1", &key), "level_insufficient");
}

#[test]
fn a_resource_that_passes_unknown_is_held_against_ceiling_and_grants_all_the_same() {
    let house = Ruled::start();
    for (rights, read, edit, level) in [
        (json!({}), "forwarded", "forwarded", "admin"),
        (json!({ "ceiling": "read" }), "forwarded", "level_insufficient", "read"),
        (json!({ "grants": { "b_9": "read" } }), "forwarded", "level_insufficient", "read"),
        (json!({ "grants": { "b_9": "edit" } }), "forwarded", "forwarded", "edit"),
        (
            json!({ "grants": { "b_9": "admin" }, "ceiling": "read" }),
            "forwarded",
            "level_insufficient",
            "read",
        ),
        (
            json!({ "grants": { "b_9": "read" }, "ceiling": "admin" }),
            "forwarded",
            "level_insufficient",
            "read",
        ),
        (json!({ "grants": {} }), "resource_forbidden", "resource_forbidden", ""),
        (json!({ "grants": { "b_8": "admin" } }), "resource_forbidden", "resource_forbidden", ""),
    ] {
        let key = house.key(&rights);
        assert_eq!(house.outcome("GET", "/any/b_9", &key), read, "{rights}");
        assert_eq!(house.outcome("POST", "/any/b_9", &key), edit, "{rights}");
        if !level.is_empty() {
            let told = house.told("/any/b_9", &[("x-api-key", &key)], "x-level");
            assert_eq!(told.as_deref(), Some(level), "{rights}");
        }
    }
}

#[test]
fn grants_do_not_descend() {
    let house = Ruled::start();
    house.resource("b_1", json!({ "parent": "org_1" }));
    let key = house.key(&json!({ "grants": { "org_1": "admin" } }));
    assert_eq!(house.outcome("GET", "/boards/b_1", &key), "resource_forbidden");
    house.resource("org_1", json!({}));
    assert_eq!(house.outcome("GET", "/boards/org_1", &key), "forwarded");
}

#[test]
fn members_let_in_only_those_named_and_null_asks_the_nearest_above() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    let asked = || house.outcome("GET", "/boards/b_1", &key);
    house
        .resource("org_1", json!({}))
        .resource("w_1", json!({ "parent": "org_1" }))
        .resource("b_1", json!({ "parent": "w_1" }));
    assert_eq!(asked(), "forwarded", "none anywhere is anyone");
    house.resource("org_1", json!({ "members": { "user_2": "read" } }));
    assert_eq!(asked(), "resource_forbidden");
    house.resource("w_1", json!({ "parent": "org_1", "members": { "user_1": "read" } }));
    assert_eq!(asked(), "forwarded", "the nearest has the say");
    let left = house.gateway.admin("DELETE", "/v1/resources/w_1/members/user_1", &json!(null));
    assert_eq!(left.0, 204);
    assert_eq!(asked(), "resource_forbidden", "the last one has left");
}

#[test]
fn without_a_resource_the_level_is_held_against_the_ceiling_alone() {
    let house = Ruled::start();
    let reading = house.key(&json!({ "ceiling": "read" }));
    assert_eq!(house.outcome("GET", "/writing", &reading), "forwarded");
    assert_eq!(house.outcome("POST", "/writing", &reading), "level_insufficient");
    let granted = house.key(&json!({ "grants": {} }));
    assert_eq!(house.outcome("POST", "/writing", &granted), "forwarded");
}

#[test]
fn a_state_of_the_resource_of_one_above_it_or_of_the_org_leaves_what_the_api_says() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    house.resource("org_1", json!({})).resource("b_1", json!({ "parent": "org_1" }));
    let asked = |method, target| house.outcome(method, target, &key);
    for of in ["b_1", "org_1"] {
        for (state, read, edit) in [
            ("restricted", "forwarded", "resource_restricted"),
            ("locked", "resource_restricted", "resource_restricted"),
            ("archived", "resource_restricted", "resource_restricted"),
            ("ok", "forwarded", "forwarded"),
        ] {
            let body = json!({ "state": state });
            let path = format!("/v1/resources/{of}");
            assert_eq!(house.gateway.admin("PATCH", &path, &body).0, 200);
            assert_eq!(asked("GET", "/boards/b_1"), read, "{of} {state}");
            assert_eq!(asked("POST", "/boards/b_1"), edit, "{of} {state}");
            if of == "org_1" {
                assert_eq!(asked("GET", "/plain/x"), read, "the org's, without a resource");
                assert_eq!(asked("POST", "/writing"), edit);
            }
        }
    }
}

#[test]
fn a_capability_is_held_by_the_subject_the_org_or_the_resource_or_one_above_it() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    let asked = || house.outcome("GET", "/capable/b_1", &key);
    let has = json!(["api"]);
    house.resource("w_1", json!({ "parent": "org_1" })).resource("b_1", json!({ "parent": "w_1" }));
    assert_eq!(asked(), "capability_missing");
    house.subject("user_1", &json!({ "capabilities": has }));
    assert_eq!(asked(), "forwarded");
    house.subject("user_1", &json!({}));
    assert_eq!(asked(), "capability_missing");
    for (id, mut body) in [
        ("org_1", json!({})),
        ("w_1", json!({ "parent": "org_1" })),
        ("b_1", json!({ "parent": "w_1" })),
    ] {
        let plain = body.clone();
        body["capabilities"] = has.clone();
        house.resource(id, body);
        assert_eq!(asked(), "forwarded", "{id}");
        house.resource(id, plain);
        assert_eq!(asked(), "capability_missing", "{id}");
    }
}

#[test]
fn only_a_subject_marked_admin_passes_where_the_route_says_so() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    assert_eq!(house.outcome("GET", "/panel", &key), "admin_required");
    house.subject("user_1", &json!({ "admin": true }));
    assert_eq!(house.outcome("GET", "/panel", &key), "forwarded");
}

#[test]
fn every_scope_of_the_method_is_needed_and_null_restricts_nothing() {
    let house = Ruled::start();
    for (scopes, get, post) in [
        (json!(null), "forwarded", "forwarded"),
        (json!(["boards:read"]), "forwarded", "scope_insufficient"),
        (json!(["boards:write"]), "scope_insufficient", "scope_insufficient"),
        (json!(["boards:read", "boards:write"]), "forwarded", "forwarded"),
        (json!([]), "scope_insufficient", "scope_insufficient"),
    ] {
        let key = house.key(&json!({ "scopes": scopes }));
        assert_eq!(house.outcome("GET", "/scoped", &key), get, "{scopes}");
        assert_eq!(house.outcome("POST", "/scoped", &key), post, "{scopes}");
        assert_eq!(house.outcome("PUT", "/scoped", &key), "forwarded", "not named, needs none");
    }
}

#[test]
fn an_audience_is_good_on_the_routes_that_name_it_and_on_no_other() {
    let house = Ruled::start();
    let key = |scheme: &str, audience: Option<&str>| {
        house.key(&json!({ "scheme": scheme, "audience": audience }))
    };
    let mcp = key("key", Some("HTTPS://CalmBoard.AI:443/x/../%6dcp"));
    assert_eq!(house.outcome("GET", "/mcp", &mcp), "forwarded", "after normalisation");
    assert_eq!(house.outcome("GET", "/plain/x", &mcp), "audience_mismatch");
    let other = key("key", Some("https://calmboard.ai/mcp/"));
    assert_eq!(house.outcome("GET", "/mcp", &other), "audience_mismatch");
    let none = key("key", None);
    assert_eq!(house.outcome("GET", "/mcp", &none), "forwarded");
    let bound = key("bound", Some("https://calmboard.ai/mcp"));
    assert_eq!(house.outcome("GET", "/mcp", &bound), "forwarded");
    let refused = house.gateway.get("/plain/x", &[("x-api-key", &bound)]);
    assert_eq!(refused.status, 401);
    assert!(refused.field("www-authenticate").unwrap().contains("invalid_token"));
}

#[test]
fn a_credential_with_addresses_is_good_from_them_alone() {
    let house = Ruled::start();
    let here = house.key(&json!({ "addresses": ["127.0.0.0/8"] }));
    assert_eq!(house.outcome("GET", "/plain/x", &here), "forwarded");
    let elsewhere = house.key(&json!({ "addresses": ["203.0.113.0/24"] }));
    assert_eq!(house.outcome("GET", "/plain/x", &elsewhere), "address_denied");
    assert_eq!(
        house.outcome_with(
            "GET",
            "/plain/x",
            &[("x-api-key", &elsewhere), ("x-forwarded-for", "203.0.113.9"),]
        ),
        "address_denied",
        "an untrusted peer speaks for nobody"
    );
}

#[test]
fn a_path_parameter_is_decoded_and_what_is_then_no_id_is_400() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    house.resource("a%3Fb", json!({ "parent": "org_1" }));
    assert_eq!(
        house.told("/boards/a%3fb", &[("x-api-key", &key)], "x-resource-id").as_deref(),
        Some("a?b")
    );
    for bad in ["a,b", "a=b", "*", "a%20b", "%C3%A9", &"x".repeat(129)] {
        assert_eq!(house.outcome("GET", &format!("/boards/{bad}"), &key), "request_malformed");
        assert_eq!(house.outcome("GET", &format!("/orgs/{bad}"), &key), "request_malformed");
        assert_eq!(house.outcome("GET", &format!("/plain/{bad}"), &key), "forwarded");
    }
}

#[test]
fn the_upstream_is_told_the_resource_the_level_the_grants_and_the_scopes() {
    let house = Ruled::start();
    house.resource("b_1", json!({ "parent": "org_1", "members": { "user_1": "admin" } }));
    let rights = json!({
        "grants": { "b_2": "read", "b_1": "edit" }, "ceiling": "read", "scopes": ["w", "r"],
    });
    let key = house.key(&rights);
    let by_h1 = house.gateway.get("/boards/b_1", &[("x-api-key", &key)]);
    let by_h2 =
        H2::connect(house.gateway.address("public")).get("/boards/b_1", &[("x-api-key", &key)]);
    for echo in [by_h1.echo(), by_h2.echo()] {
        for (name, value) in [
            ("x-resource-id", "b_1"),
            ("x-level", "read"),
            ("x-grants", "b_1=read,b_2=read"),
            ("x-scopes", "r w"),
            ("x-org-id", "org_1"),
        ] {
            assert_eq!(echo.all(name), [value], "{name}");
        }
    }
    let ceiling = house.key(&json!({ "ceiling": "read" }));
    assert_eq!(
        house.told("/plain/x", &[("x-api-key", &ceiling)], "x-grants").as_deref(),
        Some("*=read")
    );
}

#[test]
fn a_change_of_a_record_is_in_force_once_it_is_answered() {
    let house = Ruled::start();
    let key = house.key(&json!({}));
    house.resource("b_1", json!({ "parent": "org_1", "members": { "user_1": "read" } }));
    let mut client = house.gateway.connect();
    for (level, outcome) in [("read", 403), ("edit", 200), ("read", 403), ("admin", 200)] {
        let body = json!({ "level": level });
        let (status, _) = house.gateway.admin("PUT", "/v1/resources/b_1/members/user_1", &body);
        assert_eq!(status, 200);
        client.send(request("POST", "/boards/b_1", &[("x-api-key", &key)], ""));
        assert_eq!(client.response().status, outcome, "{level}");
    }
}

#[test]
fn the_first_failure_decides() {
    let house = Ruled::start();
    house
        .subject("user_1", &json!({ "state": "suspended" }))
        .resource("org_1", json!({ "state": "locked" }));
    let key = house.key(&json!({ "audience": "https://a.example/", "grants": {} }));
    let asked = |key: &str| house.outcome("GET", "/capable/b_1", key);
    assert_eq!(asked(&key), "audience_mismatch");
    let key = house.key(&json!({ "grants": {} }));
    assert_eq!(asked(&key), "subject_suspended");
    house.subject("user_1", &json!({}));
    assert_eq!(asked(&key), "resource_restricted", "the org's state");
    house.resource("org_1", json!({}));
    assert_eq!(asked(&key), "resource_unknown");
    house.resource("b_1", json!({ "parent": "org_1" }));
    assert_eq!(asked(&key), "capability_missing");
    house.resource("b_1", json!({ "parent": "org_1", "capabilities": ["api"], "state": "locked" }));
    assert_eq!(asked(&key), "resource_restricted");
    house.resource("b_1", json!({ "parent": "org_1", "capabilities": ["api"] }));
    assert_eq!(asked(&key), "resource_forbidden");
    assert_eq!(asked(&house.key(&json!({}))), "forwarded");
}
