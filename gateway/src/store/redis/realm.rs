//! Changes of subjects and resources.

use std::sync::Arc;

use decision::facts::{Resource, Subject};
use decision::name::Id;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::commit::{Commit, Noted};
use super::credentials::ATTEMPTS;
use super::names::{self, Places, index};
use super::{Redis, blob, overtaken, scripts};
use crate::store::audit::differing;
use crate::store::{Action, Author, ChangeError, ChangeKind, Changed, Unavailable, What};

/// A record of a realm.
pub(super) trait Record:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const KIND: &'static str;
    /// What such a record is to the credentials that use it.
    const USED_AS: &'static str;
    fn id(&self) -> &Id;
    fn version(&self) -> u64;
    fn set_version(&mut self, version: u64);
    fn what(realm: &str, id: &Id, now: Option<Self>) -> What;
    fn places(&self, realm: &str) -> Places;
    /// The resource above.
    fn parent(&self) -> Option<&Id>;
}

pub(super) async fn put<T: Record>(
    redis: &Redis,
    realm: &str,
    record: T,
    apis: &[String],
    author: &Author,
) -> Result<Changed<T>, ChangeError> {
    let name = names::of_realm(T::KIND, realm, record.id());
    for _ in 0..ATTEMPTS {
        let mut commit = Commit::default();
        let old = read::<T>(redis, &name, &mut commit).await?;
        if old.as_ref().map_or(0, T::version) != record.version() {
            return Err(ChangeError::Conflict);
        }
        if old.as_ref() == Some(&record) {
            return Ok(Changed { record, change: None });
        }
        let before = old.as_ref().and_then(T::parent);
        if record.parent() != before {
            move_below(redis, realm, &record, &mut commit).await?;
            if before.is_none() {
                // Its credentials would name no organisation any more.
                unused::<T>(redis, record.id(), apis, &mut commit).await?;
            }
        }
        let (kind, action, fields) = match &old {
            None => (ChangeKind::Created, Action::Create, Vec::new()),
            Some(old) => (ChangeKind::Updated, Action::Update, differing(old, &record)),
        };
        let mut next = record.clone();
        next.set_version(record.version() + 1);
        commit.set(&name, redis.vault.seal(&name, &next)?);
        let before = old.map(|old| old.places(realm)).unwrap_or_default();
        commit.place(&before, &next.places(realm));
        let what = T::what(realm, next.id(), Some(next.clone()));
        let noted = Noted { version: next.version(), fields, other: None };
        commit.audit(&redis.vault, author, action, &what, noted)?;
        commit.enter(&redis.vault, name.clone(), kind, what)?;
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record: next, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

pub(super) async fn delete<T: Record>(
    redis: &Redis,
    realm: &str,
    id: &Id,
    version: Option<u64>,
    apis: &[String],
    author: &Author,
) -> Result<Changed<T>, ChangeError> {
    let name = names::of_realm(T::KIND, realm, id);
    for _ in 0..ATTEMPTS {
        let mut commit = Commit::default();
        let old = read::<T>(redis, &name, &mut commit).await?.ok_or(ChangeError::Unknown)?;
        if version.is_some_and(|version| version != old.version()) {
            return Err(ChangeError::Conflict);
        }
        unused::<T>(redis, id, apis, &mut commit).await?;
        // Who is about to be put below it must not be.
        commit.set(&names::tree(realm), names::hex(&super::link().to_le_bytes()).into());
        commit.delete(&name);
        commit.place(&old.places(realm), &Places::new());
        let what = T::what(realm, id, None);
        let noted = Noted::version(old.version());
        commit.audit(&redis.vault, author, Action::Delete, &what, noted)?;
        commit.enter(&redis.vault, name.clone(), ChangeKind::Deleted, what)?;
        if let Some(changes) = redis.commit(commit).await? {
            return Ok(Changed { record: old, change: changes.into_iter().next() });
        }
    }
    Err(overtaken())
}

/// Whether no unrevoked credential of `apis` uses the record, which must still be so.
async fn unused<T: Record>(
    redis: &Redis,
    id: &Id,
    apis: &[String],
    commit: &mut Commit,
) -> Result<(), ChangeError> {
    let live = |api: &String| index::live(T::USED_AS, api, id.as_str());
    let live: Vec<_> = apis.iter().map(live).collect();
    if redis.exist(live.iter()).await?.contains(&true) {
        return Err(ChangeError::InUse);
    }
    live.into_iter().for_each(|index| commit.absent(index));
    Ok(())
}

/// The record, which must still be so.
async fn read<T: DeserializeOwned>(
    redis: &Redis,
    name: &str,
    commit: &mut Commit,
) -> Result<Option<T>, Unavailable> {
    let Some(value) = redis.value(name).await? else {
        commit.absent(name.to_owned());
        return Ok(None);
    };
    commit.begins(name.to_owned(), blob::signature(&value));
    redis.vault.open(name, &value).map(Some)
}

/// Judges whether `record` may lie where it is to, and makes the judgement hold: whatever changes what lies below what writes
/// another value for the whole tree, and must have found the one that it has read.
async fn move_below<T: Record>(
    redis: &Redis,
    realm: &str,
    record: &T,
    commit: &mut Commit,
) -> Result<(), ChangeError> {
    let tree = names::tree(realm);
    let drawn = names::hex(&super::link().to_le_bytes());
    if let Some(parent) = record.parent() {
        match redis.value(&tree).await? {
            None => commit.absent(tree.clone()),
            Some(value) => commit.begins(tree.clone(), value),
        }
        lies_well(redis, realm, record.id(), parent).await?;
    }
    commit.set(&tree, drawn.into());
    Ok(())
}

/// Whether `id`, and what lies below it, may lie below `parent`. What was left without a record in between does not hide a
/// circle: who lies below `id` names it whether or not it is there.
async fn lies_well(redis: &Redis, realm: &str, id: &Id, parent: &Id) -> Result<(), ChangeError> {
    let mut next = Some(parent.clone());
    let mut steps = 0;
    while let Some(above) = next {
        if above == *id {
            return Err(ChangeError::ParentCircle);
        }
        steps += 1;
        if steps > Resource::STEPS_MAX {
            return Err(ChangeError::TooDeep);
        }
        let name = names::of_realm(Resource::KIND, realm, &above);
        let found = redis.value(&name).await?;
        if found.is_none() && steps == 1 {
            return Err(ChangeError::ParentUnknown);
        }
        let found: Option<Resource> =
            found.map(|value| redis.vault.open(&name, &value)).transpose()?;
        next = found.and_then(|found| found.parent);
    }
    let below = height(redis, realm, id).await?;
    if steps.saturating_add(below) > Resource::STEPS_MAX {
        return Err(ChangeError::TooDeep);
    }
    Ok(())
}

/// How many steps lie below it, counted as far as it matters.
async fn height(redis: &Redis, realm: &str, id: &Id) -> Result<usize, Unavailable> {
    let mut call = scripts::Call::of(&scripts::HEIGHT);
    call.arg(index::children(realm)).arg(id.as_str()).arg(Resource::STEPS_MAX);
    let mut answer = Answer::new(redis.link.change(&call).await?)?;
    Ok(usize::try_from(answer.number()?).unwrap_or(usize::MAX))
}

impl Record for Subject {
    const KIND: &'static str = "subject";
    const USED_AS: &'static str = "subject";

    fn id(&self) -> &Id {
        &self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    fn what(realm: &str, id: &Id, now: Option<Self>) -> What {
        What::Subject { realm: realm.to_owned(), id: id.clone(), now: now.map(Arc::new) }
    }

    fn places(&self, realm: &str) -> Places {
        names::places_of_subject(realm, self)
    }

    fn parent(&self) -> Option<&Id> {
        None
    }
}

impl Record for Resource {
    const KIND: &'static str = "resource";
    /// As an organisation, whatever has become of it since.
    const USED_AS: &'static str = "org";

    fn id(&self) -> &Id {
        &self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    fn what(realm: &str, id: &Id, now: Option<Self>) -> What {
        What::Resource { realm: realm.to_owned(), id: id.clone(), now: now.map(Arc::new) }
    }

    fn places(&self, realm: &str) -> Places {
        names::places_of_resource(realm, self)
    }

    fn parent(&self) -> Option<&Id> {
        self.parent.as_ref()
    }
}
