//! Keys: how they are sent, made, shown, limited and revoked. Rows AK-1, AK-2, AK-7 to AK-10 and AK-14.

use std::fs;

use serde_json::{Value, json};

use super::{AGENTKANBAN, NO_MEMBER, UNAUTHORIZED};
use super::{ask, kanban, key, order, organisations, refused};
use crate::products::clock::WallClock;
use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Client, Upstream, request};

/// AK-1: the page's own field.
#[test]
fn a_key_is_sent_as_a_bearer_token_and_the_application_is_told_who_asks_and_not_with_what() {
    let kanban = kanban();
    let (id, secret) = key(&kanban, "ann", &json!({}));
    assert!(secret.starts_with("ak_"), "{secret}");
    let command = "curl https://www.agentkanban.io/api/ext/v1/boards/board_1 -H \"Authorization: Bearer $KEY\"";
    let echo = kanban.curl(command, &[("KEY", &secret)]).echo();
    assert_eq!(echo.target(), "/api/ext/v1/boards/board_1");
    for (name, value) in [
        ("x-org-id", Some("org_1")),
        ("x-subject-id", Some("ann")),
        ("x-credential-id", Some(&*id)),
        ("x-credential-scheme", Some("ak")),
        ("x-resource-id", Some("board_1")),
        ("x-level", Some("edit")),
        ("x-grants", Some("*")),
        ("authorization", None),
    ] {
        assert_eq!(echo.field(name).as_deref(), value, "{name}");
    }
}

/// AK-1, AK-11: whatever is wrong with it, one answer; and the application hears nothing of it.
#[test]
fn whatever_is_no_good_key_is_unauthorized() {
    let kanban = kanban();
    let (_, secret) = key(&kanban, "ann", &json!({}));
    let good = format!("Bearer {secret}");
    let mut mistyped = good.clone();
    let last = mistyped.pop();
    mistyped.push(if last == Some('0') { '1' } else { '0' });
    let long = format!("Bearer ak_{}", "a".repeat(8 * 1024));
    let fields: &[&[(&str, &str)]] = &[
        &[],
        &[("Authorization", "Bearer")],
        &[("Authorization", "Bearer ak_YourApiKeyHere")],
        &[("Authorization", &mistyped)],
        &[("Authorization", &secret)],
        &[("Authorization", &long)],
        &[("Authorization", "Bearer ak_two tokens")],
        &[("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln")],
        &[("Authorization", "Bearer api_of-another-product")],
        &[("Authorization", "Bearer AK_YourApiKeyHere")],
        &[("Authorization", "Basic YW5uOnNlY3JldA==")],
        &[("X-Api-Key", &secret)],
        &[("Authorization", &good), ("Authorization", "Bearer ak_another")],
    ];
    for fields in fields {
        for target in
            ["/api/ext/v1/boards", "/api/ext/v1/boards/board_1", "/api/ext", "/api/ext/v2/boards"]
        {
            refused(&kanban.get(target, fields), 401, UNAUTHORIZED);
        }
    }
    for byte in [b'\0', 0x01, 0x7f] {
        let fields = [("Authorization", "Bearer ak_#")];
        let mut bytes = kanban.request("GET", "/api/ext/v1/boards", &fields, "");
        let place = bytes.iter().position(|found| *found == b'#').unwrap();
        bytes[place] = byte;
        assert!(matches!(kanban.gateway.send(&bytes).status, 400 | 401), "{byte}");
    }
    assert_eq!(kanban.seen(), 0);
    for fields in [
        vec![("authorization", format!("bearer {secret}"))],
        vec![("Authorization", good.clone()), ("Authorization", good.clone())],
        vec![
            ("Authorization", "Basic YW5uOnNlY3JldA==".to_owned()),
            ("Authorization", good.clone()),
        ],
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        assert_eq!(kanban.get("/api/ext/v1/boards", &fields).status, 200, "{fields:?}");
    }
}

