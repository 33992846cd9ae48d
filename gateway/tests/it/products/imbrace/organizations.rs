//! The organisation of a request, and what services are told of who asks.

use serde_json::json;

use super::*;

/// IM-7: "resolves the org on every request from whichever credential you sent"; clients never pass it.
#[test]
fn each_request_is_of_its_credentials_one_organisation_whatever_the_client_says() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    let mut connection = imbrace.gateway.connect();
    let claims = [
        ("X-Organization-Id", "org_EVIL"),
        ("x-user-id", "u_EVIL"),
        ("organization-id", "org_EVIL"),
    ];
    for _ in 0..3 {
        for (credential, who) in [
            (("x-api-key", &*api), of("org_1", "u_1")),
            (("x-access-token", &*acc), of("org_2", "u_2")),
        ] {
            for claims in [&claims[..], &[]] {
                let fields = [claims, &[credential]].concat();
                connection.send(imbrace.request(
                    "GET",
                    "/data-board/boards?organizationId=org_EVIL",
                    &fields,
                    "",
                ));
                let answer = connection.response();
                assert_eq!(told(&answer), who);
                let echo = answer.echo();
                assert_eq!((echo.field("organization-id"), echo.field("user-id")), who);
            }
        }
    }
}

/// IM-7: "every API key and every access token is bound to exactly one org".
#[test]
fn a_key_or_a_token_without_an_organisation_is_not_registered() {
    let imbrace = echoing();
    for (scheme, lifetime) in [("api-key", "never"), ("access-token", "30d")] {
        let body = json!({ "scheme": scheme, "subject": "u_1", "lifetime": lifetime });
        let (status, answer) =
            imbrace.gateway.admin("POST", "/v1/credentials", &imbrace.credential(&body));
        assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("org")), "{scheme}");
    }
}

/// Every name in which a service might believe who is asking.
const CLAIMS: [&str; 9] = [
    "x-organization-id",
    "x-user-id",
    "organization-id",
    "user-id",
    "x-user-email",
    "user-email",
    "x-credential-id",
    "x-credential-scheme",
    "x-grants",
];

/// IM-8: on every route, public ones included.
#[test]
fn no_claim_of_a_clients_own_reaches_a_service_on_any_route() {
    let imbrace = echoing();
    let (_, api) = key(&imbrace, &json!({}));
    for target in [
        "/",
        "/platform/v1/login/authenticate",
        "/platform/v1/access/_exchange_access_token",
        "/v1/backend/sso/x",
        "/platform/v1/organizations",
        "/files/download/a",
        "/line-webhook",
        "/external-webhook/google",
        "/ws/socket",
        "/anything/else",
    ] {
        for name in CLAIMS {
            for spelled in [name.to_owned(), name.to_ascii_uppercase()] {
                let fields = [(&*spelled, "EVIL"), ("connection", &*spelled)];
                let echo = imbrace.get(target, &fields).echo();
                assert_eq!(echo.field(name), None, "{target}");
                assert_eq!(echo.field("x-proxy").as_deref(), Some("app-gateway"));
            }
        }
    }
    for target in [
        "/data-board/boards",
        "/platform/v1/account",
        "/channel-service/v1/channels",
        "/mcp",
        "/v3/ai/x",
    ] {
        let fields: Vec<_> = CLAIMS.iter().map(|name| (*name, "EVIL")).collect();
        let answer = imbrace.get(target, &[&fields[..], &[("x-api-key", &api)]].concat());
        assert_eq!(told(&answer), of("org_1", "u_1"), "{target}");
        let echo = answer.echo();
        assert!(CLAIMS.iter().all(|name| echo.all(name) != ["EVIL"]), "{target}");
        assert_eq!(echo.field("x-user-email"), None);
        assert_eq!(echo.field("x-proxy").as_deref(), Some("app-gateway"));
    }
}

/// IM-8: the platform looks at the credential, too: at the one that was verified; no other service sees any.
#[test]
fn the_platform_alone_is_sent_the_credential_and_only_the_one_that_counted() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    let both = [("x-api-key", &*api), ("x-access-token", &*acc), ("authorization", "Basic eDp5")];
    let names = ["x-api-key", "x-access-token", "authorization"];
    for target in [
        "/platform/v1/users/_me",
        "/platform/v1/account",
        "/platform/v2/teams",
        "/v1/platform/roles",
    ] {
        let echo = imbrace.get(target, &both).echo();
        assert_eq!(names.map(|name| echo.field(name)), [Some(api.clone()), None, None], "{target}");
    }
    for target in [
        "/data-board/boards",
        "/channel-service/v1/contacts",
        "/v3/ai/x",
        "/ips/v1/x",
        "/v1/backend/x",
    ] {
        let echo = imbrace.get(target, &both).echo();
        assert_eq!(names.map(|name| echo.field(name)), [const { None }; 3], "{target}");
    }
}

