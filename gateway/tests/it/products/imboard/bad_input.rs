//! Requests that are wrong in every way that one can think of: each gets a documented answer, and none anybody else's rights.

use serde_json::json;

use super::{IMBOARD, refused, token};
use crate::support::{Response, Setup, Upstream};

/// IMB-2: "No token provided or header format is invalid".
#[test]
fn a_header_that_is_missing_or_no_bearer_token_is_unauthenticated() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let missing = ["imb_pat_x", "Basic dXNlcjpwYXNz", "Token imb_pat_x", "", &secret];
    refused(&imboard, &imboard.get("/api/v1/me", &[]), "credential_missing");
    for value in missing {
        let response = imboard.get("/api/v1/me", &[("Authorization", value)]);
        refused(&imboard, &response, "credential_missing");
    }
    let two = format!("Bearer {secret} {secret}");
    for value in ["Bearer", "Bearer  ", "Bearer a b", &two] {
        let response = imboard.get("/api/v1/me", &[("Authorization", value)]);
        refused(&imboard, &response, "credential_malformed");
    }
    assert_eq!(imboard.seen(), 0);
}

/// IMB-3, IMB-22: sessions are not verified here yet, so that a JWT is a token that nobody knows.
#[test]
fn a_bearer_value_that_is_no_known_token_is_an_invalid_token_whatever_it_looks_like() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let (kept, last) = secret.split_at(secret.len() - 1);
    let mistyped = format!("{kept}{}", if last == "0" { "1" } else { "0" });
    let longest = format!("imb_pat_{}", "a".repeat(8 * 1024 - 8));
    let long = "x".repeat(8 * 1024);
    for value in [
        "imb_pat_zzz",
        "imb_pat_",
        "IMB_PAT_zzz",
        "foo",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEifQ.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "imb_pat_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl",
        "12|abc",
        "cbk_zzz",
        &mistyped,
        &longest,
        &long,
    ] {
        let response = imboard.get("/api/v1/me", &[("Authorization", &format!("Bearer {value}"))]);
        refused(&imboard, &response, "credential_unknown");
    }
    let board = imboard.get("/api/v1/me", &[("Authorization", "Bearer imb_bat_zzz")]);
    refused(&imboard, &board, "scheme_not_accepted");
    assert_eq!(imboard.seen(), 0);
}

/// IMB-2: what no token can be.
#[test]
fn a_token_that_is_too_long_or_not_of_visible_characters_is_unauthenticated_or_malformed() {
    let imboard = IMBOARD.echoing();
    let over = format!("Bearer imb_pat_{}", "a".repeat(8 * 1024 - 7));
    refused(
        &imboard,
        &imboard.get("/api/v1/me", &[("Authorization", &over)]),
        "credential_malformed",
    );
    for byte in ["\u{e9}", "\u{1f511}"] {
        let value = format!("Bearer imb_pat_{byte}");
        let response = imboard.get("/api/v1/me", &[("Authorization", &value)]);
        refused(&imboard, &response, "credential_malformed");
    }
    // No field may hold these at all: the request cannot be read, and is answered before anybody knows for whom it is.
    for byte in ["\0", "\u{1}", "\u{7f}", "\u{b}"] {
        let value = format!("Bearer imb_pat_{byte}");
        let response = imboard.get("/api/v1/me", &[("Authorization", &value)]);
        assert_eq!(
            (response.status, response.code().as_str()),
            (400, "request_malformed"),
            "{byte:?}"
        );
    }
    assert_eq!(imboard.seen(), 0);
}

/// IMB-1: names of schemes have no case (RFC 9110), and one token said twice is one token.
#[test]
fn a_good_token_is_taken_in_every_spelling_of_its_header() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    let [lower, upper, spaced] =
        ["bearer ", "BEARER ", "Bearer   "].map(|scheme| format!("{scheme}{secret}"));
    let basic = ("Authorization", "Basic dXNlcjpwYXNz");
    let taken = |fields: &[(&str, &str)]| {
        let told = imboard.get("/api/v1/me", fields).echo();
        assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"), "{fields:?}");
        assert_eq!(told.all("authorization"), Vec::<String>::new(), "{fields:?}");
    };
    for value in [&lower, &upper, &spaced] {
        taken(&[("Authorization", value)]);
        taken(&[("AUTHORIZATION", value)]);
        taken(&[basic, ("Authorization", value)]);
        taken(&[("Authorization", value), basic]);
        taken(&[("Authorization", value), ("Authorization", value)]);
    }
}