/// AK-2: not administrators alone; a key has one organisation, and is its owner's.
#[test]
fn any_member_of_an_organisation_may_have_keys_in_it_and_nobody_else() {
    let kanban = kanban();
    let (ann, _) = key(&kanban, "ann", &json!({ "name": "CI Pipeline" }));
    let (bob, _) = key(&kanban, "bob", &json!({ "name": "CI Pipeline" }));
    for (subject, expected) in [("ann", &ann), ("bob", &bob)] {
        let path = format!("/v1/credentials?api=agentkanban&org=org_1&subject={subject}");
        let listed = kanban.gateway.admin("GET", &path, &Value::Null).1;
        let ids: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
        assert_eq!(ids, [expected], "each sees his own");
    }
    for fields in [
        json!({ "subject": "eve" }),
        json!({ "subject": "bob", "org": "org_2" }),
        json!({ "org": "org_3" }),
        json!({ "org": null }),
        json!({ "org": "board_1" }),
    ] {
        let (status, answer) = order(&kanban, &fields);
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("fields_invalid")),
            "{fields}: {answer}"
        );
    }
}

/// AK-2: whoever leaves the organisation loses its keys, all-boards or not, on every route.
#[test]
fn a_key_ends_with_its_owners_membership_of_the_organisation() {
    let kanban = kanban();
    let (_, all) = key(&kanban, "ann", &json!({}));
    let (_, some) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    let member = "resources/org_1/members/ann";
    kanban.change("DELETE", member, &Value::Null);
    for secret in [&all, &some] {
        for target in ["/boards", "/boards/board_1", "/webhooks"] {
            refused(&ask(&kanban, "GET", target, secret), 403, NO_MEMBER);
        }
    }
    kanban.change("PUT", member, &json!({ "level": "edit" }));
    assert_eq!(ask(&kanban, "GET", "/boards/board_1", &all).status, 200, "back again");
}

/// AK-7: the owner's, at any time; the list shows how it begins and ends.
#[test]
fn a_key_is_revealed_to_its_owner_as_often_as_he_likes_and_to_nobody_else() {
    let kanban = kanban();
    let (id, secret) = key(&kanban, "ann", &json!({}));
    let reveal = |subject: &str| {
        let path = format!("/v1/credentials/{id}/reveal");
        kanban.gateway.admin("POST", &path, &json!({ "subject": subject }))
    };
    for _ in 0..2 {
        assert_eq!(reveal("ann"), (200, json!({ "secret": secret })));
    }
    let (status, answer) = reveal("bob");
    assert_eq!((status, &answer["code"]), (403, &json!("not_owner")));
    let listed = kanban.gateway.admin("GET", "/v1/credentials?api=agentkanban", &Value::Null).1;
    let hint = listed["items"][0]["hint"].as_str().unwrap();
    let end = hint.strip_prefix("ak_").unwrap();
    assert!(end.len() == 4 && secret.ends_with(end), "{hint}");
    let audit = kanban.gateway.admin("GET", "/v1/audit?action=reveal", &Value::Null).1;
    assert_eq!(audit["items"].as_array().unwrap().len(), 2, "every one is on record");
}

/// AK-7: a key that the application has made itself, too; at rest there is no plain copy.
#[test]
fn a_key_is_kept_sealed_and_can_be_revealed_after_a_restart() {
    let kanban = kanban();
    let brought = "ak_made-by-the-application-itself";
    let made = [
        key(&kanban, "ann", &json!({})),
        (key(&kanban, "ann", &json!({ "secret": brought })).0, brought.to_owned()),
    ];
    let folder = kanban.gateway.stop();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        for (_, secret) in &made {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the plain key is on disk");
        }
    }
    let gateway = AGENTKANBAN.setup(&kanban.upstream).start_in(folder);
    for (id, secret) in &made {
        let path = format!("/v1/credentials/{id}/reveal");
        assert_eq!(gateway.admin("POST", &path, &Value::Null), (200, json!({ "secret": secret })));
    }
}

/// AK-7, AK-9: nor is it revealed any more.
#[test]
fn a_revoked_key_stops_at_once_and_stays_in_the_list() {
    let kanban = kanban();
    let (id, secret) = key(&kanban, "ann", &json!({ "name": "CI Pipeline" }));
    let (_, sibling) = key(&kanban, "ann", &json!({}));
    assert_eq!(ask(&kanban, "GET", "/boards", &secret).status, 200, "cached");
    kanban.revoke(&id);
    let response = ask(&kanban, "GET", "/boards", &secret);
    refused(&response, 401, UNAUTHORIZED);
    assert_eq!(kanban.outcome(&response), "credential_revoked");
    assert_eq!(ask(&kanban, "GET", "/boards", &sibling).status, 200);
    let path = "/v1/credentials?api=agentkanban&subject=ann&state=revoked";
    let listed = kanban.gateway.admin("GET", path, &Value::Null).1;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["id"], &items[0]["name"]),
        (1, &json!(id), &json!("CI Pipeline"))
    );
    let path = format!("/v1/credentials/{id}/reveal");
    let (status, answer) = kanban.gateway.admin("POST", &path, &json!({ "subject": "ann" }));
    assert_eq!((status, &answer["code"]), (409, &json!("credential_ended")));
    let folder = kanban.gateway.stop();
    let gateway = AGENTKANBAN.setup(&kanban.upstream).start_in(folder);
    let bearer = format!("Bearer {secret}");
    let fields = [("Host", AGENTKANBAN.host), ("Authorization", &*bearer)];
    refused(&gateway.get("/api/ext/v1/boards", &fields), 401, UNAUTHORIZED);
}

