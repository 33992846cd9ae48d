//! Which workspaces and which paths: rows PB-7 to PB-11.

use serde_json::{Value, json};

use super::{FORBIDDEN, INSUFFICIENT, NOT_FOUND, UNAUTHENTICATED, W1, W2, W3};
use super::{ask, postboost, refused, token};

/// PB-7: memberships are the user's, and a token follows them.
#[test]
fn one_token_is_good_for_every_workspace_of_its_user_also_for_one_joined_later() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let status =
        |workspace: &str| ask(&postboost, "GET", &format!("/{workspace}/posts"), &secret).status;
    assert_eq!((status(W1), status(W2)), (200, 403));
    let member = format!("resources/{W2}/members/user_1");
    postboost.change("PUT", &member, &json!({ "level": "edit" }));
    assert_eq!((status(W1), status(W2)), (200, 200));
    postboost.change("DELETE", &member, &Value::Null);
    assert_eq!((status(W1), status(W2)), (200, 403));
}

/// PB-8: whoever is not marked as an administrator is refused, whatever the path makes of itself.
#[test]
fn the_panel_is_for_admin_users_alone_and_no_spelling_leads_around_that() {
    let postboost = postboost();
    postboost.change("PUT", "subjects/admin_1", &json!({ "admin": true }));
    let (_, member) = token(&postboost, "user_1");
    let (_, admin) = token(&postboost, "admin_1");
    for target in
        ["/panel", "/panel/", "/panel/users", "/panel/workspaces/x/users", "/%70anel/users"]
    {
        refused(&ask(&postboost, "GET", target, &member), 403, FORBIDDEN);
        assert_eq!(ask(&postboost, "GET", target, &admin).status, 200, "{target}");
    }
    // What begins like it, in another case or with more behind it, is the name of a workspace that there is not.
    for target in ["/panelx", "/panelx/users", "/PANEL/users"] {
        for secret in [&member, &admin] {
            refused(&ask(&postboost, "GET", target, secret), 404, NOT_FOUND);
        }
    }
    for target in [
        "//panel/users",
        "/./panel/users",
        "/x/../panel/users",
        "/%2Fpanel/users",
        "/panel/..%2fusers",
        "/panel%20/users",
    ] {
        for secret in [&member, &admin] {
            refused(&ask(&postboost, "GET", target, secret), 400, r#"{"message":"Bad Request"}"#);
        }
    }
    // A route of workspaces that has its own limit does not win over it.
    refused(&ask(&postboost, "POST", "/panel/connect-links/x", &member), 403, FORBIDDEN);
    refused(&ask(&postboost, "POST", "/panel/accounts/connect-links", &member), 403, FORBIDDEN);
    refused(&ask(&postboost, "GET", "/panel/users", "junk"), 401, UNAUTHENTICATED);
}

/// PB-8: at once, both ways.
#[test]
fn whoever_becomes_an_admin_user_or_is_one_no_more_is_so_from_the_next_request_on() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let status = || ask(&postboost, "GET", "/panel/users", &secret).status;
    assert_eq!(status(), 403);
    for (admin, expected) in [(true, 200), (false, 403)] {
        postboost.change("PUT", "subjects/user_1", &json!({ "admin": admin }));
        assert_eq!(status(), expected);
    }
}

/// PB-9: and `panel`, `workspaces` and `tools` are never a workspace, even where one is registered so.
#[test]
fn the_list_of_workspaces_needs_no_workspace_and_reserved_names_are_none() {
    let postboost = postboost();
    for reserved in ["panel", "workspaces", "tools"] {
        let body = json!({ "kind": "workspace", "members": { "user_1": "admin" }, "capabilities": ["api"] });
        postboost.change("PUT", &format!("resources/{reserved}"), &body);
    }
    let (_, secret) = token(&postboost, "user_1");
    let (_, stranger) = token(&postboost, "of-no-workspace");
    for secret in [&secret, &stranger] {
        let echo = ask(&postboost, "GET", "/workspaces", secret).echo();
        assert_eq!(echo.field("x-workspace-id"), None);
        assert_eq!(echo.field("x-token-workspace-id"), None);
        refused(&ask(&postboost, "GET", "/panel/posts", secret), 403, FORBIDDEN);
        assert_eq!(
            ask(&postboost, "GET", "/tools/posts", secret).echo().field("x-workspace-id"),
            None
        );
    }
}

