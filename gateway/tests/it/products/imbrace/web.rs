//! What is for everybody, and that nothing of a service is by accident.

use serde_json::json;

use super::*;

/// IM-11: the public paths, and where each goes.
#[test]
fn public_paths_need_no_credential_and_a_bad_one_on_them_is_the_services_to_judge() {
    let imbrace = echoing();
    for (target, seen) in [
        ("/", "/"),
        ("/platform/v1/login/x", "/v1/login/x"),
        ("/platform/v1/sso/google/callback?code=1", "/v1/sso/google/callback?code=1"),
        ("/platform/v1/sign_up/aws", "/v1/sign_up/aws"),
        ("/platform/v1/access/x", "/v1/access/x"),
        ("/v1/platform/login/x", "/v1/login/x"),
        ("/v1/platform/sso/x", "/v1/sso/x"),
        ("/v1/platform/sign_up/aws/x", "/v1/sign_up/aws/x"),
        ("/v1/platform/access/x", "/v1/access/x"),
        ("/v1/backend/login/x", "/v1/backend/login/x"),
        ("/v1/backend/sso/x", "/v1/backend/sso/x"),
        ("/v1/backend/sign_up/aws", "/v1/backend/sign_up/aws"),
        ("/v1/backend/access/x", "/v1/backend/access/x"),
        ("/files/download/a?signature=s", "/files/download/a?signature=s"),
        ("/external-webhook/google", "/external-webhook/google"),
        ("/whatsapp-webhook?hub.challenge=1", "/v1/facebook/whatsapp/webhook?hub.challenge=1"),
        ("/wechat-webhook/gh_1?echostr=1", "/v1/wechat/webhook/gh_1?echostr=1"),
        ("/instagram-webhook", "/v1/instagram/webhook"),
        ("/line-webhook", "/v1/line/webhook"),
        ("/favicon.ico", "/favicon.ico"),
    ] {
        let sent = [
            ("x-access-token", "acc_of_nobody"),
            ("x-api-key", "api_of_nobody"),
            ("authorization", "Bearer x y"),
        ];
        for fields in [&[][..], &sent] {
            let answer = imbrace.get(target, fields);
            assert_eq!((answer.echo().target(), told(&answer)), (seen, NOBODY));
            for (name, value) in fields {
                assert_eq!(answer.echo().field(name).as_deref(), Some(*value), "{target}");
            }
        }
    }
}

/// IM-11: everything else of a service asks for a credential, spelled however it may be.
#[test]
fn whatever_lies_under_a_services_prefix_is_refused_without_a_credential() {
    let imbrace = echoing();
    for target in [
        "/platform",
        "/platform/",
        "/platform/v1/loginx",
        "/platform/v1/account",
        "/platform/v3/anything",
        "/v1/platform/users",
        "/v2/platform/teams",
        "/v1/backend",
        "/v1/backend/loginx",
        "/v1/anything",
        "/v2/ai/x",
        "/v3/anything",
        "/data-board",
        "/data%2Dboard/boards",
        "/channel-service/v9/channels",
        "/v3/ai/completions",
        "/ai/v3/completions",
        "/ai-agent/suggestions",
        "/chat/ai",
        "/activepieces/api/v1/flows",
        "/files",
        "/files/downloadx",
        "/files/v1/x",
        "/marketplaces/v2/x",
        "/v3/marketplaces/use-cases",
        "/predict",
        "/ips/v1/x",
        "/license",
        "/3rd/organization/org_1/channels",
        "/mcp/x",
        "/backend/v1/x",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = imbrace.send(
                method,
                target,
                &[("x-user-id", "u_1"), ("x-organization-id", "org_1")],
                "",
            );
            assert_eq!(
                (answer.status, &*imbrace.outcome(&answer)),
                (401, "credential_missing"),
                "{method} {target}"
            );
        }
    }
    // What a proxy and a service might read differently is refused as a whole.
    for target in [
        "/data-board//boards",
        "/platform/v1/login/../account",
        "/platform/v1/login/%2e%2e/account",
        "/platform/v1/login%2Fx",
    ] {
        assert_eq!(imbrace.outcome(&imbrace.get(target, &[])), "request_malformed", "{target}");
    }
    assert_eq!(imbrace.seen(), 0);
}

/// IM-11: what no other route takes goes to the web application, which no key is shown to and who asks is not told.
#[test]
fn the_web_application_is_for_everybody_and_is_told_nothing_of_who_asks() {
    let imbrace = echoing();
    let (_, api) = key(&imbrace, &json!({}));
    let upstream = crate::support::Upstream::echo();
    let setup = IMBRACE
        .setup(&imbrace.upstream)
        .environment("IMBRACE_WEB_UPSTREAM", &upstream.address().to_string());
    let own = IMBRACE.started(setup, crate::support::Upstream::echo());
    own.gateway.forwards_credentials();
    for target in ["/", "/index.html", "/databoard/x", "/journeys/x"] {
        let answer = own.get(target, &[("x-api-key", &api), ("cookie", "c=1")]);
        assert_eq!(told(&answer), NOBODY);
        assert_eq!(answer.echo().field("x-api-key").as_deref(), Some(&*api));
    }
    assert_eq!((upstream.requests().len(), imbrace.seen()), (4, 0));
}
