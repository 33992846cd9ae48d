use std::sync::{Arc, Mutex};

use super::Measured;
use crate::store::conformance::{NOW, at, created, credential, digest, id, new, polled};
use crate::store::embedded::Embedded;
use crate::store::{ChangeError, Filter, ListError, Position, Store};

type Told = Arc<Mutex<Vec<(&'static str, Option<String>)>>>;

fn measured(store: Arc<dyn Store>) -> (impl Store, Told) {
    let told = Told::default();
    let report = Arc::clone(&told);
    let store = Measured::new(store, move |call| {
        report.lock().unwrap().push((call.operation, call.failure.map(str::to_owned)));
    });
    (store, told)
}

fn embedded() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let pepper = decision::secret::Pepper::new(&"x".repeat(32).into()).unwrap();
    let store = Embedded::open(&folder.path().join("portcullis.db"), &pepper.into()).unwrap();
    (folder, Arc::new(store))
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn each_call_is_told_once_and_a_no_is_no_failure() {
    let (_folder, store) = embedded();
    let (store, told) = measured(store);
    wait(async {
        created(&store, credential("crd_1"), 1).await;
        assert!(matches!(
            store.create(new(credential("crd_2"), 1), &at(NOW)).await,
            Err(ChangeError::SecretTaken)
        ));
        assert!(store.find("app", &digest(2).into()).await.unwrap().value.is_none());
        assert!(store.get(&id("crd_1")).await.unwrap().is_some());
        let list = store.list(&Filter::default(), Some("x"), 1, NOW).await;
        assert!(matches!(list, Err(ListError::CursorInvalid)));
        assert!(store.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.is_ok());
        assert!(store.delete(&id("crd_1"), None, &at(NOW)).await.is_ok());
        assert_eq!(store.changes(Position(0), 10).await.unwrap().items.len(), 3);
    });
    let expected = ["create", "create", "find", "get", "list", "revoke", "delete", "changes"];
    assert_eq!(*told.lock().unwrap(), expected.map(|operation| (operation, None)));
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let (folder, store) = embedded();
    std::fs::remove_file(folder.path().join("portcullis.db")).unwrap();
    let (store, told) = measured(store);
    wait(async {
        assert!(store.find("app", &digest(1).into()).await.is_err());
        assert!(store.create(new(credential("crd_1"), 1), &at(NOW)).await.is_err());
        assert!(store.list(&Filter::default(), None, 1, NOW).await.is_err());
    });
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3);
    assert!(
        told.iter().all(|(_, failure)| failure.as_ref().unwrap().contains("No such file")),
        "{told:?}"
    );
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_told_as_failed() {
    let (folder, store) = embedded();
    let (store, told) = measured(store);
    // Nothing can be changed before this lock is given up.
    let outside = rusqlite::Connection::open(folder.path().join("portcullis.db")).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    wait(async {
        let author = at(NOW);
        let mut call = store.create(new(credential("crd_1"), 1), &author);
        assert!(polled(call.as_mut()).await.is_pending());
    });
    let failure = Some("the caller did not wait for the answer".to_owned());
    assert_eq!(*told.lock().unwrap(), [("create", failure)]);
}