/// PB-9: roles are levels: an owner or admin has `admin`, a member `edit`.
#[test]
fn what_admins_of_a_workspace_may_members_of_it_may_not() {
    let postboost = postboost();
    let (_, member) = token(&postboost, "user_1");
    let (_, owner) = token(&postboost, "owner_1");
    for method in ["GET", "POST"] {
        for target in ["posts", "tags", "accounts"] {
            for secret in [&member, &owner] {
                assert_eq!(ask(&postboost, method, &format!("/{W1}/{target}"), secret).status, 200);
            }
        }
        for target in ["api-keys", "clients"] {
            let target = format!("/{W1}/{target}");
            refused(&ask(&postboost, method, &target, &member), 403, INSUFFICIENT);
            assert_eq!(ask(&postboost, method, &target, &owner).status, 200, "{method} {target}");
        }
    }
}

/// PB-10: unknown is 404; a workspace of others is 403, which the pages leave open.
#[test]
fn a_workspace_that_there_is_not_is_not_found_and_one_of_others_is_forbidden() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    for unknown in ["00000000-0000-0000-0000-000000000000", "posts", "W1"] {
        for tail in ["", "/", "/posts", "/api-keys"] {
            let target = format!("/{unknown}{tail}");
            refused(&ask(&postboost, "GET", &target, &secret), 404, NOT_FOUND);
        }
    }
    refused(&ask(&postboost, "GET", &format!("/{W2}/posts"), &secret), 403, INSUFFICIENT);
    assert_eq!(postboost.seen(), 0);
}

/// PB-9: on a route that knows who asks, too.
#[test]
fn what_a_client_says_of_itself_never_arrives() {
    let postboost = postboost();
    let (id, secret) = token(&postboost, "user_1");
    let bearer = format!("Bearer {secret}");
    let forged = [
        ("X-User-Id", "owner_1"),
        ("x-workspace-id", W2),
        ("X-Token-Workspace-Id", W2),
        ("X-Token-Id", "crd_1"),
        ("X-Token-Abilities", "read write"),
        ("Connection", "x-user-id, x-token-id"),
    ];
    let fields = [&[("Authorization", &*bearer)][..], &forged].concat();
    let echo = postboost.get(&format!("/app/api/{W1}/posts"), &fields).echo();
    for (name, told) in [
        ("x-user-id", &["user_1"][..]),
        ("x-workspace-id", &[W1]),
        ("x-token-workspace-id", &[W1]),
        ("x-token-id", &[&id]),
        ("x-token-abilities", &[]),
    ] {
        assert_eq!(echo.all(name), told, "{name}");
    }
}