/// AK-8: the figure is an example; the page promises the field.
#[test]
fn a_key_over_its_limit_is_told_in_seconds_when_to_retry_and_other_keys_are_not_held_back() {
    let upstream = Upstream::echo();
    let setup = AGENTKANBAN.setup(&upstream).environment("AGENTKANBAN_MAX", "2");
    let setup = setup.environment("AGENTKANBAN_WINDOW", "2s");
    let kanban = organisations(AGENTKANBAN.started(setup, upstream));
    let (_, secret) = key(&kanban, "ann", &json!({ "limits": { "per-key": 1 } }));
    let (_, sibling) = key(&kanban, "ann", &json!({}));
    let response = ask(&kanban, "GET", "/boards", &secret);
    assert_eq!(response.field("ratelimit-policy"), Some(r#""per-key";q=1;w=2"#));
    let over = loop {
        let response = ask(&kanban, "GET", "/boards", &secret);
        if response.status != 200 {
            break response;
        }
    };
    refused(&over, 429, r#"{"error":{"code":"rate_limited","message":"Rate limit exceeded"}}"#);
    let seconds: u64 = over.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert_eq!(ask(&kanban, "GET", "/boards", &sibling).status, 200);
    // The page says when, so it is so.
    let mut quiet = kanban.gateway.connect();
    assert!(quiet.is_quiet_for(std::time::Duration::from_secs(seconds)));
    assert_eq!(ask(&kanban, "GET", "/boards", &secret).status, 200);
}

/// AK-10: the application hears which key it was, and drops its webhooks.
#[test]
fn a_revocation_is_an_event_and_webhooks_reach_the_application_with_the_id_of_their_key() {
    let kanban = kanban();
    let (id, secret) = key(&kanban, "ann", &json!({}));
    let bearer = format!("Bearer {secret}");
    let hook = r#"{"url":"https://example.com/hook","events":["task.created"]}"#;
    let sent = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let echo = kanban.send("POST", "/api/ext/v1/webhooks", &sent, hook).echo();
    assert_eq!((echo.field("x-credential-id").as_deref(), echo.body()), (Some(&*id), hook));
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let mut events = Client::connect(kanban.gateway.address("admin"));
    events.send(request("GET", "/v1/events", &[("authorization", &authorization)], ""));
    events.head();
    kanban.revoke(&id);
    let mut read = String::new();
    while !(read.contains("event: credential.revoked") && read.contains(&id)) {
        read.push_str(&String::from_utf8(events.some()).unwrap());
    }
    assert!(read.contains(r#""api":"agentkanban""#), "{read}");
    assert_eq!(ask(&kanban, "GET", "/webhooks", &secret).status, 401);
}

/// AK-14: no page speaks of an end.
#[test]
fn a_key_never_expires_and_none_is_made_that_does() {
    let clock = WallClock::at("2026-11-22T15:00:00Z");
    let upstream = Upstream::echo();
    let setup = clock.of(AGENTKANBAN.setup(&upstream), "UTC0");
    let kanban = organisations(AGENTKANBAN.started(setup, upstream));
    let keys = [json!({}), json!({ "lifetime": "never" })].map(|end| key(&kanban, "ann", &end).1);
    for end in [
        json!({ "lifetime": "30d" }),
        json!({ "expires_on": "2030-01-01" }),
        json!({ "expires_at": "2030-01-01T00:00:00Z" }),
    ] {
        assert_eq!(order(&kanban, &end).0, 422, "{end}");
    }
    clock.set("2036-11-22T15:00:00Z");
    for secret in &keys {
        assert_eq!(ask(&kanban, "GET", "/boards", secret).status, 200);
    }
}
