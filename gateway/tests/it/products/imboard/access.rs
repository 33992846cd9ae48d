//! What a token may do: what its user may, which is the application's to say, but for a few things that are asked here.

use serde_json::{Value, json};

use super::super::support::Fronted;
use super::{IMBOARD, ask, get, refused, token};

/// The paths of the product's reference.
const PATHS: [&str; 8] = [
    "/api/v1/me",
    "/api/v1/boards",
    "/api/v1/boards/board_1",
    "/api/v1/boards/board_1/members",
    "/api/v1/boards/board_1/meetings",
    "/api/v1/boards/board_1/documents",
    "/api/v1/boards/board_1/reports",
    "/api/v1/boards/board_1/reports/report_1/dashboards",
];

/// A token with these scopes, of the later edition.
#[track_caller]
fn scoped(imboard: &Fronted, scopes: &Value) -> String {
    token(imboard, &json!({ "scopes": scopes })).1
}

/// The board's record, which the application registers only to have its billing state enforced here.
#[track_caller]
fn board(imboard: &Fronted, state: &str) {
    imboard.change("PUT", "resources/board_1", &json!({ "kind": "board", "state": state }));
}

/// IMB-1, IMB-12, IMB-21: no scopes, no grants: whatever there is, for whoever the application knows.
#[test]
fn a_token_reaches_every_resource_as_its_user() {
    let imboard = IMBOARD.echoing();
    let (id, secret) = token(&imboard, &json!({}));
    for path in PATHS {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let told = ask(&imboard, method, &format!("{path}?limit=20"), &secret).echo();
            assert_eq!((told.method(), told.target()), (method, &*format!("{path}?limit=20")));
            assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
            assert_eq!(told.field("x-credential-id"), Some(id.clone()));
            assert_eq!(told.field("x-credential-scheme").as_deref(), Some("pat"));
            assert_eq!(told.field("x-grants").as_deref(), Some("*"));
            assert_eq!(told.field("x-scopes"), None);
            let board = path.contains("board_1").then_some("board_1");
            assert_eq!(told.field("x-board-id").as_deref(), board);
            assert_eq!(told.field("authorization"), None);
        }
    }
}

/// IMB-1: the token's place is the one that the page names, and a token in no other is one.
#[test]
fn a_token_anywhere_else_is_no_token() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    for name in ["X-API-Key", "X-Access-Token", "Cookie", "Proxy-Authorization"] {
        refused(&imboard, &imboard.get("/api/v1/me", &[(name, &secret)]), "credential_missing");
    }
    let query = imboard.get(&format!("/api/v1/me?access_token={secret}"), &[]);
    refused(&imboard, &query, "credential_missing");
    assert_eq!(imboard.seen(), 0);
}

/// IMB-4: nobody's token but a board's own, to read, unless it was registered for more.
#[test]
fn a_board_token_is_good_for_its_board_and_reads_it() {
    let imboard = IMBOARD.echoing();
    imboard.change("PUT", "subjects/service_1", &json!({ "kind": "service" }));
    let (_, secret) = imboard.create(&json!({
        "scheme": "bat", "subject": "service_1", "lifetime": "never", "grants": { "board_1": "read" },
    }));
    assert!(secret.starts_with("imb_bat_"));
    for path in &PATHS[2..] {
        let told = get(&imboard, path, &secret).echo();
        assert_eq!(told.field("x-grants").as_deref(), Some("board_1=read"));
        assert_eq!(told.field("x-level").as_deref(), Some("read"));
        refused(&imboard, &ask(&imboard, "POST", path, &secret), "level_insufficient");
        let other = path.replace("board_1", "board_2");
        refused(&imboard, &get(&imboard, &other, &secret), "resource_forbidden");
    }
    for path in &PATHS[..2] {
        refused(&imboard, &get(&imboard, path, &secret), "scheme_not_accepted");
    }
    assert_eq!(imboard.seen(), PATHS.len() - 2);
}

/// IMB-13: `resource:action`, reading and writing apart.
#[test]
fn a_token_with_scopes_may_what_they_say() {
    let imboard = IMBOARD.echoing();
    let writes_boards = scoped(&imboard, &json!(["boards:write"]));
    refused(&imboard, &get(&imboard, "/api/v1/boards", &writes_boards), "scope_insufficient");
    refused(&imboard, &get(&imboard, "/api/v1/boards/", &writes_boards), "scope_insufficient");
    let told = ask(&imboard, "POST", "/api/v1/boards", &writes_boards).echo();
    assert_eq!(told.field("x-scopes").as_deref(), Some("boards:write"));
    for path in &PATHS[3..] {
        refused(&imboard, &ask(&imboard, "POST", path, &writes_boards), "scope_insufficient");
    }
    let reads_meetings = scoped(&imboard, &json!(["meetings:read"]));
    let meetings = "/api/v1/boards/board_1/meetings";
    assert_eq!(get(&imboard, meetings, &reads_meetings).status, 200);
    assert_eq!(get(&imboard, &format!("{meetings}/meeting_1"), &reads_meetings).status, 200);
    refused(&imboard, &ask(&imboard, "POST", meetings, &reads_meetings), "scope_insufficient");
    refused(
        &imboard,
        &get(&imboard, "/api/v1/boards/board_1", &reads_meetings),
        "scope_insufficient",
    );
    // What the file does not know is not theirs, and what needs no permission is.
    refused(&imboard, &get(&imboard, "/api/v1/new-things", &reads_meetings), "scope_insufficient");
    assert_eq!(get(&imboard, "/api/v1/me", &reads_meetings).status, 200);
    let (_, without) = token(&imboard, &json!({}));
    assert_eq!(get(&imboard, "/api/v1/new-things", &without).status, 200);
}

