//! The audit log: who changed what, as far back as it is kept.

use decision::facts::Timestamp;
use decision::name::Id;
use rusqlite::{Connection, Row, ToSql, Transaction, params, params_from_iter};

use super::{record, step};
use crate::store::{
    Action, AuditEntry, AuditFilter, Author, ListError, Page, RecordKind, Unavailable,
};

/// The newest entries that are kept.
pub(super) const KEPT: i64 = 200_000;

pub(super) fn append(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), Unavailable> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (at, author, request, action, record, place, id, version, fields, other)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            entry.author.now.0,
            entry.author.name,
            entry.author.request,
            entry.action.name(),
            entry.kind.name(),
            entry.place,
            entry.id.as_str(),
            entry.version.cast_signed(),
            record::text(&entry.fields)?,
            entry.other.as_ref().map(Id::as_str),
        ])?;
    let position = transaction.last_insert_rowid();
    Ok(step::trim(transaction, "audit", position, KEPT)?)
}

pub(super) fn list(
    connection: &Connection,
    filter: &AuditFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<AuditEntry>, ListError> {
    let cursor: Option<i64> = match cursor {
        Some(text) => Some(text.parse().map_err(|_| ListError::CursorInvalid)?),
        None => None,
    };
    let (action, kind) = (filter.action.map(Action::name), filter.kind.map(RecordKind::name));
    let id = filter.id.as_ref().map(Id::as_str);
    let (from, until) = (filter.from.map(|at| at.0), filter.until.map(|at| at.0));
    // Only what restricts stands in the statement: then an index serves it.
    let conditions: [(&str, Option<&dyn ToSql>); 8] = [
        ("author = ?", filter.author.as_ref().map(|value| value as _)),
        ("action = ?", action.as_ref().map(|value| value as _)),
        ("record = ?", kind.as_ref().map(|value| value as _)),
        ("place = ?", filter.place.as_ref().map(|value| value as _)),
        ("id = ?", id.as_ref().map(|value| value as _)),
        ("at >= ?", from.as_ref().map(|value| value as _)),
        ("at < ?", until.as_ref().map(|value| value as _)),
        ("position < ?", cursor.as_ref().map(|value| value as _)),
    ];
    let given = conditions.into_iter().filter_map(|(text, value)| Some((text, value?)));
    let (texts, mut values): (Vec<_>, Vec<_>) = given.unzip();
    // One more than asked for tells whether there is a next page.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    values.push(&rows);
    let query = format!(
        "SELECT position, at, author, request, action, record, place, id, version, fields, other FROM audit
         WHERE {} ORDER BY position DESC LIMIT ?",
        [&["true"], &texts[..]].concat().join(" AND ")
    );
    page(connection, &query, &values, limit).map_err(ListError::Unavailable)
}

fn page(
    connection: &Connection,
    query: &str,
    values: &[&dyn ToSql],
    limit: usize,
) -> Result<Page<AuditEntry>, Unavailable> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_and_then(params_from_iter(values), entry)?;
    let mut rows = rows.collect::<Result<Vec<_>, Unavailable>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(position, _)| position.to_string());
    Ok(Page { items: rows.into_iter().map(|(_, entry)| entry).collect(), next })
}

fn entry(row: &Row<'_>) -> Result<(i64, AuditEntry), Unavailable> {
    let position: i64 = row.get(0)?;
    let broken = || Unavailable { reason: format!("audit entry {position} is broken") };
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let other: Option<String> = row.get(10)?;
    let entry = AuditEntry {
        author: Author { name: row.get(2)?, request: row.get(3)?, now: Timestamp(row.get(1)?) },
        action: Action::from_name(text(4)?).ok_or_else(broken)?,
        kind: RecordKind::from_name(text(5)?).ok_or_else(broken)?,
        place: row.get(6)?,
        id: Id::new(text(7)?).ok_or_else(broken)?,
        version: row.get::<_, i64>(8)?.cast_unsigned(),
        fields: record::parse(text(9)?)?,
        other: other.map(|id| Id::new(&id).ok_or_else(broken)).transpose()?,
    };
    Ok((position, entry))
}
