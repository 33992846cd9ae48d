//! The free tools: row PB-13.

use super::{INSUFFICIENT, UNAUTHENTICATED, W1, ask, postboost, refused, token};
use serde_json::json;

/// Those that spend AI credits.
const PAID: [&str; 11] = [
    "alt-text-generator",
    "blog-to-social-media",
    "brand-voice-generator",
    "hook-generator",
    "instagram-bio-generator",
    "instagram-caption-generator",
    "instagram-hashtag-generator",
    "linkedin-headline-generator",
    "youtube-description-generator",
    "youtube-title-generator",
    "youtube-to-social-posts",
];

/// PB-13: no token, or a good one.
#[test]
fn the_tools_are_for_guests_too_and_a_token_that_is_sent_must_be_good() {
    let postboost = postboost();
    let (id, secret) = token(&postboost, "user_1");
    for target in ["/tools", "/tools/utm-builder", "/tools/hook-generator/library"] {
        let guest = postboost.get(&format!("/app/api{target}"), &[("X-User-Id", "user_1")]).echo();
        assert_eq!(guest.all("x-user-id"), [""; 0]);
        let echo = ask(&postboost, "GET", target, &secret).echo();
        assert_eq!(echo.field("x-user-id").as_deref(), Some("user_1"));
        refused(&ask(&postboost, "GET", target, "junk"), 401, UNAUTHENTICATED);
    }
    postboost.revoke(&id);
    refused(&ask(&postboost, "GET", "/tools", &secret), 401, UNAUTHENTICATED);
}

/// PB-13: a scoped key needs `ai` for them.
#[test]
fn the_tools_that_spend_credits_need_a_token() {
    let postboost = postboost();
    let (_, personal) = token(&postboost, "user_1");
    let scoped = |abilities: [&str; 2]| {
        let body = json!({ "scheme": "token", "subject": "owner_1", "org": W1, "scopes": abilities, "lifetime": "never" });
        postboost.create(&body).1
    };
    let (with, without) = (scoped(["read", "ai"]), scoped(["read", "write"]));
    // An application may take a final slash for nothing.
    let targets = PAID.map(|tool| [format!("/tools/{tool}"), format!("/tools/{tool}/")]);
    for target in targets.into_iter().flatten() {
        refused(
            &postboost.send("POST", &format!("/app/api{target}"), &[], ""),
            401,
            UNAUTHENTICATED,
        );
        refused(&ask(&postboost, "POST", &target, &without), 403, INSUFFICIENT);
        for secret in [&personal, &with] {
            assert_eq!(ask(&postboost, "POST", &target, secret).status, 200, "{target}");
        }
    }
}

/// PB-13: guests have a limit of their own, by address; a token has its.
#[test]
fn guests_are_limited_by_their_address_and_tokens_are_not_held_back_by_that() {
    let postboost = postboost();
    let (_, secret) = token(&postboost, "user_1");
    let mut guest = postboost.gateway.connect();
    let bytes = postboost.request("GET", "/app/api/tools", &[], "");
    for request in 1..=30 {
        let response = guest.send(&bytes).response();
        assert_eq!(response.status, 200, "{request}");
        assert!(response.field("ratelimit-policy").unwrap().contains(r#""guests";q=30;w=60"#));
    }
    let over = guest.send(&bytes).response();
    refused(&over, 429, r#"{"message":"Too Many Attempts."}"#);
    assert!(over.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    let response = ask(&postboost, "GET", "/tools", &secret);
    assert_eq!(response.status, 200);
    assert!(!response.field("ratelimit-policy").unwrap().contains("guests"));
    // The web application is nobody's to count.
    assert_eq!(postboost.get("/", &[]).field("ratelimit-policy"), None);
}
