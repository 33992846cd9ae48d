//! The pepper is replaced by another.
use std::sync::Arc;

use decision::facts::Credential;
use decision::secret::{Digest, Pepper, Peppers};

use super::{Embedded, Folder, Problem, pepper_of, wait};
use crate::store::conformance::{NOW, at, credential, id};
use crate::store::{New, Store as _};

fn peppers(current: &str, previous: &[&str]) -> Peppers {
    let one = |name: &str| -> Pepper { pepper_of(name).current };
    Peppers::new(one(current), previous.iter().map(|name| one(name)))
}

fn open(folder: &Folder, peppers: &Peppers) -> Result<Embedded, Problem> {
    Embedded::open(&folder.path(), peppers).map_err(|error| error.problem)
}

/// Creates the credential of the secret `ak_{number}`.
async fn create(store: &Embedded, peppers: &Peppers, number: u64) {
    let new = New {
        credential: credential(&format!("crd_{number}")),
        digests: peppers.digests(format!("ak_{number}").as_bytes()),
        sealed: None,
    };
    store.create(new, &at(NOW)).await.unwrap();
}

async fn find(store: &Embedded, peppers: &Peppers, number: u64) -> Option<Credential> {
    let digests = peppers.digests(format!("ak_{number}").as_bytes());
    store.find("app", &digests).await.unwrap().value
}

#[test]
fn a_new_pepper_is_taken_where_the_old_one_is_given_and_what_was_made_before_is_found() {
    let folder = Folder::new();
    let old = peppers("old", &[]);
    let store = open(&folder, &old).unwrap();
    wait(async {
        create(&store, &old, 1).await;
        create(&store, &old, 2).await;
    });
    drop(store);
    assert!(matches!(open(&folder, &peppers("new", &[])), Err(Problem::OtherPepper)));
    assert!(matches!(open(&folder, &peppers("new", &["other"])), Err(Problem::OtherPepper)));

    let both = peppers("new", &["other", "old"]);
    let store = open(&folder, &both).unwrap();
    assert_eq!(store.lost(), 0);
    wait(async {
        assert_eq!(find(&store, &both, 1).await, Some(credential("crd_1")));
        create(&store, &both, 3).await;
    });
    drop(store);

    // The rotation is over: who was not seen meanwhile is lost, and that is told.
    let new = peppers("new", &[]);
    let store = open(&folder, &new).unwrap();
    assert_eq!(store.lost(), 1);
    wait(async {
        assert_eq!(find(&store, &new, 1).await, Some(credential("crd_1")));
        assert_eq!(find(&store, &new, 2).await, None);
        assert_eq!(find(&store, &new, 3).await, Some(credential("crd_3")));
        assert!(store.get(&id("crd_2")).await.unwrap().is_some());
    });
    drop(store);
    let store = open(&folder, &both).unwrap();
    assert_eq!(wait(find(&store, &both, 2)), Some(credential("crd_2")), "nor for good");
    assert_eq!(store.lost(), 0);
}

#[test]
fn a_rotation_that_is_taken_back_is_another_rotation() {
    let folder = Folder::new();
    let old = peppers("old", &[]);
    let store = open(&folder, &old).unwrap();
    wait(create(&store, &old, 1));
    drop(store);
    let store = open(&folder, &peppers("new", &["old"])).unwrap();
    wait(async {
        find(&store, &peppers("new", &["old"]), 1).await.unwrap();
    });
    drop(store);
    assert!(matches!(open(&folder, &old), Err(Problem::OtherPepper)));
    let back = peppers("old", &["new"]);
    let store = open(&folder, &back).unwrap();
    assert_eq!(wait(find(&store, &back, 1)), Some(credential("crd_1")));
    drop(store);
    assert_eq!(open(&folder, &old).unwrap().lost(), 0);
}

#[test]
fn two_rotations_one_after_the_other_need_both_old_peppers() {
    let folder = Folder::new();
    let first = peppers("a", &[]);
    let store = open(&folder, &first).unwrap();
    wait(create(&store, &first, 1));
    drop(store);
    drop(open(&folder, &peppers("b", &["a"])).unwrap());
    assert!(matches!(open(&folder, &peppers("c", &["a"])), Err(Problem::OtherPepper)));
    let store = open(&folder, &peppers("c", &["b"])).unwrap();
    assert_eq!(store.lost(), 1);
    drop(store);
    let all = peppers("c", &["b", "a"]);
    let store = open(&folder, &all).unwrap();
    assert_eq!(wait(find(&store, &all, 1)), Some(credential("crd_1")));
}

#[test]
fn a_moved_digest_is_gone_from_where_it_was_and_no_pepper_is_in_the_file() {
    let folder = Folder::new();
    let old = peppers("old", &[]);
    let store = open(&folder, &old).unwrap();
    wait(create(&store, &old, 1));
    drop(store);
    let both = peppers("new", &["old"]);
    let store = open(&folder, &both).unwrap();
    wait(find(&store, &both, 1)).unwrap();
    drop(store);
    let file = rusqlite::Connection::open(folder.path()).unwrap();
    let kept: Vec<[u8; 32]> = file
        .prepare("SELECT digest FROM credential")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let Digest(expected) = both.current.digest(b"ak_1");
    assert_eq!(kept, [expected]);
    let bytes = std::fs::read(folder.path()).unwrap();
    for name in ["old", "new"] {
        let pepper = format!("{name:.<32}");
        assert!(!bytes.windows(32).any(|window| window == pepper.as_bytes()), "{name}");
    }
}

/// A look-up beside a rekeying may find a credential under the old digest or under the new one, but never under neither.
#[test]
fn a_look_up_beside_a_rekeying_finds_the_credential() {
    const KEYS: u64 = 400;
    let folder = Folder::new();
    let old = peppers("old", &[]);
    let store = open(&folder, &old).unwrap();
    wait(async {
        for number in 0..KEYS {
            create(&store, &old, number).await;
        }
    });
    drop(store);
    let both = peppers("new", &["old"]);
    let store = open(&folder, &both).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let (store, both) = (Arc::new(store), Arc::new(both));
    for number in 0..KEYS {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                let (store, both) = (store.clone(), both.clone());
                runtime.spawn(async move { find(&store, &both, number).await })
            })
            .collect();
        for asker in askers {
            assert!(runtime.block_on(asker).unwrap().is_some(), "the credential of key {number}");
        }
    }
}
