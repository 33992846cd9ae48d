//! Changes of credentials.

use std::sync::Arc;

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{Digest, Sealed};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::record::{self, Kept};
use super::step::{Step, Told};
use crate::store::amend::patched;
use crate::store::audit::differing;
use crate::store::{
    Action, Author, Change, ChangeError, ChangeKind, Changed, DELETED_FOR, FORGOTTEN_MAX, Keep,
    New, Rotated, Unavailable, What,
};

pub(super) fn create(
    connection: &mut Connection,
    new: New,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let changed = insert(&step, new, Action::Create, None)?;
    step.commit()?;
    Ok(changed)
}

pub(super) fn update(
    connection: &mut Connection,
    credential: Credential,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let old = at(kept(&step, &credential.id)?, Some(credential.version))?;
    let new = patched(&old.credential, credential);
    if new == old.credential {
        return Ok(Changed { record: new, change: None });
    }
    let fields = differing(&old.credential, &new);
    let changed =
        write(&step, new, old.digest, Action::Update, Told { fields, ..Told::default() })?;
    step.commit()?;
    Ok(changed)
}

pub(super) fn rotate(
    connection: &mut Connection,
    old: Credential,
    successor: New,
    author: &Author,
) -> Result<Rotated, ChangeError> {
    let step = Step::begin(connection, author)?;
    let before = at(kept(&step, &old.id)?, Some(old.version))?;
    let after = patched(&before.credential, old);
    let fields = differing(&before.credential, &after);
    let told =
        Told { version: after.version, fields, other: Some(successor.credential.id.clone()) };
    let ended = if after == before.credential {
        let what = what(&after, before.digest, true);
        step.audit(Action::Rotate, &what, told)?;
        Changed { record: after, change: None }
    } else {
        write(&step, after, before.digest, Action::Rotate, told)?
    };
    let made = insert(&step, successor, Action::Rotate, Some(ended.record.id.clone()))?;
    step.commit()?;
    Ok(Rotated { old: ended, successor: made })
}

pub(super) fn revoke(
    connection: &mut Connection,
    id: &Id,
    version: Option<u64>,
    reason: Option<String>,
    forget: bool,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let Some(found) = record::kept(&step.transaction, id)? else {
        let remembered = deleted(&step.transaction, id, author.now)?;
        let remembered = remembered.ok_or(ChangeError::Unknown)?;
        compare(&remembered, version)?;
        return Ok(Changed { record: remembered, change: None });
    };
    let Kept { mut credential, digest } = at(found, version)?;
    if credential.revoked_at.is_some() {
        return Ok(Changed { record: credential, change: None });
    }
    credential.revoked_at = Some(author.now);
    credential.revoke_reason = reason;
    let changed = if forget {
        credential.version += 1;
        remove(&step, &credential)?;
        let what = what(&credential, digest, false);
        let told = Told::version(credential.version);
        let change = step.enter(ChangeKind::Revoked, Action::Revoke, what, told)?;
        Changed { record: credential, change: Some(change) }
    } else {
        write(&step, credential, digest, Action::Revoke, Told::default())?
    };
    step.commit()?;
    Ok(changed)
}

pub(super) fn delete(
    connection: &mut Connection,
    id: &Id,
    version: Option<u64>,
    author: &Author,
) -> Result<Changed<Credential>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let found = at(kept(&step, id)?, version)?;
    let changed = forget(&step, found, Action::Delete)?;
    step.commit()?;
    Ok(changed)
}

pub(super) fn forget_ended(
    connection: &mut Connection,
    keeps: &[Keep],
    author: &Author,
) -> Result<Vec<Changed<Credential>>, Unavailable> {
    let step = Step::begin(connection, author)?;
    let mut forgotten = Vec::new();
    for keep in keeps {
        let before = author.now.0.saturating_sub(keep.keep);
        let room = FORGOTTEN_MAX - forgotten.len();
        for kept in ended(&step.transaction, keep, before, room)? {
            forgotten.push(forget(&step, kept, Action::Forget)?);
        }
    }
    if !forgotten.is_empty() {
        step.commit()?;
    }
    Ok(forgotten)
}

fn ended(
    connection: &Connection,
    keep: &Keep,
    before: i64,
    room: usize,
) -> Result<Vec<Kept>, Unavailable> {
    let mut statement = connection.prepare_cached(
        "SELECT record, last_used_at, digest FROM credential
         WHERE api = ?1 AND scheme = ?2 AND ends_at <= ?3 LIMIT ?4",
    )?;
    let room = i64::try_from(room).unwrap_or(i64::MAX);
    let rows = statement.query_and_then(params![keep.api, keep.scheme, before, room], |row| {
        Ok(Kept { credential: record::credential(row)?, digest: Digest(row.get(2)?) })
    })?;
    rows.collect()
}

pub(super) fn reveal(
    connection: &mut Connection,
    id: &Id,
    on_behalf: Option<&Id>,
    author: &Author,
) -> Result<Option<Sealed>, ChangeError> {
    let step = Step::begin(connection, author)?;
    let Kept { credential, digest } = kept(&step, id)?;
    let sealed: Option<Vec<u8>> = step
        .transaction
        .prepare_cached("SELECT sealed FROM credential WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    if sealed.is_some() {
        let told =
            Told { version: credential.version, other: on_behalf.cloned(), ..Told::default() };
        step.audit(Action::Reveal, &what(&credential, digest, true), told)?;
        step.commit()?;
    }
    Ok(sealed.map(Sealed::from_bytes))
}

