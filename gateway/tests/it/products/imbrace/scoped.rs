//! Scoped keys: which things of an organisation, and whether to read or to write.

use serde_json::json;

use super::*;

/// Of what a key can be for: its name, and a path of each that stands for it.
const THINGS: [(&str, &[&str]); 5] = [
    (
        "/board",
        &[
            "/data-board/boards",
            "/data-board/v2/boards",
            "/v1/backend/board/b_1",
            "/3rd/boards/b_1",
        ],
    ),
    (
        "/channels",
        &[
            "/channel-service/v1/channels",
            "/v1/backend/channels/c_1",
            "/3rd/channels/c_1",
            "/3rd/organization/org_1/channels",
        ],
    ),
    (
        "/conversation_message",
        &["/channel-service/v1/conversation_messages", "/v1/backend/conversation_messages"],
    ),
    ("/touchpoints", &["/channel-service/v1/touchpoints/t_1", "/v1/backend/touchpoints"]),
    ("/campaign", &["/channel-service/v1/campaign", "/v1/backend/campaign/c_1"]),
];

/// What no grant of those five is for.
const ELSEWHERE: [(&str, &str); 15] = [
    ("/platform", "/platform/v1/organizations/org_1/members"),
    ("/platform", "/v1/backend/organizations"),
    ("/third_party_token", "/platform/v2/third_party_token"),
    ("/platform", "/platform/v1/users/_me"),
    ("/platform", "/platform/v1/account"),
    ("/third_party_token", "/platform/v1/third_party_token"),
    ("/third_party_token", "/v1/platform/third_party_token"),
    ("/third_party_token", "/platform/v1/api_key_token"),
    ("/channel-service", "/channel-service/v1/contacts"),
    ("/ai", "/v3/ai/completions"),
    ("/files", "/files/v1/upload"),
    ("/mcp", "/mcp"),
    ("/services", "/v1/backend/workflows"),
    ("/activepieces", "/activepieces/api/v1/flows"),
    ("/3rd", "/3rd/conversations"),
];

/// IM-12: "GET = read, everything else = write", and the words of each refusal.
#[test]
fn a_scoped_key_reads_and_writes_what_it_was_granted_and_nothing_else() {
    let imbrace = echoing();
    for (thing, paths) in THINGS {
        let (_, reads) = key(&imbrace, &json!({ "grants": { thing: "read" } }));
        let (_, writes) = key(&imbrace, &json!({ "grants": { thing: "edit" } }));
        for path in paths {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                assert_eq!(
                    told(&with_key(&imbrace, method, path, &writes)),
                    of("org_1", "u_1"),
                    "{method} {path}"
                );
                let answer = with_key(&imbrace, method, path, &reads);
                if method == "GET" {
                    assert_eq!(answer.echo().field("x-grants"), Some(format!("{thing}=read")));
                } else {
                    let body = forbidden(&format!("Write permission required for {thing}"));
                    refused(&imbrace, &answer, "level_insufficient", 403, &body);
                }
            }
        }
        for (other, paths) in THINGS.iter().filter(|(other, _)| *other != thing) {
            let answer = with_key(&imbrace, "GET", paths[0], &writes);
            refused(
                &imbrace,
                &answer,
                "resource_forbidden",
                403,
                &forbidden(&format!("No permission for {other}")),
            );
        }
    }
}

/// IM-12: every route has its name, so that a scoped key can do nothing that nobody thought of, least of all make another key.
#[test]
fn a_scoped_key_is_let_in_nowhere_else_and_cannot_make_one_without_limits() {
    let imbrace = echoing();
    let all: serde_json::Map<_, _> =
        THINGS.iter().map(|(thing, _)| ((*thing).to_owned(), json!("admin"))).collect();
    let (_, scoped) = key(&imbrace, &json!({ "grants": all }));
    for (thing, path) in ELSEWHERE {
        let answer = with_key(&imbrace, "POST", path, &scoped);
        assert_eq!(
            (answer.status, &*imbrace.outcome(&answer)),
            (403, "resource_forbidden"),
            "{path}"
        );
        assert!(
            answer.text().contains(&format!("No permission for {thing}\"")),
            "{}",
            answer.text()
        );
    }
    // Nor where nothing can be granted: sockets are a user's.
    let answer = with_key(&imbrace, "GET", "/ws/socket", &scoped);
    refused(&imbrace, &answer, "scheme_not_accepted", 401, TOKEN_ONLY);
    assert_eq!(imbrace.seen(), 0);
}

/// IM-12: "empty = full access" is a key without grants here; one with empty grants may do nothing.
#[test]
fn a_key_without_grants_may_do_everything_and_one_whose_last_grant_is_gone_nothing() {
    let imbrace = echoing();
    let (_, full) = key(&imbrace, &json!({ "grants": null }));
    for path in
        THINGS.iter().flat_map(|(_, paths)| *paths).chain(ELSEWHERE.iter().map(|(_, path)| path))
    {
        assert_eq!(
            with_key(&imbrace, "POST", path, &full).echo().field("x-grants").as_deref(),
            Some("*"),
            "{path}"
        );
    }
    let (id, scoped) = key(&imbrace, &json!({ "grants": { "/board": "edit" } }));
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &scoped).status, 200);
    imbrace.change("DELETE", &format!("credentials/{id}/grants/%2Fboard"), &json!(null));
    let answer = with_key(&imbrace, "GET", "/data-board/boards", &scoped);
    refused(&imbrace, &answer, "resource_forbidden", 403, &forbidden("No permission for /board"));
}

/// IM-12: permissions can be edited, and what was said last holds for the next request.
#[test]
fn permissions_of_a_key_are_changed_while_it_is_in_use() {
    let imbrace = echoing();
    let (id, secret) = key(&imbrace, &json!({ "grants": { "/board": "read" } }));
    let post = || with_key(&imbrace, "POST", "/data-board/boards", &secret).status;
    let channels = || with_key(&imbrace, "GET", "/channel-service/v1/channels", &secret).status;
    assert_eq!((post(), channels()), (403, 403));
    imbrace.change(
        "PUT",
        &format!("credentials/{id}/grants/%2Fboard"),
        &json!({ "level": "edit" }),
    );
    assert_eq!((post(), channels()), (200, 403));
    let both = json!({ "grants": { "/board": "read", "/channels": "read" } });
    imbrace.change("PATCH", &format!("credentials/{id}"), &both);
    assert_eq!((post(), channels()), (403, 200));
    // A key for everything does not become one for something, nor the other way round.
    let (status, _) = imbrace.gateway.admin(
        "PATCH",
        &format!("/v1/credentials/{id}"),
        &json!({ "grants": null }),
    );
    assert_eq!(status, 409);
}

/// IM-12: a key whose ceiling is to read reads everything; an MCP client asks everything with POST, and its service is told.
#[test]
fn a_key_that_may_only_read_writes_nowhere_and_the_mcp_service_is_told_so() {
    let imbrace = echoing();
    let (_, secret) = key(&imbrace, &json!({ "ceiling": "read" }));
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &secret).status, 200);
    let answer = with_key(&imbrace, "DELETE", "/data-board/boards/b_1", &secret);
    refused(
        &imbrace,
        &answer,
        "level_insufficient",
        403,
        &forbidden("Write permission required for /board"),
    );
    let answer =
        imbrace.send("POST", "/mcp", &[("authorization", &format!("Bearer {secret}"))], "{}");
    assert_eq!(answer.echo().field("x-grants").as_deref(), Some("*=read"));
}