/// PB-11: on every route of a workspace, the user's own role notwithstanding.
#[test]
fn a_workspace_whose_plan_has_no_api_is_forbidden_on_every_one_of_its_routes() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let owned = json!({ "members": { "user_1": "admin" } });
    postboost.change("PATCH", &format!("resources/{W3}"), &owned);
    let targets = [
        ("GET", "", "workspace"),
        ("GET", "tags", "workspace"),
        ("PUT", "posting-schedule", "workspace"),
        ("GET", "api-keys", "api-keys"),
        ("DELETE", "api-keys/1", "api-keys"),
        ("GET", "clients", "clients"),
        ("GET", "webhooks/subscriptions", "webhooks"),
        ("POST", "media", "media"),
        ("POST", "posts/validate", "validate-post"),
        ("PUT", "posts/p", "post"),
        ("POST", "posts/add-to-queue/p", "queue-post"),
        ("POST", "posts/approve/p", "approve-post"),
        ("POST", "posts/retry/p/a", "retry-post"),
        ("POST", "posts/schedule/p", "schedule-post"),
        ("POST", "inbox/drafts/1/approve", "approve-reply"),
        ("POST", "inbox/drafts/1/reject", "reject-reply"),
        ("POST", "ai/image-edit", "ai"),
        ("POST", "brand-voice/learn", "learn-voice"),
        ("POST", "agents/a/run", "run-agent"),
        ("POST", "ai/repurpose", "repurpose"),
        ("GET", "ai/repurpose/runs/r", "repurpose-status"),
        ("POST", "accounts/connect-links", "connect-links"),
        ("POST", "rss-feeds/f/poll", "poll-feed"),
        ("POST", "reports/exports", "export-report"),
        ("GET", "reports/exports", "exported-reports"),
    ];
    for (method, tail, route) in targets {
        let response = ask(&postboost, method, &format!("/{W3}/{tail}"), &secret);
        refused(&response, 403, FORBIDDEN);
        let line = postboost.gateway.line(&response.request_id());
        assert_eq!(
            (&line["outcome"], &line["route"]),
            (&json!("capability_missing"), &json!(route))
        );
    }
    // No route of the file that has a workspace is missing above.
    let file = super::POSTBOOST.file();
    assert_eq!(
        file.matches("resource: workspace\n").count(),
        file.matches("capabilities: [api]\n").count()
    );
    let mut routes: Vec<_> = targets.iter().map(|(_, _, route)| route).collect();
    routes.dedup();
    assert_eq!(routes.len(), file.matches("resource: workspace\n").count());
    postboost.change("PATCH", &format!("resources/{W3}"), &json!({ "capabilities": ["api"] }));
    assert_eq!(ask(&postboost, "GET", &format!("/{W3}/tags"), &secret).status, 200, "upgraded");
}

/// PB-11: `access_status: locked`.
#[test]
fn a_locked_workspace_is_forbidden_and_no_other() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    postboost.change("PATCH", &format!("resources/{W1}"), &json!({ "state": "locked" }));
    refused(&ask(&postboost, "GET", &format!("/{W1}/posts"), &secret), 403, FORBIDDEN);
    assert_eq!(ask(&postboost, "GET", "/workspaces", &secret).status, 200);
    postboost.change("PATCH", &format!("resources/{W1}"), &json!({ "state": "ok" }));
    assert_eq!(ask(&postboost, "GET", &format!("/{W1}/posts"), &secret).status, 200);
}

/// PB-9: nothing under the API's prefix falls through to the web application, which is open to everybody.
#[test]
fn everything_under_the_apis_prefix_needs_a_token_and_the_web_application_beside_it_none() {
    let postboost = postboost();
    for target in ["/app/api", "/app/api/", "/app/%61pi/x", "/app/api/x", "/app/api/workspaces"] {
        refused(&postboost.get(target, &[]), 401, UNAUTHENTICATED);
    }
    assert_eq!(postboost.seen(), 0);
    let (cookie, basic) = (("Cookie", "session=1"), ("Authorization", "Basic dTpw"));
    let forged = [("X-User-Id", "admin_1"), ("X-Workspace-Id", W1), ("X-Token-Abilities", "")];
    for target in ["/", "/docs/authentication", "/app", "/app/apix", "/login"] {
        let echo = postboost.get(target, &[&[cookie, basic][..], &forged].concat()).echo();
        assert_eq!(echo.field("cookie").as_deref(), Some("session=1"), "{target}");
        assert_eq!(echo.field("authorization").as_deref(), Some("Basic dTpw"), "{target}");
        for (name, _) in forged {
            assert_eq!(echo.all(name), [""; 0], "{target}: nobody has said who this is");
        }
    }
}
