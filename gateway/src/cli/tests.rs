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

mod admin;
mod explain;

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

    fn run(&self, command: &str, arguments: &[&str]) -> Ended {
        let places = [command, "--admin", &self.admin, "--token-file", &self.token];
        portcullis(&[&places, arguments].concat())
    }

    fn credential(&self, arguments: &[&str]) -> Ended {
        self.run("credential", arguments)
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
