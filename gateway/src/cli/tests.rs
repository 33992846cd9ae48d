//! The command line as a shell sees it, against an admin API on a socket.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::admin::house::{House, TOKEN};

/// How a command ended.
struct Ended {
    code: u8,
    out: String,
    err: String,
}

fn portcullis(arguments: &[&str]) -> Ended {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let console = &mut Console { out: &mut out, err: &mut err };
    let code = match Arguments::try_parse_from(["portcullis"].iter().chain(arguments)) {
        Err(usage) => u8::try_from(usage.exit_code()).unwrap(),
        Ok(arguments) => match dispatch(arguments.command, console) {
            Ok(()) => 0,
            Err(failure) => {
                let code = if matches!(failure, Failure::Usage(_)) { 2 } else { 1 };
                failure.end(console.err);
                code
            }
        },
    };
    Ended { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// A shell with an admin API, and a file that holds its token.
struct Shell {
    admin: String,
    token: String,
    folder: TempDir,
    _runtime: Runtime,
}

impl Shell {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let bound =
            async { (House::new(), tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()) };
        let (house, listener) = runtime.block_on(bound);
        let admin = format!("http://{}/", listener.local_addr().unwrap());
        runtime.spawn(async move {
            axum::serve(listener, house.router.clone()).await.unwrap();
            drop(house);
        });
        let folder = TempDir::new().unwrap();
        let token = file(&folder, "token", &format!("{TOKEN}\n"));
        Self { admin, token, folder, _runtime: runtime }
    }

    fn credential(&self, arguments: &[&str]) -> Ended {
        let places = ["credential", "--admin", &self.admin, "--token-file", &self.token];
        portcullis(&[&places, arguments].concat())
    }

    fn create(&self, with: &[&str]) -> Ended {
        let create = ["create", "--api", "app", "--scheme", "key", "--subject", "user_1"];
        self.credential(&[&create, with].concat())
    }

    fn file(&self, name: &str, content: &str) -> String {
        file(&self.folder, name, content)
    }
}

fn file(folder: &TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn read_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

// --- credential ------------------------------------------------------------------------------------------------------

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
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let admin = format!("http://{closed}");
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

// --- check -----------------------------------------------------------------------------------------------------------

const GOOD: &str = "upstreams: { app: [\"127.0.0.1:9\"] }\napis: [{ name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }]\n";

#[test]
fn check_judges_each_path_on_its_own_and_prints_all_problems() {
    let folder = TempDir::new().unwrap();
    let good = file(&folder, "good.yaml", GOOD);
    let bad = file(&folder, "bad.yaml", &GOOD.replace("prefix:", "prefx:"));
    let missing = folder.path().join("missing.yaml").display().to_string();
    let ended = portcullis(&["check", &bad, &good, &missing]);
    assert_eq!(ended.code, 1);
    for problem in [format!("{bad}:2:"), format!("{missing}:1:1: ")] {
        assert!(ended.out.contains(&problem), "{}", ended.out);
    }
    assert!(!ended.out.contains("good.yaml"));
    let ended = portcullis(&["check", &good]);
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "", ""));
}

#[test]
fn check_takes_a_folder_as_one_configuration() {
    let folder = TempDir::new().unwrap();
    for (name, line) in ["a.yaml", "b.yaml"].iter().zip(GOOD.lines()) {
        file(&folder, name, line);
    }
    assert_eq!(portcullis(&["check", folder.path().to_str().unwrap()]).code, 0);
}

#[test]
fn check_warns_of_what_is_missing_on_this_machine_and_accepts() {
    let folder = TempDir::new().unwrap();
    let yaml = format!("server: {{ replica: \"${{NOT_SET_ANYWHERE}}\" }}\n{GOOD}");
    let path = file(&folder, "c.yaml", &yaml);
    let ended = portcullis(&["check", &path]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.starts_with(&format!("{path}:1:")), "{}", ended.out);
    assert!(ended.out.contains("warning: ") && ended.out.contains("NOT_SET_ANYWHERE"));
}

// --- how it ends -----------------------------------------------------------------------------------------------------

/// Nobody reads it.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn whoever_closes_our_output_is_told_no_more() {
    let mut err = Vec::new();
    let console = &mut Console { out: &mut Closed, err: &mut err };
    let Err(failure) = dispatch(Command::Version, console) else { panic!("it was written") };
    failure.end(console.err);
    assert!(err.is_empty());
}

#[test]
fn version_says_what_was_built() {
    let ended = portcullis(&["version"]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[2]
            .strip_prefix("pingora ")
            .unwrap()
            .starts_with(|digit: char| digit.is_ascii_digit())
    );
}
