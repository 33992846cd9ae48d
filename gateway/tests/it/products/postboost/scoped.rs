//! Scoped keys: row PB-12. To the gateway they are tokens with an org and scopes.

use serde_json::{Value, json};

use super::{FORBIDDEN, INSUFFICIENT, NOT_FOUND, UNAUTHENTICATED, W1, W2};
use super::{ask, postboost, refused, token};
use crate::products::support::Fronted;

/// A key of `owner_1` in the first workspace, registered as the guide says.
#[track_caller]
fn scoped(postboost: &Fronted, abilities: &[&str]) -> (String, String) {
    let mut body = json!({
        "scheme": "token", "subject": "owner_1", "org": W1, "scopes": abilities, "lifetime": "never",
    });
    if abilities == ["read"] {
        body["ceiling"] = json!("read");
    }
    postboost.create(&body)
}

/// Method, path in the workspace, and the abilities each of which is enough for the gateway. Where several are, the application
/// decides by the body.
const OPERATIONS: &[(&str, &str, &[&str])] = &[
    ("GET", "posts", &["read"]),
    ("HEAD", "posts", &["read"]),
    ("GET", "posts/p", &["read"]),
    ("GET", "accounts", &["read"]),
    ("GET", "reports/exports", &["read"]),
    ("POST", "posts/validate", &["read"]),
    ("POST", "posts", &["write"]),
    ("DELETE", "posts", &["write"]),
    ("DELETE", "posts/p", &["write"]),
    ("POST", "media", &["write"]),
    ("DELETE", "tags/t", &["write"]),
    ("POST", "mentions", &["write"]),
    ("PUT", "brand-voice", &["write"]),
    ("POST", "accounts/connect-links", &["write"]),
    ("POST", "reports/exports", &["write"]),
    ("POST", "rss-feeds/f/poll", &["write"]),
    ("POST", "posts/schedule/p", &["publish"]),
    ("POST", "posts/add-to-queue/p", &["publish"]),
    ("POST", "posts/approve/p", &["publish"]),
    ("POST", "posts/retry/p/a", &["publish"]),
    ("POST", "inbox/drafts/1/approve", &["publish"]),
    ("POST", "inbox/drafts/1/reject", &["publish"]),
    ("PUT", "posts/p", &["write", "publish", "ai", "webhooks"]),
    ("POST", "ai/image-edit", &["ai"]),
    ("POST", "ai/repurpose", &["ai"]),
    ("POST", "agents/a/run", &["ai"]),
    ("GET", "ai/repurpose/runs/r", &["read", "write", "publish", "ai", "webhooks"]),
    ("POST", "brand-voice/learn", &["write", "publish", "ai", "webhooks"]),
    ("GET", "webhooks/subscriptions", &["webhooks"]),
    ("POST", "webhooks/subscriptions", &["webhooks"]),
    // An application may take a final slash for nothing.
    ("POST", "posts/validate/", &["read"]),
    ("POST", "accounts/connect-links/", &["write"]),
    ("POST", "inbox/drafts/1/approve/", &["publish"]),
    ("POST", "agents/a/run/", &["ai"]),
    ("GET", "api-keys", &[]),
    ("POST", "api-keys", &[]),
    ("DELETE", "api-keys/1", &[]),
    ("GET", "clients", &[]),
];

/// PB-12: and a personal token of the same user may do all of it.
#[test]
fn a_scoped_key_may_do_what_its_abilities_say_and_is_told_when_they_do_not_suffice() {
    let postboost = postboost();
    let (_, personal) = token(&postboost, "owner_1");
    let keys = ["read", "write", "publish", "ai", "webhooks"]
        .map(|ability| (ability, scoped(&postboost, &[ability]).1));
    let mut client = postboost.gateway.connect();
    for (method, tail, enough) in OPERATIONS {
        let target = format!("/app/api/{W1}/{tail}");
        let mut send = |secret: &str| {
            let bearer = format!("Bearer {secret}");
            client.send(postboost.request(method, &target, &[("Authorization", &bearer)], ""));
            if *method == "HEAD" { client.response_to_head() } else { client.response() }
        };
        for (ability, secret) in &keys {
            let response = send(secret);
            let case = format!("{ability}: {method} {tail}");
            if enough.contains(ability) {
                assert_eq!(response.status, 200, "{case}");
            } else if *method == "HEAD" {
                assert_eq!(response.status, 403, "{case}");
            } else {
                assert_eq!((response.status, &*response.text()), (403, INSUFFICIENT), "{case}");
            }
        }
        assert_eq!(send(&personal).status, 200, "{method} {tail}");
    }
}

