//! What requests ask: a record and the log's head in one statement, so of one moment.

use std::sync::Arc;

use decision::facts::{Credential, Timestamp};
use decision::name::Id;
use decision::secret::{Digest, Digests};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::de::DeserializeOwned;

use super::{log, record};
use crate::store::{ChangeKind, Position, Read, Unavailable, What};

/// What a look-up has found.
pub(super) enum Found {
    /// It, or that there is none.
    Here(Box<Read<Option<Credential>>>),
    /// A credential under this digest, which is none of the current pepper: it has to be rekeyed.
    Before(Digest),
}

pub(super) fn find(
    connection: &Connection,
    api: &str,
    digests: &Digests,
) -> Result<Found, Unavailable> {
    if digests.previous.is_empty() {
        return Ok(Found::Here(Box::new(current(connection, api, &digests.current)?)));
    }
    // Of one moment: beside a rekeying neither digest would be found, one after the other, and that would be a *no*.
    let moment = connection.unchecked_transaction()?;
    let read = current(&moment, api, &digests.current)?;
    if read.value.is_none() {
        let mut statement =
            moment.prepare_cached("SELECT 1 FROM credential WHERE api = ?1 AND digest = ?2")?;
        for before in &digests.previous {
            if statement.exists(params![api, before.0])? {
                return Ok(Found::Before(*before));
            }
        }
    }
    Ok(Found::Here(Box::new(read)))
}

fn current(
    connection: &Connection,
    api: &str,
    digest: &Digest,
) -> Result<Read<Option<Credential>>, Unavailable> {
    let mut statement = connection.prepare_cached(
        "SELECT record, last_used_at, head
         FROM (SELECT coalesce(max(position), 0) AS head FROM change)
         LEFT JOIN credential ON api = ?1 AND digest = ?2",
    )?;
    statement.query_row(params![api, digest.0], |row| {
        let position = position(row.get(2)?);
        let none = row.get_ref(0)?.as_str_or_null()?.is_none();
        let value = if none { Ok(None) } else { record::credential(row).map(Some) };
        Ok(value.map(|value| Read { value, position }))
    })?
}

pub(super) fn of_realm<T: DeserializeOwned>(
    connection: &Connection,
    table: &str,
    realm: &str,
    id: &Id,
) -> Result<Read<Option<T>>, Unavailable> {
    let query = format!(
        "SELECT (SELECT coalesce(max(position), 0) FROM change),
                (SELECT record FROM {table} WHERE realm = ?1 AND id = ?2)"
    );
    let (head, record): (i64, Option<String>) = connection
        .prepare_cached(&query)?
        .query_row(params![realm, id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let value = record.map(|record| record::parse(&record)).transpose()?;
    Ok(Read { value, position: position(head) })
}

/// From `before` to the current digest, unless somebody was first; then reads.
pub(super) fn rekey(
    connection: &mut Connection,
    api: &str,
    before: &Digest,
    current_digest: &Digest,
) -> Result<Read<Option<Credential>>, Unavailable> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id: Option<String> = transaction
        .prepare_cached(
            "UPDATE credential SET digest = ?3, pepper = (SELECT number FROM pepper WHERE in_force)
             WHERE api = ?1 AND digest = ?2
               AND NOT EXISTS (SELECT 1 FROM credential WHERE api = ?1 AND digest = ?3)
             RETURNING id",
        )?
        .query_row(params![api, before.0, current_digest.0], |row| row.get(0))
        .optional()?;
    if let Some(id) = id {
        rekeyed(&transaction, api, &id, [before, current_digest])?;
    }
    let read = current(&transaction, api, current_digest)?;
    transaction.commit()?;
    Ok(read)
}

fn rekeyed(
    transaction: &Transaction<'_>,
    api: &str,
    id: &str,
    digests: [&Digest; 2],
) -> Result<(), Unavailable> {
    let id = Id::new(id)
        .ok_or_else(|| Unavailable { reason: "the id of a credential is broken".into() })?;
    let now = record::kept(transaction, &id)?.map(|kept| Arc::new(kept.credential));
    for digest in digests {
        let (api, id, now) = (api.to_owned(), id.clone(), now.clone());
        let what = What::Credential { api, id, digest: *digest, now };
        log::append(transaction, ChangeKind::Rekeyed, what)?;
    }
    Ok(())
}

/// A credential that is found is asked for again and again: one row is written once a call, however often it was used.
pub(super) fn used(
    connection: &mut Connection,
    uses: &[(Id, Timestamp)],
) -> Result<(), Unavailable> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut statement = transaction.prepare_cached(
            "UPDATE credential SET last_used_at = ?2
             WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
        )?;
        for (id, at) in uses {
            statement.execute(params![id.as_str(), at.0])?;
        }
    }
    Ok(transaction.commit()?)
}

const fn position(head: i64) -> Position {
    Position(head.cast_unsigned())
}
