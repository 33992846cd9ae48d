//! Any history, told by the store and by plain lists.
use std::collections::BTreeMap;
use std::sync::Arc;

use decision::facts::{Credential, Resource, Subject, Timestamp};
use decision::secret::Digests;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::{NOW, at, credential, digest, id, later, new};
use crate::store::{
    AuditFilter, ChangeError, Filter, Keep, New, Position, ResourceFilter, Rotated, Store,
};

mod realm;

/// Few of everything, so that they meet. Versions are what was read, more or less `off`.
#[derive(Clone, Debug)]
enum Step {
    Create {
        id: u8,
        api: u8,
        digest: u8,
        previous: Option<u8>,
        external_id: Option<u8>,
        moment: u8,
    },
    Update {
        id: u8,
        off: u64,
        name: u8,
        expires: Option<u8>,
    },
    Rotate {
        id: u8,
        off: u64,
        successor: u8,
        digest: u8,
    },
    Revoke {
        id: u8,
        forget: bool,
    },
    Delete {
        id: u8,
        off: Option<u64>,
    },
    Find {
        api: u8,
        digest: u8,
        previous: u8,
    },
    Forget {
        keep: u8,
    },
    PutSubject {
        id: u8,
        off: u64,
        admin: bool,
    },
    DeleteSubject {
        id: u8,
    },
    PutResource {
        id: u8,
        off: u64,
        parent: Option<u8>,
    },
    DeleteResource {
        id: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let off = || prop_oneof![4 => Just(0), 1 => Just(1)];
    prop_oneof![
        6 => (0..6u8, 0..2u8, 0..5u8, proptest::option::of(0..5u8), proptest::option::of(0..2u8), 0..3u8).prop_map(
            |(id, api, digest, previous, external_id, moment)| Step::Create { id, api, digest, previous, external_id, moment }
        ),
        3 => (0..6u8, off(), 0..3u8, proptest::option::of(0..90u8))
            .prop_map(|(id, off, name, expires)| Step::Update { id, off, name, expires }),
        2 => (0..6u8, off(), 0..6u8, 0..5u8)
            .prop_map(|(id, off, successor, digest)| Step::Rotate { id, off, successor, digest }),
        2 => (0..6u8, any::<bool>()).prop_map(|(id, forget)| Step::Revoke { id, forget }),
        1 => (0..6u8, proptest::option::of(off())).prop_map(|(id, off)| Step::Delete { id, off }),
        2 => (0..2u8, 0..5u8, 0..5u8).prop_map(|(api, digest, previous)| Step::Find { api, digest, previous }),
        1 => (0..200u8).prop_map(|keep| Step::Forget { keep }),
        2 => (0..2u8, off(), any::<bool>()).prop_map(|(id, off, admin)| Step::PutSubject { id, off, admin }),
        1 => (0..2u8).prop_map(|id| Step::DeleteSubject { id }),
        6 => (0..12u8, off(), proptest::option::weighted(0.9, 0..12u8))
            .prop_map(|(id, off, parent)| Step::PutResource { id, off, parent }),
        1 => (0..12u8).prop_map(|id| Step::DeleteResource { id }),
    ]
}

/// What a store is: records, credentials with the numbers of their digests, and how many entries the logs have.
#[derive(Default)]
struct Model {
    credentials: Vec<(Credential, u64)>,
    subjects: BTreeMap<String, Subject>,
    resources: BTreeMap<String, Resource>,
    changes: usize,
    audit: usize,
}

type Answer = Result<(), &'static str>;

impl Model {
    fn place(&self, name: &str) -> Option<usize> {
        self.credentials.iter().position(|(old, _)| old.id.as_str() == name)
    }

    /// The credential as it is; one that is not there as it might be.
    fn read(&self, name: &str) -> Credential {
        match self.place(name) {
            Some(place) => self.credentials[place].0.clone(),
            None => credential(name),
        }
    }

    fn changed(&mut self) {
        self.changes += 1;
        self.audit += 1;
    }

    fn may_create(&self, new: &Credential, digests: &[u64]) -> Answer {
        let same_api = || self.credentials.iter().filter(|(old, _)| old.api == new.api);
        if self.place(new.id.as_str()).is_some() {
            Err("IdTaken")
        } else if same_api().any(|(_, old)| digests.contains(old)) {
            Err("SecretTaken")
        } else if new.external_id.is_some()
            && same_api().any(|(old, _)| old.external_id == new.external_id)
        {
            Err("ExternalIdTaken")
        } else {
            Ok(())
        }
    }

    fn create(&mut self, new: &Credential, digests: &[u64]) -> Answer {
        self.may_create(new, digests)?;
        self.credentials.push((new.clone(), digests[0]));
        self.changed();
        Ok(())
    }

