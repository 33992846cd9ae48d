//! A process that is killed while it changes records.
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use decision::facts::Credential;

use super::{Embedded, Folder, pepper_of, wait};
use crate::store::conformance::{NOW, at, created, credential, id, later, new};
use crate::store::{
    Action, AuditFilter, Begun, ChangeKind, Filter, Position, RepeatKey, Store as _,
};

const PATH: &str = "STORE_TO_CRASH";
/// Rotations that must have been acknowledged before the kill.
const ROTATIONS: usize = 20;
/// Rotations at most, however late the kill comes: so many that what tells of them fits into one page.
const MOST: u64 = 300;

/// The other process is this program again, running this test alone: it rotates one credential after the other and tells
/// of each that was acknowledged.
#[test]
#[ignore = "does its work when the test below starts it"]
fn rotates_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let store = Embedded::open(path.as_ref(), &pepper_of("first")).unwrap();
    wait(async {
        for number in 0..MOST {
            let name = format!("crd_{number}_old");
            created(&store, credential(&name), 2 * number).await;
            let old = Credential { expires_at: Some(later(1)), ..credential(&name) };
            let next = new(credential(&format!("crd_{number}_new")), 2 * number + 1);
            store.rotate(old, next, &at(NOW)).await.unwrap();
            writeln!(io::stdout(), "\nrotated {number}").unwrap();
        }
    });
    loop {
        std::thread::park();
    }
}

#[test]
fn whenever_it_is_killed_each_change_is_there_whole_or_not_at_all_and_in_both_logs() {
    let folder = Folder::new();
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            &format!("{module}::rotates_until_it_is_killed"),
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(PATH, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.filter(|line| line.starts_with("rotated ")).take(ROTATIONS).count();
    assert_eq!(told, ROTATIONS, "the other process has ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();

    let store = folder.open();
    wait(async {
        let page = store.list(&Filter::default(), None, 1000, NOW).await.unwrap();
        assert!(page.next.is_none());
        let records: BTreeMap<_, _> =
            page.items.into_iter().map(|one| (one.id.to_string(), one)).collect();
        let olds: Vec<_> =
            records.values().filter(|one| one.id.as_str().ends_with("_old")).collect();
        for old in &olds {
            let successor = old.id.as_str().replace("_old", "_new");
            assert_eq!(old.expires_at.is_some(), records.contains_key(&successor), "{}", old.id);
            assert_eq!(old.version, if old.expires_at.is_some() { 2 } else { 1 });
        }
        let rotated = olds.iter().filter(|old| old.version == 2).count();
        assert!(rotated >= ROTATIONS, "what was acknowledged is there: {rotated}");
        assert_eq!(records.len(), olds.len() + rotated);

        let log = store.changes(Position(0), 1000).await.unwrap();
        let of = |kind| log.items.iter().filter(|change| change.kind == kind).count();
        assert_eq!(of(ChangeKind::Created), records.len());
        assert_eq!(of(ChangeKind::Updated), rotated);
        assert_eq!(log.head.0, log.items.len() as u64, "no position is without its entry");
        let of = async |action| {
            let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
            store.audit(&filter, None, 1000).await.unwrap().items.len()
        };
        assert_eq!(of(Action::Create).await, olds.len());
        assert_eq!(of(Action::Rotate).await, 2 * rotated);
    });
}

#[test]
fn who_was_running_a_call_when_the_store_was_closed_is_gone_and_what_was_answered_stays() {
    let folder = Folder::new();
    let store = folder.open();
    let key = |key: &str| RepeatKey { author: "admin".into(), key: key.into() };
    let reply = || crate::store::Reply { status: 201, body: b"{}".to_vec() };
    wait(async {
        for name in ["running", "done"] {
            assert_eq!(store.begin(&key(name), [1; 32], NOW).await.unwrap(), Begun::New);
        }
        store.finish(&key("done"), Some(reply()), NOW).await.unwrap();
    });
    drop(store);
    let store = folder.open();
    wait(async {
        assert_eq!(store.begin(&key("running"), [1; 32], NOW).await.unwrap(), Begun::New);
        assert_eq!(store.begin(&key("done"), [1; 32], NOW).await.unwrap(), Begun::Done(reply()));
        assert_eq!(store.begin(&key("done"), [2; 32], NOW).await.unwrap(), Begun::OtherBody);
    });
}

#[test]
fn what_is_not_a_credential_survives_a_restart_too() {
    let folder = Folder::new();
    let store = folder.open();
    let (resource, used) = wait(async {
        created(&store, credential("crd_1"), 1).await;
        store.used(&[(id("crd_1"), later(5))]).await.unwrap();
        let resource = crate::store::conformance::resources::resource("org_1", None);
        let made = store.put_resource("app", resource, &[], &at(NOW)).await.unwrap().record;
        (made, store.get(&id("crd_1")).await.unwrap().unwrap().last_used_at)
    });
    drop(store);
    let store = folder.open();
    wait(async {
        let found = store.resource("app", &id("org_1")).await.unwrap();
        assert_eq!((found.value, found.position), (Some(resource), Position(2)));
        assert_eq!(store.get(&id("crd_1")).await.unwrap().unwrap().last_used_at, used);
        assert_eq!(used, Some(later(5)));
        assert_eq!(store.audit(&AuditFilter::default(), None, 10).await.unwrap().items.len(), 2);
    });
}
