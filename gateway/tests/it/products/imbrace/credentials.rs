//! Keys and tokens: where they may be, which of several counts, how long they are good.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::*;
use crate::support::{instant_after, until};

/// IM-1: the page's header reference.
#[test]
fn an_api_key_in_x_api_key_is_its_one_service_user() {
    let imbrace = echoing();
    let (id, secret) = key(&imbrace, &json!({}));
    assert!(secret.starts_with("api_"));
    let answer = with_key(&imbrace, "GET", "/data-board/boards?limit=20&skip=0", &secret);
    assert_eq!(told(&answer), of("org_1", "u_1"));
    let echo = answer.echo();
    assert_eq!(echo.target(), "/api/boards?limit=20&skip=0");
    assert_eq!(echo.field("x-credential-id").as_deref(), Some(&*id));
    assert_eq!(echo.field("x-credential-scheme").as_deref(), Some("api-key"));
    assert_eq!(echo.field("x-api-key"), None);
}

/// IM-1: "doesn't expire on its own", but an end that whoever made it asked for is kept to, to the instant.
#[test]
fn a_key_has_no_end_unless_it_was_given_one() {
    let imbrace = echoing();
    let (id, _) = key(&imbrace, &json!({}));
    assert!(
        imbrace.change("GET", &format!("credentials/{id}"), &json!(null))["expires_at"].is_null()
    );
    for lifetime in ["10d", "365d", "1d"] {
        key(&imbrace, &json!({ "lifetime": lifetime }));
    }
    let (end, written) = instant_after(Duration::from_millis(1500));
    let (_, secret) = key(&imbrace, &json!({ "lifetime": null, "expires_at": written }));
    ends_at(end, || with_key(&imbrace, "GET", "/data-board/boards", &secret).status);
    let over = with_key(&imbrace, "GET", "/data-board/boards", &secret);
    refused(&imbrace, &over, "credential_expired", 401, BAD_KEY);
}

/// Asks until it is 401, which is never before `end`, and never not so after it.
#[expect(clippy::disallowed_methods, reason = "credentials end by the wall clock")]
#[track_caller]
fn ends_at(end: SystemTime, status: impl Fn() -> u16) {
    until(|| {
        let before = SystemTime::now();
        let status = status();
        let after = SystemTime::now();
        match status {
            200 => assert!(before < end, "good after its end"),
            401 => assert!(after >= end, "over before its end"),
            _ => panic!("{status}"),
        }
        status == 401
    });
}

/// IM-2: the page's header reference. A session has an end: 30 days, or an instant of the application's.
#[test]
fn an_access_token_in_x_access_token_is_its_user_and_has_an_end() {
    let imbrace = echoing();
    let (_, secret) = token(&imbrace, &json!({ "secret": "acc_xxxxxxxxxxxxx" }));
    assert_eq!(secret, "");
    let answer = with_token(&imbrace, "GET", "/data-board/boards", "acc_xxxxxxxxxxxxx");
    assert_eq!(told(&answer), of("org_2", "u_2"));
    assert_eq!(answer.echo().field("x-access-token"), None);
    for lifetime in ["never", "90d", "31d"] {
        let body = json!({ "scheme": "access-token", "subject": "u_2", "org": "org_2", "lifetime": lifetime });
        let (status, answer) =
            imbrace.gateway.admin("POST", "/v1/credentials", &imbrace.credential(&body));
        assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("lifetime")));
    }
    let (end, written) = instant_after(Duration::from_millis(1500));
    let (_, secret) = token(&imbrace, &json!({ "lifetime": null, "expires_at": written }));
    ends_at(end, || with_token(&imbrace, "GET", "/data-board/boards", &secret).status);
    let over = with_token(&imbrace, "GET", "/data-board/boards", &secret);
    refused(&imbrace, &over, "credential_expired", 401, BAD_TOKEN);
}

