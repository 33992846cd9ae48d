//! Contract 1: `check` on several paths and against a gateway, and `schema`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::gateway::ADMIN_TOKEN;
use crate::support::sockets::Nobody;
use crate::support::{Gateway, Setup, Upstream, one_api};

fn portcullis(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).env_clear().env("PORTCULLIS_ADMIN_TOKEN", ADMIN_TOKEN);
    command.current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const GOOD: &str = "upstreams: { app: [127.0.0.1:9000] }\napis: [{ name: app, upstream: app, schemes: [{ name: k }] }]\n";

#[test]
fn check_takes_several_configurations_each_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("good.yaml"), GOOD).unwrap();
    fs::write(path("bad.yaml"), GOOD.replace("name: app,", "nam: app,")).unwrap();
    fs::create_dir(path("both")).unwrap();
    fs::write(path("both/a.yaml"), GOOD.lines().next().unwrap()).unwrap();
    fs::write(path("both/b.yaml"), GOOD.lines().nth(1).unwrap()).unwrap();
    let good = portcullis(folder.path(), &["check", "good.yaml", "both", "good.yaml"]);
    assert_eq!((good.status.code(), out(&good).as_str()), (Some(0), ""), "{}", err(&good));
    let mixed = portcullis(folder.path(), &["check", "good.yaml", "bad.yaml", "none.yaml", "both"]);
    assert_eq!(mixed.status.code(), Some(1));
    let said = out(&mixed);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(
        lines[0].starts_with("bad.yaml:2:8: apis[0]: ")
            && lines[1].starts_with("bad.yaml:2:10: apis[0].nam: "),
        "{said}"
    );
    assert!(lines[2].starts_with("none.yaml:1:1: cannot read it: "), "{said}");
}

#[test]
fn every_file_of_a_folder_is_judged_also_beside_one_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join("c").join(name);
    fs::create_dir(folder.path().join("c")).unwrap();
    fs::write(path("a.yaml"), "apis: [").unwrap();
    fs::write(path("b.yaml"), [0xff, 0xfe]).unwrap();
    symlink("nowhere", path("c.yaml")).unwrap();
    // What it speaks of may be in one of the others; what is wrong by itself is told.
    let api = "apis:\n  - name: app\n    upstream: elsewhere\n    errors: house\n    schemes: [{ nam: k }]\n";
    fs::write(path("d.yaml"), api).unwrap();
    fs::write(path("e.yaml"), "store: { timeout: soon }\nserver: { thread: 2 }\n").unwrap();
    fs::write(path("f.yaml"), "server: {}\ndialects: { house: { outcomes: { default: { schemes: { theirs: { code: A } } } } } }\n").unwrap();
    let output = portcullis(folder.path(), &["check", "c"]);
    assert_eq!(output.status.code(), Some(1));
    let said = out(&output);
    let lines: Vec<_> = said.lines().collect();
    let expected = [
        "c/a.yaml:1:7: invalid YAML: ",
        "c/b.yaml:1:1: cannot read it: ",
        "c/c.yaml:1:1: cannot read it: ",
        "c/d.yaml:5:15: apis[0].schemes[0]: the key `name` is missing",
        "c/d.yaml:5:17: apis[0].schemes[0].nam: unknown key `nam`",
        "c/e.yaml:1:19: store.timeout: expected a duration ",
        "c/e.yaml:2:11: server.thread: unknown key `thread`",
        "c/f.yaml:1:1: server: the key `server` is given twice, first at c/e.yaml:2",
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected}\n{said}");
    }
}

#[test]
fn check_opens_the_files_that_are_named_and_a_missing_one_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("conf")).unwrap();
    fs::write(path("conf/c.yaml"), GOOD.replace("name: k", "name: \"${file:name.txt}\"")).unwrap();
    let missing = portcullis(folder.path(), &["check", "conf/c.yaml"]);
    assert_eq!(missing.status.code(), Some(0));
    assert!(
        out(&missing).contains("warning: cannot read the file `name.txt`"),
        "{}",
        out(&missing)
    );
    fs::write(path("conf/name.txt"), "n o n a m e\n").unwrap();
    let wrong = portcullis(folder.path(), &["check", "conf/c.yaml"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!out(&wrong).contains("n o n a m e") && out(&wrong).contains("${file:name.txt}"));
    fs::write(path("conf/name.txt"), "name\n").unwrap();
    assert_eq!(portcullis(folder.path(), &["check", "conf/c.yaml"]).status.code(), Some(0));
}

