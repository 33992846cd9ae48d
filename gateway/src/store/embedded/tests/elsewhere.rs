//! Another process holds the store.
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use super::{Embedded, Folder, Problem, pepper_of, wait};
use crate::store::Store as _;
use crate::store::conformance::{NOW, at, created, credential, digest, id};

const PATH: &str = "STORE_TO_HOLD";
const HELD: &str = "the store is held";

/// The other process is this program again, running this test alone.
#[test]
#[ignore = "does its work when the tests below start it"]
fn holds_a_store_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let store = Embedded::open(path.as_ref(), &pepper_of("first")).unwrap();
    wait(async {
        created(&store, credential("crd_1"), 1).await;
        store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    });
    writeln!(io::stdout(), "\n{HELD}").unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn hold(folder: &Folder) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            &format!("{module}::holds_a_store_until_it_is_killed"),
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(PATH, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == HELD), "the other process could not open the store");
    child
}

#[test]
fn a_store_held_by_another_process_is_refused_until_that_is_gone_however_it_went() {
    let folder = Folder::new();
    let mut other = hold(&folder);
    let (link, hard) = (folder.0.path().join("link.db"), folder.0.path().join("hard.db"));
    symlink(folder.path(), &link).unwrap();
    fs::hard_link(folder.path(), &hard).unwrap();
    for path in [&folder.path(), &link, &hard, &folder.path()] {
        let error = Embedded::open(path, &pepper_of("first")).unwrap_err();
        assert!(matches!(error.problem, Problem::Held), "{error}");
    }
    other.kill().unwrap();
    other.wait().unwrap();

    let store = folder.open();
    let found = wait(store.find("app", &digest(1).into())).unwrap().value.unwrap();
    assert_eq!(found.revoked_at, Some(NOW), "what was acknowledged survives a crash");
}
