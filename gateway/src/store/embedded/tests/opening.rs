use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use decision::secret::Digest;
use rusqlite::Connection;

use super::{Embedded, Folder, Problem, pepper_of, wait};
use crate::store::conformance::{NOW, at, created, credential, digest, id};
use crate::store::embedded::schema;
use crate::store::{Position, Store as _};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A store that was used, and closed in order.
fn used() -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    wait(async {
        for number in 0..100 {
            created(&store, credential(&format!("crd_{number}")), number).await;
        }
    });
    folder
}

#[test]
fn a_missing_file_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let store = folder.open();
    for entry in fs::read_dir(folder.0.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    drop(store);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = Folder::new();
    fs::write(folder.path(), "").unwrap();
    drop(folder.open());
    drop(folder.open());
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_and_positions_go_on() {
    let folder = Folder::new();
    let store = folder.open();
    let before = wait(async {
        created(&store, credential("crd_1"), 1).await;
        created(&store, credential("crd_2"), 2).await;
        store.revoke(&id("crd_1"), None, Some("leaked".into()), false, &at(NOW)).await.unwrap();
        store.delete(&id("crd_2"), None, &at(NOW)).await.unwrap();
        store.changes(Position(0), 100).await.unwrap()
    });
    drop(store);
    let store = folder.open();
    wait(async {
        let found = store.find("app", &digest(1).into()).await.unwrap();
        assert_eq!(found.value.unwrap().revoke_reason.as_deref(), Some("leaked"));
        assert_eq!(found.position, before.head);
        assert_eq!(store.changes(Position(0), 100).await.unwrap().items, before.items);
        assert!(
            store.revoke(&id("crd_2"), None, None, false, &at(NOW)).await.is_ok(),
            "still remembered"
        );
        assert!(created(&store, credential("crd_3"), 3).await.position > before.head);
    });
}

#[test]
fn a_missing_folder_is_named() {
    let error = Embedded::open(Path::new("/nowhere/at/all/portcullis.db"), &pepper_of("first"))
        .unwrap_err();
    assert!(
        matches!(&error.problem, Problem::FolderMissing(folder) if folder == Path::new("/nowhere/at/all"))
    );
    assert_eq!(
        error.to_string(),
        "store /nowhere/at/all/portcullis.db: the folder /nowhere/at/all does not exist"
    );
}

#[test]
fn names_that_mean_something_else_to_sqlite_are_files_here() {
    let folder = Folder::new();
    for name in [":memory:", "file:x?mode=memory", "with space & ü%20"] {
        let path = folder.0.path().join(name);
        drop(Embedded::open(&path, &pepper_of("first")).unwrap());
        assert!(path.is_file(), "{name}");
    }
    assert!(Embedded::open(Path::new(""), &pepper_of("first")).is_err());
}

#[test]
fn a_folder_is_not_a_store() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).unwrap();
    assert!(matches!(folder.problem(), Problem::NotAFile));
}

#[test]
fn a_file_that_nobody_may_write_is_read_only_even_for_root() {
    let folder = used();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o444)).unwrap();
    assert!(matches!(folder.problem(), Problem::ReadOnly));
}

#[test]
fn a_file_held_by_another_store_is_refused_under_any_name() {
    let folder = Folder::new();
    let store = folder.open();
    let link = folder.0.path().join("link.db");
    symlink(folder.path(), &link).unwrap();
    let dotted = folder.0.path().join(".").join("portcullis.db");
    for path in [&folder.path(), &link, &dotted] {
        let error = Embedded::open(path, &pepper_of("first")).unwrap_err();
        assert!(matches!(error.problem, Problem::Held), "{error}");
    }
    // Trying did the holder no harm.
    wait(created(&store, credential("crd_1"), 1));
    drop(store);
    drop(folder.open());
}

#[test]
fn a_link_leads_to_the_same_store() {
    let folder = used();
    let link = folder.0.path().join("link.db");
    symlink(folder.path(), &link).unwrap();
    let store = Embedded::open(&link, &pepper_of("first")).unwrap();
    assert!(wait(store.find("app", &digest(1).into())).unwrap().value.is_some());
    wait(created(&store, credential("crd_new"), 1000));
}

#[test]
fn a_file_that_is_no_database_is_told_and_not_touched() {
    let folder = Folder::new();
    let text =
        "this is a text, and long enough to be looked at as a database header of a hundred bytes"
            .repeat(20);
    for content in [&text, "short"] {
        fs::write(folder.path(), content).unwrap();
        assert!(matches!(folder.problem(), Problem::NotADatabase), "{content:.10}");
        assert_eq!(fs::read_to_string(folder.path()).unwrap(), content);
    }
}

#[test]
fn a_database_of_another_program_is_told_and_not_touched() {
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE credential (id)").unwrap();
    let before = fs::read(folder.path()).unwrap();
    assert!(matches!(folder.problem(), Problem::Foreign));
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[test]
fn a_corrupt_file_is_told_wherever_it_is_corrupt() {
    let intact = fs::read(used().path()).unwrap();
    let page = 4096;
    assert!(intact.len() > 8 * page, "the test needs some pages");
    for place in (0..intact.len() / page).map(|number| number * page) {
        let folder = Folder::new();
        fs::write(folder.path(), &intact).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(folder.path()).unwrap();
        file.seek(SeekFrom::Start(place as u64)).unwrap();
        file.write_all(&[0xA5; 512]).unwrap();
        let problem = folder.problem();
        assert!(
            matches!(problem, Problem::Corrupt(_) | Problem::NotADatabase),
            "page {}: {problem}",
            place / page
        );
    }
}

#[test]
fn a_file_that_was_cut_off_is_corrupt() {
    let folder = used();
    let length = fs::metadata(folder.path()).unwrap().len();
    fs::OpenOptions::new().write(true).open(folder.path()).unwrap().set_len(length / 2).unwrap();
    assert!(matches!(folder.problem(), Problem::Corrupt(_)));
}

#[test]
fn a_file_of_a_newer_version_is_told_with_both_versions() {
    let folder = used();
    let newer = schema::VERSION + 1;
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", newer).unwrap();
    let problem = folder.problem();
    assert!(matches!(problem, Problem::Newer(found) if found == newer));
    assert!(
        problem.to_string().starts_with("is of version 3, and this program knows versions up to 2")
    );
}

#[test]
fn another_pepper_is_recognised_and_the_right_one_still_opens() {
    let folder = used();
    let error = Embedded::open(&folder.path(), &pepper_of("second")).unwrap_err();
    assert!(matches!(error.problem, Problem::OtherPepper));
    drop(folder.open());
}

#[test]
fn the_file_holds_no_digest_that_is_not_asked_for_and_no_pepper() {
    let folder = used();
    let bytes = fs::read(folder.path()).unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let Digest(known) = digest(1);
    assert!(holds(&known));
    assert!(!holds(b"first..........................."));
}
