//! The life of a token: how it begins, and every way in which it ends.

#![expect(clippy::disallowed_methods, reason = "expiry is compared with the wall clock")]

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::support::Fronted;
use super::{IMBOARD, get, refused, token};
use crate::support::h2c::h2_request;
use crate::support::http1::End;
use crate::support::{H2, Upstream, until};

#[track_caller]
fn show(imboard: &Fronted, id: &str) -> Value {
    imboard.change("GET", &format!("credentials/{id}"), &Value::Null)
}

fn instant(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap()
}

/// One that has ended.
#[track_caller]
fn ended(imboard: &Fronted, secret: &str) -> String {
    let (id, _) = ending(imboard, secret, Duration::from_secs(3));
    until(|| show(imboard, &id)["state"] == "expired");
    id
}

/// A token that the application made so long ago that of its 30 days `left` is left: its id, and the instant at which it ends.
#[track_caller]
fn ending(imboard: &Fronted, secret: &str, left: Duration) -> (String, SystemTime) {
    let month = Duration::from_hours(30 * 24);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let since = (now + left).checked_sub(month).unwrap();
    let made = SystemTime::UNIX_EPOCH + Duration::from_millis(since.as_millis() as u64);
    let created_at = OffsetDateTime::from(made).format(&Rfc3339).unwrap();
    let many = json!({ "per-token": 1_000_000 });
    let body = json!({ "secret": secret, "created_at": created_at, "limits": many });
    let (id, _) = token(imboard, &body);
    (id, made + month)
}

/// IMB-5: one token per integration.
#[test]
fn a_revocation_touches_no_other_token_of_the_user() {
    let imboard = IMBOARD.echoing();
    let (id, secret) = token(&imboard, &json!({ "name": "my-script" }));
    let (_, sibling) = token(&imboard, &json!({ "name": "another" }));
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200);
    imboard.revoke(&id);
    refused(&imboard, &get(&imboard, "/api/v1/me", &secret), "credential_revoked");
    assert_eq!(get(&imboard, "/api/v1/me", &sibling).status, 200);
}

/// IMB-6: Expired and Revoked are for ever.
#[test]
fn nothing_makes_a_revoked_or_expired_token_good_again() {
    let imboard = IMBOARD.echoing();
    let (revoked, of_revoked) = token(&imboard, &json!({}));
    imboard.revoke(&revoked);
    let of_expired = "imb_pat_expired-long-ago";
    let expired = ended(&imboard, of_expired);
    for (id, state) in [(&revoked, "revoked"), (&expired, "expired")] {
        let before = show(&imboard, id);
        assert_eq!(before["state"], state);
        let path = format!("/v1/credentials/{id}");
        for change in [
            json!({ "revoked_at": null }),
            json!({ "state": "active" }),
            json!({ "expires_at": "2999-01-01T00:00:00Z" }),
            json!({ "expires_at": null }),
        ] {
            let (status, answer) = imboard.gateway.admin("PATCH", &path, &change);
            assert!(matches!(status, 409 | 422), "{change}: {status} {answer}");
        }
        let (status, _) =
            imboard.gateway.admin("POST", &format!("{path}/rotate"), &json!({ "overlap": "1h" }));
        assert_eq!(status, 409);
        imboard.change("PATCH", &format!("credentials/{id}"), &json!({ "disabled": false }));
        assert_eq!(show(&imboard, id)["state"], state);
    }
    refused(&imboard, &get(&imboard, "/api/v1/me", &of_revoked), "credential_revoked");
    refused(&imboard, &get(&imboard, "/api/v1/me", of_expired), "credential_expired");
    let again = imboard.credential(&json!({
        "scheme": "pat", "subject": "user_1", "lifetime": "30d", "secret": of_expired,
    }));
    assert_eq!(
        imboard.gateway.admin("POST", "/v1/credentials", &again).0,
        409,
        "nor can it be brought again"
    );
}

/// IMB-7: so many times 24 hours after it was made.
#[test]
fn a_token_is_good_for_30_90_180_or_365_days_and_for_no_other_time() {
    let imboard = IMBOARD.echoing();
    for days in [30, 90, 180, 365] {
        let (id, _) = token(&imboard, &json!({ "lifetime": format!("{days}d") }));
        let made = show(&imboard, &id);
        let lasts = instant(&made["expires_at"]) - instant(&made["created_at"]);
        assert_eq!(lasts, time::Duration::days(days));
    }
    for other in [
        json!({ "lifetime": "45d" }),
        json!({ "lifetime": "31d" }),
        json!({ "lifetime": "never" }),
        json!({ "lifetime": null }),
        json!({ "lifetime": null, "expires_on": "2999-12-31" }),
        json!({ "lifetime": null, "expires_at": "2999-12-31T00:00:00Z" }),
    ] {
        let mut body = json!({ "scheme": "pat", "subject": "user_1" });
        for (name, value) in other.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, answer) =
            imboard.gateway.admin("POST", "/v1/credentials", &imboard.credential(&body));
        assert_eq!(status, 422, "{other}: {answer}");
    }
}