fn insert(
    step: &Step<'_>,
    new: New,
    action: Action,
    other: Option<Id>,
) -> Result<Changed<Credential>, ChangeError> {
    let New { credential, digests, sealed } = new;
    let taken = |condition: &str, values: &[&dyn rusqlite::ToSql]| {
        let query = format!("SELECT 1 FROM credential WHERE {condition}");
        step.transaction.prepare_cached(&query)?.exists(values)
    };
    let Credential { id, api, external_id, .. } = &credential;
    if taken("id = ?1", &[&id.as_str()])? {
        return Err(ChangeError::IdTaken);
    }
    for digest in digests.all() {
        if taken("api = ?1 AND digest = ?2", &[api, &digest.0])? {
            return Err(ChangeError::SecretTaken);
        }
    }
    if let Some(external_id) = external_id
        && taken("external_id = ?1 AND api = ?2", &[&external_id.as_str(), api])?
    {
        return Err(ChangeError::ExternalIdTaken);
    }
    step.transaction
        .prepare_cached(
            "INSERT INTO credential (id, api, digest, pepper, scheme, subject, org, external_id, created_at,
                                     expires_at, revoked_at, disabled, last_used_at, sealed, record)
             VALUES (?1, ?2, ?3, (SELECT number FROM pepper WHERE in_force), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
                     ?13, ?14)",
        )?
        .execute(params![
            id.as_str(),
            api,
            digests.current.0,
            credential.scheme,
            credential.subject.as_str(),
            credential.org.as_ref().map(Id::as_str),
            external_id.as_ref().map(Id::as_str),
            credential.created_at.0,
            credential.expires_at.map(|at| at.0),
            credential.revoked_at.map(|at| at.0),
            credential.disabled,
            credential.last_used_at.map(|at| at.0),
            sealed.as_ref().map(Sealed::as_bytes),
            record::credential_text(&credential)?,
        ])?;
    let told = Told { version: credential.version, other, ..Told::default() };
    let what = what(&credential, digests.current, true);
    let change = step.enter(ChangeKind::Created, action, what, told)?;
    Ok(Changed { record: credential, change: Some(change) })
}

/// Puts `credential` in the place of its record, under the next version.
fn write(
    step: &Step<'_>,
    mut credential: Credential,
    digest: Digest,
    action: Action,
    told: Told,
) -> Result<Changed<Credential>, Unavailable> {
    credential.version += 1;
    step.transaction
        .prepare_cached(
            "UPDATE credential SET expires_at = ?2, revoked_at = ?3, disabled = ?4, record = ?5 WHERE id = ?1",
        )?
        .execute(params![
            credential.id.as_str(),
            credential.expires_at.map(|at| at.0),
            credential.revoked_at.map(|at| at.0),
            credential.disabled,
            record::credential_text(&credential)?,
        ])?;
    let kind = if action == Action::Revoke { ChangeKind::Revoked } else { ChangeKind::Updated };
    let told = Told { version: credential.version, ..told };
    let change = step.enter(kind, action, what(&credential, digest, true), told)?;
    Ok(Changed { record: credential, change: Some(change) })
}

fn forget(step: &Step<'_>, kept: Kept, action: Action) -> Result<Changed<Credential>, Unavailable> {
    let Kept { credential, digest } = kept;
    remove(step, &credential)?;
    let what = what(&credential, digest, false);
    let told = Told::version(credential.version);
    let change: Change = step.enter(ChangeKind::Deleted, action, what, told)?;
    Ok(Changed { record: credential, change: Some(change) })
}

/// Deletes the row, and remembers for a while that it was there.
fn remove(step: &Step<'_>, credential: &Credential) -> Result<(), Unavailable> {
    let (transaction, now) = (&step.transaction, step.author.now);
    transaction
        .prepare_cached("DELETE FROM credential WHERE id = ?1")?
        .execute([credential.id.as_str()])?;
    let mut ended = credential.clone();
    ended.revoked_at.get_or_insert(now);
    transaction
        .prepare_cached("DELETE FROM deleted WHERE at <= ?1")?
        .execute([now.0.saturating_sub(DELETED_FOR)])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO deleted (id, at, record) VALUES (?1, ?2, ?3)")?
        .execute(params![credential.id.as_str(), now.0, record::text(&ended)?])?;
    Ok(())
}

fn deleted(
    connection: &Connection,
    id: &Id,
    now: Timestamp,
) -> Result<Option<Credential>, Unavailable> {
    let record: Option<String> = connection
        .prepare_cached("SELECT record FROM deleted WHERE id = ?1 AND at > ?2")?
        .query_row(params![id.as_str(), now.0.saturating_sub(DELETED_FOR)], |row| row.get(0))
        .optional()?;
    record.map(|record| record::parse(&record)).transpose()
}

fn kept(step: &Step<'_>, id: &Id) -> Result<Kept, ChangeError> {
    record::kept(&step.transaction, id)?.ok_or(ChangeError::Unknown)
}

fn at(kept: Kept, version: Option<u64>) -> Result<Kept, ChangeError> {
    compare(&kept.credential, version)?;
    Ok(kept)
}

fn compare(credential: &Credential, version: Option<u64>) -> Result<(), ChangeError> {
    let same = version.is_none_or(|version| version == credential.version);
    if same { Ok(()) } else { Err(ChangeError::Conflict) }
}

fn what(credential: &Credential, digest: Digest, is_there: bool) -> What {
    What::Credential {
        api: credential.api.clone(),
        id: credential.id.clone(),
        digest,
        now: is_there.then(|| Arc::new(credential.clone())),
    }
}
