//! Requests that are wrong in every way that one can think of: each gets a documented answer, and none anybody else's rights.

use serde_json::json;

use super::{PROJECTS, calmboard, key, pays, refused};

/// CAL-1: neither header.
#[test]
fn a_request_without_a_key_misses_one() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    refused(&calmboard, &calmboard.get(PROJECTS, &[]), "credential_missing");
    for (name, value) in [
        ("Authorization", "Basic dXNlcjpwYXNz"),
        ("Authorization", "cbk_without-a-scheme"),
        ("Authorization", ""),
        ("X-CalmBoard-API-Key", ""),
        ("X-API-Key", &secret),
        ("X-CalmBoard-Key", &secret),
        ("Cookie", &secret),
    ] {
        refused(&calmboard, &calmboard.get(PROJECTS, &[(name, value)]), "credential_missing");
    }
    let query = calmboard.get(&format!("{PROJECTS}?api_key={secret}"), &[]);
    refused(&calmboard, &query, "credential_missing");
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-1: whatever it looks like.
#[test]
fn a_value_that_is_no_known_key_is_an_invalid_key() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    let (kept, last) = secret.split_at(secret.len() - 1);
    let mistyped = format!("{kept}{}", if last == "0" { "1" } else { "0" });
    let upper = secret.replace("cbk_", "CBK_");
    let longest = format!("cbk_{}", "a".repeat(8 * 1024 - 4));
    for value in [
        "foo",
        "cbk_zzz",
        "cbk_",
        "cbo_zzz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "cbk_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "imb_pat_zzz",
        &upper,
        &mistyped,
        &longest,
    ] {
        let bearer = format!("Bearer {value}");
        for (name, value) in [("Authorization", &*bearer), ("X-CalmBoard-API-Key", value)] {
            let response = calmboard.get(PROJECTS, &[(name, value)]);
            refused(&calmboard, &response, "credential_unknown");
        }
    }
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-1: what no key can be.
#[test]
fn a_value_that_can_be_no_key_is_an_invalid_key() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    let over = format!("cbk_{}", "a".repeat(8 * 1024 - 3));
    let [prefixed, two] = [format!("Bearer {secret}"), format!("{secret} {secret}")];
    for value in [&*over, "cbk_\u{e9}", "cbk_\u{1f511}", &prefixed, &two] {
        let response = calmboard.get(PROJECTS, &[("X-CalmBoard-API-Key", value)]);
        refused(&calmboard, &response, "credential_malformed");
    }
    let [over, two] = [format!("Bearer {over}"), format!("Bearer {two}")];
    for value in [&*over, &two, "Bearer", "Bearer cbk_\u{e9}"] {
        let response = calmboard.get(PROJECTS, &[("Authorization", value)]);
        refused(&calmboard, &response, "credential_malformed");
    }
    for name in ["Authorization", "X-CalmBoard-API-Key"] {
        for byte in ["\0", "\u{1}", "\u{7f}"] {
            let response = calmboard.get(PROJECTS, &[(name, &format!("Bearer cbk_{byte}"))]);
            assert_eq!((response.status, response.code().as_str()), (400, "request_malformed"));
        }
    }
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-1, CAL-3: what is no key does not stand in the way of one.
#[test]
fn a_good_key_beside_what_is_no_key_is_taken() {
    let calmboard = calmboard();
    let (_, secret) = key(&calmboard, &json!({}));
    let bearer = format!("bearer  {secret}");
    let basic = ("Authorization", "Basic dXNlcjpwYXNz");
    for fields in [
        &[basic, ("X-CalmBoard-API-Key", &*secret)][..],
        &[basic, ("Authorization", &bearer)],
        &[("Authorization", &bearer), ("Authorization", &bearer)],
        &[("X-CalmBoard-API-Key", &secret), ("x-calmboard-api-key", &secret)],
        &[("X-CalmBoard-API-Key", ""), ("Authorization", &bearer)],
    ] {
        let told = calmboard.get(PROJECTS, fields).echo();
        assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"), "{fields:?}");
        for name in ["authorization", "x-calmboard-api-key"] {
            assert_eq!(told.all(name), Vec::<String>::new(), "{fields:?}");
        }
    }
}

/// CAL-3: in one header, too.
#[test]
fn several_headers_with_different_keys_are_an_invalid_key() {
    let calmboard = calmboard();
    pays(&calmboard, "user_2");
    let (_, one) = key(&calmboard, &json!({}));
    let (_, other) = key(&calmboard, &json!({ "subject": "user_2" }));
    let bearers = [format!("Bearer {one}"), format!("Bearer {other}")];
    for fields in [
        [("Authorization", &bearers[0]), ("Authorization", &bearers[1])],
        [("X-CalmBoard-API-Key", &one), ("X-CalmBoard-API-Key", &other)],
    ] {
        let fields = fields.map(|(name, value)| (name, value.as_str()));
        refused(&calmboard, &calmboard.get(PROJECTS, &fields), "credential_ambiguous");
    }
    assert_eq!(calmboard.seen(), 0);
}

/// CAL-3: a good key is not the one that counts, whatever stands in the other place.
#[test]
fn a_good_key_beside_a_value_that_is_none_is_an_invalid_key() {
    let calmboard = calmboard();
    let (_, good) = key(&calmboard, &json!({}));
    let bearer = format!("Bearer {good}");
    for other in ["junk", "cbo_token", "imb_pat_x", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1XzEifQ.c2ln"]
    {
        let beside = format!("Bearer {other}");
        for fields in [
            [("Authorization", &*bearer), ("X-CalmBoard-API-Key", other)],
            [("Authorization", &*beside), ("X-CalmBoard-API-Key", &*good)],
        ] {
            refused(&calmboard, &calmboard.get(PROJECTS, &fields), "credential_ambiguous");
        }
    }
    assert_eq!(calmboard.seen(), 0);
}

/// Every way to write the prefix is one of the API, or is refused: none comes to the application without having been asked.
#[test]
fn no_spelling_of_a_path_leads_around_the_question_who_asks() {
    let calmboard = calmboard();
    for target in [
        "/api/v1",
        "/api/v1/",
        "/%61pi/v1/projects",
        "/api/v%31/projects",
        "/api/v1/oauth/register",
    ] {
        refused(&calmboard, &calmboard.get(target, &[]), "credential_missing");
    }
    for target in [
        "//api/v1/projects",
        "/api//v1/projects",
        "/api/oauth/../v1/projects",
        "/api/oauth/%2e%2e/v1/projects",
        "/api%2fv1/projects",
        "/api\\v1\\projects",
        "/.;/api/v1/projects",
    ] {
        refused(&calmboard, &calmboard.get(target, &[]), "request_malformed");
    }
    assert_eq!(calmboard.seen(), 0);
}

/// What a client says of itself is never believed.
#[test]
fn a_client_that_says_who_it_is_is_told_who_it_is() {
    let calmboard = calmboard();
    let (id, secret) = key(&calmboard, &json!({}));
    let told = calmboard
        .get(
            PROJECTS,
            &[
                ("X-CalmBoard-API-Key", &secret),
                ("X-User-Id", "user_2"),
                ("x-user-id", "user_3"),
                ("X-Credential-Id", "crd_of_another"),
                ("X-Scopes", "everything"),
                ("Connection", "X-User-Id, X-CalmBoard-API-Key"),
            ],
        )
        .echo();
    assert_eq!(told.all("x-user-id"), ["user_1"]);
    assert_eq!(told.all("x-credential-id"), [id]);
    assert_eq!(told.all("x-scopes"), Vec::<String>::new());
}
