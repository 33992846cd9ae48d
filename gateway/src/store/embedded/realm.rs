//! Changes of subjects and resources.

use std::sync::Arc;

use decision::facts::{Resource, Subject};
use decision::name::Id;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record;
use super::step::{Step, Told};
use crate::store::audit::differing;
use crate::store::{Action, Author, ChangeError, ChangeKind, Changed, Unavailable, What};

/// A record of a realm.
pub(super) trait Record:
    Clone + PartialEq + Serialize + DeserializeOwned + Send + 'static
{
    const TABLE: &'static str;
    /// The column in which a credential that uses such a record names it.
    const USED_AS: &'static str;
    fn id(&self) -> &Id;
    fn version(&self) -> u64;
    fn set_version(&mut self, version: u64);
    fn what(realm: &str, id: &Id, now: Option<Self>) -> What;
    /// What speaks against putting it in the place of `old`.
    fn allow(
        &self,
        step: &Step<'_>,
        realm: &str,
        apis: &[String],
        old: Option<&Self>,
    ) -> Result<(), ChangeError>;
    fn insert(&self, connection: &Connection, realm: &str) -> Result<(), Unavailable>;
}

pub(super) fn put<T: Record>(
    connection: &mut Connection,
    realm: &str,
    mut record: T,
    apis: &[String],
    author: &Author,
) -> Result<Changed<T>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let old = record::of_realm::<T>(&step.transaction, T::TABLE, realm, record.id())?;
    if old.as_ref().map_or(0, T::version) != record.version() {
        return Err(ChangeError::Conflict);
    }
    if old.as_ref() == Some(&record) {
        return Ok(Changed { record, change: None });
    }
    record.allow(&step, realm, apis, old.as_ref())?;
    let (kind, action, fields) = match &old {
        None => (ChangeKind::Created, Action::Create, Vec::new()),
        Some(old) => (ChangeKind::Updated, Action::Update, differing(old, &record)),
    };
    record.set_version(record.version() + 1);
    record.insert(&step.transaction, realm)?;
    let what = T::what(realm, record.id(), Some(record.clone()));
    let told = Told { version: record.version(), fields, other: None };
    let change = step.enter(kind, action, what, told)?;
    step.commit()?;
    Ok(Changed { record, change: Some(change) })
}

pub(super) fn delete<T: Record>(
    connection: &mut Connection,
    realm: &str,
    id: &Id,
    version: Option<u64>,
    apis: &[String],
    author: &Author,
) -> Result<Changed<T>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let old = record::of_realm::<T>(&step.transaction, T::TABLE, realm, id)?;
    let old = old.ok_or(ChangeError::Unknown)?;
    if version.is_some_and(|version| version != old.version()) {
        return Err(ChangeError::Conflict);
    }
    if is_used(&step.transaction, T::USED_AS, id, apis)? {
        return Err(ChangeError::InUse);
    }
    step.transaction
        .prepare_cached(&format!("DELETE FROM {} WHERE realm = ?1 AND id = ?2", T::TABLE))?
        .execute([realm, id.as_str()])?;
    let what = T::what(realm, id, None);
    let told = Told::version(old.version());
    let change = step.enter(ChangeKind::Deleted, Action::Delete, what, told)?;
    step.commit()?;
    Ok(Changed { record: old, change: Some(change) })
}

fn is_used(
    connection: &Connection,
    column: &str,
    id: &Id,
    apis: &[String],
) -> Result<bool, Unavailable> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT 1 FROM credential WHERE {column} = ?1 AND api = ?2 AND revoked_at IS NULL LIMIT 1"
    ))?;
    for api in apis {
        if statement.exists([id.as_str(), api])? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Record for Subject {
    const TABLE: &'static str = "subject";
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

    fn allow(
        &self,
        _: &Step<'_>,
        _: &str,
        _: &[String],
        _: Option<&Self>,
    ) -> Result<(), ChangeError> {
        Ok(())
    }

    fn insert(&self, connection: &Connection, realm: &str) -> Result<(), Unavailable> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO subject (realm, id, record) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![realm, self.id.as_str(), record::text(self)?])?;
        Ok(())
    }
}

impl Record for Resource {
    const TABLE: &'static str = "resource";
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

    fn allow(
        &self,
        step: &Step<'_>,
        realm: &str,
        apis: &[String],
        old: Option<&Self>,
    ) -> Result<(), ChangeError> {
        let before = old.and_then(|old| old.parent.as_ref());
        let Some(parent) = self.parent.as_ref().filter(|parent| before != Some(parent)) else {
            return Ok(());
        };
        lies_well(&step.transaction, realm, &self.id, parent)?;
        // Its credentials would name no organisation any more.
        if before.is_none() && is_used(&step.transaction, Self::USED_AS, &self.id, apis)? {
            return Err(ChangeError::InUse);
        }
        Ok(())
    }

    fn insert(&self, connection: &Connection, realm: &str) -> Result<(), Unavailable> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO resource (realm, id, kind, parent, record) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                realm,
                self.id.as_str(),
                self.kind,
                self.parent.as_ref().map(Id::as_str),
                record::text(self)?
            ])?;
        Ok(())
    }
}

/// Whether `id`, and what lies below it, may lie below `parent`. What was left without a record in between does not hide a
/// circle: who lies below `id` names it whether or not it is there.
fn lies_well(
    connection: &Connection,
    realm: &str,
    id: &Id,
    parent: &Id,
) -> Result<(), ChangeError> {
    let mut statement =
        connection.prepare_cached("SELECT parent FROM resource WHERE realm = ?1 AND id = ?2")?;
    let mut next = Some(parent.as_str().to_owned());
    let mut steps = 0;
    while let Some(above) = next {
        if above == id.as_str() {
            return Err(ChangeError::ParentCircle);
        }
        steps += 1;
        if steps > Resource::STEPS_MAX {
            return Err(ChangeError::TooDeep);
        }
        let found: Option<Option<String>> =
            statement.query_row([realm, &above], |row| row.get(0)).optional()?;
        if found.is_none() && steps == 1 {
            return Err(ChangeError::ParentUnknown);
        }
        next = found.flatten();
    }
    let deepest = i64::try_from(Resource::STEPS_MAX).unwrap_or(i64::MAX);
    let below: usize = connection
        .prepare_cached(
            "WITH RECURSIVE below (id, steps) AS (
                 VALUES (?2, 0)
                 UNION ALL
                 SELECT resource.id, steps + 1 FROM below
                 JOIN resource ON resource.realm = ?1 AND resource.parent = below.id
                 WHERE steps <= ?3
             )
             SELECT max(steps) FROM below",
        )?
        .query_row(params![realm, id.as_str(), deepest], |row| {
            Ok(usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX))
        })?;
    if steps.saturating_add(below) > Resource::STEPS_MAX {
        return Err(ChangeError::TooDeep);
    }
    Ok(())
}
