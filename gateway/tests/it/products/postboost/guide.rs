//! The commands of `docs/products/postboost.md`.

use serde_json::Value;

use super::{INSUFFICIENT, POSTBOOST, UNAUTHENTICATED, W1, ask, refused};

/// PB-2, PB-6, PB-12: each as it stands there, in its order.
#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let postboost = POSTBOOST.echoing();
    let commands = POSTBOOST.guide();
    let mut commands = commands.iter();
    let mut run = |what: &str, status: u16, id: &str| -> Value {
        let command = commands.next().unwrap_or_else(|| panic!("no command for {what}"));
        assert!(command.contains(what), "{what}: {command}");
        let answer = postboost.curl(command, &[("ID", id)]);
        assert_eq!(answer.status, status, "{command}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    };
    let posts = format!("/{W1}/posts");
    let status = |secret: &str| ask(&postboost, "GET", &posts, secret).status;
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    run("workspace", 201, "");
    run("members/user_2", 201, "");
    run("subjects/user_9", 201, "");
    run(r#""state": "locked""#, 200, "");
    // So that the rest can be seen to work.
    let open = serde_json::json!({ "capabilities": ["api"], "state": "ok" });
    postboost.change("PATCH", &format!("resources/{W1}"), &open);

    let personal = run(r#""30d""#, 201, "");
    let (id, secret) = (text(&personal["credential"]["id"]), text(&personal["secret"]));
    let scoped = text(&run(r#""scopes""#, 201, "")["secret"]);
    assert_eq!((status(&secret), status(&scoped)), (200, 200));
    refused(&ask(&postboost, "PUT", &format!("{posts}/1"), &scoped), 403, INSUFFICIENT);
    run(r#""secret": "12|"#, 201, "");
    run("secret_sha256", 201, "");
    assert_eq!(status("12|mFJdTzrRvLkQ8sYx0aWc"), 200);

    let listed = run("subject=user_1", 200, "");
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let deleted = run("DELETE", 200, &id);
    assert_eq!(deleted["propagation"]["complete"], true);
    refused(&ask(&postboost, "GET", &posts, &secret), 401, UNAUTHENTICATED);
    run("/v1/revocations", 200, "");
    refused(&ask(&postboost, "GET", &posts, "12|mFJdTzrRvLkQ8sYx0aWc"), 401, UNAUTHENTICATED);
    assert_eq!(commands.next(), None);
}
