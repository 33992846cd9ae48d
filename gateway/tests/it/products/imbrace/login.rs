//! Logging in: what needs no credential, and what a login token is good for.

use serde_json::json;

use super::*;

/// What the pages' flows send before there is a token; and where the platform finds it.
const STEPS: [(&str, &str); 4] = [
    ("/platform/v1/login/_signin_email_request", "/v1/login/_signin_email_request"),
    ("/platform/v1/login/authenticate", "/v1/login/authenticate"),
    ("/v1/platform/login/authenticate", "/v1/login/authenticate"),
    ("/platform/v1/access/_exchange_access_token", "/v1/access/_exchange_access_token"),
];

/// IM-15, IM-11: the steps of the one-time and of the password login.
#[test]
fn the_steps_of_a_login_need_no_credential_and_arrive_as_they_were_sent() {
    let imbrace = echoing();
    for (target, seen) in STEPS {
        let body = r#"{"email":"user@example.com","otp":"123456"}"#;
        let fields = [
            ("content-type", "application/json"),
            ("authorization", "Basic eDp5"),
            ("cookie", "session=1"),
            ("x-temp-token", "t"),
        ];
        let answer = imbrace.send("POST", target, &fields, body);
        let echo = answer.echo();
        assert_eq!((echo.method(), echo.target(), echo.body()), ("POST", seen, body));
        for (name, value) in fields {
            assert_eq!(echo.field(name).as_deref(), Some(value));
        }
        assert_eq!(told(&answer), NOBODY);
    }
}

/// IM-3, IM-11, IM-15: the exchange; the platform looks at the token itself, be it registered or not.
#[test]
fn the_exchange_of_a_login_token_is_the_platforms_and_no_claim_beside_it_arrives() {
    let imbrace = echoing();
    let (_, registered) = login(&imbrace, &json!({}));
    for secret in [&*registered, "login_acc_never_registered"] {
        let fields =
            [("x-access-token", secret), ("x-organization-id", "org_1"), ("x-user-id", "u_1")];
        let body = r#"{"organization_id":"org_1"}"#;
        let target = "/platform/v1/access/_exchange_access_token";
        let answer = imbrace.send("POST", target, &fields, body);
        let echo = answer.echo();
        assert_eq!((echo.field("x-access-token").as_deref(), echo.body()), (Some(secret), body));
        assert_eq!(told(&answer), NOBODY);
    }
}

/// IM-3, IM-15: the page's Python example calls `get_me()` straight after `login_with_otp`.
#[test]
fn a_login_token_works_for_its_user_at_once_and_on_no_organisations_route() {
    let imbrace = echoing();
    let (_, secret) = login(&imbrace, &json!({ "secret": "login_acc_x" }));
    assert_eq!(secret, "");
    for target in ["/platform/v1/users/_me", "/v1/platform/users/_me"] {
        let answer = with_token(&imbrace, "GET", target, "login_acc_x");
        assert_eq!(answer.echo().target(), "/v1/users/_me");
        assert_eq!(told(&answer), (None, Some("u_2".to_owned())));
        assert_eq!(answer.echo().field("x-access-token").as_deref(), Some("login_acc_x"));
    }
    for target in [
        "/data-board/boards",
        "/platform/v1/account",
        "/platform/v1/third_party_token",
        "/channel-service/v1/channels",
        "/v3/ai/completions",
        "/v1/backend/anything",
        "/3rd/organization/org_2/channels",
    ] {
        let refusal = with_token(&imbrace, "GET", target, "login_acc_x");
        refused(&imbrace, &refusal, "scheme_not_accepted", 401, NO_ORGANIZATION);
    }
}

/// IM-3: three hours; single use: the platform ends it by its own value as it exchanges it.
#[test]
fn a_login_token_lives_for_hours_and_ends_when_it_is_exchanged() {
    let imbrace = echoing();
    for lifetime in ["never", "30d", "4h"] {
        let body = json!({ "scheme": "login-token", "subject": "u_2", "lifetime": lifetime });
        let (status, _) =
            imbrace.gateway.admin("POST", "/v1/credentials", &imbrace.credential(&body));
        assert_eq!(status, 422, "{lifetime}");
    }
    login(&imbrace, &json!({ "secret": "login_acc_once" }));
    let me = || with_token(&imbrace, "GET", "/platform/v1/users/_me", "login_acc_once");
    assert_eq!(me().status, 200);
    let body = json!({ "api": "imbrace", "secret": "login_acc_once" });
    let answer = imbrace.change("POST", "revocations?wait=all", &body);
    assert_eq!((&answer["revoked"], &answer["propagation"]["complete"]), (&json!(1), &json!(true)));
    refused(&imbrace, &me(), "credential_revoked", 401, BAD_TOKEN);
}

/// IM-11: `/organizations` is a login path, and yet a key there is a key.
#[test]
fn organisations_are_listed_with_a_login_token_with_a_key_and_by_the_platforms_leave_without() {
    let imbrace = echoing();
    let ((_, api), (_, login)) = (key(&imbrace, &json!({})), login(&imbrace, &json!({})));
    for (target, seen) in [
        ("/platform/v1/organizations?limit=10&skip=0", "/v1/organizations?limit=10&skip=0"),
        ("/platform/v2/organizations/_all", "/v2/organizations/_all"),
        ("/v1/platform/organizations", "/v1/organizations"),
        ("/v2/platform/organizations", "/v2/organizations"),
        ("/v1/backend/organizations", "/v1/backend/organizations"),
    ] {
        let anonymous =
            imbrace.get(target, &[("x-organization-id", "org_9"), ("x-user-id", "u_9")]);
        assert_eq!((anonymous.echo().target(), told(&anonymous)), (seen, NOBODY));
        let logged_in = with_token(&imbrace, "GET", target, &login);
        assert_eq!(told(&logged_in), (None, Some("u_2".to_owned())));
        assert_eq!(logged_in.echo().field("x-access-token").as_deref(), Some(&*login));
        let by_key = with_key(&imbrace, "GET", target, &api);
        assert_eq!(told(&by_key), of("org_1", "u_1"));
        assert_eq!(by_key.echo().field("x-api-key").as_deref(), Some(&*api));
        let dead = with_key(&imbrace, "GET", target, "api_dead");
        refused(&imbrace, &dead, "credential_unknown", 401, BAD_KEY);
    }
}
