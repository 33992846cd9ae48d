//! Any history, told by the store and by a plain map.
use std::sync::Arc;

use decision::facts::{Credential, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::{NOW, at, credential, digest, id, new};
use crate::store::{ChangeError, Filter, Position, Store};

/// Few of everything, so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Create { id: u8, api: u8, digest: u8, external_id: Option<u8>, created_at: u8 },
    Revoke { id: u8 },
    Delete { id: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6u8, 0..2u8, 0..4u8, proptest::option::of(0..2u8), 0..3u8).prop_map(
            |(id, api, digest, external_id, created_at)| Step::Create { id, api, digest, external_id, created_at }
        ),
        1 => (0..6u8).prop_map(|id| Step::Revoke { id }),
        1 => (0..6u8).prop_map(|id| Step::Delete { id }),
    ]
}

/// What a store is: records with the numbers of their digests, and how many changes there were.
#[derive(Default)]
struct Model {
    records: Vec<(Credential, u64)>,
    changes: usize,
}

impl Model {
    fn create(&mut self, new: &Credential, number: u64) -> Result<(), &'static str> {
        let same_api = || self.records.iter().filter(|(old, _)| old.api == new.api);
        if self.records.iter().any(|(old, _)| old.id == new.id) {
            Err("id")
        } else if same_api().any(|(_, old)| *old == number) {
            Err("secret")
        } else if new.external_id.is_some()
            && same_api().any(|(old, _)| old.external_id == new.external_id)
        {
            Err("external_id")
        } else {
            self.records.push((new.clone(), number));
            self.changes += 1;
            Ok(())
        }
    }

    /// Whether there was one to revoke or to delete, and something to change.
    fn end(&mut self, name: &str, now: Option<Timestamp>) -> bool {
        let Some(place) = self.records.iter().position(|(old, _)| old.id.as_str() == name) else {
            return false;
        };
        match now {
            None => drop(self.records.remove(place)),
            Some(_) if self.records[place].0.revoked_at.is_some() => return false,
            Some(now) => {
                self.records[place].0.revoked_at = Some(now);
                self.records[place].0.version += 1;
            }
        }
        self.changes += 1;
        true
    }
}

pub(crate) async fn any_history_is_told_as_a_plain_map_would_tell_it(store: Arc<dyn Store>) {
    let mut runner = TestRunner::default();
    let mut model = Model::default();
    let history = proptest::collection::vec(step(), 300).new_tree(&mut runner).unwrap().current();
    for (moment, step) in (0..).zip(&history) {
        let now = Timestamp(NOW.0 + moment);
        take(&*store, &mut model, step, now).await;
        for api in ["api_0", "api_1"] {
            for number in 0..4 {
                let found = store.find(api, &digest(number).into()).await.unwrap().value;
                let expected =
                    model.records.iter().find(|(old, other)| old.api == api && *other == number);
                assert_eq!(
                    found.as_ref(),
                    expected.map(|(old, _)| old),
                    "after {step:?} of {history:?}"
                );
            }
        }
    }
    let mut all = model.records.into_iter().map(|(old, _)| old).collect::<Vec<_>>();
    all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    assert_eq!(store.list(&Filter::default(), None, 1000, NOW).await.unwrap().items, all);
    assert_eq!(store.changes(Position(0), 1000).await.unwrap().items.len(), model.changes);
}

async fn take(store: &dyn Store, model: &mut Model, step: &Step, now: Timestamp) {
    match step {
        Step::Create { id: name, api, digest: number, external_id, created_at } => {
            let mut one = credential(&format!("crd_{name}"));
            one.api = format!("api_{api}");
            one.external_id = external_id.map(|external_id| id(&format!("ext_{external_id}")));
            one.created_at = Timestamp(NOW.0 + i64::from(*created_at));
            let number = u64::from(*number);
            let answer = match store.create(new(one.clone(), number), &at(NOW)).await {
                Ok(changed) => {
                    assert_eq!(changed.record, one);
                    Ok(())
                }
                Err(ChangeError::IdTaken) => Err("id"),
                Err(ChangeError::SecretTaken) => Err("secret"),
                Err(ChangeError::ExternalIdTaken) => Err("external_id"),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(answer, model.create(&one, number), "{step:?}");
        }
        Step::Revoke { id: name } => {
            let name = format!("crd_{name}");
            let answer = store.revoke(&id(&name), None, None, false, &at(now)).await;
            let changed = answer.is_ok_and(|answer| answer.change.is_some());
            assert_eq!(changed, model.end(&name, Some(now)), "{step:?}");
        }
        Step::Delete { id: name } => {
            let name = format!("crd_{name}");
            let answer = store.delete(&id(&name), None, &at(now)).await;
            assert_eq!(answer.is_ok(), model.end(&name, None), "{step:?}");
        }
    }
}
