use async_trait::async_trait;
use decision::facts::Credential;
use decision::secret::Pepper;
use tokio::sync::Semaphore;

use super::*;
use crate::store::Unavailable;
use crate::store::conformance::{NOW, created, credential, id, later};
use crate::store::embedded::Embedded;
use crate::store::hooked::{Hook, Hooked};

fn fact(name: &str) -> Fact {
    Fact::new(credential(name))
}

fn noted(noted: &mut Noted) -> Vec<(String, i64)> {
    let next = || noted.0.try_recv().ok().map(|(id, at)| (id.to_string(), at.0 - NOW.0));
    std::iter::from_fn(next).collect()
}

#[test]
fn of_a_credential_in_use_one_use_a_minute_is_told() {
    let (uses, mut told) = Uses::new();
    let (first, second) = (fact("crd_1"), fact("crd_2"));
    for time in [0, 1, 59_999, 60_000, 60_001, 119_999, 120_000] {
        uses.note(&first, later(time));
    }
    uses.note(&second, later(5));
    let expected = [("crd_1", 0), ("crd_1", 60_000), ("crd_1", 120_000), ("crd_2", 5)];
    assert_eq!(noted(&mut told), expected.map(|(name, time)| (name.to_owned(), time)));
}

#[test]
fn a_fact_that_was_read_anew_knows_what_the_store_was_told() {
    let (uses, mut told) = Uses::new();
    let read = Fact::new(Credential { last_used_at: Some(NOW), ..credential("crd_1") });
    uses.note(&read, later(59_999));
    assert_eq!(noted(&mut told), []);
    uses.note(&read, later(60_000));
    assert_eq!(noted(&mut told), [("crd_1".to_owned(), 60_000)]);
}

#[test]
fn what_finds_no_room_is_not_remembered_as_told() {
    let (uses, mut told) = Uses::new();
    for _ in 0..MOST {
        uses.0.try_send((id("crd_1"), NOW)).unwrap();
    }
    let late = fact("crd_late");
    uses.note(&late, later(1));
    assert_eq!(noted(&mut told).len(), MOST);
    uses.note(&late, later(2));
    assert_eq!(noted(&mut told), [("crd_late".to_owned(), 2)]);
}

/// Counts the calls, and fails the first.
struct FailsOnce(Semaphore);

#[async_trait]
impl Hook for FailsOnce {
    async fn before(&self, call: &'static str) -> Result<(), Unavailable> {
        assert_eq!(call, "used");
        match self.0.try_acquire() {
            Ok(first) => {
                first.forget();
                Err(Unavailable { reason: "staged".into() })
            }
            Err(_) => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_is_told_in_parts_and_goes_on_after_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let pepper = Pepper::new(&"x".repeat(32).into()).unwrap();
    let store = Embedded::open(&folder.path().join("store.db"), &pepper.into()).unwrap();
    created(&store, credential("crd_1"), 1).await;
    created(&store, credential("crd_2"), 2).await;
    let store = Arc::new(Hooked { store: Arc::new(store), hook: FailsOnce(Semaphore::new(1)) });
    let (uses, told) = Uses::new();
    for _ in 0..PART {
        uses.note(&fact("crd_1"), later(7));
    }
    uses.note(&fact("crd_2"), later(9));
    drop(uses);
    told.tell(Arc::clone(&store) as _).await;
    let last = async |name: &str| store.store.get(&id(name)).await.unwrap().unwrap().last_used_at;
    assert_eq!(last("crd_1").await, None, "the first part was lost");
    assert_eq!(last("crd_2").await, Some(later(9)));
}
