//! The statements on credentials. Each change is one transaction: the record and its log entry, or nothing.

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::Digest;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::log;
use crate::store::{ChangeKind, Changed, CreateError, DELETED_FOR, Position, Read, Unavailable};

/// Record and log head in one statement, so of one moment.
pub(super) fn find(
    connection: &Connection,
    api: &str,
    digest: &Digest,
) -> Result<Read<Option<Credential>>, Unavailable> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT coalesce(max(position), 0) FROM change),
                (SELECT record FROM credential WHERE api = ?1 AND digest = ?2)",
    )?;
    let (position, record): (i64, Option<String>) =
        statement.query_row(params![api, digest.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let value = record.map(|record| parse(&record)).transpose()?;
    Ok(Read { value, position: Position(position.cast_unsigned()) })
}

pub(super) fn get(connection: &Connection, id: &Id) -> Result<Option<Credential>, Unavailable> {
    Ok(row_of(connection, id)?.map(|(credential, _)| credential))
}

pub(super) fn create(
    connection: &mut Connection,
    credential: Credential,
    digest: &Digest,
) -> Result<Changed, CreateError> {
    let transaction = begin(connection)?;
    let taken = |condition: &str, values: &[&dyn rusqlite::ToSql]| {
        let query = format!("SELECT 1 FROM credential WHERE {condition}");
        transaction.prepare_cached(&query)?.exists(values)
    };
    let Credential { id, api, external_id, .. } = &credential;
    if taken("id = ?1", &[&id.as_str()])? {
        return Err(CreateError::IdTaken);
    }
    if taken("api = ?1 AND digest = ?2", &[api, &digest.0])? {
        return Err(CreateError::SecretTaken);
    }
    if let Some(external_id) = external_id
        && taken("external_id = ?1 AND api = ?2", &[&external_id.as_str(), api])?
    {
        return Err(CreateError::ExternalIdTaken);
    }
    transaction
        .prepare_cached(
            "INSERT INTO credential (id, api, digest, scheme, subject, org, external_id, created_at, expires_at,
                                     revoked_at, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id.as_str(),
            api,
            digest.0,
            credential.scheme,
            credential.subject.as_str(),
            credential.org.as_ref().map(Id::as_str),
            external_id.as_ref().map(Id::as_str),
            credential.created_at.0,
            credential.expires_at.map(|at| at.0),
            credential.revoked_at.map(|at| at.0),
            text(&credential)?,
        ])?;
    Ok(commit(transaction, credential, *digest, ChangeKind::Created)?)
}

pub(super) fn revoke(
    connection: &mut Connection,
    id: &Id,
    now: Timestamp,
    reason: Option<String>,
) -> Result<Option<Changed>, Unavailable> {
    let transaction = begin(connection)?;
    let Some((mut credential, digest)) = row_of(&transaction, id)? else {
        let remembered = deleted(&transaction, id, now)?;
        return Ok(remembered.map(|credential| Changed { credential, change: None }));
    };
    if credential.revoked_at.is_some() {
        return Ok(Some(Changed { credential, change: None }));
    }
    credential.revoked_at = Some(now);
    credential.revoke_reason = reason;
    credential.version += 1;
    transaction
        .prepare_cached("UPDATE credential SET revoked_at = ?2, record = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), now.0, text(&credential)?])?;
    commit(transaction, credential, digest, ChangeKind::Revoked).map(Some)
}

pub(super) fn delete(
    connection: &mut Connection,
    id: &Id,
    now: Timestamp,
) -> Result<Option<Changed>, Unavailable> {
    let transaction = begin(connection)?;
    let Some((credential, digest)) = row_of(&transaction, id)? else { return Ok(None) };
    transaction.prepare_cached("DELETE FROM credential WHERE id = ?1")?.execute([id.as_str()])?;
    let mut ended = credential.clone();
    ended.revoked_at.get_or_insert(now);
    transaction
        .prepare_cached("DELETE FROM deleted WHERE at <= ?1")?
        .execute([now.0.saturating_sub(DELETED_FOR)])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO deleted (id, at, record) VALUES (?1, ?2, ?3)")?
        .execute(params![id.as_str(), now.0, text(&ended)?])?;
    commit(transaction, credential, digest, ChangeKind::Deleted).map(Some)
}

/// A transaction that may write from its first statement on: what it reads is what it changes.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn commit(
    transaction: Transaction<'_>,
    credential: Credential,
    digest: Digest,
    kind: ChangeKind,
) -> Result<Changed, Unavailable> {
    let change = log::append(&transaction, &credential, digest, kind)?;
    transaction.commit()?;
    Ok(Changed { credential, change: Some(change) })
}

fn row_of(connection: &Connection, id: &Id) -> Result<Option<(Credential, Digest)>, Unavailable> {
    let row: Option<(String, [u8; 32])> = connection
        .prepare_cached("SELECT record, digest FROM credential WHERE id = ?1")?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(record, digest)| Ok((parse(&record)?, Digest(digest)))).transpose()
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
    record.map(|record| parse(&record)).transpose()
}

fn text(credential: &Credential) -> Result<String, Unavailable> {
    serde_json::to_string(credential)
        .map_err(|error| Unavailable { reason: format!("a record cannot be written: {error}") })
}

/// Says where a record is broken and not what stands there.
pub(super) fn parse(record: &str) -> Result<Credential, Unavailable> {
    serde_json::from_str(record).map_err(|error| Unavailable {
        reason: format!(
            "a record is broken ({:?} error at byte {})",
            error.classify(),
            error.column()
        ),
    })
}