    /// `edit` says whether there was anything to change.
    fn edit(
        &mut self,
        name: &str,
        version: Option<u64>,
        edit: impl FnOnce(&mut Credential) -> bool,
    ) -> Answer {
        let place = self.place(name).ok_or("Unknown")?;
        let record = &mut self.credentials[place].0;
        if version.is_some_and(|version| version != record.version) {
            return Err("Conflict");
        }
        if edit(record) {
            record.version += 1;
            self.changed();
        }
        Ok(())
    }

    fn remove(&mut self, name: &str, version: Option<u64>) -> Answer {
        let place = self.place(name).ok_or("Unknown")?;
        if version.is_some_and(|version| version != self.credentials[place].0.version) {
            return Err("Conflict");
        }
        self.credentials.remove(place);
        self.changed();
        Ok(())
    }

    /// The names from a parent up, as far as there are records.
    fn above(&self, parent: &str) -> Vec<String> {
        let mut names = vec![parent.to_owned()];
        while let Some(next) =
            self.resources.get(names.last().unwrap()).and_then(|one| one.parent.clone())
        {
            names.push(next.to_string());
        }
        names
    }

    fn height(&self, name: &str) -> usize {
        let below = self
            .resources
            .values()
            .filter(|one| one.parent.as_ref().is_some_and(|parent| parent.as_str() == name));
        below.map(|one| 1 + self.height(one.id.as_str())).max().unwrap_or(0)
    }