/// IMB-2: nobody chooses between two tokens.
#[test]
fn several_authorization_headers_that_differ_are_unauthenticated() {
    let imboard = IMBOARD.echoing();
    let [one, other] = ["user_1", "user_2"].map(|user| {
        let (_, secret) = token(&imboard, &json!({ "subject": user }));
        format!("Bearer {secret}")
    });
    for (first, second) in [(&*one, &*other), (&one, "Bearer foo"), ("Bearer eyJ.eyJ.x", &one)] {
        let fields = [("Authorization", first), ("Authorization", second)];
        refused(&imboard, &imboard.get("/api/v1/me", &fields), "credential_ambiguous");
    }
    assert_eq!(imboard.seen(), 0);
}

/// Every way to write the prefix is one of the API, or is refused: none comes to the application without having been asked.
#[test]
fn no_spelling_of_a_path_leads_around_the_question_who_asks() {
    let imboard = IMBOARD.echoing();
    let asked = [
        "/api/v1",
        "/api/v1/",
        "/api/v1/me/",
        "/%61pi/v1/me",
        "/api/%76%31/me",
        "/api/v1/boards/",
        "/api/v1/panel?x=/../",
    ];
    for target in asked {
        refused(&imboard, &imboard.get(target, &[]), "credential_missing");
    }
    let refused_whole = [
        "//api/v1/me",
        "/api//v1/me",
        "/api/v1/../v1/me",
        "/x/../api/v1/me",
        "/x/%2e%2e/api/v1/me",
        "/api%2Fv1/me",
        "/api\\v1\\me",
        "/api%5Cv1/me",
        "/api/v1/%00me",
        "/./api/v1/me",
        "/..;/api/v1/me",
        "/api/v1/%zz",
        "/api/v1/boards/board_1%3Bx",
    ];
    for target in refused_whole {
        refused(&imboard, &imboard.get(target, &[]), "request_malformed");
    }
    assert_eq!(imboard.seen(), 0);
}

/// What a client says of itself is never believed.
#[test]
fn a_client_that_says_who_it_is_is_told_who_it_is() {
    let imboard = IMBOARD.echoing();
    let (id, secret) = token(&imboard, &json!({}));
    let bearer = format!("Bearer {secret}");
    let told: Response = imboard.get(
        "/api/v1/me",
        &[
            ("Authorization", &bearer),
            ("X-User-Id", "user_2"),
            ("x-user-id", "user_3"),
            ("X-Credential-Id", "crd_of_another"),
            ("X-Board-Id", "board_2"),
            ("X-Level", "admin"),
            ("X-Scopes", "boards:write"),
            ("Connection", "X-User-Id"),
        ],
    );
    let told = told.echo();
    assert_eq!(told.all("x-user-id"), ["user_1"]);
    assert_eq!(told.all("x-credential-id"), [id]);
    for name in ["x-board-id", "x-level", "x-scopes"] {
        assert_eq!(told.all(name), Vec::<String>::new(), "{name}");
    }
}

/// Nor do its users' records count here, whatever their names.
#[test]
fn a_key_of_another_product_that_is_served_beside_is_an_invalid_token() {
    let upstream = Upstream::echo();
    let address = upstream.address().to_string();
    let gateway = Setup::shipped(&["calmboard.yaml", "imboard.yaml"])
        .environment("CALMBOARD_UPSTREAM", &address)
        .environment("IMBOARD_UPSTREAM", &address)
        .start();
    let imboard = IMBOARD.behind(gateway, upstream);
    let (_, own) = token(&imboard, &json!({}));
    let (_, foreign) = imboard.gateway.create(&json!({
        "api": "calmboard", "scheme": "key", "subject": "user_1", "lifetime": "never",
    }));
    let paid = json!({ "capabilities": ["integration_api"] });
    imboard.change("PUT", "subjects/user_1?realm=calmboard", &paid);
    imboard.change("PUT", "subjects/user_1?realm=imboard", &json!({ "state": "suspended" }));
    let at = |host: &str, path: &str, secret: &str| {
        let bearer = format!("Bearer {secret}");
        imboard.gateway.get(path, &[("Host", host), ("Authorization", &bearer)])
    };
    refused(&imboard, &at("app.imboard.ai", "/api/v1/me", &foreign), "credential_unknown");
    refused(&imboard, &at("app.imboard.ai", "/api/v1/me", &own), "subject_suspended");
    let there = at("calmboard.ai", "/api/v1/projects", &own);
    assert_eq!((there.status, &there.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert_eq!(imboard.seen(), 0);
    let told = at("calmboard.ai", "/api/v1/projects", &foreign).echo();
    assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
}