/// IM-5: as the streaming calls of the SDK and MCP clients send them, without an organisation beside them.
#[test]
fn a_key_or_a_token_may_come_as_a_bearer_and_is_its_own_by_its_prefix() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    for target in ["/v3/ai/completions", "/mcp", "/data-board/boards"] {
        for (secret, who) in [(&api, of("org_1", "u_1")), (&acc, of("org_2", "u_2"))] {
            let bearer = [("Authorization", &*format!("Bearer {secret}"))];
            let answer = imbrace.send("POST", target, &bearer, "{}");
            assert_eq!(told(&answer), who, "{target}");
            assert_eq!(answer.echo().field("authorization"), None);
        }
    }
    // Each has its own header: in the other's it is nobody's.
    let swapped = imbrace.get("/data-board/boards", &[("x-api-key", &acc)]);
    refused(&imbrace, &swapped, "credential_unknown", 401, BAD_TOKEN);
    let swapped = imbrace.get("/data-board/boards", &[("x-access-token", &api)]);
    refused(&imbrace, &swapped, "credential_unknown", 401, BAD_TOKEN);
}

/// IM-5, IM-6: the TypeScript SDK sends both headers, the streaming calls send a key and a bearer.
#[test]
fn of_a_key_and_a_token_the_key_counts_be_it_good_or_not() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    let bearer = format!("Bearer {acc}");
    for other in [("x-access-token", &*acc), ("authorization", &*bearer)] {
        for fields in [[("x-api-key", &*api), other], [other, ("x-api-key", &*api)]] {
            let answer = imbrace.get("/data-board/boards", &fields);
            assert_eq!(told(&answer), of("org_1", "u_1"));
            for name in ["x-api-key", "x-access-token", "authorization"] {
                assert_eq!(answer.echo().field(name), None);
            }
        }
        let dead = imbrace.get("/data-board/boards", &[("x-api-key", "api_dead"), other]);
        refused(&imbrace, &dead, "credential_unknown", 401, BAD_KEY);
    }
    // The token counts where no key is accepted.
    let fields = [("x-api-key", &*api), ("x-access-token", &*acc)];
    assert_eq!(told(&imbrace.get("/ai-agent/chat-client/chats", &fields)), of("org_2", "u_2"));
}

/// IM-1, IM-2: a key that is revoked, disabled or deleted is as unknown as one that there never was, at once.
#[test]
fn what_is_taken_back_is_refused_in_the_words_of_what_never_was() {
    let imbrace = echoing();
    let target = "/data-board/boards";
    for (outcome, method, path, body) in [
        ("credential_revoked", "POST", "/revoke", json!(null)),
        ("credential_disabled", "PATCH", "", json!({ "disabled": true })),
        ("credential_unknown", "DELETE", "", json!(null)),
    ] {
        let ((key_id, api), (token_id, acc)) =
            (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
        let (sibling_id, sibling) = key(&imbrace, &json!({}));
        assert_eq!(with_key(&imbrace, "GET", target, &api).status, 200);
        assert_eq!(with_token(&imbrace, "GET", target, &acc).status, 200);
        for id in [key_id, token_id] {
            imbrace.change(method, &format!("credentials/{id}{path}"), &body);
        }
        refused(&imbrace, &with_key(&imbrace, "GET", target, &api), outcome, 401, BAD_KEY);
        refused(&imbrace, &with_token(&imbrace, "GET", target, &acc), outcome, 401, BAD_TOKEN);
        assert_eq!(with_key(&imbrace, "GET", target, &sibling).status, 200);
        imbrace.revoke(&sibling_id);
        assert_eq!(with_key(&imbrace, "GET", target, &sibling).status, 401);
    }
    let never = with_key(&imbrace, "GET", target, "api_never");
    refused(&imbrace, &never, "credential_unknown", 401, BAD_KEY);
    let never = with_token(&imbrace, "GET", target, "acc_never");
    refused(&imbrace, &never, "credential_unknown", 401, BAD_TOKEN);
}

/// IM-10: "only meaningful under an access token".
#[test]
fn documents_and_chats_of_a_user_take_an_access_token_and_no_key() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    for target in ["/ai-agent/chat-client/documents", "/ai-agent/chat-client/chats/chat_1/votes"] {
        assert_eq!(told(&with_token(&imbrace, "GET", target, &acc)), of("org_2", "u_2"));
        let refusal = with_key(&imbrace, "GET", target, &api);
        refused(&imbrace, &refusal, "scheme_not_accepted", 401, TOKEN_ONLY);
    }
    // Most resources accept either.
    for target in ["/data-board/boards", "/ai-agent/assistants/a_1", "/channel-service/v1/channels"]
    {
        assert_eq!(told(&with_key(&imbrace, "GET", target, &api)), of("org_1", "u_1"));
        assert_eq!(told(&with_token(&imbrace, "GET", target, &acc)), of("org_2", "u_2"));
    }
}
