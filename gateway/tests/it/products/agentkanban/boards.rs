//! Boards, levels and grants: rows AK-3 to AK-6, AK-12 and AK-13.

use serde_json::{Value, json};

use super::{AGENTKANBAN, NO_ACCESS, NO_EDIT};
use super::{ask, kanban, key, organisations, refused};
use crate::support::gateway::ADMIN_TOKEN;
use crate::support::upstream::Connection;
use crate::support::{Client, Upstream, request};

const READING: [&str; 3] = ["GET", "HEAD", "OPTIONS"];
const EDITING: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
const UNKNOWN: &str = r#"{"error":{"code":"not_found","message":"Board not found"}}"#;

/// What a key may do with a board: nothing, read, or edit as well. Every method is asked.
#[track_caller]
fn level(kanban: &super::Fronted, secret: &str, target: &str) -> &'static str {
    let bearer = format!("Bearer {secret}");
    let target = format!("/api/ext/v1{target}");
    let mut client = kanban.gateway.connect();
    let mut status = |method: &str| {
        client.send(kanban.request(method, &target, &[("Authorization", &bearer)], ""));
        if method == "HEAD" { client.response_to_head().status } else { client.response().status }
    };
    let read = READING.map(&mut status);
    let edit = EDITING.map(&mut status);
    match (read, edit) {
        ([200, 200, 200], [200, 200, 200, 200]) => "edit",
        ([200, 200, 200], [403, 403, 403, 403]) => "read",
        ([403, 403, 403], [403, 403, 403, 403]) => "none",
        found => panic!("{target}: {found:?}"),
    }
}

/// AK-3, AK-5: the least of the two, on each board.
#[test]
fn an_all_boards_key_may_on_each_board_what_it_and_its_owner_both_may() {
    let kanban = kanban();
    for (owner, ceiling, board, expected) in [
        ("ann", json!(null), "board_1", "edit"),
        ("ann", json!("edit"), "board_1", "edit"),
        ("ann", json!("read"), "board_1", "read"),
        ("bob", json!("edit"), "board_1", "read"),
        ("bob", json!("read"), "board_1", "read"),
        ("bob", json!("edit"), "board_2", "edit"),
        ("ann", json!("edit"), "board_2", "none"),
    ] {
        let (_, secret) = key(&kanban, owner, &json!({ "ceiling": ceiling }));
        for tail in ["", "/lanes", "/lanes/1/tasks/2"] {
            let found = level(&kanban, &secret, &format!("/boards/{board}{tail}"));
            assert_eq!(found, expected, "{owner} {ceiling} {board}{tail}");
        }
    }
    let (_, secret) = key(&kanban, "bob", &json!({ "ceiling": "edit" }));
    refused(&ask(&kanban, "POST", "/boards/board_1/lanes", &secret), 403, NO_EDIT);
    let (_, secret) = key(&kanban, "ann", &json!({}));
    refused(&ask(&kanban, "GET", "/boards/board_2", &secret), 403, NO_ACCESS);
}

/// AK-3: "boards you gain access to in the future", by membership or because they are new; never those of another organisation.
#[test]
fn an_all_boards_key_follows_its_owner_to_every_board_of_its_organisation() {
    let kanban = kanban();
    let (_, secret) = key(&kanban, "ann", &json!({}));
    let member = "resources/board_2/members/ann";
    for (at, expected) in [("read", "read"), ("edit", "edit")] {
        kanban.change("PUT", member, &json!({ "level": at }));
        assert_eq!(level(&kanban, &secret, "/boards/board_2"), expected);
    }
    kanban.change("DELETE", member, &Value::Null);
    assert_eq!(level(&kanban, &secret, "/boards/board_2"), "none");
    refused(&ask(&kanban, "GET", "/boards/board_3", &secret), 404, UNKNOWN);
    let record = json!({ "kind": "board", "parent": "org_1", "members": { "ann": "edit" } });
    kanban.change("PUT", "resources/board_3", &record);
    assert_eq!(level(&kanban, &secret, "/boards/board_3"), "edit");
    // Ann may edit it, with a key of its own organisation.
    refused(&ask(&kanban, "GET", "/boards/board_9", &secret), 403, NO_ACCESS);
}