    fn lies_well(&self, name: &str, parent: &str) -> Answer {
        let above = self.above(parent);
        if above.iter().any(|one| one == name) {
            return Err("ParentCircle");
        }
        if !self.resources.contains_key(parent) {
            return Err("ParentUnknown");
        }
        if above.len() + self.height(name) > 8 { Err("TooDeep") } else { Ok(()) }
    }
}

/// The answer as the model gives it.
fn answer<T>(answer: Result<T, ChangeError>) -> Answer {
    answer.map(drop).map_err(|error| match error {
        ChangeError::Unknown => "Unknown",
        ChangeError::Conflict => "Conflict",
        ChangeError::SecretTaken => "SecretTaken",
        ChangeError::ExternalIdTaken => "ExternalIdTaken",
        ChangeError::IdTaken => "IdTaken",
        ChangeError::InUse => "InUse",
        ChangeError::ParentUnknown => "ParentUnknown",
        ChangeError::ParentCircle => "ParentCircle",
        ChangeError::TooDeep => "TooDeep",
        ChangeError::Unavailable(unavailable) => panic!("{unavailable}"),
    })
}

pub(crate) async fn any_history_is_told_as_a_plain_list_would_tell_it(store: Arc<dyn Store>) {
    let mut runner = TestRunner::default();
    let mut model = Model::default();
    let history = proptest::collection::vec(step(), 500).new_tree(&mut runner).unwrap().current();
    for (moment, step) in (0..).zip(&history) {
        take(&*store, &mut model, step, later(moment)).await;
        for api in ["api_0", "api_1"] {
            for number in 0..5 {
                let found = store.find(api, &digest(number).into()).await.unwrap().value;
                let is_it = |(old, other): &&(Credential, u64)| old.api == api && *other == number;
                let expected = model.credentials.iter().find(is_it).map(|(old, _)| old);
                assert_eq!(found.as_ref(), expected, "after {step:?} of {history:?}");
            }
        }
    }
    let mut all: Vec<_> = model.credentials.into_iter().map(|(old, _)| old).collect();
    all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    assert_eq!(store.list(&Filter::default(), None, 1000, NOW).await.unwrap().items, all);
    let subjects = store.subjects("realm", None, None, 1000).await.unwrap().items;
    assert_eq!(subjects, model.subjects.into_values().collect::<Vec<_>>());
    let every = ResourceFilter::default();
    let resources = store.resources("realm", &every, None, 1000).await.unwrap().items;
    assert_eq!(resources, model.resources.into_values().collect::<Vec<_>>());
    assert_eq!(store.changes(Position(0), 1000).await.unwrap().items.len(), model.changes);
    let audit = store.audit(&AuditFilter::default(), None, 1000).await.unwrap().items;
    assert_eq!(audit.len(), model.audit);
}

async fn take(store: &dyn Store, model: &mut Model, step: &Step, now: Timestamp) {
    match step {
        Step::PutSubject { .. }
        | Step::DeleteSubject { .. }
        | Step::PutResource { .. }
        | Step::DeleteResource { .. } => realm::take(store, model, step, now).await,
        Step::Rotate { .. } | Step::Find { .. } | Step::Forget { .. } => {
            take_of_secret(store, model, step, now).await;
        }
        _ => take_of_credential(store, model, step, now).await,
    }
}

async fn take_of_credential(store: &dyn Store, model: &mut Model, step: &Step, now: Timestamp) {
    let author = at(now);
    match step {
        Step::Create { id: name, api, digest: number, previous, external_id, moment } => {
            let mut one = credential(&format!("crd_{name}"));
            one.api = format!("api_{api}");
            one.external_id = external_id.map(|external_id| id(&format!("ext_{external_id}")));
            one.created_at = later(i64::from(*moment));
            let numbers: Vec<u64> = [*number].into_iter().chain(*previous).map(u64::from).collect();
            let digests = Digests {
                current: digest(numbers[0]),
                previous: numbers[1..].iter().map(|number| digest(*number)).collect(),
            };
            let created = store.create(New { digests, ..new(one.clone(), 0) }, &author).await;
            assert_eq!(answer(created), model.create(&one, &numbers), "{step:?}");
        }
        Step::Update { id: name, off, name: text, expires } => {
            let name = format!("crd_{name}");
            let mut given = model.read(&name);
            given.name = Some(format!("name {text}"));
            given.expires_at = expires.map(|at| later(i64::from(at)));
            given.version += off;
            let expected = model.edit(&name, Some(given.version), |record| {
                let before = record.clone();
                (record.name, record.expires_at) = (given.name.clone(), given.expires_at);
                *record != before
            });
            assert_eq!(answer(store.update(given, &author).await), expected, "{step:?}");
        }
        Step::Revoke { id: name, forget } => {
            let name = format!("crd_{name}");
            let was_there = model.place(&name);
            let revoked = store.revoke(&id(&name), None, None, *forget, &author).await;
            let changed = revoked.is_ok_and(|revoked| revoked.change.is_some());
            let expected = was_there.is_some_and(|at| model.credentials[at].0.revoked_at.is_none());
            assert_eq!(changed, expected, "{step:?}");
            if expected && *forget {
                model.remove(&name, None).unwrap();
            } else if expected {
                model.edit(&name, None, |record| record.revoked_at.replace(now).is_none()).unwrap();
            }
        }
        Step::Delete { id: name, off } => {
            let name = format!("crd_{name}");
            let version = off.map(|off| model.read(&name).version + off);
            let deleted = store.delete(&id(&name), version, &author).await;
            assert_eq!(answer(deleted), model.remove(&name, version), "{step:?}");
        }
        other => panic!("of a realm: {other:?}"),
    }
}

async fn take_of_secret(store: &dyn Store, model: &mut Model, step: &Step, now: Timestamp) {
    let author = at(now);
    match step {
        Step::Rotate { id: name, off, successor, digest: number } => {
            let name = format!("crd_{name}");
            let mut old = model.read(&name);
            let mut next = credential(&format!("crd_{successor}"));
            (next.api, next.created_at) = (old.api.clone(), now);
            (old.expires_at, old.version) = (Some(Timestamp(now.0 + 20)), old.version + off);
            let expected = match model.place(&name) {
                None => Err("Unknown"),
                Some(place) if model.credentials[place].0.version != old.version => Err("Conflict"),
                Some(_) => model.create(&next, &[u64::from(*number)]),
            };
            if expected.is_ok() {
                model
                    .edit(&name, None, |record| {
                        record.expires_at = old.expires_at;
                        true
                    })
                    .unwrap();
            }
            let rotated = store.rotate(old, new(next, u64::from(*number)), &author).await;
            if let Ok(Rotated { old, successor }) = &rotated {
                assert!(old.change.is_some() && successor.change.is_some());
            }
            assert_eq!(answer(rotated), expected, "{step:?}");
        }
        Step::Find { api, digest: number, previous } => {
            let (api, number, previous) =
                (format!("api_{api}"), u64::from(*number), u64::from(*previous));
            let under = |model: &Model, number| {
                model.credentials.iter().position(|(one, old)| one.api == api && *old == number)
            };
            if let (None, Some(place)) = (under(model, number), under(model, previous)) {
                model.credentials[place].1 = number;
                model.changes += 2;
            }
            let digests = Digests { current: digest(number), previous: [digest(previous)].into() };
            let found = store.find(&api, &digests).await.unwrap().value;
            let expected = under(model, number).map(|place| &model.credentials[place].0);
            assert_eq!(found.as_ref(), expected, "{step:?}");
        }
        Step::Forget { keep } => {
            let keep = i64::from(*keep);
            let keeps =
                ["api_0", "api_1"].map(|api| Keep { api: api.into(), scheme: "key".into(), keep });
            let forgotten = store.forget_ended(&keeps, &author).await.unwrap();
            let ended = |one: &Credential| {
                let ends = [one.revoked_at, one.expires_at].into_iter().flatten().min();
                ends.is_some_and(|at| at.0 + keep <= now.0)
            };
            let names = model.credentials.iter().filter(|(one, _)| ended(one));
            let names: Vec<_> = names.map(|(one, _)| one.id.clone()).collect();
            assert_eq!(forgotten.len(), names.len(), "{step:?}");
            for name in names {
                model.remove(name.as_str(), None).unwrap();
            }
        }
        other => panic!("of no secret: {other:?}"),
    }
}