#[test]
fn check_against_a_gateway_says_what_is_different_and_what_needs_a_restart() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).server("threads: 2").start();
    let url = format!("http://{}", gateway.address("admin"));
    let text = fs::read_to_string(gateway.config()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let against = |text: &str| {
        fs::write(folder.path().join("mine.yaml"), text).unwrap();
        portcullis(folder.path(), &["check", "mine.yaml", "--against", &url])
    };
    let same = against(&text);
    assert_eq!((same.status.code(), out(&same).as_str()), (Some(0), ""));
    assert!(err(&same).contains("is what is in force (generation 1)"), "{}", err(&same));
    let other = against(&text.replace("ak_", "bk_"));
    assert_eq!((other.status.code(), out(&other).as_str()), (Some(0), ""));
    assert!(err(&other).contains("a reload puts it in force"), "{}", err(&other));
    let restart = against(
        &text.replace("threads: 2", "threads: 3").replace("path: portcullis.db", "path: other.db"),
    );
    assert_eq!(restart.status.code(), Some(0), "{}", err(&restart));
    let said = out(&restart);
    for word in [
        "mine.yaml:",
        "server.threads: the change needs a restart",
        "store.path: the change needs a restart",
    ] {
        assert!(said.contains(word), "{said}");
    }
    assert_eq!(said.lines().count(), 2, "{said}");
    let both =
        against(&text.replace("threads: 2", "threads: 3").replace("upstream: app", "upstream: ap"));
    assert_eq!(both.status.code(), Some(1));
    let said = out(&both);
    assert!(
        said.contains("no upstream is named `ap`")
            && said.contains("server.threads: the change needs a restart"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    let there = against(&text.replace("ak_", "\"${ONLY_HERE_OR_NOWHERE}\""));
    assert_eq!(there.status.code(), Some(1));
    assert!(
        out(&there).contains("mine.yaml:") && out(&there).contains("ONLY_HERE_OR_NOWHERE"),
        "{}",
        out(&there)
    );
    assert_eq!(gateway.metrics().count("config_generation", &[]), 1);
}

#[test]
fn check_against_takes_a_folder_and_its_token_from_a_file() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let url = format!("http://{}", gateway.address("admin"));
    let text = fs::read_to_string(gateway.config()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("conf");
    fs::create_dir(&conf).unwrap();
    let (first, second) = text.split_at(text.find("upstreams:").unwrap());
    fs::write(conf.join("1.yaml"), first).unwrap();
    fs::write(conf.join("2.yaml"), second).unwrap();
    fs::write(folder.path().join("token"), ADMIN_TOKEN).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", "conf", "--against", &url, "--token-file", "token"])
        .env_clear()
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(err(&output).contains("is what is in force"), "{}", err(&output));
    let nobody = portcullis(folder.path(), &["check", "conf", "--against", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    let without = portcullis(folder.path(), &["check", "conf", "--token-file", "token"]);
    assert_eq!(without.status.code(), Some(2));
}

/// The files are judged all the same, and what cannot be asked is not said to be good.
#[test]
fn check_against_a_gateway_that_gives_no_answer_says_so_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("mine.yaml"), text).unwrap();
    let silent = Upstream::scripted(|connection| drop(connection.request()));
    let nonsense = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nnonsense");
    let nobody = Nobody::new();
    for (address, whole) in [
        (nobody.address(), true),
        (silent.address(), true),
        (nonsense.address(), true),
        (nobody.address(), false),
    ] {
        let url = format!("http://{address}");
        write(&if whole { GOOD.to_owned() } else { GOOD.replace("name: app,", "nam: app,") });
        let output = portcullis(folder.path(), &["check", "mine.yaml", "--against", &url]);
        assert_eq!(output.status.code(), Some(1), "{address}");
        let (out, err) = (out(&output), err(&output));
        if whole {
            assert_eq!(out, "");
            assert!(err.lines().count() == 1 && err.starts_with("error: "), "{err}");
        } else {
            assert!(out.contains("mine.yaml:2:10: apis[0].nam: "), "{out}");
        }
        assert!(!err.contains("is what is in force") && !err.contains(ADMIN_TOKEN), "{err}");
    }
    let gateway = Gateway::start(one_api(&Upstream::echo()));
    write(GOOD);
    fs::write(folder.path().join("token"), "not-the-admin-token-of-the-tests").unwrap();
    let url = format!("http://{}", gateway.address("admin"));
    let arguments = ["check", "mine.yaml", "--against", &url, "--token-file", "token"];
    let output = portcullis(folder.path(), &arguments);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""), "{}", err(&output));
}

#[test]
fn the_schema_is_printed_for_editors() {
    let folder = tempfile::tempdir().unwrap();
    let output = portcullis(folder.path(), &["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let schema: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let properties = schema["properties"].as_object().unwrap();
    for key in ["server", "store", "telemetry", "upstreams", "apis"] {
        assert!(properties.contains_key(key), "{key}");
    }
}