/// AK-3: the last one who leaves leaves nobody, not everybody.
#[test]
fn a_board_that_nobody_is_a_member_of_is_nobodys() {
    let kanban = kanban();
    let (_, secret) = key(&kanban, "bob", &json!({}));
    kanban.change("DELETE", "resources/board_2/members/bob", &Value::Null);
    assert_eq!(level(&kanban, &secret, "/boards/board_2"), "none");
}

/// AK-3, AK-5: a grant gives no more than its owner has.
#[test]
fn a_per_board_key_reaches_the_boards_that_it_names_and_no_others() {
    let kanban = kanban();
    for (owner, fields, board, expected) in [
        ("ann", json!({ "grants": { "board_1": "edit" } }), "board_1", "edit"),
        ("ann", json!({ "grants": { "board_1": "read" } }), "board_1", "read"),
        ("ann", json!({ "grants": { "board_1": "edit" }, "ceiling": "read" }), "board_1", "read"),
        ("bob", json!({ "grants": { "board_1": "edit" } }), "board_1", "read"),
        ("bob", json!({ "grants": { "board_1": "edit" } }), "board_2", "none"),
        ("ann", json!({ "grants": { "board_2": "edit" } }), "board_2", "none"),
        ("ann", json!({ "grants": { "board_9": "edit" } }), "board_9", "none"),
        ("ann", json!({ "grants": {} }), "board_1", "none"),
    ] {
        let (_, secret) = key(&kanban, owner, &fields);
        let found = level(&kanban, &secret, &format!("/boards/{board}"));
        assert_eq!(found, expected, "{owner} {fields} {board}");
    }
}

/// AK-3: whatever else a router may take for a board of others.
#[test]
fn a_per_board_key_is_let_in_nowhere_that_is_not_known() {
    let kanban = kanban();
    let (_, some) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    for target in ["/Boards/board_9", "/boards;x=1/board_9", "/boards/", "/tasks/1", ""] {
        assert_eq!(level(&kanban, &some, target), "none", "{target}");
    }
    assert_eq!(level(&kanban, &some, "/boards"), "edit");
}

/// AK-4: a Read key changes nothing on routes that name no board either.
#[test]
fn a_read_key_lists_and_an_edit_key_also_creates() {
    let kanban = kanban();
    let (_, read) = key(&kanban, "ann", &json!({ "ceiling": "read" }));
    let (_, edit) = key(&kanban, "ann", &json!({}));
    for target in ["/boards", "/webhooks", "/webhooks/1", "/tasks/1", ""] {
        assert_eq!(level(&kanban, &read, target), "read", "{target}");
        assert_eq!(level(&kanban, &edit, target), "edit", "{target}");
        refused(&ask(&kanban, "POST", target, &read), 403, NO_EDIT);
    }
}

/// AK-6: each change holds for the next request, at what is in the cache.
#[test]
fn grants_are_added_changed_and_taken_away_while_the_key_is_in_use() {
    let kanban = kanban();
    kanban.change("PUT", "resources/board_2/members/ann", &json!({ "level": "edit" }));
    let (id, secret) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    let may = |board: &str| level(&kanban, &secret, &format!("/boards/{board}"));
    let grant = |board: &str| format!("credentials/{id}/grants/{board}");
    assert_eq!((may("board_1"), may("board_2")), ("edit", "none"));
    kanban.change("PUT", &grant("board_1"), &json!({ "level": "read" }));
    assert_eq!((may("board_1"), may("board_2")), ("read", "none"));
    kanban.change("PUT", &grant("board_2"), &json!({ "level": "edit" }));
    assert_eq!((may("board_1"), may("board_2")), ("read", "edit"));
    kanban.change("DELETE", &grant("board_1"), &Value::Null);
    assert_eq!((may("board_1"), may("board_2")), ("none", "edit"));
    let saved = json!({ "grants": { "board_1": "edit", "board_2": "read" } });
    kanban.change("PATCH", &format!("credentials/{id}"), &saved);
    assert_eq!((may("board_1"), may("board_2")), ("edit", "read"));
    for board in ["board_1", "board_2"] {
        kanban.change("DELETE", &grant(board), &Value::Null);
    }
    assert_eq!((may("board_1"), may("board_2")), ("none", "none"), "none left is none");
}

