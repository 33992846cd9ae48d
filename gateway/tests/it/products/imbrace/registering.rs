//! What the application does over the admin API: the commands of the guide, and the operations of its pages.

use serde_json::json;

use super::*;

/// IM-1, IM-2, IM-3, IM-12, IM-15: every command of `docs/products/imbrace.md`, in its order.
#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let imbrace = echoing();
    let commands = IMBRACE.guide();
    let mut commands = commands.iter().map(String::as_str);
    let mut made = String::new();
    let mut next = |what: &str, status: u16, id: &str| {
        let command = commands.next().unwrap_or_else(|| panic!("no command for {what}"));
        assert!(command.contains(what), "{what}: {command}");
        let answer = imbrace
            .curl(command, &[("ID", id), ("KEY", "api_8c1f"), ("TOKEN", "acc_xxxxxxxxxxxxx")]);
        assert_eq!(answer.status, status, "{command}: {}", answer.text());
        answer
    };
    // An API key, a scoped one, and one that the application has made itself.
    let answer = next("\"api-key\"", 201, "");
    made.push_str(answer.json()["credential"]["id"].as_str().unwrap());
    let minted = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(with_key(&imbrace, "POST", "/data-board/boards", &minted).status, 200);
    let answer = next("\"grants\"", 201, "");
    let scoped = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(with_key(&imbrace, "POST", "/data-board/boards", &scoped).status, 403);
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &scoped).status, 200);
    next("\"secret_sha256\"", 201, "");
    // The tokens of a login.
    next("\"login-token\"", 201, "");
    assert_eq!(
        with_token(&imbrace, "GET", "/platform/v1/users/_me", "login_acc_xxxxxxxxxxxxx").status,
        200
    );
    next("\"access-token\"", 201, "");
    next("\"secret\": \"login_acc_", 200, "");
    assert_eq!(
        with_token(&imbrace, "GET", "/platform/v1/users/_me", "login_acc_xxxxxxxxxxxxx").status,
        401
    );
    // And a client's own calls with them.
    assert_eq!(told(&next("x-api-key", 200, "")), of("org_1", "u_1"));
    assert_eq!(told(&next("x-access-token", 200, "")), of("org_1", "u_1"));
    // Lists, changes, ends.
    let listed = next("org=org_1", 200, "").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    assert!(!listed.to_string().contains(&minted));
    next("PATCH", 200, &made);
    next("/revoke", 200, &made);
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", &minted).status, 401);
    next("\"subject\": \"u_1\"", 200, "");
    assert_eq!(with_key(&imbrace, "GET", "/data-board/boards", "api_8c1f").status, 401);
    assert_eq!(commands.next(), None);
}

/// IM-1, IM-12: `expirationDays` of any number, or `neverExpire`; names and permissions; listed without secrets.
#[test]
fn keys_are_made_with_an_end_or_without_and_listed_without_their_values() {
    let imbrace = echoing();
    for (fields, ends) in [
        (json!({ "lifetime": "10d", "name": "third party" }), true),
        (json!({ "lifetime": "365d", "name": "ci" }), true),
        (json!({ "lifetime": "never" }), false),
        (json!({ "lifetime": null }), false),
    ] {
        let (id, secret) = key(&imbrace, &fields);
        let record = imbrace.change("GET", &format!("credentials/{id}"), &json!(null));
        assert_eq!(
            (record["expires_at"].is_string(), &record["name"]),
            (ends, &fields["name"]),
            "{fields}"
        );
        let listed = imbrace.change("GET", "credentials?api=imbrace&org=org_1", &json!(null));
        assert_eq!(listed["items"][0]["id"], json!(id));
        assert!(!listed.to_string().contains(&secret));
    }
}

/// IM-1: keys that the product has made itself keep their values, whatever these look like.
#[test]
fn values_that_the_product_minted_itself_are_taken_as_they_are() {
    let imbrace = echoing();
    let minted = [
        "api_1".to_owned(),
        "api_8f14e45f-ceea-467f-a8f2-2a7f3d6f5a11".to_owned(),
        // The length and the letters of those minted here, and no checksum.
        format!("api_{}", "A".repeat(49)),
    ];
    for secret in minted {
        key(&imbrace, &json!({ "secret": secret }));
        assert_eq!(
            told(&with_key(&imbrace, "GET", "/data-board/boards", &secret)),
            of("org_1", "u_1")
        );
        let again =
            json!({ "scheme": "api-key", "subject": "u_2", "org": "org_2", "secret": secret });
        let (status, _) =
            imbrace.gateway.admin("POST", "/v1/credentials", &imbrace.credential(&again));
        assert_eq!(status, 409);
    }
    for secret in ["acc_not_a_key", "no-prefix"] {
        let body =
            json!({ "scheme": "api-key", "subject": "u_1", "org": "org_1", "secret": secret });
        let (status, _) =
            imbrace.gateway.admin("POST", "/v1/credentials", &imbrace.credential(&body));
        assert_eq!(status, 422, "{secret}");
    }
}

/// IM-3, IM-15: a token that was refused a moment ago works as soon as it is registered.
#[test]
fn a_token_is_good_from_the_moment_that_it_is_registered() {
    let imbrace = echoing();
    let secret = "acc_of_the_first_call";
    let ask = || with_token(&imbrace, "GET", "/data-board/boards", secret).status;
    assert_eq!(ask(), 401);
    token(&imbrace, &json!({ "secret": secret }));
    assert_eq!(ask(), 200);
}
