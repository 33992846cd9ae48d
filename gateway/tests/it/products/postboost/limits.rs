//! Too many requests: row PB-14.

use serde_json::json;

use super::{POSTBOOST, W1, ask, postboost, refused, token, workspaces};
use crate::support::Upstream;

const TOO_MANY: &str = r#"{"message":"Too Many Attempts."}"#;

/// PB-14: the documented figures, each of one token, and of the others' no part.
#[test]
fn each_operation_that_has_a_documented_limit_keeps_it_for_each_token() {
    let postboost = postboost();
    let (_, other) = token(&postboost, "user_1");
    for (method, tail, figure) in [
        ("POST", "accounts/connect-links", 10),
        ("POST", "ai/repurpose", 10),
        ("GET", "ai/repurpose/runs/r", 60),
        ("POST", "rss-feeds/f/poll", 6),
        ("POST", "reports/exports", 20),
    ] {
        let (_, secret) = token(&postboost, "user_1");
        let target = format!("/{W1}/{tail}");
        let bearer = format!("Bearer {secret}");
        let fields = [("Authorization", &*bearer)];
        let bytes = postboost.request(method, &format!("/app/api{target}"), &fields, "");
        let mut client = postboost.gateway.connect();
        for request in 1..=figure {
            assert_eq!(client.send(&bytes).response().status, 200, "{tail}: {request}");
        }
        let seen = postboost.seen();
        let over = client.send(&bytes).response();
        refused(&over, 429, TOO_MANY);
        let seconds: u32 = over.field("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert_eq!(postboost.seen(), seen);
        assert_eq!(ask(&postboost, method, &target, &other).status, 200, "another token");
        assert_eq!(
            ask(&postboost, "GET", &format!("/{W1}/posts"), &secret).status,
            200,
            "another path"
        );
        if tail == "reports/exports" {
            assert_eq!(
                ask(&postboost, "GET", &target, &secret).status,
                200,
                "to list them is free"
            );
        }
    }
}

/// PB-14: of a token over all; a token may have a figure of its own.
#[test]
fn a_token_over_its_limit_is_told_nothing_but_the_message_and_when() {
    let postboost = postboost();
    let (_, usual) = token(&postboost, "user_1");
    let response = ask(&postboost, "GET", "/workspaces", &usual);
    assert_eq!(response.field("ratelimit-policy"), Some(r#""per-token";q=300;w=60"#));
    let body = json!({ "scheme": "token", "subject": "user_1", "lifetime": "never", "limits": { "per-token": 2 } });
    let (_, secret) = postboost.create(&body);
    let status = || ask(&postboost, "POST", &format!("/{W1}/posts"), &secret);
    assert_eq!((status().status, status().status), (200, 200));
    let over = status();
    refused(&over, 429, TOO_MANY);
    assert!(over.field("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(ask(&postboost, "GET", "/workspaces", &usual).status, 200);
}

/// PB-14: a daily cap is the application's, with its own words.
#[test]
fn the_applications_own_429_passes_byte_for_byte_and_gets_no_retry_after() {
    const BODY: &str =
        r#"{"message":"Daily cap reached","code":"account_daily_cap_reached","limit":5,"used":5}"#;
    let head = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n";
    let answer = format!("{head}Content-Length: {}\r\n\r\n{BODY}", BODY.len());
    let postboost = workspaces(POSTBOOST.before(Upstream::answering(answer)));
    let (_, secret) = token(&postboost, "user_1");
    let response = ask(&postboost, "POST", &format!("/{W1}/posts"), &secret);
    assert_eq!((response.status, &*response.text()), (429, BODY));
    assert_eq!(response.field("retry-after"), None);
    assert_eq!(postboost.outcome(&response), "forwarded");
}

/// PB-14: guesses cost the store nothing beyond a figure, and hold back nobody whose token is known.
#[test]
fn an_address_that_guesses_is_held_back_and_a_token_in_use_from_there_is_not() {
    let upstream = Upstream::echo();
    let setup = POSTBOOST.setup(&upstream).environment("POSTBOOST_GUESSES", "20");
    let postboost = workspaces(POSTBOOST.started(setup, upstream));
    let (_, secret) = token(&postboost, "user_1");
    assert_eq!(ask(&postboost, "GET", "/workspaces", &secret).status, 200);
    let mut client = postboost.gateway.connect();
    let mut guess = |number: usize| {
        let bearer = format!("Bearer guess-{number}");
        let fields = [("Authorization", &*bearer)];
        client.send(postboost.request("GET", "/app/api/workspaces", &fields, "")).response()
    };
    for number in 0..20 {
        assert_eq!(guess(number).status, 401, "{number}");
    }
    let held = guess(20);
    refused(&held, 429, TOO_MANY);
    assert_eq!(postboost.outcome(&held), "failures_exceeded");
    assert_eq!(ask(&postboost, "GET", "/workspaces", &secret).status, 200);
}