/// AK-6: and one of some boards does not become one of all.
#[test]
fn an_all_boards_key_has_no_grants_to_manage() {
    let kanban = kanban();
    let (all, _) = key(&kanban, "ann", &json!({}));
    let (some, _) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    for (method, path, body) in [
        ("PUT", format!("/v1/credentials/{all}/grants/board_1"), json!({ "level": "read" })),
        ("PATCH", format!("/v1/credentials/{all}"), json!({ "grants": { "board_1": "read" } })),
        ("PATCH", format!("/v1/credentials/{some}"), json!({ "grants": null })),
    ] {
        let (status, answer) = kanban.gateway.admin(method, &path, &body);
        assert_eq!((status, &answer["code"]), (409, &json!("grants_mode")), "{method} {path}");
    }
}

/// AK-12: it filters by what it is told.
#[test]
fn the_application_is_told_for_its_list_which_boards_a_key_has_and_with_which_permission() {
    let kanban = kanban();
    for (fields, expected) in [
        (json!({}), "*"),
        (json!({ "ceiling": "edit" }), "*=edit"),
        (json!({ "ceiling": "read" }), "*=read"),
        (
            json!({ "grants": { "board_1": "edit", "board_2": "read" } }),
            "board_1=edit,board_2=read",
        ),
        (
            json!({ "grants": { "board_1": "edit", "board_2": "read" }, "ceiling": "read" }),
            "board_1=read,board_2=read",
        ),
        (json!({ "grants": {} }), ""),
    ] {
        let (id, secret) = key(&kanban, "ann", &fields);
        let forged = [
            ("Authorization", &*format!("Bearer {secret}")),
            ("X-Grants", "*"),
            ("X-Level", "admin"),
        ];
        let echo = kanban.get("/api/ext/v1/boards", &forged).echo();
        assert_eq!(echo.all("x-grants"), [expected], "{fields}");
        assert_eq!(echo.all("x-level"), [""; 0], "no board, no level");
        assert_eq!(echo.all("x-credential-id"), [id]);
    }
}