/// IMB-12, IMB-14: roles are the application's, which is asked each time: nothing of them is kept here.
#[test]
fn a_role_that_changes_is_the_applications_to_know() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let record = imboard.gateway.admin("GET", "/v1/subjects/user_1", &Value::Null);
    assert_eq!(record.0, 404, "no record of the user is needed");
    for _ in 0..2 {
        let told = ask(&imboard, "DELETE", "/api/v1/boards/board_1", &secret).echo();
        assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
    }
}

/// IMB-15: it blocks operations, of that board, at once.
#[test]
fn a_board_whose_billing_restricts_it_may_be_read_and_not_written() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    board(&imboard, "ok");
    let restricted = |path: &str, method: &str| ask(&imboard, method, path, &secret);
    for path in &PATHS[2..] {
        assert_eq!(restricted(path, "POST").status, 200);
    }
    board(&imboard, "restricted");
    for path in &PATHS[2..] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            refused(&imboard, &restricted(path, method), "resource_restricted");
        }
        let told = restricted(path, "GET").echo();
        assert_eq!(told.field("x-board-id").as_deref(), Some("board_1"));
        assert_eq!(restricted(&path.replace("board_1", "board_2"), "POST").status, 200);
    }
    for path in &PATHS[..2] {
        assert_eq!(restricted(path, "POST").status, 200, "they name no board");
    }
    board(&imboard, "locked");
    refused(&imboard, &restricted(PATHS[2], "GET"), "resource_restricted");
    board(&imboard, "ok");
    assert_eq!(restricted(PATHS[2], "POST").status, 200);
}

/// IMB-17: whether there is such a board, and whether the user may know of it, is not pre-empted.
#[test]
fn a_board_that_the_gateway_knows_nothing_of_is_the_applications_to_refuse() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    for method in ["GET", "POST"] {
        let told = ask(&imboard, method, "/api/v1/boards/of-somebody-else", &secret).echo();
        assert_eq!(told.field("x-board-id").as_deref(), Some("of-somebody-else"));
    }
    // What it does know, it says as the product does.
    imboard.change("PUT", "resources/company", &json!({ "kind": "company" }));
    imboard.change("PUT", "resources/board_1", &json!({ "kind": "board", "parent": "company" }));
    imboard.change("DELETE", "resources/company", &Value::Null);
    refused(&imboard, &get(&imboard, "/api/v1/boards/board_1", &secret), "resource_unknown");
}

/// IMB-16: "all API calls fail with 403", also those that are over their limit, and no other user's.
#[test]
fn every_call_of_a_suspended_or_inactive_account_fails_with_403() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let (_, over) = token(&imboard, &json!({ "limits": { "per-token": 1 } }));
    let (_, other) = token(&imboard, &json!({ "subject": "user_2" }));
    assert_eq!(get(&imboard, "/api/v1/me", &over).status, 200);
    refused(&imboard, &get(&imboard, "/api/v1/me", &over), "rate_exceeded");
    for (state, outcome) in [("suspended", "subject_suspended"), ("inactive", "subject_inactive")] {
        assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200);
        imboard.change("PUT", "subjects/user_1", &json!({ "kind": "user", "state": state }));
        for path in PATHS {
            refused(&imboard, &get(&imboard, path, &secret), outcome);
            refused(&imboard, &ask(&imboard, "POST", path, &secret), outcome);
        }
        refused(&imboard, &get(&imboard, "/api/v1/me", &over), outcome);
        assert_eq!(get(&imboard, "/api/v1/me", &other).status, 200);
        imboard.change("PATCH", "subjects/user_1", &json!({ "state": "active" }));
    }
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200, "at once");
}

/// IMB-16: whose token is dead is told that first.
#[test]
fn a_dead_token_of_a_suspended_account_is_an_invalid_token() {
    let imboard = IMBOARD.echoing();
    let (id, secret) = token(&imboard, &json!({}));
    imboard.change("PUT", "subjects/user_1", &json!({ "state": "suspended" }));
    refused(&imboard, &get(&imboard, "/api/v1/me", &secret), "subject_suspended");
    imboard.revoke(&id);
    refused(&imboard, &get(&imboard, "/api/v1/me", &secret), "credential_revoked");
}

/// The web application: nobody is asked who they are, and nobody is believed.
#[test]
fn pages_pass_with_what_they_were_sent_but_for_identity() {
    let imboard = IMBOARD.echoing();
    let fields = [
        ("Authorization", "Bearer eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"),
        ("Cookie", "session=s1; theme=dark"),
        ("X-User-Id", "user_1"),
        ("X-Board-Id", "board_1"),
        ("X-Grants", "*"),
        ("X-Anything", "kept"),
    ];
    for target in
        ["/", "/login?next=%2Fboards", "/account/api-access", "/api/health", "/api/v10/me"]
    {
        let told = imboard.send("POST", target, &fields, "body").echo();
        assert_eq!((told.target(), told.body()), (target, "body"));
        assert_eq!(told.field("authorization").as_deref(), Some(fields[0].1));
        assert_eq!(told.field("cookie").as_deref(), Some(fields[1].1));
        assert_eq!(told.field("x-anything").as_deref(), Some("kept"));
        for name in ["x-user-id", "x-board-id", "x-grants", "x-credential-id"] {
            assert_eq!(told.field(name), None, "{name}");
        }
    }
}
