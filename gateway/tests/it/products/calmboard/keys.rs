//! Static keys: where they stand, and the life that they have.

use serde_json::{Value, json};

use super::super::support::Fronted;
use super::{CALMBOARD, PROJECTS, calmboard, get, key, pays, refused};
use crate::support::Response;

fn in_header(calmboard: &Fronted, name: &str, value: &str) -> Response {
    calmboard.get(PROJECTS, &[(name, value)])
}

/// CAL-1: the page's own lines, and any case of the header's name.
#[test]
fn a_key_is_taken_from_either_header() {
    let calmboard = calmboard();
    let (id, secret) = key(&calmboard, &json!({}));
    let bearer = format!("Bearer {secret}");
    let lower = format!("bearer {secret}");
    for (name, value) in [
        ("Authorization", &bearer),
        ("authorization", &lower),
        ("X-CalmBoard-API-Key", &secret),
        ("x-calmboard-api-key", &secret),
        ("X-CALMBOARD-API-KEY", &secret),
    ] {
        let told = in_header(&calmboard, name, value).echo();
        assert_eq!(told.target(), PROJECTS);
        assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
        assert_eq!(told.field("x-credential-id"), Some(id.clone()));
        assert_eq!(told.field("x-credential-scheme").as_deref(), Some("key"));
        assert_eq!((told.field("authorization"), told.field("x-calmboard-api-key")), (None, None));
    }
    let line =
        format!("curl -H \"Authorization: Bearer {secret}\" https://calmboard.ai/api/v1/projects");
    assert_eq!(calmboard.curl(&line, &[]).echo().method(), "GET");
    let line =
        format!("curl -H \"X-CalmBoard-API-Key: {secret}\" https://calmboard.ai/api/v1/projects");
    assert_eq!(calmboard.curl(&line, &[]).echo().method(), "GET");
}

/// CAL-3: the same one twice is one key; of two nobody chooses, dead or alive.
#[test]
fn both_headers_may_hold_one_key_and_not_two() {
    let calmboard = calmboard();
    pays(&calmboard, "user_2");
    let (_, one) = key(&calmboard, &json!({}));
    let (_, other) = key(&calmboard, &json!({ "subject": "user_2" }));
    let both = |bearer: &str, own: &str| {
        let bearer = format!("Bearer {bearer}");
        calmboard.get(PROJECTS, &[("Authorization", &bearer), ("X-CalmBoard-API-Key", own)])
    };
    let told = both(&one, &one).echo();
    assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
    assert_eq!((told.field("authorization"), told.field("x-calmboard-api-key")), (None, None));
    let before = calmboard.seen();
    for (bearer, own) in [(&*one, &*other), (&other, &one), (&one, "cbk_dead"), ("cbk_dead", &one)]
    {
        refused(&calmboard, &both(bearer, own), "credential_ambiguous");
    }
    assert_eq!(calmboard.seen(), before);
}

/// CAL-15: for as long as the file says, whatever forgets what it had in memory.
#[test]
fn a_revoked_key_is_called_revoked_and_one_that_never_was_invalid() {
    let calmboard = calmboard();
    let (id, secret) = key(&calmboard, &json!({}));
    let (_, sibling) = key(&calmboard, &json!({}));
    assert_eq!(get(&calmboard, PROJECTS, &secret).status, 200);
    calmboard.revoke(&id);
    for _ in 0..2 {
        refused(&calmboard, &get(&calmboard, PROJECTS, &secret), "credential_revoked");
        let response = in_header(&calmboard, "X-CalmBoard-API-Key", &secret);
        refused(&calmboard, &response, "credential_revoked");
        refused(&calmboard, &get(&calmboard, PROJECTS, "cbk_zzz"), "credential_unknown");
    }
    assert_eq!(get(&calmboard, PROJECTS, &sibling).status, 200);
    // A later process, which has nothing in memory.
    let (upstream, folder) = (calmboard.upstream, calmboard.gateway.stop());
    let gateway = CALMBOARD.setup(&upstream).start_in(folder);
    let calmboard = CALMBOARD.behind(gateway, upstream);
    refused(&calmboard, &get(&calmboard, PROJECTS, &secret), "credential_revoked");
    assert_eq!(get(&calmboard, PROJECTS, &sibling).status, 200);
    let again =
        calmboard.credential(&json!({ "scheme": "key", "subject": "user_1", "secret": secret }));
    let (status, answer) = calmboard.gateway.admin("POST", "/v1/credentials", &again);
    assert_eq!((status, &answer["code"]), (409, &json!("secret_taken")), "nobody has it again");
}

/// CAL-15: forgotten is not revoked: that is what the admin API's DELETE is for.
#[test]
fn a_key_that_is_deleted_is_as_if_it_never_was() {
    let calmboard = calmboard();
    let (id, secret) = key(&calmboard, &json!({}));
    assert_eq!(get(&calmboard, PROJECTS, &secret).status, 200);
    calmboard.change("DELETE", &format!("credentials/{id}"), &Value::Null);
    refused(&calmboard, &get(&calmboard, PROJECTS, &secret), "credential_unknown");
}

/// CAL-18: no end is documented, so there is none to be asked for.
#[test]
fn a_key_does_not_expire() {
    let calmboard = calmboard();
    let (id, _) = key(&calmboard, &json!({}));
    let shown = calmboard.change("GET", &format!("credentials/{id}"), &Value::Null);
    assert_eq!((&shown["expires_at"], &shown["state"]), (&Value::Null, &json!("active")));
    for end in [json!({ "lifetime": "30d" }), json!({ "expires_at": "2999-01-01T00:00:00Z" })] {
        let mut body = json!({ "scheme": "key", "subject": "user_1" });
        for (name, value) in end.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, answer) =
            calmboard.gateway.admin("POST", "/v1/credentials", &calmboard.credential(&body));
        assert_eq!(status, 422, "{answer}");
    }
}

/// A key that the application made long ago, brought with its digest.
#[test]
fn a_key_that_was_there_before_is_good_once_it_is_registered() {
    let calmboard = calmboard();
    let secret = "cbk_made-by-the-application-itself";
    refused(&calmboard, &get(&calmboard, PROJECTS, secret), "credential_unknown");
    let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
    let hex = digest.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    key(&calmboard, &json!({ "secret_sha256": hex, "created_at": "2024-02-29T12:00:00Z" }));
    assert_eq!(get(&calmboard, PROJECTS, secret).status, 200);
}

/// CAL-15, CAL-18: the guide's commands, as they stand there.
#[test]
fn the_guide_tells_how_keys_are_made_listed_revoked_and_brought() {
    let calmboard = CALMBOARD.echoing();
    let made = calmboard.follow_the_guide();
    let states: Vec<_> = made
        .iter()
        .map(|made| {
            let id = made["credential"]["id"].as_str().unwrap();
            calmboard.change("GET", &format!("credentials/{id}"), &Value::Null)["state"].clone()
        })
        .collect();
    assert_eq!(states, ["revoked", "active", "active", "revoked"]);
    let key = made[0]["secret"].as_str().unwrap();
    refused(&calmboard, &get(&calmboard, PROJECTS, key), "credential_revoked");
    for brought in ["cbk_made-by-the-application", "cbk_kept-as-a-digest"] {
        assert_eq!(get(&calmboard, PROJECTS, brought).status, 200);
    }
    let token = super::ask(&calmboard, "POST", "/mcp", "cbo_made-by-the-oauth-server");
    super::refused_rpc(&calmboard, &token, "credential_revoked");
}