/// IM-8: "inbound kept if ≤ 64 chars, else new UUID; echoed".
#[test]
fn a_clients_request_id_is_kept_to_64_characters_else_there_is_a_new_one_and_both_are_echoed() {
    let imbrace = echoing();
    let (longest, over) = ("r".repeat(64), "r".repeat(65));
    for target in ["/platform/v1/login/x", "/anything"] {
        let kept = imbrace.get(target, &[("x-request-id", &longest)]);
        assert_eq!(
            (kept.request_id(), kept.echo().field("x-request-id")),
            (longest.clone(), Some(longest.clone()))
        );
        for fields in [&[("x-request-id", &*over)][..], &[]] {
            let fresh = imbrace.get(target, fields);
            let id = fresh.request_id();
            assert_eq!((id.len(), fresh.echo().field("x-request-id")), (36, Some(id.clone())));
            assert!(id.bytes().filter(|byte| *byte == b'-').count() == 4, "{id}");
        }
    }
    // In what is said of a refusal, too.
    let refusal =
        imbrace.get("/data-board/boards", &[("x-request-id", "mine"), ("x-api-key", "api_dead")]);
    refused(&imbrace, &refusal, "credential_unknown", 401, BAD_KEY);
    assert_eq!(
        (refusal.request_id(), &refusal.json()["request_id"]),
        ("mine".to_owned(), &json!("mine"))
    );
}

/// IM-9: `/3rd/organization/org_2/channels` with a credential of `org_1`.
#[test]
fn an_organisation_in_the_path_must_be_the_credentials() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    for rest in ["channels", "marketplaces/email-templates/x", "users/u_1/schedulers"] {
        let own = with_key(&imbrace, "GET", &format!("/3rd/organization/org_1/{rest}"), &api);
        assert_eq!(told(&own), of("org_1", "u_1"));
        for (target, refusal) in [
            (format!("/3rd/organization/org_2/{rest}"), "x-api-key"),
            (format!("/3rd/organization/%6frg_2/{rest}"), "x-api-key"),
            (format!("/3rd/organization/org_1/{rest}"), "x-access-token"),
        ] {
            let secret = if refusal == "x-api-key" { &api } else { &acc };
            let answer = imbrace.get(&target, &[(refusal, secret)]);
            let body = r#"{"message":"Forbidden - organization mismatch"}"#;
            refused(&imbrace, &answer, "org_mismatch", 403, body);
        }
    }
    // What a header says of it is overwritten before anybody can believe it.
    let answer = imbrace.get("/3rd/channels", &[("x-api-key", &api), ("organization-id", "org_2")]);
    assert_eq!(answer.echo().field("organization-id").as_deref(), Some("org_1"));
}

/// IM-7: a user who is suspended, and an organisation that is restricted, each in words of their own.
#[test]
fn a_suspended_user_and_a_restricted_organisation_are_told_so() {
    let imbrace = echoing();
    let ((_, api), (_, acc)) = (key(&imbrace, &json!({})), token(&imbrace, &json!({})));
    for (state, outcome) in [("suspended", "subject_suspended"), ("inactive", "subject_inactive")] {
        imbrace.change("PUT", "subjects/u_1", &json!({ "state": state }));
        let answer = with_key(&imbrace, "GET", "/data-board/boards", &api);
        let body = format!(r#"{{"message":"Unauthorized - account {state}"}}"#);
        refused(&imbrace, &answer, outcome, 401, &body);
        assert_eq!(with_token(&imbrace, "GET", "/data-board/boards", &acc).status, 200);
    }
    imbrace.change("PUT", "subjects/u_1", &json!({ "state": "active" }));
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &api).status, 200);
    imbrace.change("PUT", "resources/org_1", &json!({ "kind": "org", "state": "restricted" }));
    let answer = with_key(&imbrace, "GET", "/data-board/boards", &api);
    refused(
        &imbrace,
        &answer,
        "resource_restricted",
        403,
        &forbidden("Organization is restricted"),
    );
    assert_eq!(with_token(&imbrace, "GET", "/data-board/boards", &acc).status, 200);
}