/// PB-12: several abilities are each of them.
#[test]
fn a_key_with_several_abilities_has_each_and_the_application_is_told_all_and_whose_it_is() {
    let postboost = postboost();
    let (id, secret) = scoped(&postboost, &["read", "write"]);
    for (method, tail, status) in
        [("GET", "posts", 200), ("POST", "posts", 200), ("POST", "posts/schedule/p", 403)]
    {
        assert_eq!(ask(&postboost, method, &format!("/{W1}/{tail}"), &secret).status, status);
    }
    let echo = ask(&postboost, "GET", &format!("/{W1}/posts"), &secret).echo();
    for (name, value) in [
        ("x-user-id", "owner_1"),
        ("x-token-id", &*id),
        ("x-token-abilities", "read write"),
        ("x-workspace-id", W1),
        ("x-token-workspace-id", W1),
    ] {
        assert_eq!(echo.field(name).as_deref(), Some(value), "{name}");
    }
    // Which workspace pays for an AI tool is the key's own.
    let echo = ask(&postboost, "GET", "/tools", &secret).echo();
    assert_eq!(echo.field("x-token-workspace-id").as_deref(), Some(W1));
}

/// PB-12: other workspaces, also those of its user, and the panel, also of an admin user.
#[test]
fn a_scoped_key_is_refused_outside_of_its_workspace() {
    let postboost = postboost();
    postboost.change(
        "PUT",
        &format!("resources/{W2}/members/owner_1"),
        &json!({ "level": "admin" }),
    );
    postboost.change("PUT", "subjects/owner_1", &json!({ "admin": true }));
    let (_, secret) = scoped(&postboost, &["read", "write", "publish", "ai", "webhooks"]);
    let (_, personal) = token(&postboost, "owner_1");
    for (method, target) in [
        ("GET", format!("/{W2}/posts")),
        ("POST", format!("/{W2}/posts")),
        ("GET", "/panel/users".to_owned()),
        ("POST", "/workspaces".to_owned()),
        ("GET", "/".to_owned()),
    ] {
        refused(&ask(&postboost, method, &target, &secret), 403, INSUFFICIENT);
        assert_eq!(ask(&postboost, method, &target, &personal).status, 200, "{method} {target}");
    }
    refused(&ask(&postboost, "GET", "/00000000/posts", &secret), 404, NOT_FOUND);
    // Of somebody who is no admin user the panel does not ask further.
    postboost.change("PUT", "subjects/owner_1", &json!({ "admin": false }));
    refused(&ask(&postboost, "GET", "/panel/users", &secret), 403, FORBIDDEN);
}

/// PB-12: a key's user may lose the workspace; so does the key.
#[test]
fn a_scoped_key_ends_with_its_deletion_and_rests_with_its_users_membership() {
    let postboost = postboost();
    let (id, secret) = scoped(&postboost, &["read"]);
    let target = format!("/{W1}/posts");
    let member = format!("resources/{W1}/members/owner_1");
    assert_eq!(ask(&postboost, "GET", &target, &secret).status, 200);
    postboost.change("DELETE", &member, &Value::Null);
    refused(&ask(&postboost, "GET", &target, &secret), 403, INSUFFICIENT);
    postboost.change("PUT", &member, &json!({ "level": "admin" }));
    assert_eq!(ask(&postboost, "GET", &target, &secret).status, 200);
    postboost.change("DELETE", &format!("credentials/{id}"), &Value::Null);
    refused(&ask(&postboost, "GET", &target, &secret), 401, UNAUTHENTICATED);
}
