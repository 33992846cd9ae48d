//! When tokens expire: row PB-4, on the real binary with its clock in the test's hand.

use serde_json::{Value, json};

use super::{POSTBOOST, UNAUTHENTICATED, W1, ask, refused, token, workspaces};
use crate::products::clock::WallClock;
use crate::products::support::Fronted;
use crate::support::{Setup, Upstream};

/// Far from UTC in either direction, so that its midnight is another one.
const ZONES: [&str; 3] = ["UTC0", "NZDT-13", "PST8"];

/// The shipped file, with the clock at `now`.
fn at(clock: &WallClock, zone: &str) -> Fronted {
    let upstream = Upstream::echo();
    let setup = clock.of(POSTBOOST.setup(&upstream), zone);
    workspaces(POSTBOOST.started(setup, upstream))
}

/// `expires_at` and the secret of a new token.
#[track_caller]
fn made(postboost: &Fronted, end: &Value) -> (String, String) {
    let mut body = json!({ "api": "postboost", "scheme": "token", "subject": "user_1" });
    body.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
    let (status, answer) = postboost.gateway.admin("POST", "/v1/credentials", &body);
    assert_eq!(status, 201, "{answer}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["credential"]["expires_at"]), text(&answer["secret"]))
}

/// Good to the last millisecond before `end`, with what is known of it in the cache; from `end` on as unknown as any.
#[track_caller]
fn ends(postboost: &Fronted, clock: &WallClock, secret: &str, before: &str, end: &str) {
    let target = format!("/{W1}/posts");
    clock.set(before);
    for _ in 0..2 {
        assert_eq!(ask(postboost, "GET", &target, secret).status, 200, "{before}");
    }
    clock.set(end);
    let response = ask(postboost, "GET", &target, secret);
    refused(&response, 401, UNAUTHENTICATED);
    assert_eq!(postboost.outcome(&response), "credential_expired");
}

/// PB-4: "midnight UTC on the expiry date" is where that date begins.
#[test]
fn a_token_of_seven_days_dies_where_its_last_date_begins_in_utc_wherever_the_gateway_stands() {
    for zone in ZONES {
        let clock = WallClock::at("2026-11-22T15:00:00Z");
        let postboost = at(&clock, zone);
        let (end, secret) = made(&postboost, &json!({ "lifetime": "7d" }));
        assert_eq!(end, "2026-11-29T00:00:00.000Z", "{zone}");
        ends(&postboost, &clock, &secret, "2026-11-28T23:59:59.999Z", "2026-11-29T00:00:00Z");
    }
}

/// PB-4: the moment of the day does not matter.
#[test]
fn whenever_in_a_day_a_token_is_made_it_lives_for_as_many_midnights() {
    let clock = WallClock::at("2026-11-22T00:00:00Z");
    let postboost = at(&clock, "NZDT-13");
    for (now, lifetime, expected) in [
        ("2026-11-22T00:00:00Z", "7d", "2026-11-29T00:00:00.000Z"),
        ("2026-11-22T00:00:00.001Z", "7d", "2026-11-29T00:00:00.000Z"),
        ("2026-11-22T23:59:59.999Z", "7d", "2026-11-29T00:00:00.000Z"),
        ("2026-11-22T23:59:59.999Z", "30d", "2026-12-22T00:00:00.000Z"),
        ("2026-11-22T23:59:59.999Z", "60d", "2027-01-21T00:00:00.000Z"),
        ("2028-01-30T12:00:00Z", "30d", "2028-02-29T00:00:00.000Z"),
        ("2028-12-31T12:00:00Z", "90d", "2029-03-31T00:00:00.000Z"),
    ] {
        clock.set(now);
        assert_eq!(
            made(&postboost, &json!({ "lifetime": lifetime })).0,
            expected,
            "{now} {lifetime}"
        );
    }
}

/// PB-4: a date of one's own; today's has begun, so that a token for it would be dead.
#[test]
fn a_token_with_a_date_of_its_own_dies_where_that_date_begins_and_none_is_made_for_today() {
    for zone in ZONES {
        let clock = WallClock::at("2026-11-22T15:00:00Z");
        let postboost = at(&clock, zone);
        for past in ["2026-11-22", "2026-11-21"] {
            let body = json!({ "api": "postboost", "scheme": "token", "subject": "user_1", "expires_on": past });
            assert_eq!(postboost.gateway.admin("POST", "/v1/credentials", &body).0, 422, "{past}");
        }
        let (end, secret) = made(&postboost, &json!({ "expires_on": "2026-11-23" }));
        assert_eq!(end, "2026-11-23T00:00:00.000Z");
        ends(&postboost, &clock, &secret, "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z");
    }
}

/// PB-4, PB-12: "last day the key works": the application registers the day after.
#[test]
fn a_scoped_key_works_through_its_last_day() {
    let clock = WallClock::at("2026-11-22T15:00:00Z");
    let postboost = at(&clock, "PST8");
    let scoped =
        json!({ "org": W1, "scopes": ["read"], "ceiling": "read", "expires_on": "2026-11-30" });
    let (_, secret) = made(&postboost, &scoped);
    ends(&postboost, &clock, &secret, "2026-11-29T23:59:59.999Z", "2026-11-30T00:00:00Z");
}

/// PB-4: the other reading of the page is another word in the file.
#[test]
fn with_end_of_day_utc_a_token_works_through_the_date_itself() {
    for zone in ZONES {
        let clock = WallClock::at("2026-11-22T15:00:00Z");
        let file = POSTBOOST.file();
        let other = file.replace("expiry: start_of_day_utc\n", "expiry: end_of_day_utc\n");
        assert_ne!(file, other);
        let upstream = Upstream::echo();
        let setup = clock.of(POSTBOOST.placed(Setup::new(other), &upstream), zone);
        let postboost = workspaces(POSTBOOST.started(setup, upstream));
        let (end, secret) = made(&postboost, &json!({ "expires_on": "2026-11-29" }));
        assert_eq!(end, "2026-11-30T00:00:00.000Z");
        ends(&postboost, &clock, &secret, "2026-11-29T23:59:59.999Z", "2026-11-30T00:00:00Z");
        // Today's day is not over.
        clock.set("2026-11-30T12:00:00Z");
        assert_eq!(
            made(&postboost, &json!({ "expires_on": "2026-11-30" })).0,
            "2026-12-01T00:00:00.000Z"
        );
    }
}

/// PB-3: "never" means it.
#[test]
fn a_token_that_never_expires_is_good_in_ten_years() {
    let clock = WallClock::at("2026-11-22T15:00:00Z");
    let postboost = at(&clock, "UTC0");
    let (_, secret) = token(&postboost, "user_1");
    clock.set("2036-11-22T15:00:00Z");
    assert_eq!(ask(&postboost, "GET", &format!("/{W1}/posts"), &secret).status, 200);
}

/// That these tests prove anything rests on it: the wall clock is held, and the gateway's own timers run.
#[test]
fn while_the_wall_clock_stands_timers_run_on() {
    let clock = WallClock::at("2026-11-22T15:00:00Z");
    let upstream = Upstream::echo();
    let setup = POSTBOOST.setup(&upstream).server("bounds: { head_timeout: 1s }");
    let postboost = POSTBOOST.started(clock.of(setup, "UTC0"), upstream);
    let mut client = postboost.gateway.connect();
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost:").response().status, 408);
    let lines = postboost.gateway.lines(1);
    assert!(lines[0]["time"].as_str().unwrap().starts_with("2026-11-22T15:00:00"), "{}", lines[0]);
}
