//! Contract 1: the other commands. Data on stdout, messages on stderr, and the exit code says how it ended.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Client, Gateway, Upstream, one_api, request};

fn portcullis(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn check(folder: &Path, yaml: &str) -> Output {
    std::fs::write(folder.join("c.yaml"), yaml).unwrap();
    portcullis(&["check", "c.yaml"]).current_dir(folder).output().unwrap()
}

const GOOD: &str = "upstreams: { app: [127.0.0.1:9000] }
apis:
  - name: app
    upstream: app
    schemes: [{ name: key, prefix: ak_ }]
";

#[test]
fn check_accepts_a_good_configuration_and_contacts_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(folder.path(), GOOD);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "it has made a file");
}

#[test]
fn check_prints_every_problem_to_stdout_as_file_line_column_path_message() {
    let folder = tempfile::tempdir().unwrap();
    let yaml =
        GOOD.replace("upstream: app", "upsteam: app").replace("prefix: ak_", "prefix: 7, form: []");
    let output = check(folder.path(), &yaml);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.lines().count() >= 2, "{said}");
    for line in said.lines() {
        let parts: Vec<_> = line.splitn(5, ':').collect();
        assert!(parts.len() == 5 && parts[0] == "c.yaml", "{line}");
        assert!(parts[1].parse::<u32>().is_ok() && parts[2].parse::<u32>().is_ok(), "{line}");
    }
    assert!(said.contains("c.yaml:4:5:") && said.contains("upstream"), "{said}");
}

#[test]
fn what_would_break_a_promise_or_do_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let reserved = [
        "host",
        "cookie",
        "authorization",
        "content-type",
        "connection",
        "te",
        "x-forwarded-for",
        "x-api-key",
    ];
    let identities =
        reserved.map(|name| format!("    identity: {{ headers: {{ {name}: org }} }}\n"));
    let others = [
        "    routes: [{ path: /a, auth: none, accept: [key] }]\n",
        "    routes: [{ path: /a, upstream: nowhere }]\n",
        "    routes: [{ path: /a }, { path: /a }]\n",
        "    routes: [{ path: \"/a/{x}\" }, { path: \"/a/{y}\" }]\n",
        "    routes: [{ path: a }]\n",
        "    routes: [{ path: /a/../b }]\n",
        "    routes: [{ path: /a, rewrite: { strip_prefix: /b } }]\n",
        "    routes: [{ path: /a, accept: [other] }]\n",
        "  - { name: app, upstream: app }\n",
        "server: { bounds: { head: 16 KB } }\n",
        "server: { drain: { delay: 5 } }\n",
        "server: { threads: many }\n",
    ];
    for line in identities.iter().map(String::as_str).chain(others) {
        let output = check(folder.path(), &format!("{GOOD}{line}"));
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(text(&output.stdout).starts_with("c.yaml:"), "{line}: {output:?}");
    }
}

#[test]
fn to_check_a_missing_variable_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let output = check(folder.path(), &format!("{GOOD}server: {{ replica: \"${{NOT_SET}}\" }}\n"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("NOT_SET"), "{said}");
}

