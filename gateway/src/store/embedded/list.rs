//! Lists of credentials, newest first, in pages.

use decision::facts::{Credential, CredentialState, Timestamp};
use decision::name::Id;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::records;
use crate::store::{Filter, ListError, Page, Unavailable};

/// Where a page ended: the next one begins below.
struct Cursor {
    created_at: i64,
    id: Id,
}

impl Cursor {
    fn after(credential: &Credential) -> String {
        format!("{}.{}", credential.created_at.0, credential.id)
    }

    fn parse(text: &str) -> Option<Self> {
        let (created_at, id) = text.split_once('.')?;
        Some(Self { created_at: created_at.parse().ok()?, id: Id::new(id)? })
    }
}

pub(super) fn list(
    connection: &Connection,
    filter: &Filter,
    cursor: Option<&str>,
    limit: usize,
    now: Timestamp,
) -> Result<Page, ListError> {
    let cursor = match cursor {
        Some(text) => Some(Cursor::parse(text).ok_or(ListError::CursorInvalid)?),
        None => None,
    };
    // Only what restricts stands in the statement: then an index serves it.
    let mut conditions = vec!["true"];
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let fields = [
        ("api = ?", &filter.api),
        ("subject = ?", &filter.subject),
        ("org = ?", &filter.org),
        ("scheme = ?", &filter.scheme),
        ("external_id = ?", &filter.external_id),
    ];
    for (condition, value) in fields {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    match filter.state {
        None => {}
        Some(CredentialState::Revoked) => conditions.push("revoked_at IS NOT NULL"),
        // Nothing can be disabled yet.
        Some(CredentialState::Disabled) => conditions.push("false"),
        Some(CredentialState::Expired) => {
            conditions.push("revoked_at IS NULL AND expires_at <= ?");
            values.push(&now.0);
        }
        Some(CredentialState::Active) => {
            conditions.push("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)");
            values.push(&now.0);
        }
    }
    let id = cursor.as_ref().map(|cursor| cursor.id.as_str());
    if let (Some(cursor), Some(id)) = (&cursor, &id) {
        conditions.push("(created_at, id) < (?, ?)");
        values.extend([&cursor.created_at as &dyn ToSql, id]);
    }
    // One more than asked for tells whether there is a next page.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    values.push(&rows);
    let query = format!(
        "SELECT record FROM credential WHERE {} ORDER BY created_at DESC, id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    page(connection, &query, &values, limit).map_err(ListError::Unavailable)
}

fn page(
    connection: &Connection,
    query: &str,
    values: &[&dyn ToSql],
    limit: usize,
) -> Result<Page, Unavailable> {
    let mut statement = connection.prepare_cached(query)?;
    let records = statement.query_and_then(params_from_iter(values), |row| {
        records::parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)
    })?;
    let mut items = records.collect::<Result<Vec<_>, Unavailable>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(Cursor::after);
    Ok(Page { items, next })
}
