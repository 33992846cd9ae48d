//! Lists in pages: credentials newest first, all else by id.

use decision::facts::{Credential, CredentialState, Resource, Subject, SubjectKind, Timestamp};
use decision::name::{Id, is_id};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use serde::de::DeserializeOwned;

use super::record;
use crate::store::{Filter, ListError, Page, ResourceFilter, Unavailable};

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
) -> Result<Page<Credential>, ListError> {
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
        Some(CredentialState::Disabled) => conditions.push("revoked_at IS NULL AND disabled"),
        Some(CredentialState::Expired) => {
            conditions.push("revoked_at IS NULL AND NOT disabled AND expires_at <= ?");
            values.push(&now.0);
        }
        Some(CredentialState::Active) => {
            conditions.push(
                "revoked_at IS NULL AND NOT disabled AND (expires_at IS NULL OR expires_at > ?)",
            );
            values.push(&now.0);
        }
    }
    let id = cursor.as_ref().map(|cursor| cursor.id.as_str());
    if let (Some(cursor), Some(id)) = (&cursor, &id) {
        conditions.push("(created_at, id) < (?, ?)");
        values.extend([&cursor.created_at as &dyn ToSql, id]);
    }
    let query = format!(
        "SELECT record, last_used_at FROM credential WHERE {} ORDER BY created_at DESC, id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    page(connection, &query, &values, limit, record::credential, Cursor::after)
}

pub(super) fn subjects(
    connection: &Connection,
    realm: &str,
    kind: Option<SubjectKind>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Subject>, ListError> {
    let last = last_id(cursor)?;
    let mut conditions = vec!["realm = ? AND id > ?"];
    let mut values: Vec<&dyn ToSql> = vec![&realm, &last];
    let kind = kind.map(|kind| record::text(&kind)).transpose()?;
    if let Some(kind) = &kind {
        conditions.push("record -> '$.kind' = ?");
        values.push(kind);
    }
    let query = format!(
        "SELECT record FROM subject WHERE {} ORDER BY id LIMIT ?",
        conditions.join(" AND ")
    );
    let end = |subject: &Subject| subject.id.to_string();
    page(connection, &query, &values, limit, of_realm, end)
}

pub(super) fn resources(
    connection: &Connection,
    realm: &str,
    filter: &ResourceFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<Resource>, ListError> {
    let last = last_id(cursor)?;
    // Without statistics SQLite would read the whole realm in the order of its ids.
    let mut index = "";
    let mut conditions = vec!["realm = ? AND id > ?"];
    let mut values: Vec<&dyn ToSql> = vec![&realm, &last];
    let parent = filter.parent.as_ref().map(Id::as_str);
    if let Some(parent) = &parent {
        index = "INDEXED BY resource_parent";
        conditions.push("parent = ?");
        values.push(parent);
    }
    if let Some(kind) = &filter.kind {
        if filter.parent.is_none() {
            index = "INDEXED BY resource_kind";
        }
        conditions.push("kind = ?");
        values.push(kind);
    }
    let query = format!(
        "SELECT record FROM resource {index} WHERE {} ORDER BY id LIMIT ?",
        conditions.join(" AND ")
    );
    let end = |resource: &Resource| resource.id.to_string();
    page(connection, &query, &values, limit, of_realm, end)
}

/// Every id is greater than nothing.
fn last_id(cursor: Option<&str>) -> Result<&str, ListError> {
    match cursor {
        None => Ok(""),
        Some(text) if is_id(text) => Ok(text),
        Some(_) => Err(ListError::CursorInvalid),
    }
}

fn of_realm<T: DeserializeOwned>(row: &Row<'_>) -> Result<T, Unavailable> {
    record::parse(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)
}

/// `query` ends in `LIMIT ?`.
fn page<T>(
    connection: &Connection,
    query: &str,
    values: &[&dyn ToSql],
    limit: usize,
    read: impl FnMut(&Row<'_>) -> Result<T, Unavailable>,
    end: impl Fn(&T) -> String,
) -> Result<Page<T>, ListError> {
    // One more than asked for tells whether there is a next page.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let values = values.iter().copied().chain([&rows as &dyn ToSql]);
    let mut statement = connection.prepare_cached(query).map_err(Unavailable::from)?;
    let rows =
        statement.query_and_then(params_from_iter(values), read).map_err(Unavailable::from)?;
    let mut items = rows.collect::<Result<Vec<_>, Unavailable>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(end);
    Ok(Page { items, next })
}