/// AK-12: "the key automatically gets edit access to the new board": the application says so before it answers.
#[test]
fn a_board_that_a_key_creates_is_the_keys_own_from_the_answer_on() {
    let admin = std::sync::Arc::new(std::sync::OnceLock::new());
    let address = std::sync::Arc::clone(&admin);
    let upstream = Upstream::scripted(move |connection: &mut Connection| {
        while let Some(received) = connection.request() {
            if received.method == "POST" && received.target == "/api/ext/v1/boards" {
                let key = received.field("x-credential-id").unwrap();
                let (org, owner) =
                    (received.field("x-org-id"), received.field("x-subject-id").unwrap());
                let board = json!({ "kind": "board", "parent": org, "members": { owner: "edit" } });
                let authorization = format!("Bearer {ADMIN_TOKEN}");
                for (path, body) in [
                    ("/v1/resources/board_new".to_owned(), board),
                    (format!("/v1/credentials/{key}/grants/board_new"), json!({ "level": "edit" })),
                ] {
                    let fields = [
                        ("authorization", &*authorization),
                        ("content-type", "application/json"),
                        ("connection", "close"),
                    ];
                    let bytes = request("PUT", &path, &fields, &body.to_string());
                    let answer = Client::connect(*address.get().unwrap()).send(bytes).response();
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
                let created = r#"{"data":{"id":"board_new"}}"#;
                let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n";
                connection
                    .write(format!("{head}Content-Length: {}\r\n\r\n{created}", created.len()));
            } else {
                connection.write("HTTP/1.1 204 No Content\r\n\r\n");
            }
        }
    });
    let kanban = organisations(AGENTKANBAN.before(upstream));
    admin.set(kanban.gateway.address("admin")).unwrap();
    let (_, secret) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    refused(&ask(&kanban, "GET", "/boards/board_new", &secret), 404, UNKNOWN);
    let created = ask(&kanban, "POST", "/boards", &secret);
    assert_eq!((created.status, &*created.text()), (201, r#"{"data":{"id":"board_new"}}"#));
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(ask(&kanban, method, "/boards/board_new", &secret).status, 204, "{method}");
    }
    let (_, sibling) = key(&kanban, "ann", &json!({ "grants": { "board_1": "edit" } }));
    refused(&ask(&kanban, "GET", "/boards/board_new", &sibling), 403, NO_ACCESS);
}

/// AK-13: a board is the segment after `boards`, however it is spelled.
#[test]
fn a_board_is_named_by_the_path_and_a_path_of_two_meanings_is_refused() {
    let kanban = kanban();
    let (_, secret) = key(&kanban, "ann", &json!({ "grants": { "board_1": "read" } }));
    for target in
        ["/boards/board_1", "/boards/board_1/", "/boards/board_1/lanes", "/boards/%62oard_1/lanes"]
    {
        let echo = ask(&kanban, "GET", target, &secret).echo();
        assert_eq!(echo.field("x-resource-id").as_deref(), Some("board_1"), "{target}");
        assert_eq!(echo.field("x-level").as_deref(), Some("read"), "{target}");
    }
    refused(&ask(&kanban, "GET", "/boards/board_2/lanes", &secret), 403, NO_ACCESS);
    refused(&ask(&kanban, "GET", "/boards/nobody-has-it", &secret), 404, UNKNOWN);
    let malformed = r#"{"error":{"code":"bad_request","message":"The request is malformed"}}"#;
    for target in [
        "//boards/board_2",
        "/boards/board_1/../board_2",
        "/boards/board_1%2f..%2fboard_2",
        "/boards//board_2",
    ] {
        refused(&ask(&kanban, "GET", target, &secret), 400, malformed);
    }
}

/// AK-13: and the web application on the same host is open to everybody, who is nobody there.
#[test]
fn everything_under_the_apis_prefixes_needs_a_key_and_the_web_application_beside_it_none() {
    let kanban = kanban();
    for target in [
        "/api/ext",
        "/api/ext/",
        "/api/ext/v1",
        "/api/%65xt/v9/x",
        "/api/mcp",
        "/api/mcp/v1",
        "/api/mcp/v1/x",
    ] {
        assert_eq!(kanban.get(target, &[]).status, 401, "{target}");
    }
    assert_eq!(kanban.seen(), 0);
    let forged = [
        ("X-Subject-Id", "ann"),
        ("X-Org-Id", "org_1"),
        ("X-Grants", "*"),
        ("X-Credential-Id", "crd_1"),
    ];
    for target in ["/", "/api/auth/session", "/api/extra", "/boards/board_1"] {
        let own = [("Authorization", "Bearer of-the-web-application"), ("Cookie", "session=1")];
        let echo = kanban.get(target, &[&own[..], &forged].concat()).echo();
        assert_eq!(echo.field("authorization").as_deref(), Some(own[0].1), "{target}");
        assert_eq!(echo.field("cookie").as_deref(), Some("session=1"), "{target}");
        for (name, _) in forged {
            assert_eq!(echo.all(name), [""; 0], "{target}: {name}");
        }
    }
}
