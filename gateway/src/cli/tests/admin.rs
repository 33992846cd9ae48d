//! The commands over the admin API.

use socket2::{Domain, Socket, Type};

use super::*;

#[test]
fn a_create_prints_the_secret_once_and_for_programs_the_answer_as_it_came() {
    let shell = Shell::new();
    let shown = shell.create(&["--name", "ci", "--org", "org_1", "--metadata", r#"{"a": 1}"#]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert_eq!(shown.out.lines().filter(|line| line.starts_with("secret")).count(), 1);
    assert!(shown.err.contains("this once"));
    let answer = shell.create(&["--output", "json", "--lifetime", "30d"]);
    let answer = read_json(&answer.out);
    assert!(answer["secret"].as_str().unwrap().starts_with("ak_"));
    assert_eq!(answer["credential"]["version"], 1);
    assert!(!shell.credential(&["list"]).out.contains(answer["secret"].as_str().unwrap()));
}

#[test]
fn a_list_stays_a_table_whatever_the_names_are() {
    let shell = Shell::new();
    for name in ["\u{202e}gnp", "a\u{2028}b", "🏠", &"x".repeat(200)] {
        assert_eq!(shell.create(&["--name", name]).code, 0);
    }
    let list = shell.credential(&["list", "--api", "app", "--state", "active", "--limit", "3"]);
    assert_eq!(list.out.lines().count(), 4, "{}", list.out);
    assert!(!list.out.contains(['\u{202e}', '\u{2028}']));
    let cursor = list.err.trim().strip_prefix("there are more: --cursor ").unwrap();
    let rest = shell.credential(&["list", "--limit", "3", "--cursor", cursor]);
    assert_eq!(rest.out.lines().count(), 2, "{}", rest.out);
    assert!(rest.err.is_empty());
    let json = shell.credential(&["list", "--output", "json"]);
    assert_eq!(read_json(&json.out)["items"][3]["name"], "\u{202e}gnp");
}

#[test]
fn show_revoke_and_delete_take_an_id() {
    let shell = Shell::new();
    let created = read_json(&shell.create(&["--output", "json"]).out);
    let id = created["credential"]["id"].as_str().unwrap();
    assert!(shell.credential(&["show", id]).out.contains(id));
    let revoked = shell.credential(&["revoke", id, "--reason", "seen in a log"]);
    assert!(revoked.out.contains("revoked") && revoked.out.contains("seen in a log"));
    assert!(revoked.err.contains("gw-1: applied"), "{}", revoked.err);
    let again = shell.credential(&["revoke", id, "--output", "json"]);
    assert_eq!(read_json(&again.out)["credential"]["revoke_reason"], "seen in a log");
    let deleted = shell.credential(&["delete", id]);
    assert_eq!((deleted.code, deleted.out.as_str()), (0, ""));
    let gone = shell.credential(&["show", id, "--output", "json"]);
    assert_eq!((gone.code, gone.out.as_str()), (1, ""));
    assert_eq!(gone.err, "error: there is no such record\n");
}

#[test]
fn a_credential_is_made_with_all_its_rights_and_changed_in_part() {
    let shell = Shell::new();
    let rights = [
        "--ceiling",
        "edit",
        "--grant",
        "board_1=admin",
        "--grant",
        "board_2=read",
        "--scope",
        "a",
        "--scope",
        "b",
        "--address",
        "10.0.0.0/8",
        "--limit",
        "per-key=7",
        "--audience",
        "https://example.com/",
        "--client-id",
        "c_1",
        "--output",
        "json",
    ];
    let made = read_json(&shell.create(&rights).out)["credential"].clone();
    assert_eq!(made["grants"], json!({ "board_1": "admin", "board_2": "read" }));
    assert_eq!((&made["scopes"], &made["limits"]), (&json!(["a", "b"]), &json!({ "per-key": 7 })));
    let id = made["id"].as_str().unwrap();
    let update = ["update", id, "--name", "x", "--disable", "--unset", "scopes", "--no-grants"];
    let changed = shell.credential(&[&update[..], &["--output", "json"]].concat());
    assert_eq!(changed.code, 0, "{}", changed.err);
    let changed = read_json(&changed.out);
    assert_eq!((&changed["name"], &changed["state"]), (&json!("x"), &json!("disabled")));
    assert_eq!((&changed["scopes"], &changed["grants"]), (&Value::Null, &json!({})));
    assert_eq!((&changed["ceiling"], &changed["version"]), (&json!("edit"), &json!(2)));
    let stale = shell.credential(&["update", id, "--enable", "--if-match", "1"]);
    assert_eq!(stale.code, 1);
    assert!(stale.err.contains("another version"), "{}", stale.err);
    let enabled = shell.credential(&["update", id, "--enable", "--if-match", "2"]);
    assert!(enabled.out.contains("active"), "{}{}", enabled.out, enabled.err);
    for wrong in [["--grant", "board_1"], ["--limit", "per-key=many"], ["--metadata", "{"]] {
        assert_eq!(shell.create(&wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn rotate_prints_the_successor_and_reveal_the_secret_alone() {
    let shell = Shell::new();
    let create = ["create", "--api", "app", "--scheme", "shown", "--subject", "user_1"];
    let made = read_json(&shell.credential(&[&create[..], &["--output", "json"]].concat()).out);
    let id = made["credential"]["id"].as_str().unwrap();
    let revealed = shell.credential(&["reveal", id, "--subject", "user_1"]);
    assert_eq!(revealed.out.trim_end(), made["secret"].as_str().unwrap());
    assert_eq!(shell.credential(&["reveal", id, "--subject", "user_2"]).code, 1);
    let rotated = shell.credential(&["rotate", id, "--overlap", "24h"]);
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    assert!(rotated.out.contains("sh_") && rotated.err.contains("this once"));
    assert!(!rotated.out.contains(made["secret"].as_str().unwrap()));
    assert_eq!(shell.credential(&["rotate", id]).code, 2, "an overlap is asked for");
}

#[test]
fn subjects_are_put_listed_changed_and_deleted() {
    let shell = Shell::new();
    let subject =
        |arguments: &[&str]| shell.run("subject", &[&["--realm", "app"], arguments].concat());
    let put = subject(&[
        "put",
        "user/1",
        "--kind",
        "service",
        "--subject-admin",
        "true",
        "--capability",
        "api",
    ]);
    assert_eq!(put.code, 0, "{}", put.err);
    assert!(put.out.contains("user/1") && put.out.contains("service"));
    assert_eq!(subject(&["create", "..", "--state", "suspended"]).code, 0);
    let list = subject(&["list", "--limit", "1"]);
    assert!(list.out.contains("..") && list.err.contains("--cursor"), "{}{}", list.out, list.err);
    let json = subject(&[
        "update",
        "user/1",
        "--state",
        "inactive",
        "--unset",
        "capabilities",
        "--output",
        "json",
    ]);
    let json = read_json(&json.out);
    assert_eq!((&json["state"], &json["capabilities"]), (&json!("inactive"), &json!([])));
    assert_eq!((&json["admin"], &json["kind"]), (&json!(true), &json!("service")));
    let deleted = subject(&["delete", "user/1"]);
    assert_eq!((deleted.code, deleted.out.as_str()), (0, ""));
    assert_eq!(subject(&["show", "user/1"]).code, 1);
    assert_eq!(shell.run("subject", &["list"]).code, 1, "there are two realms");
}

#[test]
fn resources_and_their_members_are_put_listed_changed_and_deleted() {
    let shell = Shell::new();
    let resource =
        |arguments: &[&str]| shell.run("resource", &[&["--realm", "app"], arguments].concat());
    assert_eq!(resource(&["put", "org_1", "--kind", "org", "--plan", "pro"]).code, 0);
    let put =
        resource(&["put", "b_1", "--kind", "board", "--parent", "org_1", "--member", "u_1=edit"]);
    assert_eq!(put.code, 0, "{}", put.err);
    let added = resource(&["add-member", "b_1", "u_2", "read", "--output", "json"]);
    assert_eq!(read_json(&added.out)["members"], json!({ "u_1": "edit", "u_2": "read" }));
    assert_eq!(resource(&["remove-member", "b_1", "u_1"]).code, 0);
    let list = resource(&["list", "--parent", "org_1", "--output", "json"]);
    assert_eq!(read_json(&list.out)["items"][0]["members"], json!({ "u_2": "read" }));
    let emptied =
        resource(&["update", "b_1", "--no-members", "--state", "archived", "--output", "json"]);
    assert_eq!(read_json(&emptied.out)["members"], json!({}));
    assert_eq!(resource(&["update", "b_1", "--unset", "members", "--if-match", "9"]).code, 1);
    assert_eq!(resource(&["put", "x", "--kind", "board", "--parent", "nowhere"]).code, 1);
    assert_eq!(resource(&["delete", "b_1"]).code, 0);
    assert_eq!(resource(&["show", "b_1"]).code, 1);
}

#[test]
fn every_change_of_a_record_can_be_tied_to_its_version() {
    let shell = Shell::new();
    let id = read_json(&shell.create(&["--output", "json"]).out);
    let id = id["credential"]["id"].as_str().unwrap();
    let of = |kind: &str, arguments: &[&str]| {
        shell.run(kind, &[&["--realm", "app"], arguments].concat())
    };
    assert_eq!(of("subject", &["put", "u_1"]).code, 0);
    assert_eq!(of("resource", &["put", "r_1", "--kind", "org", "--member", "u_1=read"]).code, 0);
    let calls: [(&str, &[&str]); 6] = [
        ("resource", &["add-member", "r_1", "u_2", "read"]),
        ("resource", &["remove-member", "r_1", "u_1"]),
        ("resource", &["delete", "r_1"]),
        ("subject", &["delete", "u_1"]),
        ("subject", &["put", "u_1"]),
        ("resource", &["update", "r_1", "--state", "locked"]),
    ];
    for (kind, arguments) in calls {
        let stale = of(kind, &[arguments, &["--if-match", "9"]].concat());
        assert!(stale.code == 1 && stale.err.contains("another version"), "{}", stale.err);
    }
    for arguments in [&["rotate", id, "--overlap", "1h"][..], &["revoke", id], &["delete", id]] {
        let stale = shell.credential(&[arguments, &["--if-match", "9"]].concat());
        assert!(stale.code == 1 && stale.err.contains("another version"), "{}", stale.err);
    }
    assert_eq!(shell.credential(&["revoke", id, "--if-match", "1"]).code, 0);
    assert_eq!(shell.credential(&["delete", id, "--if-match", "2"]).code, 0);
    assert_eq!(of("resource", &["add-member", "r_1", "u_2", "read", "--if-match", "1"]).code, 0);
    assert_eq!(of("resource", &["remove-member", "r_1", "u_1", "--if-match", "2"]).code, 0);
    assert_eq!(of("resource", &["delete", "r_1", "--if-match", "3"]).code, 0);
    assert_eq!(of("subject", &["delete", "u_1", "--if-match", "1"]).code, 0);
}

#[test]
fn a_refusal_names_every_field_on_stderr() {
    let shell = Shell::new();
    let refused = shell.create(&["--org", "a,b", "--lifetime", "30", "--external-id", "*"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    for field in ["org: ", "lifetime: ", "external_id: "] {
        assert!(refused.err.contains(&format!("\n  {field}")), "{}", refused.err);
    }
}

#[test]
fn a_secret_that_is_brought_comes_from_a_file() {
    let shell = Shell::new();
    let secret = shell.file("secret", "ak_brought-from-afar\r\n");
    let made = shell.create(&["--secret-file", &secret, "--created-at", "2020-01-01T00:00:00Z"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(!made.out.contains("brought") && made.out.contains("ak_afar"), "{}", made.out);
    let again = shell.create(&["--secret-file", &secret]);
    assert_eq!(again.code, 1);
    assert!(!again.err.contains("afar"), "{}", again.err);
    let digest = shell.file("digest", &"ab".repeat(32));
    assert_eq!(shell.create(&["--secret-sha256-file", &digest]).code, 0);
}

#[test]
fn a_file_of_a_secret_that_is_missing_empty_or_endless_is_a_message() {
    let shell = Shell::new();
    let empty = shell.file("empty", "\n");
    for path in ["/nowhere", &empty, "/dev/zero"] {
        let refused = shell.create(&["--secret-file", path]);
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains(path), "{}", refused.err);
    }
    let token = portcullis(&["credential", "--token-file", &empty, "list"]);
    assert_eq!(token.code, 1, "{}", token.err);
}

#[test]
fn stdin_can_be_only_one_of_the_files() {
    let both = ["create", "--api", "a", "--scheme", "s", "--subject", "u", "--secret-file", "-"];
    let ended = portcullis(&[&["credential", "--token-file", "-"][..], &both].concat());
    assert_eq!(ended.code, 2, "{}", ended.err);
}

#[test]
fn no_secret_is_an_argument() {
    let arguments = [
        vec!["credential", "list", "--token", "x"],
        vec![
            "credential",
            "create",
            "--api",
            "a",
            "--scheme",
            "s",
            "--subject",
            "u",
            "--secret",
            "x",
        ],
    ];
    for arguments in arguments {
        assert_eq!(portcullis(&arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn an_id_that_is_none_asks_nobody() {
    let shell = Shell::new();
    for id in ["", "crd_1/revoke", "..", "crd_1?x=1", "crd%5f1", "crd_1#", "crd 1", "crd_\u{e9}"] {
        let ended = shell.credential(&["show", id]);
        assert_eq!(ended.code, 1, "{id}");
        assert!(ended.err.contains("no credential's id"), "{id}: {}", ended.err);
    }
}

#[test]
fn an_admin_url_is_plain_http_without_credentials() {
    let shell = Shell::new();
    for admin in [
        "https://127.0.0.1",
        "http://user:pass@127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:9901",
        "/",
        "",
    ] {
        let ended =
            portcullis(&["credential", "--admin", admin, "--token-file", &shell.token, "list"]);
        assert_eq!(ended.code, 2, "{admin}: {}", ended.err);
        assert!(!ended.err.contains("pass@"), "{}", ended.err);
    }
}

#[test]
fn a_wrong_token_is_refused_and_not_shown() {
    let shell = Shell::new();
    for token in ["wrong-token", "line\nbreak", "t\u{f6}ken"] {
        let file = shell.file("other", token);
        let ended =
            portcullis(&["credential", "--admin", &shell.admin, "--token-file", &file, "list"]);
        assert_eq!(ended.code, 1, "{token}");
        assert!(!ended.err.contains(token), "{}", ended.err);
    }
}

/// Answers one connection with `answer`, and gives what it was sent.
fn stranger(answer: String) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        connection.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(head).unwrap()
    };
    (address, thread::spawn(serve))
}

#[test]
fn what_is_not_the_admin_api_is_told_as_such() {
    let folder = TempDir::new().unwrap();
    let token = file(&folder, "token", TOKEN);
    let answers = [
        ("200 OK", "<html>\u{1b}[31m", "not of the admin API"),
        ("200 OK", r#"{"items": [{"id": 7}], "next": null}"#, "not of the admin API"),
        ("500 Internal Server Error", "oops", "status 500"),
        ("302 Found\r\nLocation: http://127.0.0.1:9/", "", "status 302"),
    ];
    for (status, body, says) in answers {
        let length = body.len();
        let (address, sent) =
            stranger(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"));
        let admin = format!("http://{address}");
        let ended = portcullis(&["credential", "--admin", &admin, "--token-file", &token, "list"]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""));
        assert!(ended.err.contains(says) && !ended.err.contains('\u{1b}'), "{}", ended.err);
        assert!(sent.join().unwrap().to_lowercase().contains("authorization: bearer"));
    }
    // Taken, so that nobody else comes to listen there.
    let closed = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    closed.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = closed.local_addr().unwrap().as_socket().unwrap();
    let admin = format!("http://{address}");
    let ended = portcullis(&["credential", "--admin", &admin, "--token-file", &token, "list"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("cannot reach the admin API"), "{}", ended.err);
}

#[test]
fn a_problem_cannot_command_the_terminal() {
    let folder = TempDir::new().unwrap();
    let token = file(&folder, "token", TOKEN);
    let body = json!({
        "detail": "x", "errors": [{ "field": "a\u{1b}[2J\n", "message": "b\u{9b}" }],
    });
    let body = body.to_string();
    let head = "HTTP/1.1 422 Unprocessable Content\r\nContent-Type: application/problem+json";
    let (address, sent) =
        stranger(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let admin = format!("http://{address}");
    let ended = portcullis(&["credential", "--admin", &admin, "--token-file", &token, "list"]);
    sent.join().unwrap();
    assert!(!ended.err.contains(['\u{1b}', '\u{9b}']), "{:?}", ended.err);
    assert_eq!(ended.err.lines().count(), 2, "{:?}", ended.err);
}