/// IMB-8: "There is no grace period", and what is cached gives none.
#[test]
fn a_token_in_steady_use_is_refused_from_its_last_millisecond_on() {
    let imboard = IMBOARD.echoing();
    let secret = "imb_pat_about-to-expire";
    let (_, end) = ending(&imboard, secret, Duration::from_secs(4));
    let bearer = format!("Bearer {secret}");
    let bytes = imboard.request("GET", "/api/v1/me", &[("Authorization", &bearer)], "");
    let mut client = imboard.gateway.connect();
    let mut good = 0;
    let refusal = loop {
        let before = SystemTime::now();
        let response = client.send(&bytes).response();
        if response.status != 200 {
            assert!(SystemTime::now() >= end, "refused early");
            break response;
        }
        assert!(before < end, "admitted late");
        good += 1;
    };
    assert!(good > 0, "the machine was too slow to ask once in 4 s");
    refused(&imboard, &refusal, "credential_expired");
}

/// IMB-8, IMB-22: expired, revoked and never there are one answer.
#[test]
fn a_client_cannot_tell_whether_a_token_was_ever_good() {
    let imboard = IMBOARD.echoing();
    let (revoked, of_revoked) = token(&imboard, &json!({}));
    imboard.revoke(&revoked);
    let (disabled, of_disabled) = token(&imboard, &json!({}));
    imboard.change("PATCH", &format!("credentials/{disabled}"), &json!({ "disabled": true }));
    ended(&imboard, "imb_pat_ended");
    let answers = [
        (of_revoked.as_str(), "credential_revoked"),
        (&of_disabled, "credential_disabled"),
        ("imb_pat_ended", "credential_expired"),
        ("imb_pat_zzz", "credential_unknown"),
    ]
    .map(|(secret, outcome)| {
        let response = get(&imboard, "/api/v1/me", secret);
        refused(&imboard, &response, outcome);
        let id = response.request_id();
        let fields = response.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
        let fields: Vec<_> =
            fields.map(|(name, value)| (name.clone(), value.replace(&id, "$id"))).collect();
        (fields, response.text().replace(&id, "$id"))
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

/// IMB-9: "any in-flight or future requests using it will fail", whatever they were at.
#[test]
fn a_revocation_ends_the_requests_that_are_under_way() {
    let imboard = IMBOARD.before(Upstream::scripted(|connection| {
        let Some(request) = connection.head() else { return };
        if request.target.ends_with("/documents") {
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
        }
        connection.closed();
    }));
    let (id, secret) = token(&imboard, &json!({}));
    let bearer = format!("Bearer {secret}");
    let fields = [("Authorization", bearer.as_str())];
    let send = |target: &str| {
        let mut client = imboard.gateway.connect();
        client.send(imboard.request("GET", target, &fields, ""));
        client
    };
    let mut waiting = send("/api/v1/me");
    let mut streaming = send("/api/v1/boards/board_1/documents");
    streaming.head();
    streaming.exactly(b"5\r\nbegun\r\n".len());
    let mut h2 = H2::connect(imboard.gateway.address("public"));
    let fields = [("host", "app.imboard.ai"), ("authorization", bearer.as_str())];
    let mut ask = |target| h2.start(h2_request("GET", target, &fields), true).unwrap().0;
    let (h2_waiting, h2_streaming) = (ask("/api/v1/me"), ask("/api/v1/boards/board_1/documents"));
    let mut h2_streaming = h2.wait(h2_streaming).unwrap().into_body();
    assert_eq!(h2.wait(h2_streaming.data()).unwrap().unwrap(), "begun");
    imboard.upstream.wait_for_requests(4);

    imboard.revoke(&id);
    let answer = waiting.response();
    assert_eq!(answer.end, End::Length, "a whole answer");
    refused(&imboard, &answer, "credential_revoked");
    refused(&imboard, &h2.finish(h2_waiting).unwrap(), "credential_revoked");
    assert_eq!(streaming.rest(), b"", "closed without a last chunk");
    let reset = h2.wait(h2_streaming.data()).unwrap().unwrap_err();
    assert_eq!(reset.reason(), Some(h2::Reason::CANCEL));
    imboard.upstream.wait_for_ends(4);
    refused(&imboard, &get(&imboard, "/api/v1/me", &secret), "credential_revoked");
}

/// IMB-10: the store has no more of it than its digest, and no answer has it again.
#[test]
fn a_token_is_shown_once_and_lies_nowhere() {
    let imboard = IMBOARD.echoing();
    let (id, secret) = token(&imboard, &json!({}));
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200);
    // The test house fails on any answer of the admin API that shows it again.
    let shown = show(&imboard, &id);
    assert_eq!(shown.get("secret"), None);
    imboard.change("GET", "credentials?api=imboard", &Value::Null);
    let reveal = format!("/v1/credentials/{id}/reveal");
    let (status, answer) = imboard.gateway.admin("POST", &reveal, &Value::Null);
    assert_eq!((status, &answer["code"]), (409, &json!("not_revealable")));
    let random = secret.strip_prefix("imb_pat_").unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(imboard.gateway.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(random));
        files += 1;
    }
    assert!(files >= 2, "the store and its configuration");
}

/// IMB-11: what Account > API Access shows of them.
#[test]
fn the_list_of_a_users_tokens_tells_what_an_audit_needs() {
    let imboard = IMBOARD.echoing();
    let (used, secret) = token(&imboard, &json!({ "name": "my-script" }));
    let (revoked, _) = token(&imboard, &json!({ "name": "old", "lifetime": "365d" }));
    token(&imboard, &json!({ "name": "not mine", "subject": "user_2" }));
    assert_eq!(get(&imboard, "/api/v1/me", &secret).status, 200);
    imboard.change(
        "POST",
        &format!("credentials/{revoked}/revoke"),
        &json!({ "reason": "seen in a log" }),
    );
    until(|| !show(&imboard, &used)["last_used_at"].is_null());
    let list = imboard.change("GET", "credentials?api=imboard&subject=user_1", &Value::Null);
    let told: Vec<_> = list["items"].as_array().unwrap().iter().collect();
    assert_eq!(
        told.iter().map(|item| &item["id"]).collect::<Vec<_>>(),
        [&json!(revoked), &json!(used)]
    );
    assert_eq!((&told[0]["name"], &told[0]["state"]), (&json!("old"), &json!("revoked")));
    assert_eq!(told[0]["revoke_reason"], "seen in a log");
    assert_eq!((&told[1]["name"], &told[1]["state"]), (&json!("my-script"), &json!("active")));
    let (_, last) = secret.split_at(secret.len() - 4);
    let hint = format!("imb_pat_{last}");
    assert_eq!(told[1]["hint"], hint);
    for field in ["created_at", "expires_at", "last_used_at"] {
        instant(&told[1][field]);
    }
    let active = imboard.change("GET", "credentials?subject=user_1&state=active", &Value::Null);
    assert_eq!(active["items"].as_array().unwrap().len(), 1);
}

/// IMB-10, IMB-11: the guide's commands, as they stand there.
#[test]
fn the_guide_tells_how_tokens_are_made_listed_revoked_and_brought() {
    let imboard = IMBOARD.echoing();
    let made = imboard.follow_the_guide();
    let state =
        |credential: &Value| show(&imboard, credential["id"].as_str().unwrap())["state"].clone();
    let states: Vec<_> = made.iter().map(|made| state(&made["credential"])).collect();
    assert_eq!(states, ["revoked", "revoked", "revoked", "active"]);
    let secrets: Vec<_> =
        made.iter().map(|made| made["secret"].as_str().unwrap_or_default()).collect();
    assert!(secrets[0].starts_with("imb_pat_") && secrets[3].starts_with("imb_bat_"));
    assert_eq!(secrets[1..3], ["", ""], "who brought them has them");
    let refused_as = |secret: &str, outcome: &str| {
        refused(&imboard, &get(&imboard, "/api/v1/me", secret), outcome);
    };
    refused_as("imb_pat_made-by-the-application", "credential_revoked");
    refused_as("imb_pat_kept-as-a-digest", "credential_revoked");
    let (_, fresh) = token(&imboard, &json!({ "subject": "user_2" }));
    refused_as(&fresh, "subject_suspended");
    let board = super::ask(&imboard, "POST", "/api/v1/boards/board_1", secrets[3]);
    refused(&imboard, &board, "resource_restricted");
    assert_eq!(get(&imboard, "/api/v1/boards/board_1", secrets[3]).status, 200);
}
