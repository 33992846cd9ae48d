use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use decision::secret::Pepper;
use secrecy::ExposeSecret as _;

use super::{Embedded, Folder};
use crate::store::embedded::{PepperError, pepper_beside};

fn beside(folder: &Folder) -> PathBuf {
    folder.0.path().join("portcullis.db.pepper")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_store_gets_a_pepper_beside_it_for_its_owner_alone_and_keeps_it() {
    let folder = Folder::new();
    let made = pepper_beside(&folder.path()).unwrap();
    assert!(made.created && !made.group_readable);
    assert_eq!(made.path, beside(&folder));
    assert_eq!(fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(made.value.expose_secret().len(), 64);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "nothing else is left there");
    let store = Embedded::open(&folder.path(), &Pepper::new(&made.value).unwrap().into()).unwrap();
    drop(store);

    let again = pepper_beside(&folder.path()).unwrap();
    assert!(!again.created);
    assert_eq!(again.value.expose_secret(), made.value.expose_secret());
    drop(Embedded::open(&folder.path(), &Pepper::new(&again.value).unwrap().into()).unwrap());
}

#[test]
fn two_stores_get_different_peppers() {
    let [one, other] = [(); 2].map(|()| pepper_beside(&Folder::new().path()).unwrap().value);
    assert_ne!(one.expose_secret(), other.expose_secret());
}

#[test]
fn of_many_that_start_at_once_one_makes_the_pepper_and_all_have_the_same() {
    let folder = Folder::new();
    let path = &folder.path();
    let all = thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| pepper_beside(path).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(all.iter().filter(|one| one.created).count(), 1);
    assert!(all.iter().all(|one| one.value.expose_secret() == all[0].value.expose_secret()));
}

#[test]
fn a_store_whose_pepper_is_gone_gets_no_other() {
    let folder = Folder::new();
    drop(folder.open());
    let error = pepper_beside(&folder.path()).unwrap_err();
    assert!(matches!(error, PepperError::Gone { .. }), "{error}");
    assert!(error.to_string().contains("portcullis.db.pepper: the file is gone"), "{error}");
    assert!(!beside(&folder).exists());
}

#[test]
fn a_pepper_that_everybody_may_read_is_refused_and_one_for_the_group_is_told() {
    let folder = Folder::new();
    let made = pepper_beside(&folder.path()).unwrap();
    for (mode, group_readable) in [(0o600, false), (0o400, false), (0o640, true), (0o660, true)] {
        set_mode(&made.path, mode);
        assert_eq!(
            pepper_beside(&folder.path()).unwrap().group_readable,
            group_readable,
            "{mode:o}"
        );
    }
    for mode in [0o644, 0o604, 0o666] {
        set_mode(&made.path, mode);
        let error = pepper_beside(&folder.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("(mode {mode:o}); it must be 600")), "{error}");
    }
}

#[test]
fn a_short_pepper_is_refused_and_a_line_end_does_not_count() {
    let folder = Folder::new();
    for (text, whole) in
        [("", false), ("\n", false), (&"x".repeat(31), false), (&"x".repeat(32), true)]
    {
        for end in ["", "\n", "\r\n"] {
            fs::write(beside(&folder), format!("{text}{end}")).unwrap();
            set_mode(&beside(&folder), 0o600);
            match pepper_beside(&folder.path()) {
                Ok(found) => assert!(whole && found.value.expose_secret() == text),
                Err(error) => {
                    assert!(!whole && matches!(error, PepperError::Short { .. }), "{error}");
                }
            }
        }
    }
}

#[test]
fn a_missing_folder_is_told() {
    let error = pepper_beside(Path::new("/nowhere/at/all/portcullis.db")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pepper /nowhere/at/all/portcullis.db.pepper: the folder /nowhere/at/all does not exist"
    );
}

#[test]
fn neither_the_pepper_nor_its_file_is_shown() {
    let folder = Folder::new();
    let made = pepper_beside(&folder.path()).unwrap();
    assert!(!format!("{made:?}").contains(made.value.expose_secret()));
}
