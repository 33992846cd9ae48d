//! The change log: what has changed, in order, as far back as it is kept.

use decision::facts::Credential;
use decision::name::Id;
use decision::secret::Digest;
use rusqlite::{Connection, Transaction, params};

use crate::store::{Change, ChangeKind, Changes, Position, Unavailable};

/// The newest entries that are kept.
pub(super) const KEPT: i64 = 100_000;

pub(super) fn append(
    transaction: &Transaction<'_>,
    credential: &Credential,
    digest: Digest,
    kind: ChangeKind,
) -> Result<Change, Unavailable> {
    transaction
        .prepare_cached(
            "INSERT INTO change (api, digest, credential, kind) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![credential.api, digest.0, credential.id.as_str(), kind.name()])?;
    let position = transaction.last_insert_rowid();
    transaction
        .prepare_cached("DELETE FROM change WHERE position <= ?1")?
        .execute([position - KEPT])?;
    Ok(Change {
        position: Position(position.cast_unsigned()),
        api: credential.api.clone(),
        digest,
        credential: credential.id.clone(),
        kind,
    })
}

pub(super) fn changes(
    connection: &mut Connection,
    after: Position,
    limit: usize,
) -> Result<Changes, Unavailable> {
    let snapshot = connection.transaction()?;
    let (oldest, head): (i64, i64) = snapshot
        .prepare_cached(
            "SELECT coalesce(min(position), 1), coalesce(max(position), 0) FROM change",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (oldest, head) = (oldest.cast_unsigned(), head.cast_unsigned());
    let items = snapshot
        .prepare_cached(
            "SELECT position, api, digest, credential, kind FROM change WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_and_then([clamped(after.0), clamped(limit as u64)], change)?
        .collect::<Result<_, Unavailable>>()?;
    Ok(Changes { items, trimmed: after.0 > head || after.0 + 1 < oldest, head: Position(head) })
}

/// SQLite's integers have a sign; no position and no limit comes near their end.
fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn change(row: &rusqlite::Row<'_>) -> Result<Change, Unavailable> {
    let credential: String = row.get(3)?;
    let kind: String = row.get(4)?;
    let position = row.get::<_, i64>(0)?.cast_unsigned();
    let (Some(credential), Some(kind)) = (Id::new(&credential), ChangeKind::from_name(&kind))
    else {
        return Err(Unavailable { reason: format!("log entry {position} is broken") });
    };
    let digest = Digest(row.get(2)?);
    Ok(Change { position: Position(position), api: row.get(1)?, digest, credential, kind })
}
