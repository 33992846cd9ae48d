//! The commands of `docs/products/agentkanban.md`.

use serde_json::{Value, json};

use super::{AGENTKANBAN, UNAUTHORIZED, ask, refused};

/// AK-2, AK-6: each as it stands there, in its order.
#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let kanban = AGENTKANBAN.echoing();
    let commands = AGENTKANBAN.guide();
    let mut commands = commands.iter();
    let mut run = |what: &str, status: u16, variables: &[(&str, &str)]| -> Value {
        let command = commands.next().unwrap_or_else(|| panic!("no command for {what}"));
        assert!(command.contains(what), "{what}: {command}");
        let answer = kanban.curl(command, variables);
        assert_eq!(answer.status, status, "{command}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    };
    let status =
        |method: &str, secret: &str| ask(&kanban, method, "/boards/board_1", secret).status;
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    run(r#""kind": "org""#, 201, &[]);
    run(r#""kind": "board""#, 201, &[]);
    run("members/bob", 201, &[]);
    run("DELETE", 204, &[]);

    let all = run("MCP Server", 201, &[]);
    let (id, secret) = (text(&all["credential"]["id"]), text(&all["secret"]));
    let read = text(&run("Dashboard", 201, &[])["secret"]);
    let some = run("CI Pipeline", 201, &[]);
    let ci = text(&some["credential"]["id"]);
    assert_eq!(
        (status("POST", &secret), status("POST", &read), status("GET", &read)),
        (200, 403, 200)
    );
    run("ak_YourApiKeyHere", 201, &[]);
    assert_eq!(status("POST", "ak_YourApiKeyHere"), 200);

    let listed = run("subject=ann", 200, &[]);
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    assert_eq!(run("/reveal", 200, &[("ID", &id)]), json!({ "secret": secret }));
    run("/grants/board_2", 201, &[("CI", &ci)]);
    run("/grants/board_2", 204, &[("CI", &ci)]);
    let revoked = run("/revoke", 200, &[("ID", &id)]);
    assert_eq!(revoked["propagation"]["complete"], true);
    refused(&ask(&kanban, "GET", "/boards", &secret), 401, UNAUTHORIZED);
    assert_eq!(commands.next(), None);
}