#[test]
fn a_file_that_is_not_there_or_no_yaml_is_a_message_and_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let output = portcullis(&["check", "none.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!((text(&output.stdout) + &text(&output.stderr)).contains("none.yaml"));
    for yaml in ["apis: [", "\t", "a: &x [*x]", "{}", "[]", "\u{0}"] {
        let output = check(folder.path(), yaml);
        assert_eq!(output.status.code(), Some(1), "{yaml:?}: {output:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{output:?}");
    }
}

#[test]
fn version_says_version_commit_and_pingora() {
    let output = portcullis(&["version"]).output().unwrap();
    let said = text(&output.stdout);
    assert!(
        output.status.success()
            && said.contains(env!("CARGO_PKG_VERSION"))
            && said.contains("0.9.1"),
        "{said}"
    );
}

#[test]
fn a_wrong_use_ends_with_code_2() {
    for arguments in [&["run"][..], &["check"], &["nonsense"], &["credential", "show"], &[]] {
        assert_eq!(portcullis(arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn credentials_are_made_shown_listed_revoked_and_deleted_from_a_shell() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let admin = format!("http://{}", gateway.address("admin"));
    let run = |arguments: &[&str]| {
        let mut command = portcullis(&["credential"]);
        command
            .args(arguments)
            .env("PORTCULLIS_ADMIN", &admin)
            .env("PORTCULLIS_ADMIN_TOKEN", ADMIN_TOKEN);
        command.output().unwrap()
    };
    let json = |output: &Output| -> Value {
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let made = [
        "create",
        "--api",
        "app",
        "--scheme",
        "key",
        "--subject",
        "u_1",
        "--lifetime",
        "30d",
        "--output",
        "json",
    ];
    let created = json(&run(&made));
    let (id, secret) =
        (created["credential"]["id"].as_str().unwrap(), created["secret"].as_str().unwrap());
    assert_eq!(gateway.get("/", &[("x-api-key", secret)]).status, 200);
    assert_eq!(json(&run(&["show", id, "--output", "json"]))["subject"], "u_1");
    let table = run(&["list"]);
    assert!(table.status.success() && text(&table.stdout).contains(id), "{table:?}");
    assert!(run(&["revoke", id, "--reason", "lost"]).status.success());
    assert_eq!(gateway.get("/", &[("x-api-key", secret)]).status, 401);
    assert!(run(&["delete", id]).status.success());
    let gone = run(&["show", id]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(gone.stdout.is_empty() && !gone.stderr.is_empty());
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let ended = portcullis(&["credential", "list"])
        .env("PORTCULLIS_ADMIN", "")
        .env("PORTCULLIS_ADMIN_TOKEN", "a-token-that-nobody-has")
        .output()
        .unwrap();
    // Whoever listens there or not: that is where it asks.
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

#[test]
fn tokens_and_secrets_come_from_files_or_stdin_never_from_arguments() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), format!("{ADMIN_TOKEN}\n")).unwrap();
    let admin = format!("http://{}", gateway.address("admin"));
    let mut command =
        portcullis(&["credential", "create", "--admin", &admin, "--token-file", "token"]);
    command.args([
        "--api",
        "app",
        "--scheme",
        "key",
        "--subject",
        "u_1",
        "--lifetime",
        "never",
        "--secret-file",
        "-",
    ]);
    let mut child = command
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"ak_from-stdin\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(gateway.get("/", &[("x-api-key", "ak_from-stdin")]).status, 200);
    let refused = portcullis(&["credential", "list", "--admin", &admin]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "no token");
    let wrong = portcullis(&["credential", "list", "--admin", &admin])
        .env("PORTCULLIS_ADMIN_TOKEN", "a-wrong-token-that-nobody-has")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!text(&wrong.stderr).contains("a-wrong-token"), "{wrong:?}");
}

#[test]
fn the_demo_prints_three_lines_that_work_and_ends_with_the_signal() {
    for signal in ["INT", "TERM"] {
        let folders = tempfile::tempdir().unwrap();
        let mut child = portcullis(&["demo"])
            .env("TMPDIR", folders.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let curls: Vec<String> =
            lines.by_ref().filter(|line| line.trim_start().starts_with("curl")).take(3).collect();
        assert_eq!(curls.len(), 3, "the demo ended early");
        let statuses: Vec<u16> = curls.iter().map(|line| follow(line)).collect();
        assert!(statuses.contains(&200), "{statuses:?} of {curls:?}");
        assert!(statuses.contains(&401), "{statuses:?} of {curls:?}");
        let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let admin = lines
            .by_ref()
            .map(words)
            .find(|words| words.first().is_some_and(|word| word.starts_with("PORTCULLIS_ADMIN=")));
        let admin = admin.expect("a line on the admin API");
        let place = admin[0].strip_prefix("PORTCULLIS_ADMIN=http://").unwrap();
        let token = admin[1].strip_prefix("PORTCULLIS_ADMIN_TOKEN=").unwrap();
        let ask = |path: &str| {
            let bearer = format!("Bearer {token}");
            let fields =
                [("host", place), ("authorization", bearer.as_str()), ("connection", "close")];
            let mut client = Client::connect(place.parse().unwrap());
            client.send(request("GET", path, &fields, "")).response().json()
        };
        let org = ask("/v1/resources/org_demo");
        assert_eq!((&org["kind"], &org["members"]["user_demo"]), (&"org".into(), &"admin".into()));
        assert_eq!(ask("/v1/subjects/user_demo")["state"], "active");
        assert_eq!(ask("/v1/credentials")["items"][0]["org"], "org_demo");
        assert_eq!(std::fs::read_dir(folders.path()).unwrap().count(), 1, "its own folder");
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("/bin/sh").arg("-c").arg(kill).status().unwrap().success());
        assert!(child.wait().unwrap().success(), "{signal}");
        assert_eq!(std::fs::read_dir(folders.path()).unwrap().count(), 0, "{signal}");
    }
}

/// Does what a line of curl says (fields and address, that is), and tells the status.
fn follow(line: &str) -> u16 {
    let words: Vec<&str> = line
        .split(['\'', '"'])
        .flat_map(|part| if part.contains(": ") { vec![part] } else { part.split(' ').collect() })
        .collect();
    let url = words.iter().find_map(|word| word.strip_prefix("http://")).expect("an address");
    let (address, target) =
        url.split_once('/').map_or((url, String::from("/")), |(a, t)| (a, format!("/{t}")));
    let mut fields: Vec<_> = words.iter().filter_map(|word| word.split_once(": ")).collect();
    fields.push(("host", address));
    let mut client = Client::connect(address.parse().unwrap());
    client.send(request("GET", &target, &fields, "")).response().status
}
