//! The change log: what has changed, in order, as far back as it is kept.

use std::sync::Arc;

use decision::name::Id;
use decision::secret::Digest;
use rusqlite::{Connection, Transaction, params};

use super::{record, step};
use crate::store::{Change, ChangeKind, Changes, Position, RecordKind, Unavailable, What};

/// The newest entries that are kept.
pub(super) const KEPT: i64 = 100_000;

pub(super) fn append(
    transaction: &Transaction<'_>,
    kind: ChangeKind,
    what: What,
) -> Result<Change, Unavailable> {
    let digest = match &what {
        What::Credential { digest, .. } => Some(digest.0),
        What::Subject { .. } | What::Resource { .. } => None,
    };
    transaction
        .prepare_cached(
            "INSERT INTO change (kind, record, place, id, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            kind.name(),
            what.kind().name(),
            what.place(),
            what.id().as_str(),
            digest
        ])?;
    let position = transaction.last_insert_rowid();
    step::trim(transaction, "change", position, KEPT)?;
    Ok(Change { position: Position(position.cast_unsigned()), kind, what })
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
            "SELECT position, kind, record, place, id, digest FROM change
             WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_and_then([clamped(after.0), clamped(limit as u64)], |row| change(&snapshot, row))?
        .collect::<Result<_, Unavailable>>()?;
    Ok(Changes { items, trimmed: after.0 > head || after.0 + 1 < oldest, head: Position(head) })
}

/// SQLite's integers have a sign; no position and no limit comes near their end.
fn clamped(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn change(connection: &Connection, row: &rusqlite::Row<'_>) -> Result<Change, Unavailable> {
    let position = row.get::<_, i64>(0)?.cast_unsigned();
    let broken = || Unavailable { reason: format!("log entry {position} is broken") };
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let kind = ChangeKind::from_name(text(1)?).ok_or_else(broken)?;
    let record = RecordKind::from_name(text(2)?).ok_or_else(broken)?;
    let place = text(3)?.to_owned();
    let id = Id::new(text(4)?).ok_or_else(broken)?;
    let what = match record {
        RecordKind::Credential => {
            let now = record::kept(connection, &id)?.map(|kept| Arc::new(kept.credential));
            let digest = row.get::<_, Option<_>>(5)?.map(Digest).ok_or_else(broken)?;
            What::Credential { api: place, id, digest, now }
        }
        RecordKind::Subject => {
            let now = record::of_realm(connection, "subject", &place, &id)?.map(Arc::new);
            What::Subject { realm: place, id, now }
        }
        RecordKind::Resource => {
            let now = record::of_realm(connection, "resource", &place, &id)?.map(Arc::new);
            What::Resource { realm: place, id, now }
        }
    };
    Ok(Change { position: Position(position), kind, what })
}
